"""How a tile is answered, and the application in front of all others that answers kept tiles without waiting.

The framework's way to a handler takes longer than a kept tile does. What is not in memory, or is not there at all,
goes on to ``routes/tiles.py``, which answers in the same way.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders

from api.metrics import seconds
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import GridMapError
from tiles.address import Address
from tiles.encode import Encoding, Tile, chosen
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
    """Answers what is in memory, and what a browser asks before it asks; lets everything else pass."""

    def __init__(self, app: ASGIApp, service: Service, tiles: TileServer) -> None:
        self._app = app
        self._service = service
        self._tiles = tiles
        self._snapshot: Snapshot | None = None
        self._wanted: LRUCache[str, Wanted] = LRUCache(_ANSWERS_KEPT)

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
        """Answer a tile that is in memory; False when there is none."""
        began = time.perf_counter()
        match = _TILE.fullmatch(path)
        if match is None:
            return False
        if match[1] is None and self._service.state.gone_since is not None:
            return False  # the route says why: a worker that cannot follow calls no revision the current one
        wanted = self._want(path, match)
        tile = None if wanted is None else self._tiles.cache.known(wanted.key)
        headers = Headers(scope=scope)
        encoding = chosen(headers.get("accept-encoding", ""))
        if wanted is None or tile is None or not tile.has(encoding):
            return False
        body = tile.body(encoding)
        forever = lasts_forever(wanted, match[1] is not None, _version(scope))
        answered = answer(wanted, tile, encoding, len(body), forever=forever)
        answered = unchanged(answered, headers.get("if-none-match")) or answered
        whole = scope["method"] == "GET" and answered.status == 200
        await _send(send, answered, body if whole else b"")
        route = CURRENT if match[1] is None else PINNED
        seconds.labels(route, str(answered.status)).observe(time.perf_counter() - began)
        return True

    def _want(self, path: str, match: re.Match[str]) -> Wanted | None:
        """What a path means in the state now."""
        snapshot = self._service.state.snapshot
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._wanted.clear()
        if snapshot is None:
            return None
        known: Wanted | None = self._wanted.get(path)
        if known is None:
            revision, layer, z, x, y = match.groups()
            try:
                address = Address(int(z), int(x), int(y))
                known = self._tiles.wanted(snapshot, layer, None if revision is None else int(revision), address)
            except GridMapError:
                return None  # the route says what is wrong
            self._wanted[path] = known
        return known


def _version(scope: Scope) -> str | None:
    query: bytes = scope["query_string"]
    return query[2:].decode("latin-1") if query.startswith(b"v=") else None


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
