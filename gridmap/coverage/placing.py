"""Where many points lie: cell, how, edge distance, nearest cell, hex and candidates, as arrays.

Pure. Imports its neighbours ``grid`` and ``index``, and ``hexes``. A row that has no usable point is kept, with
the reason, so that what comes out adds up to what went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from gridmap.coverage.grid import Grid
from gridmap.coverage.index import EDGE_CODE, ON_EDGE_M, OUTSIDE, OUTSIDE_CODE
from gridmap.crs import Floats
from gridmap.errors import InvalidInput
from gridmap.hexes import hexes_of

Kind = TypeVar("Kind", bound=np.generic)

# ``how`` of a row without a usable point, after those of ``index``.
NOWHERE_CODE: Final = 3

# Further off nobody means a point; each candidate costs time and memory.
LARGEST_ACCURACY_M = 5_000.0

# Why a row has no place, or no candidates; 0 is no reason.
MISSING, NOT_FINITE, NO_PLACE, BAD_ACCURACY, NOT_A_POINT = 1, 2, 3, 4, 5
REASONS = (
    "",
    "lon, lat: must not be missing",
    "lon, lat: must be finite numbers",
    "lon, lat: no place on earth",
    f"accuracy_m: must lie from 0 to {LARGEST_ACCURACY_M:g}",
    "geometry: must be a point",
)


@dataclass(frozen=True)
class Placements:
    """Where n points lie in one revision. Positions are those of the grid's cells; all distances are metres.

    - ``positions`` (int32): the cell, OUTSIDE (-1) where there is none; ``how`` (uint8): a code of ``index`` or
      NOWHERE_CODE; ``reasons`` (uint8): why there is no place or no candidates, in REASONS.
    - ``edge_distances_m``: to the nearest edge of the cell, NaN outside; ``nearest``, ``nearest_m``: for a point
      outside the nearest cell, else -1 and NaN.
    - ``hexes`` (int64): at the finest resolution, 0 for no place.
    - ``candidates[offsets[i]:offsets[i + 1]]``: the cells that row i may be in, its own first, then the nearest.
    """

    positions: NDArray[np.int32]
    how: NDArray[np.uint8]
    reasons: NDArray[np.uint8]
    edge_distances_m: Floats
    nearest: NDArray[np.int32]
    nearest_m: Floats
    hexes: NDArray[np.int64]
    offsets: NDArray[np.int64]
    candidates: NDArray[np.int32]
    candidate_distances_m: Floats

    def __len__(self) -> int:
        return len(self.positions)


def place(
    grid: Grid,
    lon: Floats,
    lat: Floats,
    accuracy_m: Floats | float = 0.0,
    reasons: NDArray[np.uint8] | None = None,
) -> Placements:
    """Place n points in WGS 84, order as given; a bad row does not stop the others.

    ``accuracy_m``: how far off each may be, NaN for unknown, which counts as 0. ``reasons``: what is known to be
    wrong with a row already. Safe to call from several threads at a time. InvalidInput when lengths differ.
    """
    lon, lat = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
    accuracy = np.broadcast_to(np.asarray(accuracy_m, np.float64), lon.shape)
    if lon.ndim != 1 or lon.shape != lat.shape:
        raise InvalidInput("lon, lat", (lon.shape, lat.shape), "must be two rows of the same length")
    reasons = _reasons(lon, lat, accuracy, reasons)
    nowhere = (reasons > 0) & (reasons != BAD_ACCURACY)
    if not nowhere.any():
        return _placed(grid, lon, lat, accuracy, reasons)
    usable = np.flatnonzero(~nowhere)
    placed = _placed(grid, lon[usable], lat[usable], accuracy[usable], reasons[usable])
    return _with_gaps(placed, usable, reasons)


def _reasons(lon: Floats, lat: Floats, accuracy: Floats, known: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """What is wrong with each row; the worst thing, if several are."""
    reasons = np.zeros(len(lon), np.uint8)
    reasons[(accuracy < 0.0) | (accuracy > LARGEST_ACCURACY_M)] = BAD_ACCURACY
    if known is not None:
        reasons[(known == BAD_ACCURACY)] = BAD_ACCURACY
    on_earth = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    if not on_earth.all():
        reasons[~on_earth] = NO_PLACE
        reasons[~(np.isfinite(lon) & np.isfinite(lat))] = NOT_FINITE
    if known is not None:
        stated = (known > 0) & (known != BAD_ACCURACY)
        reasons[stated] = known[stated]
    return reasons


def _placed(grid: Grid, lon: Floats, lat: Floats, accuracy: Floats, reasons: NDArray[np.uint8]) -> Placements:
    index = grid.index
    positions, how = index.locate_many(lon, lat)
    edge_distances_m = index.edge_distances_m(positions, lon, lat)
    edge_distances_m[how == EDGE_CODE] = 0.0
    nearest, nearest_m = np.full(len(lon), OUTSIDE, np.int32), np.full(len(lon), np.nan)
    outside = np.flatnonzero(how == OUTSIDE_CODE)
    if len(outside):
        nearest[outside], nearest_m[outside] = index.nearest_many(lon[outside], lat[outside])
    reach = np.where(reasons == BAD_ACCURACY, -1.0, np.nan_to_num(accuracy))
    away = np.where(how == OUTSIDE_CODE, nearest_m, edge_distances_m)
    unsure = np.flatnonzero((reach >= 0.0) & ((away <= np.maximum(reach, ON_EDGE_M)) | (how == EDGE_CODE)))
    others = _others(grid, lon[unsure], lat[unsure], positions[unsure], reach[unsure])
    offsets, candidates, distances = _joined(positions, reasons, unsure, *others)
    return Placements(
        positions, how, reasons, edge_distances_m, nearest, nearest_m, hexes_of(lon, lat), offsets, candidates,
        distances,
    )  # fmt: skip


# Rows whose neighbours are looked for at a time: with the largest accuracy each may have thousands.
_SEARCHED = 8_192


def _others(
    grid: Grid, lon: Floats, lat: Floats, positions: NDArray[np.int32], reach: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """How many other cells are within reach of each unsure row, and these, nearest first, and how far."""
    counts, found, distances = [np.empty(0, np.int64)], [np.empty(0, np.int32)], [np.empty(0)]
    for start in range(0, len(lon), _SEARCHED):
        part = slice(start, start + _SEARCHED)
        offsets, cells, away = grid.index.others_within(positions[part], lon[part], lat[part], reach[part])
        counts.append(np.diff(offsets))
        found.append(cells)
        distances.append(away)
    return np.concatenate(counts), np.concatenate(found), np.concatenate(distances)


def _joined(
    positions: NDArray[np.int32],
    reasons: NDArray[np.uint8],
    unsure: NDArray[np.intp],
    counts: NDArray[np.int64],
    found: NDArray[np.int32],
    away: Floats,
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """Each row's own cell, 0 m away, and after it the others; a row with a bad accuracy has none."""
    own = (positions != OUTSIDE) & (reasons != BAD_ACCURACY)
    lengths = own.astype(np.int64)
    lengths[unsure] += counts
    offsets = np.zeros(len(positions) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    candidates, distances = np.empty(offsets[-1], np.int32), np.zeros(offsets[-1])
    candidates[offsets[:-1][own]] = positions[own]
    rank = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.repeat(offsets[unsure] + own[unsure], counts) + rank
    candidates[places], distances[places] = found, away
    return offsets, candidates, distances


def _with_gaps(placed: Placements, usable: NDArray[np.intp], reasons: NDArray[np.uint8]) -> Placements:
    """The placements of the usable rows among all rows."""
    count = len(reasons)
    lengths = np.zeros(count, np.int64)
    lengths[usable] = np.diff(placed.offsets)

    def spread(values: NDArray[Kind], empty: float) -> NDArray[Kind]:
        whole = np.full(count, empty, values.dtype)
        whole[usable] = values
        return whole

    return Placements(
        spread(placed.positions, OUTSIDE), spread(placed.how, NOWHERE_CODE), reasons,
        spread(placed.edge_distances_m, np.nan), spread(placed.nearest, OUTSIDE), spread(placed.nearest_m, np.nan),
        spread(placed.hexes, 0), np.concatenate([[0], np.cumsum(lengths)]), placed.candidates,
        placed.candidate_distances_m,
    )  # fmt: skip


@dataclass
class CellCounts:
    """Points per cell in the making: how many, and how many within ``near_m`` of an edge of their cell.

    ``points`` and ``near_edge`` (int64) are by position; a point that is not near an edge is sure.
    """

    points: NDArray[np.int64]
    near_edge: NDArray[np.int64]
    near_m: float
    outside: int = 0
    nowhere: int = 0

    @classmethod
    def empty(cls, cells: int, near_m: float) -> CellCounts:
        """No points yet. ``near_m``: how near to an edge a point may be in the next cell."""
        if not 0.0 <= near_m <= LARGEST_ACCURACY_M:
            raise InvalidInput("near_m", near_m, f"must lie from 0 to {LARGEST_ACCURACY_M:g}")
        return cls(np.zeros(cells, np.int64), np.zeros(cells, np.int64), near_m)

    @property
    def sure(self) -> NDArray[np.int64]:
        """By position, the points that are further from every edge of their cell."""
        return self.points - self.near_edge

    def add(self, placed: Placements) -> None:
        """Count more placements of the same grid."""
        inside = placed.positions != OUTSIDE
        near = inside & (placed.edge_distances_m <= self.near_m)
        self.points += np.bincount(placed.positions[inside], minlength=len(self.points))
        self.near_edge += np.bincount(placed.positions[near], minlength=len(self.points))
        self.outside += int(np.count_nonzero(placed.how == OUTSIDE_CODE))
        self.nowhere += int(np.count_nonzero(placed.how == NOWHERE_CODE))


def count_cells(placed: Placements, cells: int, near_m: float) -> CellCounts:
    """Counts of one array of placements over a grid of so many cells; they and the rest add up to its rows."""
    counts = CellCounts.empty(cells, near_m)
    counts.add(placed)
    return counts
