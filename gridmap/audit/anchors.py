"""The anchors: the last hash of each batch, kept in a file outside the database. Imports ``chain``.

One line a batch: number, last entry, hash, when it was sealed. The file is only ever added to; copy it elsewhere,
or write its last line into a paper log, so that who owns the server cannot rewrite it with the chain.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from gridmap.audit.chain import Anchor, Batch

_FILE = "anchors.txt"
_LINE = re.compile(r"([0-9]{1,18}) ([0-9]{1,18}) ([0-9a-f]{64}) \S+")
# More than a line is long.
_TAIL_BYTES = 1024


def line_of(batch: Batch) -> str:
    """A batch as it stands in the file."""
    return f"{batch.number} {batch.last} {batch.hash} {batch.sealed_at}"


def write_anchors(folder: Path, batches_after: Callable[[int], Sequence[Batch]]) -> None:
    """Add the batches that the file lacks to it, on disk before this returns; one process at a time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        while batches := batches_after(_last_number(descriptor)):
            os.write(descriptor, "".join(f"{line_of(batch)}\n" for batch in batches).encode())
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_number(descriptor: int) -> int:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode("ascii", errors="replace")
    return max((anchor.batch for anchor in map(_parsed, tail.splitlines()) if anchor is not None), default=0)


def read_anchors(folder: Path) -> list[Anchor]:
    """All anchors; a line that a crash cut short is passed over."""
    path = folder / _FILE
    if not path.exists():
        return []
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    return [anchor for anchor in map(_parsed, lines) if anchor is not None]


def _parsed(line: str) -> Anchor | None:
    found = _LINE.fullmatch(line)
    return None if found is None else Anchor(int(found[1]), int(found[2]), found[3])
