"""A plan: a base and the edits on it. Immutable: an edit makes a new plan that knows the one before.

So undo is the plan before, and a replay of the same edits on the same base gives the same bytes. Imports all of
its neighbours but ``descent``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import shapely

from gridmap.errors import RuleBroken
from gridmap.redraw import area_edits, cell_edits, post_edits
from gridmap.redraw.change import DrawnCell, GridChange
from gridmap.redraw.edits import (
    Change,
    ChangeArea,
    CreateArea,
    CutNew,
    Edit,
    Merge,
    MergeAreas,
    MoveBoundary,
    Posts,
    RedrawArea,
    Split,
    SplitAlong,
    SplitArea,
    SplitInto,
    Transfer,
)
from gridmap.redraw.rules import RULES
from gridmap.redraw.state import Base, State, Step

OPERATIONS: Mapping[type[Edit], Callable[[State, Any], Step]] = {
    Split: cell_edits.split,
    SplitAlong: cell_edits.split_along,
    SplitInto: cell_edits.split_into,
    Merge: cell_edits.merge,
    MoveBoundary: cell_edits.move_boundary,
    Transfer: cell_edits.transfer,
    CutNew: cell_edits.cut_new,
    Change: cell_edits.change,
    CreateArea: area_edits.create_area,
    MergeAreas: area_edits.merge_areas,
    SplitArea: area_edits.split_area,
    ChangeArea: area_edits.change_area,
    RedrawArea: area_edits.redraw_area,
    Posts: post_edits.posts,
}


@dataclass(frozen=True, eq=False)
class Plan:
    """A base, the state after some edits, and what the last of them did.

    ``parent``: the plan before, None for one without edits. ``ahead``: the plan that was undone last, if any.
    """

    base: Base
    state: State
    parent: Plan | None = field(default=None, repr=False)
    edit: Edit | None = None
    step: Step = field(default_factory=Step)
    ahead: Plan | None = field(default=None, repr=False)

    @classmethod
    def on(cls, base: Base) -> Plan:
        """The plan without edits."""
        return cls(base, State(base))

    def apply(self, edit: Edit) -> Plan:
        """The plan after one more edit; all that was undone is forgotten.

        InvalidInput, NotFound or RuleBroken with the value or the place, and the reason; this plan stays as it is.
        """
        step = OPERATIONS[type(edit)](self.state, edit)
        after = self.state.after(step)
        for rule in RULES:
            rule(self.state, step, after)
        return Plan(self.base, after, replace(self, ahead=None) if self.ahead else self, edit, step)

    def undo(self) -> Plan:
        """The plan before the last edit, which knows the way back; RuleBroken when there is no edit."""
        if self.parent is None:
            raise RuleBroken("there is no edit to undo")
        return replace(self.parent, ahead=self)

    def redo(self) -> Plan:
        """The plan that was undone last; RuleBroken when there is none."""
        if self.ahead is None:
            raise RuleBroken("there is no edit to redo")
        return self.ahead

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits, the first one first."""
        edits: list[Edit] = []
        plan: Plan | None = self
        while plan is not None and plan.edit is not None:
            edits.append(plan.edit)
            plan = plan.parent
        return tuple(reversed(edits))

    def change(self) -> GridChange:
        """What publishing the plan does to the base. Cells that only got vertices are among the drawn."""
        cells, areas = self.state.cells, self.state.areas
        known = self.base.grid.areas
        return GridChange(
            frozenset(code for code, cell in cells.items() if cell is None),
            {code: cell for code, cell in sorted(cells.items()) if cell is not None and self._differs(code, cell)},
            frozenset(code for code, area in areas.items() if area is None),
            {code: area for code, area in sorted(areas.items()) if area is not None and known.get(code) != area},
        )

    def moved_communities(self) -> frozenset[str]:
        """The areas of the lowest level whose outlines edits change in so many words, before and after."""
        moved: set[str] = set()
        plan: Plan | None = self
        while plan is not None and plan.edit is not None and plan.parent is not None:
            if _moves_outlines(plan.edit):
                for code in (*plan.step.ended, *plan.step.drawn):
                    cells = (plan.parent.state.find(code), plan.state.find(code))
                    moved |= {cell.community for cell in cells if cell is not None}
            plan = plan.parent
        return frozenset(moved)

    def touched(self) -> tuple[str, ...]:
        """The cells of the base that got new vertices and changed in nothing else, sorted."""
        return tuple(
            code
            for code, cell in sorted(self.state.cells.items())
            if cell is not None
            and (position := self.base.grid.by_code.get(code)) is not None
            and _told(cell) == _told(old := self.base.drawn(position))
            and not shapely.equals_identical(shapely.normalize(cell.shape), shapely.normalize(old.shape))
            and _only_vertices(cell, old)
        )

    def _differs(self, code: str, cell: DrawnCell) -> bool:
        position = self.base.grid.by_code.get(code)
        if position is None:
            return True
        old = self.base.drawn(position)
        same = shapely.equals_identical(shapely.normalize(cell.shape), shapely.normalize(old.shape))
        return not same or _told(cell) != _told(old)


def _moves_outlines(edit: Edit) -> bool:
    """Whether an edit says that it changes communities; without saying so none can."""
    if isinstance(edit, MoveBoundary | Transfer):
        return edit.across
    if isinstance(edit, Merge | CutNew | Change):
        return edit.community is not None
    return isinstance(edit, CreateArea | MergeAreas | SplitArea | ChangeArea | RedrawArea)


def _told(cell: DrawnCell) -> tuple[str, str, str, tuple[str, ...]]:
    return cell.name, cell.kind, cell.community, cell.services


# What a new vertex moves an edge by is rounding: a share of a cell's area far below this.
_ROUNDING = 1e-9


def _only_vertices(cell: DrawnCell, old: DrawnCell) -> bool:
    vertices = {tuple(pair) for pair in shapely.get_coordinates(old.shape).tolist()}
    now = {tuple(pair) for pair in shapely.get_coordinates(cell.shape).tolist()}
    return vertices <= now and abs(cell.shape.area - old.shape.area) <= _ROUNDING * old.shape.area


def replay(base: Base, edits: Iterable[Edit]) -> Plan:
    """The plan of some edits on a base: the same bytes each time."""
    plan = Plan.on(base)
    for edit in edits:
        plan = plan.apply(edit)
    return plan
