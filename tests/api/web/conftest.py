"""The service on a real port, and Debian's Chromium to look at its pages with: no request leaves the machine."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import geopandas
import mapbox_vector_tile
import numpy
import pytest
import shapely
import uvicorn
from playwright.sync_api import Browser, Page
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.app import create_app
from api.deps import Service
from gridmap.crs import from_wgs84
from gridmap.current import Current
from gridmap.hexes import hexes_of, to_text
from gridmap.settings import Settings
from gridmap.store.database import Database

WEB = Path(__file__).parents[3] / "api" / "web"
LIBRARIES = (WEB / "snippets" / "node_modules", WEB / "node_modules")

Wrap = Callable[[Any, Service], Any]


@dataclass(frozen=True)
class Live:
    """A service on a port of its own."""

    url: str
    service: Service
    app: Any
    wrapped: Any


LiveServer = Callable[..., AbstractContextManager[Live]]


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> LiveServer:
    """Runs the application on a free port; ``wrap`` puts an ASGI application around it."""

    @contextmanager
    def run(database: Database, wrap: Wrap | None = None, path: str = "") -> Iterator[Live]:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
            settings = Settings(public_url=f"{origin}{path}" if path else "")
            service = Service(settings, database, Current(database, tmp_path_factory.mktemp("snapshot")))
            app = create_app(service)
            wrapped = app if wrap is None else wrap(app, service)
            server = uvicorn.Server(uvicorn.Config(wrapped, access_log=False, log_level="warning"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()
            for _ in range(600):
                if server.started:
                    break
                time.sleep(0.05)
            assert server.started, "the server did not start"
            yield Live(origin, service, app, wrapped)
            app.state.events.close()
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive(), "the server did not stop"

    return run


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Serves a page from another origin of this machine, as a dashboard would; gives its address.

    Below ``lib/`` are the libraries that set-up installed for the snippets.
    """

    class Handler(BaseHTTPRequestHandler):
        page = ""

        def do_GET(self) -> None:
            body, kind = Handler.page.encode(), "text/html; charset=utf-8"
            if self.path != "/":
                name = self.path.partition("?")[0].removeprefix("/lib/")
                path = next((each / name for each in LIBRARIES if (each / name).is_file()), None)
                body = b"" if path is None else path.read_bytes()
                kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def serve_page(page: str) -> str:
            Handler.page = page
            return f"http://127.0.0.1:{server.server_port}/"

        yield serve_page
        server.shutdown()


@dataclass
class Watched:
    """A page, with every request it made and everything it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def assert_quiet(self, origin: str) -> None:
        """No request to another host, and no word on the console."""
        foreign = [url for url in self.requests if not url.startswith((f"{origin}/", "blob:", "data:"))]
        assert foreign == []
        assert self.complaints == []
        assert any("/tiles/" in url for url in self.requests), "the workers' requests were not watched"


OpenPage = Callable[..., Watched]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens an address in a context of its own and watches it; worker's requests are seen too."""
    with ExitStack() as closing:

        def opened(url: str, **options: Any) -> Watched:
            context = browser.new_context(
                **{"viewport": {"width": 900, "height": 640}, "locale": "zh-CN", **options}
            )
            closing.callback(context.close)
            watched = Watched(context.new_page())
            context.on("request", lambda request: watched.requests.append(request.url))
            watched.page.on(
                "console",
                lambda message: (
                    watched.complaints.append(f"{message.text} {message.location.get('url', '')}")
                    if message.type in ("error", "warning") and "GPU stall" not in message.text
                    else None
                ),
            )
            watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
            watched.page.goto(url)
            return watched

        yield opened


# The share of the commonest colour in a PNG, counted where there is a decoder: in the browser.
COMMONEST = """
async (encoded) => {
  const octets = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([octets], { type: "image/png" }));
  const pen = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  pen.drawImage(picture, 0, 0);
  const pixels = new Uint32Array(pen.getImageData(0, 0, picture.width, picture.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  return [Math.max(...counts.values()) / pixels.length, counts.size];
}
"""


