"""The judge of placements, who knows no rounding, and cells to be placed in."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import shapely

from data.tianjin.grid import build_grid
from gridmap.shapes import Geometries

Judge = Callable[[Geometries, float, float], tuple[int, int]]

INSIDE, EDGE, OUTSIDE = 0, 1, 2


def _says(ring: np.ndarray, x: Fraction, y: Fraction) -> int:
    """1 inside the ring, 0 on it, -1 outside."""
    corners = [(Fraction(float(lon)), Fraction(float(lat))) for lon, lat in ring]
    inside = False
    for (x1, y1), (x2, y2) in pairwise(corners):
        if min(y1, y2) <= y <= max(y1, y2):
            turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
            if turn == 0 and min(x1, x2) <= x <= max(x1, x2):
                return 0
            if (y1 > y) != (y2 > y):
                inside ^= (turn > 0) == (y2 > y1)
    return 1 if inside else -1


def _judge(cells: Geometries, lon: float, lat: float) -> tuple[int, int]:
    """Lowest position of the cells that cover a point (-1: none) and how, in rational arithmetic."""
    x, y = Fraction(lon), Fraction(lat)
    bounds = shapely.bounds(cells)
    near = (bounds[:, 0] <= lon) & (lon <= bounds[:, 2]) & (bounds[:, 1] <= lat) & (lat <= bounds[:, 3])
    for position in np.flatnonzero(near):
        verdict = -1
        for part in shapely.get_parts(cells[position]):
            rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(part)]
            outer, *holes = (_says(ring, x, y) for ring in rings)
            verdict = max(verdict, min([outer, *(-hole for hole in holes)]))
        if verdict >= 0:
            return int(position), INSIDE if verdict == 1 else EDGE
    return -1, OUTSIDE


@pytest.fixture(scope="session")
def judge() -> Judge:
    return _judge


@pytest.fixture(scope="session")
def heping_cells() -> Geometries:
    """The 557 cells of Heping, by code."""
    cells = build_grid(districts=["120101"]).cells.sort_values("code")
    return np.asarray(cells.geometry.to_numpy(), dtype=object)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20230)
