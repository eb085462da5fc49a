"""The stored hex cover: it places points as the index does, and a new revision rewrites only what it changes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gridmap import hexes
from gridmap.coverage.grid import Grid
from gridmap.coverage.hex_cover import HexCover, hex_cover
from gridmap.coverage.index import CoverageIndex
from gridmap.store.city import read_city
from gridmap.store.database import Connection
from gridmap.store.hex_cover import PLACE_BY_HEX, compare_hex_cover, read_hex_cover, write_hex_cover
from gridmap.store.snapshot import read_grid

Points = tuple[np.ndarray, np.ndarray]


def quiet(_: str) -> None:
    """No progress in tests."""


def exact(grid: Grid) -> CoverageIndex:
    return CoverageIndex.build(grid.index.degrees, grid.index.metric_crs)


def place(connection: Connection, lon: np.ndarray, lat: np.ndarray, revision: int = 1) -> list[str | None]:
    """By hex cover, in PostGIS."""
    given = {"hexes": hexes.hexes_of(lon, lat).tolist(), "lon": lon.tolist(), "lat": lat.tolist()}
    return [row.code for row in connection.execute(text(PLACE_BY_HEX), {**given, "revision": revision})]


def cases(connection: Connection, grid: Grid, count: int) -> dict[str, Points]:
    """Points where placing by hexes could err: also on hex sides and corners, and on edges that straddle them."""
    rng = np.random.default_rng(5)
    west, south, east, north = grid.index.bounds
    vertices, owner = shapely.get_coordinates(grid.index.degrees, return_index=True)
    start = rng.choice(np.flatnonzero(owner[1:] == owner[:-1]), count)
    share = rng.choice([0.0, 0.5, *rng.random(6)], (count, 1))
    along = vertices[start] * (1 - share) + vertices[start + 1] * share
    rows = next(read_hex_cover(connection, grid.revision.number)).hexes
    fine = hexes.hexes_of(along[:, 0], along[:, 1])
    some = np.concatenate([rng.choice(rows, count // 4), rng.choice(fine, count // 4)])
    rings = np.vstack([np.array(hexes.ring_of(int(each)))[[0, 1, 2]] for each in some])
    sides = (rings[:-1] + rings[1:]) / 2

    def near(points: np.ndarray) -> Points:
        moved = points + rng.integers(-3, 4, points.shape) * np.spacing(points)
        return moved[:, 0].copy(), moved[:, 1].copy()

    return {
        "random": near(rng.uniform((west, south), (east, north), (count, 2))),
        "vertices": near(vertices[rng.integers(0, len(vertices), count)]),
        "edges": near(along),
        "near edges": near(along + rng.normal(0, 1e-8, along.shape)),
        "hex corners": near(rings),
        "hex sides": near(sides),
        "outside": near(rng.uniform((west - 5, south - 5), (east + 5, north + 5), (count, 2))),
        "far": (np.array([0.0, -0.0, 180.0, -180.0, 10.0]), np.array([0.0, 90.0, -90.0, 0.0, 50.0])),
    }


def side(ring: np.ndarray, lon: float, lat: float) -> int:
    """1 inside a ring, 0 on it, -1 outside, in rational arithmetic."""
    x, y = Fraction(lon), Fraction(lat)
    corners = [(Fraction(float(east)), Fraction(float(north))) for east, north in ring]
    inside = False
    for (x1, y1), (x2, y2) in pairwise(corners):
        turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if turn == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return 0
        if (y1 > y) != (y2 > y):
            inside ^= (turn > 0) == (y2 > y1)
    return 1 if inside else -1


def test_placing_by_hexes_gives_what_the_index_gives(connection: Connection) -> None:
    grid = read_grid(connection, read_city(connection))
    index = exact(grid)
    codes = [*(cell.code for cell in grid.cells), None]
    for kind, (lon, lat) in cases(connection, grid, 2_000).items():
        positions, _ = index.locate_many(lon, lat)
        wanted = [codes[position] for position in positions]
        found = place(connection, lon, lat)
        for i in [i for i in range(len(lon)) if found[i] != wanted[i]]:
            # ST_Covers itself errs here: the index is right in rational arithmetic, and the hexes named the cell
            ring = shapely.get_coordinates(grid.index.degrees[positions[i]])
            assert side(ring, lon[i], lat[i]) >= 0, f"{kind}: {lon[i].hex()} {lat[i].hex()}"
        assert sum(a != b for a, b in zip(found, wanted, strict=True)) <= len(lon) / 1000, kind


def test_the_statement_can_be_prepared_and_reads_the_cover_by_its_key(connection: Connection) -> None:
    numbered = PLACE_BY_HEX
    for number, name in enumerate(("hexes", "lon", "lat", "revision"), 1):
        numbered = numbered.replace(f":{name}", f"${number}")
    connection.exec_driver_sql(f"PREPARE by_hex (bigint[], float8[], float8[], integer) AS {numbered}")
    plan = "\n".join(
        connection.execute(text("EXPLAIN EXECUTE by_hex (ARRAY[1], ARRAY[1.0], ARRAY[1.0], 1)")).scalars()
    )
    assert "pk_hex_cover" in plan
    connection.execute(text("DEALLOCATE by_hex"))


def shifted(cover: HexCover, cells: int) -> HexCover:
    """The cover after the first cell got another id and the last straddling hex another candidate."""
    candidates = cover.candidates.copy()
    candidates[-1] = (candidates[-1] + 1) % cells
    return HexCover(cover.inner[1:], cover.cells[1:], cover.straddling, cover.starts, candidates)


def rows_at(connection: Connection, revision: int) -> list[tuple[int, int, list[int] | None]]:
    return [
        (int(hex_), int(cell), candidates)
        for batch in read_hex_cover(connection, revision)
        for hex_, cell, candidates in zip(batch.hexes, batch.cell_ids, batch.candidates, strict=True)
    ]


def test_a_revision_rewrites_only_what_it_changes(connection: Connection) -> None:
    grid = read_grid(connection, read_city(connection))
    ids = [cell.id for cell in grid.cells]
    cover = hex_cover(exact(grid), quiet)
    assert compare_hex_cover(connection, 1, cover, ids, 10).count == 0
    assert write_hex_cover(connection, 1, cover, ids) == 0
    before = rows_at(connection, 1)
    assert len(before) == len(cover.inner) + len(cover.straddling)
    assert write_hex_cover(connection, 2, shifted(cover, len(ids)), ids) == 3  # one ended, one ended and one added
    assert rows_at(connection, 1) == before
    after = rows_at(connection, 2)
    assert len(after) == len(before) - 1
    assert len(set(map(repr, after)) - set(map(repr, before))) == 1
    found = compare_hex_cover(connection, 2, cover, ids, 10)
    assert found.count == 2
    assert set(found.some) == {int(cover.inner[0]), int(cover.straddling[-1])}
    # the same revision again: what it wrote itself is corrected, what it ended begins anew
    assert write_hex_cover(connection, 2, cover, ids) == 3
    assert rows_at(connection, 2) == before
    assert rows_at(connection, 1) == before


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("cell_id = NULL", "ck_hex_cover_inside_or_candidates"),
        ("candidates = '{1}'", "ck_hex_cover_inside_or_candidates"),
        ("last_revision = 0", "ck_hex_cover_revisions"),
        ("ends = begins - 1", "ck_hex_cover_descendants"),
    ],
)
def test_what_the_table_refuses(connection: Connection, change: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        connection.execute(text(f"UPDATE hex_cover SET {change} WHERE cell_id IS NOT NULL"))
