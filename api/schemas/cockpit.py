"""What the cockpit asks besides heatmaps: profiles over time, and how places are staffed."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.coverage import AreaOut, Degraded
from api.schemas.texts import Box


class ProfileRow(BaseModel):
    """One month, day, hour of the week or category; of an hour of the week its day, 1 is Monday, and hour."""

    key: str
    count: int
    weekday: int | None = None
    hour: int | None = None


class ProfileOut(BaseModel):
    """Live counts of a place over time or by category; those of the rows add up to ``total``."""

    model_config = ConfigDict(populate_by_name=True)

    revision: int
    data_version: str
    as_of: datetime
    degraded: Degraded | None
    of: str
    by: str
    class_: str | None = Field(alias="class")
    category: list[str]
    from_: datetime | None = Field(alias="from")
    to: datetime | None
    hours: list[int] | None
    weekdays: list[int] | None
    bbox: Box | None
    area: str | None
    total: int
    rows: list[ProfileRow]


class StaffedOut(BaseModel):
    """Of a cell or area and all within it: a gap is a post at which somebody must be now, and nobody is."""

    code: str
    name: str
    level: str
    cells: int
    cells_without_post: int
    posts: int
    gaps: int


class GapOut(BaseModel):
    """A post that somebody must be at now, and nobody is."""

    post: str
    kind: str
    title: str
    level: str
    territory: str


class StaffingOut(StaffedOut):
    """How a place is staffed, what it consists of, and the first of the posts where nobody is."""

    revision: int
    as_of: datetime
    degraded: Degraded | None
    areas: list[AreaOut]
    rows: list[StaffedOut]
    unfilled: list[GapOut]
