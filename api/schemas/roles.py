"""The table of roles as it is sent."""

from __future__ import annotations

from pydantic import BaseModel, Field

from api.schemas.keys import Scope
from gridmap.access import GIVES, TABLE, TABLE_ROLES, scope_of
from gridmap.role_page import ACTION_NAMES, BOUND_NAMES, DATA_NAMES, ROLE_NAMES


class RoleNamed(BaseModel):
    """A role; ``gives``: the roles whose keys it may give out."""

    role: str
    zh: str
    gives: list[str]


class BoundNamed(BaseModel):
    """How far a right may reach."""

    bound: str
    en: str
    zh: str


class DataNamed(BaseModel):
    """A kind of data."""

    data: str
    en: str
    zh: str


class RightOut(BaseModel):
    """One row: an action on a kind of data; ``bounds`` says by role how far, and who is not there may not."""

    action: str
    en: str
    zh: str
    data: DataNamed
    scope: Scope = Field(description="the scope that a key with scopes needs for it")
    bounds: dict[str, str]


class RolesOut(BaseModel):
    """The table: roles and bounds by name, and a row for each action."""

    roles: list[RoleNamed]
    bounds: list[BoundNamed]
    rights: list[RightOut]


def roles_out() -> RolesOut:
    """The table of ``access`` with the names of the page that ``gridmap roles`` prints."""
    return RolesOut(
        roles=[
            RoleNamed(role=role, zh=ROLE_NAMES[role], gives=sorted(GIVES.get(role, ()))) for role in TABLE_ROLES
        ],
        bounds=[BoundNamed(bound=bound.name, en=bound.value, zh=zh) for bound, (_, zh) in BOUND_NAMES.items()],
        rights=[
            RightOut.model_validate(
                {
                    "action": right.action.name,
                    "en": right.action.value,
                    "zh": ACTION_NAMES[right.action],
                    "data": {
                        "data": right.data.name,
                        "en": right.data.value,
                        "zh": DATA_NAMES[right.data],
                    },
                    "scope": scope_of(right.action),
                    "bounds": {role: bound.name for role, bound in right.bounds.items()},
                }
            )
            for right in TABLE
        ],
    )
