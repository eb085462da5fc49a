"""One revision's grid in memory: cells, areas and the index over them; and the overlays that lie on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely

from gridmap.coverage.index import CoverageIndex
from gridmap.coverage.redraws import Redraws
from gridmap.errors import NotFound
from gridmap.model import Area, Cell, City, Overlay, Revision
from gridmap.shapes import Geometries


@dataclass(frozen=True)
class Grid:
    """The cells of one revision, sorted by code, with their areas. Immutable.

    ``redraws`` says where this revision and those before it changed the map.
    """

    revision: Revision
    cells: tuple[Cell, ...]
    areas: Mapping[str, Area]
    index: CoverageIndex
    redraws: Redraws = field(default_factory=Redraws)

    @cached_property
    def by_code(self) -> Mapping[str, int]:
        """Cell code -> position in ``cells`` and in the index."""
        return {cell.code: position for position, cell in enumerate(self.cells)}

    def cell(self, code: str) -> Cell:
        """The cell with this code; NotFound when the revision has none."""
        position = self.by_code.get(code)
        if position is None:
            raise NotFound(f"no cell {code!r} in revision {self.revision.number}")
        return self.cells[position]

    def chain(self, community: str) -> tuple[Area, ...]:
        """The areas from the lowest level up to the city."""
        chain = []
        code: str | None = community
        while code is not None:
            area = self.areas[code]
            chain.append(area)
            code = area.parent
        return tuple(chain)


def by_code(cells: Sequence[Cell], geometries: Geometries) -> tuple[tuple[Cell, ...], Geometries]:
    """Cells and their polygons in the order of their codes' bytes, as law 1 counts them."""
    order = sorted(range(len(cells)), key=lambda i: cells[i].code.encode())
    return tuple(cells[i] for i in order), geometries[np.array(order, dtype=np.intp)]


class OverlayMap:
    """The overlays valid now and where they lie."""

    def __init__(self, overlays: Sequence[Overlay], geometries: Geometries) -> None:
        self.overlays = tuple(overlays)
        self.geometries = geometries
        self._tree = shapely.STRtree(geometries)

    def at(self, lon: float, lat: float) -> tuple[Overlay, ...]:
        """The overlays that cover a point, by code."""
        found = self._tree.query(shapely.Point(lon, lat), predicate="intersects")
        return tuple(sorted((self.overlays[int(i)] for i in found), key=lambda overlay: overlay.code))


def top_code(chain: Sequence[Area], city: City) -> str:
    """The code that leads placements and counts: the area just below the city, or the city when it has none."""
    return chain[-2].code if len(city.levels) > 1 else chain[-1].code
