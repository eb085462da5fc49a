"""Who asks."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.deps import IdentityDep
from api.errors import problem_responses
from api.schemas.keys import MeOut

router = APIRouter(prefix="/v1/me", tags=["keys"], responses=problem_responses(401, 403, 503))


@router.get("", response_model=MeOut)
async def get_me(identity: IdentityDep, response: Response) -> MeOut:
    """Who you are to GridMap: role, territories, scopes, until when, and what a page sends with its changes."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    actor = identity.actor
    return MeOut.model_validate(
        {
            "id": actor.id,
            "role": actor.role,
            "territories": list(actor.territories),
            "scopes": list(actor.scopes),
            "how": identity.how,
            "until": identity.until,
            "csrf_token": identity.csrf_token,
        }
    )
