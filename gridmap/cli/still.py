"""A server in this process over a state that does not change, for measurements."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn

from api.app import create_app
from api.deps import Service
from gridmap.cli.server import Application, free_port
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

    def __init__(self, database: Database, state: State, folder: Path) -> None:
        super().__init__(database, folder)
        self._state = state

    def start(self) -> None:
        """Stay as it is."""

    def stop(self) -> None:
        """Nothing has begun."""


@contextmanager
def answering(snapshot: Snapshot, facts: Facts | None, actor: Actor, database: Database) -> Iterator[Ask]:
    """Serve these to ``actor``; gives what asks over one open connection. The database says who may see counts.

    Unavailable when the server does not start, or answers anything but 2xx.
    """
    text = secrets.token_urlsafe(32)
    key = Key(key_hash(text), actor)
    port = free_port(_HOST, 8900)
    with TemporaryDirectory(prefix="gridmap-still-") as folder:
        current = _Still(database, State(snapshot, None, facts), Path(folder) / "snapshot")
        current.comers.keys = {key.sha256: key}
        app = create_app(Service(read_settings(host=_HOST, port=port), database, current))
        with _serving(app, port):
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


@contextmanager
def _serving(app: Application, port: int) -> Iterator[None]:
    """Serve in a thread. Unavailable when that does not start in time."""
    server = uvicorn.Server(uvicorn.Config(app, host=_HOST, port=port, access_log=False, log_level="warning"))
    thread = threading.Thread(target=server.run, name="gridmap-still", daemon=True)
    thread.start()
    until = time.monotonic() + _WAIT_S
    try:
        while not server.started:
            if time.monotonic() > until or not thread.is_alive():
                raise Unavailable("the server for the measurement did not start")
            time.sleep(0.02)
        yield
    finally:
        server.should_exit = True
        thread.join(_WAIT_S)
