"""Publishing drafts: now or at a time, each in one transaction, with nobody's work overwritten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gridmap.access import EVERYWHERE, Action, require
from gridmap.actions.certifying import (
    Certified,
    certify_draft,
    keep_certificate,
    make_ready,
    refuse_empty,
    settle_draft,
)
from gridmap.actions.draft_edits import check_territory
from gridmap.actions.draft_review import areas_of, missing_approvals
from gridmap.actions.drafts import read_draft
from gridmap.actions.publish import Published, check_base, wait_for_workers, write_revision
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.errors import GridMapError, InvalidInput, RuleBroken, Unavailable
from gridmap.model import Actor, Revision
from gridmap.redraw.change import new_codes, redrawn
from gridmap.redraw.draft import Draft, Step, check_step
from gridmap.redraw.plan import Plan
from gridmap.redraw.rebase import changed_codes
from gridmap.redraw.state import State
from gridmap.redraw.state import Step as PlanStep
from gridmap.store.database import Connection, Database
from gridmap.store.drafts import find_draft, list_due, update_draft
from gridmap.store.grid import reserve_cell_ids
from gridmap.store.locks import lock_data
from gridmap.store.reviews import read_approvals
from gridmap.store.revisions import insert_revision, read_current
from gridmap.store.upcoming import drop_upcoming, write_upcoming

Progress = Callable[[str], None]
_LONGEST_NOTE = 1000


@dataclass(frozen=True)
class PublishedDraft:
    """The revision that a draft became, and over which others it was done again."""

    draft: Draft
    published: Published
    replayed_over: tuple[int, ...]
    recoded: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Due:
    """What became of a draft whose time had come: its revision, or why it went back to approved."""

    draft: int
    revision: int | None
    problem: str | None


def publish_draft(
    database: Database,
    actor: Actor,
    bench: Workbench,
    number: int,
    note: str | None = None,
    progress: Progress = lambda _: None,
    grid: Grid | None = None,
) -> PublishedDraft:
    """Publish a draft as the next revision.

    Over revisions since its base it is done again where they changed other cells; else it is Stale. RuleBroken
    when a check of the certificate fails that is not waived, or an approval is missing. All of it is checked
    inside the transaction that publishes, and loads wait for that. ``note``: else the draft's reason, or its name.
    """
    require(actor, Action.PUBLISH)
    with database.begin(actor, Action.PUBLISH, long_work=True) as connection:
        lock_data(connection)
        draft = read_draft(connection, actor, number, lock=True)
        check_step(draft, Step.PUBLISH)
        result = publish_within(connection, actor, bench, draft, note, datetime.now(UTC), progress, grid)
    progress("waiting until all workers serve it")
    wait_for_workers(database, actor, result.published.revision.number)
    return result


def schedule_draft(
    database: Database, actor: Actor, bench: Workbench, number: int, at: datetime, grid: Grid | None = None
) -> Draft:
    """Let a draft be published at a time, when all that publishing asks for holds now; look-ups tell of it."""
    require(actor, Action.PUBLISH)
    if at <= datetime.now(UTC):
        raise InvalidInput("at", at.isoformat(), "must be yet to come")
    with database.begin(actor, Action.PUBLISH, long_work=True) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        check_step(draft, Step.SCHEDULE)
        certified = _certified(connection, actor, bench, draft, grid)
        plan = certified.ready.plan
        gone = sorted(changed_codes(plan) & plan.base.grid.by_code.keys())
        touched = set(plan.touched())
        shapes = {code: cell.shape for code, cell in certified.change.drawn.items() if code not in touched}
        write_upcoming(connection, number, at, gone, shapes)
        return update_draft(connection, number, state="scheduled", publish_at=at, publisher=actor.id, problem=None)


def recall_draft(database: Database, actor: Actor, number: int) -> Draft:
    """Take a draft off its schedule; it is approved as before."""
    require(actor, Action.PUBLISH)
    with database.begin(actor, Action.PUBLISH) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        check_step(draft, Step.RECALL)
        drop_upcoming(connection, number)
        return update_draft(connection, number, state="approved", publish_at=None, publisher=None)


def publish_due(
    database: Database,
    bench: Workbench,
    progress: Progress = lambda _: None,
    grid: Callable[[], Grid | None] | None = None,
) -> list[Due]:
    """Publish the drafts whose time has come, the earliest first, each by whoever scheduled it.

    One that cannot be published goes back to approved and says why; so nothing is lost and nothing forced. Several
    servers may try at once: a draft is published once.
    """
    watcher = Actor("scheduler", "publisher", (EVERYWHERE,), unbound=True)
    with database.begin(watcher) as connection:
        numbers = list_due(connection, datetime.now(UTC))
    return [
        due
        for number in numbers
        if (due := _publish_one_due(database, bench, number, progress, grid() if grid else None)) is not None
    ]


def _publish_one_due(
    database: Database, bench: Workbench, number: int, progress: Progress, grid: Grid | None
) -> Due | None:
    watcher = Actor("scheduler", "publisher", (EVERYWHERE,), unbound=True)
    try:
        with database.begin(watcher, long_work=True) as connection:
            lock_data(connection)
            draft = _still_due(connection, number)
            if draft is None:
                return None
            actor = Actor(draft.publisher or watcher.id, "publisher", (EVERYWHERE,))
            begins = draft.publish_at or datetime.now(UTC)
            result = publish_within(connection, actor, bench, draft, None, begins, progress, grid)
    except Unavailable:
        raise
    except GridMapError as error:
        return _put_back(database, watcher, number, str(error))
    wait_for_workers(database, watcher, result.published.revision.number)
    return Due(number, result.published.revision.number, None)


def _still_due(connection: Connection, number: int) -> Draft | None:
    """The draft, locked; None when another server has published it or it was recalled meanwhile."""
    draft = find_draft(connection, number, lock=True)
    if draft is None or draft.state != "scheduled" or draft.publish_at is None:
        return None
    return draft if draft.publish_at <= datetime.now(UTC) else None


def _put_back(database: Database, watcher: Actor, number: int, problem: str) -> Due | None:
    with database.begin(watcher) as connection:
        if _still_due(connection, number) is None:
            return None
        drop_upcoming(connection, number)
        values = {"state": "approved", "publish_at": None, "publisher": None, "problem": problem}
        update_draft(connection, number, **values)
    return Due(number, None, problem)


def publish_within(
    connection: Connection,
    actor: Actor,
    bench: Workbench,
    draft: Draft,
    note: str | None,
    begins: datetime,
    progress: Progress,
    grid: Grid | None,
) -> PublishedDraft:
    """Publish a locked draft in a transaction that has locked the data; all who look see it when that commits."""
    certified = _certified(connection, actor, bench, draft, grid)
    ready, change = certified.ready, certified.change
    before, city = ready.plan.base.grid, ready.plan.base.city
    begins = max(begins, _after(read_current(connection)))
    check_base(read_current(connection), before.revision.number, begins)
    ids = reserve_cell_ids(connection, len(new_codes(before, change)))
    revision = insert_revision(connection, actor, before.revision.number + 1, begins, _note(draft, note))
    result = redrawn(before, change, revision, ids)
    published = write_revision(connection, city, before, result, ready.plan.state.posts, progress)
    certified = settle_draft(connection, certified)
    keep_certificate(connection, certified)
    if not certified.certificate.passed:
        raise RuleBroken(f"publishing draft {draft.id} would break {_failures(certified)}")
    drop_upcoming(connection, draft.id)
    done = update_draft(
        connection, draft.id, state="published", revision=revision.number, problem=None, publisher=actor.id
    )
    progress("committing")
    return PublishedDraft(done, published, ready.replayed_over, ready.recoded)


def _certified(
    connection: Connection, actor: Actor, bench: Workbench, draft: Draft, grid: Grid | None
) -> Certified:
    """The draft on the current revision with a certificate that passes, and all approvals there."""
    plan = bench.plan(connection, draft, grid)
    refuse_empty(draft.id, plan)
    missing = missing_approvals(plan.base.city, draft, areas_of(plan), read_approvals(connection, draft.id))
    if missing and plan.base.city.approvals:
        named = ", ".join(f"{level} {code}" for level, code in missing)
        raise RuleBroken(f"draft {draft.id} is not approved by {named}")
    ready = make_ready(connection, bench, draft, grid)
    _check_own(actor, ready.plan)
    certified = certify_draft(connection, bench, ready)
    keep_certificate(connection, certified)
    if not certified.certificate.passed:
        raise RuleBroken(f"the certificate of draft {draft.id} does not pass: {_failures(certified)}")
    return certified


def _check_own(actor: Actor, plan: Plan) -> None:
    """A publisher publishes in his territories only."""
    change, touched = plan.change(), set(plan.touched())
    drawn = {code: cell for code, cell in change.drawn.items() if code not in touched}
    whole = PlanStep(
        tuple(change.ended), drawn, {}, tuple(change.areas_ended), change.areas_drawn, posts=plan.state.posts
    )
    check_territory(actor, State(plan.base), whole, plan.state)


def _failures(certified: Certified) -> str:
    parts = []
    for result in certified.certificate.results:
        if result.result == "fail":
            first = [f"{one.code} {one.what}".strip() for one in result.finding.offenders[:3]]
            refused = result.finding.figures.get("refused")
            detail = "; ".join(first) or (str(refused) if refused else "")
            parts.append(f"{result.key} ({detail})" if detail else result.key)
    return ", ".join(parts)


def _note(draft: Draft, note: str | None) -> str:
    text = (note or draft.reason or draft.name).strip()
    if len(text) > _LONGEST_NOTE:
        raise InvalidInput("note", text, f"must be {_LONGEST_NOTE} characters at most")
    return text


def _after(revision: Revision) -> datetime:
    """The earliest time at which a revision after this one can begin."""
    return revision.valid_from + timedelta(microseconds=1)
