"""The application before all others: bounds of what a request may be, rates, and headers of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from api.errors import problem
from api.heavy import Turns, is_heavy
from api.identity import known_hash
from api.rates import KEY, Buckets, Rates, owner_of_address
from api.secure_headers import SecureHeaders, script_policy

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.deps import Service

# A filter in CQL2 may be long, and Chinese takes nine bytes a letter in an address.
LONGEST_ADDRESS_BYTES = 16 * 2**10
MOST_HEADER_BYTES = 16 * 2**10
MOST_PARAMETERS = 128
BODY_SECONDS = 60
# Bodies that one worker holds while they come in, in all.
MOST_HELD_BYTES = 256 * 2**20
# Asked by whoever watches over the service; they answer from memory, and in a flood most of all.
_NEVER_LIMITED = frozenset({"/healthz", "/readyz", "/metrics"})
_PAGES = "/web/"

# Status, what is said, and headers.
_Refusal = tuple[int, str, Mapping[str, str]]
_NOTHING_MORE: Mapping[str, str] = {}


class Guard:
    """Refuses what is too large or comes too often before anything is done for it."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        settings = service.settings
        self._app = app
        self._service = service
        self._rates = Rates(settings)
        self._turns = Turns(app, settings.heavy_at_once, settings.heavy_seconds)
        self._headers = SecureHeaders(settings.public_url)
        self._root_path = _path_of(settings.public_url)
        self._body_bytes = settings.body_mb * 2**20
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["root_path"] = self._root_path
        path = scope["path"].removeprefix(self._root_path)
        sending = self._with_headers(path, send)
        heavy = scope["method"] == "GET" and is_heavy(path, scope["query_string"])
        refused = _too_large(scope, self._body_bytes) or self._too_often(scope, path, heavy)
        if refused is not None:
            status, detail, headers = refused
            await problem(status, detail, headers=headers)(scope, receive, sending)
            return
        app = self._turns if heavy else self._app
        body = _Body(self, receive, self._body_bytes)
        try:
            await app(scope, receive if scope["method"] in ("GET", "HEAD") else body.receive, sending)
        finally:
            body.let_go()

    def _too_often(self, scope: Scope, path: str, heavy: bool) -> _Refusal | None:
        owner = None if path in _NEVER_LIMITED else self._owner(scope)
        if owner is None:
            return None
        seconds = self._buckets(scope, path, owner, heavy).take(owner)
        if seconds is None:
            return None
        detail = f"too many requests; the next one may come in {seconds} s"
        return 429, detail, {"Retry-After": str(seconds)}

    def _buckets(self, scope: Scope, path: str, owner: str, heavy: bool) -> Buckets:
        if path == "/v1/coverage" and scope["method"] == "GET":
            return self._rates.look_ups
        if path.startswith("/tiles/"):
            return self._rates.tiles
        if heavy or (path == "/v1/coverage" and scope["method"] == "POST"):
            return self._rates.heavy
        return self._rates.others(owner)

    def _owner(self, scope: Scope) -> str | None:
        """Whose bucket a request takes from: that of a key, token or session that is known, else of the address.

        One that nobody knows has none of its own: else everybody could have as many as they make up.
        """
        client = scope.get("client")
        address = owner_of_address(client[0] if client else None)
        if address is None:
            return None
        known = known_hash(self._service, HTTPConnection(scope))
        return address if known is None else f"{KEY}{known}"

    def _with_headers(self, path: str, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = script_policy(self._base_map()) if path.startswith(_PAGES) else None
                headers = list(message.get("headers", ()))
                message["headers"] = headers + self._headers.missing(headers, policy=policy)
            await send(message)

        return sending

    def _base_map(self) -> str:
        snapshot = self._service.state.snapshot
        base = None if snapshot is None else snapshot.city.base_map
        return "" if base is None else base.origin

    def hold(self, size: int) -> None:
        """Note bytes that are held, or with a negative number are no more; 503 beyond what a worker may hold."""
        self._held += size
        if size > 0 and self._held > MOST_HELD_BYTES:
            raise HTTPException(503, "too much is being sent at once; try again", {"Retry-After": "5"})


class _Body:
    """What a client sends, counted as it comes: also what comes in pieces has an end."""

    def __init__(self, guard: Guard, receive: Receive, most: int) -> None:
        self._guard = guard
        self._receive = receive
        self._most = most
        self._size = 0
        self._ends = asyncio.get_running_loop().time() + BODY_SECONDS
        self._whole = False

    async def receive(self) -> Message:
        """The next message. HTTPException for a body that is too long, or comes too slowly."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(
                408, f"the body must come within {BODY_SECONDS} s", {"Connection": "close"}
            ) from None
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._size += size
            self._guard.hold(size)
            self._whole = not message.get("more_body", False)
        if self._size > self._most:
            raise HTTPException(413, _too_long(self._most), {"Connection": "close"})
        return message

    def let_go(self) -> None:
        """The request is over."""
        self._guard.hold(-self._size)


def _path_of(public_url: str) -> str:
    """The path under which a proxy serves the service, such as ``/gridmap``; empty at the root."""
    _, _, rest = public_url.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path


def _too_long(most: int) -> str:
    return f"the body must be at most {most:,} bytes: send it in parts"


def _too_large(scope: Scope, most_body: int) -> _Refusal | None:
    """The status and the rule that a request breaks before its body is read; None when it breaks none."""
    query: bytes = scope["query_string"]
    if len(scope.get("raw_path") or b"") + len(query) > LONGEST_ADDRESS_BYTES:
        return 414, f"path and query must be at most {LONGEST_ADDRESS_BYTES:,} bytes", _NOTHING_MORE
    if query.count(b"&") >= MOST_PARAMETERS:
        return 414, f"a query must have at most {MOST_PARAMETERS} parameters", _NOTHING_MORE
    total = 0
    for name, value in scope["headers"]:
        total += len(name) + len(value)
        if name == b"content-length" and value.isdigit() and int(value) > most_body:
            return 413, _too_long(most_body), _NOTHING_MORE
    if total > MOST_HEADER_BYTES:
        return 431, f"the headers must be at most {MOST_HEADER_BYTES:,} bytes together", _NOTHING_MORE
    return None
