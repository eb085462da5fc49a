"""What a draft does to people, things and duty; two drafts beside each other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api import draft_impact as shape
from api.deps import LARGEST_REVISION, ActorDep, ServiceDep
from api.errors import problem_responses
from api.routes.drafts import DraftPath
from api.schemas.draft_impact import BesideOut, CompareOut, ImpactOut
from gridmap.access import Action
from gridmap.actions.draft_impact import draft_impact
from gridmap.redraw.impact import compare

router = APIRouter(prefix="/v1/drafts", tags=["drafts"], responses=problem_responses(401, 403, 404, 409, 422, 503))


@router.get("/{draft}/impact", response_model=ImpactOut)
def get_impact(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> ImpactOut:
    """What moves where, who has to hand over what, and the five principles before and after.

    Counts of people below the city's k are hidden from all but the territory's caseworkers, and with them as many
    others as keep them from being worked out. Who asks first for a revision waits while it is measured.
    """
    with service.database.begin(actor, Action.READ_DRAFTS) as connection:
        found, impact = draft_impact(connection, actor, service.bench, draft, service.grid)
    return shape.impact(found, impact)


@router.get("/{draft}/compare", response_model=CompareOut)
def get_compare(
    service: ServiceDep,
    actor: ActorDep,
    draft: DraftPath,
    other: Annotated[int, Query(alias="with", ge=1, le=LARGEST_REVISION, description="another draft")],
) -> CompareOut:
    """Two drafts side by side, figure by figure."""
    with service.database.begin(actor, Action.READ_DRAFTS) as connection:
        (one, first), (two, second) = (
            draft_impact(connection, actor, service.bench, number, service.grid) for number in (draft, other)
        )
    rows = [
        BesideOut(figure=each.figure, first=each.first, second=each.second, difference=each.difference)
        for each in compare(first, second)
    ]
    return CompareOut(drafts=[one.id, two.id], bases=[one.base, two.base], figures=rows)
