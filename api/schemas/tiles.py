"""The shape of a TileJSON document."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class VectorLayer(BaseModel):
    """A layer in the tiles and its properties, each with what it means."""

    id: str
    description: str
    minzoom: int
    maxzoom: int
    fields: dict[str, str]


class TileJSON(BaseModel):
    """TileJSON 3.0, with the revision that the tiles are of and the plain statement of what is made up."""

    tilejson: str
    name: str
    description: str
    version: str
    scheme: str
    tiles: list[str]
    minzoom: int
    maxzoom: int
    bounds: list[float]
    center: list[float]
    attribution: str
    vector_layers: list[VectorLayer]
    revision: int
    crs: str
    data_as_of: datetime | None = None
    notice: dict[str, str]


class CountTileJSON(TileJSON):
    """TileJSON of a layer of counts: what is counted, of which data; ``released`` names months, null if live.

    ``least`` is the smallest count but 0 that a release shows.
    """

    data_version: str
    of: str
    class_: str | None = Field(alias="class")
    category: list[str]
    released: list[str] | None
    least: int | None
