"""Heping's grid and its place in the plane of the tiles."""

from __future__ import annotations

import pytest
import shapely

from gridmap.access import OPERATOR
from gridmap.coverage.bands import to_mercator
from gridmap.coverage.grid import Grid
from gridmap.model import City
from gridmap.shapes import Geometries
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tiles.address import Box


@pytest.fixture(scope="session")
def city(heping: Database) -> City:
    with heping.begin(OPERATOR) as connection:
        return read_city(connection)


@pytest.fixture(scope="session")
def grid(heping: Database, city: City) -> Grid:
    with heping.begin(OPERATOR) as connection:
        return read_grid(connection, city)


@pytest.fixture(scope="session")
def mercator(grid: Grid) -> Geometries:
    """The cells in Web Mercator, in the order of their codes."""
    return to_mercator(grid.index.degrees)


@pytest.fixture(scope="session")
def whole(mercator: Geometries) -> Box:
    """West, south, east, north of the whole district."""
    west, south, east, north = shapely.total_bounds(mercator)
    return float(west), float(south), float(east), float(north)
