"""A draft as it would be published now: done again on the current revision, with its certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import shapely

from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid, top_code
from gridmap.errors import GridMapError, InvalidInput, RuleBroken, Stale
from gridmap.model import City, Post
from gridmap.redraw.certificate import Case, Certificate, Finding, Points, certify, settled
from gridmap.redraw.change import GridChange, Redrawn, new_codes, redrawn
from gridmap.redraw.draft import Draft, Waiver
from gridmap.redraw.measures import measures
from gridmap.redraw.plan import Plan
from gridmap.redraw.rebase import changed_between, changed_codes, rebased
from gridmap.redraw.staffing import Staffing
from gridmap.store.codes import read_issued
from gridmap.store.database import Connection
from gridmap.store.draft_case import digest_persons, read_points
from gridmap.store.drafts import read_edits
from gridmap.store.plan_base import Ending, read_endings
from gridmap.store.post_moves import posts_at
from gridmap.store.reviews import put_certificate, read_waivers
from gridmap.store.revisions import read_current

_MOST_NAMED = 10


@dataclass(frozen=True)
class Ready:
    """A draft on the current revision. ``replayed_over``: the revisions since its base; ``recoded``: new codes."""

    draft: Draft
    plan: Plan
    replayed_over: tuple[int, ...] = ()
    recoded: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Certified:
    """A certificate and the case that it is about."""

    ready: Ready
    certificate: Certificate
    case: Case

    @property
    def change(self) -> GridChange:
        """What publishing does."""
        return self.case.change


def make_ready(connection: Connection, bench: Workbench, draft: Draft, grid: Grid | None = None) -> Ready:
    """The draft on the current revision. Stale when what was published meanwhile changed the same cells.

    ``grid``: the current one, when the caller has it.
    """
    plan = bench.plan(connection, draft, grid)
    current = read_current(connection).number
    if current == draft.base:
        return Ready(draft, plan)
    onto = bench.base(connection, current, grid)
    endings = read_endings(connection, draft.base, current)
    _check_disjoint(plan, onto.grid, endings)
    weights = [edit.weights for edit in read_edits(connection, draft.id) if not edit.undone]
    try:
        again = rebased(plan, onto, weights)
    except Stale as error:
        raise Stale(f"draft {draft.id} is stale on revision {current}: {error}; {_since(endings)}") from error
    return Ready(draft, again.plan, tuple(ending.revision for ending in endings), again.recoded)


def _check_disjoint(plan: Plan, now: Grid, endings: Sequence[Ending]) -> None:
    mine = changed_codes(plan)
    theirs = changed_between(plan.base.grid, now, {code for ending in endings for code in ending.codes})
    both = sorted(mine & theirs)
    if both:
        raise Stale(
            f"{', '.join(both[:_MOST_NAMED])}: changed by this draft, which is based on revision "
            f"{plan.base.grid.revision.number}, and by {_since(endings, theirs)}; "
            f"this draft changes {_named(sorted(mine))}",
            tuple((code, _place(plan.base.grid, code), _whose(plan, endings, code)) for code in both),
        )


def _place(grid: Grid, code: str) -> tuple[float, float]:
    """A point in a cell, or in one of an area's cells."""
    at = grid.by_code.get(code)
    if at is None:
        at = next(
            at for at, cell in enumerate(grid.cells) if code in {area.code for area in grid.chain(cell.community)}
        )
    point = shapely.point_on_surface(grid.index.degrees[at])
    return (float(point.x), float(point.y))


def _whose(plan: Plan, endings: Sequence[Ending], code: str) -> str:
    by = [f"revision {ending.revision} by {ending.actor}" for ending in endings if code in ending.codes]
    return f"this draft, based on revision {plan.base.grid.revision.number}, and {', '.join(by)}"


def _since(endings: Sequence[Ending], theirs: frozenset[str] | None = None) -> str:
    parts = []
    for ending in endings:
        codes = [code for code in ending.codes if theirs is None or code in theirs]
        if codes or theirs is None:
            note = f" ({ending.note})" if ending.note else ""
            parts.append(f"revision {ending.revision} by {ending.actor}{note}, which changed {_named(codes)}")
    return "; ".join(parts)


def _named(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - _MOST_NAMED} more" if len(codes) > _MOST_NAMED else ""
    return ", ".join(codes[:_MOST_NAMED]) + more


def refuse_empty(number: int, plan: Plan) -> None:
    """RuleBroken when the plan of a draft changes nothing at all."""
    change = plan.change()
    if not (changed_codes(plan) or change.drawn or change.areas_drawn):
        raise RuleBroken(f"draft {number} changes nothing")


