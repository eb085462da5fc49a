"""Tiles of counts: the same rows as the heatmap's, released ones for everybody, live ones for staff only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.coverage.bands import moved_box
from gridmap.crs import from_wgs84
from gridmap.heatmap.places import hex_polygons
from gridmap.hexes import from_text
from gridmap.releases.periods import Month
from tests.tiles.decoding import Feature, decode
from tiles.address import Address, box_of, span_of
from tiles.counts import COUNT_LAYERS, draw

NOW = datetime(2026, 11, 2, tzinfo=UTC)
KINDS = ("hexes", "counts", "incidents")
Headers = dict[str, str]


@pytest.fixture(scope="module")
def released(serve: Callable[..., Any], make_copy: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a copy of Heping with the releases of two months."""
    with make_copy("count_tiles") as database:
        for month in ("2026-09", "2026-10"):
            make_release(database, OPERATOR, Month.parse(month), NOW, lambda _: None)
        with serve(database) as client:
            yield client


@pytest.fixture(scope="module")
def staff(released: TestClient, key_for: Callable[..., Headers]) -> Headers:
    return key_for(released, "dispatcher", "120000")


def mercator_box(client: TestClient) -> tuple[float, float, float, float]:
    """The city's bounds in Web Mercator."""
    west, south, east, north = client.get("/v1/city").json()["bounds"]
    x, y = from_wgs84("EPSG:3857", [west, east], [south, north])
    return float(x[0]), float(y[0]), float(x[1]), float(y[1])


def features(
    client: TestClient, layer: str, z: int, headers: Headers | None = None, **query: object
) -> dict[int, Feature]:
    """All features of a layer at a zoom by id, from every tile of the city; one is the same in all its tiles."""
    found: dict[int, Feature] = {}
    for address in span_of(mercator_box(client), z).addresses():
        path = f"/tiles/{layer}/{z}/{address.x}/{address.y}.mvt"
        tile = client.get(path, params=query, headers=headers or {})
        assert tile.status_code in (200, 204), tile.text
        for feature in decode(tile.content).get(layer, ()) if tile.status_code == 200 else ():
            assert found.setdefault(feature.id, feature).properties == feature.properties
    return found


def rows(client: TestClient, name: str, headers: Headers | None = None, **query: object) -> dict[str, int]:
    answer = client.get("/v1/heatmap", params=query, headers=headers or {})
    assert answer.status_code == 200, answer.text
    return {row[name]: row["count"] for row in answer.json()["rows"]}


def counted(found: dict[int, Feature], name: str) -> dict[str, int]:
    return {feature.properties[name]: feature.properties["count"] for feature in found.values()}


@pytest.mark.parametrize("query", [{}, {"category": "parking"}, {"from": "2026-09-01", "to": "2026-11-01"}])
@pytest.mark.parametrize(("z", "by"), [(14, "cell"), (11, "community"), (9, "street"), (7, "district")])
def test_released_counts_are_the_heatmaps_rows(released: TestClient, query: Any, z: int, by: str) -> None:
    wanted = rows(released, "code", of="incidents", by=by, zeros=True, **query)
    found = features(released, "counts", z, **query)
    assert counted(found, "code") == wanted
    assert {feature.properties["level"] for feature in found.values()} <= {by}
    assert counted(features(released, "counts", 12, by=by, **query), "code") == wanted  # of whatever zoom
    if by == "cell":
        cells = {row["code"]: row["id"] for row in ids_of(released)}
        assert {feature.properties["code"]: id_ for id_, feature in found.items()} == {
            code: cells[code] for code in wanted
        }


def ids_of(client: TestClient) -> list[dict[str, Any]]:
    shapes = client.get("/v1/cells", params={"f": "geojson", "limit": 1000}).json()["features"]
    return [{"id": shape["id"], "code": shape["properties"]["code"]} for shape in shapes]


