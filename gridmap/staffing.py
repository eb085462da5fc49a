"""How a place is staffed at a moment: its posts, those where nobody is who must be, cells without any. Pure.

Imports ``coverage``, ``duty`` and ``model``. All of it follows from what a city posts on the wall.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridmap.coverage.grid import Grid
from gridmap.coverage.snapshot import Snapshot
from gridmap.duty import DutyBook
from gridmap.errors import NotFound
from gridmap.model import CELL_LEVEL, Post

_MOMENT = timedelta(seconds=1)


@dataclass(slots=True)
class Staffed:
    """Of a cell or area and all within it: cells, those without a post of their own, posts, and gaps.

    A gap is a post at which somebody must be on shift at the moment, and nobody is.
    """

    cells: int = 0
    cells_without_post: int = 0
    posts: int = 0
    gaps: int = 0


class Staffing:
    """A grid and its posts at one moment, added up from the cells to the city."""

    def __init__(self, grid: Grid, book: DutyBook, at: datetime) -> None:
        self.at = at
        self.grid = grid
        self._book = book
        self._open = {void.post for void in book.voids(None, at, at + _MOMENT)}
        self._chains = {code: [each.code for each in grid.chain(code)] for code in grid.areas}
        self._children: defaultdict[str, list[str]] = defaultdict(list)
        for area in grid.areas.values():
            if area.parent is not None:
                self._children[area.parent].append(area.code)
        for cell in grid.cells:
            self._children[cell.community].append(cell.code)
        self._sums: defaultdict[str, Staffed] = defaultdict(Staffed)
        self._add_posts()
        self._add_cells()

    def of(self, code: str) -> Staffed:
        """A cell or area; NotFound when the grid has none of this code."""
        self._check(code)
        return self._sums[code] if code in self._sums else Staffed()

    def children(self, code: str) -> list[str]:
        """The codes of the areas, or cells, that an area consists of, sorted; none of a cell."""
        self._check(code)
        return sorted(self._children.get(code, ()))

    def gaps(self, code: str) -> Iterator[Post]:
        """The posts of a place, and of all within it, where nobody is who must be; by code."""
        self._check(code)
        for post in sorted(self._open):
            found = self._book.posts[post]
            if code in self._above(found.level, found.territory):
                yield found

    def _check(self, code: str) -> None:
        if code not in self.grid.areas and code not in self.grid.by_code:
            raise NotFound(f"no area or cell {code!r} in revision {self.grid.revision.number}")

    def _above(self, level: str, territory: str) -> list[str]:
        """The place itself and the areas above it; none of a place that the grid has not, such as an overlay."""
        if level == CELL_LEVEL:
            at = self.grid.by_code.get(territory)
            return [] if at is None else [territory, *self._chains[self.grid.cells[at].community]]
        return self._chains.get(territory, [])

    def _add_posts(self) -> None:
        for code, post in self._book.posts.items():
            for place in self._above(post.level, post.territory):
                self._sums[place].posts += 1
                self._sums[place].gaps += code in self._open

    def _add_cells(self) -> None:
        for cell in self.grid.cells:
            bare = not self._book.posts_of([(CELL_LEVEL, cell.code)])
            for place in (cell.code, *self._chains[cell.community]):
                self._sums[place].cells += 1
                self._sums[place].cells_without_post += bare


class KeptStaffing:
    """The staffing of a snapshot, made once a minute at most: of a whole city it takes some tenths of a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[Snapshot, Staffing] | None = None

    def of(self, snapshot: Snapshot, now: datetime) -> Staffing:
        """As it is in this minute."""
        minute = now.replace(second=0, microsecond=0)
        with self._lock:  # once, however many ask
            if self._kept is None or self._kept[0] is not snapshot or self._kept[1].at != minute:
                self._kept = snapshot, Staffing(snapshot.grid, snapshot.book, minute)
            return self._kept[1]