@pytest.fixture
def colours() -> Callable[[Page, bytes], tuple[float, int]]:
    """The share of a picture's commonest colour, and how many colours it has."""

    def count(page: Page, picture: bytes) -> tuple[float, int]:
        share, number = page.evaluate(COMMONEST, base64.b64encode(picture).decode())
        return share, number

    return count


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go, to be looked at."""
    return tmp_path_factory.mktemp("pictures")


class DrawnTiles:
    """Tiles cut from the grid in memory, each feature with the revision that its address names.

    So a page can be asked which revisions a frame shows, whatever changed between them. ``/v1/heatmap`` answers
    with the cells and a made-up count. Everything else goes to the application.
    """

    def __init__(self, app: Any, service: Service, lines: geopandas.GeoDataFrame) -> None:
        self.app = app
        self.service = service
        self.asked: list[str] = []
        self.broken = False
        self._lines = lines.to_crs(3857)
        self._layers: dict[str, tuple[Any, list[dict[str, Any]]]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        tile = re.search(r"/tiles/(\d+)/(\w+)/(\d+)/(\d+)/(\d+)\.mvt$", path)
        if tile is None and not path.endswith("/v1/heatmap"):
            await self.app(scope, receive, send)
            return
        if self.broken:
            await Response(status_code=503, headers={"Access-Control-Allow-Origin": "*"})(scope, receive, send)
            return
        if tile is None:
            body, kind = json.dumps(self._counts(Request(scope).query_params)).encode(), "application/geo+json"
        else:
            self.asked.append(path)
            revision, layer, *address = tile.groups()
            body = await run_in_threadpool(self._tile, int(revision), layer, *map(int, address))
            kind = "application/vnd.mapbox-vector-tile"
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=31536000, immutable"}
        await Response(body, 200 if body else 204, headers, kind)(scope, receive, send)

    def _counts(self, query: Any) -> dict[str, Any]:
        grid = self.service.state.ready.grid
        if query.get("f") != "geojson":
            points = shapely.get_coordinates(shapely.point_on_surface(grid.index.degrees))
            hexes = Counter(hexes_of(points[:, 0], points[:, 1], int(query["resolution"])).tolist())
            rows = [{"hex": to_text(each), "count": count} for each, count in hexes.items()]
            return {"revision": grid.revision.number, "by": "hex", "rows": rows}
        shapes = shapely.to_geojson(grid.index.degrees)
        features = [
            {
                "type": "Feature",
                "geometry": json.loads(shape),
                "properties": {"code": cell.code, "count": cell.id % 60},
            }
            for cell, shape in zip(grid.cells, shapes, strict=True)
        ]
        return {"type": "FeatureCollection", "revision": int(query["revision"]), "features": features}

    def _layer(self, name: str) -> tuple[Any, list[dict[str, Any]]]:
        if name not in self._layers:
            self._layers[name] = self._make_layer(name)
        return self._layers[name]

    def _make_layer(self, name: str) -> tuple[Any, list[dict[str, Any]]]:
        snapshot = self.service.state.ready
        grid = snapshot.grid
        metres = shapely.transform(
            grid.index.degrees, lambda xy: numpy.column_stack(from_wgs84("EPSG:3857", xy[:, 0], xy[:, 1]))
        )
        cells = [{"code": c.code, "name": c.name, "kind": c.kind, "id": c.id} for c in grid.cells]
        if name == "cells":
            return metres, cells
        if name == "lines":
            return self._lines.geometry.to_numpy(), [
                {key: row[key] for key in ("kind", "road_class") if row[key] is not None}
                for row in self._lines.to_dict("records")
            ]
        if name == "labels":
            points = [(shapely.point_on_surface(metres), [{**cell, "level": "cell"} for cell in cells])]
            for level in snapshot.city.levels:
                shapes, areas = self._layer(level)
                points.append((shapely.point_on_surface(shapes), [{**area, "level": level} for area in areas]))
            return numpy.concatenate([p[0] for p in points]), [each for p in points for each in p[1]]
        if name == "overlays":
            return numpy.array([], dtype=object), []
        inside: dict[str, list[int]] = {}
        for position, cell in enumerate(grid.cells):
            area = next(area for area in grid.chain(cell.community) if area.level == name)
            inside.setdefault(area.code, []).append(position)
        shapes = numpy.array([shapely.coverage_union_all(metres[positions]) for positions in inside.values()])
        return shapes, [{"code": code, "name": grid.areas[code].name} for code in inside]

    def _tile(self, revision: int, layer: str, z: int, x: int, y: int) -> bytes:
        shapes, properties = self._layer(layer)
        size = 40_075_016.685578488 / 2**z
        west, north = x * size - 20_037_508.342789244, 20_037_508.342789244 - y * size
        bounds = (west, north - size, west + size, north)
        margin = size / 64
        box = shapely.box(west - margin, north - size - margin, west + size + margin, north + margin)
        found = numpy.flatnonzero(shapely.intersects(shapes, box)) if len(shapes) else []
        features = [
            {
                "geometry": shapely.intersection(shapes[i], box),
                "properties": {**properties[i], "revision": revision},
                "id": properties[i].get("id", i),
            }
            for i in found
        ]
        if not features:
            return b""
        encoded: bytes = mapbox_vector_tile.encode(
            {"name": layer, "features": features}, default_options={"quantize_bounds": bounds, "extents": 4096}
        )
        return encoded


@pytest.fixture(scope="session")
def drawn_tiles(heping_files: Path) -> Wrap:
    """Puts drawn tiles before an application."""
    lines = geopandas.read_parquet(heping_files / "lines.parquet")
    return lambda app, service: DrawnTiles(app, service, lines)


@pytest.fixture(scope="session")
def live(live_server: LiveServer, heping_served: Database, drawn_tiles: Wrap) -> Iterator[Live]:
    """Heping on a port, for tests that only read."""
    with live_server(Database(heping_served.url), drawn_tiles) as running:
        yield running
