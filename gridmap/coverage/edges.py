"""The edges of a coverage: each one once, with the cell on its left and the cell on its right.

Imports ``shapes``, ``crs``, ``compiled`` and ``errors``. Cells that are no coverage stop here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.compiled import FLOAT_ROWS, INT, INTS, kernel
from gridmap.crs import Floats
from gridmap.errors import LoadRefused
from gridmap.shapes import SHOWN_FAULTS, Geometries

Ints = NDArray[np.int32]

# A coordinate nearer to zero is zero, or else the exact arithmetic of ``kernels`` could underflow.
SMALLEST_DEGREES = 2.0**-100

_FREE = -1


@dataclass(frozen=True, slots=True)
class Edges:
    """m edges of a coverage.

    - ``ends``: (m, 4) float64: lon, lat of the lower end, then of the upper (by lon, then by lat).
    - ``cells``: (m, 2) int32: the cell on the left and on the right of the way up, as position + 1; 0 is outside.
    """

    ends: Floats
    cells: Ints


def edges_of(geometries: Geometries) -> Edges:
    """The edges of polygons and multipolygons in EPSG:4326; LoadRefused names the places that are no coverage.

    Holes, gaps inside the city and several parts are allowed; overlaps, edges that meet elsewhere than at common
    vertices, and cells that do not lie on both sides of their common edges are not.
    """
    starts, ends, owners = _ring_segments(geometries)
    _refuse_impossible(starts, ends, owners, len(geometries))
    rows, cells, taken = _pair(starts, ends, owners, _table_size(len(owners)))
    if len(taken):
        _refuse("overlap or are not valid", starts[taken], owners[taken] - 1)
    faults = shapely.coverage_invalid_edges(geometries)
    wrong = np.flatnonzero(~shapely.is_empty(faults))
    if len(wrong):
        places = np.array([shapely.get_coordinates(fault)[0] for fault in faults[wrong[:SHOWN_FAULTS]]])
        _refuse("have edges that do not match those of their neighbours", places, wrong)
    return Edges(rows, cells)


def _ring_segments(geometries: Geometries) -> tuple[Floats, Floats, Ints]:
    """Start, end (both (n, 2)) and cell (position + 1) of every segment; the cell lies on its left."""
    polygons, cell_of = shapely.get_parts(shapely.orient_polygons(geometries), return_index=True)
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    points = points + 0.0  # makes -0.0 the same number as 0.0, also in the bits
    same_ring = ring_of[1:] == ring_of[:-1]
    owners = (cell_of[polygon_of] + 1).astype(np.int32)
    return points[:-1][same_ring], points[1:][same_ring], owners[ring_of[:-1][same_ring]]


def _refuse_impossible(starts: Floats, ends: Floats, owners: Ints, cells: int) -> None:
    missing = np.setdiff1d(np.arange(1, cells + 1), owners)
    if len(missing) or not cells:
        shown = ", ".join(str(number) for number in missing[:SHOWN_FAULTS])
        raise LoadRefused(
            f"cells are not a coverage: {len(missing)} of {cells} are no polygons: cell number {shown}"
        )
    lon_lat = np.abs(starts)
    wrong = ~((lon_lat == 0) | (lon_lat >= SMALLEST_DEGREES)) | ~(lon_lat <= (180.0, 90.0))
    wrong = wrong.any(axis=1) | (starts == ends).all(axis=1)
    if wrong.any():
        _refuse("have vertices that are no place or are repeated", starts[wrong], owners[wrong] - 1)


def _refuse(what: str, places: Floats, positions: NDArray[np.integer]) -> None:
    shown = "; ".join(
        f"cell number {position + 1} at {lon:.7f} {lat:.7f}"
        for (lon, lat), position in zip(places[:SHOWN_FAULTS], positions[:SHOWN_FAULTS], strict=True)
    )
    raise LoadRefused(f"cells are not a coverage: {len(np.unique(positions))} of them {what}: {shown}")


def _table_size(segments: int) -> int:
    """A power of two that leaves at least half of the places free."""
    return 1 << max(4, (2 * segments - 1).bit_length())


@kernel(FLOAT_ROWS, FLOAT_ROWS, INTS, INT)
def _pair(starts: Floats, ends: Floats, owners: Ints, size: int) -> tuple[Floats, Ints, NDArray[np.int64]]:
    """Find each segment's twin through a hash table with ``size`` places.

    Returns the rows and cells of ``Edges`` and the numbers of the segments whose side of an edge was taken, or
    that have their own cell on the other side too.
    """
    table = np.full(size, _FREE, np.int32)
    rows = np.empty((len(owners), 4), np.float64)
    cells = np.zeros((len(owners), 2), np.int32)
    taken = np.empty(len(owners), np.int64)
    found = 0
    faults = 0
    for segment in range(len(owners)):
        x1, y1 = starts[segment, 0], starts[segment, 1]
        x2, y2 = ends[segment, 0], ends[segment, 1]
        side = 0
        if x1 > x2 or (x1 == x2 and y1 > y2):
            x1, y1, x2, y2 = x2, y2, x1, y1
            side = 1
        rows[found] = (x1, y1, x2, y2)
        bits = rows[found].view(np.uint64)
        mixed = np.uint64(0)
        for word in range(4):
            mixed = (mixed ^ bits[word]) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        place = np.int64(mixed & np.uint64(size - 1))
        edge = table[place]
        while edge != _FREE and not (
            rows[edge, 0] == x1 and rows[edge, 1] == y1 and rows[edge, 2] == x2 and rows[edge, 3] == y2
        ):
            place = (place + 1) & (size - 1)
            edge = table[place]
        if edge == _FREE:
            edge = found
            table[place] = edge
            found += 1
        if cells[edge, side] != 0 or cells[edge, 1 - side] == owners[segment]:
            taken[faults] = segment
            faults += 1
        cells[edge, side] = owners[segment]
    return rows[:found].copy(), cells[:found].copy(), taken[:faults].copy()
