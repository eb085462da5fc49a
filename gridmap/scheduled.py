"""Publishes scheduled drafts when their time comes: a thread of each server, of which one is first.

Imports ``actions`` and below.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from gridmap.actions.draft_publish import publish_due
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import Unavailable
from gridmap.store.database import Database

logger = logging.getLogger(__name__)

_LOOK_S = 1.0


class Scheduled:
    """The thread, between :meth:`start` and :meth:`stop`. It asks the database only when something is due."""

    def __init__(self, database: Database, bench: Workbench, snapshot: Callable[[], Snapshot | None]) -> None:
        self._database = database
        self._bench = bench
        self._snapshot = snapshot
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gridmap-scheduled", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a publish under way is waited for, and undone by the database if that takes too long."""
        self._stop.set()
        self._thread.join(timeout=10)

    def look(self) -> None:
        """Publish what is due now."""
        snapshot = self._snapshot()
        now = datetime.now(UTC)
        if snapshot is None or all(one.begins > now for one in snapshot.upcoming):
            return
        for due in publish_due(self._database, self._bench, grid=self._grid):
            if due.revision is None:
                logger.warning("draft %s is not published as scheduled: %s", due.draft, due.problem)
            else:
                logger.info("draft %s is published as scheduled: revision %s", due.draft, due.revision)

    def _grid(self) -> Grid | None:
        snapshot = self._snapshot()
        return None if snapshot is None else snapshot.grid

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            try:
                self.look()
            except Unavailable as error:
                logger.warning("scheduled drafts wait: %s", error)
            except Exception:  # the thread must outlive a defect, or nothing would be published any more
                logger.exception("scheduled drafts could not be published")
