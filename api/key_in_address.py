"""The application in front of all others that reads ``?key=``: what stands in an address everybody can read.

So only publishable keys may stand there, for pages of their own origins, which alone may read the answers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cachetools import LRUCache
from starlette.requests import HTTPConnection

from api.errors import STATUS, problem
from api.identity import IDENTITY, Identity, check_page, find_key
from gridmap.errors import NotAllowed, NotIdentified

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.deps import Service

# Never refused: whatever stands in its address, a dispatcher gets an answer.
_NEVER_REFUSED = "/v1/coverage"
# The page for iframes, whose policy names the pages that may frame it: browsers keep to it.
_FRAMED = "/embed"
_ALLOWED = b"access-control-allow-origin"
_KEPT = 1000
# The headers that say which page asks, and their values in this order.
_PAGE = (b"origin", b"referer", b"sec-fetch-site", b"host")
Page = tuple[bytes, ...]


class KeyInAddress:
    """Says who comes with ``?key=``, refuses every other key there, and lets only the page's origin read."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        # Who comes with the same address's end from the same page: a map asks for hundreds of tiles.
        self._known: LRUCache[tuple[bytes, Page], Identity] = LRUCache(_KEPT)
        self._keys: object = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and b"key=" in scope["query_string"]:
            page = _page_of(scope)
            known = self._answered_before(scope["query_string"], page)
            if known is not None:
                scope[IDENTITY] = known
                await self._app(scope, receive, _for_origin(page[0], send))
                return
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            given = [value for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name == "key"]
            if given and path != _NEVER_REFUSED:
                await self._with_key(given, path, page, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _answered_before(self, query: bytes, page: Page) -> Identity | None:
        """Who it is, if the same was asked of the same keys; None to look again."""
        keys = self._service.current.comers.keys
        if keys is not self._keys:
            self._known.clear()
            self._keys = keys
        found: Identity | None = self._known.get((query, page))
        if found is None or (found.until is not None and found.until <= datetime.now(UTC)):
            return None
        if found.key is not None:
            self._service.uses.key(found.key.id)
        return found

    async def _with_key(
        self, given: list[str], path: str, page: Page, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = HTTPConnection(scope)
        try:
            keys = self._service.current.comers.keys
            scope[IDENTITY] = found = self._identity(given, request, framed=path == _FRAMED)
            if path != _FRAMED and keys is self._keys:
                self._known[scope["query_string"], page] = found
        except NotAllowed as error:
            refused = problem(STATUS[type(error)], str(error))
            refused.headers["Access-Control-Allow-Origin"] = "*"  # the page's author should see why
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, _for_origin(page[0], send))

    def _identity(self, given: list[str], request: HTTPConnection, *, framed: bool) -> Identity:
        if len(given) > 1:
            raise NotAllowed("one key may stand in an address, not several")
        try:
            key = find_key(self._service, given[0])
        except NotIdentified:
            # Said alike of all that is no key, so that nothing is told about secret ones.
            raise NotIdentified(
                "the key in this address is not known, is revoked or has expired; a key that is not publishable "
                "(pk_…) travels as Authorization: Bearer, never in an address"
            ) from None
        if not key.origins:
            raise NotAllowed(
                "a key that is not publishable may not stand in an address, where others can read it: send it as "
                "Authorization: Bearer, and have this one revoked"
            )
        if not framed:
            check_page(self._service, request, key)
        return Identity(key.actor, "key", key.expires_at, key)


def _page_of(scope: Scope) -> Page:
    found = dict.fromkeys(_PAGE, b"")
    for name, value in scope["headers"]:
        if name in found:
            found[name] = value
    return tuple(found.values())


def _for_origin(origin: bytes, send: Send) -> Send:
    """Lets the page that asked read the answer, and no other."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != _ALLOWED]
            if origin:
                headers.append((_ALLOWED, origin))
            headers.append((b"vary", b"Origin"))
            message = {**message, "headers": headers}
        await send(message)

    return sending
