"""Runs the HTTP service in the foreground, in this process or in several that share its socket."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from api.app import create_app
from api.deps import Service
from api.guard import LONGEST_ADDRESS_BYTES, MOST_HEADER_BYTES
from gridmap.cli.environment import snapshot_folder, state_folder
from gridmap.current import Current
from gridmap.errors import Unavailable
from gridmap.settings import Settings, read_settings
from gridmap.store.database import Database

# What uvicorn runs: an ASGI application.
Application = Callable[..., Any]

_PORTS_TRIED = 50
# What stands in a request's head beside address and headers.
_LINES_BYTES = 2**12
_START_TIMEOUT_S = 120.0


def run(settings: Settings, database: Database, ready: str) -> None:
    """Serve until a signal ends it; prints ``ready`` when it answers."""
    if settings.workers == 1:
        _Server(_config(settings, _application(settings, database)), ready).run()
        return
    # The workers are fresh processes: they learn by the environment what a command's options said.
    url = database.url.render_as_string(hide_password=False)
    os.environ |= {"GRIDMAP_CITY": settings.city, "GRIDMAP_DATABASE_URL": url}
    os.environ.pop("GRIDMAP_DATABASE_URL_FILE", None)
    database.dispose()
    config = _config(settings, f"{__name__}:application")
    listening = config.bind_socket()
    _Workers(config, [listening], ready).run()
    listening.close()


def application() -> Application:
    """The application of one worker of several, from its settings."""
    settings = read_settings()
    assert settings.database_url is not None
    _end_with_parent()
    return _application(settings, Database(settings.database_url))


def _end_with_parent() -> None:
    """A worker whose parent was killed ends, too: else it would hold the port, and nobody would start it again."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="gridmap-parent", daemon=True).start()


def _application(settings: Settings, database: Database) -> Application:
    current = Current(database, snapshot_folder(settings))
    return create_app(Service(settings, database, current, state_folder(settings)))


def _config(settings: Settings, app: Application | str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        factory=isinstance(app, str),
        # Request logs hold no address and no coordinates, so there is none; /metrics counts instead.
        access_log=False,
        log_level="warning",
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        h11_max_incomplete_event_size=LONGEST_ADDRESS_BYTES + MOST_HEADER_BYTES + _LINES_BYTES,
    )


class _Workers(Multiprocess):
    """Workers that are started again when they die; says when all answer."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], ready: str) -> None:
        super().__init__(config, sockets)
        self._ready = ready

    def init_processes(self) -> None:
        super().init_processes()
        if all(process.wait_until_ready(_START_TIMEOUT_S, self.should_exit) for process in self.processes):
            print(self._ready, flush=True)


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._ready, flush=True)


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
