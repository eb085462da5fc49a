"""Notes which keys and sessions are used, and tells the database now and then. Imports ``store`` and below.

Of a key only the day is kept, so that its use makes no track; of a session when it was last seen, until it ends.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from gridmap.errors import Unavailable
from gridmap.model import WORKER
from gridmap.store.database import Database
from gridmap.store.keys import note_used
from gridmap.store.sessions import forget_ended, note_seen

logger = logging.getLogger(__name__)

_TELL_S = 30.0


class Uses:
    """What was used since it was last told; a thread tells it between :meth:`start` and :meth:`stop`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._told: tuple[str, frozenset[str]] = ("", frozenset())
        self._seen: dict[str, datetime] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def key(self, key_id: str) -> None:
        """A key was used."""
        if key_id not in self._keys:
            with self._lock:
                self._keys.add(key_id)

    def session(self, sha256: str, now: datetime) -> None:
        """A session was seen."""
        with self._lock:
            self._seen[sha256] = now

    def seen(self, sha256: str) -> datetime | None:
        """When this worker last saw a session and has not told yet."""
        return self._seen.get(sha256)

    def tell(self, database: Database, idle: timedelta) -> None:
        """Write what is new, and forget the sessions that have ended. Unavailable without the database."""
        today = datetime.now(UTC).date()
        day, told = self._told if self._told[0] == str(today) else (str(today), frozenset())
        with self._lock:
            keys, self._keys = self._keys - told, set()
            seen, self._seen = self._seen, {}
        try:
            with database.begin(WORKER) as connection:
                if keys:
                    note_used(connection, keys, today)
                if seen:
                    note_seen(connection, seen)
                forget_ended(connection, idle)
        except Unavailable:
            with self._lock:
                self._keys |= keys
                self._seen = {**seen, **self._seen}
            raise
        self._told = (day, told | keys)

    def start(self, database: Database, idle: timedelta) -> None:
        """Begin to tell the database."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(database, idle), name="gridmap-uses", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell the rest and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self, database: Database, idle: timedelta) -> None:
        going_on = True
        while going_on:
            going_on = not self._stop.wait(_TELL_S)
            try:
                self.tell(database, idle)
            except Unavailable as error:
                logger.warning("the uses of keys wait: %s", error)
            except Exception:  # the thread must outlive a defect
                logger.exception("the uses of keys could not be written")
