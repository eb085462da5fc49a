"""Edits of a draft: tried, recorded, undone and redone. Two who draw one draft never overwrite each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gridmap.access import Action, covers, require
from gridmap.actions.certifying import dealt, on_base
from gridmap.actions.drafts import drawing, read_draft
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.errors import NotAllowed, RuleBroken, Stale
from gridmap.model import Actor
from gridmap.redraw.change import DrawnCell, same_ground
from gridmap.redraw.draft import Draft, RecordedEdit, check_step
from gridmap.redraw.draft import Step as DraftStep
from gridmap.redraw.edits import parse, to_json
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import State, Step
from gridmap.redraw.weighed import Weights, carried, weights_for
from gridmap.store.database import Connection, Database
from gridmap.store.drafts import append_edit, mark_edit, read_edits, update_draft

_SHOWN = 5


@dataclass(frozen=True)
class Edited:
    """A draft after an edit, with its plan; ``before``: the state from which ``step`` led to it."""

    draft: Draft
    plan: Plan
    before: State
    step: Step = field(default_factory=Step)


def preview_edit(
    connection: Connection,
    actor: Actor,
    bench: Workbench,
    number: int,
    meant: Mapping[str, object],
    grid: Grid | None = None,
) -> Edited:
    """What an edit would do; nothing is recorded. ``grid``: the current one, when the caller has it."""
    draft = read_draft(connection, actor, number)
    require(actor, Action.DRAW)
    check_step(draft, DraftStep.EDIT)
    plan = bench.plan(connection, draft, grid)
    done, _ = _applied(connection, actor, plan, meant)
    return Edited(draft, done, plan.state, done.step)


def edit_draft(
    database: Database,
    actor: Actor,
    bench: Workbench,
    number: int,
    meant: Mapping[str, object],
    expects: int | None = None,
    grid: Grid | None = None,
) -> Edited:
    """Record an edit and return what it did.

    ``expects``: the version that the actor saw; Stale names what came meanwhile when the draft is at another one.
    What was undone can no longer be redone. NotAllowed for a cell outside the actor's territories.
    """
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = drawing(connection, actor, number, DraftStep.EDIT)
        recorded = read_edits(connection, number)
        _check_version(draft, recorded, expects)
        plan = bench.plan(connection, draft, grid, recorded)
        done, weights = _applied(connection, actor, plan, meant)
        assert done.edit is not None
        append_edit(connection, number, actor, to_json(done.edit), weights, recorded)
        after = _moved_on(connection, draft, done)
    bench.keep(after, done)
    return Edited(after, done, plan.state, done.step)


def undo_edit(
    database: Database,
    actor: Actor,
    bench: Workbench,
    number: int,
    expects: int | None = None,
    grid: Grid | None = None,
) -> Edited:
    """Take the last edit back. RuleBroken when there is none; Stale as for :func:`edit_draft`."""
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = drawing(connection, actor, number, DraftStep.EDIT)
        recorded = read_edits(connection, number)
        _check_version(draft, recorded, expects)
        plan = bench.plan(connection, draft, grid, recorded)
        undone = plan.undo()
        mark_edit(connection, number, _last(recorded), undone=True)
        after = _moved_on(connection, draft, undone)
    bench.keep(after, undone)
    return Edited(after, undone, plan.state, _back(plan.state, undone.state))


def redo_edit(
    database: Database,
    actor: Actor,
    bench: Workbench,
    number: int,
    expects: int | None = None,
    grid: Grid | None = None,
) -> Edited:
    """Do again what was undone last. RuleBroken when there is nothing; Stale as for :func:`edit_draft`."""
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = drawing(connection, actor, number, DraftStep.EDIT)
        recorded = read_edits(connection, number)
        _check_version(draft, recorded, expects)
        waiting = [edit for edit in recorded if edit.undone]
        if not waiting:
            raise RuleBroken("there is no edit to redo")
        plan = bench.plan(connection, draft, grid, recorded)
        done = carried(plan, parse(waiting[0].meant), waiting[0].weights)
        check_territory(actor, plan.state, done.step, done.state)
        mark_edit(connection, number, waiting[0].seq, undone=False)
        after = _moved_on(connection, draft, done)
    bench.keep(after, done)
    return Edited(after, done, plan.state, done.step)


def _applied(
    connection: Connection, actor: Actor, plan: Plan, meant: Mapping[str, object]
) -> tuple[Plan, Weights | None]:
    edit = parse(meant)
    weights = weights_for(plan, edit)
    done = carried(plan, edit, weights)
    check_territory(actor, plan.state, done.step, done.state)
    if done.step.posts:
        dealt(connection, done, on_base(done))
    return done, weights


def _check_version(draft: Draft, recorded: Sequence[RecordedEdit], expects: int | None) -> None:
    if expects is None or expects == draft.version:
        return
    came = [f"{edit.meant['op']} by {edit.actor}" for edit in recorded if not edit.undone][-_SHOWN:]
    raise Stale(
        f"draft {draft.id} is at version {draft.version}, not {expects}; its last edits are now: "
        f"{', '.join(came) or 'none'}"
    )


def check_territory(actor: Actor, before: State, step: Step, after: State) -> None:
    """NotAllowed unless the actor's territories cover each cell and area that changes, before and after.

    So must they those that posts go to; posts leave only what changes. One that ends again is the certificate's.
    """
    for code in step.posts.values():
        cell = after.find(code)
        there = cell is not None or after.has_area(code)
        if there and not covers(actor, [code, *chain(after, cell.community)] if cell else chain(after, code)):
            raise NotAllowed(f"{code} is outside your territories")
    for code in (*step.ended, *step.drawn):
        for state in (before, after):
            cell = state.find(code)
            if cell is not None and not covers(actor, [code, *chain(state, cell.community)]):
                raise NotAllowed(f"cell {code} is outside your territories")
    for code in (*step.areas_ended, *step.areas_drawn):
        for state in (before, after):
            if state.has_area(code) and not covers(actor, chain(state, code)):
                raise NotAllowed(f"area {code} is outside your territories")


def chain(state: State, area: str) -> list[str]:
    """The codes of an area and of those above it."""
    codes: list[str] = []
    above: str | None = area
    while above is not None:
        codes.append(above)
        above = state.area(above).parent
    return codes


def places_of(plan: Plan) -> list[str]:
    """The codes of all cells and areas that a plan changes, and of those above them, before and after; sorted."""
    places: set[str] = set()
    change, base = plan.change(), State(plan.base)
    touched = set(plan.touched())
    for code in {*change.ended, *change.drawn} - touched:
        for state in (base, plan.state):
            cell = state.find(code)
            if cell is not None:
                places |= {code, *chain(state, cell.community)}
    for code in {*change.areas_ended, *change.areas_drawn}:
        for state in (base, plan.state):
            if state.has_area(code):
                places |= set(chain(state, code))
    return sorted(places)


def _moved_on(connection: Connection, draft: Draft, plan: Plan) -> Draft:
    return update_draft(connection, draft.id, version=draft.version + 1, places=places_of(plan))


def _last(recorded: Sequence[RecordedEdit]) -> int:
    return max(edit.seq for edit in recorded if not edit.undone)


def _back(now: State, then: State) -> Step:
    """The step from one state to an earlier one."""
    codes = {code for code in {*now.cells, *then.cells} if now.find(code) != then.find(code)}
    areas = {*now.areas, *then.areas}
    stand = {code: cell for code in sorted(codes) if (cell := then.find(code)) is not None}
    touched = {code: cell for code, cell in stand.items() if _only_vertices(now.find(code), cell)}
    return Step(
        ended=tuple(sorted(code for code in codes if then.find(code) is None)),
        drawn={code: cell for code, cell in stand.items() if code not in touched},
        touched=touched,
        areas_ended=tuple(sorted(code for code in areas if not then.has_area(code))),
        areas_drawn={code: then.area(code) for code in sorted(areas) if then.has_area(code)},
    )


def _only_vertices(one: DrawnCell | None, other: DrawnCell) -> bool:
    """Whether two states of a cell are the same but for vertices on its edges."""
    return one is not None and replace(one, shape=other.shape) == other and same_ground(one.shape, other.shape)
