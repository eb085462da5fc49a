"""24 x 7: everywhere in the city, at every hour of a week, a desk can be reached, with PostGIS and without."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.deps import Service
from gridmap.coverage import snapshot as disk
from gridmap.coverage.answer import locate
from gridmap.coverage.snapshot import Snapshot
from gridmap.current import Current
from gridmap.duty import Place, Rung
from gridmap.model import PUBLIC
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.store.snapshot import read_snapshot

HOURS = 168
# One side of the point grid's squares: some 3,000 points in the city, and every 700 m for the long run.
SPACING_M = 2_000.0
FINE_SPACING_M = 700.0


@pytest.fixture(scope="module")
def snapshot(tianjin: Database) -> Snapshot:
    """The whole city as a worker holds it."""
    with tianjin.begin(PUBLIC, long_work=True) as connection:
        return read_snapshot(connection, datetime.now(UTC), None)


@pytest.fixture(scope="module")
def week(snapshot: Snapshot) -> list[datetime]:
    """The 168 full hours that follow the snapshot."""
    first = snapshot.duty.begins.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    assert hours[-1] <= snapshot.duty.ends, "the snapshot knows the whole week"
    return hours


def point_grid(snapshot: Snapshot, spacing_m: float) -> list[tuple[float, float]]:
    """Points at equal distances over the bounding box, those that lie in a cell."""
    west, south, east, north = snapshot.grid.index.bounds
    step_lat = spacing_m / 111_320
    step_lon = step_lat / np.cos(np.radians((south + north) / 2))
    lon, lat = np.meshgrid(np.arange(west, east, step_lon), np.arange(south, north, step_lat))
    positions, _ = snapshot.grid.index.locate_many(lon.ravel(), lat.ravel())
    inside = positions >= 0
    return list(zip(lon.ravel()[inside].tolist(), lat.ravel()[inside].tolist(), strict=True))


def chains(
    snapshot: Snapshot, points: Iterable[tuple[float, float]]
) -> dict[tuple[Place, ...], tuple[float, float]]:
    """The distinct chains of places over these points, each with one of its points."""
    found: dict[tuple[Place, ...], tuple[float, float]] = {}
    for lon, lat in points:
        where = locate(snapshot.grid, snapshot.overlays, lon, lat, 0.0)
        assert where.cell is not None
        found.setdefault(where.places(snapshot.city), (lon, lat))
    return found


def reachable(ladder: Iterable[Rung]) -> bool:
    """Whether a desk with a phone is on the ladder at which somebody is known to be."""
    return any(rung.kind == "duty_desk" and rung.phone and not rung.assumed and rung.holder for rung in ladder)


def test_every_point_at_every_hour_has_a_desk_from_memory(snapshot: Snapshot, week: list[datetime]) -> None:
    points = point_grid(snapshot, SPACING_M)
    assert 2_000 <= len(points) <= 5_000
    everywhere = chains(snapshot, points)
    assert len({chain[-2] for chain in everywhere}) == 16, "in every district"
    unreached = [
        (chain[0], hour)
        for hour in week
        for chain in everywhere
        if not reachable(snapshot.book.ladder(chain, hour))
    ]
    assert unreached == []


@pytest.mark.soak
def test_every_cell_and_every_fine_point_at_every_hour_has_a_desk(
    snapshot: Snapshot, week: list[datetime]
) -> None:
    everywhere = chains(snapshot, point_grid(snapshot, FINE_SPACING_M))
    for cell in snapshot.grid.cells:
        above = ((area.level, area.code) for area in snapshot.grid.chain(cell.community))
        everywhere.setdefault((("cell", cell.code), *above), (0.0, 0.0))
    for hour in week:
        unreached = [chain[0] for chain in everywhere if not reachable(snapshot.book.ladder(chain, hour))]
        assert unreached == [], hour


def ask_around(
    client: TestClient, snapshot: Snapshot, week: list[datetime], count: int
) -> list[dict[str, object]]:
    """Coverage over HTTP of random points of the grid, spread over the week; each has a desk to reach."""
    points = point_grid(snapshot, SPACING_M)
    rng = np.random.default_rng(7)
    answers = []
    for number, index in enumerate(rng.choice(len(points), count, replace=False)):
        lon, lat = points[index]
        hour = week[number * HOURS // count]
        query = {"lon": repr(lon), "lat": repr(lat), "crs": "wgs84", "at": hour.isoformat()}
        response = client.get("/v1/coverage", params=query)
        assert response.status_code == 200, response.text
        answer = response.json()
        desks = [rung for rung in answer["ladder"] if rung["kind"] == "duty_desk" and not rung["assumed"]]
        assert desks, query
        assert desks[0]["phone"]
        assert desks[0]["holder"]
        assert {desk["post"] for desk in desks} <= {turn["post"] for turn in answer["on_duty"]}
        answers.append(answer)
    return answers


def known_alike(answer: dict[str, object]) -> dict[str, object]:
    """What must not depend on whether the database runs."""
    return {name: answer[name] for name in ("cell", "areas", "overlays", "on_duty", "ladder", "departments")}


def test_over_http_with_postgis_and_without_it_is_the_same_desk(
    tianjin: Database, snapshot: Snapshot, week: list[datetime], tmp_path: Path
) -> None:
    disk.save(snapshot, tmp_path)
    settings = Settings(host="127.0.0.1")
    running = Database(tianjin.url)
    with TestClient(create_app(Service(settings, running, Current(running, tmp_path)))) as client:
        with_postgis = ask_around(client, snapshot, week, HOURS)
        assert {answer["degraded"] for answer in with_postgis} == {None}  # type: ignore[comparison-overlap]
    # The same database behind a socket at which nobody listens: as good as stopped, and others may go on with it.
    nobody = Database(tianjin.url.set(query={"host": str(tmp_path), "port": "5432"}))
    with TestClient(create_app(Service(settings, nobody, Current(nobody, tmp_path)))) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["degraded"] is not None
        without_postgis = ask_around(client, snapshot, week, HOURS)
        now = client.get("/v1/coverage", params={"lon": 117.195, "lat": 39.118, "crs": "wgs84"}).json()
    assert all(answer["degraded"] for answer in [*without_postgis, now])
    assert now["ladder"][-1]["kind"] == "duty_desk"
    for one, other in zip(with_postgis, without_postgis, strict=True):
        assert known_alike(one) == known_alike(other)
