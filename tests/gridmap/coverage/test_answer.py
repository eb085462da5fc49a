"""The answer: covered, on an edge, unsure, outside; from memory and from PostGIS the same (law 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import Connection

from gridmap.coverage.answer import Question, Whereabouts, answer, locate
from gridmap.coverage.snapshot import Snapshot
from gridmap.store import whereabouts
from gridmap.store.database import Database
from gridmap.store.snapshot import read_snapshot

# Posts are known from when they were loaded, so nothing earlier is asked.
AT = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(scope="module")
def snapshot(heping: Database) -> Snapshot:
    with heping.engine.connect() as connection:
        return read_snapshot(connection, datetime.now(UTC), None)


def points(snapshot: Snapshot) -> Iterator[tuple[float, float]]:
    """Random points in and around the district, vertices where cells meet, and the middles of shared edges."""
    random = np.random.default_rng(20261101)
    west, south, east, north = snapshot.grid.index.bounds
    yield from zip(
        random.uniform(west, east, 120).tolist(), random.uniform(south, north, 120).tolist(), strict=True
    )
    corners = np.unique(shapely.get_coordinates(snapshot.grid.index.degrees), axis=0)
    chosen = corners[random.choice(len(corners), 80, replace=False)]
    yield from map(tuple, chosen.tolist())
    for shape in snapshot.grid.index.degrees[random.choice(len(snapshot.grid.cells), 60)]:
        ring = shapely.get_coordinates(shape)
        start = int(random.integers(len(ring) - 1))
        yield tuple(((ring[start] + ring[start + 1]) / 2).tolist())


def comparable(where: Whereabouts) -> Whereabouts:
    """Distances to the micrometre: PROJ in PostGIS and in pyproj may differ in the last bits."""
    return replace(
        where,
        edge_distance_m=None if where.edge_distance_m is None else round(where.edge_distance_m, 5),
        candidates=tuple(replace(one, distance_m=round(one.distance_m, 5)) for one in where.candidates),
        nearest=where.nearest and replace(where.nearest, distance_m=round(where.nearest.distance_m, 5)),
    )


@pytest.mark.parametrize("accuracy_m", [0.0, 30.0])
def test_postgis_says_the_same(snapshot: Snapshot, connection: Connection, accuracy_m: float) -> None:
    hows = set()
    for lon, lat in points(snapshot):
        here = locate(snapshot.grid, snapshot.overlays, lon, lat, accuracy_m)
        question = Question(lon, lat, AT, accuracy_m)
        there = whereabouts.locate(connection, snapshot.city, snapshot.grid.revision, question)
        assert comparable(here) == comparable(there), (lon, lat)
        hows.add(here.how)
    assert hows == {"inside", "edge", "outside"}


def middle(snapshot: Snapshot, position: int) -> tuple[float, float]:
    point = snapshot.grid.index.degrees[position].representative_point()
    return point.x, point.y


def test_inside_it_says_all_that_a_dispatcher_needs(snapshot: Snapshot) -> None:
    question = Question(*middle(snapshot, 100), AT, category="road_damage")
    said = answer(
        snapshot.city,
        locate(snapshot.grid, snapshot.overlays, question.lon, question.lat, 0.0),
        snapshot.book,
        question,
    )
    cell = snapshot.grid.cells[100]
    assert said.where.cell == cell
    assert [area.level for area in said.where.areas] == list(reversed(snapshot.city.levels))
    assert said.where.areas[0].code == cell.community
    assert not said.where.ambiguous
    assert [one.code for one in said.where.candidates] == [cell.code]
    assert said.where.nearest is None
    assert said.where.edge_distance_m is not None
    assert said.where.edge_distance_m > 0
    assert said.ladder
    assert said.ladder[-1].level == "city"
    places = {code for _, code in said.where.places(snapshot.city)}
    assert all(turn.post.territory in places for turn in said.on_duty)
    assert all("road_damage" in each.post.categories for each in said.departments)


def test_near_an_edge_an_inaccurate_point_has_all_cells_it_may_be_in(snapshot: Snapshot) -> None:
    lon, lat = middle(snapshot, 100)
    sure = locate(snapshot.grid, snapshot.overlays, lon, lat, 0.0)
    assert sure.edge_distance_m is not None
    reach_m = sure.edge_distance_m + 1
    unsure = locate(snapshot.grid, snapshot.overlays, lon, lat, reach_m)
    assert unsure.ambiguous
    assert unsure.cell == sure.cell
    assert unsure.candidates[0] == sure.candidates[0]
    assert len(unsure.candidates) > 1
    assert all(0 < one.distance_m <= reach_m for one in unsure.candidates[1:])
    within = locate(snapshot.grid, snapshot.overlays, lon, lat, sure.edge_distance_m - 0.001)
    assert not within.ambiguous


def test_on_a_shared_corner_every_cell_there_is_a_candidate(snapshot: Snapshot) -> None:
    degrees = snapshot.grid.index.degrees
    corners, counts = np.unique(
        np.vstack([np.unique(shapely.get_coordinates(shape), axis=0) for shape in degrees]),
        axis=0,
        return_counts=True,
    )
    lon, lat = corners[int(counts.argmax())].tolist()
    where = locate(snapshot.grid, snapshot.overlays, lon, lat, 0.0)
    assert (where.how, where.edge_distance_m, where.ambiguous) == ("edge", 0.0, True)
    assert len(where.candidates) == counts.max() >= 3
    assert where.candidates[0].code == min((one.code for one in where.candidates), key=str.encode)
    assert where.cell is not None
    assert where.cell.code == where.candidates[0].code


@pytest.mark.parametrize(("lon", "lat"), [(117.5, 39.5), (-0.1276, 51.5072), (117.2, -89.9), (-62.8, -39.1)])
def test_outside_it_says_so_and_the_city_still_answers(snapshot: Snapshot, lon: float, lat: float) -> None:
    where = locate(snapshot.grid, snapshot.overlays, lon, lat, 10.0)
    assert (where.how, where.cell, where.areas) == ("outside", None, ())
    assert where.nearest is not None
    assert where.nearest.distance_m > 1000
    said = answer(snapshot.city, where, snapshot.book, Question(lon, lat, AT))
    assert [rung.level for rung in said.ladder if rung.post] == ["city"] * sum(bool(r.post) for r in said.ladder)
    assert any(rung.kind == "duty_desk" for rung in said.ladder)


def test_overlays_bring_their_posts(snapshot: Snapshot) -> None:
    shape = snapshot.overlays.geometries[0].representative_point()
    where = locate(snapshot.grid, snapshot.overlays, shape.x, shape.y, 0.0)
    said = answer(snapshot.city, where, snapshot.book, Question(shape.x, shape.y, AT))
    ((overlay, posts),) = said.overlay_posts
    assert overlay == snapshot.overlays.overlays[0]
    assert posts
    assert all(post.territory == overlay.code for post in posts)
