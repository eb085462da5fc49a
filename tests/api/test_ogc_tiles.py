"""OGC API Tiles describes the tile routes where they are there, and nothing where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.ogc.documents import TILES_CONFORMANCE
from api.ogc.tilesets import TILE_PATH, are_served

REVISION = 1


@pytest.fixture
def with_tiles(client: TestClient) -> Iterator[TestClient]:
    """A client of an application that has a route for tiles."""
    app: Any = client.app
    if are_served(app):
        yield client
        return

    async def tile() -> None:
        """Stands for the tiles."""

    app.add_api_route(TILE_PATH, tile)
    app.openapi_schema = None
    yield client
    app.router.routes.pop()
    app.openapi_schema = None


def get(client: TestClient, path: str) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_tilesets_name_pinned_tiles_and_their_tilejson(with_tiles: TestClient) -> None:
    assert set(TILES_CONFORMANCE) <= set(get(with_tiles, "/ogc/conformance")["conformsTo"])
    for name in ("cells", "city", "district", "street", "community", "overlays"):
        collection = get(with_tiles, f"/ogc/collections/{name}")
        (to_tiles,) = (link for link in collection["links"] if link["rel"].endswith("tilesets-vector"))
        (listed,) = get(with_tiles, to_tiles["href"].removeprefix("http://testserver"))["tilesets"]
        links = {link["rel"].rpartition("/")[2]: link for link in listed["links"]}
        own = get(with_tiles, links["self"]["href"].removeprefix("http://testserver"))
        assert own == listed
        assert own["revision"] == REVISION
        assert links["describedby"]["href"] == f"http://testserver/tiles/{name}.json"
        tiles = f"http://testserver/tiles/{REVISION}/{name}/{{tileMatrix}}/{{tileCol}}/{{tileRow}}.mvt"
        assert (links["item"]["href"], links["item"]["templated"]) == (tiles, True)
        scheme = get(with_tiles, links["tiling-scheme"]["href"].removeprefix("http://testserver"))
        assert scheme["uri"] == listed["tileMatrixSetURI"]


def test_web_mercator_quad(client: TestClient) -> None:
    matrices = get(client, "/ogc/tileMatrixSets/WebMercatorQuad")["tileMatrices"]
    for zoom, matrix in enumerate(matrices):
        assert matrix["id"] == str(zoom)
        assert matrix["matrixWidth"] * matrix["tileWidth"] * matrix["cellSize"] == pytest.approx(40075016.68557849)
        # OGC's pixel is 0.28 mm wide
        assert matrix["scaleDenominator"] * 0.00028 == pytest.approx(matrix["cellSize"])


def test_staff_collections_have_no_tiles(with_tiles: TestClient, key_for: Any) -> None:
    staff = key_for(with_tiles, "caseworker", "120000")
    assert with_tiles.get("/ogc/collections/incidents/tiles").status_code == 401
    assert with_tiles.get("/ogc/collections/incidents/tiles", headers=staff).status_code == 404
    assert with_tiles.get("/ogc/collections/cells/tiles/WorldCRS84Quad").status_code == 404


def test_without_tiles_nothing_is_declared(client: TestClient) -> None:
    if are_served(client.app):  # type: ignore[arg-type]
        pytest.skip("this application serves tiles")
    assert not set(TILES_CONFORMANCE) & set(get(client, "/ogc/conformance")["conformsTo"])
    assert client.get("/ogc/collections/cells/tiles").status_code == 404
    rels = {link["rel"] for link in get(client, "/ogc/collections/cells")["links"]}
    assert not any("tilesets" in rel for rel in rels)
