"""The description of the OGC routes as OpenAPI 3.0, each collection by its name.

The service's own ``/openapi.json`` describes all routes in OpenAPI 3.1; OGC API asks for 3.0.
"""

from __future__ import annotations

from collections.abc import Iterable

from api.ogc.parameters import LARGEST_PAGE, USUAL_PAGE
from api.ogc.routing import GEOJSON, HTML, JSON, OPENAPI_JSON, SCHEMA_JSON
from api.ogc.systems import CRS84, systems_of
from gridmap import __version__
from gridmap.cql import LONGEST
from gridmap.features import Collection, Kind, Timing
from gridmap.model import City

_Object = dict[str, object]

_TIMES = {
    Timing.REVISIONS: "A time: the grid of the revision valid then. An interval: every feature that was valid in "
    "it, as it last was in it. Left out: the current revision. Before revision 1: 404.",
    Timing.VALID: "What was valid at a time, or at some time of an interval. Left out: now.",
    Timing.RELEASED: "A month such as 2026-10, or a time in it; an interval of months or times: every release of "
    "them. Left out: the newest release.",
    Timing.HAPPENED: "What happened then, or in an interval; both ends are included.",
}
_SCHEMAS: dict[Kind, _Object] = {
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.MOMENT: {"type": "string", "format": "date-time"},
    Kind.TEXTS: {"type": "string"},
}
_PROBLEMS = {
    "400": "A parameter is wrong; the detail names it.",
    "401": "A key is needed.",
    "403": "The key's role may not.",
    "404": "There is no such thing.",
    "503": "Not available now.",
}


def description(root: str, city: City, collections: Iterable[Collection]) -> _Object:
    """The document; ``root`` is the address that the paths are below."""
    paths: _Object = {
        "/": _get("the landing page", "landing", JSON),
        "/conformance": _get("what this service conforms to", "conformance", JSON),
        "/api": _get("this description", "api", OPENAPI_JSON),
        "/collections": _get("the collections", "collections", JSON),
        "/tileMatrixSets": _get("the tile matrix sets", "tileMatrixSets", JSON),
        "/tileMatrixSets/WebMercatorQuad": _get("WebMercatorQuad", "WebMercatorQuad", JSON),
    }
    for each in collections:
        paths |= _paths(each, city)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": f"GridMap · {city.name}",
            "version": __version__,
            "description": f"{city.attribution} {' '.join(city.notice.values())}",
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": root}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"problem": {"type": "object", "properties": {"detail": {"type": "string"}}}},
        },
        "security": [{}, {"key": []}],
    }


def _paths(described: Collection, city: City) -> _Object:
    path = f"/collections/{described.id}"
    identity = _parameter(
        "fid", {"type": "integer" if described.number_ids else "string"}, "the feature's id", "path"
    )
    time = _time_parameters(described)
    crs = _parameter(
        "crs", {"type": "string", "enum": list(systems_of(city)), "default": CRS84}, "crs of the answer"
    )
    items = [*_page_parameters(city), crs, *time, *_filter_parameters(described, city)]
    return {
        path: _get(described.title, f"describe_{described.id}", JSON),
        f"{path}/queryables": _get("what can be asked for", f"queryables_{described.id}", SCHEMA_JSON),
        f"{path}/items": _get(described.description, f"items_{described.id}", GEOJSON, items),
        f"{path}/items/{{fid}}": _get("one feature", f"item_{described.id}", GEOJSON, [identity, crs, *time]),
    }


def _page_parameters(city: City) -> list[_Object]:
    limit: _Object = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": USUAL_PAGE}
    numbers = {"type": "number"}
    boxes: _Object = {"type": "array", "minItems": 4, "maxItems": 6, "items": numbers}
    systems: _Object = {"type": "string", "enum": list(systems_of(city)), "default": CRS84}
    return [
        _parameter("limit", limit, "at most so many"),
        {**_parameter("bbox", boxes, "what touches this box"), "style": "form", "explode": False},
        _parameter("bbox-crs", systems, "crs of bbox, with its order of axes"),
        _parameter("after", {"type": "string"}, "go on after this id, as the next link does"),
    ]


def _time_parameters(described: Collection) -> list[_Object]:
    found = [_parameter("datetime", {"type": "string"}, _TIMES[described.timing])]
    if described.timing not in (Timing.VALID, Timing.RELEASED):
        whole = {"type": "integer", "minimum": 1}
        found.append(_parameter("revision", whole, "the grid of this revision; a next link pins it"))
        found.append(_parameter("since", whole, "and what was valid from this revision on, as it last was"))
    return found


def _filter_parameters(described: Collection, city: City) -> list[_Object]:
    systems: _Object = {"type": "string", "enum": list(systems_of(city)), "default": CRS84}
    return [
        _parameter("filter", {"type": "string", "maxLength": LONGEST}, "CQL2 text over the queryables"),
        _parameter(
            "filter-lang", {"type": "string", "enum": ["cql2-text"], "default": "cql2-text"}, "its language"
        ),
        _parameter("filter-crs", systems, "crs of its geometries, with its order of axes"),
        *(_parameter(each.name, _SCHEMAS[each.kind], each.title) for each in described.properties),
    ]


def _parameter(name: str, schema: _Object, text: str, where: str = "query") -> _Object:
    return {"name": name, "in": where, "required": where == "path", "schema": schema, "description": text}


def _get(summary: str, operation: str, media_type: str, parameters: Iterable[_Object] = ()) -> _Object:
    form = _parameter("f", {"type": "string", "enum": ["json", "html"]}, "else Accept decides")
    content = {media_type: {"schema": {"type": "object"}}, HTML: {"schema": {"type": "string"}}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    responses: _Object = {"200": {"description": summary, "content": content}}
    responses |= {status: {"description": text, "content": problem} for status, text in _PROBLEMS.items()}
    return {
        "get": {
            "summary": summary,
            "operationId": operation,
            "parameters": [*parameters, form],
            "responses": responses,
        }
    }
