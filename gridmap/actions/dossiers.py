"""Dossiers: what a published revision changed, and what a draft would change."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import shapely

from gridmap.access import Action, covers, require
from gridmap.actions.certifying import certify_draft, make_ready, refuse_empty
from gridmap.actions.drafts import read_draft
from gridmap.actions.principles import measure
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid, top_code
from gridmap.errors import NotAllowed, NotFound, RuleBroken, Stale
from gridmap.model import Actor, City, Revision
from gridmap.papers.changes import Change, change_between
from gridmap.papers.dossier import Approval, Check, Comment, Dossier, Measure, Subject
from gridmap.papers.parts import Box, MapPart, around
from gridmap.papers.principles import measures_of
from gridmap.redraw.certificate import WAIVED
from gridmap.redraw.change import GridChange, Redrawn, new_codes, redrawn
from gridmap.redraw.draft import Draft
from gridmap.redraw.plan import Plan
from gridmap.redraw.principles.measured import after_change, measured
from gridmap.redraw.state import Households
from gridmap.store.centre_lines import read_centre_lines
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.drafts import find_draft
from gridmap.store.map_parts import (
    find_published_draft,
    read_author,
    read_changed_box,
    read_counted_days,
    read_household_moves,
    read_map_part,
)
from gridmap.store.reviews import read_approvals, read_certificate, read_comments, read_waivers
from gridmap.store.revisions import read_revision

# Around what changes, so that maps show where it lies.
_RIM_SHARE, _RIM_DEGREES = 0.3, 0.004
_MOST_NAMED = 8


def revision_dossier(database: Database, actor: Actor, number: int) -> Dossier:
    """What a published revision changed of the one before; with what was said of the draft that it was, if it was.

    NotFound for an unknown revision and for the first, which changed nothing; NotAllowed unless a territory of the
    actor covers every cell that changed.
    """
    require(actor, Action.READ_DOSSIERS)
    dossier = _revision_dossier(database, actor, number)
    # as the actor may see them, and kept with the revision
    before, after = (measure(database, actor, each).findings for each in (number - 1, number))
    told = all(step.told for step in dossier.change.steps)
    return replace(dossier, measures=measures_of(before, after, told=told))


def _revision_dossier(database: Database, actor: Actor, number: int) -> Dossier:
    with database.begin(actor, Action.READ_DOSSIERS, Action.READ_COUNTS, long_work=True) as connection:
        city = read_city(connection)
        result = read_revision(connection, number)
        changed = read_changed_box(connection, number) if number > 1 else None
        if changed is None:
            raise NotFound(f"revision {number} changed nothing")
        base = read_revision(connection, number - 1)
        box = _around(shapely.box(*changed))
        before, after = (read_map_part(connection, each, box) for each in (base.number, number))
        bare = change_between(before, after, None, city.least_people, city.metric_crs)
        _check_territory(actor, before, after, bare)
        change = _counted(connection, city, before, after, bare, base.number, number)
        draft = _published(connection, number)
        now = datetime.now(UTC)
        return Dossier(
            city=city,
            subject=Subject(
                title="" if draft is None else draft.name,
                draft=None if draft is None else draft.id,
                state="published",
                base=base,
                result=result,
                author=read_author(connection, number) if draft is None else draft.owner,
                dated=result.published_at,
                reasons=result.note,
            ),
            before=before,
            after=after,
            change=change,
            lines=read_centre_lines(connection, city.metric_crs, box),
            data_as_of=now,
            made_at=now,
            checks=None if draft is None else _kept_checks(connection, draft, base.number),
            comments=[] if draft is None else _comments(connection, draft.id),
            approvals=[] if draft is None else _approvals(connection, draft.id, after),
            counted=read_counted_days(connection, changed) if change.counted else None,
        )


def draft_dossier(
    database: Database, actor: Actor, bench: Workbench, number: int, grid: Grid | None = None
) -> Dossier:
    """What a draft would change of its base. ``grid``: the current one, when the caller has it.

    NotFound also for a draft that the actor may not see; RuleBroken when it changes nothing, or is published: then
    the revision has the dossier.
    """
    require(actor, Action.READ_DOSSIERS)
    with database.begin(actor, Action.READ_DRAFTS, long_work=True) as connection:
        draft = read_draft(connection, actor, number)
        if draft.revision is not None:
            raise RuleBroken(f"draft {number} is published: see the dossier of revision {draft.revision}")
        plan = bench.plan(connection, draft, grid)
        refuse_empty(number, plan)
        city, redraw = plan.base.city, plan.change()
        result = _redrawn(plan.base.grid, redraw)
        changed = _changed_box(plan.base.grid, result, redraw.areas_ended | redraw.areas_drawn.keys())
        box = _around(shapely.box(*changed))
        before, after = MapPart.of(plan.base.grid, box), MapPart.of(result.grid, box)
        households = _households(plan.base.households, plan.base.grid, result)
        change = change_between(before, after, households, city.least_people, city.metric_crs)
        now = datetime.now(UTC)
        return Dossier(
            city=city,
            subject=_subject(draft, plan.base.grid.revision),
            before=before,
            after=after,
            change=change,
            lines=read_centre_lines(connection, city.metric_crs, box),
            data_as_of=now,
            made_at=now,
            measures=_measures(connection, bench, plan, result, told=all(step.told for step in change.steps)),
            checks=_checks(connection, bench, draft, grid),
            comments=_comments(connection, number),
            approvals=_approvals(connection, number, after, draft.version),
            counted=read_counted_days(connection, changed) if change.counted else None,
        )


def _around(shape: object) -> Box:
    return around(np.array([shape], dtype=object), _RIM_SHARE, _RIM_DEGREES)


def _counted(
    connection: Connection, city: City, before: MapPart, after: MapPart, bare: Change, base: int, number: int
) -> Change:
    """The change with households, as the placements of the two revisions have them."""
    old = {before.cell(code).id: code for code in bare.old}
    new = {after.cell(code).id: code for code in bare.new}
    tops = {top_code(before.chain(code), city) for code in bare.old}
    moves = read_household_moves(connection, base, number, sorted(old), sorted(tops))
    if moves is None:
        return bare
    households = {(old[one], new[other]): count for (one, other), count in moves.items() if other in new}
    return change_between(before, after, households, city.least_people, city.metric_crs)


def _check_territory(actor: Actor, before: MapPart, after: MapPart, change: Change) -> None:
    for part, codes in ((before, change.old), (after, change.new)):
        for code in codes:
            if not covers(actor, [code, *(area.code for area in part.chain(code))]):
                raise NotAllowed(f"cell {code} changed too, which lies in no territory of yours")
    changed = {area.code for area in (*change.areas_begun, *change.areas_ended)}
    for code in sorted(changed | {each.code for each in change.areas_renamed}):
        for part in (before, after):
            if code in part.areas and not covers(actor, part.areas_above(code)):
                raise NotAllowed(f"area {code} changed too, which lies in no territory of yours")


def _redrawn(before: Grid, change: GridChange) -> Redrawn:
    """The grid after, with stand-ins for ids."""
    revision = replace(before.revision, number=before.revision.number + 1)
    highest = max(cell.id for cell in before.cells)
    return redrawn(before, change, revision, range(highest + 1, highest + 1 + len(new_codes(before, change))))


def _changed_box(before: Grid, result: Redrawn, areas: Set[str]) -> Box:
    """The box of the cells that change, and of those in areas that do."""
    shapes = [before.index.degrees[result.gone], result.grid.index.degrees[result.drawn]]
    for grid in (before, result.grid) if areas else ():
        inside = [not areas.isdisjoint(area.code for area in grid.chain(cell.community)) for cell in grid.cells]
        shapes.append(grid.index.degrees[np.array(inside, bool)])
    west, south, east, north = shapely.total_bounds(np.concatenate(shapes)).tolist()
    return west, south, east, north


def _households(found: Households | None, before: Grid, result: Redrawn) -> dict[tuple[str, str], int] | None:
    """(old code, new code) -> households, of the buildings that stand in cells that change."""
    if found is None:
        return None
    was, _ = before.index.locate_many(found.lon, found.lat)
    there = np.flatnonzero(np.isin(was, result.gone))
    now, _ = result.grid.index.locate_many(found.lon[there], found.lat[there])
    moves: dict[tuple[str, str], int] = {}
    for old, new, count in zip(was[there].tolist(), now.tolist(), found.count[there].tolist(), strict=True):
        if new >= 0:
            pair = before.cells[old].code, result.grid.cells[new].code
            moves[pair] = moves.get(pair, 0) + int(count)
    return moves


def _subject(draft: Draft, base: Revision) -> Subject:
    return Subject(
        title=draft.name,
        draft=draft.id,
        state=draft.state,
        base=base,
        result=None,
        author=draft.owner,
        dated=draft.changed_at,
        reasons=draft.reason or draft.name,
    )


def _measures(
    connection: Connection, bench: Workbench, plan: Plan, result: Redrawn, *, told: bool
) -> list[Measure]:
    """The five principles of the base, and of the plan."""
    base = bench.measured(connection, plan.base)
    after = measured(after_change(base.numbers, result, base.ground, plan.moved_communities()))
    return measures_of(base.findings, after, told=told)


def _checks(connection: Connection, bench: Workbench, draft: Draft, grid: Grid | None) -> list[Check]:
    """The certificate as it would be now; of a stale draft that it is stale."""
    try:
        ready = make_ready(connection, bench, draft, grid)
    except Stale as error:
        return [Check("base", "fail", str(error))]
    checks = []
    for result in certify_draft(connection, bench, ready).certificate.results:
        offenders = [f"{each.code} {each.what}".strip() for each in result.finding.offenders]
        figures = [f"{name} {value}" for name, value in result.finding.figures.items() if value is not None]
        waiver = result.waiver
        checks.append(
            Check(
                result.key,
                result.result.replace(" ", "_"),
                "; ".join([*figures, *offenders[:_MOST_NAMED]]) if offenders else "",
                tuple(dict.fromkeys(each.code for each in result.finding.offenders if each.code))[:_MOST_NAMED],
                "" if waiver is None else waiver.signed,
                "" if waiver is None else waiver.reason,
            )
        )
    return checks


def _published(connection: Connection, number: int) -> Draft | None:
    """The draft that became a revision."""
    found = find_published_draft(connection, number)
    return None if found is None else find_draft(connection, found)


def _kept_checks(connection: Connection, draft: Draft, over: int) -> list[Check] | None:
    """The certificate with which a draft was published, as it was kept then; None when there is none."""
    waivers = {one.what: one for one in read_waivers(connection, draft.id) if one.version == draft.version}
    checks = []
    for each in read_certificate(connection, draft.id, draft.version, over):
        waiver = waivers.get(each["check"]) if each["result"] == WAIVED else None
        checks.append(
            Check(
                each["check"],
                each["result"].replace(" ", "_"),
                waived_by="" if waiver is None else waiver.signed,
                waived_because="" if waiver is None else waiver.reason,
            )
        )
    return checks or None


def _comments(connection: Connection, draft: int) -> list[Comment]:
    return [
        Comment(
            each.actor,
            each.made_at,
            each.cell or ("" if each.point is None else "{:.6f} {:.6f}".format(*each.point)),
            each.text,
            each.resolved_by is not None,
        )
        for each in read_comments(connection, draft)
    ]


def _approvals(connection: Connection, draft: int, after: MapPart, version: int | None = None) -> list[Approval]:
    """What was approved of the draft as it is; of a published one all that was."""
    return [
        Approval(each.level, after.areas[each.area].name, each.actor, each.made_at)
        for each in read_approvals(connection, draft)
        if version in (None, each.version)
    ]
