"""Vector tiles as OGC API Tiles describes them: the tile matrix set, and a tileset for each collection."""

from __future__ import annotations

from fastapi import FastAPI

from api.ogc.links import Place, link
from api.ogc.routing import JSON
from gridmap.errors import NotFound
from gridmap.features import Collection

QUAD = "WebMercatorQuad"
TILE_PATH = "/tiles/{revision}/{layer}/{z}/{x}/{y}.mvt"

_TILE_TYPE = "application/vnd.mapbox-vector-tile"
_SCHEME = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{QUAD}"
_WEB_MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"
# Of the standard "OGC Two Dimensional Tile Matrix Set", annex on WebMercatorQuad.
_HALF_M = 20037508.342789244
_SCALE_0 = 559082264.028717
_PIXEL_M_0 = 2 * _HALF_M / 256
_DEEPEST = 24


def are_served(app: FastAPI) -> bool:
    """Whether this application describes the route of the tiles; nothing is declared that is not there."""
    return TILE_PATH in app.openapi()["paths"]


def require_tiles(app: FastAPI, described: Collection | None = None) -> None:
    """NotFound where there are no tiles, or none of this collection."""
    if not are_served(app):
        raise NotFound("no tiles are served here")
    if described is not None and not described.tiled:
        raise NotFound(f"the collection {described.id} has no tiles")


def matrix_sets(place: Place) -> dict[str, object]:
    """The one tile matrix set."""
    address = f"{place.ogc}/tileMatrixSets/{QUAD}"
    one = {"id": QUAD, "title": QUAD, "uri": _SCHEME, "links": [link("self", address, JSON, QUAD)]}
    return {"links": place.self_links(False), "tileMatrixSets": [one]}


def matrix_set(name: str) -> dict[str, object]:
    """WebMercatorQuad; NotFound for any other."""
    if name != QUAD:
        raise NotFound(f"no tile matrix set {name!r}; there is {QUAD}")
    matrices = [
        {
            "id": str(zoom),
            "scaleDenominator": _SCALE_0 / 2**zoom,
            "cellSize": _PIXEL_M_0 / 2**zoom,
            "pointOfOrigin": [-_HALF_M, _HALF_M],
            "tileWidth": 256,
            "tileHeight": 256,
            "matrixWidth": 2**zoom,
            "matrixHeight": 2**zoom,
        }
        for zoom in range(_DEEPEST + 1)
    ]
    return {"id": QUAD, "title": QUAD, "uri": _SCHEME, "crs": _WEB_MERCATOR, "tileMatrices": matrices}


def tilesets(place: Place, described: Collection, revision: int) -> dict[str, object]:
    """The tilesets of a collection: one."""
    return {"links": place.self_links(False), "tilesets": [tileset(place, described, revision)]}


def tileset(place: Place, described: Collection, revision: int) -> dict[str, object]:
    """The tiles of one revision, which never change, and their TileJSON."""
    address = f"{place.ogc}/collections/{described.id}/tiles/{QUAD}"
    tiles = f"{place.root}/tiles/{revision}/{described.id}/{{tileMatrix}}/{{tileCol}}/{{tileRow}}.mvt"
    scheme = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
    return {
        "title": described.title,
        "dataType": "vector",
        "crs": _WEB_MERCATOR,
        "tileMatrixSetURI": _SCHEME,
        "revision": revision,
        "layers": [{"id": described.id, "dataType": "vector", "geometryDimension": 2}],
        "links": [
            link("self", address, JSON, "this tileset"),
            link(scheme, f"{place.ogc}/tileMatrixSets/{QUAD}", JSON, QUAD),
            link("item", tiles, _TILE_TYPE, "a tile", templated=True),
            link("describedby", f"{place.root}/tiles/{described.id}.json", JSON, "TileJSON"),
        ],
    }
