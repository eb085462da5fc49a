"""The whole demo city as it stands in PostGIS: its figures, its seams, and every point in exactly one cell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import Connection, text

from api.app import create_app
from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.actions.verify import VerifyReport, verify_city
from gridmap.coverage.grid import Grid
from gridmap.crs import Floats
from gridmap.current import Current
from gridmap.model import PUBLIC
from gridmap.settings import Settings
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid

SEED = 20261122
LEVELS = {"city": 1, "district": 16, "street": 299, "community": 5_617}


@pytest.fixture(scope="module")
def grid(tianjin: Database) -> Grid:
    with tianjin.begin(PUBLIC, long_work=True) as connection:
        return read_grid(connection, read_city(connection))


@pytest.fixture(scope="module")
def report(tianjin: Database) -> VerifyReport:
    return verify_city(tianjin, OPERATOR, lambda _: None)


@pytest.fixture
def ask(tianjin: Database) -> Callable[[str], list[tuple[object, ...]]]:
    """Rows of a query."""

    def rows(query: str) -> list[tuple[object, ...]]:
        with tianjin.begin(OPERATOR, long_work=True) as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return rows


Ask = Callable[[str], list[tuple[object, ...]]]


def test_the_citys_figures(ask: Ask) -> None:
    assert dict(ask("SELECT level, count(*) FROM area GROUP BY level")) == LEVELS
    assert ask("SELECT count(*), count(DISTINCT code), count(DISTINCT id) FROM cell") == [(22_000,) * 3]
    full = dict(ask("SELECT left(code, 6), count(*) FROM cell WHERE kind = 'full_service' GROUP BY 1"))
    assert full["120116"] == 743
    assert len(full) == 16, "some elsewhere as well"
    assert ask("SELECT count(*) FROM cell WHERE kind = 'full_service' AND services = '{}'") == [(0,)]
    assert ask("SELECT count(*) FROM cell WHERE kind = 'special'")[0][0] > 200
    assert ask("SELECT count(*) FROM cell WHERE code !~ ('^' || community || '[0-9]{3}$')") == [(0,)]
    assert ask("SELECT count(*) FROM area JOIN cell ON cell.code = area.code") == [(0,)]
    assert ask("SELECT sum(households) FROM building") == [(4_870_000,)]


def test_the_first_revision_is_older_than_the_first_incident(ask: Ask) -> None:
    (row,) = ask("SELECT min(valid_from), min(happened_at) FROM revision, incident")
    begins, first = row
    assert isinstance(begins, datetime)
    assert isinstance(first, datetime)
    assert begins <= first
    (span,) = ask("SELECT extract(day FROM max(happened_at) - min(happened_at)) FROM incident")
    assert 360 <= float(str(span[0])) <= 366


def test_every_row_of_the_loads_is_placed_outside_or_rejected(ask: Ask) -> None:
    loads = {what: counts for what, *counts in ask("SELECT what, rows, placed, outside, rejected FROM load")}
    assert loads.keys() == {"buildings", "elements", "incidents"}, loads
    for rows, placed, outside, rejected in loads.values():
        assert rows == placed + outside + rejected
    stored = {
        what: ask(f"SELECT count(*), count(*) FILTER (WHERE how = 'outside') FROM {what}_placement")[0]
        for what in ("element", "incident")
    }
    buildings, elements, incidents = (loads[what] for what in ("buildings", "elements", "incidents"))
    assert stored["element"] == (
        sum(buildings[:1] + elements[:1]) - buildings[3] - elements[3],
        buildings[2] + elements[2],
    )
    assert stored["incident"] == (incidents[0] - incidents[3], incidents[2])
    assert incidents[0] == pytest.approx(200_000, rel=0.02)
    assert buildings[0] + elements[0] == pytest.approx(300_000, rel=0.1)
    assert elements[2] > 0
    assert incidents[2] > 0, "some lie outside"
    rejected_rows = ask("SELECT count(*) FROM rejected_row")[0][0]
    assert rejected_rows == buildings[3] + elements[3] + incidents[3]


def test_elements_of_all_classes_and_some_exactly_on_edges(ask: Ask) -> None:
    classes = dict(ask("SELECT class, count(*) FROM element GROUP BY class"))
    assert classes.keys() == {"person", "place", "object", "organization"}
    how = dict(ask("SELECT how, count(*) FROM incident_placement GROUP BY how"))
    assert how.keys() == {"inside", "edge", "outside"}
    assert ask("SELECT count(*) FROM element WHERE class = 'person' AND name IS NOT NULL") == [(0,)]


def test_verify_finds_no_fault_and_looked_at_everything(report: VerifyReport, ask: Ask) -> None:
    assert report.faults == []
    assert report.cells == 22_000
    assert report.levels == LEVELS
    for subject, found in (("element", report.elements), ("incident", report.incidents)):
        (row,) = ask(f"SELECT count(cell_id), count(*) - count(cell_id) FROM {subject}_placement")
        assert (found["placed"], found["outside"]) == row


def test_stored_cells_are_a_valid_coverage_of_plain_polygons(grid: Grid) -> None:
    assert len(grid.index) == 22_000
    assert shapely.is_valid(grid.index.degrees).all()
    assert shapely.coverage_is_valid(grid.index.degrees)
    assert (shapely.get_num_geometries(grid.index.degrees) == 1).all()


@pytest.mark.parametrize("level", list(LEVELS))
def test_a_levels_stored_shapes_are_a_coverage_and_the_unions_of_its_cells(
    tianjin: Database, grid: Grid, level: str
) -> None:
    with tianjin.begin(PUBLIC, long_work=True) as connection:
        rows = connection.execute(
            text("SELECT code, ST_AsBinary(geom) FROM area_shape WHERE level = :level ORDER BY code"),
            {"level": level},
        ).all()
    assert len(rows) == LEVELS[level]
    stored = shapely.from_wkb([bytes(row[1]) for row in rows])
    assert shapely.coverage_is_valid(stored)
    members: dict[str, list[int]] = {}
    for position, cell in enumerate(grid.cells):
        above = next(area.code for area in grid.chain(cell.community) if area.level == level)
        members.setdefault(above, []).append(position)
    assert list(members) == [row[0] for row in rows]
    step = max(1, len(rows) // 300)  # verify compares every one, vertex by vertex
    for (code, _), shape in list(zip(rows, stored, strict=True))[::step]:
        assert shape.equals(shapely.coverage_union_all(grid.index.degrees[members[code]])), code


def scattered(grid: Grid, count: int) -> tuple[Floats, Floats]:
    """Random points over the city's bounding box."""
    west, south, east, north = grid.index.bounds
    rng = np.random.default_rng(SEED)
    return rng.uniform(west, east, count), rng.uniform(south, north, count)


