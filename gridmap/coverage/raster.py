"""The raster that carries the exact index: arrays only, so that it can be saved and mapped back.

Imports its neighbours ``codes``, ``edges``, ``kernels`` and ``room``.

The city is cut into tiles, a tile into 4**k boxes, the more the more edges it has. A box that no edge touches
holds its cell. Any other box has a record: the cell at its south-west corner, and every edge that touches the box,
with the cells on both sides. From the corner to a point in the box one goes first up or down, then across; each
edge crossed changes the cell, by XOR with its two sides, so that the order does not matter. Why it is exact:

- Signs are exact (``kernels.side``), and ways and points are thought of as nudged off every line, all by the same
  infinitely small step. So crossings are counted right also for ways along an edge or through a vertex.
- The corner is the same number when the raster is filled and when it is read. Only the choice of the box rounds;
  a box takes in the edges of a margin that is wider than that, so no edge on the way is missing.
- A point on an edge finds every edge that it lies on in its box, and has the lowest cell of them.

That the edges are those of a coverage is seen while boxes are filled: no two meet but in common ends; around
each vertex the cells on the edges' sides fit together; and the way to the vertex gives the cell there. The way
gives the XOR of all cells that cover a place; so from the outside inwards, edge by edge, there is at most one.

A redraw makes only the tiles anew that its cells touch. Their boxes and records go into ``room``, behind those
there are; a new row of tiles says where. Cells keep their numbers; ``ranks`` turns these into positions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gridmap.coverage import kernels
from gridmap.coverage.codes import Codes, Positions, refuse
from gridmap.coverage.edges import Edges
from gridmap.coverage.room import Room
from gridmap.crs import Floats
from gridmap.errors import InvalidInput, LoadRefused

# More boxes than this do not make look-ups faster, only the raster larger (measured on the demo city).
_BOXES_PER_EDGE = 2
_EDGES_PER_TILE = 32
# Between these, rounding is far smaller than the margin of a box.
_FINEST_STEP_DEGREES, _COARSEST_STEP_DEGREES = 2.0**-14, 8.0
# An edge this close to a tile, in tiles, may be listed in it.
_WINDOW_MARGIN = 2.0**-10
# Redraws have room for this share of the boxes and records, and for this many at least.
_ROOM_SHARE, _LEAST_ROOM = 0.5, 2**20
# A box says with 32 bits where its record is: 16 GiB, some ten million cells.
_MOST_WORDS = 2**31 - 1


_TYPES = {
    "frame": np.float64,
    "tiles": np.int64,
    "boxes": np.int32,
    "records": np.float64,
    "ranks": np.int32,
}


@dataclass(frozen=True, slots=True)
class Raster:
    """Immutable; the arrays may be mapped files.

    - ``frame``: (6,) west, south, step (degrees, a power of two), columns, rows, 1 / step.
    - ``tiles``: (columns * rows,) first box << 4 | k.
    - ``boxes``: the cell's number (0 outside), or -1 - place of the record.
    - ``records``: head, then five words per edge, as ``kernels`` writes them.
    - ``ranks``: the position of each number; -1 for 0 and for cells that are gone.
    - ``room``: boxes and records that redraws have put behind these.
    """

    frame: Floats
    tiles: NDArray[np.int64]
    boxes: NDArray[np.int32]
    records: Floats
    ranks: NDArray[np.int32]
    room: Room = field(default_factory=Room)

    @classmethod
    def build(cls, edges: Edges, codes: Codes) -> Raster:
        """From the edges of all cells; LoadRefused names those that are no coverage, or says they are too many."""
        if not len(codes):
            raise LoadRefused("no cells: a grid has at least one")
        lon, lat = edges.ends[:, [0, 2]], edges.ends[:, [1, 3]]
        west, south, east, north = (float(value) for value in (lon.min(), lat.min(), lon.max(), lat.max()))
        step = _step(east - west, north - south, len(edges.ends))
        # one column and row more on each side: the first corners lie outside the city
        west, south = (math.floor(west / step) - 1) * step, (math.floor(south / step) - 1) * step
        columns, rows = int((east - west) / step) + 2, int((north - south) / step) + 2
        frame = np.array([west, south, step, columns, rows, 1 / step])
        tiles, boxes, records, faults = kernels.fill(edges.ends, edges.cells, frame, _BOXES_PER_EDGE)
        _refuse_faults(edges.ends[faults != 0], edges.cells[faults != 0] - 1, codes)
        _refuse_size(len(boxes), len(records))
        return cls(frame, tiles, boxes, records, np.arange(-1, len(codes), dtype=np.int32))

    def holds(self, edges: Edges) -> bool:
        """Whether a redraw with these edges stays within the raster."""
        west, south, step, columns, rows, _ = self.frame
        if not len(edges.ends):
            return True
        lowest, highest = edges.ends.min(axis=0), edges.ends.max(axis=0)
        return bool(
            lowest[0] >= west + step
            and min(lowest[1], lowest[3]) >= south + step
            and highest[2] < west + (columns - 1) * step
            and max(highest[1], highest[3]) < south + (rows - 1) * step
        )

    def redrawn(self, gone: Positions, edges: Edges, drawn: Positions, bounds: Floats, codes: Codes) -> Raster:
        """The raster after a redraw; this one stays as it is, and both share what did not change.

        ``gone``: the positions of the cells that end or get another shape. ``edges``: those of the new shapes,
        taken alone; ``drawn``: the positions of these among ``codes``, all the cells there are then. ``bounds``:
        (k, 4) of the old shapes and the new ones. The raster must hold the edges. LoadRefused names cells that are
        no coverage then, as far as the redraw changes it.
        """
        if not len(self.room.boxes):
            return self._with_room(0, 0).redrawn(gone, edges, drawn, bounds, codes)
        numbers = np.flatnonzero(self.ranks >= 0)[np.argsort(self.ranks[self.ranks >= 0])]
        is_gone = np.zeros(len(self.ranks) + len(drawn), np.uint8)
        is_gone[numbers[gone]] = 1
        ranks = _ranks_after(self.ranks, gone, drawn, len(codes))
        cells = np.where(edges.cells > 0, edges.cells + np.int32(len(self.ranks) - 1), np.int32(0))
        changed, values, boxes, records, wrong_ends, wrong_cells = kernels.refill(
            edges.ends, cells, self._windows(bounds), is_gone, _BOXES_PER_EDGE,
            self.frame, self.tiles, self.boxes, self.records, self.room.boxes, self.room.records,
        )  # fmt: skip
        _refuse_faults(wrong_ends, ranks[wrong_cells], codes)
        taken = self.room.take(len(boxes), len(records))
        if taken is None:
            roomy = self._with_room(len(boxes), len(records))
            return roomy.redrawn(gone, edges, drawn, bounds, codes)
        first_box, first_word = len(self.boxes) + taken[0], len(self.records) + taken[1]
        self.room.boxes[taken[0] :][: len(boxes)] = np.where(boxes < 0, boxes - first_word, boxes)
        self.room.records[taken[1] :][: len(records)] = records
        tiles = self.tiles.copy()
        tiles[changed] = values + (first_box << 4)
        return replace(self, tiles=tiles, ranks=ranks)

    def _windows(self, bounds: Floats) -> NDArray[np.int64]:
        """The first and last column and row of the tiles that bounds (k, 4) come into, within the raster."""
        west, south, _, columns, rows, per_degree = self.frame
        lowest = np.floor((bounds[:, :2] - (west, south)) * per_degree - _WINDOW_MARGIN)
        highest = np.floor((bounds[:, 2:] - (west, south)) * per_degree + _WINDOW_MARGIN)
        both = np.column_stack([lowest[:, 0], highest[:, 0], lowest[:, 1], highest[:, 1]])
        windows: NDArray[np.int64] = np.clip(both, 0, (columns - 1, columns - 1, rows - 1, rows - 1)).astype(
            np.int64
        )
        return windows

    def _with_room(self, boxes: int, words: int) -> Raster:
        """The same with room for at least so many boxes and words, without what earlier redraws left behind."""
        base = self.compacted()
        room = Room(
            max(boxes, _LEAST_ROOM, int(_ROOM_SHARE * len(base.boxes))),
            max(words, _LEAST_ROOM, int(_ROOM_SHARE * len(base.records))),
        )
        _refuse_size(len(base.boxes) + len(room.boxes), len(base.records) + len(room.records))
        return replace(base, room=room)

    def compacted(self) -> Raster:
        """The same without room and without what no tile refers to: itself when nothing was ever redrawn."""
        if not self.room.nbytes:
            return self
        tiles, boxes, records = kernels.compact(
            self.tiles, self.boxes, self.records, self.room.boxes, self.room.records, self.ranks
        )
        return Raster(self.frame, tiles, boxes, records, np.arange(-1, self.ranks.max() + 1, dtype=np.int32))

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The arrays by name, compacted; without redraws they share the raster's memory."""
        compacted = self.compacted()
        return {name: getattr(compacted, name) for name in _TYPES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Raster:
        """The raster of arrays as ``to_arrays`` gave them; InvalidInput when one has another type or form.

        They are not copied. Arrays of a file mapped with mode "c" answer single look-ups faster than with "r".
        """
        kept: dict[str, NDArray[np.generic]] = {}
        for name, kind in _TYPES.items():
            array = np.asarray(arrays[name])
            if array.dtype != kind or array.ndim != 1 or not array.flags.c_contiguous:
                raise InvalidInput(name, array.dtype.str, f"must be a contiguous row of {np.dtype(kind)}")
            kept[name] = array
        return cls(**kept)  # type: ignore[arg-type]

    @property
    def nbytes(self) -> int:
        """Bytes of memory or file."""
        return int(sum(getattr(self, name).nbytes for name in _TYPES)) + self.room.nbytes

    def locate(self, lon: float, lat: float) -> tuple[int, int]:
        """Position (-1 outside) and how-code of one point."""
        answer = kernels.locate(
            lon,
            lat,
            self.frame,
            self.tiles,
            self.boxes,
            self.records,
            self.ranks,
            self.room.boxes,
            self.room.records,
        )
        return answer >> 2, answer & 3

    def locate_into(self, lon: Floats, lat: Floats, positions: NDArray[np.int32], how: NDArray[np.uint8]) -> None:
        """Write positions and how-codes of many points, all contiguous; other threads run meanwhile."""
        kernels.locate_many(
            lon, lat, positions, how,
            self.frame, self.tiles, self.boxes, self.records, self.ranks, self.room.boxes, self.room.records,
        )  # fmt: skip


def _refuse_faults(ends: Floats, cells: NDArray[np.int32], codes: Codes) -> None:
    """LoadRefused when there are any wrong edges: their ends, and the positions on both sides, -1 outside."""
    if len(ends):
        positions, places = cells.ravel(), ends[:, :2].repeat(2, axis=0)
        there = positions >= 0
        what = "overlap or have edges that do not match those of their neighbours"
        raise refuse(what, positions[there], places[there], codes)


def _refuse_size(boxes: int, words: int) -> None:
    if max(boxes, words) > _MOST_WORDS:
        raise LoadRefused(f"the cells need {boxes} boxes and {words} words of records, more than {_MOST_WORDS}")


def _ranks_after(ranks: NDArray[np.int32], gone: Positions, drawn: Positions, cells: int) -> NDArray[np.int32]:
    """The ranks of the numbers there are and of those that are drawn, which come behind them."""
    stays, taken = np.ones(ranks.max() + 1, bool), np.zeros(cells, bool)
    stays[gone] = False
    taken[drawn] = True
    after = np.full(len(stays) + 1, -1, np.int32)  # one more, for those that have no rank now
    after[:-1][stays] = np.flatnonzero(~taken)
    return np.concatenate([after[ranks], drawn.astype(np.int32)])


def _step(width: float, height: float, edges: int) -> float:
    """The side of a tile in degrees, a power of two: some edges in each, and no more tiles than edges need."""
    area = max(width * height, 1e-12)
    step = 2.0 ** math.floor(math.log2(math.sqrt(area * _EDGES_PER_TILE / edges)))
    while (width / step + 4) * (height / step + 4) > 4 * edges + 4096:
        step *= 2
    return min(max(step, _FINEST_STEP_DEGREES), _COARSEST_STEP_DEGREES)