@pytest.mark.parametrize(("z", "resolution"), [(7, 6), (9, 6), (11, 8), (13, 9), (15, 9)])
@pytest.mark.parametrize("layer", ["hexes", "incidents"])
def test_released_hexes_are_the_heatmaps_rows(released: TestClient, layer: str, z: int, resolution: int) -> None:
    query = (
        {"of": "elements", "class": "place"} if layer == "hexes" else {"of": "incidents", "category": "parking"}
    )
    wanted = rows(released, "hex", by="hex", resolution=resolution, **query)
    found = features(released, layer, z, **query)
    assert counted(found, "hex") == wanted
    assert wanted or layer == "incidents"  # of which few show by hexes
    assert not wanted or {feature.type for feature in found.values()} == {1 if layer == "incidents" else 3}
    if layer == "incidents":
        assert all(0 <= part.min() <= part.max() <= 4096 for each in found.values() for part in each.parts)


def test_people_are_hidden_below_ten_and_things_are_not(released: TestClient) -> None:
    for class_, least in (("person", 10), ("object", 1)):
        query = {"of": "elements", "class": class_}
        found = counted(features(released, "counts", 14, **query), "code")
        assert found == rows(released, "code", by="cell", zeros=True, **query)
        assert all(count == 0 or count >= least for count in found.values())


@pytest.mark.parametrize(
    "query",
    [{}, {"category": ["noise", "parking"]}, {"area": "120101001", "weekdays": "1-5"}, {"period": "2026-10"}],
)
def test_live_counts_add_up_to_the_heatmaps(released: TestClient, staff: Headers, query: Any) -> None:
    hexes = rows(released, "hex", staff, of="incidents", by="hex", resolution=8, **query)
    assert counted(features(released, "live_hexes", 11, staff, **query), "hex") == hexes
    assert counted(features(released, "live_incidents", 11, staff, **query), "hex") == hexes
    cells = rows(released, "code", staff, of="incidents", by="cell", zeros=True, **query)
    assert counted(features(released, "live_counts", 14, staff, **query), "code") == cells
    assert sum(cells.values()) == sum(hexes.values()) > 0


def test_viewers_see_how_many_at_every_zoom(released: TestClient, key_for: Callable[..., Headers]) -> None:
    viewer, query = (
        key_for(released, "viewer", "120000"),
        {"category": "noise", "from": "2026-10-01", "to": "2026-10-15"},
    )
    found = features(released, "live_incidents", 14, viewer, **query)
    assert all(set(feature.properties) == {"hex", "count"} for feature in found.values())
    wanted = rows(released, "hex", viewer, of="incidents", by="hex", resolution=10, **query)
    assert counted(found, "hex") == wanted


def test_staff_see_single_incidents_where_they_are(released: TestClient, staff: Headers) -> None:
    query = {"category": "noise", "from": "2026-10-01", "to": "2026-10-15", "hours": "8-20"}
    found = features(released, "live_incidents", 14, staff, **query)
    wanted = rows(released, "code", staff, of="incidents", by="cell", **query)
    by_cell: dict[str, int] = {}
    for feature in found.values():
        assert feature.properties["category"] == "noise"
        assert re.match(r"2026-10-\d\dT(0[89]|1\d):.*\+08:00$", feature.properties["happened_at"])
        by_cell[feature.properties["cell"]] = by_cell.get(feature.properties["cell"], 0) + 1
    assert by_cell == wanted
    listed = text("SELECT ST_X(geom), ST_Y(geom) FROM incident WHERE id = :id")
    one, feature = next(iter(found.items()))
    with released.app.state.service.database.begin(OPERATOR) as connection:  # type: ignore[attr-defined]
        lon, lat = connection.execute(listed, {"id": one}).one()
    x, y = feature.parts[0][0]
    at = from_wgs84("EPSG:3857", [lon], [lat])
    boxes = [box_of(address) for address in span_of(mercator_box(released), 14, 0).addresses()]
    west, _, east, north = next(b for b in boxes if b[0] <= at[0][0] < b[2] and b[1] < at[1][0] <= b[3])
    unit = (east - west) / 4096
    assert (abs((at[0][0] - west) / unit - x), abs((north - at[1][0]) / unit - y)) < (0.51, 0.51)


SYSTEMS = ("gcj02", "bd09")


def moved_span(client: TestClient, crs: str, z: int) -> list[Address]:
    return list(span_of(moved_box(crs, mercator_box(client)), z).addresses())


