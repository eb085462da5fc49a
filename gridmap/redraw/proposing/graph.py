"""How blocks hang together: a graph of what they weigh, and of the edges that they share. Imports ``blocks``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.crs import Floats, from_wgs84
from gridmap.redraw.principles.along import TOLERANCES_M, Segments
from gridmap.redraw.proposing.blocks import Blocks, edges_between

Longs = NDArray[np.int64]
_AT = TOLERANCES_M.index(15.0)


@dataclass(frozen=True, eq=False)
class Graph:
    """n blocks and m pairs of neighbours.

    ``pairs`` (m, 2); ``shared_m`` (m,) is how much edge a pair shares, ``off_m`` (m,) what of it runs along no
    street or water. ``perimeter_m``, ``area_m2``, ``weight`` (n,); ``overlap_m2`` (n, cells there are now).
    """

    pairs: Longs
    shared_m: Floats
    off_m: Floats
    perimeter_m: Floats
    area_m2: Floats
    weight: Floats
    overlap_m2: Floats

    @classmethod
    def of(cls, blocks: Blocks, segments: Segments | None, metric_crs: str) -> Graph:
        """The graph of blocks; without centre lines no edge is along one."""
        shared = edges_between(list(blocks.shapes))
        length, off = [], []
        for edges in shared.values():
            metres, beside = along_m(np.array(edges).reshape(-1, 4), segments, metric_crs)
            length.append(float(metres.sum()))
            off.append(float((metres - beside).sum()))
        pairs = np.array(list(shared), np.int64).reshape(-1, 2)
        return cls(
            pairs,
            np.array(length, np.float64),
            np.array(off, np.float64),
            shapely.length(blocks.flat),
            shapely.area(blocks.flat),
            blocks.weight,
            blocks.overlap_m2,
        )

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return len(self.weight)

    @cached_property
    def rows(self) -> tuple[Longs, Longs, Floats, Floats]:
        """By block its neighbours: where each block's begin, the neighbours, shared and off-street metres."""
        ends = np.concatenate([self.pairs, self.pairs[:, ::-1]])
        order = np.lexsort((ends[:, 1], ends[:, 0]))
        firsts = np.searchsorted(ends[order, 0], np.arange(self.count + 1)).astype(np.int64)
        twice = np.tile(np.arange(len(self.pairs)), 2)[order]
        return firsts, ends[order, 1].copy(), self.shared_m[twice], self.off_m[twice]

    @cached_property
    def components(self) -> list[Longs]:
        """The blocks that hang together, without what is locked: one row of blocks for each piece of ground."""
        firsts, others, _, _ = self.rows
        seen = np.zeros(self.count, bool)
        found = []
        for start in range(self.count):
            if seen[start]:
                continue
            todo, piece = [start], []
            seen[start] = True
            while todo:
                at = todo.pop()
                piece.append(at)
                for other in others[firsts[at] : firsts[at + 1]].tolist():
                    if not seen[other]:
                        seen[other] = True
                        todo.append(other)
            found.append(np.array(sorted(piece), np.int64))
        return found


def along_m(ends: Floats, segments: Segments | None, metric_crs: str) -> tuple[Floats, Floats]:
    """(m,), (m,): metres of edges (m, 4) in degrees, and what of each is along a line as principle 2 has it."""
    flat = np.column_stack(
        [*from_wgs84(metric_crs, ends[:, 0], ends[:, 1]), *from_wgs84(metric_crs, ends[:, 2], ends[:, 3])]
    )
    length = np.hypot(flat[:, 2] - flat[:, 0], flat[:, 3] - flat[:, 1])
    return length, np.zeros(len(flat)) if segments is None else segments.along_m(flat)[:, _AT]


def held_together(graph: Graph, dealt: Sequence[int]) -> bool:
    """Whether the blocks of each part hang together."""
    firsts, others, _, _ = graph.rows
    parts = np.asarray(dealt)
    for each in np.unique(parts).tolist():
        own = set(np.flatnonzero(parts == each).tolist())
        todo = [min(own)]
        left = own - set(todo)
        while todo:
            at = todo.pop()
            near = left.intersection(others[firsts[at] : firsts[at + 1]].tolist())
            left -= near
            todo.extend(near)
        if left:
            return False
    return True
