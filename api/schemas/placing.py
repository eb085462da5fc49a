"""Many points and the cells that they are in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictFloat

from api.schemas.coverage import CandidateOut, Degraded
from api.schemas.texts import Pair, Strict

_Accuracy = Annotated[StrictFloat, Field(ge=0, le=1_000)]


class PlacingIn(Strict):
    """Points to place, at most 100,000; ``accuracy_m``: how far off all of them, or each, may be, in metres."""

    crs: Annotated[str, Field(max_length=20)]
    points: list[Pair] = Field(max_length=100_000)
    accuracy_m: _Accuracy | list[_Accuracy] = 0.0


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
