"""Tiles over HTTP: what is pinned, what is current, what is kept, and what is refused."""

from __future__ import annotations

import gzip
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import brotli
import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.deps import Service
from api.tiles import FOREVER, SHORTLY
from gridmap.access import OPERATOR
from gridmap.actions.publish import publish
from gridmap.cluster import OWNER
from gridmap.crs import from_wgs84
from gridmap.errors import Unavailable
from gridmap.store.database import Database
from tests.gridmap.actions.test_publish import a_split, grid_of
from tests.tiles.decoding import Around, decode
from tiles.encode import Tile
from tiles.serving import TileServer

Serve = Callable[..., AbstractContextManager[TestClient]]

# In the middle of Heping, and a corner of the world where nothing is.
HERE = "14/13525/6254"
NOWHERE = "14/0/0"
PLAIN = {"Accept-Encoding": "identity"}


def tiles_of(client: TestClient) -> TileServer:
    tiles: TileServer = client.app.state.tiles  # type: ignore[attr-defined]
    return tiles


@pytest.fixture
def fresh(serve: Serve, heping_served: Database, tmp_path: Path) -> Iterator[TestClient]:
    """A service that keeps no tile yet."""
    with serve(heping_served, tmp_path) as running:
        yield running


@pytest.mark.parametrize("kept", [False, True], ids=["made", "from memory"])
def test_a_pinned_tile_is_good_forever(fresh: TestClient, kept: bool) -> None:
    path = f"/tiles/1/cells/{HERE}.mvt"
    if kept:
        fresh.get(path)
    response = fresh.get(path, headers=PLAIN)
    assert response.status_code == 200
    headers = response.headers
    assert headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert headers["cache-control"] == FOREVER == "public, max-age=31536000, immutable"
    assert headers["gridmap-revision"] == "1"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["vary"] == "Accept-Encoding"
    assert headers["x-content-type-options"] == "nosniff"
    assert int(headers["content-length"]) == len(response.content) > 1000
    cells = decode(response.content)["cells"]
    assert all(cell.properties["code"].startswith("120101") for cell in cells)


