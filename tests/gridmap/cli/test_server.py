"""Finding a port, and a server in a process of its own that answers and ends."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.cli.server import free_port
from gridmap.errors import Unavailable
from gridmap.store.database import Database


def listening(port: int = 0) -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


def test_a_port_that_is_taken_is_passed_over() -> None:
    with listening() as one:
        port = int(one.getsockname()[1])
        found = free_port("127.0.0.1", port)
        assert port < found < port + 50
        with listening(found):
            assert free_port("127.0.0.1", port) > found


def test_a_free_port_is_the_one_asked_for() -> None:
    with listening() as one:
        port = int(one.getsockname()[1])
    assert free_port("127.0.0.1", port) == port
    assert free_port("::1", port) >= port


def test_no_port_near_is_said() -> None:
    with listening() as one:
        port = int(one.getsockname()[1])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gridmap.cli.server._PORTS_TRIED", 1)
            with pytest.raises(Unavailable, match=f"no free port from {port} on"):
                free_port("127.0.0.1", port)


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(Unavailable, match=r"cannot listen on 203\.0\.113\.1"):
        free_port("203.0.113.1", 8000)


@contextmanager
def two_workers(database: Database, home: Path) -> Iterator[tuple[subprocess.Popen[str], int, list[int]]]:
    """A server with two workers that answers, its port, and the workers' processes."""
    port = free_port("127.0.0.1", 18_100)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))}
    url = database.url.set(username="gridmap_app").render_as_string(hide_password=False)
    environment |= {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_HOME": str(home), "GRIDMAP_WORKERS": "2"}
    command = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 300)[0], "it says something within five minutes"
            assert "ready" in process.stdout.readline()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            serving = [
                int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
            ]
            assert len(serving) == 2
            yield process, port, serving
        finally:
            process.kill()


def seen(database: Database) -> set[str]:
    """The workers that were there a moment ago."""
    with database.begin(OPERATOR) as connection:
        rows = connection.execute(
            text("SELECT id FROM worker WHERE seen_at > clock_timestamp() - '10s'::interval")
        )
        return set(rows.scalars())


def test_workers_share_the_socket_and_are_started_again(heping_copy: Database, tmp_path: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with two_workers(heping_copy, tmp_path) as (process, port, serving):
        before = seen(heping_copy)
        assert len(before) == 2
        os.kill(serving[0], signal.SIGKILL)
        deadline = time.monotonic() + 300
        while not (len(seen(heping_copy)) == 2 and seen(heping_copy) != before):
            with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=10) as response:
                assert response.status == 200
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert seen(heping_copy) == set()


def test_workers_end_with_a_parent_that_is_killed(heping_copy: Database, tmp_path: Path) -> None:
    """Else they would hold the port against the next one."""
    with two_workers(heping_copy, tmp_path) as (process, port, serving):
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while any(Path(f"/proc/{each}").exists() for each in serving):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert free_port("127.0.0.1", port) == port


def test_a_served_city_says_ready_answers_and_ends_at_a_signal(heping_copy: Database, tmp_path: Path) -> None:
    port = free_port("127.0.0.1", 18_000)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))}
    url = heping_copy.url.set(username="gridmap_app").render_as_string(hide_password=False)
    environment |= {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_HOME": str(tmp_path), "GRIDMAP_PORT": str(port)}
    command = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 300)[0], "it says something within five minutes"
            ready = process.stdout.readline()
            match = re.search(r"ready (http://127\.0\.0\.1:\d+)$", ready.strip())
            assert match, ready
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            place = "/v1/coverage?lon=117.1950&lat=39.1180&crs=wgs84"
            with opener.open(match[1] + place, timeout=10) as response:
                answer = json.load(response)
            assert answer["cell"]["code"].startswith("120101")
            # The database may go away from under it: nothing here may keep the copy from being dropped.
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 20
            while process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.kill()
    assert process.returncode in (0, -signal.SIGTERM)
    assert (tmp_path / "state" / "demo" / "snapshot" / "manifest.json").exists()
