"""Whole geometries between EPSG:4326 in order lon, lat and other systems. Imports ``crs`` and ``errors``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats, from_wgs84, is_degrees, to_wgs84
from gridmap.errors import InvalidInput

# What is straight in metres bends in degrees: edges that come in are cut into pieces this long, but not too many.
_PIECE_M = 100.0
_MOST_PIECES = 10_000


@dataclass(frozen=True, slots=True)
class Axes:
    """A crs by its canonical name, and whether its pairs are written north first, as EPSG:4326 asks."""

    crs: str
    north_first: bool = False


def from_stored(axes: Axes, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Stored geometries in ``axes``. Vertices that two of them share stay shared; edges are not cut."""
    if axes == Axes("wgs84"):
        return geometries

    def convert(lon_lat: Floats) -> Floats:
        pair = from_wgs84(axes.crs, lon_lat[:, 0], lon_lat[:, 1])
        return np.column_stack(pair[::-1] if axes.north_first else pair)

    converted: NDArray[np.object_] = shapely.transform(geometries, convert)
    return converted


def to_stored(axes: Axes, geometry: BaseGeometry, field: str) -> BaseGeometry:
    """A geometry that came in ``axes`` as it would be stored; InvalidInput when it lies nowhere on earth."""
    turned = _turn(geometry) if axes.north_first else geometry
    if not is_degrees(axes.crs):
        turned = shapely.segmentize(turned, max(_PIECE_M, turned.length / _MOST_PIECES))

    def convert(pairs: Floats) -> Floats:
        return np.column_stack(to_wgs84(axes.crs, pairs[:, 0], pairs[:, 1]))

    stored: BaseGeometry = shapely.transform(turned, convert)
    # what cannot be converted is infinite, and no comparison with NaN holds
    if not (np.abs(shapely.get_coordinates(stored)) <= (180.0, 90.0)).all():
        order = "north first" if axes.north_first else "east first"
        raise InvalidInput(field, shapely.to_wkt(geometry), f"is no place on earth in {axes.crs}, {order}")
    return stored


def _turn(geometry: BaseGeometry) -> BaseGeometry:
    turned: BaseGeometry = shapely.transform(geometry, lambda pairs: pairs[:, ::-1])
    return turned
