"""Heatmaps: counts by hex, cell or level, from memory, also while the database is gone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Depends, Query, Request, Response

from api import shape
from api.deps import ActorDep, CodeQuery, Moment, RevisionQuery, Service, ServiceDep, city_time
from api.errors import problem_responses
from api.released import released_heatmap
from api.schemas.heatmap import HeatmapOut
from gridmap.access import Action, may
from gridmap.crs import check_name
from gridmap.current import State
from gridmap.errors import InvalidInput, NotAllowed, NotFound, NotIdentified
from gridmap.heatmap import forms
from gridmap.heatmap.answer import Heatmap, count, data_version, may_count
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.picture import LARGEST_PIXELS, SMALLEST_PIXELS, USUAL_PIXELS, draw
from gridmap.heatmap.question import (
    FINEST_RESOLUTION,
    HEX,
    USUAL_RESOLUTION,
    Question,
    Window,
    parse_box,
    parse_hours,
    parse_weekdays,
)
from gridmap.model import PUBLIC, Actor, City

router = APIRouter(prefix="/v1", tags=["heatmap"])

Form = Literal["json", "geojson", "csv", "xlsx", "arrow", "png"]
MEDIA: dict[str, str] = {
    "json": "application/json",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "arrow": "application/vnd.apache.arrow.stream",
    "png": "image/png",
}
_MOST_CATEGORIES = 100

# Single look-ups must still find a core; what draws or writes workbooks waits for its own kind.
_quick = anyio.CapacityLimiter(2)
_slow = anyio.CapacityLimiter(1)
_AT_A_TIME = {"json": _quick, "csv": _quick, "arrow": _quick}

_CATEGORY = r"^[^\x00-\x1f\x7f/\s]{1,64}$"


class _Asked:
    """The parameters that say what is counted, as they came."""

    def __init__(
        self,
        of: Annotated[Literal["incidents", "elements"], Query(description="what is counted")],
        by: Annotated[str, Query(max_length=64, description="hex, cell, or the key of a level")] = HEX,
        resolution: Annotated[
            int | None, Query(ge=0, le=FINEST_RESOLUTION, description=f"of hexes; {USUAL_RESOLUTION} unless said")
        ] = None,
        class_: Annotated[
            Literal["person", "place", "object", "organization"] | None,
            Query(alias="class", description="of elements"),
        ] = None,
        category: Annotated[
            list[Annotated[str, Query(pattern=_CATEGORY)]],
            Query(max_length=_MOST_CATEGORIES, description="one or more categories"),
        ] = [],  # noqa: B006 - FastAPI copies it
        from_: Annotated[Moment | None, Query(alias="from", description="incidents from this time on")] = None,
        to: Annotated[Moment | None, Query(description="incidents before this time")] = None,
        hours: Annotated[
            str | None,
            Query(max_length=5, description="hours of the day in city time: 8-18 is 8:00 to before 18:00"),
        ] = None,
        weekdays: Annotated[
            str | None, Query(max_length=20, description="days in city time, 1 is Monday: 1-5 or 1,3,6-7")
        ] = None,
        bbox: Annotated[
            str | None, Query(max_length=200, description="points in west,south,east,north in WGS 84 degrees")
        ] = None,
        area: CodeQuery = None,
        measure: Annotated[
            Literal["count", "per_1000", "per_km2"], Query(description="a rate that is given beside the count")
        ] = "count",
        compare_from: Annotated[Moment | None, Query(description="an earlier window to compare with")] = None,
        compare_to: Annotated[Moment | None, Query(description="… and where it ends")] = None,
        zeros: Annotated[bool, Query(description="list cells or areas without any, too")] = False,
    ) -> None:
        self._given = (of, by, class_, category, hours, weekdays, bbox, area, measure, zeros)
        self._resolution = resolution
        self._window = (from_, to)
        self._earlier = (compare_from, compare_to)

    def question(self, city: City) -> Question:
        """The question; InvalidInput for what does not go together."""
        of, by, class_, category, hours, weekdays, bbox, area, measure, zeros = self._given
        resolution = USUAL_RESOLUTION if self._resolution is None and by == HEX else self._resolution
        earlier = None if self._earlier == (None, None) else _window(self._earlier, "compare_", city)
        return Question(
            of=of,
            by=by,
            resolution=resolution,
            class_=class_,
            categories=tuple(sorted(set(category))),
            window=_window(self._window, "", city),
            hours=frozenset() if hours is None else parse_hours(hours),
            weekdays=frozenset() if weekdays is None else parse_weekdays(weekdays),
            box=None if bbox is None else parse_box(bbox),
            area=area,
            measure=measure,
            earlier=earlier,
            zeros=zeros,
        )


_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Successful Response",
        "content": {media.partition(";")[0]: {} for name, media in MEDIA.items() if name != "json"},
    },
    304: {"description": "Nothing has changed since the ETag that was sent"},
    **problem_responses(401, 403, 404, 422, 503),
}


@router.get("/heatmap", response_model=HeatmapOut, responses=_DESCRIBED)
async def get_heatmap(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    asked: Annotated[_Asked, Depends()],
    revision: RevisionQuery = None,
    f: Annotated[Form, Query(description="the form of the answer")] = "json",
    crs: Annotated[
        str | None,
        Query(max_length=20, description="of shapes and pictures: wgs84, cgcs2000, gcj02, bd09, EPSG:<code>"),
    ] = None,
    width: Annotated[
        int, Query(ge=SMALLEST_PIXELS, le=LARGEST_PIXELS, description="of a picture, in pixels")
    ] = USUAL_PIXELS,
    lang: Annotated[Literal["zh", "en"], Query(description="language of a picture")] = "zh",
) -> Response:
    """Counts of incidents or elements, live for the staff of the area (without one: of the whole city).

    Counts of all rows and ``outside`` add up to ``total``, whatever they are grouped by. Who is not staff there
    sees releases only. At another ``revision`` today's points are counted in the cells of that one, for staff.
    """
    _refuse_repeated(request)
    state = service.state
    facts = state.countable
    city = facts.places.city
    name = None if crs is None else check_name(crs)
    question = asked.question(city)
    if revision is None or revision == facts.revision:
        live = may_count(facts, actor, question)
    else:
        facts = await anyio.to_thread.run_sync(
            _recounted, service, actor, facts, revision, question, limiter=_quick
        )
        live = True
    tag = _etag(request, facts, state, live=live)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}

    def answer() -> Response:
        if not live:
            return _for_strangers(service, question, actor, f)
        heatmap = count(facts, question)
        if f in ("csv", "xlsx", "arrow"):
            headers["Content-Disposition"] = f'attachment; filename="{forms.file_name(heatmap, city, f)}"'
        elif f == "png":
            headers["Content-Disposition"] = f'inline; filename="{forms.file_name(heatmap, city, f)}"'
        headers["GridMap-Revision"] = str(heatmap.revision)
        headers["GridMap-Data-Version"] = heatmap.data_version
        content = _WRITE[f](heatmap, facts, state, name, width, lang)
        return Response(content, media_type=MEDIA[f], headers=headers)

    if live and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return await anyio.to_thread.run_sync(answer, limiter=_AT_A_TIME.get(f, _slow))


def _recounted(service: Service, actor: Actor, facts: Facts, revision: int, question: Question) -> Facts:
    """The facts in the cells of another revision, for the staff of all that is asked for, then and today."""
    if not may(actor, Action.READ_COUNTS):
        raise NotFound(f"counts are kept at the current revision {facts.revision} only, not at {revision}")
    place = facts.places.city.code if question.area is None else question.area
    if not service.recounts.may_count(service.database, actor, facts, revision, place):
        raise NotAllowed(f"{place} at revision {revision} is, or lies today, outside your territories")
    return service.recounts.facts(service.database, actor, facts, revision)


_Write = Callable[[Heatmap, Facts, State, str | None, int, str], bytes]


def _json(heatmap: Heatmap, facts: Facts, state: State, crs: str | None, width: int, lang: str) -> bytes:
    degraded = shape.degraded(state)
    more = {"degraded": None if degraded is None else degraded.model_dump(mode="json")}
    return forms.to_json(heatmap, facts.places.city, more)


_WRITE: dict[str, _Write] = {
    "json": _json,
    "geojson": lambda heatmap, facts, state, crs, width, lang: forms.to_geojson(
        heatmap, facts.places, crs or "wgs84"
    ),
    "csv": lambda heatmap, facts, state, crs, width, lang: forms.to_csv(heatmap),
    "xlsx": lambda heatmap, facts, state, crs, width, lang: forms.to_xlsx(heatmap, facts.places.city),
    "arrow": lambda heatmap, facts, state, crs, width, lang: forms.to_arrow(heatmap, facts.places.city),
    "png": lambda heatmap, facts, state, crs, width, lang: draw(heatmap, facts.places, crs, width, lang),
}


def _refuse_repeated(request: Request) -> None:
    """Of a parameter that came twice one value would be dropped silently."""
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if times > 1 and name != "category":
            raise InvalidInput(name, request.query_params.getlist(name), "must be given once")


def _for_strangers(service: Service, question: Question, actor: Actor, f: Form) -> Response:
    """The rows that releases show: no live count leaves the staff of a territory."""
    try:
        if f != "json":
            raise NotAllowed("releases are given as f=json only")
        answered = released_heatmap(service, question)
    except NotAllowed as error:
        if actor.role != PUBLIC.role:
            raise
        raise NotIdentified(f"{error}; live counts need a key: send Authorization: Bearer …") from error
    headers = {
        "Cache-Control": "private, no-cache",
        "GridMap-Revision": str(answered.revision),
        "GridMap-Data-Version": answered.data_version,
    }
    return Response(answered.model_dump_json(by_alias=True), media_type=MEDIA["json"], headers=headers)


def _window(moments: tuple[datetime | None, datetime | None], prefix: str, city: City) -> Window:
    names = (f"{prefix}from", f"{prefix}to")
    begins, ends = (
        None if moment is None else _microseconds(city_time(name, moment, city))
        for name, moment in zip(names, moments, strict=True)
    )
    if begins is not None and ends is not None and begins >= ends:
        shown = tuple(moment.isoformat() for moment in moments if moment is not None)
        raise InvalidInput(", ".join(names), shown, f"{names[0]} must lie before {names[1]}")
    return Window(begins, ends)


def _microseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def _etag(request: Request, facts: Facts, state: State, *, live: bool) -> str:
    """The same for the same request of the same data at the same revision, and for those who see the same."""
    asked = (facts.revision, data_version(facts), state.gone_since, live, request.url.query)
    return f'"{hashlib.sha256(repr(asked).encode()).hexdigest()[:32]}"'
