"""Proposals for dividing an area anew: what is asked for, and what comes back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictFloat, StrictInt

from api.schemas.registry import FeatureCollection
from api.schemas.texts import CodeText, Strict

_Weight = Annotated[StrictFloat, Field(ge=1, le=1e9, allow_inf_nan=False)]


class ProposalsIn(Strict):
    """An area, in how many cells or as many as the band asks for, balanced by what, and cells that stay.

    ``band``: the least and the most of a cell; left out, the city's for basic cells.
    """

    area: CodeText
    parts: Annotated[StrictInt | None, Field(ge=1, le=1000)] = None
    band: Annotated[list[_Weight] | None, Field(min_length=2, max_length=2)] = None
    weigh_by: Literal["households", "workload"] = "households"
    locked: list[CodeText] = Field(default_factory=list, max_length=1000)
    count: Annotated[StrictInt, Field(ge=1, le=8)] = 4
    seed: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] = 1


class FiguresOut(BaseModel):
    """Of the area's cells that are not locked; null is not measured.

    ``stays`` is the share of ground in the same cell as now; ``share_in_band`` and ``spread`` are rounded.
    """

    cells: int
    share_in_band: float | None
    spread: float | None
    street_share: float | None
    compactness: float
    stays: float


class HeadlineOut(BaseModel):
    """A figure or two of each principle, of the city with the draft and the proposal; null is not measured."""

    nested_cells: int | None
    crossing_cells: int | None
    street_share: float | None
    share_in_band: float | None
    coefficient_of_variation: float | None
    gap_m2: float | None
    overlap_m2: float | None
    jaccard: float | None


class ProposalOut(BaseModel):
    """One way: why it is proposed, its figures, its cells, and the edits that a draft records to take it.

    ``cells`` are those of the communities that it divides, with the codes that they would get now.
    """

    number: int
    why: str
    figures: FiguresOut
    principles: HeadlineOut
    cells: FeatureCollection
    edits: list[dict[str, Any]]


class ProposalsOut(BaseModel):
    """Proposals for an area of a draft at a version, beside the area and the city as the draft has them."""

    draft: int
    base: int
    version: int
    area: str
    now: FiguresOut
    principles: HeadlineOut
    proposals: list[ProposalOut]
    notes: list[str]
