"""Vector tiles of the geometry layers, of a revision or of the current one, and the TileJSON that names them."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Request, Response

from api.asked import TileCrsQuery
from api.deps import LARGEST_REVISION, ServiceDep, TilesDep
from api.errors import problem_responses
from api.schemas.tiles import TileJSON
from api.tiles import (
    CORS,
    CURRENT,
    FAILED,
    LONGEST_VERSION,
    MEDIA_TYPE,
    PINNED,
    REVISION_HEADER,
    SHORTLY,
    answer,
    lasts_forever,
    unchanged,
)
from gridmap.current import State
from gridmap.errors import Unavailable
from tiles.address import Address
from tiles.baked import mark_of
from tiles.encode import chosen
from tiles.layers import layer_of
from tiles.serving import TileServer, Wanted
from tiles.tilejson import bounds_in, tilejson

router = APIRouter(tags=["tiles"], responses=problem_responses(404, 422, 503))

# Zooms, columns and rows up to here are numbers of tiles that might be; those that there are not are 404.
_HIGHEST_ZOOM = 30
_HIGHEST_PLACE = 2**_HIGHEST_ZOOM - 1

LayerPath = Annotated[
    str, Path(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="cells, a level of area, labels, overlays or lines")
]
RevisionPath = Annotated[int, Path(ge=1, le=LARGEST_REVISION, description="a published revision")]
Zoom = Annotated[int, Path(ge=0, le=_HIGHEST_ZOOM)]
Place = Annotated[int, Path(ge=0, le=_HIGHEST_PLACE, description="column from the west, row from the north")]
Accepted = Annotated[str, Header(alias="Accept-Encoding", include_in_schema=False)]
IfNoneMatch = Annotated[str | None, Header(include_in_schema=False)]
Version = Annotated[
    str | None,
    Query(alias="v", max_length=LONGEST_VERSION, description="TileJSON's, of layers that no revision pins"),
]

_TILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A Mapbox Vector Tile", "content": {MEDIA_TYPE: {}}},
    204: {"description": "Nothing is drawn in this tile"},
    304: {"description": "It is still the tile of If-None-Match"},
}


@router.get(PINNED, response_class=Response, responses=_TILE_RESPONSES)
@router.head(PINNED, include_in_schema=False)
async def get_pinned_tile(
    request: Request,
    service: ServiceDep,
    tiles: TilesDep,
    revision: RevisionPath,
    layer: LayerPath,
    z: Zoom,
    x: Place,
    y: Place,
    v: Version = None,
    crs: TileCrsQuery = "wgs84",
    accept_encoding: Accepted = "",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A tile of a revision. It never changes; overlays and lines do, unless TileJSON's `v` is named.

    In gcj02 and bd09 every vertex is where that system has it, in the tile grid of Web Mercator.
    """
    wanted = tiles.wanted(service.state.ready, layer, revision, Address(z, x, y), crs)
    return await _tile(request, service.state, tiles, wanted, v, accept_encoding, if_none_match)


@router.get(CURRENT, response_class=Response, responses=_TILE_RESPONSES)
@router.head(CURRENT, include_in_schema=False)
async def get_current_tile(
    request: Request,
    service: ServiceDep,
    tiles: TilesDep,
    layer: LayerPath,
    z: Zoom,
    x: Place,
    y: Place,
    crs: TileCrsQuery = "wgs84",
    accept_encoding: Accepted = "",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A tile of the current revision, which the header GridMap-Revision names; ask again with its ETag."""
    wanted = tiles.wanted(service.state.ready, layer, None, Address(z, x, y), crs)
    if service.state.gone_since is not None:
        raise Unavailable(
            "which revision is current is not known while PostGIS does not answer; "
            f"kept: /tiles/{wanted.revision}/…"
        )
    return await _tile(request, service.state, tiles, wanted, None, accept_encoding, if_none_match, pinned=False)


async def _tile(
    request: Request,
    state: State,
    tiles: TileServer,
    wanted: Wanted,
    version: str | None,
    accepted: str,
    if_none_match: str | None,
    *,
    pinned: bool = True,
) -> Response:
    if FAILED in request.scope:
        raise request.scope[FAILED]
    encoding = chosen(accepted)
    tile = await tiles.tile(state, wanted, encoding)
    body = tile.body(encoding)
    forever = lasts_forever(wanted, pinned, version)
    answered = answer(wanted, tile, encoding, len(body), forever=forever)
    answered = unchanged(answered, if_none_match) or answered
    whole = request.method == "GET" and answered.status == 200
    return Response(body if whole else None, answered.status, answered.headers)


@router.get("/tiles/{revision}/{layer}.json", response_model=TileJSON)
@router.head("/tiles/{revision}/{layer}.json", include_in_schema=False)
async def get_pinned_tilejson(
    request: Request,
    service: ServiceDep,
    revision: RevisionPath,
    layer: LayerPath,
    crs: TileCrsQuery = "wgs84",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """TileJSON 3.0 of a layer at a revision."""
    return _tilejson(request, service.settings.public_url, service.state, layer, revision, crs, if_none_match)


@router.get("/tiles/{layer}.json", response_model=TileJSON)
@router.head("/tiles/{layer}.json", include_in_schema=False)
async def get_tilejson(
    request: Request,
    service: ServiceDep,
    layer: LayerPath,
    crs: TileCrsQuery = "wgs84",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """TileJSON 3.0 of a layer. It names the tiles of the revision that is current now: no map mixes two."""
    return _tilejson(request, service.settings.public_url, service.state, layer, None, crs, if_none_match)


def _tilejson(
    request: Request,
    public_url: str,
    state: State,
    name: str,
    revision: int | None,
    crs: str,
    if_none_match: str | None,
) -> Response:
    snapshot = state.ready
    layer = layer_of(snapshot.city, name)
    number = snapshot.grid.revision.number if revision is None else revision
    snapshot.grid.redraws.mark_of(number)  # NotFound
    base = public_url or str(request.base_url).rstrip("/")
    url = f"{base}/tiles/{number}/{layer.name}/{{z}}/{{x}}/{{y}}.mvt"
    query = {} if layer.part is None else {"v": mark_of(layer, number, snapshot.grid.redraws, snapshot.versions)}
    query |= {} if crs == "wgs84" else {"crs": crs}
    url += f"?{urlencode(query)}" if query else ""
    bounds = bounds_in(crs, snapshot.grid.index.bounds)
    document = tilejson(snapshot.city, layer, number, bounds, url, crs)
    if revision is None and state.gone_since is not None:
        document["data_as_of"] = snapshot.taken_at.isoformat()  # there may be a newer one
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"Cache-Control": SHORTLY, "ETag": tag, REVISION_HEADER: str(number), "Vary": "Host", **CORS}
    if if_none_match is not None and tag in [each.strip().removeprefix("W/") for each in if_none_match.split(",")]:
        return Response(None, 304, headers)
    return Response(body, 200, headers, media_type="application/json")
