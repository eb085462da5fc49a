"""The answer to ``GET /v1/coverage?address=``: its shapes, and how they are made from the domain's nouns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, Field

from api import shape
from api.schemas.coverage import AreaOut, CellOut, CoverageOut, Degraded, PointOut, RungOut
from gridmap.addresses.answer import AddressAnswer, Ask, Group, Standing
from gridmap.addresses.search import NAME_SCORES, PLACE_SCORES
from gridmap.current import State
from gridmap.model import City

Status = Literal["exact", "same_desk", "several_desks", "not_found"]


class AddressCandidateOut(BaseModel):
    """A place that may be meant. ``score`` is the product of the scores of its reasons, 1 at most.

    ``point`` is the place, or one of ``points`` places along a street or of an estate; for a whole area there is
    a point in it and no cell. The point may be ``accuracy_m`` off.
    """

    kind: str
    text: str = Field(description="the address on record that was matched")
    score: float
    reasons: dict[str, float] = Field(description="why, and what each reason multiplies the score by")
    point: PointOut
    points: int
    accuracy_m: float
    cell: CellOut | None
    areas: list[AreaOut]
    call_first: RungOut = Field(description="the first rung of the ladder at this place")


class DeskGroupOut(BaseModel):
    """The candidates that one desk answers for, the surest first; ``more`` of them are not shown."""

    desk: RungOut
    score: float
    candidates: list[AddressCandidateOut]
    more: int


class AskOut(BaseModel):
    """A question that tells the candidates apart, in Chinese and English, and what may be answered."""

    about: str
    zh: str
    en: str
    options: list[str]


class AddressOut(BaseModel):
    """Whose desk answers for an address.

    ``status``: ``exact``, one place, and nothing that sounds like it; ``same_desk``, whatever is meant, this desk;
    ``several_desks``, ask on; ``not_found``, the city's own desk. ``desk`` is whom to call without asking on.
    ``similar`` are names one character away from the one given. ``coverage`` is set when exact.
    """

    id: str
    revision: int
    as_of: datetime
    degraded: Degraded | None
    address: str
    status: Status
    desk: RungOut
    common_area: AreaOut
    groups: list[DeskGroupOut]
    more_groups: int
    ask: list[AskOut]
    similar: list[str]
    ladder: list[RungOut] = Field(min_length=1)
    emergency: list[str]
    coverage: CoverageOut | None


def address_out(
    address: str,
    found: AddressAnswer,
    coverage: CoverageOut | None,
    at: datetime,
    city: City,
    state: State,
) -> AddressOut:
    """The answer as it leaves."""
    return AddressOut(
        id=str(uuid4()),
        revision=state.ready.grid.revision.number,
        as_of=at.astimezone(city.zone),
        degraded=shape.degraded(state),
        address=address,
        status=found.status,  # type: ignore[arg-type]
        desk=shape.rungs([found.desk])[0],
        common_area=shape.areas([found.common])[0],
        groups=[_group(group) for group in found.groups],
        more_groups=found.more_groups,
        ask=_asks(found.asks),
        similar=list(found.similar),
        ladder=shape.rungs(found.ladder),
        emergency=list(city.emergency),
        coverage=coverage,
    )


def _group(group: Group) -> DeskGroupOut:
    return DeskGroupOut(
        desk=shape.rungs([group.desk])[0],
        score=round(group.score, 3),
        candidates=[_candidate(one) for one in group.standing],
        more=group.more,
    )


def _candidate(one: Standing) -> AddressCandidateOut:
    scores = {**NAME_SCORES, **PLACE_SCORES}
    return AddressCandidateOut(
        kind=one.candidate.kind,
        text=one.candidate.text,
        score=round(one.candidate.score, 3),
        reasons={reason: scores[reason] for reason in one.candidate.reasons},
        point=PointOut(lon=one.lon, lat=one.lat, crs="wgs84", given=[one.lon, one.lat]),
        points=one.points,
        accuracy_m=one.candidate.accuracy_m,
        cell=None if one.cell is None else shape.cell(one.cell),
        areas=shape.areas(one.areas),
        call_first=shape.rungs([one.first])[0],
    )


def _asks(asks: Iterable[Ask]) -> list[AskOut]:
    return [AskOut(about=ask.about, zh=ask.zh, en=ask.en, options=list(ask.options)) for ask in asks]
