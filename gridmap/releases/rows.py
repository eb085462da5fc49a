"""The rows of a release: what is stored of a table, and what is given of it by level, cell or hex, over months.

All of it is made from what shows: nothing that is hidden is known here. Imports ``suppression`` and ``tree``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gridmap import hexes
from gridmap.errors import InvalidInput
from gridmap.releases.suppression import HIDDEN, Table
from gridmap.releases.tree import CELL, COARSEST_HEX, FINEST_HEX, Codes, Longs, Tree

BY_HEX = "hex"


@dataclass(frozen=True)
class Rows:
    """Rows by code: each code with its count, -1 where it is hidden; the numbers of the whole table beside them.

    ``suppressed`` is how many rows are hidden, whatever is filtered afterwards.
    """

    codes: Codes
    counts: Longs
    inside: int
    outside: int
    total: int
    suppressed: int


def stored_rows(tree: Tree, table: Table) -> list[tuple[int, Longs]]:
    """What is stored of a table: for each level the positions that show and do not follow from a 0 above."""
    found = []
    for level, counts in enumerate(table.counts):
        stored = counts != HIDDEN
        if level:
            stored &= table.counts[level - 1][tree.parents[level]] != 0
        found.append((level, np.flatnonzero(stored)))
    return found


def restore_table(tree: Tree, rows: Iterable[tuple[str, str, int]], outside: int) -> Table:
    """The table from its stored rows, each a level, a code and a count."""
    counts = [np.full(len(codes), HIDDEN, np.int64) for codes in tree.codes]
    levels = {level: number for number, level in enumerate(tree.levels)}
    for level, code, count in rows:
        number = levels[level]
        counts[number][tree.positions[number][code]] = count
    for number in range(1, len(counts)):
        counts[number][counts[number - 1][tree.parents[number]] == 0] = 0
    return Table(tuple(counts), outside)


def check_by(levels: Sequence[str], by: str, resolution: int | None) -> int | None:
    """The resolution, 8 if ``by`` is hex and none is given; InvalidInput for what a release is not counted by."""
    known = (*levels, CELL, BY_HEX)
    if by not in known:
        raise InvalidInput("by", by, f"must be one of {', '.join(known)}")
    if by != BY_HEX:
        if resolution is not None:
            raise InvalidInput("resolution", resolution, "goes with by=hex only")
        return None
    if resolution is not None and not COARSEST_HEX <= resolution <= FINEST_HEX:
        raise InvalidInput("resolution", resolution, f"must be {COARSEST_HEX} to {FINEST_HEX} in releases")
    return 8 if resolution is None else resolution


def released_rows(tables: Sequence[tuple[Tree, Table]], by: str, resolution: int | None = None) -> Rows:
    """The rows of one or more tables, summed where all of them show; each table with the tree it was made on.

    ``by`` is a level, ``cell`` or ``hex`` (codes are then hexadecimal text). The last table's tree says which rows
    there are: what another tree does not have is hidden. InvalidInput for a ``by`` that there is not.
    """
    tree = tables[-1][0]
    resolution = check_by(tree.levels[:-1], by, resolution)
    parts = [_rows_by(tree, table, by, resolution) for tree, table in tables]
    codes = parts[-1][0]
    counts = np.zeros(len(codes), np.int64)
    for part_codes, part_counts in parts:
        counts = _add(counts, _aligned(codes, part_codes, part_counts))
    every = [table for _, table in tables]
    inside, outside, total = (
        _sum([getattr(table, name) for table in every]) for name in ("inside", "outside", "total")
    )
    shown_codes = codes if by != BY_HEX else np.array([hexes.to_text(each) for each in codes], dtype=object)
    return Rows(shown_codes, counts, inside, outside, total, int(np.count_nonzero(counts == HIDDEN)))


def _rows_by(tree: Tree, table: Table, by: str, resolution: int | None) -> tuple[Codes, Longs]:
    if resolution is not None:
        found, counts = hex_counts(tree, table, resolution)
        return found.astype(object), counts
    level = tree.levels.index(by)
    return tree.codes[level], table.counts[level]


def hex_counts(tree: Tree, table: Table, resolution: int) -> tuple[Longs, Longs]:
    """The hexes that hold label points, in order, and the sum of the cells whose label points they hold.

    A hex shows only if it is made up of nodes that show: of areas all of whose cells' label points lie in it, else
    of cells.
    """
    found, at = tree.hexes_at(resolution)
    covered = np.zeros(len(at), bool)
    sums = np.zeros(len(found), np.int64)
    for ancestors, counts in zip(tree.ancestors, table.counts, strict=True):
        lowest, highest = np.full(len(counts), len(found)), np.full(len(counts), -1)
        np.minimum.at(lowest, ancestors, at)
        np.maximum.at(highest, ancestors, at)
        whole = (lowest == highest) & (counts != HIDDEN)
        new = np.unique(ancestors[whole[ancestors] & ~covered])
        np.add.at(sums, lowest[new], counts[new])
        covered |= whole[ancestors]
    holes = np.bincount(at[~covered], minlength=len(found))
    return found, np.where(holes == 0, sums, HIDDEN)


def _aligned(codes: Codes, part_codes: Codes, part_counts: Longs) -> Longs:
    if part_codes is codes or np.array_equal(codes, part_codes):
        return part_counts
    known = dict(zip(part_codes.tolist(), part_counts.tolist(), strict=True))
    return np.array([known.get(code, HIDDEN) for code in codes.tolist()], np.int64)


def _add(one: Longs, other: Longs) -> Longs:
    return np.where((one == HIDDEN) | (other == HIDDEN), HIDDEN, one + other)


def _sum(counts: Sequence[int]) -> int:
    return HIDDEN if HIDDEN in counts else sum(counts)
