"""The shapes of answers and bodies. Field names that DESIGN's contract lists are promises to clients."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gridmap.model import EXCEPTION_KINDS, POST_KINDS

CodeText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f/\s]{1,64}$")]
ShortText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
PhoneText = Annotated[str, StringConstraints(pattern=r"^[0-9+*#() -]{2,32}$")]
# Lists, since tools that read the description stumble over tuples.
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Box = Annotated[list[float], Field(min_length=4, max_length=4)]
HoursText = Annotated[str, StringConstraints(max_length=400, pattern=r"^[0-9:;, -]+$")]


class Strict(BaseModel):
    """A body: unknown fields are refused, so that nothing is lost silently."""

    model_config = ConfigDict(extra="forbid")


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
    departments: list[DepartmentOut]
    emergency: list[str]
    upcoming: dict[str, Any] | None = None


class PlacingIn(Strict):
    """Points to place, at most 100,000; ``accuracy_m``: how far off all of them, or each, may be, in metres."""

    crs: Annotated[str, Field(max_length=20)]
    points: list[Pair] = Field(max_length=100_000)
    accuracy_m: Annotated[float, Field(ge=0, le=1_000)] | list[Annotated[float, Field(ge=0, le=1_000)]] = 0.0


class PlacingOut(BaseModel):
    """Where points lie, in the order of the points; the lower fields when ``detail=full`` is asked for."""

    revision: int
    degraded: Degraded | None
    cells: list[str | None]
    hexes: list[str]
    how: list[Literal["inside", "edge", "outside"]]
    areas: dict[str, list[str | None]] | None = None
    edge_distances_m: list[float | None] | None = None
    nearest: list[CandidateOut | None] | None = None
    candidates: list[list[CandidateOut]] | None = None


class RevisionOut(BaseModel):
    """A revision with what it consists of."""

    revision: int
    valid_from: datetime
    published_at: datetime
    note: str
    cells: int
    kinds: dict[str, int]


class RevisionsOut(BaseModel):
    """All revisions, newest first."""

    revisions: list[RevisionOut]


class RegistryArea(BaseModel):
    """An area with the number of its cells."""

    code: str
    level: str
    name: str
    parent: str | None
    cells: int
    kinds: dict[str, int]


class AreasOut(BaseModel):
    """Areas of one level at one revision; ``next`` is where the list goes on."""

    revision: int
    areas: list[RegistryArea]
    next: str | None


class AreaDetail(RegistryArea):
    """One area with those above it."""

    revision: int
    areas: list[AreaOut]


class RegistryCell(BaseModel):
    """A cell with its place in the registry; ``id`` is the feature id on maps."""

    id: int
    code: str
    name: str
    kind: str
    services: list[str]
    community: str


class CellsOut(BaseModel):
    """Cells at one revision; ``next`` is where the list goes on."""

    revision: int
    cells: list[RegistryCell]
    next: str | None


class Successor(BaseModel):
    """A cell that took over a part of a retired one."""

    code: str
    area_share: float
    element_share: float | None


class CellDetail(RegistryCell):
    """One cell with the areas above it; a retired one with the revision that ended it and its successors."""

    revision: int
    status: Literal["current", "retired"]
    last_revision: int | None
    successors: list[Successor]
    areas: list[AreaOut]


class Feature(BaseModel):
    """A GeoJSON feature."""

    type: Literal["Feature"] = "Feature"
    id: int | str
    geometry: dict[str, Any]
    properties: dict[str, Any]


class FeatureCollection(BaseModel):
    """GeoJSON features of one revision; ``crs`` is the one asked for, WGS 84 unless said."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    revision: int
    crs: str
    attribution: str
    notice: dict[str, str]
    features: list[Feature]
    next: str | None


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


class SavedIds(BaseModel):
    """The ids of what was saved."""

    ids: list[int]


class ShiftsOut(BaseModel):
    """The weekly rules of a post that are known now."""

    post: str
    shifts: list[ShiftOut]


class RosterPost(PostOut):
    """A post with its rules and who is on duty."""

    shifts: list[ShiftOut]
    on_duty: list[TurnOut]


class RosterOut(BaseModel):
    """Who is posted at a cell or an area; counts for the territory's staff only."""

    revision: int
    as_of: datetime
    level: str
    code: str
    name: str
    posts: list[RosterPost]
    ladder: list[RungOut] = Field(min_length=1)
    elements: dict[str, int] | None
    open_incidents: int | None
    counts: Literal["staff", "not released"]


class OverlayListed(BaseModel):
    """An overlay."""

    code: str
    name: str
    kind: str


class OverlaysOut(BaseModel):
    """The overlays valid at a time."""

    as_of: datetime
    overlays: list[OverlayListed]


class CityOut(BaseModel):
    """The city that this service answers for, and what of it is real and what made up."""

    code: str
    name: str
    name_en: str
    levels: list[str]
    timezone: str
    metric_crs: str
    emergency: list[str]
    attribution: str
    notice: dict[str, str]
    bounds: Box


class Health(BaseModel):
    """Alive."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Able to answer, from which revision, degraded or not."""

    status: Literal["ready", "not ready"]
    revision: int | None
    data_as_of: datetime | None
    degraded: Degraded | None
