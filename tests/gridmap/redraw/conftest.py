"""Heping and the whole city as generated, as bases with streets and households: no database is asked."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from data.tianjin.grid import Grid as Generated
from data.tianjin.grid import build_grid
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.model import Area, Cell
from gridmap.redraw.state import Base, Households
from gridmap.redraw.streets import Streets
from tests.gridmap.redraw.grids import CITY, METRIC, REVISION


def _base(made: Generated) -> Base:
    """Each cell has its households at one point inside."""
    rows = made.cells.sort_values("code")
    shapes = np.asarray(rows.geometry.to_numpy(), dtype=object)
    cells = tuple(
        Cell(at + 1, row.code, row.name_, row.kind, row.community, tuple(row.services))
        for at, row in enumerate(rows.rename(columns={"name": "name_"}).itertuples())
    )
    areas = {"120000": Area("120000", "city", "City", None)}
    for community in {cell.community for cell in cells}:
        for level, digits, above in (("district", 6, None), ("street", 9, 6), ("community", 12, 9)):
            parent = "120000" if above is None else community[:above]
            areas[community[:digits]] = Area(community[:digits], level, community[:digits], parent)
    lines = made.lines[made.lines.kind == "street"].geometry.to_numpy()
    places = shapely.get_coordinates(shapely.point_on_surface(shapes))
    households = Households(places[:, 0], places[:, 1], rows.households.to_numpy().astype(np.float64))
    index = CoverageIndex.build(shapes, METRIC, [cell.code for cell in cells])
    return Base(Grid(REVISION, cells, areas, index), CITY, Streets(np.asarray(lines, object)), households)


@pytest.fixture(scope="session")
def heping_base() -> Base:
    """The 535 cells of one district."""
    return _base(build_grid(districts=["120101"]))


@pytest.fixture(scope="session")
def tianjin_base(whole_city: Generated) -> Base:
    """The 22,000 cells of the whole city."""
    return _base(whole_city)
