"""Counts of a place by month, day, hour of the week or category: live, for its staff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, Query, Request, Response

from api import shape
from api.asked import Asked, BoxQuery, FilterDep, OfQuery, refuse_period, refuse_repeated
from api.deps import ActorDep, ServiceDep
from api.errors import problem_responses
from api.schemas.cockpit import ProfileOut, ProfileRow
from gridmap.current import State
from gridmap.errors import NotAllowed, NotIdentified
from gridmap.heatmap.profile import Profile, profile, subject_of_profile
from gridmap.live import live_facts
from gridmap.model import PUBLIC, Actor, City

router = APIRouter(prefix="/v1", tags=["heatmap"])

_HOURS_PER_DAY = 24
_EPOCH = datetime.fromtimestamp(0, UTC)
_limiter = anyio.CapacityLimiter(2)


@router.get("/heatmap/profile", response_model=ProfileOut, responses=problem_responses(401, 403, 404, 422, 503))
async def get_profile(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    of: OfQuery,
    by: Annotated[
        Literal["month", "day", "week_hour", "category"], Query(description="what counts are grouped by")
    ],
    chosen: FilterDep,
    bbox: BoxQuery = None,
) -> Response:
    """Live counts of a place over time or by category, for the staff of the area (without one: of the whole city).

    What is counted is what `/v1/heatmap` counts with the same parameters, and adds up to the same total. Releases
    know no days and no hours: of months and categories `/v1/releases` says what everybody may see.
    """
    refuse_repeated(request)
    state = service.state
    facts = state.countable
    city = facts.places.city
    asked = Asked(of, chosen, bbox=bbox)
    question = subject_of_profile(asked.question(city), by)

    def answer() -> Response:
        told = live_facts(service.database, actor, facts, question)
        if told is None:
            raise _refused(actor)
        refuse_period(asked, question)
        found = _out(profile(told, question, by), city, state)
        headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
        return Response(found.model_dump_json(by_alias=True), media_type="application/json", headers=headers)

    return await anyio.to_thread.run_sync(answer, limiter=_limiter)


def _refused(actor: Actor) -> Exception:
    rule = (
        "counts over time and by category are for the staff of the place; /v1/releases has what is for everybody"
    )
    if actor.role == PUBLIC.role:
        return NotIdentified(f"{rule}; live counts need a key: send Authorization: Bearer …")
    return NotAllowed(rule)


def _out(found: Profile, city: City, state: State) -> ProfileOut:
    question = found.question
    window = question.window
    return ProfileOut.model_validate(
        {
            "revision": found.revision,
            "data_version": found.data_version,
            "as_of": datetime.now(UTC).astimezone(city.zone),
            "degraded": shape.degraded(state),
            "of": question.of,
            "by": found.by,
            "class": question.class_,
            "category": list(question.categories),
            "from": _moment(window.begins, city),
            "to": _moment(window.ends, city),
            "hours": sorted(question.hours) or None,
            "weekdays": sorted(question.weekdays) or None,
            "bbox": question.box,
            "area": question.area,
            "total": found.total,
            "rows": [_row(found.by, key, count) for key, count in zip(found.keys, found.counts, strict=True)],
        }
    )


def _moment(microseconds: int | None, city: City) -> datetime | None:
    return None if microseconds is None else (_EPOCH + timedelta(microseconds=microseconds)).astimezone(city.zone)


def _row(by: str, key: str, count: int) -> ProfileRow:
    if by != "week_hour":
        return ProfileRow(key=key, count=count)
    day, hour = divmod(int(key), _HOURS_PER_DAY)
    return ProfileRow(key=key, count=count, weekday=day + 1, hour=hour)