@pytest.mark.parametrize("kept", [False, True], ids=["made", "from memory"])
def test_a_current_tile_is_asked_for_again_with_its_tag(fresh: TestClient, kept: bool) -> None:
    path = f"/tiles/cells/{HERE}.mvt"
    first = fresh.get(path)
    if not kept:
        tiles_of(fresh).cache._memory.clear()
    assert first.headers["cache-control"] == SHORTLY == "public, max-age=5, must-revalidate"
    tag = first.headers["etag"]
    again = fresh.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert again.headers["gridmap-revision"] == "1"
    assert "content-encoding" not in again.headers
    assert fresh.get(path, headers={"If-None-Match": f'"x", {tag}'}).status_code == 304
    other = fresh.get(path, headers={"If-None-Match": 'W/"0123456789abcdef"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("kept", [False, True], ids=["made", "from memory"])
def test_gzip_and_brotli_hold_the_same_bytes(fresh: TestClient, kept: bool) -> None:
    path = f"/tiles/1/community/{HERE}.mvt"
    if kept:
        fresh.get(path)
    bodies = {}
    for encoding in ("identity", "gzip", "br"):
        with fresh.stream("GET", path, headers={"Accept-Encoding": encoding}) as response:
            bodies[encoding] = b"".join(response.iter_raw())
            assert response.headers.get("content-encoding", "identity") == encoding
            assert int(response.headers["content-length"]) == len(bodies[encoding])
    assert gzip.decompress(bodies["gzip"]) == brotli.decompress(bodies["br"]) == bodies["identity"]
    assert max(len(bodies["br"]), len(bodies["gzip"])) < 0.8 * len(bodies["identity"])


@pytest.mark.parametrize("kept", [False, True], ids=["made", "from memory"])
def test_head_is_get_without_its_body(fresh: TestClient, kept: bool) -> None:
    for path in (f"/tiles/1/street/{HERE}.mvt", f"/tiles/street/{HERE}.mvt", "/tiles/street.json"):
        if kept:
            fresh.get(path)
        head = fresh.head(path)
        assert (head.status_code, head.content) == (200, b"")
        got = fresh.get(path)
        assert got.content
        assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize("kept", [False, True], ids=["made", "from memory"])
def test_an_empty_tile_has_no_content(fresh: TestClient, kept: bool) -> None:
    path = f"/tiles/1/cells/{NOWHERE}.mvt"
    if kept:
        fresh.get(path)
    response = fresh.get(path)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["cache-control"] == FOREVER
    assert "content-type" not in response.headers


def test_pages_of_other_hosts_may_read_tiles_and_what_is_wrong_with_them(fresh: TestClient) -> None:
    asked = {"Origin": "https://dashboard.example", "Access-Control-Request-Method": "GET"}
    for path in (f"/tiles/1/cells/{HERE}.mvt", "/tiles/cells.json", f"/tiles/nothing/{HERE}.mvt"):
        preflight = fresh.options(path, headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "GET" in preflight.headers["access-control-allow-methods"]
        assert fresh.get(path, headers=asked).headers["access-control-allow-origin"] == "*"
    elsewhere = fresh.options("/v1/city", headers=asked)
    assert (elsewhere.status_code, elsewhere.headers.get("access-control-allow-headers")) == (405, None)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/tiles/1/nothing/14/1/1.mvt", 404, "no geometry layer 'nothing'; there are city"),
        ("/tiles/2/cells/14/1/1.mvt", 404, "no revision 2"),
        ("/tiles/2147483647/cells/14/1/1.mvt", 404, "no revision 2147483647"),
        ("/tiles/cells/9/1/1.mvt", 404, "zooms 10 to 16, not 9"),
        ("/tiles/cells/17/1/1.mvt", 404, "zooms 10 to 16, not 17"),
        ("/tiles/cells/10/1024/1.mvt", 404, "up to 1023"),
        ("/tiles/1/city/3/0/0.mvt", 404, "zooms 4 to 16"),
        ("/tiles/0/cells/14/1/1.mvt", 422, "greater than or equal to 1"),
        ("/tiles/99999999999/cells/14/1/1.mvt", 422, "revision"),
        ("/tiles/cells/-1/1/1.mvt", 422, "z:"),
        ("/tiles/cells/14/1.5/1.mvt", 422, "x:"),
        ("/tiles/cells/14/1/99999999999999999999.mvt", 422, "y:"),
        ("/tiles/cells/NaN/1/1.mvt", 422, "z:"),
        ("/tiles/one/cells/14/1/1.mvt", 422, "revision:"),
        ("/tiles/ce%00lls/14/1/1.mvt", 422, "layer:"),
        ("/tiles/nothing.json", 404, "no geometry layer"),
        ("/tiles/7/cells.json", 404, "no revision 7"),
        ("/tiles/0/cells.json", 422, "revision:"),
        ("/tiles/1/cells/14/1/1.mvt?crs=cgcs2000", 422, "crs:"),
        ("/tiles/cells/14/1/1.mvt?crs=", 422, "crs:"),
        ("/tiles/cells/14/1/1.mvt?crs=GCJ02", 422, "crs:"),
        ("/tiles/1/cells/14/1/1.mvt?crs=gcj02&crs=EPSG:4326", 422, "crs:"),
        ("/tiles/cells.json?crs=EPSG:3857", 422, "crs:"),
        ("/tiles/1/cells/9/1/1.mvt?crs=bd09", 404, "zooms 10 to 16, not 9"),
    ],
)
def test_what_there_is_not_is_refused_by_name(fresh: TestClient, path: str, status: int, said: str) -> None:
    response = fresh.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert said in response.json()["detail"]
    assert response.headers["cache-control"] == "no-store"


def test_tilejson_names_pinned_tiles_that_are_there(fresh: TestClient) -> None:
    for layer in ("cells", "city", "district", "street", "community", "labels", "overlays", "lines"):
        response = fresh.get(f"/tiles/{layer}.json")
        document = response.json()
        assert (document["tilejson"], document["revision"]) == ("3.0.0", 1)
        (url,) = document["tiles"]
        assert url.startswith(f"http://testserver/tiles/1/{layer}/")
        assert fresh.get(f"/tiles/1/{layer}.json").json() == document
        (described,) = document["vector_layers"]
        assert described["id"] == layer
        assert "虚构" in document["attribution"]
        west, south, east, north = document["bounds"]
        assert west < 117.195 < east
        assert south < 39.118 < north
        tile = fresh.get(url.format(z=14, x=13525, y=6254))
        assert tile.status_code == 200
        assert tile.headers["cache-control"] == FOREVER
        seen = {name for feature in decode(tile.content)[layer] for name in feature.properties}
        assert seen <= described["fields"].keys()
        assert (
            fresh.get(f"/tiles/{layer}.json", headers={"If-None-Match": response.headers["etag"]}).status_code
            == 304
        )


@pytest.mark.parametrize("public_url", ["https://city.example/gridmap", "https://city.example"])
def test_tiles_live_under_the_public_address(serve: Serve, heping_served: Database, public_url: str) -> None:
    prefix = public_url.removeprefix("https://city.example")
    with serve(heping_served, public_url=public_url) as proxied:
        (url,) = proxied.get(f"{prefix}/tiles/cells.json").json()["tiles"]
        assert url == f"{public_url}/tiles/1/cells/{{z}}/{{x}}/{{y}}.mvt"
        for _ in range(2):  # made, then from memory
            for path in (f"{prefix}/tiles/1/cells/{HERE}.mvt", f"/tiles/1/cells/{HERE}.mvt"):
                assert proxied.get(path).status_code == 200


def test_what_no_revision_pins_is_pinned_by_its_version(
    writer: TestClient, service_of: Callable[..., Service]
) -> None:
    (url,) = writer.get("/tiles/overlays.json").json()["tiles"]
    path = url.removeprefix("http://testserver").format(z=14, x=13525, y=6254)
    before = writer.get(path)
    assert before.headers["cache-control"] == FOREVER
    assert writer.get(path.partition("?")[0]).headers["cache-control"] == SHORTLY
    service = service_of(writer)
    with Database(service.database.url.set(username=OWNER)).begin(OPERATOR) as connection:
        connection.exec_driver_sql("UPDATE overlay SET name = name || '（改）'")
    service.current.refresh()
    after = writer.get(path)
    assert after.headers["cache-control"] == SHORTLY, "the old address names what has changed"
    assert after.content != before.content
    (renewed,) = writer.get("/tiles/overlays.json").json()["tiles"]
    assert renewed != url


def test_many_who_ask_at_once_cause_one_query(fresh: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered, fetched = TileServer._rendered, TileServer.tile
    asked, queries, all_here = [], [], threading.Event()

    async def counted(self: TileServer, *arguments: Any) -> Tile:
        asked.append(arguments)
        if len(asked) == 100:
            all_here.set()
        return await fetched(self, *arguments)

    def slow(self: TileServer, *arguments: Any) -> bytes:
        queries.append(arguments)
        assert all_here.wait(60), "all of them ask while the first query runs"
        return rendered(self, *arguments)

    monkeypatch.setattr(TileServer, "tile", counted)
    monkeypatch.setattr(TileServer, "_rendered", slow)
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(fresh.get, [f"/tiles/1/cells/{HERE}.mvt"] * 100))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(queries) == 1


def test_an_error_is_not_kept(fresh: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(TileServer, "_rendered", lambda *_: 1 / 0)
        broken = TestClient(fresh.app, raise_server_exceptions=False)
        assert broken.get(f"/tiles/1/cells/{HERE}.mvt").status_code == 500
    assert fresh.get(f"/tiles/1/cells/{HERE}.mvt").status_code == 200


def test_kept_tiles_are_counted_in_the_metrics(fresh: TestClient) -> None:
    def count() -> float:
        wanted = 'gridmap_request_seconds_count{route="/tiles/{revision}/{layer}/{z}/{x}/{y}.mvt",status="200"}'
        lines = [line for line in fresh.get("/metrics").text.splitlines() if line.startswith(wanted)]
        return float(lines[0].split()[-1]) if lines else 0.0

    before = count()
    for _ in range(3):
        fresh.get(f"/tiles/1/cells/{HERE}.mvt")
    assert count() == before + 3


def test_after_a_redraw_the_current_tiles_are_the_new_ones_and_the_rest_is_kept(
    writer: TestClient, service_of: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = service_of(writer)
    grid = grid_of(service.database)
    paths = [f"/tiles/cells/16/{x}/{y}.mvt" for x in range(54098, 54108) for y in range(25014, 25024)]
    before = {path: writer.get(path) for path in paths}
    change = a_split(grid, np.random.default_rng(4), "S")
    valid_from = grid.revision.valid_from + timedelta(days=30)
    publish(service.database, OPERATOR, 1, change, valid_from, "a split", lambda _: None)
    service.current.refresh()
    made = []
    rendered = TileServer._rendered
    monkeypatch.setattr(TileServer, "_rendered", lambda *given: made.append(given[2]) or rendered(*given))
    after = {path: writer.get(path) for path in paths}
    assert {answer.headers["gridmap-revision"] for answer in after.values()} == {"2"}
    changed = {path for path in paths if after[path].content != before[path].content}
    again = {f"/tiles/cells/16/{each.address.x}/{each.address.y}.mvt" for each in made}
    assert changed
    assert changed <= again
    assert len(again) < len(paths) / 3, "what the redraw did not touch is the very same tile"
    codes = {
        feature.properties["code"]
        for path in changed
        for feature in decode(writer.get(path, headers=PLAIN).content).get("cells", [])
    }
    assert set(change.drawn) <= codes
    assert not set(change.ended) & codes
    for path in paths:
        pinned = writer.get(path.replace("/tiles/", "/tiles/1/"))
        assert (pinned.content, pinned.headers["gridmap-revision"]) == (before[path].content, "1")


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_what_a_tile_shows_is_what_a_lookup_in_the_same_system_says(fresh: TestClient, crs: str) -> None:
    (url,) = fresh.get(f"/tiles/cells.json?crs={crs}").json()["tiles"]
    z, rng, same, elsewhere = 16, np.random.default_rng(7), 0, 0
    for lon, lat in rng.uniform((117.185, 39.105), (117.215, 39.130), (60, 2)).tolist():
        point = {"lon": lon, "lat": lat, "crs": crs}
        answer = fresh.get("/v1/coverage", params=point).json()
        if answer["status"] == "covered" and answer["edge_distance_m"] < 1:
            continue
        x, y = (lon + 180) / 360 * 2**z, (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
        place = ((x % 1) * 4096, (y % 1) * 4096)
        codes = {}
        for asked in (url, url.replace(f"?crs={crs}", "")):
            tile = fresh.get(asked.format(z=z, x=int(x), y=int(y)), headers=PLAIN)
            features = decode(tile.content)["cells"] if tile.content else []
            named = {each.id: each.properties["code"] for each in features}
            codes[asked] = [named[each] for each in Around(features).at(*place)]
        expected = [] if answer["cell"] is None else [answer["cell"]["code"]]
        assert codes[url] == expected, point
        same += 1
        elsewhere += codes[url.replace(f"?crs={crs}", "")] != expected
    assert same > 30
    assert elsewhere > same / 2, "read in WGS 84 the same place is another cell"


def test_each_system_has_tiles_of_its_own(fresh: TestClient) -> None:
    path = f"/tiles/1/cells/{HERE}.mvt"
    asked = {crs: f"{path}?crs={crs}" for crs in ("wgs84", "gcj02", "bd09")}
    made = {crs: fresh.get(url) for crs, url in asked.items()}
    assert len({answer.content for answer in made.values()}) == 3
    assert len({answer.headers["etag"] for answer in made.values()}) == 3
    assert made["wgs84"].content == fresh.get(path).content
    assert {answer.headers["cache-control"] for answer in made.values()} == {FOREVER}
    tiles_of(fresh).cache._memory.clear()
    for crs, url in asked.items():  # from memory and from disk
        for _ in range(2):
            assert fresh.get(url).content == made[crs].content
        assert fresh.get(url, headers={"If-None-Match": made[crs].headers["etag"]}).status_code == 304
        assert fresh.get(url.replace("/1/", "/")).content == made[crs].content


def test_tilejson_of_another_system_names_its_tiles(fresh: TestClient) -> None:
    plain = fresh.get("/tiles/overlays.json").json()
    for crs in ("gcj02", "bd09"):
        document = fresh.get(f"/tiles/overlays.json?crs={crs}").json()
        assert (document["crs"], plain["crs"]) == (crs, "wgs84")
        assert document["tiles"] == [f"{plain['tiles'][0]}&crs={crs}"]
        assert fresh.get(document["tiles"][0].format(z=14, x=13525, y=6254)).headers["cache-control"] == FOREVER
        west, south, *_ = document["bounds"]
        lon, lat = from_wgs84(crs, plain["bounds"][0], plain["bounds"][1])
        assert -0.0001 < lon - west < 0.001
        assert -0.0001 < lat - south < 0.001


def test_why_a_tile_cannot_be_made_is_said_once_tried(fresh: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def busy(*_: object) -> bytes:
        tried.append(1)
        raise Unavailable("all database connections are busy")

    monkeypatch.setattr(TileServer, "_rendered", busy)
    answer = fresh.get(f"/tiles/1/cells/{HERE}.mvt")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "busy" in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert len(tried) == 1