def test_a_hundred_thousand_random_points_are_each_in_exactly_one_cell_or_outside(grid: Grid) -> None:
    lon, lat = scattered(grid, 100_000)
    positions, how = grid.index.locate_many(lon, lat)
    points = shapely.points(lon, lat)
    which, cells = shapely.STRtree(grid.index.degrees).query(points, predicate="intersects")
    covering = np.bincount(which, minlength=len(points))
    city = shapely.coverage_union_all(grid.index.degrees)
    shapely.prepare(city)
    inside = shapely.intersects(city, points)
    assert ((positions >= 0) == inside).all(), "in a cell exactly when in the city"
    assert (covering[how == 0] == 1).all(), "strictly inside one, and in no other"
    assert (covering[how == 1] >= 1).all()
    assert (covering[how == 2] == 0).all()
    assert 20_000 < inside.sum() < 80_000
    lowest = np.full(len(points), len(grid.cells))
    np.minimum.at(lowest, which, cells)
    assert (positions[inside] == lowest[inside]).all()


def critical_points(grid: Grid) -> Floats:
    """Random points, corners of cells, midpoints of edges, and points just outside the city's outer line."""
    rng = np.random.default_rng(SEED)
    lon, lat = scattered(grid, 1_000)
    vertices, times = np.unique(shapely.get_coordinates(grid.index.degrees), axis=0, return_counts=True)
    corners = rng.choice(vertices[times >= 4], 700, replace=False)
    some = rng.choice(vertices, 400, replace=False)
    rings = shapely.get_coordinates(shapely.get_exterior_ring(grid.index.degrees[rng.choice(22_000, 700)]))
    middles = rng.choice((rings[:-1] + rings[1:]) / 2, 700, replace=False)
    outer = shapely.get_coordinates(shapely.boundary(shapely.coverage_union_all(grid.index.degrees)))
    near_outside = rng.choice(outer, 300, replace=False) + rng.uniform(-1e-4, 1e-4, (300, 2))
    far = np.array([[0.0, 0.0], [-117.2, -39.1], [179.9, 89.0], [116.4, 39.9]])
    return np.vstack([np.column_stack([lon, lat]), corners, some, middles, near_outside, far])


