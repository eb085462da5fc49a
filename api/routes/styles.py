"""MapLibre styles: each names the pinned tiles of one revision."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from api.asked import Asked, ClassQuery, Filter, FromQuery, PeriodQuery, ToQuery
from api.deps import CODE_PATTERN, ActorDep, AtQuery, CodeQuery, RevisionQuery, ServiceDep, city_time
from api.errors import problem_responses
from api.released import check_revision
from api.style_counts import style_counts
from api.tiles import REVISION_HEADER
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import InvalidInput, NotFound
from gridmap.history import revision_for
from gridmap.model import PUBLIC, City
from tiles.baked import mark_of
from tiles.layers import layers_of
from tiles.style import COUNTED, Counts, Ground, make_style

router = APIRouter(tags=["maps"], responses=problem_responses(401, 403, 404, 422, 503))

_TEXT = Query(max_length=64, pattern=CODE_PATTERN)
Text = Annotated[str | None, _TEXT]
LanguageQuery = Annotated[Literal["zh", "en"], Query(description="of names, legend and notice")]
CrsQuery = Annotated[
    Literal["wgs84", "gcj02", "bd09"] | None,
    Query(description="what the tiles come in; else what lies right on the city's base map"),
]
BreaksQuery = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^[0-9.,eE+-]*$", description="where a new colour begins: 1,5,20"),
]
BaseMapQuery = Annotated[
    Literal["plain", "redrawn", "no"],
    Query(description="the city's base map: where any MapLibre can draw it; by /embed's own protocols; or not"),
]
_MOST_BREAKS = 12


@router.get("/styles/{name}.json", response_class=Response, responses={200: {"content": {"application/json": {}}}})
def get_style(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    name: Annotated[Literal["light", "dark", "choropleth", "heat"], Path(description="which style")],
    language: LanguageQuery = "zh",
    theme: Annotated[Literal["light", "dark"], Query(description="of choropleth and heat")] = "light",
    crs: CrsQuery = None,
    base_map: BaseMapQuery = "plain",
    at: AtQuery = None,
    revision: RevisionQuery = None,
    of: Annotated[Literal["incidents", "elements"], Query(description="counts of what")] = "incidents",
    by: Annotated[str, Query(max_length=64, pattern=CODE_PATTERN, description="cell, hex or a level")] = "cell",
    resolution: Annotated[int | None, Query(ge=0, le=11, description="of hexes")] = None,
    measure: Annotated[
        Literal["count", "per_1000", "per_km2"], Query(description="which number is coloured")
    ] = "count",
    class_: ClassQuery = None,
    category: Text = None,
    area: CodeQuery = None,
    from_: FromQuery = None,
    to: ToQuery = None,
    period: PeriodQuery = None,
    breaks: BreaksQuery = None,
) -> Response:
    """A MapLibre style (version 8) of the current grid, of `revision` or of the one valid `at` a time.

    All of its sources are of that one revision. There are no glyphs and no sprites in it: MapLibre GL JS draws
    letters from the fonts of the machine. `choropleth` and `heat` colour the counts of `/v1/heatmap`, by that
    route's parameters: live ones for the staff of `area`, for everybody else those of releases, on the grid that
    these were made on. `metadata` holds revision, legend, what the counts are, and notice.
    """
    state = service.state
    snapshot = state.ready
    if by not in ("cell", "hex", *snapshot.city.levels):
        raise InvalidInput("by", by, f"must be cell, hex or one of {', '.join(snapshot.city.levels)}")
    given = {
        "of": of,
        "by": by,
        "resolution": resolution,
        "measure": None if measure == "count" else measure,
        "class": class_,
        "category": category,
        "area": area,
        "from": request.query_params.get("from"),
        "to": request.query_params.get("to"),
        "period": period,
    }
    query = {key: str(value) for key, value in given.items() if value is not None}
    city = snapshot.city
    counts, live, number = Counts({}, _breaks(breaks)), False, _revision(service, snapshot, at, revision)
    if name in COUNTED:
        chosen = Filter(class_, [category] if category else [], from_, to, period, area=area)
        asked = Asked(of, chosen, "hex" if name == "heat" else by, resolution, measure=measure)
        shown = style_counts(service, actor, asked, query, counts.breaks)
        counts, live = shown.counts, shown.live
        if shown.revision is not None:
            pinned = None if revision is None and at is None else number
            check_revision(pinned, shown.revision, "live" if live else "released")
            number = shown.revision
    ground = Ground(
        city=city,
        revision=number,
        base=service.settings.public_url or str(request.base_url).rstrip("/"),
        bounds=snapshot.grid.index.bounds,
        language=language,
        crs=_crs(crs, city, base_map),
        base_map=base_map,
        marks=_marks(snapshot, number),
        data_as_of=None if state.gone_since is None else snapshot.taken_at,
    )
    style = make_style(name, ground, counts, dark=theme == "dark")
    return _answer(request, style, ground.revision, by_key=name in COUNTED, private=live)


def _revision(service: ServiceDep, snapshot: Snapshot, at: datetime | None, revision: int | None) -> int:
    """The number asked for, else the one valid at a time, else the current one; NotFound if there is none.

    Revisions are numbered without gaps, so that only a time needs the database.
    """
    current = snapshot.grid.revision.number
    if revision is not None:
        if revision > current:
            raise NotFound(f"no revision {revision}; the current one is {current}")
        return revision
    if at is None:
        return current
    with service.database.begin(PUBLIC) as connection:
        return revision_for(connection, city_time("at", at, snapshot.city), None).number


def _crs(asked: str | None, city: City, base_map: str) -> str:
    """The crs asked for, else that in which tiles lie right on the city's base map as it is."""
    if asked is not None:
        return asked
    return "wgs84" if city.base_map is None or base_map != "plain" else city.base_map.tile_crs


def _marks(snapshot: Snapshot, revision: int) -> dict[str, str]:
    redraws, versions = snapshot.grid.redraws, snapshot.versions
    layers = layers_of(snapshot.city).values()
    return {layer.name: mark_of(layer, revision, redraws, versions) for layer in layers if layer.part is not None}


def _breaks(text: str | None) -> tuple[float, ...]:
    if not text:
        return ()
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput("breaks", text, "must be numbers with commas between them") from None
    if len(values) > _MOST_BREAKS:
        raise InvalidInput("breaks", text, f"must be {_MOST_BREAKS} numbers at most")
    return values


def _answer(request: Request, style: dict[str, Any], revision: int, *, by_key: bool, private: bool) -> Response:
    """The style with an ETag, or 304. It must be asked for anew each time: the revision may have changed."""
    body = json.dumps(style, ensure_ascii=False, separators=(",", ":")).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", REVISION_HEADER: str(revision), "Vary": "Host"}
    if by_key:
        headers["Vary"] = "Host, Authorization"
    if private:
        headers["Cache-Control"] = "private, no-cache"
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
