"""Tiles that are kept: in memory, bounded by octets, and on disk, bounded and shared by a server's workers.

Imports ``encode`` and ``errors``. Who asks decides what a key is; here it is a file's name.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from cachetools import LRUCache

from gridmap.errors import Unavailable
from tiles.encode import Encoding, Tile, from_file, to_file

logger = logging.getLogger(__name__)

Key = tuple[str, ...]
Make = Callable[[], Tile]

# What a tile costs besides its bodies: key, objects and entries, rather more.
_OVERHEAD = 600
# When the disk is full, so much is thrown away at once, oldest use first.
_SHRINK_TO = 0.9
# The use of a file is noted at most so often, so that reading writes hardly anything.
_NOTE_USE_S = 3600.0


class DiskCache:
    """Files of tiles in one folder of at most ``limit`` octets; several processes may use it at once."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._known: int | None = None

    def read(self, key: Key) -> Tile | None:
        """The tile that is kept under a key; None without one, also when its file is damaged."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            if time.time() - path.stat().st_mtime > _NOTE_USE_S:
                os.utime(path)
            return from_file(content)
        except FileNotFoundError:
            return None
        except (OSError, Unavailable) as error:
            logger.warning("%s cannot be used: %s", path, error)
            return None

    def write(self, key: Key, tile: Tile) -> None:
        """Keep a tile, in one step. A full or broken disk is no reason not to answer: it is logged."""
        content, path = to_file(tile), self._path(key)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_bytes(content)
            temporary.replace(path)
            self._grow(len(content))
        except OSError as error:
            logger.warning("a tile could not be kept in %s: %s", self._folder, error)

    def _path(self, key: Key) -> Path:
        return self._folder.joinpath(*key)

    def _grow(self, octets: int) -> None:
        """Count what is there, and throw away what was not used for longest when it is too much.

        Other processes' files are counted when this one has written a tenth of the limit.
        """
        with self._lock:
            if self._known is not None:
                self._known += octets
            if self._known is None or self._known > self._limit:
                self._known = self._shrink()

    def _shrink(self) -> int:
        files = []
        for parent, _, names in os.walk(self._folder):
            for name in names:
                path = Path(parent, name)
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue
                files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        if total > self._limit:
            for _, size, path in sorted(files, key=lambda each: each[0]):
                path.unlink(missing_ok=True)
                total -= size
                if total <= self._limit * _SHRINK_TO:
                    break
        # the others may write until this one has written a tenth of the limit
        return max(total, int(self._limit * _SHRINK_TO))


class TileCache:
    """Memory before disk before whoever makes tiles; a tile that many ask for at once is made once.

    For one event loop. ``threads`` bounds how many are made at a time, and so how many database connections
    tiles take.
    """

    def __init__(self, memory_octets: int, disk: DiskCache | None, threads: int) -> None:
        self._memory: LRUCache[Key, Tile] = LRUCache(memory_octets, getsizeof=_size)
        self._disk = disk
        self._at_a_time = threads
        self._threads: ThreadPoolExecutor | None = None
        self._under_way: dict[Key, asyncio.Future[Tile]] = {}

    @property
    def octets(self) -> int:
        """How much memory is taken."""
        return int(self._memory.currsize)

    def known(self, key: Key) -> Tile | None:
        """The tile in memory."""
        found: Tile | None = self._memory.get(key)
        return found

    async def get(self, key: Key, make: Make, encoding: Encoding) -> Tile:
        """The tile of a key with an encoding, from memory, disk or ``make``, which runs in a thread.

        Errors of ``make`` are raised.
        """
        tile = self.known(key) or await self._once(key, key, partial(self._fetch, key, make))
        if tile.has(encoding):
            return tile
        return await self._once((*key, encoding), key, partial(self._add, key, tile, encoding))

    async def _once(self, flight: Key, key: Key, make: Make) -> Tile:
        """What ``make`` makes, in a thread, once for all who ask meanwhile; it is kept under ``key``."""
        waiting = self._under_way.get(flight)
        if waiting is None:
            waiting = asyncio.get_running_loop().run_in_executor(self._pool(), make)
            self._under_way[flight] = waiting
            waiting.add_done_callback(partial(self._arrived, flight, key))
        # whoever asked first may go away; the others still wait
        return await asyncio.shield(waiting)

    def close(self) -> None:
        """End the threads; asked again, there are new ones."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._at_a_time, thread_name_prefix="gridmap-tiles")
        return self._threads

    def _arrived(self, flight: Key, key: Key, done: asyncio.Future[Tile]) -> None:
        del self._under_way[flight]
        if done.cancelled() or done.exception() is not None:
            return
        tile = done.result()
        if _size(tile) <= self._memory.maxsize:
            self._memory[key] = tile

    def _fetch(self, key: Key, make: Make) -> Tile:
        kept = None if self._disk is None else self._disk.read(key)
        return self._written(key, make()) if kept is None else kept

    def _add(self, key: Key, tile: Tile, encoding: Encoding) -> Tile:
        return self._written(key, tile.adding(encoding))

    def _written(self, key: Key, tile: Tile) -> Tile:
        if self._disk is not None:
            self._disk.write(key, tile)
        return tile


def _size(tile: Tile) -> int:
    return _OVERHEAD + len(tile.gzip) + len(tile.brotli)
