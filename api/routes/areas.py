"""The registry of the city and its areas."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from api import shape
from api.asked import PeriodQuery
from api.deps import (
    AtQuery,
    CodePath,
    CodeQuery,
    RevisionQuery,
    Service,
    ServiceDep,
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
from api.released import check_revision
from api.schemas.registry import (
    AreaDetail,
    AreasOut,
    BaseMapOut,
    CategoriesOut,
    CategoryOut,
    CityOut,
    CountedArea,
    CountedAreasOut,
    FeatureCollection,
    RegistryArea,
)
from gridmap.crs import check_name
from gridmap.errors import InvalidInput, NotFound
from gridmap.history import area_successors, revision_for
from gridmap.model import PUBLIC, City, Revision
from gridmap.released_places import LevelCounts, required
from gridmap.releases.periods import Month
from gridmap.store import registry
from gridmap.store.categories import read_categories
from gridmap.store.database import Connection
from gridmap.store.revisions import read_revision
from gridmap.store.whereabouts import read_chain

router = APIRouter(prefix="/v1", tags=["registry"], responses=problem_responses(404, 422, 503))

CountsQuery = Annotated[
    Literal["incidents", "person", "place", "object", "organization"] | None,
    Query(description="adds what a release counts of these"),
]


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


@router.get("/categories")
def get_categories(
    service: ServiceDep,
    of: Annotated[Literal["incident", "element"], Query(description="of what")] = "incident",
) -> CategoriesOut:
    """What categories the city has, with their names: what departments are asked for by, and counts are of."""
    with service.database.begin(PUBLIC) as connection:
        found = read_categories(connection, of)
    return CategoriesOut(
        categories=[
            CategoryOut(code=each.code, label=each.label, label_en=each.label_en, emergency=each.emergency)
            for each in found.values()
        ]
    )


@router.get("/areas", response_model=CountedAreasOut | AreasOut | FeatureCollection)
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
    counts: CountsQuery = None,
    period: PeriodQuery = None,
) -> CountedAreasOut | AreasOut | FeatureCollection:
    """Areas by code, of one level or below one parent, with their cells counted by kind.

    `counts` adds what the newest release, or that of `period`, counts in the areas of a level; they are then those
    of the grid that it was made on.
    """
    crs = check_name(crs)
    size = limit or (LARGEST_PAGE if f == "json" else FEATURES_PAGE)
    with service.database.begin(PUBLIC) as connection:
        city, grid = city_and_revision(connection, at, revision)
        counted = None
        if counts is not None or period is not None:
            counted = _counted(service, connection, city, level, counts, period)
            check_revision(
                None if at is None and revision is None else grid.number, counted.release.revision, "released"
            )
            grid = revision_for(connection, None, counted.release.revision)
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
    rows, following = page_of_codes(request, rows, size, grid, None if counted is None else counted.release.period)
    if counted is not None and counts is not None:
        return _with_counts(city, grid, crs, f, rows, following, counted, counts)
    if f == "json":
        areas = [RegistryArea.model_validate(_area(row)) for row in rows]
        return AreasOut(revision=grid.number, areas=areas, next=following)
    return collection(city, grid, crs, [(row.code, row.wkb, _area(row)) for row in rows], following)


def _counted(
    service: Service, connection: Connection, city: City, level: str | None, of: str | None, period: str | None
) -> LevelCounts:
    """What a release says of a level; InvalidInput without one, NotFound where there is no such release."""
    if level not in city.levels:
        raise InvalidInput("level", level, f"goes with counts, and must be one of {', '.join(city.levels)}")
    if of is None:
        raise InvalidInput("period", period, "goes with counts")
    if period is None:
        found = required(service.released_by.newest(connection, city, service.trees, level))
    else:
        found = service.released_by.month(connection, city, service.trees, level, Month.parse(period))
    if of not in found.least:
        raise NotFound(f"no {of} are counted in the release of {found.release.period}")
    return found


def _with_counts(
    city: City,
    grid: Revision,
    crs: str,
    f: str,
    rows: list[registry.AreaRow],
    following: str | None,
    counted: LevelCounts,
    of: str,
) -> CountedAreasOut | FeatureCollection:
    counts = [counted.counts[row.code][of] for row in rows]
    period, least = counted.release.period, counted.least[of]
    if f == "json":
        areas = [CountedArea(**_area(row), count=count) for row, count in zip(rows, counts, strict=True)]
        return CountedAreasOut(
            revision=grid.number, period=period, of=of, least=least, areas=areas, next=following
        )
    said = {"period": period, "of": of, "least": least}
    listed = [
        (row.code, row.wkb, {**_area(row), **said, "count": count})
        for row, count in zip(rows, counts, strict=True)
    ]
    return collection(city, grid, crs, listed, following)


@router.get("/areas/{code}", response_model=AreaDetail | FeatureCollection)
def get_area(
    service: ServiceDep,
    code: CodePath,
    at: AtQuery = None,
    revision: RevisionQuery = None,
    f: Form = "json",
    crs: Crs = "wgs84",
) -> AreaDetail | FeatureCollection:
    """One area, those above it, and its cells counted by kind.

    A retired code answers as it last was, with when it ended and what became of it by today.
    """
    crs = check_name(crs)
    with service.database.begin(PUBLIC) as connection:
        city, grid = city_and_revision(connection, at, revision)
        last = registry.last_of_area(connection, grid.number, code)
        valid_in = grid if last is None else read_revision(connection, last)
        chain = read_chain(connection, valid_in, code)
        (row,) = registry.read_areas(
            connection, valid_in.number, city.lowest_level, code=code, shapes=f == "geojson"
        )
        ended = None if last is None else read_revision(connection, last + 1).valid_from
        heirs = [] if last is None else area_successors(connection, code, last, grid.number)
    properties = {
        **_area(row),
        "revision": grid.number,
        "status": "current" if last is None else "retired",
        "last_revision": last,
        "ended_at": ended,
        "successors": [dataclasses.asdict(each) for each in heirs],
        "areas": [area.model_dump() for area in shape.areas(chain[1:])],
    }
    if f == "geojson":
        return collection(city, grid, crs, [(row.code, row.wkb, properties)], None)
    return AreaDetail.model_validate(properties)


def _area(row: registry.AreaRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("code", "level", "name", "parent", "cells", "kinds")}
