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
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gridmap.comers import Comers
from gridmap.coverage import snapshot as disk
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import LoadRefused, NotFound, Unavailable
from gridmap.heatmap import kept as facts_disk
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.places import Places
from gridmap.model import WORKER
from gridmap.store.database import Connection, Database
from gridmap.store.facts import read_facts
from gridmap.store.snapshot import read_snapshot, read_versions
from gridmap.store.workers import end_worker, renew_worker

logger = logging.getLogger(__name__)

_POLL_S = 0.5
# How often a worker says that it is alive, and how long it may go on after it last did: less than the store's
# lease, which began later.
_RENEW_S, _LEASE_S = 2.0, 8.0
# When more rows than this stand beside the columns on disk, they are written anew.
_MOST_BESIDE = 200_000


@dataclass(frozen=True)
class State:
    """What a request sees: the snapshot, since when the database is gone (None: it is there), and the facts.

    Facts are of the snapshot's revision; both were read in one transaction.
    """

    snapshot: Snapshot | None
    gone_since: datetime | None
    facts: Facts | None = None

    @property
    def ready(self) -> Snapshot:
        """The snapshot; Unavailable when there is none yet."""
        if self.snapshot is None:
            reason = "PostGIS does not answer and no snapshot is on disk" if self.gone_since else "no grid yet"
            raise Unavailable(f"cannot say who covers a place: {reason}")
        return self.snapshot

    @property
    def countable(self) -> Facts:
        """The facts; Unavailable when there are none yet."""
        if self.facts is None:
            _ = self.ready
            raise Unavailable("cannot count: PostGIS does not answer and no facts of this revision are on disk")
        return self.facts


@dataclass(frozen=True, slots=True)
class _Renewed:
    """When a worker last told the database which revision it serves."""

    revision: int
    monotonic: float
    at: datetime


class Current:
    """The current state, kept by a thread between :meth:`start` and :meth:`stop`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.comers = Comers(database)
        self._database = database
        self._folder = folder
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._id = str(uuid.uuid4())
        self._follows = False
        self._renewed: _Renewed | None = None
        self._state = State(None, None)

    @property
    def state(self) -> State:
        """The state now. A worker that could not renew its lease does not know what is current: it is cut off."""
        state, renewed = self._state, self._renewed
        if renewed is None or state.gone_since is not None or time.monotonic() < renewed.monotonic + _LEASE_S:
            return state
        return replace(state, gone_since=renewed.at)

    @property
    def folder(self) -> Path:
        """Where the snapshot is kept."""
        return self._folder

    def start(self) -> None:
        """Take the snapshot that stands on disk, bring it up to the database, and begin to follow it."""
        try:
            kept = disk.load(self._folder)
            if kept is not None:
                self._state = State(_prepared(kept), None)
                self._state = replace(self._state, facts=self._kept_facts(Places(kept.grid, kept.city)))
        except Unavailable as error:
            logger.warning("%s; reading it anew from the database", error)
        self._follows = True
        self._stop.clear()
        self.comers.start({} if self._state.snapshot is None else self._state.snapshot.keys)
        self.refresh()
        self._thread = threading.Thread(target=self._follow, name="gridmap-current", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the threads."""
        self.comers.stop()
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._follows = False
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
            before = self._state
            try:
                fresh, facts = self._read(before)
            except NotFound:
                self._state = State(None, None)  # an empty city: nothing to answer from yet
            except (Unavailable, LoadRefused) as error:  # refused: cells that are not a coverage
                self._go_on_without(error)
            else:
                if before.gone_since is not None:
                    logger.warning("the database answers again")
                self._state = State(fresh, None, facts)
                with suppress(Unavailable):  # their own thread goes on trying
                    self.comers.refresh()
                self._renew()
                if fresh is not before.snapshot:
                    self._keep(fresh, before.snapshot)
                self._renew()  # writing may have taken long
                if facts is not before.facts:
                    self._keep_facts(facts, before.facts)

    def _read(self, state: State) -> tuple[Snapshot, Facts]:
        now = datetime.now(UTC)
        before = state.snapshot
        with self._database.begin(WORKER, one_state=True) as connection:
            versions = read_versions(connection)
            if before is None or versions != before.versions or now >= before.fresh_until:
                fresh = _prepared(read_snapshot(connection, now, before))
            else:
                fresh = before
            return fresh, self._read_facts(connection, fresh, state.facts)

    def _read_facts(self, connection: Connection, snapshot: Snapshot, before: Facts | None) -> Facts:
        if before is not None and before.places.grid is snapshot.grid:
            return read_facts(connection, before.places, before)
        places = Places(snapshot.grid, snapshot.city)
        return read_facts(connection, places, self._kept_facts(places) if before is None else before)

    def _kept_facts(self, places: Places) -> Facts | None:
        try:
            return facts_disk.load(self._folder / "facts", places)
        except Unavailable as error:
            logger.warning("%s; reading them anew from the database", error)
            return None

    def _keep_facts(self, facts: Facts, before: Facts | None) -> None:
        """Put the facts on disk when they are another revision's, many have changed or an element was removed.

        Another worker may have done so already; then its files are shared.
        """
        lost = facts.parts["element"].lost
        due = facts.changed > _MOST_BESIDE or lost
        if before is not None and before.revision == facts.revision and not due:
            return
        kept = self._kept_facts(facts.places)
        if kept is None or (kept.version != facts.version and due):
            try:
                facts_disk.save(facts.compacted(), self._folder / "facts", alone=lost)
            except OSError:
                logger.exception("the facts could not be kept in %s", self._folder)
            kept = self._kept_facts(facts.places)
        if kept is not None and kept.version == facts.version:
            self._state = replace(self._state, facts=kept)

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

    def _renew(self) -> None:
        """Say that this worker is alive and which revision it serves, when that is new or due."""
        renewed, now = self._renewed, time.monotonic()
        if not self._follows or self._state.snapshot is None:
            return
        revision = self._state.snapshot.grid.revision.number
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
                self.refresh()
            except Exception as error:  # the thread must outlive a defect, or the state would silently grow old
                logger.exception("the current state could not be read")
                self._go_on_without(error)


def _prepared(snapshot: Snapshot) -> Snapshot:
    """Build the duty book before a request needs it."""
    _ = snapshot.book
    return snapshot
