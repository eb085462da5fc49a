"""PostGIS places as the index does, but for errors of its own on long edges, which rational arithmetic settles."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gridmap.coverage import rational
from gridmap.coverage.index import CoverageIndex
from gridmap.shapes import Geometries
from gridmap.store.database import Connection
from gridmap.store.placing import PLANS, lowest_covering

METRIC = "EPSG:4548"
REVISION = 900


def long_edges(length: float, rng: np.random.Generator) -> Geometries:
    """Triangles with edges of about this many degrees."""
    places = rng.uniform((117, 39), (117 + 6 * length, 39 + 6 * length), (60, 2))
    return shapely.get_parts(shapely.delaunay_triangles(shapely.MultiPoint(places)))


def points_on_edges(cells: Geometries, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on edges, as near as numbers come, and a few of the smallest steps off them."""
    corners, owner = shapely.get_coordinates(cells, return_index=True)
    starts = rng.choice(np.flatnonzero(owner[1:] == owner[:-1]), count)
    share = rng.random((count, 1))
    points = corners[starts] * (1 - share) + corners[starts + 1] * share
    points += rng.integers(-2, 3, points.shape) * np.spacing(points)
    return points[:, 0].copy(), points[:, 1].copy()


def stored(connection: Connection, cells: Geometries) -> list[str]:
    """The cells as a revision of their own; their codes, in the order of the cells."""
    codes = [f"c{number:05d}" for number in range(len(cells))]
    insert = text(
        "INSERT INTO cell (id, code, revisions, name, kind, community, geom) "
        "VALUES (:id, :code, int4range(:revision, :revision + 1), '', 'basic', 'c', ST_GeomFromWKB(:wkb, 4326))"
    )
    for number, (code, cell) in enumerate(zip(codes, cells, strict=True)):
        values = {"id": 5_000_000 + number, "code": code, "revision": REVISION, "wkb": shapely.to_wkb(cell)}
        connection.execute(insert, values)
    return codes


def errors_of_postgis(
    connection: Connection, length: float, count: int, plan: str = "indexed_points"
) -> list[tuple[str, str]]:
    """The points, as hexadecimal numbers, that PostGIS alone places wrongly; the index places none wrongly."""
    rng = np.random.default_rng(11)
    cells = long_edges(length, rng)
    codes = stored(connection, cells)
    lon, lat = points_on_edges(cells, rng, count)
    positions, _ = CoverageIndex.build(cells, METRIC).locate_many(lon, lat)
    ours = [None if position < 0 else codes[position] for position in positions]
    theirs = lowest_covering(connection, REVISION, lon, lat, plan)
    wrong = [i for i in range(count) if ours[i] != theirs[i]]
    for i in {*wrong, *range(0, count, max(1, count // 300))}:
        truth = rational.lowest_covering(cells, float(lon[i]), float(lat[i]))
        assert positions[i] == truth, (float(lon[i]).hex(), float(lat[i]).hex())
    return [(float(lon[i]).hex(), float(lat[i]).hex()) for i in wrong]


@pytest.mark.parametrize("plan", PLANS)
def test_every_plan_of_postgis_gives_what_the_index_gives(connection: Connection, plan: str) -> None:
    assert len(errors_of_postgis(connection, 0.001, 2_000, plan)) <= 2


@pytest.mark.soak
@pytest.mark.parametrize("length", [0.001, 0.03, 0.5])
def test_where_they_differ_postgis_errs(connection: Connection, length: float) -> None:
    errors = errors_of_postgis(connection, length, 300_000)
    print(f"edges of about {length} degrees: ST_Covers errs on {len(errors)} of 300,000 points on them")
    for lon, lat in errors[:20]:
        print(f"  {lon} {lat}")
