"""Files that are made once, kept while there is room, and never seen half-written. Imports ``errors``."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gridmap.errors import Unavailable

_MAKING = "making-"
# What was asked for so recently may still be on its way to a client, and stays.
_IN_USE_S = 60.0
# What a process that died was making is nobody's after this long.
_LEFT_BEHIND_S = 3600.0
_PATIENCE_S = 25.0


class KeptFiles:
    """Files by name in ``folder``, together at most ``most_bytes``; several processes may share the folder.

    A process makes one file at a time. What has not been asked for longest goes first.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._lock = threading.Lock()

    def find(self, name: str) -> Path | None:
        """The file, None when it is not there (any more)."""
        path = self._folder / name
        try:
            os.utime(path, (time.time(), path.stat().st_mtime))
        except FileNotFoundError:
            return None
        return path

    def get(self, name: str, make: Callable[[Path], None]) -> Path:
        """The file; ``make`` writes it to the path that it is given if it is not there.

        Unavailable when others are being made for long, or when there is no room for it.
        """
        found = self.find(name)
        if found is not None:
            return found
        if not self._lock.acquire(timeout=_PATIENCE_S):
            raise Unavailable("other files are being made; try again in a moment")
        try:
            return self.find(name) or self._made(name, make)
        except OSError as error:
            raise Unavailable(f"the file cannot be kept: {error.strerror or error}") from error
        finally:
            self._lock.release()

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=self._folder))
        try:
            make(making / name)
            with (making / name).open("rb") as written:
                os.fsync(written.fileno())
            self._make_room((making / name).stat().st_size)
            os.replace(making / name, self._folder / name)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return self._folder / name

    def _make_room(self, wanted_bytes: int) -> None:
        now, files = time.time(), []
        for path in self._folder.iterdir():
            try:
                state = path.stat()
            except FileNotFoundError:  # another process was faster
                continue
            if path.name.startswith(_MAKING):
                if state.st_mtime < now - _LEFT_BEHIND_S:
                    shutil.rmtree(path, ignore_errors=True)
            else:
                files.append((state.st_atime, state.st_size, path))
        total = sum(size for _, size, _ in files) + wanted_bytes
        for used, size, path in sorted(files):
            if total <= self._most_bytes or used > now - _IN_USE_S:
                break
            path.unlink(missing_ok=True)
            total -= size
        if total > self._most_bytes:
            raise Unavailable("there is no room for another file just now; try again in a minute")
