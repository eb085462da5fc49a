"""Where a draft says that posts go. Imports ``state`` and below.

A plan knows territories, not posts: whether a code that is no territory is a post is seen where posts are read.
"""

from __future__ import annotations

from gridmap.errors import InvalidInput
from gridmap.model import CELL_LEVEL
from gridmap.redraw.edits import Posts
from gridmap.redraw.state import State, Step


def posts(state: State, edit: Posts) -> Step:
    """Nothing is drawn; InvalidInput for a place that there is not, is of another level, or goes on."""
    for key, to in edit.moves:
        level = _level(state, to)
        if level is None:
            raise InvalidInput("moves", to, f"must be a cell or area of this draft, to take over {key}")
        old = _level_before(state, key)
        if old is None:
            continue
        if old != level:
            raise InvalidInput("moves", to, f"must be a {old}, to take over {key}")
        if _level(state, key) is not None:
            raise InvalidInput("moves", key, "goes on: name a post of it, or a territory that the draft ends")
    notes = tuple(f"posts of {key} go to {to}" for key, to in edit.moves)
    return Step(posts=dict(edit.moves), notes=notes)


def _level(state: State, code: str) -> str | None:
    if state.find(code) is not None:
        return CELL_LEVEL
    return state.area(code).level if state.has_area(code) else None


def _level_before(state: State, code: str) -> str | None:
    grid = state.base.grid
    if code in grid.by_code:
        return CELL_LEVEL
    return grid.areas[code].level if code in grid.areas else None