def by_postgis(connection: Connection, points: Floats) -> list[str | None]:
    """The lowest code of the cells that ST_Covers each point, None outside."""
    query = text(
        """
        SELECT (SELECT min(code COLLATE "C") FROM cell
                WHERE ST_Covers(cell.geom, ST_SetSRID(ST_MakePoint(point.lon, point.lat), 4326)))
        FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])) WITH ORDINALITY AS point (lon, lat, number)
        ORDER BY number
        """
    )
    return list(connection.execute(query, {"lon": points[:, 0].tolist(), "lat": points[:, 1].tolist()}).scalars())


def test_postgis_and_the_index_agree_on_edges_corners_and_outside(tianjin: Database, grid: Grid) -> None:
    points = critical_points(grid)
    positions, how = grid.index.locate_many(points[:, 0], points[:, 1])
    with tianjin.begin(PUBLIC, long_work=True) as connection:
        expected = by_postgis(connection, points)
    found = [grid.cells[position].code if position >= 0 else None for position in positions]
    differing = [
        (lon, lat, one, other)
        for (lon, lat), one, other in zip(points.tolist(), found, expected, strict=True)
        if one != other
    ]
    assert differing == []
    assert len(points) > 3_000
    assert (how == 0).sum() > 500
    assert (how == 1).sum() > 1_000
    assert (how == 2).sum() > 300


def test_the_service_gives_the_cell_that_postgis_gives(
    tianjin: Database, grid: Grid, tmp_path_factory: pytest.TempPathFactory
) -> None:
    points = critical_points(grid)[::10]
    with tianjin.begin(PUBLIC, long_work=True) as connection:
        expected = by_postgis(connection, points)
    database = Database(tianjin.url)
    current = Current(database, tmp_path_factory.mktemp("snapshot"))
    app = create_app(Service(Settings(host="127.0.0.1"), database, current))
    with TestClient(app) as client:
        for (lon, lat), code in zip(points.tolist(), expected, strict=True):
            query = {"lon": repr(lon), "lat": repr(lat), "crs": "wgs84"}
            answer = client.get("/v1/coverage", params=query).json()
            assert (answer["cell"] or {"code": None})["code"] == code, query
            assert answer["status"] == ("covered" if code else "outside")
            assert answer["ladder"]
        totals = client.get("/v1/revisions/current").json()
        assert (totals["cells"], sum(totals["kinds"].values())) == (22_000, 22_000)
        listed = client.get("/v1/areas", params={"level": "district"})
        assert listed.status_code == 200, listed.text
        districts = listed.json()["areas"]
    assert len(districts) == 16
    assert sum(area["cells"] for area in districts) == 22_000
    assert {area["code"]: area["kinds"]["full_service"] for area in districts}["120116"] == 743
    assert datetime.fromisoformat(totals["published_at"]) <= datetime.now(UTC)
