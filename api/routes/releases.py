"""Releases: what everybody may see of counts of people and incidents. No key, and the same bytes for ever."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

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
from gridmap.model import PUBLIC, City
from gridmap.released import Question, Released, read_released
from gridmap.releases.periods import Month
from gridmap.releases.rows import BY_HEX
from gridmap.releases.suppression import HIDDEN
from gridmap.releases.tree import COARSEST_HEX, FINEST_HEX
from gridmap.store import releases as store
from gridmap.store.city import read_city

router = APIRouter(prefix="/v1/releases", tags=["releases"], responses=problem_responses(422, 503))

_MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
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
    by: Annotated[str, Query(pattern=r"^[a-z_]{1,40}$", description="a level of the city, cell, or hex")] = "cell",
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
