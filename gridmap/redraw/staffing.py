"""Which new cells have no post after a redraw, as publishing deals the posts out. Pure.

Imports ``posts``, ``change`` and ``model``.
"""

from __future__ import annotations

from collections.abc import Sequence

from gridmap.coverage.grid import Grid
from gridmap.model import CELL_LEVEL, Post
from gridmap.redraw.change import Redrawn, area_shares
from gridmap.redraw.posts import moves_of, territories


def unstaffed(before: Grid, after: Redrawn, posts: Sequence[Post]) -> tuple[str, ...]:
    """New cells that neither take a post over nor have one by their code; ``posts``: those of the cells' codes."""
    shares = area_shares(before, after.grid, after.gone, after.drawn)
    ended = territories(before, after, shares, [])
    at_cells = [post for post in posts if post.level == CELL_LEVEL]
    leaving = [post for post in at_cells if (post.level, post.territory) in ended.heirs]
    taken = set(moves_of(leaving, ended, after.grid, {}).values())
    has = taken | {post.territory for post in at_cells}
    return tuple(sorted(code for level, code in ended.begun if level == CELL_LEVEL and code not in has))
