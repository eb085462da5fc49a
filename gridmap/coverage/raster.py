"""The raster that carries the exact index: arrays only, so that it can be saved and mapped back.

Imports its neighbours ``edges`` and ``kernels``.

The city is cut into tiles, a tile into 4**k boxes, the more the more edges it has. A box that no edge touches
holds its cell. Any other box has a record: the cell at its south-west corner, and every edge that touches the box,
with the cells on both sides. From the corner to a point in the box one goes first up or down, then across; each
edge crossed changes the cell, by XOR with its two sides, so that the order does not matter. Why it is exact:

- Signs are exact (``kernels.side``), and ways and points are thought of as nudged off every line, all by the same
  infinitely small step. So crossings are counted right also for ways along an edge or through a vertex.
- The corner is the same number when the raster is filled and when it is read. Only the choice of the box rounds;
  a box takes in the edges of a margin that is wider than that, so no edge on the way is missing.
- A point on an edge finds every edge that it lies on in its box, and has the lowest cell of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gridmap.coverage import kernels
from gridmap.coverage.edges import Edges
from gridmap.crs import Floats
from gridmap.errors import InvalidInput, LoadRefused

# More boxes than this do not make look-ups faster, only the raster larger (measured on the demo city).
_BOXES_PER_EDGE = 2
_EDGES_PER_TILE = 32
# Between these, rounding is far smaller than the margin of a box.
_FINEST_STEP_DEGREES, _COARSEST_STEP_DEGREES = 2.0**-14, 8.0
# A box says with 32 bits where its record is: 16 GiB, some ten million cells.
_MOST_WORDS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Raster:
    """Immutable; ``tiles``, ``boxes`` and ``records`` may be mapped files.

    - ``frame``: (6,) west, south, step (degrees, a power of two), columns, rows, 1 / step.
    - ``tiles``: (columns * rows,) first box << 4 | k.
    - ``boxes``: the cell (position + 1, 0 outside), or -1 - place of the record.
    - ``records``: head, then five words per edge, as ``kernels`` writes them.
    """

    frame: Floats
    tiles: NDArray[np.int64]
    boxes: NDArray[np.int32]
    records: Floats

    @classmethod
    def build(cls, edges: Edges) -> Raster:
        """From the edges of a coverage; LoadRefused when there are too many for one raster."""
        lon, lat = edges.ends[:, [0, 2]], edges.ends[:, [1, 3]]
        west, south, east, north = (float(value) for value in (lon.min(), lat.min(), lon.max(), lat.max()))
        step = _step(east - west, north - south, len(edges.ends))
        # one column and row more on each side: the first corners lie outside the city
        west, south = (math.floor(west / step) - 1) * step, (math.floor(south / step) - 1) * step
        columns, rows = int((east - west) / step) + 2, int((north - south) / step) + 2
        frame = np.array([west, south, step, columns, rows, 1 / step])
        tiles, boxes, records = kernels.fill(edges.ends, edges.cells, frame, _BOXES_PER_EDGE)
        if max(len(boxes), len(records)) > _MOST_WORDS:
            raise LoadRefused(f"{len(edges.ends)} edges need {len(records)} words, more than {_MOST_WORDS}")
        return cls(frame, tiles, boxes, records)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The arrays by name; they share the raster's memory."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Raster:
        """The raster of arrays as ``to_arrays`` gave them; InvalidInput when one has another type or form.

        They are not copied. Arrays of a file mapped with mode "c" answer single look-ups faster than with "r".
        """
        kept: dict[str, NDArray[np.generic]] = {}
        for field, kind in zip(fields(cls), (np.float64, np.int64, np.int32, np.float64), strict=True):
            array = np.asarray(arrays[field.name])
            if array.dtype != kind or array.ndim != 1 or not array.flags.c_contiguous:
                raise InvalidInput(field.name, array.dtype.str, f"must be a contiguous row of {np.dtype(kind)}")
            kept[field.name] = array
        return cls(**kept)  # type: ignore[arg-type]

    @property
    def nbytes(self) -> int:
        """Bytes of memory or file."""
        return sum(array.nbytes for array in self.to_arrays().values())

    def locate(self, lon: float, lat: float) -> tuple[int, int]:
        """Position (-1 outside) and how-code of one point."""
        answer = kernels.locate(lon, lat, self.frame, self.tiles, self.boxes, self.records)
        return answer >> 2, answer & 3

    def locate_into(self, lon: Floats, lat: Floats, positions: NDArray[np.int32], how: NDArray[np.uint8]) -> None:
        """Write positions and how-codes of many points, all contiguous; other threads run meanwhile."""
        kernels.locate_many(lon, lat, positions, how, self.frame, self.tiles, self.boxes, self.records)


def _step(width: float, height: float, edges: int) -> float:
    """The side of a tile in degrees, a power of two: some edges in each, and no more tiles than edges need."""
    area = max(width * height, 1e-12)
    step = 2.0 ** math.floor(math.log2(math.sqrt(area * _EDGES_PER_TILE / edges)))
    while (width / step + 4) * (height / step + 4) > 4 * edges + 4096:
        step *= 2
    return min(max(step, _FINEST_STEP_DEGREES), _COARSEST_STEP_DEGREES)
