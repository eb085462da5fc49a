"""The registry: the city, its areas, cells and overlays."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
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
from api.schemas.registry import (
    AreaDetail,
    AreasOut,
    BaseMapOut,
    CellDetail,
    CellsOut,
    CityOut,
    Feature,
    FeatureCollection,
    OverlayListed,
    OverlaysOut,
    RegistryArea,
    RegistryCell,
)
from gridmap.crs import Floats, check_name, from_wgs84
from gridmap.errors import InvalidInput
from gridmap.history import revision_for, successors
from gridmap.model import CELL_KINDS, PUBLIC, City, Revision
from gridmap.store import registry
from gridmap.store.city import read_city
from gridmap.store.database import Connection
from gridmap.store.overlays import read_overlays
from gridmap.store.revisions import read_revision
from gridmap.store.whereabouts import read_chain

router = APIRouter(prefix="/v1", tags=["registry"], responses=problem_responses(404, 422, 503))

LARGEST_PAGE = 10_000
_FEATURES_PAGE = 500

Form = Annotated[Literal["json", "geojson"], Query(description="geojson adds the shapes")]
Crs = Annotated[
    str, Query(max_length=20, description="crs of the shapes: wgs84, cgcs2000, gcj02, bd09, EPSG:<code>")
]
After = Annotated[
    str, Query(max_length=64, pattern=r"^[^\x00-\x1f\x7f/\s]*$", description="begin after this code")
]
Limit = Annotated[int | None, Query(ge=1, le=LARGEST_PAGE, description="at most so many; 10,000, or 500 shapes")]


@router.get("/city", response_model=CityOut)
async def get_city(service: ServiceDep) -> CityOut:
    """The city, and the plain statement of what in these data is real and what is made up."""
    snapshot = service.state.ready
    city = snapshot.city
    return CityOut(
        code=city.code,
        name=city.name,
        name_en=city.name_en,
        levels=list(city.levels),
        timezone=city.timezone,
        metric_crs=city.metric_crs,
        emergency=list(city.emergency),
        attribution=city.attribution,
        notice=dict(city.notice),
        bounds=list(snapshot.grid.index.bounds),
        base_map=None if city.base_map is None else BaseMapOut(**dataclasses.asdict(city.base_map)),
    )


@router.get("/areas", response_model=AreasOut | FeatureCollection)
def get_areas(
    request: Request,
    service: ServiceDep,
    level: CodeQuery = None,
    parent: CodeQuery = None,
    at: AtQuery = None,
    revision: RevisionQuery = None,
    f: Form = "json",
    crs: Crs = "wgs84",
    after: After = "",
    limit: Limit = None,
) -> AreasOut | FeatureCollection:
    """Areas by code, of one level or below one parent, with their cells counted by kind."""
    crs = check_name(crs)
    size = limit or (LARGEST_PAGE if f == "json" else _FEATURES_PAGE)
    with service.database.begin(PUBLIC) as connection:
        city, grid = _city_and_revision(connection, at, revision)
        if level is not None and level not in city.levels:
            raise InvalidInput("level", level, f"must be one of {', '.join(city.levels)}")
        rows = registry.read_areas(
            connection,
            grid.number,
            city.lowest_level,
            level=level,
            parent=parent,
            after=after,
            limit=size + 1,
            shapes=f == "geojson",
        )
    rows, following = _page(request, rows, size, grid)
    if f == "json":
        areas = [RegistryArea.model_validate(_area(row)) for row in rows]
        return AreasOut(revision=grid.number, areas=areas, next=following)
    return _collection(city, grid, crs, [(row.code, row.wkb, _area(row)) for row in rows], following)


@router.get("/areas/{code}", response_model=AreaDetail | FeatureCollection)
def get_area(
    service: ServiceDep,
    code: CodePath,
    at: AtQuery = None,
    revision: RevisionQuery = None,
    f: Form = "json",
    crs: Crs = "wgs84",
) -> AreaDetail | FeatureCollection:
    """One area, those above it, and its cells counted by kind."""
    crs = check_name(crs)
    with service.database.begin(PUBLIC) as connection:
        city, grid = _city_and_revision(connection, at, revision)
        chain = read_chain(connection, grid, code)
        rows = registry.read_areas(connection, grid.number, city.lowest_level, code=code, shapes=f == "geojson")
    if f == "geojson":
        return _collection(city, grid, crs, [(row.code, row.wkb, _area(row)) for row in rows], None)
    return AreaDetail(revision=grid.number, areas=shape.areas(chain[1:]), **_area(rows[0]))


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
    size = limit or (LARGEST_PAGE if f == "json" else _FEATURES_PAGE)
    with service.database.begin(PUBLIC) as connection:
        city, grid = _city_and_revision(connection, at, revision)
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
    rows, following = _page(request, rows, size, grid)
    if f == "json":
        cells = [RegistryCell.model_validate(_cell(row)) for row in rows]
        return CellsOut(revision=grid.number, cells=cells, next=following)
    return _collection(city, grid, crs, [(row.id, row.wkb, _cell(row)) for row in rows], following)


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
        city, grid = _city_and_revision(connection, at, revision)
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
        return _collection(city, grid, crs, [(history.cell.id, history.cell.wkb, properties)], None)
    return CellDetail.model_validate(properties)


@router.get("/overlays", response_model=OverlaysOut | FeatureCollection)
def get_overlays(
    service: ServiceDep, at: AtQuery = None, f: Form = "json", crs: Crs = "wgs84"
) -> OverlaysOut | FeatureCollection:
    """The overlays: business districts, scenic areas and the like, with posts of their own."""
    crs = check_name(crs)
    with service.database.begin(PUBLIC) as connection:
        city, grid = _city_and_revision(connection, at, None)
        moment = datetime.now(UTC) if at is None else city_time("at", at, city)
        overlays, shapes_ = read_overlays(connection, moment)
    listed = [{"code": each.code, "name": each.name, "kind": each.kind} for each in overlays]
    if f == "json":
        as_of = moment.astimezone(city.zone)
        return OverlaysOut(as_of=as_of, overlays=[OverlayListed(**each) for each in listed])
    wkb = [shapely.to_wkb(each) for each in shapes_]
    rows = [(each["code"], one, each) for each, one in zip(listed, wkb, strict=True)]
    return _collection(city, grid, crs, rows, None)


def _city_and_revision(connection: Connection, at: datetime | None, revision: int | None) -> tuple[City, Revision]:
    city = read_city(connection)
    return city, revision_for(connection, None if at is None else city_time("at", at, city), revision)


def _area(row: registry.AreaRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("code", "level", "name", "parent", "cells", "kinds")}


def _cell(row: registry.CellRow) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in ("id", "code", "name", "kind", "community")}
    return {**fields, "services": list(row.services)}


def _page(request: Request, rows: list[Any], size: int, revision: Revision) -> tuple[list[Any], str | None]:
    """The rows of this page and the link to the next, which stays with this revision."""
    if len(rows) <= size:
        return rows, None
    given = {name: value for name, value in request.query_params.items() if name != "at"}
    following = {**given, "after": rows[size - 1].code, "revision": str(revision.number)}
    # A proxy may leave its own path on the request or take it off; clients need it either way.
    root = request.scope.get("root_path", "")
    return rows[:size], f"{root}{request.url.path.removeprefix(root)}?{urlencode(following)}"


def _collection(
    city: City,
    revision: Revision,
    crs: str,
    rows: Iterable[tuple[int | str, bytes | None, dict[str, Any]]],
    following: str | None,
) -> FeatureCollection:
    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(crs, coordinates[:, 0], coordinates[:, 1]))

    features = []
    for identity, wkb, properties in rows:
        geometry = shapely.from_wkb(wkb)
        if crs != "wgs84":
            geometry = shapely.transform(geometry, convert)
        shape_ = json.loads(str(shapely.to_geojson(geometry)))
        features.append(Feature(id=identity, geometry=shape_, properties=properties))
    return FeatureCollection(
        revision=revision.number,
        crs=crs,
        attribution=city.attribution,
        notice=dict(city.notice),
        features=features,
        next=following,
    )
