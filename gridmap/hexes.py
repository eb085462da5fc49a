"""H3: the only ``import h3``. A hex is an ``int`` inside, ``bigint`` in PostGIS, hexadecimal text outside.

Imports ``compiled`` and ``errors``.
"""

from __future__ import annotations

import h3
import h3.api.basic_int as h3_int
import numpy as np
import pyarrow as pa
from numba import types
from numba.core.typing.templates import Signature
from numba.extending import get_cython_function_address
from numpy.typing import NDArray

from gridmap.compiled import FLOATS, OUT_LONGS, kernel
from gridmap.errors import InvalidInput

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

# Edge about 28 m: fine enough that every coarser hex of a point follows from it by bits.
RESOLUTION = 11

# h3's own compiled conversion, as its Cython modules call it: lat, lon, resolution, and a flag that is always 0.
_CONVERSION = types.uint64(types.float64, types.float64, types.intc, types.intc)
# It counts references to None, so the interpreter's lock must be kept; other threads get a turn between batches.
_BATCH = 8192

_METRES_PER_DEGREE = 111_195.0
# A box of so many edges at most is covered by hexes of that size.
_MOST_EDGES = 6.0

# The last bit of every digit: a digit of a hex goes from 0 to 6, below its resolution it is 7.
_ONES = np.int64(0o111111111111111)


class _H3Conversion(types.WrapperAddressProtocol):
    """What numba asks for when a function that it did not compile is handed to a kernel."""

    def __wrapper_address__(self) -> int:
        return int(get_cython_function_address("h3._cy.latlng", "latlng_to_cell"))

    def signature(self) -> Signature:
        return _CONVERSION


@kernel(types.FunctionType(_CONVERSION), FLOATS, FLOATS, types.intc, OUT_LONGS, nogil=False)
def _convert(conversion: _H3Conversion, lon: Floats, lat: Floats, resolution: int, hexes: Longs) -> None:
    """The function is an argument, since it has another address in every process: so the code can be kept."""
    for i in range(len(lon)):
        hexes[i] = np.int64(conversion(lat[i], lon[i], resolution, np.intc(0)))  # type: ignore[operator]


_h3_conversion = _H3Conversion()


def hexes_of(lon: Floats, lat: Floats, resolution: int = RESOLUTION) -> Longs:
    """The hexes of n points, int64 of shape (n,); InvalidInput when a coordinate is no number or out of range."""
    lon, lat = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
    if lon.ndim != 1 or lon.shape != lat.shape:
        raise InvalidInput("lon, lat", (lon.shape, lat.shape), "must be two rows of the same length")
    if not 0 <= resolution <= 15:
        raise InvalidInput("resolution", resolution, "must be 0 to 15")
    possible = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)  # no NaN either
    if not possible.all():
        at = int(np.argmin(possible))
        rule = f"must be within ±180, ±90: point {at + 1} is not"
        raise InvalidInput("lon, lat", (float(lon[at]), float(lat[at])), rule)
    hexes = np.empty(len(lon), np.int64)
    for start in range(0, len(lon), _BATCH):
        part = slice(start, start + _BATCH)
        _convert(_h3_conversion, lon[part], lat[part], resolution, hexes[part])
    return hexes


def parents(hexes: Longs, resolution: int) -> Longs:
    """The hexes at a coarser resolution: set the resolution bits, fill the digits below with ones."""
    below = (np.int64(1) << np.int64(3 * (15 - resolution))) - 1
    coarse = (hexes & ~(np.int64(0xF) << 52)) | (np.int64(resolution) << 52)
    return coarse | below


def children(hexes: Longs) -> Longs:
    """The children, one resolution finer, of n hexes of one resolution: (7 n,), without one for a pentagon."""
    if not len(hexes):
        return hexes
    resolution = int(hexes[0] >> 52) & 15
    shift = np.int64(3 * (14 - resolution))
    cleared: Longs = (hexes + (np.int64(1) << 52)) & ~(np.int64(7) << shift)
    result: Longs = (cleared[:, np.newaxis] | (np.arange(7, dtype=np.int64) << shift)).ravel()
    pentagons = np.array(h3_int.get_pentagons(resolution), np.int64)
    # where a pentagon's second child would be there is nothing
    there = ~np.isin(np.repeat(hexes, 7), pentagons) | (((result >> shift) & 7) != 1)
    return np.compress(there, result)


