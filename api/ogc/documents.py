"""The documents that describe the service: landing page, conformance, collections, queryables."""

from __future__ import annotations

from collections.abc import Iterable

from api.ogc.links import Link, Place, link
from api.ogc.routing import GEOJSON, HTML, JSON, OPENAPI_JSON, SCHEMA_JSON
from api.ogc.systems import CRS84, systems_of
from gridmap.coverage.snapshot import Snapshot
from gridmap.features import Collection, Kind, Property, Timing

_FEATURES = "http://www.opengis.net/spec/ogcapi-features-"
_COMMON = "http://www.opengis.net/spec/ogcapi-common-"
_TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"

# Only what tests show: tests/api/test_ogc_*.py name the class that they are about.
CONFORMANCE = (
    *(f"{_COMMON}1/1.0/conf/{name}" for name in ("core", "json", "html")),
    f"{_COMMON}2/1.0/conf/collections",
    *(f"{_FEATURES}1/1.0/conf/{name}" for name in ("core", "geojson", "html", "oas30")),
    f"{_FEATURES}2/1.0/conf/crs",
    *(
        f"{_FEATURES}3/1.0/conf/{name}"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *(
        f"{_CQL2}{name}"
        for name in (
            "cql2-text",
            "basic-cql2",
            "advanced-comparison-operators",
            "case-insensitive-comparison",
            "basic-spatial-functions",
            "basic-spatial-functions-plus",
            # not "spatial-functions": but for two, the predicates take no collection of geometries
            "array-functions",
            "property-property",
        )
    ),
)
# Declared only where the tile routes are there.
TILES_CONFORMANCE = tuple(f"{_TILES}{name}" for name in ("core", "tileset", "tilesets-list", "mvt"))

_TYPES: dict[Kind, dict[str, object]] = {
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.MOMENT: {"type": "string", "format": "date-time"},
    Kind.TEXTS: {"type": "array", "items": {"type": "string"}},
}


def landing(place: Place, snapshot: Snapshot, tiles: bool) -> dict[str, object]:
    """Where everything begins."""
    ogc = place.ogc
    links = [
        *place.self_links(False),
        link("service-desc", f"{ogc}/api?f=json", OPENAPI_JSON, "the API's description, OpenAPI 3.0"),
        link("service-doc", f"{ogc}/api?f=html", HTML, "the API's description as a page"),
        link("conformance", f"{ogc}/conformance", JSON, "what this service conforms to"),
        link("data", f"{ogc}/collections", JSON, "the collections"),
    ]
    if tiles:
        schemes = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"
        links.append(link(schemes, f"{ogc}/tileMatrixSets", JSON, "the tile matrix sets"))
    return {
        "title": f"GridMap · {snapshot.city.name}",
        "description": "Cells nested in a city's areas, of any revision.",
        "attribution": snapshot.city.attribution,
        "notice": dict(snapshot.city.notice),
        "links": links,
    }


def conformance(tiles: bool) -> dict[str, object]:
    """The conformance classes that tests show."""
    return {"conformsTo": [*CONFORMANCE, *(TILES_CONFORMANCE if tiles else ())]}


def collections(place: Place, snapshot: Snapshot, found: Iterable[Collection], tiles: bool) -> dict[str, object]:
    """The collections that the actor may see."""
    described = [collection(place, snapshot, each, tiles) for each in found]
    return {
        "links": place.self_links(False),
        "crs": list(systems_of(snapshot.city)),
        "attribution": snapshot.city.attribution,
        "notice": dict(snapshot.city.notice),
        "collections": described,
    }


def collection(
    place: Place, snapshot: Snapshot, described: Collection, tiles: bool, own: Iterable[Link] = ()
) -> dict[str, object]:
    """One collection; ``own`` are links to its document in other forms."""
    address = f"{place.ogc}/collections/{described.id}"
    queryables_rel = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
    links = [
        *(own or [link("self", address, JSON, "this collection")]),
        link("items", f"{address}/items?f=json", GEOJSON, "its features"),
        link("items", f"{address}/items?f=html", HTML, "its features as a page"),
        link(queryables_rel, f"{address}/queryables", SCHEMA_JSON, "what can be asked for"),
    ]
    if tiles and described.tiled:
        rel = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
        links.append(link(rel, f"{address}/tiles", JSON, "its vector tiles"))
    return {
        "id": described.id,
        "title": described.title,
        "description": described.description,
        "attribution": snapshot.city.attribution,
        "itemType": "feature",
        "extent": _extent(snapshot, described),
        "crs": list(systems_of(snapshot.city)),
        "storageCrs": CRS84,
        "links": links,
    }


def _extent(snapshot: Snapshot, described: Collection) -> dict[str, object]:
    extent: dict[str, object] = {"spatial": {"bbox": [list(snapshot.grid.index.bounds)], "crs": CRS84}}
    if described.timing in (Timing.REVISIONS, Timing.RELEASED):
        extent["temporal"] = {
            "interval": [[None, None]],
            "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
        }
    return extent


def queryables(place: Place, described: Collection) -> dict[str, object]:
    """The properties that filters may name, as a JSON schema."""
    geometry = "geometry-point" if described.points else "geometry-any"
    properties: dict[str, object] = {each.name: _schema(each) for each in described.properties}
    properties["geometry"] = {"title": "where it is", "format": geometry, "x-ogc-role": "primary-geometry"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": place.here,
        "type": "object",
        "title": described.title,
        "properties": properties,
        "additionalProperties": False,
    }


def _schema(described: Property) -> dict[str, object]:
    schema = {"title": described.title, **_TYPES[described.kind]}
    return {**schema, "enum": list(described.choices)} if described.choices else schema
