"""Small grids to redraw: level and upright edges, crooked ones, a cell around another, with areas above them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.grid import Grid
from gridmap.coverage.grid import by_code as sorted_by_code
from gridmap.coverage.index import CoverageIndex
from gridmap.model import Area, Cell, City, Revision
from gridmap.redraw.state import Base, Limits

METRIC = "EPSG:4548"
CITY = City(
    code="120000",
    name="City",
    levels=("city", "district", "street", "community"),
    code_pattern="{community}{sequence:03d}",
    metric_crs=METRIC,
    timezone="Asia/Shanghai",
    emergency=("110",),
    attribution="made up",
)
REVISION = Revision(1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))

# About 200 m.
EAST, NORTH = 0.0023, 0.0018
WEST_END, SOUTH_END = 117.2, 39.1


def base_of(rows: Sequence[tuple[str, BaseGeometry]], limits: Limits | None = None, **more: object) -> Base:
    """A base of (community, polygon); communities have 12 digits, their first 9 are a street, 6 a district."""
    numbers: dict[str, int] = {}
    cells = []
    for at, (community, _) in enumerate(rows):
        number = numbers[community] = numbers.get(community, 0) + 1
        cells.append(Cell(at + 1, f"{community}{number:03d}", f"Cell {at + 1}", "basic", community))
    shapes = np.empty(len(rows), object)
    shapes[:] = [shape for _, shape in rows]
    ordered, shapes = sorted_by_code(cells, shapes)
    areas = {"120000": Area("120000", "city", "City", None)}
    for community in numbers:
        for level, digits, above in (("district", 6, None), ("street", 9, 6), ("community", 12, 9)):
            parent = "120000" if above is None else community[:above]
            areas[community[:digits]] = Area(community[:digits], level, f"{level} {community[:digits]}", parent)
    index = CoverageIndex.build(shapes, METRIC, [cell.code for cell in ordered])
    grid = Grid(REVISION, ordered, areas, index)
    return Base(grid, CITY, limits=limits or Limits(), **more)  # type: ignore[arg-type]


def community_at(column: int, row: int) -> str:
    """Four communities in two streets: halves of the grid in both directions."""
    return f"120101{1 + column // 3:03d}{1 + row // 3:03d}"


def _corners(jitter: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    i, j = np.meshgrid(np.arange(7), np.arange(7))
    lon = WEST_END + (i + rng.uniform(-jitter, jitter, i.shape)) * EAST
    lat = SOUTH_END + (j + rng.uniform(-jitter, jitter, i.shape)) * NORTH
    return np.stack([lon, lat], axis=-1)


def _lattice(corners: np.ndarray) -> list[tuple[str, BaseGeometry]]:
    return [
        (
            community_at(column, row),
            shapely.Polygon(
                [
                    corners[row, column],
                    corners[row, column + 1],
                    corners[row + 1, column + 1],
                    corners[row + 1, column],
                ]
            ),
        )
        for row in range(6)
        for column in range(6)
    ]


def rectilinear(limits: Limits | None = None) -> Base:
    """6 x 6 cells with level and upright edges."""
    return base_of(_lattice(_corners(0.0)), limits)


def crooked(limits: Limits | None = None) -> Base:
    """6 x 6 crooked quadrangles: hardly a float lies exactly on their edges."""
    return base_of(_lattice(_corners(0.3)), limits)


def donut(limits: Limits | None = None) -> Base:
    """The lattice with 3 x 3 cells in the middle of it made one around the middle one, an enclave."""
    rows = _lattice(_corners(0.2))
    ring = [at for at in range(36) if at % 6 in (1, 2, 3) and at // 6 in (1, 2, 3) and at != 14]
    union = shapely.coverage_union_all([rows[at][1] for at in ring])
    others = [row for at, row in enumerate(rows) if at not in ring]
    return base_of([*others, (rows[7][0], union)], limits)


GRIDS: dict[str, Callable[..., Base]] = {"rectilinear": rectilinear, "crooked": crooked, "donut": donut}
