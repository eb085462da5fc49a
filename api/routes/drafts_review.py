"""Review of drafts: submitted, returned, approved, commented, waived, and put to public notice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api import drafts as shape
from api.deps import LARGEST_REVISION, ActorDep, Service, ServiceDep, to_point
from api.draft_impact import findings
from api.errors import problem_responses
from api.routes.drafts import CrsQuery, DraftPath
from api.schemas.drafts import (
    ApproveIn,
    CommentIn,
    CommentSaved,
    DraftListed,
    NoticeLink,
    PublicNoticeOut,
    ReturnIn,
    WaiverIn,
)
from gridmap.actions.draft_impact import draft_principles
from gridmap.actions.draft_review import (
    Remark,
    approve_draft,
    close_notice,
    comment_draft,
    find_notice,
    open_notice,
    resolve_remark,
    return_draft,
    submit_draft,
    waive_check,
)
from gridmap.crs import check_name
from gridmap.errors import InvalidInput
from gridmap.model import WORKER
from gridmap.redraw.draft import Draft

router = APIRouter(prefix="/v1/drafts", tags=["drafts"], responses=problem_responses(404, 422, 503))

_WRITE = problem_responses(400, 401, 403, 409)


@router.post("/{draft}/submit", response_model=DraftListed, responses=_WRITE)
def post_submit(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> DraftListed:
    """Hand a draft in for review; from now on approvers and publishers of its territory see it."""
    return _listed(service, submit_draft(service.database, actor, service.bench, draft, service.grid))


@router.post("/{draft}/return", response_model=DraftListed, responses=_WRITE)
def post_return(
    service: ServiceDep, actor: ActorDep, draft: DraftPath, body: ReturnIn | None = None
) -> DraftListed:
    """Give a draft back to be drawn on, with remarks. Its owner takes it back so."""
    remarks = [] if body is None else [_remark(service, each) for each in body.comments]
    return _listed(service, return_draft(service.database, actor, draft, remarks))


@router.post("/{draft}/approve", response_model=DraftListed, responses=_WRITE)
def post_approve(
    service: ServiceDep, actor: ActorDep, draft: DraftPath, body: ApproveIn | None = None
) -> DraftListed:
    """Say yes for your territories that the draft changes, or for one area in them."""
    area = None if body is None else body.area
    return _listed(service, approve_draft(service.database, actor, service.bench, draft, area, service.grid))


@router.post("/{draft}/comments", response_model=CommentSaved, status_code=201, responses=_WRITE)
def post_comments(service: ServiceDep, actor: ActorDep, draft: DraftPath, body: CommentIn) -> CommentSaved:
    """Make a remark, pinned to a point or a cell."""
    return CommentSaved(comment=comment_draft(service.database, actor, draft, _remark(service, body)))


@router.post("/{draft}/comments/{comment}/resolve", status_code=204, responses=_WRITE)
def post_resolve(
    service: ServiceDep,
    actor: ActorDep,
    draft: DraftPath,
    comment: Annotated[int, Path(ge=1, le=LARGEST_REVISION)],
) -> Response:
    """Say that a remark is dealt with."""
    resolve_remark(service.database, actor, draft, comment)
    return Response(status_code=204)


@router.post("/{draft}/waivers", response_model=DraftListed, responses=_WRITE)
def post_waivers(service: ServiceDep, actor: ActorDep, draft: DraftPath, body: WaiverIn) -> DraftListed:
    """Let the draft as it is pass without a check, with a name and a reason. Another edit ends the waiver."""
    return _listed(service, waive_check(service.database, actor, draft, body.check, body.name, body.reason))


@router.post("/{draft}/notice", response_model=NoticeLink, status_code=201, responses=_WRITE)
def post_notice(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> NoticeLink:
    """Put a draft to public notice: whoever has the link sees what it changes. An earlier link ends."""
    return NoticeLink(path=f"/v1/drafts/notice/{open_notice(service.database, actor, draft)}")


@router.delete("/{draft}/notice", status_code=204, responses=_WRITE)
def delete_notice(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> Response:
    """Take a public notice down."""
    close_notice(service.database, actor, draft)
    return Response(status_code=204)


@router.get("/notice/{token}", response_model=PublicNoticeOut)
def get_notice(
    service: ServiceDep,
    response: Response,
    token: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="the end of a notice's link")],
    crs: CrsQuery = "wgs84",
) -> PublicNoticeOut:
    """A draft at public notice: its name, the cells before and after, the five principles.

    Needs no key, and has no figure that rests on counts of people.
    """
    name = check_name(crs)
    with service.database.begin(WORKER) as connection:  # the link opens the draft, whoever has it
        draft = find_notice(connection, token)
        plan = service.bench.plan(connection, draft, service.grid)
        principles = draft_principles(connection, service.bench, plan)
    before, after = shape.both(plan, name)
    zone = plan.base.city.zone
    response.headers["Cache-Control"] = "private, no-store"
    return PublicNoticeOut(
        name=draft.name,
        reason=draft.reason,
        state=draft.state,  # type: ignore[arg-type]
        base=draft.base,
        publish_at=None if draft.publish_at is None else draft.publish_at.astimezone(zone),
        revision=draft.revision,
        cells_before=len(before.features),
        cells_after=len(after.features),
        before=before,
        after=after,
        principles=findings(principles.before, principles.after, public=True),
    )


def _remark(service: Service, body: CommentIn) -> Remark:
    if body.point is None:
        if body.crs is not None:
            raise InvalidInput("crs", body.crs, "goes with a point only")
        return Remark(body.text, None, body.cell)
    if body.crs is None:
        raise InvalidInput("crs", None, "must be given with a point")
    return Remark(body.text, to_point(body.point[0], body.point[1], body.crs, service.state.ready), body.cell)


def _listed(service: Service, draft: Draft) -> DraftListed:
    return shape.listed(draft, service.state.ready.city)
