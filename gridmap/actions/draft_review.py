"""Review of drafts: submitted, returned with comments, approved per level, waived, and put to public notice."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridmap.access import Action, covers, may, require
from gridmap.actions.certifying import refuse_empty
from gridmap.actions.drafts import drawing, read_draft
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, NotAllowed, NotFound, RuleBroken
from gridmap.model import WAIVABLE, Actor, Area, City
from gridmap.redraw.draft import Approval, Draft, Step, check_step
from gridmap.redraw.plan import Plan
from gridmap.store.database import Connection, Database
from gridmap.store.drafts import find_by_notice, update_draft
from gridmap.store.keys import key_hash
from gridmap.store.reviews import (
    drop_approvals,
    insert_comment,
    put_approval,
    put_waiver,
    read_approvals,
    resolve_comment,
)

_LONGEST_TEXT = 4000
# The states in which a draft may stand on a public notice.
ON_NOTICE = ("submitted", "approved", "scheduled", "published")


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment to be made, pinned to a point (lon, lat in EPSG:4326), a cell, or neither."""

    text: str
    point: tuple[float, float] | None = None
    cell: str | None = None


def submit_draft(
    database: Database, actor: Actor, bench: Workbench, number: int, grid: Grid | None = None
) -> Draft:
    """Hand a draft in for review. RuleBroken when it changes nothing."""
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = drawing(connection, actor, number, Step.SUBMIT)
        refuse_empty(number, bench.plan(connection, draft, grid))
        drop_approvals(connection, number)
        return update_draft(connection, number, state="submitted", problem=None)


def return_draft(database: Database, actor: Actor, number: int, remarks: Sequence[Remark]) -> Draft:
    """Give a draft back to be drawn on; approvals of it no longer count. Its owner may take it back so, too."""
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        if actor.id != draft.owner:
            _require_review(actor, draft)
        check_step(draft, Step.RETURN)
        for remark in remarks:
            _comment(connection, actor, number, remark)
        drop_approvals(connection, number)
        return update_draft(connection, number, state="returned")


def approve_draft(
    database: Database,
    actor: Actor,
    bench: Workbench,
    number: int,
    area: str | None = None,
    grid: Grid | None = None,
) -> Draft:
    """Say yes to a draft for ``area``, or for those of the actor's territories that it changes.

    The draft is approved once every approval that the city asks for is there (``approvals`` in its settings: the
    levels); a city that asks for none takes any one.
    """
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        _require_review(actor, draft)
        check_step(draft, Step.APPROVE)
        plan = bench.plan(connection, draft, grid)
        city, areas = plan.base.city, areas_of(plan)
        own = [code for code in draft.places if code in areas and code in {*actor.territories, area}]
        own = own or ([city.code] if covers(actor, [city.code]) else [])
        for code in own if area is None else [area]:
            if code not in own:
                raise InvalidInput("area", code, f"must be an area that draft {number} changes")
            if not covers(actor, _above(areas, code)):
                raise NotAllowed(f"{areas[code].level} {code} is outside your territories")
            put_approval(connection, number, areas[code].level, code, actor, draft.version)
        if missing_approvals(city, draft, areas, read_approvals(connection, number)):
            return update_draft(connection, number)
        return update_draft(connection, number, state="approved")


def areas_of(plan: Plan) -> dict[str, Area]:
    """The areas of a plan by code, those that it ends too."""
    return {**plan.base.grid.areas, **{code: area for code, area in plan.state.areas.items() if area is not None}}


def _above(areas: Mapping[str, Area], area: str | None) -> list[str]:
    codes = []
    while area is not None:
        codes.append(area)
        area = areas[area].parent
    return codes


def missing_approvals(
    city: City, draft: Draft, areas: Mapping[str, Area], approvals: Sequence[Approval]
) -> list[tuple[str, str]]:
    """The (level, area) whose yes to this version is not there, of those that the city asks for.

    A city that asks for none misses one of the highest level until there is any.
    """
    given = {approval.area for approval in approvals if approval.version == draft.version}
    if not city.approvals:
        return [] if given else [(city.levels[0], city.code)]
    asked = [(areas[code].level, code) for code in draft.places if code in areas]
    return [(level, code) for level, code in asked if level in city.approvals and code not in given]


def comment_draft(database: Database, actor: Actor, number: int, remark: Remark) -> int:
    """Make a remark on a draft that one sees; returns its number."""
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        read_draft(connection, actor, number)
        return _comment(connection, actor, number, remark)


def resolve_remark(database: Database, actor: Actor, number: int, comment: int) -> None:
    """Say that a remark is dealt with. NotFound for one that the draft has not."""
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        read_draft(connection, actor, number)
        if not resolve_comment(connection, number, comment, actor):
            raise NotFound(f"draft {number} has no comment {comment}")


def waive_check(database: Database, actor: Actor, number: int, what: str, signed: str, reason: str) -> Draft:
    """Let the draft as it is pass without one of the checks that may be waived.

    ``signed`` is who answers for it, ``reason`` why. Only approvers and publishers of the territory may; another
    edit ends the waiver. InvalidInput for a check that cannot be waived.
    """
    if what not in WAIVABLE:
        raise InvalidInput("check", what, f"must be one that can be waived: {', '.join(WAIVABLE)}")
    for field, value in (("name", signed), ("reason", reason)):
        if not 0 < len(value.strip()) <= _LONGEST_TEXT:
            raise InvalidInput(field, value, f"must be text of 1 to {_LONGEST_TEXT} characters")
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        if not (may(actor, Action.PUBLISH) and covers(actor, draft.places)):
            _require_review(actor, draft)
        check_step(draft, Step.WAIVE)
        put_waiver(connection, number, what, signed.strip(), reason.strip(), actor, draft.version)
        return draft


def open_notice(database: Database, actor: Actor, number: int) -> str:
    """Put a draft to public notice; returns the token of the link, which is kept nowhere. An earlier link ends."""
    token = secrets.token_urlsafe(24)
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        if not (may(actor, Action.PUBLISH) and covers(actor, draft.places)):
            _require_review(actor, draft)
        if draft.state not in ON_NOTICE:
            raise RuleBroken(
                f"draft {number} is {draft.state}: only a {' or '.join(ON_NOTICE)} one is put to notice"
            )
        update_draft(connection, number, notice_sha256=key_hash(token))
    return token


def close_notice(database: Database, actor: Actor, number: int) -> None:
    """Take a draft's public notice down; its link is unknown from then on."""
    with database.begin(actor, Action.READ_DRAFTS) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        if not (may(actor, Action.PUBLISH) and covers(actor, draft.places)):
            _require_review(actor, draft)
        update_draft(connection, number, notice_sha256=None)


def find_notice(connection: Connection, token: str) -> Draft:
    """The draft that a notice's link shows. NotFound for a link that is not known, or no longer."""
    draft = find_by_notice(connection, key_hash(token))
    if draft is None or draft.state not in ON_NOTICE:
        raise NotFound("no such notice, or it is no longer shown")
    return draft


def _require_review(actor: Actor, draft: Draft) -> None:
    require(actor, Action.REVIEW)
    if not covers(actor, draft.places):
        raise NotAllowed(f"draft {draft.id} changes nothing in your territories")


def _comment(connection: Connection, actor: Actor, number: int, remark: Remark) -> int:
    text = remark.text.strip()
    if not 0 < len(text) <= _LONGEST_TEXT:
        raise InvalidInput("text", remark.text, f"must be text of 1 to {_LONGEST_TEXT} characters")
    return insert_comment(connection, number, actor, text, remark.point, remark.cell)
