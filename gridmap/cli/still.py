"""A server in this process over a state that does not change, for measurements."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import uvicorn

from api.app import create_app
from api.deps import Service
from gridmap.access import EVERYWHERE
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


class _Still(Current):
    """A current state that follows nothing."""

    def __init__(self, state: State) -> None:
        self.database = Database("postgresql+psycopg2://")
        super().__init__(self.database, Path())
        self._state = state

    def start(self) -> None:
        """Stay as it is."""

    def stop(self) -> None:
        """Nothing has begun."""


@contextmanager
def answering(snapshot: Snapshot, facts: Facts) -> Iterator[Callable[[Mapping[str, str]], bytes]]:
    """Serve these facts; gives what asks for a heatmap over one open connection and returns the answer's body.

    Unavailable when the server does not start, or answers anything but 200.
    """
    text = secrets.token_urlsafe(32)
    key = Key(key_hash(text), Actor("bench", "viewer", (EVERYWHERE,)))
    current = _Still(State(snapshot, None, facts))
    current.comers.keys = {key.sha256: key}
    port = free_port(_HOST, 8900)
    app = create_app(Service(read_settings(host=_HOST, port=port), current.database, current))
    server = uvicorn.Server(uvicorn.Config(app, host=_HOST, port=port, access_log=False, log_level="warning"))
    thread = threading.Thread(target=server.run, name="gridmap-still", daemon=True)
    thread.start()
    try:
        _wait_for(server)
        connection = http.client.HTTPConnection(_HOST, port, timeout=_WAIT_S)

        def ask(given: Mapping[str, str]) -> bytes:
            connection.request(
                "GET", f"/v1/heatmap?{urlencode(given)}", headers={"Authorization": f"Bearer {text}"}
            )
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise Unavailable(f"the server answered {response.status}: {body[:200]!r}")
            return body

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
