"""Servers that are killed while they answer: nothing that was answered to staff is missing from the trace.

A real server over real PostGIS gets SIGKILL while threads ask it; then another one takes what it left behind.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmap.access import AUDITOR, OPERATOR
from gridmap.actions.audit import verify_audit
from gridmap.actions.keys import create_key
from gridmap.audit.anchors import read_anchors
from gridmap.cli.server import free_port
from gridmap.cluster import APPLICATION
from gridmap.model import Actor
from gridmap.store.database import Database
from gridmap.trail import Trail, trail_folder

COVERAGE = "/v1/coverage?lon=117.1950&lat=39.1180&crs=wgs84"
ROSTER = "/v1/cells/120101001001001/roster"
# A server starts in seconds; many at a time on a busy machine do not.
_START_TIMEOUT_S = 600
PERSONS = "/v1/elements?class=person&area=120101001&purpose=visit&limit=1"


@dataclass
class Asked:
    """What was answered, as a client knows it."""

    answers: list[str] = field(default_factory=list)
    rosters: int = 0
    persons: int = 0


class Clients:
    """Two threads that ask, as staff, until they are told to stop; a server that is gone is no answer."""

    def __init__(self, port: int, key: str) -> None:
        self.asked = Asked()
        self._base, self._key = f"http://127.0.0.1:{port}", key
        self._stop = threading.Event()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        jobs = (self._look_up, self._read)
        self._threads = [threading.Thread(target=self._run, args=(job,), daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _run(self, job: object) -> None:
        while not self._stop.is_set():
            try:
                job()  # type: ignore[operator]
            except (OSError, ValueError, urllib.error.URLError):
                time.sleep(0.02)

    def _get(self, path: str) -> dict[str, object]:
        request = urllib.request.Request(self._base + path, headers={"Authorization": f"Bearer {self._key}"})
        with self._opener.open(request, timeout=10) as response:
            assert response.status == 200
            return dict(json.loads(response.read()))

    def _look_up(self) -> None:
        self.asked.answers.append(str(self._get(COVERAGE)["id"]))

    def _read(self) -> None:
        if self._get(ROSTER)["counts"] == "staff":
            self.asked.rosters += 1
        self.asked.persons += bool(self._get(PERSONS)["elements"])


def serve(database: Database, home: Path, port: int) -> subprocess.Popen[str]:
    """A server in a process of its own that answers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))}
    url = database.url.set(username=APPLICATION).render_as_string(hide_password=False)
    environment |= {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_HOME": str(home), "GRIDMAP_PORT": str(port)}
    command = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], _START_TIMEOUT_S)[0]
        assert "ready" in process.stdout.readline()
    except BaseException:
        process.kill()
        raise
    return process


def killed(database: Database, home: Path, times: int) -> Asked:
    """Kill a server so many times while it is asked; what it had answered."""
    port = free_port("127.0.0.1", 18_300)
    holder = Actor("staff", "caseworker", ("*",))
    clients = Clients(port, create_key(database, OPERATOR, holder, "a test's key"))
    try:
        for number in range(times):
            process = serve(database, home, port)
            try:
                before = len(clients.asked.answers)
                deadline = time.monotonic() + _START_TIMEOUT_S
                while len(clients.asked.answers) < before + 40 + number * 7 or not clients.asked.persons:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait(timeout=60)
    finally:
        clients.stop()
    return clients.asked


def check(database: Database, home: Path, times: int) -> None:
    asked = killed(database, home, times)
    folder = trail_folder(home / "state" / "demo" / "snapshot", database.url.database)
    trail = Trail(database, folder)
    trail.work()
    assert list((folder / "spool").glob("*.jsonl")) == []
    with database.begin(AUDITOR, long_work=True) as connection:
        kept = Counter(str(each) for each in connection.execute(text("SELECT id FROM kept_answer")).scalars())
        bodies = [json.loads(each) for each in connection.execute(text("SELECT body FROM audit_entry")).scalars()]
    assert len(asked.answers) >= 40 * times
    assert set(asked.answers) <= set(kept), "an answer that was given is missing"
    assert set(kept.values()) == {1}
    read = Counter(each["read"]["what"] for each in bodies if "read" in each)
    assert read["roster"] >= asked.rosters >= 1
    assert read["persons"] >= asked.persons >= 1
    assert verify_audit(database, AUDITOR, read_anchors(folder)).findings == []


def test_a_killed_server_loses_nothing_that_it_answered(heping_copy: Database, tmp_path: Path) -> None:
    check(heping_copy, tmp_path, 1)


@pytest.mark.soak
def test_ten_killed_servers_lose_nothing_that_they_answered(heping_copy: Database, tmp_path: Path) -> None:
    check(heping_copy, tmp_path, 10)
