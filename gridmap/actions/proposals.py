"""Proposals for dividing an area of a draft anew: nothing is written; whoever likes one records its edits."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from gridmap.access import Action, covers, require
from gridmap.actions.certifying import on_base
from gridmap.actions.draft_edits import Edited, chain, edit_draft
from gridmap.actions.drafts import read_draft
from gridmap.actions.impact import Base as Measured
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, NotAllowed, NotFound, Unavailable
from gridmap.model import Actor
from gridmap.redraw.draft import Draft, check_step
from gridmap.redraw.draft import Step as DraftStep
from gridmap.redraw.edits import parse
from gridmap.redraw.plan import Plan
from gridmap.redraw.principles.finding import Finding
from gridmap.redraw.principles.measured import after_change, measured
from gridmap.redraw.proposing.division import Terrain, Wish
from gridmap.redraw.proposing.proposals import Progress, Proposal, Proposals, proposals_for
from gridmap.redraw.state import Households
from gridmap.redraw.streets import Streets
from gridmap.store.database import Connection, Database
from gridmap.store.ground import read_weighed

WEIGH_BY = ("households", "workload")
# A community takes a second of all a processor can do, a street many: one at a time in each process.
_working = threading.Lock()


@dataclass(frozen=True)
class Wanted:
    """What is asked for: an area, how many cells or by which band, weighed by what, and which cells stay.

    ``parts`` None: as many as the band asks for. ``band`` None: the city's for basic cells.
    """

    area: str
    parts: int | None = None
    band: tuple[float, float] | None = None
    weigh_by: str = "households"
    locked: tuple[str, ...] = ()
    count: int = 4
    seed: int = 1


@dataclass(frozen=True)
class Proposed:
    """The proposals for a draft as it is, with the ground they were made on.

    ``principles``: the five of the draft as it is; ``plans`` and ``plan_principles``: with each proposal taken.
    """

    draft: Draft
    plan: Plan
    found: Proposals
    terrain: Terrain
    principles: tuple[Finding, ...]
    plans: tuple[Plan, ...]
    plan_principles: tuple[tuple[Finding, ...], ...]


def propose(
    database: Database,
    actor: Actor,
    bench: Workbench,
    number: int,
    wanted: Wanted,
    grid: Grid | None = None,
    progress: Progress = lambda _: None,
) -> Proposed:
    """Ways to divide an area of a draft anew. The same draft, wish and seed give the same ones.

    NotAllowed for an area outside the actor's territories, NotFound for one that there is not, InvalidInput for a
    wish that cannot be fulfilled, Unavailable while another thread works on proposals.
    """
    _check(wanted)
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = read_draft(connection, actor, number)
        require(actor, Action.DRAW)
        check_step(draft, DraftStep.EDIT)
        plan = bench.plan(connection, draft, grid)
        if not covers(actor, chain(plan.state, wanted.area)):
            raise NotAllowed(f"area {wanted.area} is outside your territories")
        base = bench.measured(connection, plan.base)
        weights = _weights(connection, plan, wanted)
    if not _working.acquire(blocking=False):
        raise Unavailable("proposals are being worked out now, which takes some seconds: ask again")
    try:
        terrain = Terrain(
            Streets() if base.ground.lines is None else Streets(base.ground.lines), base.ground.segments, weights
        )
        found = proposals_for(plan, wanted.area, terrain, _wish(plan, wanted), progress)
        plans = tuple(_taken(plan, one) for one in found.proposals)
        principles = tuple(_principles(each, base) for each in plans)
    finally:
        _working.release()
    now = _principles(plan, base) if plan.edits else base.findings
    return Proposed(draft, plan, found, terrain, now, plans, principles)


def take_proposal(
    database: Database, actor: Actor, bench: Workbench, proposed: Proposed, number: int
) -> list[Edited]:
    """Record the edits of a proposal, the first of which is number 1, in its draft as it was when asked."""
    proposals = proposed.found.proposals
    if not 1 <= number <= len(proposals):
        raise NotFound(f"no proposal {number}: there are {len(proposals)}")
    version, done = proposed.draft.version, []
    for edit in proposals[number - 1].edits:
        done.append(edit_draft(database, actor, bench, proposed.draft.id, edit, version))
        version = done[-1].draft.version
    return done


def _check(wanted: Wanted) -> None:
    if wanted.weigh_by not in WEIGH_BY:
        raise InvalidInput("weigh_by", wanted.weigh_by, f"must be one of {', '.join(WEIGH_BY)}")
    if wanted.parts is not None and wanted.parts < 1:
        raise InvalidInput("parts", wanted.parts, "must be at least 1")
    if wanted.band is not None and not 1 <= wanted.band[0] <= wanted.band[1]:
        raise InvalidInput("band", list(wanted.band), "must be two numbers of 1 or more, the lower one first")


def _weights(connection: Connection, plan: Plan, wanted: Wanted) -> Households:
    if wanted.weigh_by == WEIGH_BY[0]:
        known = plan.base.households
    else:
        lon, lat, weight = read_weighed(connection, plan.base.city.principles.workload)
        known = Households(lon, lat, weight) if len(lon) else None
    if known is None:
        raise InvalidInput("weigh_by", wanted.weigh_by, "is not known of any building of this city")
    return known


def _wish(plan: Plan, wanted: Wanted) -> Wish:
    low, high = wanted.band or plan.base.city.principles.bands["basic"]
    return Wish((low, high), wanted.parts, frozenset(wanted.locked), wanted.count, wanted.seed)


def _taken(plan: Plan, proposal: Proposal) -> Plan:
    for edit in proposal.edits:
        plan = plan.apply(parse(edit))
    return plan


def _principles(plan: Plan, base: Measured) -> tuple[Finding, ...]:
    return measured(after_change(base.numbers, on_base(plan), base.ground, plan.moved_communities()))


def headline(findings: tuple[Finding, ...]) -> dict[str, Any]:
    """One figure of each principle, to stand side by side; those that rest on households are coarse."""
    by_key = {each.key: each.figures for each in findings}
    size = by_key["size"]
    return {
        "nested_cells": by_key["territory"].get("nested_cells"),
        "crossing_cells": by_key["territory"].get("crossing_cells"),
        "street_share": by_key["streets"].get("share_15_m"),
        "share_in_band": _coarse(size.get("share_in_band")),
        "coefficient_of_variation": _coarse(size.get("coefficient_of_variation")),
        "gap_m2": by_key["seamless"].get("gap_m2"),
        "overlap_m2": by_key["seamless"].get("overlap_m2"),
        "jaccard": by_key["fixed"].get("jaccard"),
    }


def _coarse(value: object) -> float | None:
    return round(value, 2) if isinstance(value, float) else None