def tile_of(
    client: TestClient, path: str, layer: str, headers: Headers | None = None, **query: object
) -> dict[int, Feature]:
    answer = client.get(path, params=query, headers=headers or {})
    assert answer.status_code in (200, 204), answer.text
    return {each.id: each for each in decode(answer.content).get(layer, ())} if answer.content else {}


@pytest.mark.parametrize("crs", SYSTEMS)
@pytest.mark.parametrize(
    ("layer", "shapes", "z", "by"),
    [
        ("counts", "cells", 14, "cell"),
        ("live_counts", "cells", 13, "cell"),
        ("counts", "street", 11, "street"),
        ("live_counts", "community", 12, "community"),
    ],
)
def test_counted_shapes_are_those_of_the_geometry_layers(
    released: TestClient, staff: Headers, crs: str, layer: str, shapes: str, z: int, by: str
) -> None:
    """Vertex by vertex, tile by tile; and the counts are those of the tiles in wgs84."""
    query = {"of": "elements", "class": "place", "by": by}
    wanted = counted(features(released, layer, z, staff, **query), "code")
    found: dict[str, int] = {}
    for address in moved_span(released, crs, z):
        rest = f"{z}/{address.x}/{address.y}.mvt"
        drawn = tile_of(released, f"/tiles/{layer}/{rest}", layer, staff, crs=crs, **query)
        plain = tile_of(released, f"/tiles/1/{shapes}/{rest}", shapes, crs=crs)
        assert drawn.keys() == {id_ for id_, one in plain.items() if one.properties["code"] in wanted}
        for id_, feature in drawn.items():
            assert [part.tolist() for part in feature.parts] == [part.tolist() for part in plain[id_].parts]
        found |= counted(drawn, "code")
    assert found == wanted
    assert len(found) > 4


@pytest.mark.parametrize("crs", SYSTEMS)
def test_hexes_lie_where_the_system_has_them(released: TestClient, crs: str) -> None:
    query = {"of": "elements", "class": "place"}
    wanted = counted(features(released, "hexes", 13, **query), "hex")
    found: dict[str, int] = {}
    for address in moved_span(released, crs, 13):
        path = f"/tiles/hexes/13/{address.x}/{address.y}.mvt"
        west, _, east, north = box_of(address)
        unit = (east - west) / 4096
        for feature in tile_of(released, path, "hexes", crs=crs, **query).values():
            found[feature.properties["hex"]] = feature.properties["count"]
            ring = shapely.get_coordinates(hex_polygons([from_text(feature.properties["hex"])])[0])
            x, y = from_wgs84("EPSG:3857", *from_wgs84(crs, ring[:, 0], ring[:, 1]))
            expected = shapely.Polygon(np.column_stack([(x - west) / unit, (north - y) / unit]))
            inner = [
                (px, py) for part in feature.parts for px, py in part.tolist() if 0 < px < 4096 and 0 < py < 4096
            ]
            assert all(expected.boundary.distance(shapely.Point(each)) <= 1.5 for each in inner)
    assert found == wanted
    assert found


@pytest.mark.parametrize("crs", SYSTEMS)
def test_single_incidents_lie_where_the_system_has_them(released: TestClient, staff: Headers, crs: str) -> None:
    query = {"category": "noise", "from": "2026-10-01", "to": "2026-10-15"}
    wanted = features(released, "live_incidents", 14, staff, **query)
    with released.app.state.service.database.begin(OPERATOR) as connection:  # type: ignore[attr-defined]
        stored = {
            id_: (lon, lat)
            for id_, lon, lat in connection.execute(text("SELECT id, ST_X(geom), ST_Y(geom) FROM incident"))
        }
    found: list[int] = []
    for address in moved_span(released, crs, 14):
        west, _, east, north = box_of(address)
        unit = (east - west) / 4096
        path = f"/tiles/live_incidents/14/{address.x}/{address.y}.mvt"
        for id_, feature in tile_of(released, path, "live_incidents", staff, crs=crs, **query).items():
            lon, lat = stored[id_]
            at = from_wgs84("EPSG:3857", *from_wgs84(crs, [lon], [lat]))
            x, y = feature.parts[0][0]
            assert (abs((at[0][0] - west) / unit - x), abs((north - at[1][0]) / unit - y)) < (0.51, 0.51)
            found.append(id_)
    assert sorted(found) == sorted(wanted)
    assert found


