"""A community of n x m street blocks, each with households at one place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from gridmap.redraw.metres import metric
from gridmap.redraw.plan import Plan
from gridmap.redraw.principles.along import Segments
from gridmap.redraw.proposing.division import Terrain
from gridmap.redraw.state import Households
from gridmap.redraw.streets import Streets
from tests.gridmap.redraw.grids import EAST, METRIC, NORTH, SOUTH_END, WEST_END, base_of

COMMUNITY, NEIGHBOUR = "120101001001", "120101001002"


def box(column: float, row: float, columns: float, rows: float) -> shapely.Polygon:
    """Some columns and rows of blocks, about 200 m each."""
    return shapely.box(
        WEST_END + column * EAST,
        SOUTH_END + row * NORTH,
        WEST_END + (column + columns) * EAST,
        SOUTH_END + (row + rows) * NORTH,
    )


def chessboard(
    weights: Sequence[Sequence[float]], cells: Sequence[shapely.Polygon] | None = None
) -> tuple[Plan, Terrain]:
    """Blocks with these households, the first row in the south, streets between and around them.

    ``cells``: as the community has them; else one of all. East of it is another community.
    """
    rows, columns = len(weights), len(weights[0])
    own = cells or [box(0, 0, columns, rows)]
    upright = [box(at, 0, 1, rows).exterior.coords for at in range(columns)]
    level = [box(0, at, columns, 1).exterior.coords for at in range(rows)]
    lines = shapely.get_parts(
        shapely.line_merge(shapely.union_all([shapely.LineString(each) for each in (*upright, *level)]))
    )
    places = [box(column, row, 1, 1).centroid for row in range(rows) for column in range(columns)]
    households = Households(
        np.array([place.x for place in places]),
        np.array([place.y for place in places]),
        np.array([each for row in weights for each in row], np.float64),
    )
    streets = Streets(np.asarray(lines, object))
    base = base_of(
        [*((COMMUNITY, cell) for cell in own), (NEIGHBOUR, box(columns, 0, 1, rows))],
        streets=streets,
        households=households,
    )
    return Plan.on(base), Terrain(streets, Segments.of(metric(streets.lines, METRIC)), households)
