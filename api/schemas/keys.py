"""Keys as they are given out and shown, and who asks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.texts import CodeText, ShortText, Strict

Role = Literal[
    "public",
    "viewer",
    "dispatcher",
    "caseworker",
    "planner",
    "approver",
    "publisher",
    "auditor",
    "key_admin",
    "system_admin",
]
Scope = Literal["read", "write", "publish", "keys"]


class KeyIn(Strict):
    """A key to give out: of the role public, publishable, for pages of origins; of all others, for territories."""

    holder: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    role: Role
    label: ShortText
    territories: list[CodeText] = Field(default=[], max_length=200)
    scopes: list[Scope] = Field(default=[], max_length=4)
    origins: list[ShortText] = Field(default=[], max_length=20)
    expires_at: datetime | None = None


class KeyOut(BaseModel):
    """A key as it is listed; its text is kept nowhere."""

    id: str
    holder: str
    role: Role
    territories: list[str]
    scopes: list[Scope]
    origins: list[str]
    label: str
    state: Literal["valid", "expired", "revoked"]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_on: date | None


class KeyGiven(KeyOut):
    """A new key with its text, shown this once."""

    key: str


class KeysOut(BaseModel):
    """The keys that you could give out."""

    keys: list[KeyOut]


class MeOut(BaseModel):
    """Who asks, how that is known, and until when; ``csrf_token`` goes with every change that a page asks for."""

    id: str
    role: Role
    territories: list[str]
    scopes: list[Scope]
    how: Literal["public", "key", "token", "session"]
    until: datetime | None
    csrf_token: str | None