@pytest.mark.parametrize("layer", KINDS)
def test_a_pinned_tile_of_releases_is_drawn_once(
    released: TestClient, staff: Headers, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TileJSON's mark it is kept; without, with another mark, or live, it is drawn each time."""
    drawn: list[str] = []

    def counting(connection: Any, plot: Any, layer: Any, address: Address, crs: str) -> bytes:
        drawn.append(layer.name)
        return draw(connection, plot, layer, address, crs)

    monkeypatch.setattr("api.routes.count_tiles.draw", counting)
    (pinned,) = released.get(f"/tiles/{layer}.json", params={"category": "parking"}).json()["tiles"]
    pinned = pinned.removeprefix("http://testserver").format(z=13, x=6762, y=3127)
    first, again = released.get(pinned), released.get(pinned)
    assert drawn == [layer]
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("etag", "cache-control", "gridmap-data-version", "gridmap-revision"):
        assert again.headers[name] == first.headers[name]
    assert released.get(pinned, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    for other in (pinned.replace("v=", "v=x"), pinned.split("&v=")[0]):
        for _ in range(2):
            assert "immutable" not in released.get(other).headers["cache-control"]
    assert drawn == [layer] * 5
    (live,) = released.get(f"/tiles/live_{layer}.json", headers=staff).json()["tiles"]
    live = live.removeprefix("http://testserver").format(z=13, x=6762, y=3127)
    for _ in range(2):
        released.get(live, headers=staff)
    assert drawn == [layer] * 5 + [f"live_{layer}"] * 2
    assert released.get(live).status_code == 401


@pytest.mark.parametrize("layer", KINDS)
def test_tilejson_names_the_system(released: TestClient, layer: str) -> None:
    plain = released.get(f"/tiles/{layer}.json").json()
    document = released.get(f"/tiles/{layer}.json", params={"crs": "bd09"}).json()
    assert (plain["crs"], document["crs"]) == ("wgs84", "bd09")
    assert "crs=bd09" in document["tiles"][0]
    shifts = [after - before for before, after in zip(plain["bounds"], document["bounds"], strict=True)]
    assert all(0.003 < abs(shift) < 0.03 for shift in shifts)
    tile = released.get(document["tiles"][0].removeprefix("http://testserver").format(z=9, x=422, y=195))
    assert tile.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert released.get(f"/tiles/{layer}/9/422/195.mvt", params={"crs": "mars"}).status_code == 422


def test_a_late_incident_shows_in_live_tiles_only(
    released: TestClient, staff: Headers, service_of: Callable[..., Any], key_for: Callable[..., Headers]
) -> None:
    def all_of(layer: str, headers: Headers) -> int:
        return sum(counted(features(released, layer, 12, headers), "code").values())

    before = {layer: all_of(layer, staff) for layer in ("counts", "live_counts")}
    document = released.get("/tiles/live_counts.json", headers=staff).json()
    body = {"crs": "wgs84", "source": "late", "incidents": [
        {"id": "1", "lon": 117.195, "lat": 39.118, "category": "noise", "happened_at": "2026-10-15T12:00:00"}
    ]}  # fmt: skip
    answer = released.post("/v1/incidents", json=body, headers=key_for(released, "caseworker", "120000"))
    assert answer.json()["rows"][0]["status"] == "placed"
    service_of(released).current.refresh()
    assert all_of("counts", staff) == before["counts"]
    # and of a question that nobody asked before, so that nothing kept can answer it
    frozen = released.get("/v1/releases/2026-10", params={"category": "noise", "by": "cell"}).json()["rows"]
    shown = {row["code"]: row["count"] for row in frozen if row["count"] is not None}
    assert counted(features(released, "counts", 12, category="noise"), "code") == shown
    assert all_of("live_counts", staff) == before["live_counts"] + 1
    assert (
        released.get("/tiles/live_counts.json", headers=staff).json()["data_version"] != document["data_version"]
    )


@pytest.mark.parametrize("layer", [f"live_{kind}" for kind in KINDS])
def test_live_layers_are_for_the_staff_of_the_place(
    released: TestClient, staff: Headers, key_for: Callable[..., Headers], layer: str
) -> None:
    own, other = key_for(released, "viewer", "120101001"), key_for(released, "viewer", "120102")
    for path in (f"/tiles/{layer}.json", f"/tiles/{layer}/14/13524/6253.mvt"):
        assert released.get(path).status_code == 401
        assert released.get(path, headers=own).status_code == 403
        assert released.get(path, headers=other, params={"area": "120101001"}).status_code == 403
        allowed = released.get(path, headers=own, params={"area": "120101001"})
        assert allowed.status_code in (200, 204)
        for answer in (allowed, released.get(path, headers=staff)):
            assert answer.headers["cache-control"] == "private, no-cache"
            assert "Authorization" in answer.headers["vary"]
    again = released.get(path, headers={**staff, "If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert released.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 401


def test_no_live_tile_is_kept_anywhere(
    released: TestClient, staff: Headers, service_of: Callable[..., Any]
) -> None:
    service = service_of(released)
    for kind in KINDS:
        features(released, f"live_{kind}", 13, staff)
    kept = [path.as_posix() for path in service.folder.rglob("*") if path.is_file()]
    assert not [path for path in kept if "live" in path]
    assert not [key for key in released.app.state.tiles.cache._memory if "live" in key[0]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("layer", KINDS)
def test_tilejson_names_tiles_that_never_change(released: TestClient, layer: str) -> None:
    document = released.get(f"/tiles/{layer}.json", params={"category": "parking"}).json()
    assert document["released"] == ["2026-10"]
    assert document["least"] == 3
    assert document["data_version"].startswith("2026-10-")
    assert document["vector_layers"][0]["fields"] == dict(COUNT_LAYERS[layer].fields)
    assert "period=2026-10" in document["tiles"][0]
    url = document["tiles"][0].removeprefix("http://testserver").format(z=14, x=13524, y=6253)
    tile = released.get(url)
    assert tile.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert tile.headers["gridmap-data-version"] == document["data_version"]
    assert released.get(url.split("&v=")[0]).headers["cache-control"] == "public, max-age=5, must-revalidate"
    assert released.get(url, headers={"If-None-Match": tile.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("counts/14/13524/6253.mvt?by=planet", 422, "by: must be one of cell, city"),
        ("counts/14/13524/6253.mvt?by=cell&resolution=8", 422, "resolution: belongs to by=hex"),
        ("hexes/14/13524/6253.mvt?by=cell", 422, "cells and areas have layers of their own"),
        ("hexes/14/13524/6253.mvt?resolution=11", 422, "must be 6 to 9"),
        ("incidents/14/13524/6253.mvt?of=elements&class=object", 422, "incidents shows incidents"),
        ("counts/8/211/97.mvt?by=cell", 404, "drawn at zooms 10 to 16"),
        ("hexes/5/26/12.mvt", 404, "drawn at zooms 6 to 16"),
        ("hexes/14/16384/0.mvt", 404, "up to 16383"),
        ("hexes/14/13524/6253.mvt?category=witchcraft", 404, "no category"),
        ("hexes.json?category=witchcraft", 404, "no category"),
        ("hexes/14/13524/6253.mvt?hours=8-18", 401, "only as releases"),
        ("hexes/14/13524/6253.mvt?area=120101", 401, "only as releases"),
        ("counts/14/13524/6253.mvt?of=elements", 401, "only as releases"),
        ("hexes/14/13524/6253.mvt?period=2026-08", 401, "Released: 2026-09, 2026-10"),
        ("hexes/14/13524/6253.mvt?period=2026-10&from=2026-10-01", 422, "says from and to already"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(released: TestClient, path: str, status: int, words: str) -> None:
    answer = released.get(f"/tiles/{path}")
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_tiles_far_away_are_empty(released: TestClient, staff: Headers) -> None:
    for layer in COUNT_LAYERS:
        assert released.get(f"/tiles/{layer}/14/0/0.mvt", headers=staff).status_code == 204
    assert Address(14, 0, 0).exists
