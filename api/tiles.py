"""How a tile is answered, and the application in front of all others that answers tiles.

The framework's way to a handler takes longer than a kept tile does, and longer than a small one takes to be made.
What is wrong goes on to ``routes/tiles.py``, which says so and otherwise answers in the same way.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders

from api.metrics import seconds
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import GridMapError
from tiles.address import Address
from tiles.encode import Encoding, Tile, chosen
from tiles.layers import TILE_CRS
from tiles.serving import TileServer, Wanted

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.deps import Service

PINNED = "/tiles/{revision}/{layer}/{z}/{x}/{y}.mvt"
CURRENT = "/tiles/{layer}/{z}/{x}/{y}.mvt"
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
REVISION_HEADER = "GridMap-Revision"

FOREVER = "public, max-age=31536000, immutable"
SHORTLY = "public, max-age=5, must-revalidate"
# What anybody may see anybody's page may show.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"{REVISION_HEADER}, ETag",
}
_PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
    "Content-Length": "0",
}

# Where in a request the error stands that a tile could not be made for.
FAILED = "gridmap.tile_failed"
# What TileJSON's ``v`` may be long.
LONGEST_VERSION = 64
_TILE = re.compile(r"/tiles/(?:([0-9]{1,10})/)?([a-z][a-z0-9_]{0,63})/([0-9]{1,2})/([0-9]{1,9})/([0-9]{1,9})\.mvt")
_TILES_PATH = "/tiles/"
_ANSWERS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the headers that go before a tile's body."""

    status: int
    headers: dict[str, str]


def answer(wanted: Wanted, tile: Tile, encoding: Encoding, length: int, *, forever: bool) -> Answer:
    """The answer for a tile; ``length`` is that of its body. 204 when there is nothing to draw."""
    headers = {
        "Cache-Control": FOREVER if forever else SHORTLY,
        "ETag": f'W/"{tile.tag}"',
        REVISION_HEADER: str(wanted.revision),
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        **CORS,
    }
    if tile.empty:
        return Answer(204, headers)
    headers |= {"Content-Type": MEDIA_TYPE, "Content-Length": str(length)}
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    return Answer(200, headers)


def unchanged(answered: Answer, if_none_match: str | None) -> Answer | None:
    """The 304 that is answered to whoever has the tile already; None for whoever has not."""
    if if_none_match is None:
        return None
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    if "*" not in tags and answered.headers["ETag"].removeprefix("W/") not in tags:
        return None
    left_out = {"Content-Type", "Content-Length", "Content-Encoding"}
    return Answer(304, {name: value for name, value in answered.headers.items() if name not in left_out})


def lasts_forever(wanted: Wanted, pinned: bool, version: str | None) -> bool:
    """Whether an address will always name the same bytes: it names a revision, or the version of another part."""
    if wanted.layer.part is None:
        return pinned
    return pinned and version == wanted.mark


class KeptTiles:
    """Answers tiles, and what a browser asks before it asks; lets all that is wrong, and everything else, pass."""

    def __init__(self, app: ASGIApp, service: Service, tiles: TileServer) -> None:
        self._app = app
        self._service = service
        self._tiles = tiles
        self._snapshot: Snapshot | None = None
        self._wanted: LRUCache[tuple[str, str], Wanted] = LRUCache(_ANSWERS_KEPT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or _TILES_PATH not in scope["path"]:
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith(_TILES_PATH):
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await _send(send, Answer(204, _PREFLIGHT), b"")
        elif scope["method"] not in {"GET", "HEAD"} or not await self._answered(scope, path, send):
            await self._app(scope, receive, _allowing_all(send))

    async def _answered(self, scope: Scope, path: str, send: Send) -> bool:
        """Answer a tile, from memory or made; False when something is wrong, and the route says what."""
        began = time.perf_counter()
        match = _TILE.fullmatch(path)
        if match is None:
            return False
        if match[1] is None and self._service.state.gone_since is not None:
            return False  # the route says why: a worker that cannot follow calls no revision the current one
        query = _query(scope["query_string"], pinned=match[1] is not None)
        state = self._service.state
        wanted = None if query is None else self._want(state.snapshot, path, match, query.get("crs", "wgs84"))
        if query is None or wanted is None:
            return False
        headers = Headers(scope=scope)
        encoding = chosen(headers.get("accept-encoding", ""))
        tile = self._tiles.cache.known(wanted.key)
        if tile is None or not tile.has(encoding):
            try:
                tile = await self._tiles.tile(state, wanted, encoding)
            except GridMapError as error:
                scope[FAILED] = error  # said by the route, which need not try again
                return False
        body = tile.body(encoding)
        forever = lasts_forever(wanted, match[1] is not None, query.get("v"))
        answered = answer(wanted, tile, encoding, len(body), forever=forever)
        answered = unchanged(answered, headers.get("if-none-match")) or answered
        whole = scope["method"] == "GET" and answered.status == 200
        await _send(send, answered, body if whole else b"")
        route = CURRENT if match[1] is None else PINNED
        seconds.labels(route, str(answered.status)).observe(time.perf_counter() - began)
        return True

    def _want(self, snapshot: Snapshot | None, path: str, match: re.Match[str], crs: str) -> Wanted | None:
        """What a path means in a state."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._wanted.clear()
        if snapshot is None:
            return None
        known: Wanted | None = self._wanted.get((path, crs))
        if known is None:
            revision, layer, z, x, y = match.groups()
            try:
                address = Address(int(z), int(x), int(y))
                number = None if revision is None else int(revision)
                known = self._tiles.wanted(snapshot, layer, number, address, crs)
            except GridMapError:
                return None  # the route says what is wrong
            self._wanted[path, crs] = known
        return known


@lru_cache(maxsize=256)
def _query(query: bytes, *, pinned: bool) -> dict[str, str] | None:
    """The parameters of a tile; None when there is one twice or with a value that only the route can judge."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    given = dict(pairs)
    if (
        len(given) < len(pairs)
        or given.get("crs", "wgs84") not in TILE_CRS
        or len(given.get("v", "")) > LONGEST_VERSION
    ):
        return None
    return given if pinned else {name: value for name, value in given.items() if name != "v"}


async def _send(send: Send, answered: Answer, body: bytes) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answered.headers.items()]
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _allowing_all(send: Send) -> Send:
    """Errors, too, may be read by any page."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in CORS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
