"""Whole collections as files for a GIS, of any revision."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import FileResponse

from api.deps import AtQuery, RevisionQuery, ServiceDep, city_time
from api.errors import problem_responses
from gridmap.errors import NotFound, Unavailable
from gridmap.exports import FORMATS, Export, check_export_crs, read_rows, write_export
from gridmap.features import OVERLAYS, collections_of
from gridmap.history import revision_for
from gridmap.model import PUBLIC

router = APIRouter(prefix="/v1/download", tags=["downloads"], responses=problem_responses(404, 422, 503))

_CONTENT = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in FORMATS.values()}


@router.get(
    "/{layer}.{suffix}",
    response_class=FileResponse,
    responses={
        200: {"description": "The file.", "content": _CONTENT},
        206: {"description": "The bytes that Range asks for.", "content": _CONTENT},
        304: {"description": "The file that the client has is the one."},
        **problem_responses(404, 422, 503),
    },
)
def get_download(
    service: ServiceDep,
    layer: Annotated[str, Path(max_length=64, description="cells, a level of area, or overlays")],
    suffix: Annotated[Literal["parquet", "fgb", "gpkg"], Path(description="GeoParquet, FlatGeobuf, GeoPackage")],
    revision: RevisionQuery = None,
    at: AtQuery = None,
    crs: Annotated[str, Query(max_length=20, description="wgs84, cgcs2000, gcj02, bd09, EPSG:<code>")] = "wgs84",
    if_none_match: Annotated[str | None, Header(max_length=300)] = None,
) -> Response:
    """All cells, all areas of a level, or all overlays as one file; codes are text, pairs are x, y or lon, lat.

    Attribution, revision and the notice on what is made up stand in the file's metadata. Overlays are those
    valid at ``at``, or now.
    """
    snapshot = service.state.ready
    city = snapshot.city
    collection = collections_of(city).get(layer)
    if collection is None or collection.staff_only or collection.released:
        raise NotFound(f"no layer {layer!r}: there are cells, {', '.join(city.levels)} and overlays")
    name_of_crs = check_export_crs(crs, city)
    moment = datetime.now(UTC) if at is None else city_time("at", at, city)
    with service.database.begin(PUBLIC) as connection:
        grid = snapshot.grid.revision
        if revision is not None or at is not None:
            grid = revision_for(connection, moment, revision)
        export = Export(collection, city, grid, moment, suffix, name_of_crs)
        rows = read_rows(connection, export) if layer == OVERLAYS else []
        name = export.name(rows)
        if layer != OVERLAYS and service.downloads.find(name) is None:
            rows = read_rows(connection, export)
    pinned = revision is not None and layer != OVERLAYS
    headers = {
        "ETag": f'"{name}"',
        "Cache-Control": "public, max-age=31536000, immutable" if pinned else "no-cache",
        "Last-Modified": format_datetime(grid.published_at.astimezone(UTC), usegmt=True),
    }
    if if_none_match is not None and headers["ETag"] in (each.strip() for each in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    path = service.downloads.get(name, partial(write_export, export, rows) if rows or layer == OVERLAYS else _gone)
    return FileResponse(
        path, media_type=FORMATS[suffix], headers=headers, filename=f"{layer}-{grid.number}.{suffix}"
    )


def _gone(_: object) -> None:
    raise Unavailable("the file has just been taken away; try again")
