"""The snapshot on disk: the same answers after a restart, and nothing but the truth when files are damaged."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from gridmap.coverage.answer import Question, answer, locate
from gridmap.coverage.snapshot import FORMAT, Key, Snapshot, load, save
from gridmap.errors import Unavailable
from gridmap.model import Actor, Holder
from gridmap.store.database import Database
from gridmap.store.snapshot import read_snapshot


@pytest.fixture(scope="module")
def snapshot(heping: Database) -> Snapshot:
    with heping.engine.connect() as connection:
        fresh = read_snapshot(connection, datetime.now(UTC), None)
    key = Key("0" * 64, Actor("k", "dispatcher", ("120101",)), datetime(2030, 1, 1, tzinfo=UTC))
    return replace(fresh, keys={key.sha256: key})


def loaded(folder: Path) -> Snapshot:
    found = load(folder)
    assert found is not None
    return found


def test_what_is_saved_is_what_is_loaded(snapshot: Snapshot, tmp_path: Path) -> None:
    save(snapshot, tmp_path)
    again = loaded(tmp_path)
    same = ("city", "duty", "keys", "versions", "taken_at", "fresh_until")
    assert [getattr(again, name) for name in same] == [getattr(snapshot, name) for name in same]
    assert (again.grid.revision, again.grid.cells) == (snapshot.grid.revision, snapshot.grid.cells)
    assert again.grid.areas == snapshot.grid.areas
    assert again.overlays.overlays == snapshot.overlays.overlays
    assert (again.grid.index.degrees == snapshot.grid.index.degrees).all()
    for name, array in snapshot.grid.index.to_arrays().items():
        np.testing.assert_array_equal(again.grid.index.to_arrays()[name], array)


def test_answers_are_equal_after_a_restart(snapshot: Snapshot, tmp_path: Path) -> None:
    save(snapshot, tmp_path)
    again = loaded(tmp_path)
    random = np.random.default_rng(5)
    west, south, east, north = snapshot.grid.index.bounds
    at = snapshot.taken_at
    for lon, lat in zip(random.uniform(west, east, 40), random.uniform(south, north, 40), strict=True):
        question = Question(float(lon), float(lat), at, 25.0, "road_damage")
        before, after = (
            answer(one.city, locate(one.grid, one.overlays, question.lon, question.lat, 25.0), one.book, question)
            for one in (snapshot, again)
        )
        assert before == after


def test_an_empty_folder_and_no_folder_hold_no_snapshot(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    assert load(tmp_path / "nowhere") is None


def test_files_are_for_their_owner_only(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "snapshot"
    save(snapshot, folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def parts(folder: Path) -> dict[str, Path]:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    return {part: folder / name for part, name in manifest["parts"].items()}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("part", ["grid", "overlays", "duty", "keys"])
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_a_damaged_part_is_never_read(
    snapshot: Snapshot, tmp_path: Path, part: str, damage: Callable[[Path], object]
) -> None:
    save(snapshot, tmp_path)
    damage(parts(tmp_path)[part])
    with pytest.raises(Unavailable, match=part):
        load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        json.dumps({"format": FORMAT}).encode(),
        json.dumps({"format": FORMAT, "parts": {}, "versions": {}}).encode(),
    ],
)
def test_a_manifest_that_is_none_is_unavailable_and_the_next_save_mends_it(
    snapshot: Snapshot, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(Unavailable, match=r"manifest|cannot be read"):
        load(tmp_path)
    save(snapshot, tmp_path, unchanged=["grid", "keys"])
    assert loaded(tmp_path).grid.cells == snapshot.grid.cells


def test_a_manifest_without_a_part_is_unavailable(snapshot: Snapshot, tmp_path: Path) -> None:
    save(snapshot, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    del manifest["parts"]["keys"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Unavailable, match="keys"):
        load(tmp_path)


def test_the_format_of_another_version_counts_as_none(snapshot: Snapshot, tmp_path: Path) -> None:
    save(snapshot, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "format": FORMAT + 1}))
    assert load(tmp_path) is None
    save(snapshot, tmp_path, unchanged=["grid", "overlays", "keys"])
    assert loaded(tmp_path).versions == snapshot.versions


def test_a_crash_before_the_switch_leaves_the_old_state(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(snapshot, tmp_path)
    replaced = Path.replace

    def crash(path: Path, target: Path) -> Path:
        if target.name == "manifest.json":
            raise OSError("no space left")
        return replaced(path, target)

    monkeypatch.setattr(Path, "replace", crash)
    newer = replace(snapshot, keys={}, versions={**snapshot.versions, "keys": snapshot.versions["keys"] + 1})
    with pytest.raises(OSError, match="no space left"):
        save(newer, tmp_path)
    assert loaded(tmp_path).versions == snapshot.versions
    assert loaded(tmp_path).keys == snapshot.keys


def test_an_unchanged_part_is_taken_over_not_written(snapshot: Snapshot, tmp_path: Path) -> None:
    save(snapshot, tmp_path)
    grid = parts(tmp_path)["grid"]
    before = grid.stat().st_mtime_ns
    changed = replace(snapshot, keys={}, versions={**snapshot.versions, "keys": snapshot.versions["keys"] + 1})
    save(changed, tmp_path, unchanged=["grid", "overlays"])
    assert grid.stat().st_mtime_ns == before
    assert loaded(tmp_path).keys == {}


def test_a_part_of_another_state_is_not_taken_over(snapshot: Snapshot, tmp_path: Path) -> None:
    """Another worker was slower: its manifest, with an older grid, stands there when ours is written."""
    older = replace(
        snapshot,
        grid=replace(snapshot.grid, revision=replace(snapshot.grid.revision, note="older")),
        versions={**snapshot.versions, "grid": snapshot.versions["grid"] - 1},
    )
    save(older, tmp_path)
    save(snapshot, tmp_path, unchanged=["grid", "overlays", "keys"])
    assert loaded(tmp_path).grid.revision == snapshot.grid.revision


def test_parts_that_nobody_names_go_after_a_while(snapshot: Snapshot, tmp_path: Path) -> None:
    save(snapshot, tmp_path)
    old = parts(tmp_path)["keys"]
    changed = replace(snapshot, keys={}, versions={**snapshot.versions, "keys": snapshot.versions["keys"] + 1})
    save(changed, tmp_path)
    assert old.exists()  # another worker may be reading it
    long_ago = time.time() - 3600
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    half_written = tmp_path / ".grid-0.1.2"
    half_written.touch()
    os.utime(half_written, (long_ago, long_ago))
    save(changed, tmp_path, unchanged=["grid", "overlays", "keys"])
    assert not old.exists()
    assert not half_written.exists()
    assert loaded(tmp_path).grid.cells == snapshot.grid.cells


def test_two_savers_at_once_leave_one_whole_state(snapshot: Snapshot, tmp_path: Path) -> None:
    states = [
        replace(
            snapshot,
            keys={},
            duty=replace(snapshot.duty, holders=(*snapshot.duty.holders, Holder(f"h{number}", f"{number}"))),
            versions={**snapshot.versions, "duty": number},
        )
        for number in range(2)
    ]
    errors: list[BaseException] = []

    def repeat(state: Snapshot) -> None:
        try:
            for _ in range(5):
                save(state, tmp_path, unchanged=["grid", "overlays"])
                found = loaded(tmp_path)
                assert found.duty.holders[-1].code == f"h{found.versions['duty']}"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(state,)) for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
