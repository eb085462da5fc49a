"""A server in this process over a state that does not change, for measurements."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from api.app import create_app
from api.deps import Service
from gridmap.cli.server import free_port
from gridmap.coverage.snapshot import Key, Snapshot
from gridmap.current import Current, State
from gridmap.errors import Unavailable
from gridmap.heatmap.columns import Facts
from gridmap.model import Actor
from gridmap.settings import read_settings
from gridmap.store.database import Database
from gridmap.store.keys import key_hash

_HOST = "127.0.0.1"
_WAIT_S = 30.0


# A method, a path and the body, if there is one; gives the answer's body.
Ask = Callable[[str, str, bytes | None], bytes]


class _Still(Current):
    """A current state that follows nothing."""

    def __init__(self, database: Database, state: State) -> None:
        super().__init__(database, Path())
        self._state = state

    def start(self) -> None:
        """Stay as it is."""

    def stop(self) -> None:
        """Nothing has begun."""


@contextmanager
def answering(
    snapshot: Snapshot, facts: Facts | None, actor: Actor, database: Database | None = None
) -> Iterator[Ask]:
    """Serve these to ``actor``; gives what asks over one open connection. Without a database there is none to ask.

    Unavailable when the server does not start, or answers anything but 2xx.
    """
    text = secrets.token_urlsafe(32)
    key = Key(key_hash(text), actor)
    asked = database or Database("postgresql+psycopg2://")
    current = _Still(asked, State(snapshot, None, facts))
    current.comers.keys = {key.sha256: key}
    port = free_port(_HOST, 8900)
    app = create_app(Service(read_settings(host=_HOST, port=port), asked, current))
    server = uvicorn.Server(uvicorn.Config(app, host=_HOST, port=port, access_log=False, log_level="warning"))
    thread = threading.Thread(target=server.run, name="gridmap-still", daemon=True)
    thread.start()
    try:
        _wait_for(server)
        connection = http.client.HTTPConnection(_HOST, port, timeout=_WAIT_S)

        def ask(method: str, path: str, body: bytes | None = None) -> bytes:
            headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status not in range(200, 300):
                raise Unavailable(f"the server answered {response.status}: {answer[:200]!r}")
            return answer

        yield ask
        connection.close()
    finally:
        server.should_exit = True
        thread.join(_WAIT_S)


def _wait_for(server: uvicorn.Server) -> None:
    until = time.monotonic() + _WAIT_S
    while not server.started:
        if time.monotonic() > until:
            raise Unavailable("the server for the measurement did not start")
        time.sleep(0.02)
