"""What a redraw does to the areas above the cells: which begin, end or change, and the rules for them.

Imports ``coverage``, ``model`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.model import Area, Cell

Areas = Mapping[str, Area]


def levels_of(grid: Grid) -> tuple[str, ...]:
    """The levels of a grid's areas, from the city down to the one that holds the cells."""
    return tuple(area.level for area in reversed(grid.chain(grid.cells[0].community)))


def areas_after(before: Grid, ended: Collection[str], drawn: Areas) -> dict[str, Area]:
    """The areas after a change, by code.

    InvalidInput for a code that there is not, for one that ends and is drawn, for a level that the city has not or
    that would become another one, and for a parent that is not an area of the level above.
    """
    levels = levels_of(before)
    for code in sorted(ended):
        if code not in before.areas:
            raise InvalidInput("areas_ended", code, "must be the code of an area")
        if code in drawn:
            raise InvalidInput("areas_ended", code, "cannot end and be drawn in one change")
    after = {code: area for code, area in before.areas.items() if code not in ended} | dict(drawn)
    for code, area in sorted(drawn.items()):
        if area.code != code:
            raise InvalidInput("areas_drawn", area.code, f"must be the code that it is drawn under, {code}")
        if area.level not in levels:
            raise InvalidInput("level", area.level, f"of area {code} must be one of {', '.join(levels)}")
        known = before.areas.get(code)
        if known is not None and known.level != area.level:
            raise InvalidInput("level", area.level, f"of area {code} stays {known.level}")
        _check_parent(area, after, levels)
    return {code: after[code] for code in sorted(after)}


def _check_parent(area: Area, after: Areas, levels: tuple[str, ...]) -> None:
    if area.level == levels[0]:
        if area.parent is not None:
            raise InvalidInput(
                "parent", area.parent, f"of {area.code} must be none: nothing is above a {area.level}"
            )
        return
    above = levels[levels.index(area.level) - 1]
    parent = None if area.parent is None else after.get(area.parent)
    if parent is None or parent.level != above:
        raise InvalidInput("parent", area.parent, f"of area {area.code} must be a {above} of the grid")


def check_nested(after: Areas, cells: Collection[Cell], levels: tuple[str, ...]) -> None:
    """Every cell is in an area of the lowest level, and every area has cells or areas below; there is one city.

    InvalidInput names the cell or area and what it lacks; RuleBroken the area that would be left empty.
    """
    used = {cell.community for cell in cells}
    for cell in cells:
        community = after.get(cell.community)
        if community is None or community.level != levels[-1]:
            raise InvalidInput(
                "community", cell.community, f"of cell {cell.code} must be a {levels[-1]} of the grid"
            )
    tops = sorted(code for code, area in after.items() if area.parent is None)
    if len(tops) != 1:
        raise RuleBroken(f"there must be one {levels[0]}, not {len(tops)}: {', '.join(tops) or 'none'}")
    for area in after.values():
        if area.parent is not None and area.parent not in after:
            raise RuleBroken(f"area {area.parent} cannot end: the {area.level} {area.code} is still in it")
        if area.parent is not None:
            used.add(area.parent)
    empty = sorted(code for code in after if code not in used)
    if empty:
        raise RuleBroken(f"an area must have cells: {after[empty[0]].level} {empty[0]} would have none")


@dataclass(frozen=True)
class AreaChange:
    """``gone``: codes of areas that end or change their name or parent; ``drawn``: those that begin or change."""

    gone: frozenset[str]
    drawn: frozenset[str]

    @classmethod
    def between(cls, before: Areas, after: Areas) -> AreaChange:
        """What differs between two states."""
        return cls(
            frozenset(code for code, area in before.items() if after.get(code) != area),
            frozenset(code for code, area in after.items() if before.get(code) != area),
        )


def moved_parents(before: Areas, after: Areas, level: str) -> set[str]:
    """The codes above a level, before and after, of its areas that begin, end or go to another parent."""
    codes = {code for areas in (before, after) for code, area in areas.items() if area.level == level}
    pairs = [(before.get(code), after.get(code)) for code in codes]
    moved = [pair for pair in pairs if pair[0] is None or pair[1] is None or pair[0].parent != pair[1].parent]
    return {area.parent for pair in moved for area in pair if area is not None and area.parent is not None}
