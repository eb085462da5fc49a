"""Keeps the coverage snapshot in step with the database, and goes on without it.

A thread of its own compares the versions of its parts with those of the database every second. Readers
take :attr:`Current.state` once and work on that; it is replaced in one step. Imports ``store`` and below.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gridmap.coverage import snapshot as disk
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import LoadRefused, NotFound, Unavailable
from gridmap.model import Actor
from gridmap.store.database import Database
from gridmap.store.snapshot import read_snapshot, read_versions

logger = logging.getLogger(__name__)

WORKER = Actor(id="worker", role="viewer")

_POLL_S = 1.0


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


class Current:
    """The current state, kept by a thread between :meth:`start` and :meth:`stop`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.state = State(None, None)

    @property
    def folder(self) -> Path:
        """Where the snapshot is kept."""
        return self._folder

    def start(self) -> None:
        """Take the snapshot that stands on disk, bring it up to the database, and begin to follow it."""
        try:
            kept = disk.load(self._folder)
            self.state = State(None if kept is None else _prepared(kept), None)
        except Unavailable as error:
            logger.warning("%s; reading it anew from the database", error)
        self.refresh()
        self._thread = threading.Thread(target=self._follow, name="gridmap-current", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def refresh(self) -> None:
        """Read what has changed, now. With the database gone the state says so and stays what it was."""
        with self._lock:
            before = self.state.snapshot
            try:
                fresh = self._read(before)
            except NotFound:
                self.state = State(None, None)  # an empty city: nothing to answer from yet
            except (Unavailable, LoadRefused) as error:  # refused: cells that are not a coverage
                self._go_on_without(error)
            else:
                if self.state.gone_since is not None:
                    logger.warning("the database answers again")
                self.state = State(fresh, None)
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
        if self.state.gone_since is None:
            logger.warning("going on with what is known: %s", error)
            self.state = replace(self.state, gone_since=datetime.now(UTC))

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_S):
            try:
                self.refresh()
            except Exception as error:  # the thread must outlive a defect, or the state would silently grow old
                logger.exception("the current state could not be read")
                self._go_on_without(error)


def _prepared(snapshot: Snapshot) -> Snapshot:
    """Build the duty book before a request needs it."""
    _ = snapshot.book
    return snapshot
