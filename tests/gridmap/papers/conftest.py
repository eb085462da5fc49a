"""Small maps drawn by hand, in metres around a place in Tianjin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import to_wgs84
from gridmap.model import Area, Cell
from gridmap.papers.bounds import CentreLines
from gridmap.papers.parts import MapPart

METRIC = "EPSG:4548"
_X, _Y = 517_000.0, 4_330_000.0

Degrees = Callable[[BaseGeometry], BaseGeometry]
Lines = Callable[..., CentreLines]
Part = Callable[..., MapPart]
AREAS = {
    "1": Area("1", "city", "甲市", None),
    "12": Area("12", "district", "乙区", "1"),
    "123": Area("123", "street", "丙街道", "12"),
    "1234": Area("1234", "community", "丁社区", "123"),
}


@pytest.fixture(scope="session")
def degrees() -> Degrees:
    """A shape in metres from the place, as lon, lat."""

    def convert(shape: BaseGeometry) -> BaseGeometry:
        return shapely.transform(
            shape, lambda pairs: np.column_stack(to_wgs84(METRIC, pairs[:, 0] + _X, pairs[:, 1] + _Y))
        )

    return convert


@pytest.fixture(scope="session")
def lines(degrees: Degrees) -> Lines:
    """Centre lines from (kind, name, [points in metres])."""

    def make(*given: tuple[str, str | None, list[tuple[float, float]]]) -> CentreLines:
        shapes = np.empty(len(given), object)
        shapes[:] = [degrees(shapely.LineString(points)) for _, _, points in given]
        return CentreLines(
            [kind for kind, *_ in given], [name for _, name, _ in given], [None] * len(given), shapes, METRIC
        )

    return make


@pytest.fixture(scope="session")
def part(degrees: Degrees) -> Part:
    """Cells of one community from code -> polygon in metres; ``changed`` gives a cell another attribute."""

    def make(shapes: dict[str, BaseGeometry], **changed: dict[str, object]) -> MapPart:
        codes = sorted(shapes)
        drawn = np.empty(len(codes), object)
        drawn[:] = [degrees(shapes[code]) for code in codes]
        cells = [
            Cell(
                **{
                    "id": number,
                    "code": code,
                    "name": f"第{code[-1]}网格",
                    "kind": "basic",
                    "community": "1234",
                    **changed.get(code, {}),
                }
            )
            for number, code in enumerate(codes)
        ]
        return MapPart(cells, drawn, AREAS)

    return make
