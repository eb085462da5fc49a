"""The registry of cells and overlays."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Annotated, Any

import shapely
from fastapi import APIRouter, Query, Request

from api import shape
from api.deps import (
    AtQuery,
    CodePath,
    CodeQuery,
    RevisionQuery,
    ServiceDep,
    city_time,
    to_box,
)
from api.errors import problem_responses
from api.registry import (
    FEATURES_PAGE,
    LARGEST_PAGE,
    After,
    Crs,
    Form,
    Limit,
    city_and_revision,
    collection,
    page_of_codes,
)
from api.schemas.registry import (
    CellDetail,
    CellsOut,
    FeatureCollection,
    OverlayListed,
    OverlaysOut,
    RegistryCell,
)
from gridmap.crs import check_name
from gridmap.errors import InvalidInput
from gridmap.history import revision_for, successors
from gridmap.model import CELL_KINDS, PUBLIC
from gridmap.store import registry
from gridmap.store.overlays import read_overlays
from gridmap.store.revisions import read_revision
from gridmap.store.whereabouts import read_chain

router = APIRouter(prefix="/v1", tags=["registry"], responses=problem_responses(404, 422, 503))


@router.get("/cells", response_model=CellsOut | FeatureCollection)
def get_cells(
    request: Request,
    service: ServiceDep,
    area: CodeQuery = None,
    kind: Annotated[str | None, Query(description=f"one of {', '.join(CELL_KINDS)}")] = None,
    bbox: Annotated[
        str | None, Query(max_length=200, description="west,south,east,north in WGS 84 degrees")
    ] = None,
    at: AtQuery = None,
    revision: RevisionQuery = None,
    f: Form = "json",
    crs: Crs = "wgs84",
    after: After = "",
    limit: Limit = None,
) -> CellsOut | FeatureCollection:
    """Cells by code: of an area, of a kind, or that touch a box."""
    crs = check_name(crs)
    if kind is not None and kind not in CELL_KINDS:
        raise InvalidInput("kind", kind, f"must be one of {', '.join(CELL_KINDS)}")
    box = None if bbox is None else to_box(bbox)
    size = limit or (LARGEST_PAGE if f == "json" else FEATURES_PAGE)
    with service.database.begin(PUBLIC) as connection:
        city, grid = city_and_revision(connection, at, revision)
        rows = registry.read_cells(
            connection,
            grid.number,
            city.lowest_level,
            area=area,
            kind=kind,
            bbox=box,
            after=after,
            limit=size + 1,
            shapes=f == "geojson",
        )
    rows, following = page_of_codes(request, rows, size, grid)
    if f == "json":
        cells = [RegistryCell.model_validate(_cell(row)) for row in rows]
        return CellsOut(revision=grid.number, cells=cells, next=following)
    return collection(city, grid, crs, [(row.id, row.wkb, _cell(row)) for row in rows], following)


@router.get("/cells/{code}", response_model=CellDetail | FeatureCollection)
def get_cell(
    service: ServiceDep,
    code: CodePath,
    at: AtQuery = None,
    revision: RevisionQuery = None,
    f: Form = "json",
    crs: Crs = "wgs84",
) -> CellDetail | FeatureCollection:
    """One cell. A retired code answers with its last shape, when it ended, and what became of it by today."""
    crs = check_name(crs)
    with service.database.begin(PUBLIC) as connection:
        city, grid = city_and_revision(connection, at, revision)
        history = registry.read_cell(connection, grid.number, code)
        valid_in = grid if history.last is None else revision_for(connection, None, history.last)
        chain = read_chain(connection, valid_in, history.cell.community)
        ended = None if history.last is None else read_revision(connection, history.last + 1).valid_from
        cell_id = history.cell.id
        heirs = [] if ended is None else successors(connection, [cell_id], valid_in.number, grid.number)[cell_id]
    properties = {
        **_cell(history.cell),
        "revision": grid.number,
        "status": "current" if history.last is None else "retired",
        "last_revision": history.last,
        "ended_at": ended,
        "successors": [dataclasses.asdict(each) for each in heirs],
        "areas": [area.model_dump() for area in shape.areas(chain)],
    }
    if f == "geojson":
        return collection(city, grid, crs, [(history.cell.id, history.cell.wkb, properties)], None)
    return CellDetail.model_validate(properties)


@router.get("/overlays", response_model=OverlaysOut | FeatureCollection)
def get_overlays(
    service: ServiceDep, at: AtQuery = None, f: Form = "json", crs: Crs = "wgs84"
) -> OverlaysOut | FeatureCollection:
    """The overlays: business districts, scenic areas and the like, with posts of their own."""
    crs = check_name(crs)
    with service.database.begin(PUBLIC) as connection:
        city, grid = city_and_revision(connection, at, None)
        moment = datetime.now(UTC) if at is None else city_time("at", at, city)
        overlays, shapes_ = read_overlays(connection, moment)
    listed = [{"code": each.code, "name": each.name, "kind": each.kind} for each in overlays]
    if f == "json":
        as_of = moment.astimezone(city.zone)
        return OverlaysOut(as_of=as_of, overlays=[OverlayListed(**each) for each in listed])
    wkb = [shapely.to_wkb(each) for each in shapes_]
    rows = [(each["code"], one, each) for each, one in zip(listed, wkb, strict=True)]
    return collection(city, grid, crs, rows, None)


def _cell(row: registry.CellRow) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in ("id", "code", "name", "kind", "community")}
    return {**fields, "services": list(row.services)}
