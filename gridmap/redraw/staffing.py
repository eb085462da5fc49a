"""Where posts go by a redraw, and which new cells then have none, as publishing deals the posts out. Pure.

Imports ``posts``, ``steps``, ``change`` and ``model``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gridmap.coverage.grid import Grid
from gridmap.model import CELL_LEVEL, Post
from gridmap.redraw.change import Redrawn, area_shares
from gridmap.redraw.posts import Territories, grounds, moves_of, territories
from gridmap.redraw.steps import AreaStep, Shares, area_cells, area_steps


@dataclass(frozen=True)
class Staffing:
    """A redraw as posts see it."""

    before: Grid
    after: Redrawn

    @cached_property
    def _parts(self) -> tuple[Shares, Sequence[AreaStep]]:
        shares = area_shares(self.before, self.after.grid, self.after.gone, self.after.drawn)
        lost = area_cells(self.before, self.after, shares)
        return shares, area_steps(self.before, self.after, lost, shares, {})

    @cached_property
    def places(self) -> list[str]:
        """The codes of the cells and areas whose ground or code changes, before and after, sorted."""
        became, took_from = grounds(self.before, self.after, *self._parts)
        return sorted({code for _, code in (*became, *took_from)})

    @cached_property
    def _ended(self) -> Territories:
        return territories(self.before, self.after, *self._parts)

    def moves(self, posts: Sequence[Post], stated: Mapping[str, str]) -> dict[str, str]:
        """Post code -> its new territory; ``posts``: those at :attr:`places`. Raises as :func:`moves_of` does."""
        return moves_of(posts, self._ended, self.after.grid, stated)

    def unstaffed(self, posts: Sequence[Post], stated: Mapping[str, str]) -> tuple[str, ...]:
        """New cells that neither take a post over nor have one by their code."""
        moved = self.moves(posts, stated)
        has = {moved.get(post.code, post.territory) for post in posts if post.level == CELL_LEVEL}
        return tuple(sorted(code for level, code in self._ended.begun if level == CELL_LEVEL and code not in has))
