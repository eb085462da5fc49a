"""The table of roles, for whoever wants to know who may do what."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.errors import problem_responses
from api.schemas.roles import RolesOut, roles_out

router = APIRouter(prefix="/v1/roles", tags=["keys"], responses=problem_responses(503))

_TABLE = roles_out()


@router.get("", response_model=RolesOut)
async def get_roles(response: Response) -> RolesOut:
    """Who may do what: role, action and kind of data, how far each right reaches, and whose keys a role gives out.

    It is the table that every route and every policy of the database keeps to; it changes with a release only.
    """
    response.headers["Cache-Control"] = "no-cache"
    return _TABLE
