"""Who covers a place: the answer to a point."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.texts import Pair


class PointOut(BaseModel):
    """The point asked for: in WGS 84, and as it was given."""

    lon: float
    lat: float
    crs: str
    given: Pair


class CellOut(BaseModel):
    """A cell as the public sees it."""

    code: str
    name: str
    kind: str
    services: list[str]


class AreaOut(BaseModel):
    """One area of the chain above a cell."""

    level: str
    code: str
    name: str


class CandidateOut(BaseModel):
    """A cell and its distance from the point, in metres."""

    code: str
    distance_m: float


class TurnOut(BaseModel):
    """Who is on duty at a post, from when until when."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    post: str
    kind: str
    level: str
    title: str
    holder: str
    phone: str
    from_: datetime = Field(serialization_alias="from")
    until: datetime
    backup: dict[str, str] | None
    stands_in_for: str | None
    verified_at: datetime | None
    stale: bool


class RungOut(BaseModel):
    """One step of the ladder; ``assumed`` when nobody is recorded on shift there."""

    level: str
    kind: str
    title: str
    phone: str
    holder: str | None
    post: str | None
    assumed: bool


class DepartmentOut(BaseModel):
    """A department's liaison for the place."""

    department: str
    title: str
    phone: str
    categories: list[str]
    holder: str | None
    level: str


class OverlayPostOut(BaseModel):
    """A post of an overlay, with who holds it now."""

    kind: str
    title: str
    phone: str
    holder: str | None


class OverlayOut(BaseModel):
    """An overlay that covers the point."""

    code: str
    name: str
    kind: str
    posts: list[OverlayPostOut]


class Degraded(BaseModel):
    """Since when the database is gone, and how old the data are that are answered from."""

    since: datetime
    data_as_of: datetime


class UpcomingOut(BaseModel):
    """A change that is scheduled: the place will be in another cell, from a time on."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    revision: int
    from_: datetime = Field(serialization_alias="from")
    cell: str


class DeskOut(BaseModel):
    """Whom to call for those of the cells that a point near an edge may be in."""

    cells: list[str]
    distance_m: float
    desk: RungOut


class CoverageOut(BaseModel):
    """Who covers this place."""

    id: str
    revision: int
    as_of: datetime
    degraded: Degraded | None
    status: Literal["covered", "outside"]
    point: PointOut
    cell: CellOut | None
    areas: list[AreaOut]
    overlays: list[OverlayOut]
    how: Literal["inside", "edge", "outside"]
    edge_distance_m: float | None
    ambiguous: bool
    candidates: list[CandidateOut]
    nearest: CandidateOut | None
    on_duty: list[TurnOut]
    ladder: list[RungOut] = Field(min_length=1)
    desks: list[DeskOut] = Field(description="near an edge: of every cell that it may be; else none")
    departments: list[DepartmentOut]
    emergency: list[str]
    upcoming: UpcomingOut | None = None
