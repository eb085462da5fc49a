"""Heatmaps: the contract's fields, and what stands beside them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.coverage import Degraded
from api.schemas.texts import Box


class HeatmapRow(BaseModel):
    """One hex, cell or area. A rate is there when it was asked for, the last three when there are two windows."""

    hex: str | None = None
    code: str | None = None
    name: str | None = None
    count: int
    per_1000: float | None = None
    per_km2: float | None = None
    earlier: int | None = None
    change: int | None = None
    relative_change: float | None = None


class ComparedOut(BaseModel):
    """The earlier window and what it adds up to."""

    model_config = ConfigDict(populate_by_name=True)

    from_: datetime | None = Field(alias="from")
    to: datetime | None
    total: int
    outside: int


class HeatmapOut(BaseModel):
    """Counts of one data version at one revision: those of the rows and ``outside`` add up to ``total``."""

    model_config = ConfigDict(populate_by_name=True)

    revision: int
    data_version: str
    degraded: Degraded | None
    of: str
    by: str
    resolution: int | None
    measure: str
    class_: str | None = Field(alias="class")
    category: list[str]
    from_: datetime | None = Field(alias="from")
    to: datetime | None
    hours: list[int] | None
    weekdays: list[int] | None
    bbox: Box | None
    area: str | None
    compare: ComparedOut | None
    total: int
    outside: int
    suppressed: int
    attribution: str
    notice: dict[str, str]
    rows: list[HeatmapRow]
