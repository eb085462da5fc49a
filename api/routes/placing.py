"""Placement of many points at once, as JSON, CSV or Arrow; from memory, also while the database is gone."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import anyio
import numpy as np
import pyarrow as pa
import pydantic_core
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from api import shape
from api.deps import AtQuery, RevisionQuery, Service, ServiceDep, city_time
from api.errors import problem_responses
from api.schemas.placing import PlacingIn, PlacingOut
from gridmap.bulk import streams
from gridmap.bulk.columns import Added
from gridmap.bulk.points import Layout, points_of
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import HOW
from gridmap.coverage.placing import REASONS, Placements, place
from gridmap.crs import check_name
from gridmap.current import State
from gridmap.errors import InvalidInput, Unavailable
from gridmap.hexes import hex_text
from gridmap.history import grid_of
from gridmap.model import PUBLIC, City

router = APIRouter(prefix="/v1", tags=["coverage"])

MOST_POINTS = 100_000
LARGEST_BODY_BYTES = 16 * 2**20
# The candidates of 100,000 points further off than this would fill the memory.
LARGEST_ACCURACY_M = 1_000.0

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
MEDIA = (JSON, CSV, ARROW)
_TABLE = "lon, lat, and if wanted accuracy_m; other columns come back"

# Heavy requests at a time: single look-ups must still find a core.
_at_a_time = anyio.CapacityLimiter(2)
_lock = threading.Lock()
_kept: dict[tuple[str, int], Grid] = {}

CrsQuery = Annotated[
    str | None, Query(max_length=20, description="of the points of a CSV or Arrow body; no default")
]
DetailQuery = Annotated[
    Literal["cell", "full"],
    Query(
        description="JSON: full adds areas, edge distances, nearest cells and candidates, which tables always have"
    ),
]


@router.post(
    "/coverage",
    response_model=PlacingOut,
    responses={
        200: {
            "description": "In the order of the points; CSV and Arrow for who sends or accepts these.",
            "content": {
                CSV: {"schema": {"type": "string"}},
                ARROW: {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **problem_responses(404, 413, 415, 422, 503),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"At most {MOST_POINTS:,} points. CSV and Arrow: {_TABLE}.",
            "content": {JSON: {"schema": PlacingIn.model_json_schema()}, CSV: {}, ARROW: {}},
        }
    },
)
async def post_coverage(
    request: Request,
    service: ServiceDep,
    crs: CrsQuery = None,
    detail: DetailQuery = "cell",
    at: AtQuery = None,
    revision: RevisionQuery = None,
) -> Response:
    """Which cell each of many points is in, at most 100,000; needs no key.

    A body with a point that is none is refused as a whole, with the row named.
    """
    given = _media(request.headers.get("content-type", ""))
    if given is None:
        raise HTTPException(415, f"the body must be one of {', '.join(MEDIA)}")
    body = await _bounded(request)
    wanted = _accepted(request.headers.get("accept", ""), given)
    state = service.state
    city = state.ready.city
    moment = None if at is None else city_time("at", at, city)
    work = partial(_answer, service, state, body, given, wanted, crs, detail, moment, revision)
    return await anyio.to_thread.run_sync(work, limiter=_at_a_time)


def _media(header: str) -> str | None:
    name = header.partition(";")[0].strip().lower()
    return name if name in MEDIA else None


def _accepted(header: str, given: str) -> str:
    """The first of our formats that the client lists, else the one it sent."""
    listed = (_media(part) for part in header.split(","))
    return next((name for name in listed if name is not None), given)


async def _bounded(request: Request) -> bytes:
    """The body; 413 as soon as it is too long."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY_BYTES:
            raise HTTPException(413, f"the body must be at most {LARGEST_BODY_BYTES:,} bytes: send it in parts")
        parts.append(part)
    return b"".join(parts)


def _answer(
    service: Service,
    state: State,
    body: bytes,
    given: str,
    wanted: str,
    crs: str | None,
    detail: str,
    at: datetime | None,
    revision: int | None,
) -> Response:
    named: str | None
    if given == JSON:
        batch, named = _from_json(body)
    else:
        read = streams.read_csv if given == CSV else streams.read_arrow
        batch, named = read(body, MOST_POINTS), crs
    layout = _layout(batch, named)
    city, grid, state = _grid(service, state, at, revision)
    lon, lat, accuracy, reasons = points_of(batch, layout)
    if (accuracy > LARGEST_ACCURACY_M).any():
        row = int(np.argmax(accuracy > LARGEST_ACCURACY_M))
        rule = f"must lie from 0 to {LARGEST_ACCURACY_M:g} for many points at once"
        raise InvalidInput(f"points.{row}.accuracy_m", float(accuracy[row]), rule)
    placed = place(grid, lon, lat, accuracy, reasons)
    _check(placed, batch, layout)
    if wanted == JSON:
        content = _to_json(grid, city, placed, state, full=detail == "full")
        return Response(content, media_type=JSON)
    added = Added(grid, city, plain=wanted == CSV)
    added.check_names(batch.schema.names, "the body")
    rows = pa.RecordBatch.from_arrays(
        [*batch.columns, *added.arrays(placed)], schema=pa.schema([*batch.schema, *added.fields])
    )
    return Response(streams.write_csv(rows) if wanted == CSV else streams.write_arrow(rows), media_type=wanted)


