"""Vector tiles of counts: released ones for everybody, live ones under other names for the staff."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from api.asked import on_the_loop, refuse_repeated
from api.count_tiles import (
    TileAsked,
    Told,
    live_facts,
    live_plot,
    pinned,
    released_plot,
    told_of,
    told_of_releases,
)
from api.deps import ActorDep, Service, ServiceDep
from api.errors import problem_responses
from api.schemas.tiles import CountTileJSON
from api.tiles import CORS, FOREVER, MEDIA_TYPE, REVISION_HEADER, SHORTLY
from gridmap.access import Action, may
from gridmap.coverage.bands import HIGHEST_ZOOM
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import InvalidInput, NotFound
from gridmap.heatmap.question import Question
from gridmap.model import PUBLIC, Actor, City
from tiles.address import Address
from tiles.counts import COUNT_LAYERS, SINGLES_FROM, CountLayer, count_fields, draw, draw_singles
from tiles.encode import Tile, chosen, encoded
from tiles.tilejson import VERSION, attribution, bounds_in

router = APIRouter(tags=["tiles"], responses=problem_responses(401, 403, 404, 422, 503))

VERSION_HEADER = "GridMap-Data-Version"
_PRIVATE = {"Cache-Control": "private, no-cache"}
_HIGHEST_ZOOM = 30
_HIGHEST_PLACE = 2**_HIGHEST_ZOOM - 1
Zoom = Annotated[int, Path(ge=0, le=_HIGHEST_ZOOM)]
Place = Annotated[int, Path(ge=0, le=_HIGHEST_PLACE, description="column from the west, row from the north")]
Version = Annotated[str | None, Query(alias="v", max_length=64, description="TileJSON's data version")]
Accepted = Annotated[str, Header(alias="Accept-Encoding", include_in_schema=False)]
IfNoneMatch = Annotated[str | None, Header(include_in_schema=False)]
AskedDep = Annotated[TileAsked, Depends(on_the_loop(TileAsked))]

_TILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A Mapbox Vector Tile", "content": {MEDIA_TYPE: {}}},
    204: {"description": "Nothing is drawn in this tile"},
    304: {"description": "It is still the tile of If-None-Match"},
}
# Cold tiles wait for PostGIS; they never take more of the pool's connections than this.
_at_a_time = anyio.CapacityLimiter(4)


def _add(layer: CountLayer) -> None:
    """The routes of one layer."""
    _add_tiles(layer)
    _add_tilejson(layer)


def _add_tiles(layer: CountLayer) -> None:
    @router.get(
        f"/tiles/{layer.name}/{{z}}/{{x}}/{{y}}.mvt",
        response_class=Response,
        responses=_TILE_RESPONSES,
        summary=f"A tile of {layer.name}",
        description=_described(layer),
    )
    async def get_tile(
        request: Request,
        service: ServiceDep,
        actor: ActorDep,
        asked: AskedDep,
        z: Zoom,
        x: Place,
        y: Place,
        v: Version = None,
        accept_encoding: Accepted = "",
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        refuse_repeated(request)
        address = Address(z, x, y)
        if not address.exists:
            raise NotFound(f"zoom {z} has columns and rows up to {(1 << z) - 1}")
        make = _live_tile if layer.live else _released_tile
        encoding = chosen(accept_encoding)

        key = None if layer.live or v is None else (request.url.path, request.url.query, encoding)

        def drawn() -> tuple[Tile, Told]:
            content, told = make(service, actor, layer, asked, address)
            tile = encoded(content, encoding)
            if key is not None and v == told.mark:  # which names the releases: what they say never changes
                service.kept_counts.keep(key, tile, told)
            return tile, told

        kept = None if key is None else service.kept_counts.find(key)
        if kept is not None:
            tile, told = kept
        else:
            tile, told = await anyio.to_thread.run_sync(drawn, limiter=_at_a_time)
        headers = {**_headers(layer, told, v), "ETag": f'W/"{tile.tag}"'}
        headers["Vary"] = f"Accept-Encoding{', Authorization' if layer.live else ''}"
        if _known(if_none_match, tile.tag):
            return Response(None, 304, headers)
        if tile.empty:
            return Response(None, 204, headers)
        if encoding != "identity":
            headers["Content-Encoding"] = encoding
        return Response(tile.body(encoding), 200, headers, MEDIA_TYPE)


def _live_tile(
    service: Service, actor: Actor, layer: CountLayer, asked: TileAsked, address: Address
) -> tuple[bytes, Told]:
    facts = live_facts(service, actor, layer, asked)
    singles = layer.kind == "incidents" and asked.resolution is None and address.z >= SINGLES_FROM
    singles = singles and may(actor, Action.READ_INCIDENTS)  # others go on with counts by hex
    question = _grouped(layer, asked, facts.places.city, address.z)
    plot = None if singles else live_plot(service, facts, question)
    doing = Action.READ_INCIDENTS if singles else Action.READ_COUNTS
    with service.database.begin(actor, doing, one_state=asked.crs != "wgs84") as connection:
        if plot is None:
            return draw_singles(connection, facts, question, layer, address, asked.crs), told_of(facts)
        return draw(connection, plot, layer, address, asked.crs), told_of(facts)


def _released_tile(
    service: Service, actor: Actor, layer: CountLayer, asked: TileAsked, address: Address
) -> tuple[bytes, Told]:
    question = _grouped(layer, asked, service.state.ready.city, address.z)
    told = told_of_releases(service, actor, asked)
    plot = released_plot(service, actor, asked, told, question)
    with service.database.begin(PUBLIC, one_state=asked.crs != "wgs84") as connection:
        return draw(connection, plot, layer, address, asked.crs), told


def _grouped(layer: CountLayer, asked: TileAsked, city: City, z: int) -> Question:
    """The question of a tile; InvalidInput for what the layer does not show, NotFound beyond its zooms."""
    _check_subject(layer, asked.question(city))
    return asked.grouped(city, *layer.grouping(city, z, asked.by, asked.resolution))


def _check_subject(layer: CountLayer, question: Question) -> None:
    if layer.kind == "incidents" and question.of != "incidents":
        raise InvalidInput("of", question.of, f"{layer.name} shows incidents; others are in hexes and counts")


def _headers(layer: CountLayer, told: Told, version: str | None) -> dict[str, str]:
    cache = FOREVER if version == told.mark else SHORTLY
    headers = {"Cache-Control": cache, REVISION_HEADER: str(told.revision), VERSION_HEADER: told.data_version}
    return {**CORS, **headers, **(_PRIVATE if layer.live else {}), "X-Content-Type-Options": "nosniff"}


def _known(if_none_match: str | None, tag: str) -> bool:
    if if_none_match is None:
        return False
    tags = [each.strip().removeprefix("W/").strip('"') for each in if_none_match.split(",")]
    return tag in tags or "*" in tags


def _add_tilejson(layer: CountLayer) -> None:
    @router.get(
        f"/tiles/{layer.name}.json",
        response_model=CountTileJSON,
        summary=f"TileJSON of {layer.name}",
        description=f"TileJSON 3.0 of counts; it names tiles of one data version. {_described(layer)}",
    )
    def get_tilejson(
        request: Request,
        service: ServiceDep,
        actor: ActorDep,
        asked: AskedDep,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        refuse_repeated(request)
        snapshot = service.state.ready
        layer.check(snapshot.city, asked.by, asked.resolution)
        _check_subject(layer, asked.question(snapshot.city))
        if layer.live:
            told = told_of(live_facts(service, actor, layer, asked))
        else:
            told = told_of_releases(service, actor, asked)
        base = service.settings.public_url or str(request.base_url).rstrip("/")
        url = f"{base}/tiles/{layer.name}/{{z}}/{{x}}/{{y}}.mvt?{pinned(request, told)}"
        document = _tilejson(layer, asked, told, snapshot, url)
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        tag = hashlib.sha256(body).hexdigest()[:16]
        headers = {**_headers(layer, told, None), "ETag": f'"{tag}"'}
        headers["Vary"] = "Host, Authorization" if layer.live else "Host"
        if _known(if_none_match, tag):
            return Response(None, 304, headers)
        return Response(body, 200, headers, "application/json")


def _tilejson(layer: CountLayer, asked: TileAsked, told: Told, snapshot: Snapshot, url: str) -> dict[str, Any]:
    city, question = snapshot.city, asked.question(snapshot.city)
    lowest = layer.lowest_zoom(city, asked.by)
    west, south, east, north = bounds_in(asked.crs, snapshot.grid.index.bounds)
    return {
        "tilejson": VERSION,
        "name": f"{city.name} {layer.name}",
        "description": layer.description,
        "version": f"{told.revision}.0.0",
        "scheme": "xyz",
        "tiles": [url],
        "minzoom": lowest,
        "maxzoom": HIGHEST_ZOOM,
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2, max(lowest, 10)],
        "attribution": attribution(city),
        "vector_layers": count_fields(layer, lowest),
        "revision": told.revision,
        "crs": asked.crs,
        "notice": dict(city.notice),
        "data_version": told.data_version,
        "of": question.of,
        "class": question.class_,
        "category": list(question.categories),
        "released": None if layer.live else [release.period for release in told.releases],
        "least": None if layer.live else told.least,
    }


def _described(layer: CountLayer) -> str:
    if not layer.live:
        return f"{layer.description} For everybody; with TileJSON's `v` a tile never changes."
    return f"{layer.description} With `area` of that area, else of the whole city. Never kept by anybody."


for each in COUNT_LAYERS.values():
    _add(each)
