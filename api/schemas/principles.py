"""The five principles."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas.registry import Feature


class PrincipleOut(BaseModel):
    """One principle: its figures, and whether it holds where there is a bar."""

    key: str
    title: str
    passes: bool | None = Field(description="null where there is no bar, or nothing to measure by")
    blocks: bool = Field(description="whether nothing may be published that breaks it")
    not_measured: str | None = Field(description="why there are no figures, or not all")
    figures: dict[str, float | int | str | None]
    staff_only: list[str] = Field(description="figures that rest on counts of people; not shown to others")
    offenders: int | None = Field(description="places where it does not hold; null for staff only")


class PrinciplesOut(BaseModel):
    """The five side by side, never one score; ``places`` are those asked for by ``offenders``."""

    revision: int
    measured_at: datetime
    principles: list[PrincipleOut]
    places: list[Feature] = Field(default_factory=list)
    next: int | None = Field(None, description="the ``after`` of the next page of places")
