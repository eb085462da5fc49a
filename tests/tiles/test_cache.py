"""Kept tiles: bounded in memory and on disk, shared by processes, made once however many ask."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tiles.cache import DiskCache, Key, TileCache
from tiles.encode import Encoding, Tile, encoded

KB = 1000


def tile(number: int, octets: int = 10 * KB) -> Tile:
    """A tile of about so many octets that nothing makes smaller."""
    return encoded(number.to_bytes(4, "big") + os.urandom(octets), "gzip")


def key(number: int) -> Key:
    return ("cells", "14", str(number), f"{number}-mark")


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_memory_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    cache = TileCache(100 * KB, None, 2)

    async def fill() -> None:
        for number in range(30):
            await cache.get(key(number), lambda number=number: tile(number), "gzip")
            assert cache.known(key(0)) is not None, "what is used stays"
            assert cache.octets <= 100 * KB

    asyncio.run(fill())
    assert cache.octets > 80 * KB
    assert cache.known(key(29)) is not None
    assert cache.known(key(1)) is None


def test_a_tile_larger_than_the_memory_is_answered_all_the_same() -> None:
    cache, large = TileCache(5 * KB, None, 2), tile(1)
    assert asyncio.run(cache.get(key(1), lambda: large, "gzip")) is large
    assert cache.octets == 0


def test_what_many_ask_for_is_made_once_and_an_error_reaches_them_all_and_is_not_kept() -> None:
    cache = TileCache(100 * KB, None, 4)
    made: list[int] = []
    gate = threading.Event()

    def broken() -> Tile:
        made.append(1)
        gate.wait(10)
        raise ZeroDivisionError

    def good() -> Tile:
        made.append(2)
        gate.wait(10)
        return tile(1)

    async def ask(make: Callable[[], Tile]) -> list[object]:
        gate.clear()
        waiting = [asyncio.ensure_future(cache.get(key(1), make, "gzip")) for _ in range(100)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()  # who asked first goes away
        gate.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    failed = asyncio.run(ask(broken))
    assert [type(each) for each in failed] == [asyncio.CancelledError] + [ZeroDivisionError] * 99
    answered = asyncio.run(ask(good))
    assert len({id(each) for each in answered[1:]}) == 1
    assert isinstance(answered[1], Tile)
    assert made == [1, 2]


def test_another_encoding_is_added_once_and_kept(tmp_path: Path) -> None:
    cache, made = TileCache(100 * KB, DiskCache(tmp_path, 1000 * KB), 2), []

    def make() -> Tile:
        made.append(1)
        return tile(1)

    async def ask() -> list[Tile]:
        encodings: list[Encoding] = ["gzip", "br", "identity", "br"] * 10
        return await asyncio.gather(*(cache.get(key(1), make, encoding) for encoding in encodings))

    found = asyncio.run(ask())
    assert made == [1]
    assert len({id(each) for each in found if each.brotli}) == 1
    known = cache.known(key(1))
    assert known is not None
    assert known.has("br")
    assert known.has("gzip")
    assert DiskCache(tmp_path, 1000 * KB).read(key(1)) == known


def test_the_disk_gives_back_what_another_process_kept(tmp_path: Path) -> None:
    one = tile(1)
    DiskCache(tmp_path, 100 * KB).write(key(1), one)
    again = TileCache(100 * KB, DiskCache(tmp_path, 100 * KB), 2)
    assert asyncio.run(again.get(key(1), lambda: pytest.fail("it is kept already"), "gzip")) == one


def test_the_disk_is_bounded_and_forgets_what_was_used_longest_ago(tmp_path: Path) -> None:
    disk = DiskCache(tmp_path, 100 * KB)
    for number in range(40):
        disk.write(key(number), tile(number))
        path = tmp_path.joinpath(*key(number))
        os.utime(path, (time.time() - 1000 + number,) * 2)
        assert on_disk(tmp_path) <= 112 * KB
    assert disk.read(key(39)) is not None
    assert disk.read(key(0)) is None
    assert on_disk(tmp_path) > 50 * KB


def test_a_damaged_file_is_no_tile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    disk = DiskCache(tmp_path, 100 * KB)
    disk.write(key(1), tile(1))
    path = tmp_path.joinpath(*key(1))
    path.write_bytes(path.read_bytes()[:-5])
    assert disk.read(key(1)) is None
    assert "cannot be used" in caplog.text


def test_a_disk_that_refuses_is_no_reason_not_to_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cells").write_text("a file where a folder should be")
    cache, one = TileCache(100 * KB, DiskCache(tmp_path, 100 * KB), 2), tile(1)
    assert asyncio.run(cache.get(key(1), lambda: one, "gzip")) is one
    assert "could not be kept" in caplog.text
    assert not list(tmp_path.rglob(".*"))
