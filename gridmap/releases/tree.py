"""The tree that a release counts over: the city's levels down to the cells, of one revision, as arrays.

Imports ``hexes``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gridmap import hexes

Longs = NDArray[np.int64]
Codes = NDArray[np.object_]

CELL = "cell"
# The one chain of hexes: the finest, whose parents by H3's bits are the coarser ones.
FINEST_HEX, COARSEST_HEX = 9, 6


@dataclass(frozen=True)
class Tree:
    """The nodes of each level, by code; ``levels`` run from the city to ``cell``.

    ``codes[i]`` are those of level i, ``parents[i]`` the positions in level i - 1 of their parents (empty for the
    city), ``hexes`` the hexes of resolution 9 that the cells' label points lie in.
    """

    revision: int
    levels: tuple[str, ...]
    codes: tuple[Codes, ...]
    parents: tuple[Longs, ...]
    hexes: Longs

    @cached_property
    def ancestors(self) -> tuple[Longs, ...]:
        """For each level the position there of every cell's ancestor; for the last the cells themselves."""
        found = [np.arange(len(self.codes[-1]), dtype=np.int64)]
        for parents in reversed(self.parents[1:]):
            found.append(parents[found[-1]])
        return tuple(reversed(found))

    @cached_property
    def children(self) -> tuple[Longs, ...]:
        """How many nodes of the level below each node has; of cells none."""
        below = self.parents[1:]
        counted = [
            np.bincount(each, minlength=len(codes)) for each, codes in zip(below, self.codes[:-1], strict=True)
        ]
        return (*counted, np.zeros(len(self.codes[-1]), np.int64))

    @cached_property
    def positions(self) -> tuple[Mapping[str, int], ...]:
        """For each level code -> position."""
        return tuple({code: at for at, code in enumerate(codes.tolist())} for codes in self.codes)

    def tops(self, level: int) -> Codes:
        """The leading code of each node of a level: the area just below the city that it lies in."""
        positions = np.arange(len(self.codes[level]))
        leading = 1 if len(self.levels) > 2 else 0
        for parents in reversed(self.parents[leading + 1 : level + 1]):
            positions = parents[positions]
        return self.codes[min(level, leading)][positions]

    def sums(self, cell_counts: Longs) -> tuple[Longs, ...]:
        """The counts of all levels from those of the cells."""
        found = [np.asarray(cell_counts, np.int64)]
        for parents, codes in zip(reversed(self.parents[1:]), reversed(self.codes[:-1]), strict=True):
            above = np.zeros(len(codes), np.int64)
            np.add.at(above, parents, found[-1])
            found.append(above)
        return tuple(reversed(found))

    def hexes_at(self, resolution: int) -> tuple[Longs, Longs]:
        """The hexes of the chain that hold label points, in order, and the position there of every cell's."""
        found, at = np.unique(hexes.parents(self.hexes, resolution), return_inverse=True)
        return found.astype(np.int64), at.astype(np.int64)


def build_tree(
    revision: int,
    levels: Sequence[str],
    areas: Iterable[tuple[str, str, str | None]],
    cells: Sequence[tuple[str, str]],
    cell_hexes: Longs,
) -> Tree:
    """The tree of (level, code, parent) of areas and (code, community) of cells, whose hexes are in that order.

    Every parent must be there, one level above, as loading and publishing see to.
    """
    of_level: dict[str, dict[str, str | None]] = {level: {} for level in levels}
    for level, code, parent in areas:
        of_level[level][code] = parent
    all_codes: list[Codes] = []
    all_parents: list[Longs] = []
    known: Mapping[str, int] = {}
    for level in levels:
        codes = sorted(of_level[level], key=str.encode)
        above = [of_level[level][code] for code in codes] if all_codes else []
        all_parents.append(np.array([known[str(code)] for code in above], np.int64))
        all_codes.append(np.array(codes, dtype=object))
        known = {code: position for position, code in enumerate(codes)}
    order = sorted(range(len(cells)), key=lambda i: cells[i][0].encode())
    all_codes.append(np.array([cells[i][0] for i in order], dtype=object))
    all_parents.append(np.array([known[cells[i][1]] for i in order], np.int64))
    ordered = np.asarray(cell_hexes, np.int64)[np.array(order, np.intp)]
    return Tree(revision, (*levels, CELL), tuple(all_codes), tuple(all_parents), ordered)
