"""Drafts: started, listed, named, shared, drawn edit by edit, and given up. For planners."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query

from api import drafts as shape
from api.deps import LARGEST_REVISION, ActorDep, Service, ServiceDep
from api.errors import problem_responses
from api.schemas.drafts import (
    DraftChangeIn,
    DraftChangeOut,
    DraftIn,
    DraftListed,
    DraftOut,
    DraftsOut,
    DraftStarted,
    EditedOut,
    State,
)
from gridmap.access import Action
from gridmap.actions.draft_edits import edit_draft, preview_edit, redo_edit, undo_edit
from gridmap.actions.draft_review import areas_of, missing_approvals
from gridmap.actions.drafts import change_draft, create_draft, discard_draft, list_drafts, read_draft
from gridmap.crs import check_name
from gridmap.errors import InvalidInput
from gridmap.model import DRAFT_STATES
from gridmap.redraw.draft import Draft
from gridmap.store.city import read_city
from gridmap.store.drafts import read_edits
from gridmap.store.reviews import read_approvals, read_comments, read_waivers

router = APIRouter(prefix="/v1/drafts", tags=["drafts"], responses=problem_responses(401, 403, 404, 422, 503))

_WRITE = problem_responses(400, 409)

DraftPath = Annotated[int, Path(ge=1, le=LARGEST_REVISION, description="a draft's number")]
CrsQuery = Annotated[
    str, Query(max_length=20, description="crs of the shapes: wgs84, cgcs2000, gcj02, bd09, EPSG:<code>")
]
Expects = Annotated[
    int | None, Query(ge=0, le=LARGEST_REVISION, description="the version that you saw: another one is 409")
]
IfMatch = Annotated[str | None, Header(max_length=40, description='the same as expects: "3"')]


@router.get("", response_model=DraftsOut)
def get_drafts(
    service: ServiceDep,
    actor: ActorDep,
    state: Annotated[State | None, Query(description="only those in this state")] = None,
    own: Annotated[bool, Query(description="only yours and those shared with you")] = False,
) -> DraftsOut:
    """The drafts that you may see: yours, those shared with you, and under review those of your territories."""
    with service.database.begin(actor, Action.READ_DRAFTS) as connection:
        found = list_drafts(connection, actor, DRAFT_STATES if state is None else [state], own=own)
        city = read_city(connection)
    return DraftsOut(drafts=[shape.listed(draft, city) for draft in found])


@router.post("", response_model=DraftStarted, status_code=201, responses=_WRITE)
def post_drafts(service: ServiceDep, actor: ActorDep, body: DraftIn) -> DraftStarted:
    """Start a draft on the current revision."""
    draft = create_draft(service.database, actor, body.name, body.base, body.reason)
    return DraftStarted(draft=draft.id, base=draft.base)


@router.get("/{draft}", response_model=DraftOut)
def get_draft(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> DraftOut:
    """A draft with its edits, comments, approvals and waivers."""
    with service.database.begin(actor, Action.READ_DRAFTS) as connection:
        found = read_draft(connection, actor, draft)
        plan = service.bench.plan(connection, found, service.grid)
        approvals = read_approvals(connection, draft)
        return shape.whole(
            found,
            plan.base.city,
            read_edits(connection, draft),
            read_comments(connection, draft),
            approvals,
            missing_approvals(plan.base.city, found, areas_of(plan), approvals)
            if plan.base.city.approvals
            else [],
            read_waivers(connection, draft),
        )


@router.patch("/{draft}", response_model=DraftListed, responses=_WRITE)
def patch_draft(service: ServiceDep, actor: ActorDep, draft: DraftPath, body: DraftChangeIn) -> DraftListed:
    """Rename a draft, say why it is drawn, or who draws it with you."""
    return _listed(service, change_draft(service.database, actor, draft, body.name, body.shared_with, body.reason))


@router.delete("/{draft}", response_model=DraftListed, responses=_WRITE)
def delete_draft(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> DraftListed:
    """Give a draft up; it stays readable to you."""
    return _listed(service, discard_draft(service.database, actor, draft))


@router.get("/{draft}/change", response_model=DraftChangeOut)
def get_change(service: ServiceDep, actor: ActorDep, draft: DraftPath, crs: CrsQuery = "wgs84") -> DraftChangeOut:
    """All that a draft changes of its base: the cells before and after, as GeoJSON."""
    name = check_name(crs)
    with service.database.begin(actor, Action.READ_DRAFTS) as connection:
        found = read_draft(connection, actor, draft)
        plan = service.bench.plan(connection, found, service.grid)
    return shape.change(found, plan, name)


@router.post("/{draft}/edits", response_model=EditedOut, responses=_WRITE)
def post_edits(
    service: ServiceDep,
    actor: ActorDep,
    draft: DraftPath,
    body: Annotated[dict[str, Any], Body(description="an edit: op, and what belongs to it")],
    preview: Annotated[bool, Query(description="only show what it would do")] = False,
    crs: CrsQuery = "wgs84",
    expects: Expects = None,
    if_match: IfMatch = None,
) -> EditedOut:
    """Draw on a draft. The answer has the cells that the edit drew, in the crs asked for.

    Ops: split, split_along, split_into, merge, move_boundary, transfer, cut_new, change, create_area, merge_areas,
    split_area, change_area, redraw_area, posts; the README says what belongs to each. Who names the version that
    he saw is told what came meanwhile, and nothing of it is overwritten.
    """
    name = check_name(crs)
    if preview:
        with service.database.begin(actor, Action.READ_DRAFTS) as connection:
            shown = preview_edit(connection, actor, service.bench, draft, body, service.grid)
        return shape.edited(shown, name, preview=True)
    seen = _version(expects, if_match)
    return shape.edited(edit_draft(service.database, actor, service.bench, draft, body, seen, service.grid), name)


@router.post("/{draft}/undo", response_model=EditedOut, responses=_WRITE)
def post_undo(
    service: ServiceDep,
    actor: ActorDep,
    draft: DraftPath,
    crs: CrsQuery = "wgs84",
    expects: Expects = None,
    if_match: IfMatch = None,
) -> EditedOut:
    """Take the last edit back; as often as there are edits."""
    name, seen = check_name(crs), _version(expects, if_match)
    return shape.edited(undo_edit(service.database, actor, service.bench, draft, seen, service.grid), name)


@router.post("/{draft}/redo", response_model=EditedOut, responses=_WRITE)
def post_redo(
    service: ServiceDep,
    actor: ActorDep,
    draft: DraftPath,
    crs: CrsQuery = "wgs84",
    expects: Expects = None,
    if_match: IfMatch = None,
) -> EditedOut:
    """Do again what was undone last, until another edit is made."""
    name, seen = check_name(crs), _version(expects, if_match)
    return shape.edited(redo_edit(service.database, actor, service.bench, draft, seen, service.grid), name)


def _version(expects: int | None, if_match: str | None) -> int | None:
    """The version that a client saw, from the query or the header."""
    if expects is not None or if_match is None or if_match == "*":
        return expects
    number = if_match.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit()):
        raise InvalidInput("If-Match", if_match, 'must be a version such as "3"')
    return int(number)


def _listed(service: Service, draft: Draft) -> DraftListed:
    return shape.listed(draft, service.state.ready.city)
