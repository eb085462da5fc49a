"""Releases: what everybody may see of counts of people and incidents. No key, and the same bytes for ever."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse

from api.deps import CategoryQuery, ServiceDep, to_box
from api.errors import problem_responses
from api.frozen import NEVER_CHANGES, tagged
from api.schemas.releases import (
    ReleasedOut,
    ReleasedRow,
    ReleaseListed,
    ReleaseOut,
    ReleasesOut,
    ReleaseTableOut,
)
from gridmap.errors import NotFound, Unavailable
from gridmap.exports import Export, check_export_crs, read_rows
from gridmap.features import CELLS, collections_of
from gridmap.model import CELL_LEVEL, PUBLIC, City
from gridmap.released import Question, Released, read_released
from gridmap.released_exports import RELEASE_FORMATS, ReleaseExport
from gridmap.releases.periods import Month
from gridmap.releases.rows import BY_HEX
from gridmap.releases.suppression import HIDDEN
from gridmap.releases.tree import COARSEST_HEX, FINEST_HEX
from gridmap.store import releases as store
from gridmap.store.city import read_city
from gridmap.store.revisions import read_revision

router = APIRouter(prefix="/v1/releases", tags=["releases"], responses=problem_responses(422, 503))

_MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
_CONTENT = {
    media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
    for media in RELEASE_FORMATS.values()
}
_SOON = "public, max-age=60"
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}
Subject = Literal["incidents", "person", "place", "object", "organization"]


@router.get("", response_model=ReleasesOut, responses=_NOT_MODIFIED)
def get_releases(request: Request, service: ServiceDep) -> Response:
    """All releases with their tables."""
    with service.database.begin(PUBLIC) as connection:
        city = read_city(connection)
        listed = [
            ReleaseListed(
                **_release(city, release).model_dump(),
                tables=[
                    ReleaseTableOut(
                        of=head.subject,
                        category=head.category or None,
                        least=head.least,
                        inside=head.inside,
                        outside=head.outside,
                    )
                    for head in store.list_tables(connection, release.period)
                ],
            )
            for release in store.list_releases(connection)
        ]
    return tagged(request, ReleasesOut(releases=listed), _SOON)


@router.get("/{period}", response_model=ReleasedOut, responses={**problem_responses(404), **_NOT_MODIFIED})
def get_released(
    request: Request,
    service: ServiceDep,
    period: Annotated[str, Path(pattern=_MONTH, description="a month, such as 2026-10")],
    of: Annotated[Subject, Query(description="what is counted")] = "incidents",
    by: Annotated[
        str, Query(pattern=r"^[a-z][a-z0-9_]{0,62}$", description="a level of the city, cell, or hex")
    ] = "cell",
    category: CategoryQuery = None,
    resolution: Annotated[
        int | None, Query(ge=COARSEST_HEX, le=FINEST_HEX, description="of hexes; 8 if left out")
    ] = None,
    since: Annotated[
        str | None, Query(pattern=_MONTH, description="sum the months from this one on, where all show")
    ] = None,
    bbox: Annotated[
        str | None, Query(max_length=200, description="west,south,east,north in WGS 84 degrees: leaves rows out")
    ] = None,
) -> Response:
    """The rows of a release; of incidents of all categories where all of them show."""
    question = Question(
        of=of,
        period=Month.parse(period),
        by=by,
        category=category,
        since=None if since is None else Month.parse(since, "since"),
        resolution=resolution,
        bbox=None if bbox is None else to_box(bbox),
    )
    with service.database.begin(PUBLIC) as connection:
        city = read_city(connection)
        found = read_released(connection, city, question, service.trees)
    return tagged(request, _answer(city, question, found), NEVER_CHANGES)


@router.get(
    "/{period}/{layer}.{suffix}",
    response_class=FileResponse,
    responses={
        200: {"description": "The file.", "content": _CONTENT},
        206: {"description": "The bytes that Range asks for.", "content": _CONTENT},
        **_NOT_MODIFIED,
        **problem_responses(404),
    },
)
def get_release_file(
    service: ServiceDep,
    period: Annotated[str, Path(pattern=_MONTH, description="a month, such as 2026-10")],
    layer: Annotated[str, Path(max_length=64, description="cells or a level of area")],
    suffix: Annotated[Literal["csv", "parquet", "fgb", "gpkg"], Path(description="CSV has no shapes")],
    crs: Annotated[str, Query(max_length=20, description="wgs84, cgcs2000, gcj02, bd09, EPSG:<code>")] = "wgs84",
    if_none_match: Annotated[str | None, Header(max_length=300)] = None,
) -> Response:
    """All cells, or all areas of a level, with what the release counts in each: a column for each subject.

    Hidden counts are empty. The grid is the one that the release was made on.
    """
    month = Month.parse(period)
    with service.database.begin(PUBLIC) as connection:
        city = read_city(connection)
        collection = collections_of(city).get(layer)
        if collection is None or collection.released or (layer != CELLS and collection.level is None):
            raise NotFound(f"no layer {layer!r} in a release: there are cells, {', '.join(city.levels)}")
        counted = service.released_by.month(connection, city, service.trees, collection.level or CELL_LEVEL, month)
        grid = read_revision(connection, counted.release.revision)
        export = Export(collection, city, grid, grid.valid_from, suffix, check_export_crs(crs, city))
        file = ReleaseExport(export, counted)
        rows = read_rows(connection, export) if service.downloads.find(file.name) is None else None
    headers = {"ETag": f'"{file.name}"', "Cache-Control": NEVER_CHANGES}
    if if_none_match is not None and headers["ETag"] in (each.strip() for each in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    path = service.downloads.get(file.name, _gone if rows is None else partial(file.write, rows))
    filename = f"released-{period}-{layer}.{suffix}"
    return FileResponse(path, media_type=RELEASE_FORMATS[suffix], headers=headers, filename=filename)


def _gone(_: object) -> None:
    raise Unavailable("the file has just been taken away; try again")


def _answer(city: City, question: Question, found: Released) -> ReleasedOut:
    rows, name = found.rows, "hex" if question.by == BY_HEX else "code"
    counts = [_count(count) for count in rows.counts.tolist()]
    return ReleasedOut(
        period=str(question.period),
        since=None if question.since is None else str(question.since),
        of=question.of,
        category=question.category,
        measure=found.measure,
        by=question.by,
        resolution=found.resolution,
        revision=found.releases[-1].revision,
        least=found.least,
        total=_count(rows.total),
        inside=_count(rows.inside),
        outside=_count(rows.outside),
        suppressed=rows.suppressed,
        rows=[
            ReleasedRow.model_construct(_fields_set={name, "count"}, **{name: code, "count": count})
            for code, count in zip(rows.codes.tolist(), counts, strict=True)
        ],
        releases=[_release(city, release) for release in found.releases],
        attribution=city.attribution,
        notice=dict(city.notice),
    )


def _release(city: City, release: store.Release) -> ReleaseOut:
    begins, ends, made_at = (
        moment.astimezone(city.zone) for moment in (release.begins, release.ends, release.made_at)
    )
    return ReleaseOut(period=release.period, begins=begins, ends=ends, revision=release.revision, made_at=made_at)


def _count(count: int) -> int | None:
    return None if count == HIDDEN else count
