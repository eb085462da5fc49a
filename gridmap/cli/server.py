"""Runs the HTTP service in the foreground."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn

from api.app import create_app
from api.deps import Service
from gridmap.cli.environment import state_folder
from gridmap.current import Current
from gridmap.errors import Unavailable
from gridmap.settings import Settings
from gridmap.store.database import Database

_PORTS_TRIED = 50


def run(settings: Settings, database: Database, ready: str) -> None:
    """Serve until a signal ends it; prints ``ready`` when it answers."""
    folder = state_folder(settings)
    current = Current(database, folder / "snapshot")
    app = create_app(Service(settings, database, current, folder))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        # Request logs hold no address and no coordinates, so there is none; /metrics counts instead.
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    _Server(config, ready, app.state.events.close).run()


class _Server(uvicorn.Server):
    """A server that says when it answers, and ends the streams that would otherwise keep it from stopping."""

    def __init__(self, config: uvicorn.Config, ready: str, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._end_streams = end_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._ready, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def free_port(host: str, port: int) -> int:
    """The first port from ``port`` on that nobody listens on; Unavailable when there is none near."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + _PORTS_TRIED, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise Unavailable(f"cannot listen on {host}:{candidate}: {error.strerror}") from error
            else:
                return candidate
    raise Unavailable(f"no free port from {port} on; name another with --port")
