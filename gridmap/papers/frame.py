"""Where things lie on the paper of a map: metres to millimetres. Imports ``parts`` and ``crs``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats, from_wgs84
from gridmap.papers.parts import Box
from gridmap.shapes import Geometries

_STEPS_M: list[int] = [step * 10**power for power in range(1, 6) for step in (1, 2, 5)]


@dataclass(frozen=True)
class Frame:
    """Metres to paper: ``west`` and ``north`` are at the upper left corner, ``scale`` is millimetres a metre."""

    crs: str
    west: float
    north: float
    scale: float
    width: float
    height: float

    @classmethod
    def of(cls, box: Box, crs: str, width: float, most_height: float) -> Frame:
        corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]])
        x, y = from_wgs84(crs, corners[:, 0], corners[:, 1])
        west, east, south, north = x.min(), x.max(), y.min(), y.max()
        height = min(most_height, max(width * (north - south) / (east - west), 0.45 * width))
        scale = min(width / (east - west), height / (north - south))
        middle_x, middle_y = (west + east) / 2, (south + north) / 2
        return cls(crs, middle_x - width / scale / 2, middle_y + height / scale / 2, scale, width, height)

    @property
    def sheet(self) -> BaseGeometry:
        """The map's own rectangle on paper."""
        return shapely.box(0, 0, self.width, self.height)

    @property
    def bar_m(self) -> int:
        """How many metres the scale bar shows."""
        fitting = [step for step in _STEPS_M if step * self.scale <= self.width / 4]
        return max(fitting, default=_STEPS_M[0])

    @property
    def corner_of_scale(self) -> BaseGeometry:
        """Where the scale bar stands."""
        return shapely.box(0, self.height - 10, self.bar_m * self.scale + 14, self.height)

    @property
    def corner_of_north(self) -> BaseGeometry:
        """Where the arrow stands."""
        return shapely.box(self.width - 13.5, 0, self.width, 14)

    def on_paper(self, shapes: Geometries | BaseGeometry) -> NDArray[np.object_]:
        """Shapes in degrees as millimetres, y downwards, and no more of them than the sheet has."""

        def convert(pairs: Floats) -> Floats:
            x, y = from_wgs84(self.crs, pairs[:, 0], pairs[:, 1])
            return np.column_stack([(x - self.west) * self.scale, (self.north - y) * self.scale])

        placed = shapely.transform(np.atleast_1d(np.asarray(shapes, dtype=object)), convert)
        clipped: NDArray[np.object_] = shapely.intersection(
            placed, shapely.box(-1, -1, self.width + 1, self.height + 1)
        )
        return clipped
