"""OGC API Features: what the standard asks of answers, held against the grid in memory and against the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import schemathesis
import shapely
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from pyproj import CRS, Transformer
from shapely.geometry import box, shape
from sqlalchemy import text

from api.deps import Service
from api.ogc.documents import CONFORMANCE
from gridmap.access import OPERATOR
from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.store.database import Database
from tests.api.test_registry import split_cell

KeyFor = Callable[..., dict[str, str]]
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
LEVELS = ("city", "district", "street", "community")
OPEN = ["cells", *LEVELS, "overlays"]
RELEASED = ["released_cells", *(f"released_{level}" for level in LEVELS)]
BOX = (117.19, 39.11, 117.20, 39.12)
ITEMS = "/ogc/collections/cells/items"


def get(client: TestClient, path: str, headers: dict[str, str] | None = None, **query: object) -> dict[str, Any]:
    # An empty dictionary would take the query off a link.
    response = client.get(path, params=query or None, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def follow(
    client: TestClient, first: dict[str, Any], headers: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """The features of a page and of all that follow it by their links."""
    features, page = list(first["features"]), first
    while links := [link for link in page["links"] if link["rel"] == "next"]:
        page = get(client, links[0]["href"].removeprefix("http://testserver"), headers)
        assert page["features"]
        assert page.get("numberMatched") == first.get("numberMatched")
        features += page["features"]
    return features


def codes(features: list[dict[str, Any]]) -> set[str]:
    return {feature["properties"]["code"] for feature in features}


def test_every_link_leads_to_what_it_says(client: TestClient) -> None:
    seen, waiting = set(), ["http://testserver/ogc/"]
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        response = client.get(address.removeprefix("http://testserver"))
        assert response.status_code == 200, (address, response.text)
        if "json" in response.headers["content-type"]:
            document = response.json()
            groups = [document, *document.get("collections", []), *document.get("tileMatrixSets", [])]
            for link in (each for group in groups for each in group.get("links", ())):
                kind = client.get(link["href"].removeprefix("http://testserver")).headers["content-type"]
                assert kind.split(";")[0] == link["type"].split(";")[0], link
                if link["rel"] != "next":
                    waiting.append(link["href"])
    assert len(seen) > 30


def test_the_description_is_openapi_3_0_and_names_each_collection(client: TestClient) -> None:
    response = client.get("/ogc/api")
    assert response.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    document = response.json()
    assert document["openapi"].startswith("3.0.")
    for name in (*OPEN, *RELEASED):
        parameters = document["paths"][f"/collections/{name}/items"]["get"]["parameters"]
        assert {"limit", "bbox", "datetime", "crs", "bbox-crs", "filter", "code"} <= {
            one["name"] for one in parameters
        }
    operations = [operation["get"]["operationId"] for operation in document["paths"].values()]
    assert len(operations) == len(set(operations))
    assert "/collections/incidents/items" not in document["paths"]


def test_the_description_and_the_queryables_keep_to_their_own_schemas(client: TestClient, key_for: KeyFor) -> None:
    staff = key_for(client, "caseworker", "120000")
    for headers in ({}, staff):
        schemathesis.openapi.from_dict(client.get("/ogc/api", headers=headers).json()).validate()
    for collection in get(client, "/ogc/collections", staff)["collections"]:
        schema = client.get(f"/ogc/collections/{collection['id']}/queryables", headers=staff)
        assert schema.headers["content-type"] == "application/schema+json"
        Draft202012Validator.check_schema(schema.json())
        assert "geometry" in schema.json()["properties"]


def test_what_is_declared_is_what_these_tests_are_about(client: TestClient) -> None:
    declared = [each for each in get(client, "/ogc/conformance")["conformsTo"] if "ogcapi-tiles" not in each]
    assert declared == list(CONFORMANCE)


def test_strangers_see_no_collection_of_people_or_cases(client: TestClient, key_for: KeyFor) -> None:
    listed = [each["id"] for each in get(client, "/ogc/collections")["collections"]]
    assert listed == [*OPEN, *RELEASED]
    staff = key_for(client, "caseworker", "120101")
    everything = [each["id"] for each in get(client, "/ogc/collections", staff)["collections"]]
    assert everything == [*OPEN, "elements", "incidents", *RELEASED]
    auditor = key_for(client, "auditor", "120000")
    for name in ("elements", "incidents"):
        for path in ("", "/items", "/items/1", "/queryables", "/tiles"):
            address = f"/ogc/collections/{name}{path}"
            assert client.get(address).status_code == 401
            assert client.get(address, headers=auditor).status_code == 403
            assert client.get(address, headers={"Authorization": "Bearer no-such-key"}).status_code == 401


def test_pages_make_up_the_whole(client: TestClient, grid: Grid) -> None:
    first = get(client, ITEMS, limit=97)
    features = follow(client, first)
    assert [feature["id"] for feature in features] == sorted(cell.id for cell in grid.cells)
    assert (first["numberMatched"], first["numberReturned"]) == (len(grid.cells), 97)
    assert datetime.fromisoformat(first["timeStamp"])
    assert first["revision"] == 1
    assert "虚构" in first["notice"]["zh"]
    for feature in features:
        position = grid.by_code[feature["properties"]["code"]]
        cell = grid.cells[position]
        assert feature["properties"] == {
            "code": cell.code,
            "name": cell.name,
            "kind": cell.kind,
            "services": list(cell.services),
            "community": cell.community,
            "first_revision": 1,
            "last_revision": None,
        }
        assert shape(feature["geometry"]).equals_exact(grid.index.degrees[position], 0), "exact as stored"


@pytest.mark.parametrize("level", LEVELS)
def test_areas_are_those_of_the_registry(client: TestClient, level: str) -> None:
    listed = client.get("/v1/areas", params={"level": level}).json()["areas"]
    features = follow(client, get(client, f"/ogc/collections/{level}/items", limit=10))
    found = [{name: one["properties"][name] for name in ("code", "name", "parent", "cells")} for one in features]
    assert found == [{name: area[name] for name in ("code", "name", "parent", "cells")} for area in listed]
    assert all(
        one["properties"][kind] == area["kinds"][kind]
        for one, area in zip(features, listed, strict=True)
        for kind in area["kinds"]
    )


def test_a_limit_over_the_greatest_is_no_error(client: TestClient, grid: Grid) -> None:
    assert get(client, ITEMS, limit=10**30)["numberReturned"] == len(grid.cells)
    assert client.get(ITEMS, params={"limit": 0}).status_code == 400


@pytest.mark.parametrize("name", ["CRS84", "4326", "4490", "3857", "4548"])
def test_answers_and_boxes_in_every_system_keep_its_order_of_axes(
    client: TestClient, grid: Grid, name: str
) -> None:
    """Against pyproj with the registry's own order of axes, which GridMap's conversions do not use."""
    address = CRS84 if name == "CRS84" else EPSG + name
    response = client.get(ITEMS, params={"crs": address, "limit": 1000})
    assert response.headers["content-crs"] == f"<{address}>"
    convert = Transformer.from_crs(
        "OGC:CRS84", "OGC:CRS84" if name == "CRS84" else f"EPSG:{name}", always_xy=False, allow_ballpark=True
    )
    for feature in response.json()["features"][::40]:
        stored = shapely.get_coordinates(grid.index.degrees[grid.by_code[feature["properties"]["code"]]])
        expected = np.column_stack(convert.transform(stored[:, 0], stored[:, 1]))
        given = shapely.get_coordinates(shape(feature["geometry"]))
        tolerance = 1e-9 if abs(expected).max() < 400 else 1e-3
        assert np.allclose(given, expected, rtol=0, atol=tolerance)
    west, south, east, north = BOX
    corners = np.column_stack(convert.transform([west, east], [south, north]))
    bounds = ",".join(map(repr, corners.ravel().tolist()))
    found = follow(client, get(client, ITEMS, bbox=bounds, **{"bbox-crs": address}))
    corner_box = box(*BOX)
    touching = {
        cell.code
        for cell, degrees in zip(grid.cells, grid.index.degrees, strict=True)
        if shapely.intersects(degrees, corner_box)
    }
    # a box of the metric system is turned a little against the meridians: the edges may catch other cells
    unlike = codes(found) ^ touching
    assert len(touching) > 10
    assert not unlike if name != "4548" else len(unlike) <= len(touching) / 4


def test_the_metric_system_is_written_north_first(client: TestClient, grid: Grid) -> None:
    assert CRS.from_epsg(4548).axis_info[0].direction == "north"
    cell = get(client, ITEMS, limit=1, crs=f"{EPSG}4548")["features"][0]
    first = shapely.get_coordinates(shape(cell["geometry"]))[0]
    lon, lat = shapely.get_coordinates(grid.index.degrees[grid.by_code[cell["properties"]["code"]]])[0]
    east, north = from_wgs84("EPSG:4548", lon, lat)
    assert first == pytest.approx([float(north), float(east)])


POINTS = shapely.MultiPoint([(117.195, 39.118), (117.2, 39.12)])
DIAGONAL = shapely.LineString([(117.19, 39.11), (117.2, 39.12)])
TRIANGLE = shapely.Polygon([(117.19, 39.11), (117.2, 39.11), (117.2, 39.12)])
FILTERS: list[tuple[str, Callable[[Any, Any], bool]]] = [
    ("kind = 'special'", lambda cell, _: cell.kind == "special"),
    (
        "kind <> 'special' AND NOT (code < '120101002')",
        lambda cell, _: cell.kind != "special" and cell.code >= "120101002",
    ),
    (
        "code BETWEEN '120101001' AND '120101002999999'",
        lambda cell, _: "120101001" <= cell.code <= "120101002999999",
    ),
    (
        "code LIKE '120101_01%' OR kind IN ('special')",
        lambda cell, _: cell.code[7:9] == "01" or cell.kind == "special",
    ),
    ("code NOT LIKE '%1'", lambda cell, _: cell.code[-1] != "1"),
    ("CASEI(kind) = CASEI('SPECIAL')", lambda cell, _: cell.kind == "special"),
    ("CASEI('ÉÖ') = CASEI('éö') AND kind='special'", lambda cell, _: cell.kind == "special"),
    ("community IS NULL", lambda cell, _: False),
    ("name IS NOT NULL AND first_revision = 1", lambda cell, _: True),
    ("name = 'it''s not there'", lambda cell, _: False),
    ('"kind" = kind', lambda cell, _: True),
    ("A_CONTAINEDBY(services, ('nothing'))", lambda cell, _: not cell.services),
    ("true", lambda cell, _: True),
    ("first_revision >= 1.5", lambda cell, _: False),
    (
        "S_INTERSECTS(geometry, BBOX(117.19, 39.11, 117.20, 39.12))",
        lambda _, degrees: degrees.intersects(box(*BOX)),
    ),
    ("S_DISJOINT(BBOX(117.19, 39.11, 117.20, 39.12), geometry)", lambda _, degrees: degrees.disjoint(box(*BOX))),
    (
        "S_WITHIN(geometry, POLYGON((117.19 39.11, 117.2 39.11, 117.2 39.12, 117.19 39.11)))",
        lambda _, degrees: degrees.within(TRIANGLE),
    ),
    ("S_CROSSES(LINESTRING(117.19 39.11, 117.2 39.12), geometry)", lambda _, degrees: DIAGONAL.crosses(degrees)),
    ("S_CONTAINS(geometry, POINT(117.195 39.118))", lambda _, degrees: degrees.contains(POINTS.geoms[0])),
    ("S_OVERLAPS(geometry, BBOX(117.19, 39.11, 117.20, 39.12))", lambda _, degrees: degrees.overlaps(box(*BOX))),
    (
        "S_INTERSECTS(geometry, MULTILINESTRING((117.19 39.11, 117.2 39.12), (0 0, 1 1)))",
        lambda _, degrees: degrees.intersects(DIAGONAL),
    ),
    (
        "S_INTERSECTS(geometry, MULTIPOLYGON(((117.19 39.11, 117.2 39.11, 117.2 39.12, 117.19 39.11))))",
        lambda _, degrees: degrees.intersects(TRIANGLE),
    ),
    (
        "S_INTERSECTS(geometry, MULTIPOINT((117.195 39.118), (117.2 39.12)))",
        lambda _, degrees: degrees.intersects(POINTS),
    ),
    (
        "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(117.195 39.118), POINT(117.2 39.12)))",
        lambda _, degrees: degrees.intersects(POINTS),
    ),
]


@pytest.mark.parametrize(("filter_", "holds"), FILTERS, ids=[each[0] for each in FILTERS])
def test_filters_find_what_python_finds(client: TestClient, grid: Grid, filter_: str, holds: Any) -> None:
    features = follow(client, get(client, ITEMS, filter=filter_, limit=300))
    expected = {
        cell.code for cell, degrees in zip(grid.cells, grid.index.degrees, strict=True) if holds(cell, degrees)
    }
    assert codes(features) == expected


def test_neighbours_touch_and_a_cell_equals_itself(client: TestClient, grid: Grid) -> None:
    wkt = shapely.to_wkt(grid.index.degrees[100], rounding_precision=-1)
    own = grid.cells[100].code
    assert codes(get(client, ITEMS, filter=f"S_EQUALS(geometry, {wkt})")["features"]) == {own}
    neighbours = codes(get(client, ITEMS, filter=f"S_TOUCHES(geometry, {wkt})")["features"])
    assert neighbours == {
        cell.code
        for cell, one in zip(grid.cells, grid.index.degrees, strict=True)
        if one.touches(grid.index.degrees[100])
    }
    assert own not in neighbours


def test_a_filters_geometry_may_be_in_another_system(client: TestClient) -> None:
    plain = get(client, ITEMS, filter="S_INTERSECTS(geometry, POINT(117.195 39.118))")
    turned = get(
        client, ITEMS, filter="S_INTERSECTS(geometry, POINT(39.118 117.195))", **{"filter-crs": f"{EPSG}4326"}
    )
    x, y = (float(each) for each in from_wgs84("EPSG:3857", 117.195, 39.118))
    metres = get(client, ITEMS, filter=f"S_INTERSECTS(geometry, POINT({x} {y}))", **{"filter-crs": f"{EPSG}3857"})
    assert plain["features"] == turned["features"] == metres["features"]
    assert len(plain["features"]) == 1


def test_properties_are_parameters(client: TestClient, grid: Grid) -> None:
    special = {cell.code for cell in grid.cells if cell.kind == "special"}
    assert codes(get(client, ITEMS, kind="special", first_revision=1)["features"]) == special
    assert get(client, ITEMS, kind="special", bbox="0,0,1,1")["numberMatched"] == 0
    areas = get(client, "/ogc/collections/community/items", cells=1)["features"]
    assert all(one["properties"]["cells"] == 1 for one in areas)


WRONG = [
    ("filter", "bogus = 1", "bogus"),
    ("filter", "kind = 1", "cannot compare"),
    ("filter", "kind LIKE 'a\\'", "single backslash"),
    ("filter", "kind = 'a' AND", "CQL2 text"),
    ("filter", "kind = 'a'; DROP TABLE cell", "CQL2 text"),
    ("filter", "(" * 60 + "kind='a'", "levels of brackets"),
    ("filter", "-" * 2000 + "1 = first_revision", "in a row"),
    ("filter", "first_revision * 2 = 2", "'*'"),
    ("filter", "first_revision = 1e400", "finite"),
    ("filter", "pg_sleep(10) = 1", "pg_sleep"),
    ("filter", "S_INTERSECTS(geometry)", "takes 2"),
    ("filter", "S_INTERSECTS(kind, POINT(1 1))", "no geometry"),
    ("filter", "S_INTERSECTS(POINT(1 1), POINT(1 1))", "needs the property"),
    ("filter", "S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 1 0, 0 1, 0 0)))", "valid"),
    ("filter", "S_INTERSECTS(geometry, POINT(39 117))", "no place on earth"),
    ("filter", "S_TOUCHES(geometry, GEOMETRYCOLLECTION(POINT(1 1)))", "collections"),
    ("filter", "kind = 'a\x00b'", "NUL"),
    ("filter", "kind = '" + "a" * 7000 + "'", "6000"),
    ("filter-lang", "cql-json", "cql2-text"),
    ("filter-crs", "EPSG:4326", "must be one of"),
    ("crs", f"{EPSG}2154", "must be one of"),
    ("bbox-crs", "wgs84", "must be one of"),
    ("bbox", "1,2,3", "four numbers"),
    ("bbox", "nan,1,2,3", "four numbers"),
    ("bbox", "39.11,117.19,39.12,117.20", "no place on earth"),
    ("bbox", "117,40,118,39", "lower corner first"),
    ("datetime", "yesterday", "2026-11-01T00:00:00Z"),
    ("datetime", "../..", "a time"),
    ("datetime", "2026-11-02T00:00:00Z/2026-11-01T00:00:00Z", "end before"),
    ("datetime", "0001-01-01T00:00:00Z", "1900"),
    ("limit", "many", "limit"),
    ("revision", "0", "revision"),
    ("after", "x", "whole number"),
    ("offset", "10", "unknown here"),
    ("first_revision", "one", "whole number"),
]


@pytest.mark.parametrize(
    ("name", "value", "said"), WRONG, ids=[f"{name} {value[:30]!r}" for name, value, _ in WRONG]
)
def test_wrong_parameters_are_named(client: TestClient, name: str, value: str, said: str) -> None:
    response = client.get(ITEMS, params={name: value})
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert said in response.json()["detail"]


def test_values_stay_values(client: TestClient, grid: Grid) -> None:
    attack = "x' OR '1'='1"
    assert get(client, ITEMS, filter=f"name = '{attack.replace(chr(39), chr(39) * 2)}'")["numberMatched"] == 0
    assert get(client, ITEMS, name=attack)["numberMatched"] == 0
    assert get(client, "/ogc/collections/street/items", after=attack)["numberReturned"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "/ogc/collections/none",
        "/ogc/collections/none/items",
        f"{ITEMS}/0",
        f"{ITEMS}/x",
        f"{ITEMS}/{'9' * 40}",
        "/ogc/tileMatrixSets/none",
        f"{ITEMS}?revision=2",
        f"{ITEMS}?datetime=1999-01-01T00:00:00Z",
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["detail"]


def test_one_feature(client: TestClient, grid: Grid) -> None:
    cell = grid.cells[7]
    feature = get(client, f"{ITEMS}/{cell.id}")
    assert (feature["type"], feature["id"], feature["properties"]["code"]) == ("Feature", cell.id, cell.code)
    assert feature["attribution"]
    rels = {link["rel"] for link in feature["links"]}
    assert {"self", "alternate", "collection"} <= rels
    assert get(client, "/ogc/collections/overlays/items/120101-Q01")["properties"]["name"] == "滨江道商业区"


def test_pages_show_features_and_load_nothing(client: TestClient) -> None:
    for path in (
        "/ogc/",
        "/ogc/collections",
        ITEMS,
        f"{ITEMS}/1",
        "/ogc/api",
        "/ogc/collections/cells/queryables",
    ):
        response = client.get(path, headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "虚构" in response.text
        for sign in ("<script", "<img", "<link", "src=", "url(", "@import"):
            assert sign not in response.text
    page = client.get(ITEMS, params={"f": "html", "limit": 5}).text
    assert page.count("<path d=") == 5
    assert page.count("<tr>") == 6
    hostile = client.get(ITEMS, params={"f": "html", "name": "<script>alert(1)</script>"}).text
    assert "<script" not in hostile


def test_negotiation(client: TestClient) -> None:
    for accept, kind in (
        ("*/*", "application/geo+json"),
        ("application/geo+json, text/html", "application/geo+json"),
        ("text/html;q=0.3, application/json;q=0.2", "text/html; charset=utf-8"),
        ("nonsense;q=x", "application/geo+json"),
    ):
        response = client.get(ITEMS, headers={"Accept": accept}, params={"limit": 1})
        assert response.headers["content-type"] == kind, accept
        assert "Accept" in response.headers["vary"]
    assert client.get(ITEMS, params={"f": "xml"}).status_code == 400


def test_a_list_stays_in_the_revision_it_began_in(
    writer: TestClient, heping_copy: Database, service_of: Callable[..., Service]
) -> None:
    first = get(writer, ITEMS, limit=300)
    streets = get(writer, "/ogc/collections/street/items", limit=2)
    before = service_of(writer).state.ready.grid
    code, when = split_cell(heping_copy, before, 500)
    service_of(writer).current.refresh()
    features = follow(writer, first)
    assert [one["id"] for one in features] == sorted(cell.id for cell in before.cells)
    assert code in codes(features)
    assert sum(one["properties"]["cells"] for one in follow(writer, streets)) == len(before.cells)
    now = get(writer, ITEMS, limit=1000)
    assert (now["revision"], now["numberMatched"]) == (2, len(before.cells) + 1)
    assert codes(now["features"]) == {*(cell.code for cell in before.cells), f"{code}w", f"{code}e"} - {code}
    check_history(writer, code, when, len(before.cells))


def check_history(client: TestClient, code: str, when: datetime, cells: int) -> None:
    """What a time, and intervals of every kind, show of a cell that was split then."""
    earlier, later = ((when + timedelta(seconds=each)).isoformat() for each in (-1, 1))
    parts = {f"{code}w", f"{code}e"}
    for said, found, count in (
        (earlier, {code}, cells),
        (later, parts, cells + 1),
        (f"{earlier}/{later}", {code, *parts}, cells + 2),
        (f"../{earlier}", {code}, cells),
        (f"{later}/..", parts, cells + 1),
        (f"1999-01-01T00:00:00Z/{later}", {code, *parts}, cells + 2),
    ):
        first = get(client, ITEMS, datetime=said, limit=400)
        features = follow(client, first)
        assert len({one["id"] for one in features}) == len(features) == first["numberMatched"] == count, said
        assert {each for each in codes(features) if each.startswith(code)} == found
    (old,) = get(client, ITEMS, datetime=f"{earlier}/..", code=code)["features"]
    assert (old["properties"]["first_revision"], old["properties"]["last_revision"]) == (1, 1)
    assert client.get(f"{ITEMS}/{old['id']}").status_code == 404
    assert get(client, f"{ITEMS}/{old['id']}", revision=1)["properties"]["last_revision"] is None
    both = client.get(ITEMS, params={"datetime": earlier, "revision": 1})
    assert both.status_code == 400


def test_overlays_follow_their_own_time(writer: TestClient, heping_copy: Database) -> None:
    path = "/ogc/collections/overlays/items"
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(
            text("UPDATE overlay SET valid = tstzrange(NULL, '2026-01-01') WHERE code = '120101-Q01'")
        )
    assert codes(get(writer, path)["features"]) == {"120101-Q02"}
    assert codes(get(writer, path, datetime="2025-06-01T00:00:00Z")["features"]) == {"120101-Q01", "120101-Q02"}
    assert codes(get(writer, path, datetime="2025-06-01T00:00:00Z/..")["features"]) == {"120101-Q01", "120101-Q02"}
    pinned = get(writer, path, datetime="2025-06-01T00:00:00Z", limit=1)
    assert len(follow(writer, pinned)) == 2
    assert writer.get(path, params={"revision": 1}).status_code == 400


def test_staff_see_their_territory_and_never_a_person(
    client: TestClient, heping_served: Database, key_for: KeyFor
) -> None:
    with heping_served.begin(OPERATOR) as connection:
        query = (
            "SELECT {0}.id, cell.code, {1} AS kind FROM {0} JOIN {0}_placement ON {0}_id = {0}.id "
            "LEFT JOIN cell ON cell.id = cell_id"
        )
        stored = {
            "elements": connection.execute(text(query.format("element", "class"))).all(),
            "incidents": connection.execute(text(query.format("incident", "'incident'"))).all(),
        }
    whole, street = key_for(client, "caseworker", "120000"), key_for(client, "caseworker", "120101001")
    cell = key_for(client, "dispatcher", stored["incidents"][0].code, "120101002")
    assert any(row.kind == "person" for row in stored["elements"])
    assert any(row.code is None for row in stored["incidents"]), "some lie outside"
    for name, rows in stored.items():
        for headers, mine in (
            (whole, ("",)),
            (street, ("120101001",)),
            (cell, (stored["incidents"][0].code, "120101002")),
        ):
            first = get(client, f"/ogc/collections/{name}/items", headers, limit=3000)
            features = follow(client, first, headers)
            expected = {
                row.id
                for row in rows
                if row.kind != "person" and (row.code or "").startswith(mine) and (row.code or headers is whole)
            }
            assert {one["id"] for one in features} == expected
            assert first["numberMatched"] == len(expected) > 0
    person = next(row.id for row in stored["elements"] if row.kind == "person")
    assert client.get(f"/ogc/collections/elements/items/{person}", headers=whole).status_code == 404
    theirs = next(row.id for row in stored["incidents"] if row.code and not row.code.startswith("120101001"))
    assert client.get(f"/ogc/collections/incidents/items/{theirs}", headers=street).status_code == 404
    response = client.get(f"/ogc/collections/incidents/items/{theirs}", headers=whole)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "private, no-store"
    assert "reporter" not in response.json()["properties"]


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        (
            {"datetime": "2026-01-01T00:00:00Z/2026-02-01T00:00:00Z"},
            "happened_at BETWEEN '2026-01-01Z' AND '2026-02-01Z'",
        ),
        ({"filter": "T_AFTER(happened_at, TIMESTAMP('2026-01-01T00:00:00Z'))"}, "happened_at > '2026-01-01Z'"),
        (
            {"filter": "T_DURING(happened_at, INTERVAL('2026-01-01T00:00:00Z', '..'))"},
            "happened_at > '2026-01-01Z'",
        ),
        (
            {"filter": "happened_at < TIMESTAMP('2026-01-01T00:00:00+08:00')"},
            "happened_at < '2026-01-01T00:00:00+08'",
        ),
        ({"filter": "closed_at IS NULL AND category = 'noise'"}, "closed_at IS NULL AND category = 'noise'"),
        ({"filter": "cell IS NULL", "how": "outside"}, "how = 'outside'"),
    ],
)
def test_incidents_by_time(
    client: TestClient, heping_served: Database, key_for: KeyFor, query: dict[str, str], condition: str
) -> None:
    headers = key_for(client, "caseworker", "120000")
    with heping_served.begin(OPERATOR) as connection:
        sql = f"SELECT count(*) FROM incident JOIN incident_placement ON incident_id = id WHERE {condition}"
        expected = connection.execute(text(sql)).scalar_one()
    found = get(client, "/ogc/collections/incidents/items", headers, limit=1, **query)
    assert found["numberMatched"] == expected > 0


def test_arrays(writer: TestClient, heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE cell SET services = '{a,b}' WHERE id = 1"))
        connection.execute(text("UPDATE cell SET services = '{b}' WHERE id = 2"))
    for filter_, ids in (
        ("A_CONTAINS(services, ('b'))", {1, 2}),
        ("A_CONTAINS(services, ('b','a'))", {1}),
        ("A_EQUALS(services, ('b','a'))", {1}),
        ("A_OVERLAPS(services, ('a','c'))", {1}),
        (
            "A_CONTAINEDBY(services, ('b','c')) AND NOT A_EQUALS(services, services) OR A_EQUALS(services, ('b'))",
            {2},
        ),
    ):
        assert {one["id"] for one in get(writer, ITEMS, filter=filter_)["features"]} == ids, filter_
    assert {one["id"] for one in get(writer, ITEMS, services="a")["features"]} == {1}


def test_links_keep_the_path_under_which_a_proxy_serves(
    serve: Callable[..., Any], heping_served: Database
) -> None:
    public = "https://city.example/gridmap"
    with serve(Database(heping_served.url), public_url=public) as proxied:
        for prefix in ("/gridmap", ""):
            page = proxied.get(f"{prefix}{ITEMS}", params={"limit": 2}).json()
            for link in page["links"]:
                assert link["href"].startswith(f"{public}/ogc/collections/cells"), link
        assert json.loads(proxied.get("/ogc/api").text)["servers"] == [{"url": f"{public}/ogc"}]
