"""Who attacks releases: exhaustively on small cities, with all worlds; by linear programs on large ones.

The exhaustive one knows the algorithm: he tries it on every world that there may be and keeps those that show what
he sees. So what he finds out is all that can be found out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gridmap.releases.suppression import HIDDEN, Table, suppress
from gridmap.releases.tree import Longs, Tree, build_tree

Publish = Callable[[Tree, Longs, int], Table]


@dataclass(frozen=True)
class Find:
    """A set of cells (by position) of which it is known that it has some points, and fewer than k."""

    cells: tuple[int, ...]
    least: int
    most: int


def small_city(shape: object, resolution_9: Longs | None = None) -> Tree:
    """A tree from nested lists: a number is a community with so many cells; a list, an area of areas."""
    depth, node = 1, shape
    while isinstance(node, list):
        depth, node = depth + 1, node[0]
    levels = ("city", "district", "street", "community")[:depth]
    areas: list[tuple[str, str, str | None]] = []
    cells: list[tuple[str, str]] = []

    def walk(node: object, level: int, code: str, parent: str | None) -> None:
        areas.append((levels[level], code, parent))
        if isinstance(node, list):
            for number, child in enumerate(node):
                walk(child, level + 1, f"{code}{number}", code)
        else:
            cells.extend((f"{code}-{number}", code) for number in range(int(str(node))))

    walk(shape, 0, "c", None)
    found = np.zeros(len(cells), np.int64) if resolution_9 is None else resolution_9
    return build_tree(1, levels, areas, cells, found)


def all_worlds(cells: int, total: int) -> Iterator[Longs]:
    """All counts of so many cells that add up to ``total``."""

    def rest(places: int, left: int) -> Iterator[list[int]]:
        if places == 1:
            yield [left]
            return
        for first in range(left + 1):
            for others in rest(places - 1, left - first):
                yield [first, *others]

    for world in rest(cells, total):
        yield np.array(world, np.int64)


def by_the_rules(smallest: int) -> Publish:
    """What GridMap publishes."""
    return lambda tree, cells, outside: suppress(tree, cells, outside, smallest)


def without_suppression(tree: Tree, cells: Longs, outside: int) -> Table:
    """Everything shows."""
    return Table(tree.sums(cells), outside)


def without_complement(smallest: int) -> Publish:
    """Counts of 1 to k - 1 are hidden and nothing else is."""

    def publish(tree: Tree, cells: Longs, outside: int) -> Table:
        counts = tree.sums(cells)
        shown = tuple(np.where((each == 0) | (each >= smallest), each, HIDDEN) for each in counts)
        return Table(shown, outside)

    return publish


def attack_exhaustively(tree: Tree, publish: Publish, total: int, smallest: int) -> list[Find]:
    """All finds in all worlds of a total: for every thing that may be seen, every set of cells.

    A hidden total is no find: that it is 1 to k - 1 is what hiding it says.
    """
    seen: dict[bytes, list[Longs]] = {}
    for world in all_worlds(len(tree.codes[-1]), total):
        shown = publish(tree, world, 0)
        if shown.inside != HIDDEN:
            seen.setdefault(np.concatenate(shown.counts).tobytes(), []).append(world)
    cells = len(tree.codes[-1])
    members = (np.arange(1, 2**cells)[:, np.newaxis] >> np.arange(cells)) & 1  # every set but the empty one
    finds = []
    for worlds in seen.values():
        sums = members @ np.array(worlds).T
        least, most = sums.min(axis=1), sums.max(axis=1)
        for at in np.flatnonzero((least >= 1) & (most < smallest)):
            finds.append(Find(tuple(np.flatnonzero(members[at]).tolist()), int(least[at]), int(most[at])))
    return finds
