"""A city's own base map under the grid: in every tile grid its pictures come to lie where they belong."""

from __future__ import annotations

import base64
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from gridmap.access import OPERATOR
from gridmap.actions.base_map import set_base_map
from gridmap.crs import from_wgs84, to_wgs84
from gridmap.model import BASE_MAP_CRS, BaseMap
from gridmap.store.database import Database

pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops:DeprecationWarning")

INSIDE, OUTSIDE = (200, 60, 40), (40, 60, 200)
BESIDE_M = 60.0

# The colours of a picture at some places.
PIXELS = """
async ([encoded, places]) => {
  const octets = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([octets], { type: "image/png" }));
  const pen = new OffscreenCanvas(picture.width, picture.height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  return places.map((place) => {
    const { x, y } = window.gridmap.map.project(place);
    return [...pen.getImageData(Math.round(x), Math.round(y), 1, 1).data.slice(0, 3)];
  });
}
"""


def png(inside: np.ndarray) -> bytes:
    """A picture of two colours."""
    pixels = np.where(inside[..., None], np.uint8(INSIDE), np.uint8(OUTSIDE))
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", inside.shape[1], inside.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def picture(outline: shapely.Geometry, crs: str, z: int, x: int, y: int) -> bytes:
    """A base map's tile: the city in one colour, as its publisher would draw it in that tile grid."""
    across = (x + (np.arange(256) + 0.5) / 256) / 2**z * 360 - 180
    down = (y + (np.arange(256) + 0.5) / 256) / 2**z
    lat = 90 - down * 360 if crs == "cgcs2000" else np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * down))))
    lons, lats = (each.ravel() for each in np.meshgrid(across, lat))
    lons, lats = to_wgs84(BASE_MAP_CRS[crs], lons, lats)
    return png(shapely.contains_xy(outline, lons, lats).reshape(256, 256))


@pytest.fixture
def publisher() -> Iterator[Callable[[shapely.Geometry, str], str]]:
    """Serves base maps; gives the address of one."""
    drawn: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match = re.fullmatch(r"/([\w:]+)/(\d+)/(\d+)/(\d+)\.png", self.path)
            assert match is not None
            body = picture(drawn[match[1]], match[1], *map(int, match.groups()[1:]))
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def publish(outline: shapely.Geometry, crs: str) -> str:
            drawn[crs] = outline
            return f"http://127.0.0.1:{server.server_port}/{crs}/{{z}}/{{x}}/{{y}}.png"

        yield publish
        server.shutdown()


@pytest.mark.parametrize(
    "every", [("gcj02",), pytest.param(("cgcs2000", "bd09", "EPSG:3857"), marks=pytest.mark.soak)]
)
def test_base_maps_lie_where_they_belong(
    live_server: Any,
    heping_copy: Database,
    drawn_tiles: Any,
    open_page: Callable[..., Any],
    publisher: Callable[[shapely.Geometry, str], str],
    pictures: Path,
    every: tuple[str, ...],
) -> None:
    with live_server(heping_copy, drawn_tiles) as running:
        outline = shapely.union_all(running.service.state.ready.grid.index.degrees)
        shapely.prepare(outline)
        inner, outer = (places_beside(outline, distance) for distance in (-BESIDE_M, BESIDE_M))
        for crs in every:
            base = BaseMap("xyz", publisher(outline, crs), crs, "津S(2026)001", "City survey")
            set_base_map(heping_copy, OPERATOR, base)
            running.service.current.refresh()
            watched = open_page(f"{running.url}/embed?language=en&layer=nothing")
            page = watched.page
            page.wait_for_selector("html[data-revision] #stage:not([aria-busy])", timeout=180_000)
            shot = page.locator(".surface canvas").screenshot(path=pictures / f"base_{crs}.png".replace(":", ""))
            seen = page.evaluate(PIXELS, [base64.b64encode(shot).decode(), [*inner, *outer]])
            # Pixels are blended where pictures are scaled; the one colour is redder than blue, the other bluer.
            redder = [red > blue for red, _, blue in seen]
            assert redder == [True] * len(inner) + [False] * len(outer), crs
            assert any((abs(np.subtract(each, INSIDE)) < 8).all() for each in seen)
            assert "City survey 津S(2026)001" in page.inner_text("#credits")
            assert watched.complaints == []


SHOWN_CELLS = """
(places) => places.map((place) => {
  const found = window.gridmap.map.queryRenderedFeatures(window.gridmap.map.project(place), { layers: ["cells"] });
  return [...new Set(found.map((each) => each.properties.code))];
})
"""


def test_over_a_base_map_as_it_is_the_grid_comes_in_its_crs(
    live_server: Any,
    heping_copy: Database,
    open_page: Callable[..., Any],
    publisher: Callable[[shapely.Geometry, str], str],
) -> None:
    with live_server(heping_copy) as running:
        grid = running.service.state.ready.grid
        outline = shapely.union_all(grid.index.degrees)
        shapely.prepare(outline)
        base = BaseMap("xyz", publisher(outline, "gcj02"), "gcj02", "津S(2026)001", "City survey")
        set_base_map(heping_copy, OPERATOR, base)
        running.service.current.refresh()
        watched = open_page(f"{running.url}/embed?language=en&layer=cells&base_map=plain")
        page = watched.page
        page.wait_for_selector("html[data-revision] #stage:not([aria-busy])", timeout=180_000)
        sources = page.evaluate("window.gridmap.map.getStyle().sources")
        assert sources["base_map"]["tiles"] == [base.url]
        tiles = [url for each in sources.values() if each["type"] == "vector" for url in each["tiles"]]
        assert tiles
        assert all("crs=gcj02" in url for url in tiles)
        west, south, east, north = outline.bounds
        rng = np.random.default_rng(3)
        lon, lat = rng.uniform(west, east, 600), rng.uniform(south, north, 600)
        edges = shapely.STRtree(shapely.boundary(grid.index.degrees))
        near = edges.query(shapely.points(lon, lat), predicate="dwithin", distance=0.0003)[0]
        lon, lat = np.delete(lon, np.unique(near)), np.delete(lat, np.unique(near))
        found = shapely.STRtree(grid.index.degrees).query(shapely.points(lon, lat), predicate="within")
        expected: list[list[str]] = [[] for _ in lon]
        for at, cell in found.T.tolist():
            expected[at].append(grid.cells[cell].code)
        moved = np.column_stack(from_wgs84("gcj02", lon, lat)).tolist()
        assert sum(map(bool, expected)) > 10
        assert page.evaluate(SHOWN_CELLS, moved) == expected
        assert watched.complaints == []


def places_beside(outline: shapely.Geometry, distance_m: float) -> list[tuple[float, float]]:
    """Places along the outline, so far outside it (or, below 0, inside)."""
    metres = shapely.transform(
        outline, lambda xy: np.column_stack(from_wgs84("EPSG:4548", xy[:, 0], xy[:, 1]))
    ).buffer(distance_m)
    ring = shapely.get_parts(metres)[0].exterior
    along = [ring.interpolate(share, normalized=True) for share in np.linspace(0, 1, 24, endpoint=False)]
    lon, lat = to_wgs84("EPSG:4548", [each.x for each in along], [each.y for each in along])
    return [(float(x), float(y)) for x, y in zip(lon, lat, strict=True)]
