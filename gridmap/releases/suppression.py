"""Which counts of a table show, decided from the city down. Imports ``errors`` and ``tree``.

A table counts points, each in one cell or outside; different tables count different points. k is the smallest
count but 0 that may be known of any part of the city. The rules, from the top:

1. The city's count shows if it is 0 or at least k, else nothing of the table does. The count outside shows by
   itself on the same terms, and the total when both do.
2. A node that shows v *lists* its N children, of which m have points, if v is 0, or if v - m >= k - 1 and v is
   not N + k - 2. Else nothing below it shows.
3. Of listed children those without points show 0. The others, in the order of their codes, are one *block*. A
   block of one child shows it. A larger one is halved if both halves have slack, and each half is then a block;
   else it is *closed*: none of its members shows, nor anything below them. Members with counts v_i > 0 have
   slack if the sum of v_i - 1 is at least k - 1.

Claim. Take any part S of the city: a node, a residual, a difference, what a hex and a cell share, a box.
Whoever knows all that shows, these rules and k, cannot tell that n(S) is one of 1 to k - 1: it may be 0, or k
or more.

Proof. By rule 2 the first block of listed children has slack, by rule 3 every block has, and a block of one has
v >= k. So all that shows is 0 or at least k. The city falls into *atoms*: cells that show, nodes that show 0,
nodes that show and list no children, and closed blocks, whose sums follow from what shows. All that shows is a
sum of atoms, or says which members of a closed block have points, or that a node lists none. If S is made of
whole atoms, n(S) is a sum of counts that are each 0 or at least k. Else S holds some part, but not all, of one
or more atoms with points. Change the world within such an atom A, so that its sum v(A) and with it all that is
decided outside stays:
- A is a cell, or a node that lists none with v = N + k - 2, whatever is below: put all its v >= k points into
  S.
- A is a closed block: S meets some member i of it. Leave one point in every other member and put the rest,
  which is 1 + slack >= k, into the part of i that S holds. The same members have points, and A is still closed:
  the half without i has slack 0 < k - 1 now.
- A is another node that lists no children. So v < N + k - 2 (beyond, v - m >= k - 1 for every m), and one knows
  that at least q = v - k + 2 children have points, 2 <= q < N. If S meets two of them, leave one point in each
  of q - 2 others and put the other k into what S holds of the two, at least one into each. If S meets one only,
  put all points into q others. Either way v - m = k - 2, so A lists none, and S has k points or none of it.
Nothing below what is hidden was looked at, so such a world shows the same as the true one. If it has k points
of an atom in S, n(S) >= k. Else S is cut in the last way only, all its cut atoms may leave it none, and n(S)
may be what its whole atoms have, which is 0 or at least k. Tables count different points, so such worlds
combine freely over tables; sums over months and categories, hexes and boxes are made from what shows and add
nothing.

What the claim does not say: of a whole city that is hidden, and of a hidden count outside, one knows that it is
from 1 to k - 1, but not which; so k = 2 is refused. Whoever knows some of the points from elsewhere may
subtract them, as the staff of a territory could from a block that holds a neighbour's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmap.errors import InvalidInput
from gridmap.releases.tree import Longs, Tree

# Stands for a count that does not show.
HIDDEN = -1


@dataclass(frozen=True)
class Table:
    """What shows: for each level of a tree the counts of its nodes, and the count outside; hidden ones are -1."""

    counts: tuple[Longs, ...]
    outside: int

    @property
    def inside(self) -> int:
        """The city's own count, -1 when it is hidden."""
        return int(self.counts[0][0])

    @property
    def total(self) -> int:
        """The city's count and the one outside, -1 when either is hidden."""
        return HIDDEN if HIDDEN in (self.inside, self.outside) else self.inside + self.outside


def check_smallest(smallest: int) -> int:
    """k as it may be: 1 hides nothing, 3 and more protect; 2 would give away that what is hidden is 1."""
    if smallest != 1 and not 3 <= smallest <= 1_000_000:
        raise InvalidInput("smallest", smallest, "must be 1, which hides nothing, or 3 and more")
    return smallest


def suppress(tree: Tree, cell_counts: Longs, outside: int, smallest: int) -> Table:
    """The table of these counts of cells, shape (cells,), with everything hidden that the rules hide."""
    check_smallest(smallest)
    counts = tree.sums(cell_counts)
    if smallest == 1:
        return Table(counts, outside)
    shows = [(counts[0] == 0) | (counts[0] >= smallest)]
    for level in range(1, len(counts)):
        above, number = counts[level - 1], tree.children[level - 1]
        with_points = np.bincount(tree.parents[level][counts[level] > 0], minlength=len(above))
        slack = above - with_points >= smallest - 1
        listed = shows[-1] & ((above == 0) | (slack & (above != number + smallest - 2)))
        shows.append(_show_children(counts[level], tree.parents[level], listed, smallest))
    shown = tuple(np.where(show, count, HIDDEN) for show, count in zip(shows, counts, strict=True))
    return Table(shown, outside if outside == 0 or outside >= smallest else HIDDEN)


def _show_children(counts: Longs, parents: Longs, listed: np.ndarray, smallest: int) -> np.ndarray:
    """Which of the nodes of a level show; ``listed`` says which nodes above list theirs."""
    shows: np.ndarray = listed[parents].copy()
    small = shows & (counts > 0) & (counts < smallest)
    # where every child has 0 or at least k, every block has slack: only the other families need a closer look
    with_small = np.unique(parents[small])
    if not len(with_small):
        return shows
    order = np.argsort(parents, kind="stable")  # keeps the order of codes within a family
    starts = np.searchsorted(parents[order], with_small, side="left")
    ends = np.searchsorted(parents[order], with_small, side="right")
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        family = order[start:end]
        members = family[counts[family] > 0]
        for first, last in _closed_blocks(counts[members], smallest):
            shows[members[first:last]] = False
    return shows


def _closed_blocks(counts: Longs, smallest: int) -> list[tuple[int, int]]:
    """The closed blocks, as ranges, of children that have points each."""
    slack = [0, *np.cumsum(counts - 1).tolist()]
    closed = []
    blocks = [(0, len(counts))]
    while blocks:
        first, last = blocks.pop()
        if last - first == 1:
            continue
        middle = (first + last) // 2
        if min(slack[middle] - slack[first], slack[last] - slack[middle]) >= smallest - 1:
            blocks += [(first, middle), (middle, last)]
        else:
            closed.append((first, last))
    return closed
