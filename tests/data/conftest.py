"""A hand-made ground of twelve cells, and the demo city of one district, shared by the tests of data/."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pytest
import shapely

from data.tianjin.build import build
from data.tianjin.ground import Ground, survey

AS_OF = date(2026, 3, 2)
HEPING = "120101"


class Plan(NamedTuple):
    cells: gpd.GeoDataFrame
    blocks: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame


def _rectangle(west: int, south: int, east: int, north: int) -> shapely.Polygon:
    """A block between lattice points of 0.001°, with every lattice point on its sides as a vertex, clockwise."""
    corners = (
        [(west, y) for y in range(south, north)]
        + [(x, north) for x in range(west, east)]
        + [(east, y) for y in range(north, south, -1)]
        + [(x, south) for x in range(east, west, -1)]
    )
    return shapely.Polygon(np.round([(117.2 + x / 1000, 39.1 + y / 1000) for x, y in corners], 9))


@pytest.fixture(scope="session")
def plan() -> Plan:
    """4 x 3 cells of 2 x 2 blocks in three communities; the westernmost line is water, all others streets."""
    cells, blocks = [], []
    for number in range(12):
        column, row = number % 4 * 2, number // 4 * 2
        community = f"12010100100{number // 4 + 1}"
        code = f"{community}{number % 4 + 1:03d}"
        households = 0 if number == 5 else 400 + 40 * number
        shape = _rectangle(column, row, column + 2, row + 2)
        cells.append((code, community, "basic", households, round(2.8 * households), shape))
        for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
            blocks.append((code, _rectangle(column + x, row + y, column + x + 1, row + y + 1)))
    lines = []
    for x in range(9):
        points = np.round([(117.2 + x / 1000, 39.1 + y / 1000) for y in range(7)], 9)
        kind, name = ("water", "西河") if x == 0 else ("street", f"经{x}路")
        lines.append((f"L{x:02d}", name, kind, shapely.LineString(points)))
    for y in range(7):
        # One street of two lines, of which the eastern one is drawn the other way round.
        points = np.round([(117.2 + x / 1000, 39.1 + y / 1000) for x in range(9)], 9)
        lines.append((f"M{y:02d}a", f"纬{y}道", "street", shapely.LineString(points[:5])))
        lines.append((f"M{y:02d}b", f"纬{y}道", "street", shapely.LineString(points[4:][::-1])))

    def frame(rows: list[tuple[object, ...]], *columns: str) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame(rows, columns=[*columns, "geometry"], geometry="geometry", crs="EPSG:4326")

    return Plan(
        frame(cells, "code", "community", "kind", "households", "residents"),
        frame(blocks, "cell"),
        frame(lines, "id", "name", "kind"),
    )


@pytest.fixture(scope="session")
def ground(plan: Plan) -> Ground:
    """The ground of the plan."""
    (only,) = survey(plan.cells, plan.blocks, plan.lines)
    return only


@pytest.fixture(scope="session")
def heping_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The city folder of the one district of Heping."""
    folder = tmp_path_factory.mktemp("tianjin") / "heping"
    build(folder, as_of=AS_OF, districts=[HEPING])
    return folder
