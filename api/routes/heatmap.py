"""Heatmaps: counts by hex, cell or level, from memory; live ones once the database has said who may see them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Depends, Query, Request, Response

from api import shape
from api.asked import Asked, on_the_loop, refuse_period, refuse_repeated
from api.deps import ActorDep, RevisionQuery, Service, ServiceDep
from api.errors import problem_responses
from api.released import check_revision, refusing, released_heatmap
from api.schemas.heatmap import HeatmapOut
from gridmap.crs import check_name
from gridmap.current import State
from gridmap.heatmap import forms
from gridmap.heatmap.answer import Heatmap, count, data_version
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.picture import LARGEST_PIXELS, SMALLEST_PIXELS, USUAL_PIXELS, draw
from gridmap.heatmap.places import Places
from gridmap.heatmap.question import Question
from gridmap.live import live_facts, live_facts_at
from gridmap.model import Actor

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

# Single look-ups must still find a core; what draws or writes workbooks waits for its own kind.
_quick = anyio.CapacityLimiter(2)
_slow = anyio.CapacityLimiter(1)
_AT_A_TIME = {"json": _quick, "csv": _quick, "arrow": _quick}


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
    asked: Annotated[Asked, Depends(on_the_loop(Asked))],
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
    refuse_repeated(request)
    state = service.state
    facts = state.countable
    city = facts.places.city
    name = None if crs is None else check_name(crs)
    question = asked.question(city)
    told = partial(_told, service, actor, facts, revision, question)
    found = await anyio.to_thread.run_sync(told, limiter=_quick)
    live, facts = found is not None, found or facts
    if live:
        refuse_period(asked, question)
    tag = _etag(request, facts, state)
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if live:
        headers["ETag"] = tag

    def answer() -> Response:
        if live:
            heatmap, places = count(facts, question), facts.places
        else:
            with refusing(actor):
                heatmap, places = released_heatmap(service, asked, question)
            check_revision(revision, heatmap.revision, "released")
        if f not in ("json", "geojson"):
            kind = "inline" if f == "png" else "attachment"
            headers["Content-Disposition"] = f'{kind}; filename="{forms.file_name(heatmap, city, f)}"'
        headers["GridMap-Revision"] = str(heatmap.revision)
        headers["GridMap-Data-Version"] = heatmap.data_version
        content = _WRITE[f](heatmap, places, state, name, width, lang)
        return Response(content, media_type=MEDIA[f], headers=headers)

    if live and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return await anyio.to_thread.run_sync(answer, limiter=_AT_A_TIME.get(f, _slow))


def _told(service: Service, actor: Actor, facts: Facts, revision: int | None, question: Question) -> Facts | None:
    """The facts that may be counted; None for who is not staff of all that is asked for."""
    if revision is None or revision == facts.revision:
        return live_facts(service.database, actor, facts, question)
    return live_facts_at(service.database, actor, service.recounts, facts, revision, question)


_Write = Callable[[Heatmap, Places, State, str | None, int, str], bytes]


def _json(heatmap: Heatmap, places: Places, state: State, crs: str | None, width: int, lang: str) -> bytes:
    degraded = shape.degraded(state)
    more = {"degraded": None if degraded is None else degraded.model_dump(mode="json")}
    return forms.to_json(heatmap, places.city, more)


_WRITE: dict[str, _Write] = {
    "json": _json,
    "geojson": lambda heatmap, places, state, crs, width, lang: forms.to_geojson(heatmap, places, crs or "wgs84"),
    "csv": lambda heatmap, places, state, crs, width, lang: forms.to_csv(heatmap),
    "xlsx": lambda heatmap, places, state, crs, width, lang: forms.to_xlsx(heatmap, places.city),
    "arrow": lambda heatmap, places, state, crs, width, lang: forms.to_arrow(heatmap, places.city),
    "png": lambda heatmap, places, state, crs, width, lang: draw(heatmap, places, crs, width, lang),
}


def _etag(request: Request, facts: Facts, state: State) -> str:
    """The same for the same request of the same data at the same revision."""
    asked = (facts.revision, data_version(facts), state.gone_since, request.url.query)
    return f'"{hashlib.sha256(repr(asked).encode()).hexdigest()[:32]}"'
