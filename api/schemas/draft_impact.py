"""What a draft does to people, things and duty, and two drafts beside each other."""

from __future__ import annotations

from pydantic import BaseModel, Field

from api.schemas.registry import Feature

Figure = float | int | str | None


class FlowOut(BaseModel):
    """How much is in one cell before and in another after; a null count is hidden, an empty code is no cell."""

    before: str
    after: str
    count: float | None


class WorkloadOut(BaseModel):
    """A cell's workload before and after; null where it is hidden, or there is no such cell."""

    cell: str
    before: float | None
    after: float | None


class MovedPostOut(BaseModel):
    """A post of a cell that ends or changes, its shifts now, and the cell that takes most of its own."""

    code: str
    kind: str
    title: str
    cell: str
    shifts: int
    successor: str


class BuildingsOut(BaseModel):
    """Buildings at boundaries that moved; null is not measured."""

    cut: int | None
    near: int | None
    near_m: float


class DownstreamOut(BaseModel):
    """What else names what changes; ``keys`` are for those only who give keys out."""

    overlays: list[str]
    keys: list[str] | None
    released_periods: list[str]


class FindingOut(BaseModel):
    """One of the five principles before and after; figures that are null are hidden or not measured."""

    key: str
    title: str
    blocks: bool
    passes_before: bool | None
    passes_after: bool | None
    not_measured: str | None
    before: dict[str, Figure]
    after: dict[str, Figure]
    offenders: list[Feature] = Field(description="where it does not hold after, at most 100 places")


class ImpactOut(BaseModel):
    """All that a draft does on its base. ``hidden`` counts what is not shown of people below the city's k."""

    draft: int
    version: int
    base: int
    ended: list[str]
    new: list[str]
    changed: list[str]
    touched: list[str]
    moved: dict[str, float | None]
    flows: dict[str, list[FlowOut]]
    hidden: int
    formula: str
    workload: list[WorkloadOut]
    posts: list[MovedPostOut]
    buildings: BuildingsOut
    downstream: DownstreamOut
    principles: list[FindingOut]


class BesideOut(BaseModel):
    """One figure of two drafts; ``difference`` is the second less the first, where both are numbers."""

    figure: str
    first: Figure
    second: Figure
    difference: float | None


class CompareOut(BaseModel):
    """Two drafts side by side, each on its own base."""

    drafts: list[int]
    bases: list[int]
    figures: list[BesideOut]
