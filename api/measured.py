"""Measures every answer, and lets any page read what is public.

An application of its own, not a function of the framework's: that one wraps what comes in and what goes out in
streams and tasks, which takes longer than a look-up does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from api.metrics import seconds
from api.tiles import CORS
from gridmap.acting import coming_from

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Measured:
    """Counts by route and status, until the answer begins; what is done comes from the client's address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = getattr(scope.get("route"), "path", "none")
                seconds.labels(name, str(message["status"])).observe(time.perf_counter() - began)
                # A key makes a request one that browsers ask about first, and the answer to that allows nothing:
                # no key is sent by the scripts of another origin.
                if scope["method"] in ("GET", "HEAD"):
                    headers = MutableHeaders(scope=message)
                    for header, value in CORS.items():
                        headers.setdefault(header, value)
            await send(message)

        client = scope.get("client")
        with coming_from(client[0] if client else None):
            await self._app(scope, receive, sending)
