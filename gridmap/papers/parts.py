"""Part of one revision's map: some cells with their polygons, and the areas. Imports ``coverage`` and below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.grid import Grid
from gridmap.errors import NotFound
from gridmap.model import Area, Cell
from gridmap.shapes import Geometries

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class MapPart:
    """Cells and their polygons in EPSG:4326, and the areas of their revision."""

    cells: Sequence[Cell]
    shapes: Geometries
    areas: Mapping[str, Area]

    @classmethod
    def of(cls, grid: Grid, box: Box) -> MapPart:
        """What of a grid meets a box: west, south, east, north in degrees."""
        bounds = shapely.bounds(grid.index.degrees)
        west, south, east, north = box
        near = (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
        found = np.flatnonzero(near)
        return cls([grid.cells[at] for at in found.tolist()], grid.index.degrees[found], grid.areas)

    @cached_property
    def at(self) -> Mapping[str, int]:
        """Cell code -> position."""
        return {cell.code: number for number, cell in enumerate(self.cells)}

    def cell(self, code: str) -> Cell:
        """The cell of a code; NotFound when it is not in this part."""
        if code not in self.at:
            raise NotFound(f"no cell {code!r} in this part of the map")
        return self.cells[self.at[code]]

    def shape(self, code: str) -> BaseGeometry:
        """The polygon of a cell; NotFound when it is not in this part."""
        self.cell(code)
        shape: BaseGeometry = self.shapes[self.at[code]]
        return shape

    def neighbours(self, code: str) -> dict[str, BaseGeometry]:
        """The cells that touch one by more than a corner, with their polygons."""
        shape = self.shape(code)
        near = self._tree.query(shape, predicate="touches")
        long = shapely.relate_pattern(self.shapes[near], shape, "****1****")
        return {self.cells[at].code: self.shapes[at] for at in sorted(near[long].tolist())}

    def chain(self, code: str) -> tuple[Area, ...]:
        """The areas of a cell, from the lowest level up to the city."""
        return tuple(self.areas[area] for area in self.areas_above(self.cell(code).community))

    def areas_above(self, code: str | None) -> list[str]:
        """The codes of an area and of those above it."""
        codes = []
        while code is not None:
            codes.append(code)
            code = self.areas[code].parent
        return codes

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)


def around(shapes: Geometries, share: float = 0.25, least_degrees: float = 0.002) -> Box:
    """A box around shapes with a rim of a share of its longer side."""
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    rim = max(share * max(east - west, north - south), least_degrees)
    return west - rim, south - rim, east + rim, north + rim
