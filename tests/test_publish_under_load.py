"""Redraws are published while clients pull look-ups, tiles and heatmaps from two workers: nobody sees a mix."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import shapely

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.cli.server import free_port
from gridmap.coverage.grid import Grid
from gridmap.model import Actor
from gridmap.redraw.change import GridChange, redrawn
from gridmap.store.database import Database
from tests.gridmap.actions.test_publish import CHANGES, grid_of, publish_next

CLIENTS, WORKERS = 8, 2


@dataclass
class Seen:
    """What a client was answered: when it asked, which revision the answer names, and what was wrong with it."""

    answers: list[tuple[float, int]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@pytest.fixture
def port(heping_copy: Database, tmp_path: Path) -> Iterator[int]:
    """Two workers over a copy of Heping."""
    found = free_port("127.0.0.1", 18_300)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))}
    url = heping_copy.url.set(username="gridmap_app").render_as_string(hide_password=False)
    environment |= {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_HOME": str(tmp_path), "GRIDMAP_WORKERS": str(WORKERS)}
    command = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve", "--port", str(found)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 300)[0], "it is ready within five minutes"
            assert "ready" in process.stdout.readline()
            yield found
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        finally:
            process.kill()


class Client:
    """Asks one thing after the other over a connection of its own, and judges each answer by itself."""

    def __init__(self, port: int, number: int, key: str, grids: dict[int, Grid], points: np.ndarray) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._asks = [self._coverage, self._tile, self._heatmap, self._tilejson]
        self._number = number
        self._key = key
        self._grids = grids
        self._points = points
        self.seen = Seen()

    def run(self, stop: threading.Event) -> None:
        turn = self._number
        while not stop.is_set():
            asked = time.monotonic()
            try:
                self.seen.answers.append((asked, self._asks[turn % len(self._asks)](turn)))
            except Exception as error:
                self.seen.wrong.append(f"{type(error).__name__}: {error}")
                return
            turn += 1
        self._connection.close()

    def _get(self, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        assert response.status in (200, 204), f"{path}: {response.status} {body[:200]!r}"
        return response, body

    def _coverage(self, turn: int) -> int:
        """The cell is the one of the grid of the very revision that the answer names."""
        lon, lat = self._points[turn % len(self._points)].tolist()
        answer = json.loads(self._get(f"/v1/coverage?{urlencode({'lon': lon, 'lat': lat, 'crs': 'wgs84'})}")[1])
        assert answer["degraded"] is None
        grid = self._grids[answer["revision"]]
        position, _ = grid.index.locate(lon, lat)
        assert answer["cell"]["code"] == grid.cells[position].code
        return int(answer["revision"])

    def _tile(self, turn: int) -> int:
        x, y = 13525 + turn % 3, 6254 + turn // 3 % 3
        response, _ = self._get(f"/tiles/cells/14/{x}/{y}.mvt")
        return int(response.headers["GridMap-Revision"])

    def _heatmap(self, turn: int) -> int:
        """The counts are of cells of that revision, all of them."""
        path = "/v1/heatmap?of=incidents&by=cell&zeros=true"
        response, body = self._get(path, Authorization=f"Bearer {self._key}")
        answer = json.loads(body)
        assert response.headers["GridMap-Revision"] == str(answer["revision"])
        assert {row["code"] for row in answer["rows"]} == {
            cell.code for cell in self._grids[answer["revision"]].cells
        }
        assert sum(row["count"] for row in answer["rows"]) + answer["outside"] == answer["total"]
        return int(answer["revision"])

    def _tilejson(self, turn: int) -> int:
        body = self._get("/tiles/cells.json")[1].decode()
        (named,) = {int(each) for each in re.findall(r"/tiles/([0-9]+)/", body)}
        return named


def publish_under_load(database: Database, port: int, rng: np.random.Generator, times: int) -> None:
    key = create_key(database, OPERATOR, Actor("load", "viewer", ("120000",)), "a test's key", None)
    grids = {1: grid_of(database)}
    points = shapely.get_coordinates(shapely.point_on_surface(grids[1].index.degrees))
    time.sleep(2)  # the workers learn of the key
    clients = [Client(port, number, key, grids, points) for number in range(CLIENTS)]
    stop, published = threading.Event(), [(0.0, 1)]
    threads = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for turn in range(times):
            before = grids[1 + turn]
            change = CHANGES[turn % len(CHANGES)](before, rng, f"u{turn}")
            # the judges must know the next grid before anybody is answered from it
            grids[2 + turn] = _after(before, change, 2 + turn)
            publish_next(database, change, grid_of(database))
            published.append((time.monotonic(), 2 + turn))
            time.sleep(1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [wrong for client in clients for wrong in client.seen.wrong] == []
    codes = [cell.code for cell in grids[1 + times].cells]
    assert codes == [cell.code for cell in grid_of(database).cells]
    answers = sorted(answer for client in clients for answer in client.seen.answers)
    assert len(answers) > 50 * times
    assert {revision for _, revision in answers} >= {1, 1 + times}
    for asked, revision in answers:
        newest = max(number for at, number in published if at <= asked)
        assert revision >= newest, "an answer calls the base current after publishing had answered"


def _after(before: Grid, change: GridChange, number: int) -> Grid:
    """The grid that publishing makes, computed beside it; only the new ids are other ones."""
    revision = replace(before.revision, number=number)
    return redrawn(before, change, revision, range(10**6, 10**6 + len(change.drawn))).grid


def test_nobody_sees_a_mix(heping_copy: Database, port: int) -> None:
    publish_under_load(heping_copy, port, np.random.default_rng(1), 3)


@pytest.mark.soak
def test_nobody_sees_a_mix_over_many_redraws(heping_copy: Database, port: int) -> None:
    publish_under_load(heping_copy, port, np.random.default_rng(2), 40)
