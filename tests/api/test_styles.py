"""The styles over HTTP: pinned, cacheable, readable by other pages, and clear about what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from gridmap.access import OPERATOR
from gridmap.actions.base_map import set_base_map
from gridmap.actions.releases import make_release
from gridmap.model import BaseMap
from gridmap.releases.periods import Month
from gridmap.store.database import Database
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next

BASE = BaseMap("xyz", "https://maps.city.example/{z}/{x}/{y}.png", "gcj02", "津S(2026)001")


@pytest.mark.parametrize("crs", ["wgs84", "gcj02", "bd09"])
@pytest.mark.parametrize("name", ["light", "heat"])
def test_the_tiles_that_a_style_names_are_there(client: TestClient, name: str, crs: str) -> None:
    style = client.get(f"/styles/{name}.json?crs={crs}").json()
    asked = 0
    for source in style["sources"].values():
        for url in source.get("tiles", ()):
            z = source["maxzoom"]
            lon, lat = style["center"]
            x = int((lon + 180) / 360 * 2**z)
            y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z)
            path = url.format(z=z, x=x, y=y).removeprefix("http://testserver")
            tile = client.get(path)
            assert tile.status_code in (200, 204), path
            assert "immutable" in tile.headers["cache-control"], path
            asked += 1
    assert asked == 8


def test_a_style_is_asked_for_again_and_told_to_be_the_same(client: TestClient) -> None:
    first = client.get("/styles/light.json")
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["gridmap-revision"] == "1"
    again = client.get("/styles/light.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/styles/light.json?language=en", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_staff_get_live_counts_as_the_heatmap_knows_them(
    client: TestClient, key_for: Callable[..., dict[str, str]]
) -> None:
    staff = key_for(client, "viewer", "120101001")
    query = {"by": "cell", "category": "noise", "from": "2026-01-01", "area": "120101001"}
    answer = client.get("/styles/choropleth.json", params=query, headers=staff)
    style = answer.json()
    data = style["sources"]["counts"]["data"].removeprefix("http://testserver")
    for part in ("of=incidents", "by=cell", "category=noise", "from=2026-01-01", "area=120101001", "revision=1"):
        assert part in data
    assert style["metadata"]["gridmap:data"] == ["counts"]
    assert style["metadata"]["gridmap:counts"].startswith("实时数量")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in answer.headers["vary"]
    assert client.get(data, headers=staff).status_code == 200
    assert client.get(data).status_code == 401


def test_before_the_first_release_there_is_nothing_to_show_and_the_style_says_so(client: TestClient) -> None:
    for name in ("choropleth", "heat"):
        style = client.get(f"/styles/{name}.json?language=en").json()
        assert not [each for each in style["sources"] if each.startswith("counts")]
        assert not [each for each in style["layers"] if each.get("source", "").startswith("counts")]
        facts = style["metadata"]
        assert (facts["gridmap:released"], facts["gridmap:legend"]) == ([], [])
        assert facts["gridmap:counts"] == "No counts have been released yet"
    for query in ("period=2026-10", "from=2026-10-01&to=2026-11-01", "measure=per_km2", "of=elements"):
        assert client.get(f"/styles/choropleth.json?{query}").status_code == 401, query


@pytest.fixture(scope="module")
def redrawn(serve: Callable[..., Any], make_copy: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a copy of Heping with a release on revision 1 and a redraw, revision 2, after it."""
    with make_copy("heping_styles") as database:
        make_release(database, OPERATOR, Month(2026, 10), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        grid = grid_of(database)
        publish_next(database, a_split(grid, np.random.default_rng(1), "x"), grid)
        with serve(database) as running:
            yield running


@pytest.mark.parametrize("name", ["choropleth", "heat"])
def test_everybody_else_gets_the_newest_release_on_its_own_grid(redrawn: TestClient, name: str) -> None:
    assert redrawn.get("/v1/revisions/current").json()["revision"] == 2
    answer = redrawn.get(f"/styles/{name}.json?language=en&category=parking")
    style, facts = answer.json(), answer.json()["metadata"]
    assert (facts["gridmap:revision"], facts["gridmap:released"]) == (1, ["2026-10"])
    assert answer.headers["cache-control"] == "no-cache"
    assert "2026-10" in facts["gridmap:counts"]
    assert "below 3" in facts["gridmap:counts"]
    for source in style["sources"].values():
        for url in source.get("tiles", ()):
            assert "/tiles/1/" in url, "a map of two revisions"
    for source in facts["gridmap:data"]:
        path = style["sources"][source]["data"].removeprefix("http://testserver")
        counts = redrawn.get(path).json()
        assert (counts["revision"], counts["released"]) == (1, ["2026-10"])
        assert all(one["properties"]["count"] in (0, *range(3, 10**6)) for one in counts["features"])
    if name == "choropleth":
        assert [entry["label"] for entry in facts["gridmap:legend"]][-1] == "hidden"
        assert {one["properties"]["count"] for one in counts["features"]} >= {0}
        ended = redrawn.get(f"/v1/cells/{counts['features'][0]['id']}", params={"revision": 1})
        assert ended.status_code == 200
    assert redrawn.get(f"/styles/{name}.json?category=parking&revision=1").status_code == 200
    refused = redrawn.get(f"/styles/{name}.json?category=parking&revision=2")
    assert (refused.status_code, "revision 1 only" in refused.json()["detail"]) == (404, True)


def test_staff_of_another_place_get_releases(redrawn: TestClient, key_for: Callable[..., dict[str, str]]) -> None:
    neighbour = key_for(redrawn, "caseworker", "120102")
    style = redrawn.get("/styles/choropleth.json?area=120101", headers=neighbour).json()
    assert style["metadata"]["gridmap:released"] == ["2026-10"]
    assert "area=" not in style["sources"]["counts"]["data"]


def test_a_style_of_a_time_is_of_the_revision_of_that_time(client: TestClient) -> None:
    then = client.get("/styles/light.json", params={"at": "2026-11-22T00:00:00"})
    assert then.json()["metadata"]["gridmap:revision"] == 1
    before = client.get("/styles/light.json", params={"at": "1999-01-01T00:00:00"})
    assert before.status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/styles/pink.json", 422, "pink"),
        ("/styles/light.json?revision=2", 404, "no revision 2"),
        ("/styles/light.json?revision=0", 422, "revision"),
        ("/styles/light.json?crs=EPSG:4548", 422, "crs"),
        ("/styles/light.json?crs=GCJ02", 422, "crs"),
        ("/styles/choropleth.json?breaks=3,1", 422, "breaks"),
        ("/styles/choropleth.json?breaks=1e999", 422, "breaks"),
        ("/styles/choropleth.json?breaks=1,,2", 422, "breaks"),
        ("/styles/choropleth.json?breaks=" + ",".join(map(str, range(13))), 422, "12 numbers"),
        ("/styles/choropleth.json?by=planet", 422, "cell, hex or one of city"),
        ("/styles/choropleth.json?category=%00", 422, "category"),
        ("/styles/heat.json?resolution=16", 422, "resolution"),
        ("/styles/light.json?at=0001-01-01T00:00:00", 422, "year"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, path: str, status: int, word: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert word in answer.text


def test_a_base_map_is_set_while_the_city_is_served(writer: TestClient, heping_copy: Database) -> None:
    set_base_map(heping_copy, OPERATOR, BASE)
    writer.app.state.service.current.refresh()  # type: ignore[attr-defined]
    style = writer.get("/styles/light.json").json()
    assert style["sources"]["base_map"]["tiles"] == [BASE.url]
    assert style["metadata"]["gridmap:crs"] == "gcj02"
    assert "crs=gcj02" in style["sources"]["cells"]["tiles"][0]
    style = writer.get("/styles/light.json?crs=wgs84").json()
    assert "base_map" not in style["sources"], "half a kilometre off under tiles in WGS 84"
    assert "crs" not in style["sources"]["cells"]["tiles"][0]
    style = writer.get("/styles/light.json?base_map=redrawn").json()
    assert style["sources"]["base_map"]["tiles"] == [
        "gcj02://https://maps.city.example/[z]/[x]/[y].png#{z}/{x}/{y}"
    ]
    assert "津S(2026)001" in style["sources"]["base_map"]["attribution"]
    assert "base_map" not in writer.get("/styles/light.json?base_map=no").json()["sources"]
    assert "https://maps.city.example" in writer.get("/embed").headers["content-security-policy"]
    assert writer.get("/v1/city").json()["base_map"]["approval_number"] == "津S(2026)001"
    set_base_map(heping_copy, OPERATOR, None)
    writer.app.state.service.current.refresh()  # type: ignore[attr-defined]
    assert "base_map" not in writer.get("/styles/light.json").json()["sources"]


def test_the_pages_let_nothing_in_from_elsewhere(client: TestClient) -> None:
    for path, ancestors in (("/", "'none'"), ("/embed", "*")):
        answer = client.get(path)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == ancestors
        assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=", answer.text)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)
        for asset in re.findall(r"(?:src|href)=\"(web/[^\"]+)\"", answer.text):
            assert client.get(f"/{asset}").status_code == 200


def test_styles_name_their_tiles_by_the_public_address(serve: Callable[..., Any], heping_served: Database) -> None:
    with serve(Database(heping_served.url), public_url="https://city.example/gridmap") as proxied:
        style = proxied.get("/styles/light.json").json()
    assert style["sources"]["cells"]["tiles"] == ["https://city.example/gridmap/tiles/1/cells/{z}/{x}/{y}.mvt"]
