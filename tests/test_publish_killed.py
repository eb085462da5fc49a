"""Drafts are published while servers and PostGIS are killed: the old revision or the new one; no draft is lost."""

from __future__ import annotations

import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.actions.draft_edits import edit_draft
from gridmap.actions.draft_review import submit_draft, waive_check
from gridmap.actions.drafts import create_draft
from gridmap.actions.keys import create_key
from gridmap.actions.verify import verify_city
from gridmap.actions.workbench import Workbench
from gridmap.cli.server import free_port
from gridmap.cluster import Cluster
from gridmap.coverage.grid import Grid
from gridmap.errors import Unavailable
from gridmap.ingest.description import read_description
from gridmap.model import WAIVABLE, Actor
from gridmap.store.database import Database
from gridmap.store.migrate import upgrade
from tests.conftest import quiet
from tests.gridmap.actions.test_drafts import grid_of, merge, pairs

READERS = 8
Sight = tuple[int, str, float, float]


@dataclass
class Killable:
    """A PostgreSQL and a server of a test's own, which may be killed and start again as they were."""

    cluster: Cluster
    database: Database
    home: Path
    port: int
    server: subprocess.Popen[str] | None = None

    def serve(self) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))
        }
        url = self.database.url.set(username="gridmap_app").render_as_string(hide_password=False)
        environment |= {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_HOME": str(self.home)}
        command = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve", "--port", str(self.port)]
        self.server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        assert select.select([self.server.stdout], [], [], 300)[0], "it is ready within five minutes"
        assert "ready" in self.server.stdout.readline()

    def kill_server(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def kill_database(self) -> None:
        """As if the machine lost power: the first process and all of its children, at once."""
        first = int((self.cluster.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for process in (first, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(
            Path(f"/proc/{each}").exists() and not _is_zombie(each) for each in (first, *map(int, children))
        ):
            time.sleep(0.05)

    def start_database(self) -> None:
        self.database.dispose()
        self.cluster.up()


def _is_zombie(process: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    return True


@pytest.fixture
def killable(heping_files: Path) -> Iterator[Killable]:
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "cluster")
    one: Killable | None = None
    try:
        cluster.up()
        cluster.create_database("heping")
        database = Database(cluster.url("heping"))
        with database.begin(OPERATOR, long_work=True) as connection:
            upgrade(connection)
        load_city(database, OPERATOR, read_description(heping_files / "CITY.toml"), heping_files, quiet)
        one = Killable(cluster, database, folder / "home", free_port("127.0.0.1", 18_400))
        one.serve()
        yield one
    finally:
        if one is not None:
            if one.server is not None and one.server.poll() is None:
                one.kill_server()
            one.database.dispose()
        cluster.up()
        cluster.down()
        shutil.rmtree(folder)


@dataclass
class Reader:
    """Looks up one point after the other and notes what it was told; while nobody answers it goes on trying."""

    port: int
    points: np.ndarray
    seen: list[Sight] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event, number: int) -> None:
        turn = number
        while not stop.is_set():
            lon, lat = self.points[turn % len(self.points)].tolist()
            turn += READERS
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                query = urlencode({"lon": lon, "lat": lat, "crs": "wgs84"})
                connection.request("GET", f"/v1/coverage?{query}")
                response = connection.getresponse()
                body = response.read()
                connection.close()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            if response.status not in (200, 503):
                self.wrong.append(f"{response.status}: {body!r}")
            if response.status == 200:
                answer = json.loads(body)
                self.seen.append((answer["revision"], answer["cell"]["code"], lon, lat))


def publish(one: Killable, key: str, number: int) -> None:
    """Ask for it; the answer may never come."""
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
        connection.request("POST", f"/v1/drafts/{number}/publish", headers={"Authorization": f"Bearer {key}"})
        connection.getresponse().read()
        connection.close()


def publish_among_kills(one: Killable, times: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    city = grid_of(one.database)
    drafts = [_draft(one.database, pair) for pair in pairs(city)[:times]]
    key = create_key(one.database, OPERATOR, Actor("p", "publisher", ("120000",)), "a test's key", None)
    time.sleep(2)  # the server learns of the key
    points = shapely.get_coordinates(shapely.point_on_surface(city.index.degrees))
    readers, stop = [Reader(one.port, points) for _ in range(READERS)], threading.Event()
    threads = [threading.Thread(target=each.run, args=(stop, at)) for at, each in enumerate(readers)]
    for thread in threads:
        thread.start()
    grids = {1: city}
    try:
        for turn, number in enumerate(drafts):
            asking = threading.Thread(target=publish, args=(one, key, number))
            asking.start()
            time.sleep(float(rng.uniform(0.0, 2.5)))
            if turn % 2:
                one.kill_database()
                one.start_database()
            else:
                one.kill_server()
                one.serve()
            asking.join()
            _settle(one, key, number)
            grids[2 + turn] = grid_of(one.database)
            assert grids[2 + turn].revision.number == 2 + turn, "each draft became one revision"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    with one.database.begin(OPERATOR) as connection:
        states = connection.execute(text("SELECT state, revision FROM draft ORDER BY id")).all()
    assert [tuple(row) for row in states] == [("published", 2 + turn) for turn in range(times)]
    assert [wrong for reader in readers for wrong in reader.wrong] == []
    _check_sights(grids, [sight for reader in readers for sight in reader.seen])
    assert verify_city(one.database, OPERATOR, quiet).faults == []


def _draft(database: Database, pair: tuple[str, str]) -> int:
    bench = Workbench()
    number = create_draft(database, OPERATOR, "among kills").id
    edit_draft(database, OPERATOR, bench, number, merge(pair))
    submit_draft(database, OPERATOR, bench, number)
    for check in WAIVABLE:
        waive_check(database, OPERATOR, number, check, "Li", "a test")
    return number


def _settle(one: Killable, key: str, number: int) -> None:
    """Ask again until it is published: a draft that the kill undid is as it was before."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with suppress(Unavailable), one.database.begin(OPERATOR) as connection:
            query = text("SELECT state FROM draft WHERE id = :id")
            state = connection.execute(query, {"id": number}).scalar_one()
            assert state in ("submitted", "published")
            if state == "published":
                return
        publish(one, key, number)
        time.sleep(0.2)
    raise AssertionError(f"draft {number} was not published within two minutes")


def _check_sights(grids: dict[int, Grid], sights: list[Sight]) -> None:
    assert len(sights) > 20 * len(grids)
    for revision, code, lon, lat in sights:
        position, _ = grids[revision].index.locate(lon, lat)
        assert grids[revision].cells[position].code == code, "an answer mixes two revisions"


def test_a_kill_leaves_the_old_revision_or_the_new_one(killable: Killable) -> None:
    publish_among_kills(killable, 2, 1)


@pytest.mark.soak
def test_twenty_kills_leave_the_old_revision_or_the_new_one(killable: Killable) -> None:
    publish_among_kills(killable, 20, 2)
