"""Who may come in: keys and sessions, kept in step with the database by a thread of their own. Imports ``store``.

What a worker keeps of the grid and of duty can take many seconds to read again; a key that is revoked must stop
within one. So keys and sessions do not wait for the rest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from gridmap.coverage.snapshot import Key
from gridmap.errors import Unavailable
from gridmap.model import WORKER
from gridmap.sessions import Session
from gridmap.store.database import Database
from gridmap.store.keys import read_keys
from gridmap.store.sessions import find_session, read_sessions, read_versions

logger = logging.getLogger(__name__)

_POLL_S = 0.5


class Comers:
    """The keys and sessions that hold, by their hashes; followed between :meth:`start` and :meth:`stop`.

    Without the database what is known goes on.
    """

    def __init__(self, database: Database) -> None:
        self.keys: Mapping[str, Key] = {}
        self.sessions: Mapping[str, Session] = {}
        self._database = database
        self._versions: Mapping[str, int] = {}
        self._lock = threading.Lock()
        self._finding = threading.BoundedSemaphore(2)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, known: Mapping[str, Key]) -> None:
        """Begin to follow, from the keys that a snapshot has."""
        self.keys = known
        self._stop.clear()
        self._thread = threading.Thread(target=self._follow, name="gridmap-comers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def refresh(self) -> None:
        """Read what has changed, now. Unavailable without the database."""
        with self._lock, self._database.begin(WORKER, one_state=True) as connection:
            versions = read_versions(connection)
            if versions.get("keys") != self._versions.get("keys"):
                self.keys = {key.sha256: key for key in read_keys(connection)}
            if versions.get("sessions") != self._versions.get("sessions"):
                self.sessions = read_sessions(connection)
            self._versions = versions

    def find_session(self, sha256: str) -> Session | None:
        """A session by its hash, from the database if it may have been begun a moment ago with another worker.

        Two requests at a time may ask for one: made-up cookies cannot keep the database busy.
        """
        known = self.sessions.get(sha256)
        if known is not None or not self._finding.acquire(blocking=False):
            return known
        try:
            with self._database.begin(WORKER) as connection:
                return find_session(connection, sha256)
        except Unavailable:
            return None
        finally:
            self._finding.release()

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_S):
            try:
                self.refresh()
            except Unavailable:
                continue  # whoever follows the grid says so
            except Exception:  # the thread must outlive a defect, or revoked keys would go on
                logger.exception("keys and sessions could not be read")
