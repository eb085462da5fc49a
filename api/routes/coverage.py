"""Who covers this place: from memory for now, from PostGIS for other times and revisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from api import schemas, shape
from api.deps import (
    LARGEST_ACCURACY_M,
    AtQuery,
    CategoryQuery,
    KnownAtQuery,
    RevisionQuery,
    Service,
    ServiceDep,
    city_time,
    to_point,
)
from api.errors import problem_responses
from gridmap import history
from gridmap.coverage.answer import Answer, Question, answer, locate
from gridmap.coverage.snapshot import Snapshot
from gridmap.crs import check_name
from gridmap.current import State
from gridmap.duty import DutyBook
from gridmap.errors import Unavailable
from gridmap.model import PUBLIC

router = APIRouter(prefix="/v1", tags=["coverage"])


@router.get("/coverage", response_model=schemas.CoverageOut, responses=problem_responses(404, 422, 503))
async def get_coverage(
    service: ServiceDep,
    lon: Annotated[float, Query(description="longitude, or easting in a projected crs")],
    lat: Annotated[float, Query(description="latitude, or northing in a projected crs")],
    crs: Annotated[
        str, Query(max_length=20, description="wgs84, cgcs2000, gcj02, bd09 or EPSG:<code>; no default")
    ],
    accuracy_m: Annotated[
        float, Query(ge=0, le=LARGEST_ACCURACY_M, description="how far off the point may be, in metres")
    ] = 0.0,
    at: AtQuery = None,
    known_at: KnownAtQuery = None,
    revision: RevisionQuery = None,
    category: CategoryQuery = None,
) -> schemas.CoverageOut:
    """Who covers this place at a time: the cell, the areas above, who is on duty and whom to call next.

    Needs no key. Without ``at`` it is answered from memory, also while the database is gone.
    """
    state = service.state
    snapshot = state.ready
    city = snapshot.city
    x, y = to_point(lon, lat, crs, snapshot)
    now = datetime.now(UTC)
    question = Question(x, y, now if at is None else city_time("at", at, city), accuracy_m, category)
    known = None if known_at is None else city_time("known_at", known_at, city)
    if at is None and known is None and revision is None:
        found, book = _from_memory(snapshot, question), snapshot.book
    else:
        found, book, state = await run_in_threadpool(_from_history, service, state, question, known, revision)
    point = schemas.PointOut(lon=x, lat=y, crs=check_name(crs), given=[lon, lat])
    return shape.coverage(found, point, city, state, book)


def _from_memory(snapshot: Snapshot, question: Question) -> Answer:
    where = locate(snapshot.grid, snapshot.overlays, question.lon, question.lat, question.accuracy_m)
    return answer(snapshot.city, where, snapshot.book, question)


def _from_history(
    service: Service, state: State, question: Question, known_at: datetime | None, revision: int | None
) -> tuple[Answer, DutyBook, State]:
    """From PostGIS; when it is gone or too busy, from memory for a time that the snapshot knows."""
    snapshot = state.ready
    try:
        with service.database.begin(PUBLIC) as connection:
            found, book = history.cover(connection, snapshot.city, question, known_at, revision)
    except Unavailable:
        knows_grid = revision in (None, snapshot.grid.revision.number)
        if known_at is None and knows_grid and snapshot.duty.begins <= question.at <= snapshot.duty.ends:
            gone = state if state.gone_since else replace(state, gone_since=datetime.now(UTC))
            return _from_memory(snapshot, question), snapshot.book, gone
        raise
    return found, book, replace(state, gone_since=None)
