"""How far a point is from the edges of cells, and which cells are near it, in metres of the city's metric crs.

Arrays only, so that it can be saved and mapped back. Imports its neighbour ``near_kernels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.coverage import near_kernels
from gridmap.crs import Floats, from_wgs84
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

# Edges are straight in lon, lat, so they bend in a metric crs: by under a millimetre over this length (200 m) at
# middle latitudes. Longer ones are cut before they are projected.
LONGEST_EDGE_DEGREES = 0.002
# Room for so many cells near each point at first; more is taken when it runs short.
_ROOM = 4


@dataclass(frozen=True, slots=True)
class Nearby:
    """The cells' edges in metres, by position. Immutable; the arrays may be mapped files.

    - ``base``, ``recent``: (r, 2) and (s, 2) rows of x, y, a row of NaN after each ring; ``recent`` holds the
      cells that redraws have changed since ``base`` was made.
    - ``starts``, ``counts``: (n,) where a cell's rows begin, counted through both, and how many there are.
    - ``boxes``: (n, 4) west, south, east, north of each cell; NaN for an empty one.
    - ``frame``: (5,) west, south, side of a bucket, columns, rows of the directory of cells by bucket.
    - ``bucket_starts``, ``bucket_cells``: the cells whose box touches bucket b, ascending, are
      ``bucket_cells[bucket_starts[b]:bucket_starts[b + 1]]``; ``seeds``: for each bucket a cell near it.
    """

    base: Floats
    recent: Floats
    starts: Longs
    counts: Longs
    boxes: Floats
    frame: Floats
    bucket_starts: Longs
    bucket_cells: Ints
    seeds: Ints

    @classmethod
    def build(cls, degrees: Geometries, metric_crs: str) -> Nearby:
        """From n polygons in EPSG:4326."""
        base, starts, counts, boxes = _rows(degrees, metric_crs)
        return cls(base, np.empty((0, 2)), starts, counts, boxes, *_directory(boxes))

    def redrawn(self, origin: Longs, degrees: Geometries, metric_crs: str) -> Nearby:
        """Another set of cells: position -> position in this one, or -1 for the next of the new ``degrees``.

        Shares what it can with this one, which stays as it is.
        """
        rows, starts, counts, boxes = _rows(degrees, metric_crs)
        starts += len(self.base) + len(self.recent)
        new = origin < 0
        kept = origin[~new]
        new_starts, new_counts = np.empty(len(origin), np.int64), np.empty(len(origin), np.int64)
        new_boxes = np.empty((len(origin), 4))
        new_starts[new], new_counts[new], new_boxes[new] = starts, counts, boxes
        new_starts[~new], new_counts[~new] = self.starts[kept], self.counts[kept]
        new_boxes[~new] = self.boxes[kept]
        recent = np.concatenate([self.recent, rows])
        redrawn = Nearby(self.base, recent, new_starts, new_counts, new_boxes, *_directory(new_boxes))
        return redrawn.compacted() if 8 * len(recent) > len(self.base) else redrawn

    def compacted(self) -> Nearby:
        """The same cells with all their rows in ``base``, and none that no cell has."""
        rows = np.concatenate([self.base, self.recent])
        ends = np.cumsum(self.counts)
        starts = ends - self.counts
        take = np.arange(ends[-1]) + np.repeat(self.starts - starts, self.counts)
        directory = (self.frame, self.bucket_starts, self.bucket_cells, self.seeds)
        return Nearby(rows[take], np.empty((0, 2)), starts, self.counts, self.boxes, *directory)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The arrays by name, compacted; without redraws they share this one's memory."""
        compacted = self.compacted() if len(self.recent) else self
        return {field.name: getattr(compacted, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Nearby:
        """From arrays as ``to_arrays`` gave them, not copied; InvalidInput when one has another type."""
        kinds = (np.float64, np.float64, np.int64, np.int64, np.float64, np.float64, np.int64, np.int32, np.int32)
        kept: dict[str, NDArray[np.generic]] = {}
        for field, kind in zip(fields(cls), kinds, strict=True):
            array = np.asarray(arrays[field.name])
            if array.dtype != kind or not array.flags.c_contiguous:
                raise InvalidInput(field.name, array.dtype.str, f"must be contiguous rows of {np.dtype(kind)}")
            kept[field.name] = array
        return cls(**kept)  # type: ignore[arg-type]

    @property
    def nbytes(self) -> int:
        """Bytes of memory or file."""
        return sum(getattr(self, field.name).nbytes for field in fields(self))

    def edge_distances_m(self, positions: Ints, x: Floats, y: Floats) -> Floats:
        """(n,) metres from each point to the nearest edge of the cell at its position; NaN for a negative one."""
        positions, distances = np.asarray(positions, np.int32), np.empty(len(x))
        near_kernels.edge_distances(positions, x, y, self.starts, self.counts, self.base, self.recent, distances)
        return distances

    def others_within(self, positions: Ints, x: Floats, y: Floats, reach_m: Floats) -> tuple[Longs, Ints, Floats]:
        """The cells besides the point's own whose edges are within reach, nearest first, then by position.

        Those of point i and their distances stand from ``offsets[i]`` to ``offsets[i + 1]`` of the other two.
        """
        offsets = np.zeros(len(x) + 1, np.int64)
        found, distances = np.empty(_ROOM * len(x), np.int32), np.empty(_ROOM * len(x))
        done = 0
        while True:
            done = near_kernels.within(
                done, positions, x, y, reach_m, self.starts, self.counts, self.base, self.recent, self.boxes,
                self.frame, self.bucket_starts, self.bucket_cells, offsets, found, distances,
            )  # fmt: skip
            if done == len(x):
                break
            more = max(len(found), len(self.starts))
            found = np.concatenate([found[: offsets[done]], np.empty(more, np.int32)])
            distances = np.concatenate([distances[: offsets[done]], np.empty(more)])
        found, distances = found[: offsets[-1]], distances[: offsets[-1]]
        point = np.repeat(np.arange(len(x)), np.diff(offsets))
        order = np.lexsort((found, distances, point))
        return offsets, found[order], distances[order]

    def nearest(self, x: Floats, y: Floats) -> tuple[Ints, Floats]:
        """(n,) position of the cell with the nearest edge, the lowest of equally near ones, and its distance."""
        found, distances = np.empty(len(x), np.int32), np.empty(len(x))
        near_kernels.nearest(
            x, y, self.starts, self.counts, self.base, self.recent, self.boxes, self.frame, self.bucket_starts,
            self.bucket_cells, self.seeds, found, distances,
        )  # fmt: skip
        return found, distances


def _rows(degrees: Geometries, metric_crs: str) -> tuple[Floats, Longs, Longs, Floats]:
    """Rows of the polygons' rings with a row of NaN after each, where a polygon's begin, how many, its box."""
    parts, part_owner = shapely.get_parts(shapely.segmentize(degrees, LONGEST_EDGE_DEGREES), return_index=True)
    rings, ring_owner = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    x, y = from_wgs84(metric_crs, coordinates[:, 0], coordinates[:, 1])
    rows = np.full((len(x) + len(rings), 2), np.nan)
    places = np.arange(len(x)) + ring
    rows[places, 0], rows[places, 1] = x, y
    ends_at = np.append(np.flatnonzero(np.diff(ring)), len(x) - 1) + 1 + np.arange(1, len(rings) + 1)
    last = np.searchsorted(part_owner[ring_owner], np.arange(len(degrees)), side="right")
    stops = np.concatenate([[0], ends_at])[last].astype(np.int64)
    starts = np.concatenate([[0], stops[:-1]])
    boxes = np.full((len(degrees), 4), np.nan)
    some = stops > starts
    if some.any():
        # a row of NaN is passed over by fmin and fmax
        boxes[some, :2] = np.fmin.reduceat(rows, starts[some])
        boxes[some, 2:] = np.fmax.reduceat(rows, starts[some])
    return rows, starts, stops - starts, boxes


def _directory(boxes: Floats) -> tuple[Floats, Longs, Ints, Ints]:
    """Frame, starts, cells and seeds of the directory: about one bucket for each cell."""
    west, south = (float(value) for value in np.nanmin(boxes[:, :2], axis=0))
    east, north = (float(value) for value in np.nanmax(boxes[:, 2:], axis=0))
    width, height = east - west, north - south
    side = max(np.sqrt(width * height / len(boxes)), max(width, height) / (4 * len(boxes)), 1e-3)
    columns, rows = int(width / side) + 1, int(height / side) + 1
    frame = np.array([west, south, side, columns, rows])
    starts = np.zeros(columns * rows + 1, np.int64)
    near_kernels.count_in_buckets(boxes, frame, starts)
    cells = np.empty(starts[-1], np.int32)
    near_kernels.fill_buckets(boxes, frame, starts, cells)
    seeds = np.empty(columns * rows, np.int32)
    near_kernels.fill_seeds(frame, starts, cells, seeds)
    return frame, starts, cells, seeds
