"""Areas, cells, overlays and the city."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from api.schemas.coverage import AreaOut
from api.schemas.texts import Box


class RegistryArea(BaseModel):
    """An area with the number of its cells."""

    code: str
    level: str
    name: str
    parent: str | None
    cells: int
    kinds: dict[str, int]


class CountedArea(RegistryArea):
    """An area with its released count, null where it is hidden."""

    count: int | None


class CountedAreasOut(BaseModel):
    """A page of areas with what a release counts in them, on the grid that it was made on."""

    revision: int
    period: str
    of: str
    least: int
    areas: list[CountedArea]
    next: str | None = None


class AreasOut(BaseModel):
    """Areas of one level at one revision; ``next`` is where the list goes on."""

    revision: int
    areas: list[RegistryArea]
    next: str | None


class Successor(BaseModel):
    """A cell or area that has a part of a retired one now, by however many steps; elements leave persons out."""

    code: str
    area_share: float
    element_share: float | None


class AreaDetail(RegistryArea):
    """One area with those above it; a retired one as it last was, with its successors at ``revision``."""

    revision: int
    status: Literal["current", "retired"]
    last_revision: int | None
    ended_at: datetime | None
    successors: list[Successor]
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


class CellDetail(RegistryCell):
    """One cell with the areas above it; a retired one with when it ended and its successors at ``revision``."""

    revision: int
    status: Literal["current", "retired"]
    last_revision: int | None
    ended_at: datetime | None
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


class OverlayListed(BaseModel):
    """An overlay."""

    code: str
    name: str
    kind: str


class OverlaysOut(BaseModel):
    """The overlays valid at a time."""

    as_of: datetime
    overlays: list[OverlayListed]


class BaseMapOut(BaseModel):
    """The city's own base map, and the number under which it was approved (审图号)."""

    kind: str
    url: str
    crs: str
    approval_number: str
    attribution: str
    lowest_zoom: int
    highest_zoom: int
    tile_size: int


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
    base_map: BaseMapOut | None


class CategoryOut(BaseModel):
    """A category that the city declares, by its names; ``emergency``: the emergency numbers come first."""

    code: str
    label: str
    label_en: str
    emergency: bool


class CategoriesOut(BaseModel):
    """The categories of incidents or of elements, by code."""

    categories: list[CategoryOut]