def descendants(hexes: Longs) -> tuple[Longs, Longs]:
    """The lowest and the highest hex at :data:`RESOLUTION` that lie in each, by bits; all between them do, too."""
    resolutions = (hexes >> 52) & 15
    digits = (np.int64(1) << (3 * (15 - resolutions))) - (np.int64(1) << np.int64(3 * (15 - RESOLUTION)))
    fine = (hexes & ~(np.int64(0xF) << 52)) | (np.int64(RESOLUTION) << 52)
    return fine & ~digits, fine & ~(digits & _ONES)


def ranges_over(west: float, south: float, east: float, north: float) -> list[tuple[int, int]] | None:
    """Few ranges that hold the hex, at :data:`RESOLUTION`, of every point in a box, and of many around it.

    The finest hexes of which few cover the box are found by a lattice of points in it and beside it: hexes do not
    contain their descendants, and their edges differ from the mean by a third. None for a box too large to matter,
    or at the edge of the map.
    """
    for resolution in range(RESOLUTION - 1, -1, -1):
        edge = float(h3_int.average_hexagon_edge_length(resolution, unit="m")) / _METRES_PER_DEGREE
        if max(east - west, north - south) > _MOST_EDGES * edge:
            continue
        stretch = 1 / np.cos(np.radians(min(max(abs(south), abs(north)), 80.0)))
        margin, step = 3.5 * edge, 0.55 * edge
        if west - margin * stretch < -180 or east + margin * stretch > 180 or max(abs(south), abs(north)) > 79:
            return None
        lon = np.arange(west - margin * stretch, east + (margin + step) * stretch, step * stretch)
        lat = np.arange(south - margin, north + margin + step, step)
        found = hexes_of(np.tile(lon, len(lat)), np.repeat(lat, len(lon)), resolution)
        firsts, lasts = descendants(np.unique(found))
        return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
    return None


def every_coarsest() -> Longs:
    """The 122 hexes of resolution 0, in order."""
    return np.sort(np.array(h3_int.get_res0_cells(), np.int64))


def centres_of(hexes: Longs) -> tuple[Floats, Floats]:
    """Longitudes and latitudes of the hexes' centres, both of shape (n,)."""
    centre = h3_int.cell_to_latlng
    lat_lon = np.array([centre(each) for each in hexes.tolist()], np.float64).reshape(-1, 2)
    return lat_lon[:, 1].copy(), lat_lon[:, 0].copy()


def icosahedron() -> Floats:
    """The twelve corners of H3's icosahedron, where its pentagons are, as (lon, lat) of shape (12, 2)."""
    return np.column_stack(centres_of(np.array(h3_int.get_pentagons(0), np.int64)))


def to_text(hex_: int) -> str:
    """The hexadecimal form that leaves GridMap.

    >>> to_text(0x8b283082e0c8fff)
    '8b283082e0c8fff'
    """
    return str(h3.int_to_str(hex_))


def hex_text(hexes: NDArray[np.int64]) -> pa.Array:
    """The 15 hexadecimal digits of n hexes, null for 0."""
    sixteen = np.frombuffer(hexes.astype(">i8").tobytes().hex().encode(), np.uint8).reshape(-1, 16)
    digits = np.ascontiguousarray(sixteen[:, 1:])
    offsets = np.arange(0, 15 * len(hexes) + 1, 15, dtype=np.int32)
    absent = hexes == 0
    valid = pa.py_buffer(np.packbits(~absent, bitorder="little")) if absent.any() else None
    return pa.StringArray.from_buffers(len(hexes), pa.py_buffer(offsets), pa.py_buffer(digits), valid)


def from_text(text: str) -> int:
    """The hex of its hexadecimal form.

    >>> hex(from_text('8b283082e0c8fff'))
    '0x8b283082e0c8fff'
    """
    return int(h3.str_to_int(text))


def ring_of(hex_: int) -> list[tuple[float, float]]:
    """The hex's corners as (lon, lat), closed."""
    corners = [(lon, lat) for lat, lon in h3_int.cell_to_boundary(hex_)]
    return [*corners, corners[0]]
