"""Posts, shifts and exceptions, read and written."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.texts import CodeText, HoursText, PhoneText, ShortText, Strict
from gridmap.model import EXCEPTION_KINDS, POST_KINDS


class ShiftOut(BaseModel):
    """A weekly rule of a post."""

    id: int | None = None
    post: str
    holder: str
    backup: str | None
    hours: str
    valid_from: date
    valid_until: date | None
    verified_at: datetime | None


class PostOut(BaseModel):
    """A duty position."""

    code: str
    kind: str
    title: str
    level: str
    territory: str
    phone: str
    required: str
    department: str | None
    categories: list[str]


class PostsOut(BaseModel):
    """Posts valid now; ``next`` is where the list goes on."""

    posts: list[PostOut]
    next: str | None


class PostIn(Strict):
    """A post to create, or to change when one with its code stands."""

    code: CodeText
    kind: Literal[POST_KINDS]  # type: ignore[valid-type]
    title: ShortText
    level: CodeText
    territory: CodeText
    phone: PhoneText
    required: HoursText | None = None
    department: ShortText | None = None
    categories: list[CodeText] = Field(default=[], max_length=100)


class PostSaved(BaseModel):
    """Which post was saved, and whether one with its code stood before."""

    code: str
    replaced: bool


class HolderIn(Strict):
    """Who holds a post: a code of the city's own and the display name on the wall."""

    code: CodeText
    display_name: ShortText


class ShiftIn(Strict):
    """A weekly rule; ``hours`` such as ``1-5 08:00-20:00``, several parted by ``;``."""

    post: CodeText
    holder: HolderIn
    backup: HolderIn | None = None
    hours: HoursText
    valid_from: date
    valid_until: date | None = None


class ExceptionIn(Strict):
    """A dated exception: leave, a swap or an extra turn."""

    post: CodeText
    kind: Literal[EXCEPTION_KINDS]  # type: ignore[valid-type]
    begins: datetime
    ends: datetime
    holder: HolderIn | None = None
    substitute: HolderIn | None = None


class KnownException(BaseModel):
    """A dated exception that is not over: who is away, and who stands in, by code and display name."""

    id: int
    kind: str
    begins: datetime
    ends: datetime
    holder: str | None
    holder_code: str | None
    substitute: str | None
    substitute_code: str | None
    verified_at: datetime | None


class ExceptionsOut(BaseModel):
    """The exceptions of a post that are known now and not over."""

    post: str
    exceptions: list[KnownException]


class SavedIds(BaseModel):
    """The ids of what was saved."""

    ids: list[int]


class KnownShift(ShiftOut):
    """A weekly rule with the codes of who holds it: for whoever may write duty there, null for all others."""

    holder_code: str | None
    backup_code: str | None


class ShiftsOut(BaseModel):
    """The weekly rules of a post that are known now."""

    post: str
    shifts: list[KnownShift]
