"""Files are made once, appear whole, and the oldest goes when there is no room."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gridmap.errors import Unavailable
from gridmap.kept_files import KeptFiles


def writes(size: int, log: list[Path] | None = None) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        if log is not None:
            log.append(path)
        path.write_bytes(b"x" * size)

    return make


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_file_is_made_once_even_when_many_ask(tmp_path: Path) -> None:
    kept, made, found = KeptFiles(tmp_path / "kept", 1000), [], []

    def slow(path: Path) -> None:
        writes(100, made)(path)
        time.sleep(0.1)

    threads = [threading.Thread(target=lambda: found.append(kept.get("a", slow))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == [tmp_path / "kept" / "a"] * 8
    assert found[0].read_bytes() == b"x" * 100
    assert (tmp_path / "kept").stat().st_mode & 0o77 == 0


def test_what_is_being_made_is_not_there_and_what_fails_leaves_nothing(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 1000)

    def breaks(path: Path) -> None:
        path.write_bytes(b"half")
        assert kept.find("a") is None
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.get("a", breaks)
    assert list(tmp_path.iterdir()) == []
    assert kept.get("a", writes(5)).read_bytes() == b"xxxxx"


def test_the_oldest_goes_first_and_what_is_in_use_stays(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 300)
    for name, seconds in (("old", 500), ("older", 900), ("new", 100)):
        age(kept.get(name, writes(100)), seconds)
    assert kept.find("older") is not None, "which makes it the newest"
    kept.get("more", writes(100))
    assert {path.name for path in tmp_path.iterdir()} == {"older", "new", "more"}
    for name in ("older", "new", "more"):
        kept.find(name)
    with pytest.raises(Unavailable, match="no room"):
        kept.get("too much", writes(100))
    assert {path.name for path in tmp_path.iterdir()} == {"older", "new", "more"}


def test_a_full_disk_is_unavailable(tmp_path: Path) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Unavailable, match="No space"):
        KeptFiles(tmp_path, 300).get("a", full)


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "making-dead").mkdir()
    (tmp_path / "making-alive").mkdir()
    age(tmp_path / "making-dead", 7200)
    KeptFiles(tmp_path, 300).get("a", writes(1))
    assert {path.name for path in tmp_path.iterdir()} == {"making-alive", "a"}