def certify_draft(connection: Connection, bench: Workbench, ready: Ready) -> Certified:
    """Run all checks of a draft that is ready; :func:`settle_draft` those that look at what is written.

    RuleBroken when it changes nothing.
    """
    refuse_empty(ready.draft.id, ready.plan)
    base, change = ready.plan.base, ready.plan.change()
    before, city = base.grid, base.city
    after, refused = _redrawn(ready.plan)
    gone = _gone(before, change)
    unstaffed, posts_refused = _unstaffed(connection, ready.plan, after)
    digest = digest_persons(connection, [before.cells[at].id for at in gone], before.revision.number)
    case = Case(
        before=before,
        change=change,
        city=city,
        after=after,
        refused=refused,
        points=_points(connection, before, city, gone),
        issued=read_issued(connection, _new(before, change)),
        unstaffed=unstaffed,
        posts_refused=posts_refused,
        persons=(digest, None),
        measures={} if after is None else _measures(connection, bench, ready.plan, after),
    )
    waivers = [one for one in read_waivers(connection, ready.draft.id) if one.version == ready.draft.version]
    return Certified(ready, certify(case, waivers), case)


def settle_draft(connection: Connection, certified: Certified) -> Certified:
    """The certificate once a draft is written, in the same transaction: the rows of persons before and now."""
    before, change = certified.case.before, certified.case.change
    gone = [before.cells[at].id for at in _gone(before, change)]
    now = digest_persons(connection, gone, before.revision.number)
    case = replace(certified.case, persons=(certified.case.persons[0], now))
    return replace(certified, certificate=settled(certified.certificate, case), case=case)


def keep_certificate(connection: Connection, certified: Certified) -> None:
    """Keep the results with the draft's version and the revision that it would follow."""
    draft, over = certified.ready.draft, certified.ready.plan.base.grid.revision.number
    checks = [
        {"check": one.key, "result": one.result, "figures": dict(one.finding.figures)}
        for one in certified.certificate.results
    ]
    put_certificate(connection, draft.id, draft.version, over, certified.certificate.passed, checks)


def waivers_of(certified: Certified) -> list[Waiver]:
    """The waivers that the certificate rests on."""
    return [result.waiver for result in certified.certificate.results if result.waiver is not None]


def on_base(plan: Plan) -> Redrawn:
    """The grid after a plan, with stand-ins for new ids. Raises what refuses the change."""
    before, change = plan.base.grid, plan.change()
    revision = replace(before.revision, number=before.revision.number + 1)
    highest = max(cell.id for cell in before.cells)
    ids = range(highest + 1, highest + 1 + len(new_codes(before, change)))
    return redrawn(before, change, revision, ids)


def _redrawn(plan: Plan) -> tuple[Redrawn | None, str | None]:
    """The grid after, or why it is refused."""
    try:
        return on_base(plan), None
    except GridMapError as error:
        return None, str(error)


def _gone(before: Grid, change: GridChange) -> list[int]:
    return sorted(before.by_code[code] for code in {*change.ended, *change.drawn} if code in before.by_code)


def _new(before: Grid, change: GridChange) -> list[str]:
    areas = [code for code in change.areas_drawn if code not in before.areas]
    return [*new_codes(before, change), *areas]


def _points(connection: Connection, before: Grid, city: City, gone: Sequence[int]) -> Points:
    shapes = before.index.degrees[list(gone)]
    box = shapely.total_bounds(shapes).tolist()
    tops = sorted({top_code(before.chain(before.cells[at].community), city) for at in gone})
    lon, lat = read_points(connection, tops, [before.cells[at].id for at in gone], box)
    if len(lon):
        positions, _ = before.index.locate_many(lon, lat)
        kept = np.isin(positions, list(gone))
        lon, lat = lon[kept], lat[kept]
    return Points(lon, lat)


def _unstaffed(connection: Connection, plan: Plan, after: Redrawn | None) -> tuple[tuple[str, ...], str | None]:
    """New cells without a post; and why posts cannot go where the draft says, when they cannot."""
    if after is None:
        return (), None
    try:
        staffing, posts = dealt(connection, plan, after)
        return staffing.unstaffed(posts, plan.state.posts), None
    except InvalidInput as error:
        return (), str(error)


def dealt(connection: Connection, plan: Plan, after: Redrawn) -> tuple[Staffing, list[Post]]:
    """How a plan deals posts out, with the posts that stand where it changes something.

    InvalidInput when the plan names what is neither such a post nor a territory that ends, or a wrong place.
    """
    now, staffing = datetime.now(UTC), Staffing(plan.base.grid, after)
    posts = posts_at(connection, staffing.places, now, now)
    staffing.moves(posts, plan.state.posts)
    return staffing, posts


def _measures(connection: Connection, bench: Workbench, plan: Plan, after: Redrawn) -> dict[str, Finding]:
    change = plan.change()
    changed = {*change.ended, *change.drawn} - set(plan.touched())
    base = bench.measured(connection, plan.base)
    return measures(base.numbers, base.ground, after, changed, plan.moved_communities())
