"""Keeps the trace: what is spooled goes to the database, what is pending into the chain, hashes to the anchors.

A thread of each worker does so twice a second. Several workers and servers write one chain: the database's
function lets one in at a time. Imports ``store``, ``audit`` and below.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gridmap.acting import acting_from
from gridmap.audit.anchors import write_anchors
from gridmap.audit.chain import Batch
from gridmap.audit.spool import Spool, read_lines
from gridmap.errors import GridMapError, InvalidInput, Unavailable
from gridmap.model import Actor
from gridmap.store import audit as store
from gridmap.store.database import Database

logger = logging.getLogger(__name__)

# Who takes the spool and seals: it may do nothing else.
SEALER = Actor(id="trail", role="viewer")

_WAKE_S = 0.5
_LINES_AT_A_TIME = 500
_BATCHES_AT_A_TIME = 1_000
_ROUNDS_TO_ANCHOR = 60


def trail_folder(snapshot: Path, database: str | None) -> Path:
    """Where the spool and the anchors of a database (its name) lie, of a server that keeps its snapshot there."""
    return snapshot.with_name(f"{snapshot.name}-trail") / (database or "unnamed")


def set_aside(folder: Path) -> None:
    """Keep what is there of an earlier database of the same name: the new one begins a chain of its own."""
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}-until-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))


class Trail:
    """The spool and the anchors of a folder, and the thread between :meth:`start` and :meth:`stop`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self.folder = folder
        self._spool = Spool(folder / "spool")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._once = threading.Lock()
        self._rounds = 0

    def start(self) -> None:
        """Begin, with what an earlier process left behind."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="gridmap-trail", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, with all that can be written written; the rest waits on disk."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._spool.close()
        self._try()

    def keep(self, line: bytes) -> None:
        """Spool a line of JSON that names its ``kind`` and ``id``: it outlives this process when this returns."""
        self._spool.append(line)

    def note(self, actor: Actor, action: str, facts: Mapping[str, Any]) -> None:
        """Leave a trace without the database: of what is answered, or refused, while it may be away."""
        about = {
            "kind": "entry",
            "id": str(uuid.uuid4()),
            "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "actor": actor.id,
            "role": actor.role,
            "territories": list(actor.territories),
            "action": action,
            **({} if acting_from() is None else {"from": acting_from()}),
            **facts,
        }
        self.keep(json.dumps(about, ensure_ascii=False).encode())

    def work(self) -> None:
        """Take what is spooled, chain what is pending, write the anchors. Raises what the database does."""
        with self._once:
            for path in self._spool.segments():
                self._take(read_lines(path))
                self._spool.taken(path)
            held = self._spool.held()
            try:
                self._take(held)
            except Unavailable:
                self._spool.hold(held)
                raise
            self._seal()

    def _take(self, lines: Sequence[bytes]) -> None:
        for start in range(0, len(lines), _LINES_AT_A_TIME):
            part = lines[start : start + _LINES_AT_A_TIME]
            try:
                self._write(part)
            except InvalidInput:
                # A line that is none must not keep the others out for ever.
                for line in part:
                    try:
                        self._write([line])
                    except InvalidInput:
                        logger.exception("a line of the spool is no entry and is left out")

    def _write(self, lines: Sequence[bytes]) -> None:
        with self._database.begin(SEALER) as connection:
            store.take_lines(connection, lines)

    def _seal(self) -> None:
        sealed = 0
        while True:
            with self._database.glance() as connection:
                entries = store.seal(connection)
            if not entries:
                break
            sealed += entries
        # What another sealed and could not anchor any more is anchored from time to time.
        if sealed or self._rounds % _ROUNDS_TO_ANCHOR == 0:
            write_anchors(self.folder, self._batches_after)
        self._rounds += 1

    def _batches_after(self, number: int) -> Sequence[Batch]:
        with self._database.glance() as connection:
            return store.read_batches(connection, number, _BATCHES_AT_A_TIME)

    def _run(self) -> None:
        while not self._stop.wait(_WAKE_S):
            self._try()

    def _try(self) -> None:
        try:
            self.work()
        except Unavailable:
            pass  # the worker's state says so already
        except GridMapError as error:
            logger.warning("the trace waits: %s", error)
        except Exception:  # the thread must outlive a defect, or nothing would be chained any more
            logger.exception("the trace could not be written")


def seal_now(database: Database, folder: Path, say: Callable[[str], None]) -> None:
    """Chain what a command has done, and anchor it; if that cannot be, it waits for the next to do so."""
    try:
        Trail(database, folder).work()
    except GridMapError as error:
        say(f"what was done is noted and will be chained by the server: {error}")
