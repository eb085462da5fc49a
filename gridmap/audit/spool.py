"""The spool: lines on local disk that are on their way to the database. Imports nothing of GridMap.

Each process appends to a segment of its own, locked as long as it lives. :meth:`Spool.append` has handed a line
to the operating system when it returns, so that a killed process loses none; it is forced onto the disk within a
second, so that a power cut loses what came in that second. A segment is removed when the database has its lines.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import uuid
from pathlib import Path

logger = logging.getLogger(__name__)

# While the database is away a segment grows to this before the next one begins.
_SEGMENT_BYTES = 8 << 20
# What is kept in memory when the disk takes no more; after that lines are lost, and the log says so.
_MOST_HELD = 100_000


class Spool:
    """The segments of a folder; opened by :meth:`open` and written by one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._path = folder
        self._size = 0
        self._synced = 0
        self._held: list[bytes] = []
        self.ready: list[Path] = []

    def append(self, line: bytes) -> None:
        """Add a line, which holds no line break. A full disk is no reason not to answer: it is kept in memory."""
        content = line + b"\n"
        with self._lock:
            try:
                descriptor = self._open() if self._descriptor is None else self._descriptor
                if os.write(descriptor, content) == len(content):
                    self._size += len(content)
                    return
                self._close()  # what was cut short ends its segment and is passed over
            except OSError:
                if not self._held:
                    logger.exception("the spool %s takes no more; lines are kept in memory", self._folder)
            if len(self._held) < _MOST_HELD:
                self._held.append(line)
            else:
                logger.error("a line of the trace is lost: neither disk nor memory takes it")

    def sync(self) -> None:
        """Force what was appended onto the disk."""
        with self._lock:
            descriptor, size = self._descriptor, self._size
            if descriptor is None or size == self._synced:
                return
            copy = os.dup(descriptor)  # so that nobody waits for the disk
        try:
            os.fsync(copy)
        finally:
            os.close(copy)
        self._synced = size

    def segments(self) -> list[Path]:
        """The segments that may be taken: this process's finished ones, and those of processes that are gone.

        What this one writes to is finished first, unless earlier ones still wait.
        """
        self.sync()
        with self._lock:
            if self._size and (not self.ready or self._size > _SEGMENT_BYTES):
                self._close()
        return [*self.ready, *self._left_behind()]

    def taken(self, path: Path) -> None:
        """The database has a segment's lines."""
        path.unlink(missing_ok=True)
        if path in self.ready:
            self.ready.remove(path)

    def held(self) -> list[bytes]:
        """Take the lines that the disk did not."""
        with self._lock:
            held, self._held = self._held, []
        return held

    def hold(self, lines: list[bytes]) -> None:
        """Give such lines back."""
        with self._lock:
            self._held = [*lines, *self._held]

    def close(self) -> None:
        """End the segment; what is in it waits for the next process."""
        self.sync()
        with self._lock:
            self._close()

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A name that others do not look at yet, until it is locked.
        path = self._folder / f"{uuid.uuid4()}.new"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._path = path.with_suffix(".jsonl")
        path.rename(self._path)
        self._descriptor, self._size, self._synced = descriptor, 0, 0
        return descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self.ready.append(self._path)
            self._size = self._synced = 0

    def _left_behind(self) -> list[Path]:
        """Segments that no living process writes to or takes."""
        found = []
        mine = {*self.ready, self._path}
        for path in sorted(self._folder.glob("*.jsonl")):
            if path not in mine and not _is_locked(path):
                found.append(path)
        return found


def read_lines(path: Path) -> list[bytes]:
    """The whole lines of a segment; one that was cut short was never answered for."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []  # another process has taken it
    whole, _, rest = content.rpartition(b"\n")
    if rest:
        logger.warning("%s ends in a line that was cut short", path)
    return [line for line in whole.split(b"\n") if line]


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
