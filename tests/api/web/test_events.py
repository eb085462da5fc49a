"""The stream of revisions over a real connection: what is announced, who may follow, and that it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import fastapi.sse
import numpy as np
import pytest

from gridmap.errors import DatabaseGone
from gridmap.store.database import Database
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next


@contextmanager
def following(live: Any, last_event_id: str | None = None) -> Iterator[HTTPResponse]:
    """An open stream; one client of its own."""
    host, port = live.url.removeprefix("http://").split(":")
    connection = HTTPConnection(host, int(port), timeout=20)
    connection.request("GET", "/v1/events", headers={"Last-Event-ID": last_event_id} if last_event_id else {})
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def next_event(stream: HTTPResponse) -> dict[str, str]:
    """The fields of the next event; a comment alone is one, too."""
    fields: dict[str, str] = {}
    while True:
        line = stream.readline().decode().rstrip("\n")
        if not line:
            if fields:
                return fields
            continue
        name, _, value = line.partition(":")
        fields[name or "comment"] = value.strip()


def test_the_current_revision_is_said_at_once_and_the_next_when_it_is_there(
    live_server: Any, heping_copy: Database
) -> None:
    with live_server(heping_copy) as running, following(running) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-cache"
        assert stream.headers["access-control-allow-origin"] == "*"
        first = next_event(stream)
        assert (first["event"], first["id"], first["retry"]) == ("revision", "1", "3000")
        said = json.loads(first["data"])
        grid = grid_of(heping_copy)
        assert (said["revision"], said["cells"], said["degraded"]) == (1, len(grid.cells), None)
        publish_next(heping_copy, a_split(grid, np.random.default_rng(5), "x"), grid)
        published = time.monotonic()
        second = next_event(stream)
        assert time.monotonic() - published < 3
        assert (second["id"], json.loads(second["data"])["revision"]) == ("2", 2)


def test_whoever_knows_is_told_nothing_but_that_the_stream_is_alive(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fastapi.sse._PING_INTERVAL == 15.0
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.3)
    with following(live, last_event_id="1") as stream:
        assert next_event(stream) == {"comment": "ping"}
    with following(live, last_event_id="0") as stream:
        assert next_event(stream)["id"] == "1"


def test_a_database_that_goes_away_is_announced(
    live_server: Any, heping_copy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live_server(heping_copy) as running, following(running) as stream:
        assert json.loads(next_event(stream)["data"])["degraded"] is None
        current = running.service.current
        with monkeypatch.context() as broken:
            broken.setattr(current, "_read", _gone)
            event = next_event(stream)
            assert event["id"] == "1-degraded"
            assert json.loads(event["data"])["degraded"].keys() == {"since", "data_as_of"}
        assert json.loads(next_event(stream)["data"])["degraded"] is None


def _gone(before: object) -> None:
    raise DatabaseGone("a test")


def test_clients_are_bounded_and_places_come_back(live_server: Any, heping_served: Database) -> None:
    with live_server(Database(heping_served.url)) as running:
        events = running.app.state.events
        events._most = 3
        with ExitStack() as streams:
            for _ in range(3):
                next_event(streams.enter_context(following(running)))
            with following(running) as refused:
                assert refused.status == 503
                assert refused.headers["retry-after"]
                assert "no more than 3 clients" in json.loads(refused.read())["detail"]
        for _ in range(100):
            if events.clients == 0:
                break
            time.sleep(0.1)
        assert events.clients == 0
        with following(running) as stream:
            assert next_event(stream)["id"] == "1"


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.soak)])
def test_a_server_that_stops_ends_its_streams(heping_served: Database, tmp_path: Path, workers: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "GRIDMAP_DATABASE_URL": heping_served.url.set(username="gridmap_app").render_as_string(
            hide_password=False
        ),
        "GRIDMAP_HOME": str(tmp_path),
        "GRIDMAP_PORT": str(port),
        "GRIDMAP_WORKERS": workers,
        "PATH": "/usr/bin:/bin",
    }
    command = [str(Path(sys.executable).with_name("gridmap")), "serve"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("ready")

        class Running:
            url = f"http://127.0.0.1:{port}"

        with following(Running) as stream:
            next_event(stream)
            server.send_signal(signal.SIGTERM)
            began = time.monotonic()
            killed = threading.Timer(15, server.kill)  # a stream that goes on would be read for ever
            killed.start()
            stream.read()
            server.wait(timeout=20)
            killed.cancel()
        assert time.monotonic() - began < 5
    finally:
        server.kill()
        server.communicate()
