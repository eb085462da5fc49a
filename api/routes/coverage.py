"""Who covers this place: from memory for now, from PostGIS for other times and revisions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api import shape
from api.addresses import AddressOut, address_out
from api.deps import (
    LARGEST_ACCURACY_M,
    AtQuery,
    CategoryQuery,
    KnownAtQuery,
    RevisionQuery,
    Service,
    ServiceDep,
    asker_of,
    city_time,
    to_point,
)
from api.errors import problem_responses
from api.schemas.coverage import CoverageOut, PointOut
from gridmap import history
from gridmap.addresses.answer import area_names, areas_at, group
from gridmap.addresses.search import LONGEST_ADDRESS, search
from gridmap.coverage.answer import Answer, Question, answer, locate
from gridmap.coverage.snapshot import Snapshot
from gridmap.coverage.upcoming import Next, next_of
from gridmap.crs import check_name
from gridmap.current import State
from gridmap.duty import DutyBook
from gridmap.errors import InvalidInput, Unavailable
from gridmap.model import PUBLIC, Actor
from gridmap.store.addresses import StoredAddresses

router = APIRouter(prefix="/v1", tags=["coverage"])


@router.get("/coverage", response_model=CoverageOut | AddressOut, responses=problem_responses(404, 422, 503))
async def get_coverage(
    service: ServiceDep,
    request: Request,
    lon: Annotated[float | None, Query(description="longitude, or easting in a projected crs")] = None,
    lat: Annotated[float | None, Query(description="latitude, or northing in a projected crs")] = None,
    crs: Annotated[
        str | None, Query(max_length=20, description="wgs84, cgcs2000, gcj02, bd09 or EPSG:<code>; no default")
    ] = None,
    accuracy_m: Annotated[
        float, Query(ge=0, le=LARGEST_ACCURACY_M, description="how far off the point may be, in metres")
    ] = 0.0,
    at: AtQuery = None,
    known_at: KnownAtQuery = None,
    revision: RevisionQuery = None,
    category: CategoryQuery = None,
    address: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=LONGEST_ADDRESS,
            description="instead of lon, lat and crs: street and number, estate and block, crossing, landmark, in "
            "Chinese, pinyin or English, as a caller says it",
        ),
    ] = None,
    district: Annotated[
        str | None, Query(max_length=64, description="with an address: name or code of the area it lies in")
    ] = None,
) -> CoverageOut | AddressOut | Response:
    """Who covers this place at a time: the cell, the areas above, who is on duty and whom to call next.

    Needs no key. Give a point (``lon``, ``lat``, ``crs``) or an ``address``. A point without ``at`` is answered
    from memory, also while the database is gone. An address is never settled by a guess: its candidates come
    grouped by the desk that answers for them, with how sure each is and what to ask next.

    What is answered to a key is kept by its ``id``, so that a supervisor can have it explained.
    """
    asker = await asker_of(request, service)
    state = service.state
    snapshot = state.ready
    now = datetime.now(UTC)
    if address is not None:
        for name, value in (
            ("lon", lon),
            ("lat", lat),
            ("crs", crs),
            ("known_at", known_at),
            ("revision", revision),
        ):
            if value is not None:
                raise InvalidInput(name, value, "does not go with an address")
        when = now if at is None else city_time("at", at, snapshot.city)
        of_address = await run_in_threadpool(_of_address, service, state, address, district, when, category)
        if asker is None or of_address.coverage is None:
            return of_address
        there = of_address.coverage.point
        asked = Question(there.lon, there.lat, when, 0.0, category)
        _keep(service, asker, asked, state, of_address.coverage, of_address.coverage.model_dump_json())
        return of_address
    if lon is None or lat is None or crs is None:
        missing = ", ".join(name for name, value in (("lon", lon), ("lat", lat), ("crs", crs)) if value is None)
        raise InvalidInput(missing, None, "must be given, or an address instead")
    if district is not None:
        raise InvalidInput("district", district, "goes with an address only")
    x, y = to_point(lon, lat, crs, snapshot)
    question = Question(x, y, now if at is None else city_time("at", at, snapshot.city), accuracy_m, category)
    known = None if known_at is None else city_time("known_at", known_at, snapshot.city)
    following = None
    if at is None and known is None and revision is None:
        found, book = _from_memory(snapshot, question), snapshot.book
        following = _following(snapshot, found, question)
    else:
        found, book, state = await run_in_threadpool(_from_history, service, state, question, known, revision)
    point = PointOut(lon=x, lat=y, crs=check_name(crs), given=[lon, lat])
    out = shape.coverage(found, point, snapshot.city, state, book, following)
    if asker is None:
        return out
    body = out.model_dump_json()  # once, for the answer and for what is kept of it
    _keep(service, asker, question, state, out, body, known_at=known, revision=revision)
    return Response(body, media_type="application/json")


def _keep(
    service: Service,
    asker: Actor,
    question: Question,
    state: State,
    out: CoverageOut,
    body: str,
    known_at: datetime | None = None,
    revision: int | None = None,
) -> None:
    """Spool an answer with its question, so that it can be explained. The database takes only part of it."""
    codes = [area.code for area in out.areas] or [state.ready.city.code]
    head = {
        "kind": "answer",
        "id": out.id,
        "at": datetime.now(UTC).isoformat(),
        "by": asker.id,
        "role": asker.role,
        "codes": codes if out.cell is None else [out.cell.code, *codes],
        "question": {
            "lon": question.lon,
            "lat": question.lat,
            "accuracy_m": question.accuracy_m,
            "at": question.at.isoformat(),
            "category": question.category,
            "known_at": None if known_at is None else known_at.isoformat(),
            "revision": revision,
        },
        "versions": dict(state.ready.versions),
    }
    service.trail.keep(f'{json.dumps(head)[:-1]}, "answer": {body}}}'.encode())


def _of_address(
    service: Service, state: State, address: str, district: str | None, at: datetime, category: str | None
) -> AddressOut:
    """Candidates from the address table, everything else from memory, at a time that the snapshot knows."""
    snapshot = state.ready
    if not snapshot.duty.begins <= at <= snapshot.duty.ends:
        span = f"{snapshot.duty.begins.isoformat()} to {snapshot.duty.ends.isoformat()}"
        raise InvalidInput(
            "at", at.isoformat(), f"an address is looked up for {span}; for other times ask for its coordinates"
        )
    names = area_names(snapshot.grid)
    within = frozenset[str]() if district is None else names.named(district)
    try:
        with service.database.begin(PUBLIC) as connection:
            found = search(StoredAddresses(connection), names, partial(areas_at, snapshot.grid), address, within)
    except Unavailable as error:
        raise Unavailable("addresses cannot be looked up while PostGIS is away; coordinates still can") from error
    answered = group(snapshot, found, at, category)
    coverage = None
    if answered.exact is not None:
        one = answered.exact
        question = Question(one.lon, one.lat, at, one.candidate.accuracy_m, category)
        point = PointOut(lon=one.lon, lat=one.lat, crs="wgs84", given=[one.lon, one.lat])
        found_there = _from_memory(snapshot, question)
        following = _following(snapshot, found_there, question)
        coverage = shape.coverage(found_there, point, snapshot.city, state, snapshot.book, following)
    return address_out(address, answered, coverage, at, snapshot.city, state)


def _from_memory(snapshot: Snapshot, question: Question) -> Answer:
    where = locate(snapshot.grid, snapshot.overlays, question.lon, question.lat, question.accuracy_m)
    return answer(snapshot.city, where, snapshot.book, question)


def _following(snapshot: Snapshot, found: Answer, question: Question) -> Next | None:
    """What a scheduled redraw will make of the place."""
    where = (None if found.where.cell is None else found.where.cell.code, found.where.how == "edge")
    return next_of(snapshot.upcoming, snapshot.grid, where, question.lon, question.lat)


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
