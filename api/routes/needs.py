"""Break-glass, and the needs of a cell by building for whoever may see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import LARGEST_REVISION, ActorDep, CodePath, ServiceDep
from api.errors import problem_responses
from api.schemas.needs import (
    BreakGlassIn,
    GrantsOut,
    NeedsOut,
    OpenedOut,
    grant_out,
    needs_out,
    opened_out,
)
from gridmap.actions.needs import break_glass, list_broken_glass, read_needs
from gridmap.model import PERSON_PURPOSES

router = APIRouter(prefix="/v1", tags=["needs"], responses=problem_responses(400, 401, 403, 422, 503))

_PAGE = 1000
_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


@router.post("/break-glass", response_model=OpenedOut, status_code=201, responses=problem_responses(404))
def post_break_glass(service: ServiceDep, actor: ActorDep, body: BreakGlassIn) -> OpenedOut:
    """Open the needs of one cell to yourself for an hour, in a fire or an evacuation. The auditor is told at once.

    The cell lies in your territories or touches them. It closes by itself; another hour is another entry.
    """
    snapshot = service.state.ready
    opened = break_glass(service.database, actor, snapshot.grid, body.cell, body.reason)
    return opened_out(opened, snapshot.city)


@router.get("/break-glass", response_model=GrantsOut)
def get_break_glass(
    service: ServiceDep,
    actor: ActorDep,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_REVISION, description="go on below this id")] = None,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = 100,
) -> GrantsOut:
    """Who broke the glass in your territories, the newest first; for auditors."""
    grants = list_broken_glass(service.database, actor, before=before, limit=limit + 1)
    city = service.state.ready.city
    following = grants[limit - 1].id if len(grants) > limit else None
    return GrantsOut(grants=[grant_out(each, city) for each in grants[:limit]], next=following)


@router.get("/cells/{code}/needs", response_model=NeedsOut, responses=problem_responses(404))
def get_needs(
    service: ServiceDep,
    actor: ActorDep,
    code: CodePath,
    response: Response,
    purpose: Annotated[
        str | None, Query(max_length=64, description=f"of a caseworker: one of {', '.join(PERSON_PURPOSES)}")
    ] = None,
) -> NeedsOut:
    """Which buildings of a cell have how many persons of which need.

    For whoever broke its glass less than an hour ago; with a purpose, and its needs only, for the caseworkers of
    the territory. In an evacuation the references are told, too. Every reading leaves a trace.
    """
    snapshot = service.state.ready
    response.headers.update(_PRIVATE)
    found = read_needs(service.database, actor, snapshot.city, snapshot.grid, code, purpose)
    return needs_out(found, purpose, snapshot.city)
