"""Keeps the coverage snapshot in step with the database, and goes on without it.

A thread of its own compares the versions of its parts with those of the database twice a second. Readers take
:attr:`Current.state` once and work on that; it is replaced in one step. After each switch the worker tells the
database which revision it serves, and publishing waits for that: a worker that cannot say so in time counts itself
as cut off from the database. Imports ``store`` and below.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gridmap.coverage import snapshot as disk
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import LoadRefused, NotFound, Unavailable
from gridmap.model import Actor
from gridmap.store.database import Database
from gridmap.store.snapshot import read_snapshot, read_versions
from gridmap.store.workers import end_worker, renew_worker

logger = logging.getLogger(__name__)

WORKER = Actor(id="worker", role="viewer")

_POLL_S = 0.5
# How often a worker says that it is alive, and how long it may go on after it last did: less than the store's
# lease, which began later.
_RENEW_S, _LEASE_S = 2.0, 5.0


@dataclass(frozen=True)
class State:
    """What a request sees: the snapshot, and since when the database is gone (None: it is there)."""

    snapshot: Snapshot | None
    gone_since: datetime | None

    @property
    def ready(self) -> Snapshot:
        """The snapshot; Unavailable when there is none yet."""
        if self.snapshot is None:
            reason = "PostGIS does not answer and no snapshot is on disk" if self.gone_since else "no grid yet"
            raise Unavailable(f"cannot say who covers a place: {reason}")
        return self.snapshot


@dataclass(frozen=True, slots=True)
class _Renewed:
    """When a worker last told the database which revision it serves."""

    revision: int
    monotonic: float
    at: datetime


class Current:
    """The current state, kept by a thread between :meth:`start` and :meth:`stop`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._id = str(uuid.uuid4())
        self._renewed: _Renewed | None = None
        self._state = State(None, None)

    @property
    def state(self) -> State:
        """The state now. A worker that could not renew its lease does not know what is current: it is cut off."""
        state, renewed = self._state, self._renewed
        if renewed is None or state.gone_since is not None or time.monotonic() < renewed.monotonic + _LEASE_S:
            return state
        return replace(state, gone_since=renewed.at)

    def start(self) -> None:
        """Take the snapshot that stands on disk, bring it up to the database, and begin to follow it."""
        try:
            kept = disk.load(self._folder)
            self._state = State(None if kept is None else _prepared(kept), None)
        except Unavailable as error:
            logger.warning("%s; reading it anew from the database", error)
        self._look()
        self._thread = threading.Thread(target=self._follow, name="gridmap-current", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        if self._renewed is not None:
            self._renewed = None
            try:
                with self._database.begin(WORKER) as connection:
                    end_worker(connection, self._id)
            except Unavailable:
                logger.warning("the database does not know that this worker stops; its lease will run out")

    def refresh(self) -> None:
        """Read what has changed, now. With the database gone the state says so and stays what it was."""
        with self._lock:
            before = self._state.snapshot
            try:
                fresh = self._read(before)
            except NotFound:
                self._state = State(None, None)  # an empty city: nothing to answer from yet
            except (Unavailable, LoadRefused) as error:  # refused: cells that are not a coverage
                self._go_on_without(error)
            else:
                if self._state.gone_since is not None:
                    logger.warning("the database answers again")
                self._state = State(fresh, None)
                if fresh is not before:
                    self._keep(fresh, before)

    def _read(self, before: Snapshot | None) -> Snapshot:
        now = datetime.now(UTC)
        with self._database.begin(WORKER, one_state=True) as connection:
            versions = read_versions(connection)
            if before is not None and versions == before.versions and now < before.fresh_until:
                return before
            return _prepared(read_snapshot(connection, now, before))

    def _keep(self, fresh: Snapshot, before: Snapshot | None) -> None:
        """Put the snapshot on disk. A full or broken disk is no reason not to answer from memory."""
        known = {} if before is None else before.versions
        # duty is written anew in any case: the days it covers have moved on
        unchanged = [part for part, version in fresh.versions.items() if known.get(part) == version]
        try:
            disk.save(fresh, self._folder, [part for part in unchanged if part != "duty"])
        except OSError:
            logger.exception("the coverage snapshot could not be kept in %s", self._folder)

    def _go_on_without(self, error: Exception) -> None:
        if self._state.gone_since is None:
            logger.warning("going on with what is known: %s", error)
            self._state = replace(self._state, gone_since=datetime.now(UTC))

    def _look(self) -> None:
        """Refresh, and say which revision is served from now on."""
        self.refresh()
        state, renewed, now = self._state, self._renewed, time.monotonic()
        if state.snapshot is None or state.gone_since is not None:
            return
        revision = state.snapshot.grid.revision.number
        if renewed is not None and renewed.revision == revision and now < renewed.monotonic + _RENEW_S:
            return
        at = datetime.now(UTC)
        try:
            with self._database.begin(WORKER) as connection:
                renew_worker(connection, self._id, revision)
        except Unavailable as error:
            self._go_on_without(error)
        else:
            self._renewed = _Renewed(revision, now, at)

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_S):
            try:
                self._look()
            except Exception as error:  # the thread must outlive a defect, or the state would silently grow old
                logger.exception("the current state could not be read")
                self._go_on_without(error)


def _prepared(snapshot: Snapshot) -> Snapshot:
    """Build the duty book before a request needs it."""
    _ = snapshot.book
    return snapshot
