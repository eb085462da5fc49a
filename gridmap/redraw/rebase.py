"""A plan on a later base than it was drawn on: what both changed, and the same edits done again. Pure.

Imports ``weighed`` and below.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gridmap.coverage.grid import Grid
from gridmap.errors import GridMapError, Stale
from gridmap.redraw.change import DrawnCell, same_ground
from gridmap.redraw.edits import renamed
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import Base
from gridmap.redraw.weighed import Weights, carried


@dataclass(frozen=True)
class Rebased:
    """A plan on a later base; ``recoded``: the codes that it gave out before -> those that it gives out now."""

    plan: Plan
    recoded: Mapping[str, str] = field(default_factory=dict)


def changed_codes(plan: Plan) -> frozenset[str]:
    """The codes of the base's cells and areas that a plan ends or changes, not those that only got vertices."""
    grid, change = plan.base.grid, plan.change()
    cells = {code for code in (*change.ended, *change.drawn) if code in grid.by_code} - set(plan.touched())
    areas = {code for code in (*change.areas_ended, *change.areas_drawn) if code in grid.areas}
    return frozenset(cells | areas)


def changed_between(before: Grid, after: Grid, among: Collection[str]) -> frozenset[str]:
    """Those of some codes that are other cells or areas in ``after``, not those that only got vertices."""
    return frozenset(code for code in among if _differs(before, after, code))


def _differs(before: Grid, after: Grid, code: str) -> bool:
    if code in before.areas:
        return before.areas[code] != after.areas.get(code)
    old, new = before.by_code.get(code), after.by_code.get(code)
    if old is None:
        return False
    if new is None:
        return True
    told, now = before.cells[old], after.cells[new]
    return told != now or not same_ground(before.index.degrees[old], after.index.degrees[new])


def rebased(plan: Plan, onto: Base, weights: Sequence[Weights | None]) -> Rebased:
    """The same edits on a later base. Stale when they cannot be done there, or would do something else.

    ``weights``: of each edit, as they are recorded.

    What the edits gave out as new codes may be in use by now: they get other ones, and edits that follow name
    those.
    """
    now, recoded = Plan.on(onto), dict[str, str]()
    for then, weighed in zip(_history(plan), weights, strict=True):
        assert then.edit is not None
        try:
            now = carried(now, renamed(then.edit, recoded), weighed)
        except GridMapError as error:
            raise Stale(f"its edit {then.edit.op} cannot be done any more: {error}") from error
        if len(then.step.minted) != len(now.step.minted):
            raise Stale(f"its edit {then.edit.op} would make other cells now")
        recoded |= dict(zip(then.step.minted, now.step.minted, strict=True))
    _check_same(plan, now, recoded)
    return Rebased(now, {old: new for old, new in recoded.items() if old != new})


def _history(plan: Plan) -> list[Plan]:
    """The plans after each of its edits, the first one first."""
    history: list[Plan] = []
    step: Plan | None = plan
    while step is not None and step.edit is not None:
        history.append(step)
        step = step.parent
    return history[::-1]


def _check_same(plan: Plan, now: Plan, recoded: Mapping[str, str]) -> None:
    if changed_codes(plan) != changed_codes(now):
        other = sorted(changed_codes(plan) ^ changed_codes(now))
        raise Stale(f"done again it would change other cells: {', '.join(other[:10])}")
    touched = set(plan.touched())
    for code, cell in plan.change().drawn.items():
        if code in touched:
            continue
        again = now.state.find(recoded.get(code, code))
        if again is None or _told(again) != _told(cell) or not same_ground(cell.shape, again.shape):
            raise Stale(f"done again it would draw another cell {code}")


def _told(cell: DrawnCell) -> tuple[str, str, str, tuple[str, ...]]:
    return cell.name, cell.kind, cell.community, cell.services
