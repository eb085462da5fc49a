"""Who attacks releases: exhaustively on small cities, with all worlds; by linear programs on large ones.

The exhaustive one knows the algorithm: he tries it on every world that there may be and keeps those that show
what he sees. So what he finds out is all that can be found out. The other one writes down an equation for every
row that he is shown, and that hidden members of a family that lists its zeros have at least one point each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from gridmap.releases.rows import released_rows
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


@dataclass
class Notebook:
    """What an attacker has written down: sums of counts that are known, and sums that are at least one."""

    places: int
    known: dict[bytes, int] = field(default_factory=dict)
    some: dict[bytes, bool] = field(default_factory=dict)

    def note(self, places: Longs, count: int) -> None:
        """The counts at these places add up to ``count``."""
        self.known[np.unique(places).tobytes()] = count

    def note_some(self, places: Longs) -> None:
        """There is at least one point at these places."""
        self.some[np.unique(places).tobytes()] = True

    def bounds(self, places: Longs, smallest: int) -> tuple[float, float]:
        """The least and the most that there can be at these places; the least is 0 when the most is k or more."""
        target = np.zeros(self.places)
        target[places] = 1.0
        most = -self._solve(-target)
        return (self._solve(target) if most < smallest - 1e-6 else 0.0), most

    def _solve(self, costs: np.ndarray) -> float:
        equal, counts = _matrix(list(self.known), self.places), np.array(list(self.known.values()), float)
        above = -_matrix(list(self.some), self.places) if self.some else None
        limit = -np.ones(len(self.some)) if self.some else None
        found = linprog(costs, A_ub=above, b_ub=limit, A_eq=equal, b_eq=counts, bounds=(0, None), method="highs")
        if found.status == 3:  # without a limit
            return -np.inf
        assert found.status == 0, f"what is shown contradicts itself: {found.message}"
        return float(found.fun)


def _matrix(sets: list[bytes], places: int) -> csr_array:
    members = [np.frombuffer(each, np.int64) for each in sets]
    starts = np.concatenate([[0], np.cumsum([len(each) for each in members])])
    columns = np.concatenate(members)
    return csr_array((np.ones(len(columns)), columns, starts), shape=(len(sets), places))


def territories(tree: Tree) -> dict[tuple[str, str], Longs]:
    """(by, code) -> positions of cells, for every node and every hex; by ``hex6`` to ``hex9``."""
    found: dict[tuple[str, str], Longs] = {}
    for level, ancestors in zip(tree.levels, tree.ancestors, strict=True):
        for position, code in enumerate(tree.codes[tree.levels.index(level)].tolist()):
            found[level, code] = np.flatnonzero(ancestors == position)
    for resolution in (6, 7, 8, 9):
        hexes, at = tree.hexes_at(resolution)
        for position, hex_ in enumerate(hexes.tolist()):
            found[f"hex{resolution}", f"{hex_:x}"] = np.flatnonzero(at == position)
    return found


def write_down(
    notebook: Notebook, tree: Tree, table: Table, smallest: int, offset: int = 0, *, all_zeros: bool = False
) -> None:
    """All that a table shows by level, cell and hex, and what its zeros say; its cells begin at ``offset``.

    With ``all_zeros`` every 0 shows, so that whatever is hidden has some.
    """
    places = territories(tree)
    shown: dict[tuple[str, str], int] = {}
    for by, resolution in [*((level, None) for level in tree.levels), *(("hex", each) for each in (6, 7, 8, 9))]:
        rows = released_rows([(tree, table)], by, resolution)
        name = by if resolution is None else f"hex{resolution}"
        shown |= {(name, code): count for code, count in zip(rows.codes, rows.counts.tolist(), strict=True)}
    for place, count in shown.items():
        if count != HIDDEN:
            notebook.note(places[place] + offset, count)
    for level in range(1, len(tree.levels)):
        above = table.counts[level - 1]
        lists = (above != HIDDEN) & (above >= tree.children[level - 1] + smallest - 1) | all_zeros
        lists[tree.parents[level][table.counts[level] != HIDDEN]] = True
        for position in np.flatnonzero(lists[tree.parents[level]] & (table.counts[level] == HIDDEN)):
            notebook.note_some(places[tree.levels[level], tree.codes[level][position]] + offset)


def residuals(tree: Tree, table: Table) -> list[Longs]:
    """Of every node that shows, what is left without the highest nodes below that show."""
    cells = len(tree.codes[-1])
    owner = np.full(cells, -1, np.int64)  # the lowest node that shows above or at each cell
    number = 0
    for ancestors, counts in zip(tree.ancestors, table.counts, strict=True):
        shows = counts[ancestors] != HIDDEN
        owner[shows] = number + ancestors[shows]
        number += len(counts)
    return [np.flatnonzero(owner == each) for each in np.unique(owner[owner >= 0])]
