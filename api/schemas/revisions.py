"""Revisions: what they consist of, what differs between two, what became of a cell; and what posts are told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.texts import Strict


class RevisionOut(BaseModel):
    """A revision with what it consists of; ``actor``, who published it, is for staff."""

    revision: int
    valid_from: datetime
    published_at: datetime
    note: str
    actor: str | None = None
    cells: int
    kinds: dict[str, int]


class RevisionsOut(BaseModel):
    """All revisions, newest first."""

    revisions: list[RevisionOut]


class RestoreIn(Strict):
    """Why the city goes back."""

    note: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class PublishedOut(BaseModel):
    """A revision that was published: by post where it went, and the new cells and areas without a post."""

    revision: int
    valid_from: datetime
    ended: int
    drawn: int
    moved: dict[str, int]
    posts: dict[str, str]
    unstaffed: list[str]


class PartOut(BaseModel):
    """Ground that was in one cell and is in another, or in the same with another name, kind, community or shape.

    Shares are of the old cell. Numbers are for the staff of both ends, null for everybody else.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    from_: str = Field(alias="from")
    from_name: str
    from_community: str
    to: str
    to_name: str
    to_community: str
    changes: str
    area_share: float
    area_m2: float
    element_share: float | None
    elements: int | None
    people: int | None
    open_incidents: int | None


class AreaDifferenceOut(BaseModel):
    """An area that begins, ends, or has another name or parent."""

    level: str
    code: str
    change: Literal["begun", "ended", "changed"]
    name_before: str | None
    name_after: str | None
    parent_before: str | None
    parent_after: str | None


class DifferenceOut(BaseModel):
    """What differs between two revisions; ``next`` is where the list of parts goes on."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    from_: int = Field(alias="from")
    to: int
    cells: list[PartOut]
    areas: list[AreaDifferenceOut]
    next: str | None


class HeirOut(BaseModel):
    """A share of the old cell or area that a later one has."""

    code: str
    area_share: float
    element_share: float | None


class LineageRow(BaseModel):
    """What became of a cell or an area, the largest share first."""

    code: str
    became: list[HeirOut]


class LineageOut(BaseModel):
    """What became of cells and areas of a revision by a later one."""

    revision: int
    to: int
    cells: list[LineageRow]
    areas: list[LineageRow]
    next: str | None


class NoticeOut(BaseModel):
    """What a post is told of a redraw; ``still_open`` are the incidents that it has to hand over now."""

    id: int
    revision: int
    valid_from: datetime
    note: str
    post: str
    title: str | None
    phone: str | None
    level: str
    territory: str
    territory_now: str
    became: list[str]
    took_from: list[str]
    open_incidents: int
    still_open: int


class HandledOut(BaseModel):
    """An open incident that a post has to hand over to the posts of the cell that it is in now."""

    id: int
    source: str
    external_id: str
    category: str
    happened_at: datetime
    handler: str
    cell: str | None


class NoticesOut(BaseModel):
    """Notices of a territory, newest revision first, and the incidents that its posts have to hand over."""

    territory: str
    notices: list[NoticeOut]
    incidents: list[HandledOut]


class HandedOverOut(BaseModel):
    """An incident that the posts of its cell go on with; ``handler`` is the post that had it."""

    incident: int
    handler: str
    cell: str
