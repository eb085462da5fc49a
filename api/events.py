"""Who follows the current revision: one watcher per worker wakes all clients, and their number is bounded."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import FrameType

from gridmap.current import Current, State
from gridmap.errors import Unavailable

_LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Notice:
    """What clients are told: the current revision, and since when the database is gone (None: it is there)."""

    revision: int
    cells: int
    published_at: datetime
    gone_since: datetime | None
    data_as_of: datetime | None

    @property
    def id(self) -> str:
        """Equal notices have equal ids, in all workers and after a restart."""
        return str(self.revision) if self.gone_since is None else f"{self.revision}-degraded"


def notice_of(state: State) -> Notice | None:
    """The notice of a state; None while nothing can be answered."""
    if state.snapshot is None:
        return None
    revision = state.snapshot.grid.revision
    data_as_of = None if state.gone_since is None else state.snapshot.taken_at
    cells = len(state.snapshot.grid.cells)
    return Notice(revision.number, cells, revision.published_at, state.gone_since, data_as_of)


@contextmanager
def told_of_signals(stop: Callable[[], None]) -> Iterator[None]:
    """While it lasts, a signal that ends the server calls ``stop`` first.

    A server waits for its responses before it says in any other way that it stops, and a stream would not end. In
    another thread than the main one there are no signals; whoever runs the server there calls ``stop`` itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop()
        before = handlers[signal.Signals(number)]
        if callable(before):
            before(number, frame)
        else:  # the default, which ends the process
            signal.signal(number, before)
            signal.raise_signal(number)

    handlers = {each: signal.signal(each, handle) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, before in handlers.items():
            signal.signal(each, before)


class Events:
    """The clients of one worker. :meth:`watch` runs as a task; :meth:`close`, from any thread, ends all."""

    def __init__(self, current: Current, most_clients: int) -> None:
        self._current = current
        self._most = most_clients
        self._clients = 0
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def clients(self) -> int:
        """How many follow now."""
        return self._clients

    def close(self) -> None:
        """End every stream within a quarter of a second: a server that stops waits for its responses."""
        self._closed = True

    @contextmanager
    def seat(self) -> Iterator[None]:
        """A place among the clients; Unavailable when all are taken or the worker stops."""
        if self._closed or self._clients >= self._most:
            raise Unavailable(
                f"no more than {self._most} clients can follow here; ask /readyz now and then instead"
            )
        self._clients += 1
        try:
            yield
        finally:
            self._clients -= 1

    async def watch(self) -> None:
        """Wake the clients whenever there is another notice, until :meth:`close`."""
        seen = notice_of(self._current.state)
        while not self._closed:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = notice_of(self._current.state)
            if now != seen:
                seen = now
                self._wake()
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def notices(self, seen: str | None) -> AsyncIterator[Notice]:
        """The notice now, unless its id is ``seen``, and each that follows."""
        while not self._closed:
            changed = self._changed
            notice = notice_of(self._current.state)
            if notice is not None and notice.id != seen:
                seen = notice.id
                yield notice
            await changed.wait()