def _layout(batch: pa.RecordBatch, crs: str | None) -> Layout:
    missing = [name for name in ("lon", "lat") if name not in batch.schema.names]
    if missing:
        raise InvalidInput("columns", batch.schema.names, f"must have {_TABLE}; {missing[0]} is missing")
    accuracy = "accuracy_m" if "accuracy_m" in batch.schema.names else None
    return Layout(check_name(crs), "lon", "lat", None, accuracy)


def _from_json(body: bytes) -> tuple[pa.RecordBatch, str]:
    """The points of a body as two columns. Numbers alone pass quickly; pydantic judges the rest."""
    try:
        document = pydantic_core.from_json(body)
    except ValueError as error:
        raise InvalidInput("body", body[:40], f"must be JSON ({error})") from error
    points = _fast(document, body)
    if points is None:
        try:
            checked = PlacingIn.model_validate(document, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            raise InvalidInput(where, first["input"], first["msg"]) from error
        document = checked.model_dump()
        points = np.array(document["points"], np.float64).reshape(-1, 2)
    columns = {"lon": np.ascontiguousarray(points[:, 0]), "lat": np.ascontiguousarray(points[:, 1])}
    accuracy = np.asarray(document.get("accuracy_m", 0.0), np.float64)
    if accuracy.ndim and len(accuracy) != len(points):
        raise InvalidInput("accuracy_m", f"{len(accuracy)} values", f"must be one, or {len(points)} as the points")
    columns["accuracy_m"] = np.ascontiguousarray(np.broadcast_to(accuracy, len(points)))
    return pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in columns.items()}), document[
        "crs"
    ]


def _fast(document: object, body: bytes) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The points of a plain body, None when something must be looked at closely: numpy takes true for 1."""
    plain = (
        isinstance(document, dict) and document.keys() == {"crs", "points"} and isinstance(document["crs"], str)
    )
    if not plain or b"true" in body or b"false" in body:
        return None
    assert isinstance(document, dict)
    points = document["points"]
    if not isinstance(points, list) or not 0 < len(points) <= MOST_POINTS:
        return None
    try:
        array = np.array(points)
    except ValueError:
        return None
    return array.astype(np.float64) if array.dtype.kind in "if" and array.shape == (len(points), 2) else None


def _check(placed: Placements, batch: pa.RecordBatch, layout: Layout) -> None:
    """InvalidInput for the first row that is no point or has a bad accuracy, and how many there are."""
    wrong = np.flatnonzero(placed.reasons)
    if len(wrong) == 0:
        return
    row = int(wrong[0])
    field, _, rule = REASONS[placed.reasons[row]].partition(": ")
    names = [layout.accuracy] if field == "accuracy_m" else [layout.x, layout.y]
    value = [batch.column(name)[row].as_py() for name in names]
    more = f" (and {len(wrong) - 1:,} more rows)" if len(wrong) > 1 else ""
    rule = f"is {rule} in {layout.crs}" if rule.startswith("no ") else rule
    raise InvalidInput(f"points.{row}", value, f"{field} {rule}{more}")


def _grid(service: Service, state: State, at: datetime | None, revision: int | None) -> tuple[City, Grid, State]:
    """The grid asked for: that of the snapshot, or from PostGIS, of which the last one is kept."""
    snapshot = state.ready
    if at is None and revision in (None, snapshot.grid.revision.number):
        return snapshot.city, snapshot.grid, state
    with _lock:
        key = (str(service.database.url), revision or 0)
        if at is None and key in _kept:
            return snapshot.city, _kept[key], state
        try:
            with service.database.begin(PUBLIC, one_state=True) as connection:
                grid = grid_of(connection, snapshot.city, at, revision, snapshot.grid)
        except Unavailable:
            if revision is None and at is not None and at >= snapshot.grid.revision.valid_from:
                return snapshot.city, snapshot.grid, state
            raise
        if revision is not None:
            _kept.clear()
            _kept[key] = grid
    return snapshot.city, grid, replace(state, gone_since=None)


def _to_json(grid: Grid, city: City, placed: Placements, state: State, *, full: bool) -> bytes:
    codes = [cell.code for cell in grid.cells]
    degraded = shape.degraded(state)
    answer: dict[str, object] = {
        "revision": grid.revision.number,
        "degraded": None if degraded is None else degraded.model_dump(mode="json"),
        "cells": _codes(codes, placed.positions),
        "hexes": hex_text(placed.hexes).to_pylist(),
        "how": [HOW[how] for how in placed.how.tolist()],
    }
    if full:
        answer |= _details(grid, city, placed, codes)
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def _codes(codes: list[str], positions: np.ndarray[Any, np.dtype[np.int32]]) -> list[str | None]:
    return [codes[position] if position >= 0 else None for position in positions.tolist()]


def _details(grid: Grid, city: City, placed: Placements, codes: list[str]) -> dict[str, object]:
    added = Added(grid, city, plain=True)
    by_name = dict(zip((field.name for field in added.fields), added.arrays(placed), strict=True))
    near = zip(_codes(codes, placed.nearest), placed.nearest_m.tolist(), strict=True)
    distances = placed.candidate_distances_m.tolist()
    listed = [
        {"code": codes[position], "distance_m": distance}
        for position, distance in zip(placed.candidates.tolist(), distances, strict=True)
    ]
    bounds = placed.offsets.tolist()
    return {
        "areas": {level: by_name[level].to_pylist() for level in city.levels},
        "edge_distances_m": by_name["edge_distance_m"].to_pylist(),
        "nearest": [None if code is None else {"code": code, "distance_m": metres} for code, metres in near],
        "candidates": [listed[bounds[i] : bounds[i + 1]] for i in range(len(placed))],
    }
