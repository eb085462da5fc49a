"""H3: the only ``import h3``. A hex is an ``int`` inside, ``bigint`` in PostGIS, hexadecimal text outside."""

from __future__ import annotations

import h3
import h3.api.basic_int as h3_int
import numpy as np
from numpy.typing import NDArray

# Edge about 28 m: fine enough that every coarser hex of a point follows from it by bits.
RESOLUTION = 11


def hex_of(lon: float, lat: float, resolution: int = RESOLUTION) -> int:
    """The hex that holds a point."""
    return int(h3_int.latlng_to_cell(lat, lon, resolution))


def hexes_of(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """The hexes of n points at :data:`RESOLUTION`, int64 of shape (n,)."""
    convert = h3_int.latlng_to_cell
    points = zip(lat.tolist(), lon.tolist(), strict=True)
    return np.fromiter((convert(y, x, RESOLUTION) for y, x in points), np.int64, count=len(lon))


def parents(hexes: NDArray[np.int64], resolution: int) -> NDArray[np.int64]:
    """The hexes at a coarser resolution: set the resolution bits, fill the digits below with ones."""
    below = (np.int64(1) << np.int64(3 * (15 - resolution))) - 1
    coarse = (hexes & ~(np.int64(0xF) << 52)) | (np.int64(resolution) << 52)
    return coarse | below


def to_text(hex_: int) -> str:
    """The hexadecimal form that leaves GridMap.

    >>> to_text(0x8b283082e0c8fff)
    '8b283082e0c8fff'
    """
    return str(h3.int_to_str(hex_))


def ring_of(hex_: int) -> list[tuple[float, float]]:
    """The hex's corners as (lon, lat), closed."""
    corners = [(lon, lat) for lat, lon in h3_int.cell_to_boundary(hex_)]
    return [*corners, corners[0]]
