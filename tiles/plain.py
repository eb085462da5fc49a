"""A server of tiles made in the usual way, for ``gridmap bench tiles``: as an ASGI application of a dozen lines.

``GRIDMAP_DATABASE_URL`` names the database. It asks PostGIS for each tile, zips it and keeps nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gridmap.model import PUBLIC
from gridmap.store.database import Database
from gridmap.store.plain_tiles import plain_tile
from tiles.address import Address, box_of
from tiles.encode import zip_tile

Message = MutableMapping[str, Any]

_THREADS = 4


class Plain:
    """The application: ``/{layer}/{z}/{x}/{y}``."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._threads = ThreadPoolExecutor(_THREADS)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """One request, or the events of a server's life."""
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
            return
        _, layer, z, x, y = scope["path"].split("/")
        address = Address(int(z), int(x), int(y))
        body = await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._make, layer, address))
        headers = [(b"content-length", b"%d" % len(body)), (b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _make(self, layer: str, address: Address) -> bytes:
        with self._database.begin(PUBLIC) as connection:
            return zip_tile(plain_tile(connection, layer, 1, box_of(address)))


def application() -> Plain:
    """The application over the database of the environment."""
    return Plain(os.environ["GRIDMAP_DATABASE_URL"])
