"""Proposals for dividing an area of a draft anew. For planners; nothing is recorded."""

from __future__ import annotations

from fastapi import APIRouter

from api import proposals as shape
from api.deps import ActorDep, ServiceDep
from api.errors import problem_responses
from api.routes.drafts import CrsQuery, DraftPath
from api.schemas.proposals import ProposalsIn, ProposalsOut
from gridmap.actions.proposals import Wanted, propose
from gridmap.crs import check_name

router = APIRouter(
    prefix="/v1/drafts", tags=["drafts"], responses=problem_responses(400, 401, 403, 404, 409, 422, 503)
)


@router.post("/{draft}/proposals", response_model=ProposalsOut)
def post_proposals(
    service: ServiceDep, actor: ActorDep, draft: DraftPath, body: ProposalsIn, crs: CrsQuery = "wgs84"
) -> ProposalsOut:
    """Several ways to divide a community, or all communities of a street, into cells of about the same size.

    Whoever likes one posts its edits to the draft. The same draft, body and seed give the same proposals.
    A community takes a second or two, a street many; one is worked out at a time, others get 503 meanwhile.
    """
    name = check_name(crs)
    wanted = Wanted(
        body.area,
        body.parts,
        None if body.band is None else (body.band[0], body.band[1]),
        body.weigh_by,
        tuple(body.locked),
        body.count,
        body.seed,
    )
    return shape.proposed(propose(service.database, actor, service.bench, draft, wanted, service.grid), name)
