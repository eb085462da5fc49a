"""The current state follows the database, goes on without it, also after a restart, and finds back to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmap import current as current_module
from gridmap.access import OPERATOR
from gridmap.actions.duty import save_shifts
from gridmap.coverage import snapshot as disk
from gridmap.coverage.answer import Question, answer, locate
from gridmap.coverage.snapshot import Snapshot
from gridmap.current import Current
from gridmap.errors import Unavailable
from gridmap.model import Holder, Shift, WeeklyHours
from gridmap.store import facts as store_facts
from gridmap.store.database import Database


@pytest.fixture
def gone(tmp_path: Path) -> Database:
    """An address at which no server listens."""
    return Database(f"postgresql+psycopg2://gridmap_owner@/demo?host={tmp_path}&port=5432")


def worker(database: Database, folder: Path) -> Current:
    """A started worker without its thread: each test says when it looks."""
    current = Current(database, folder)
    current.start()
    current.stop()
    return current


def said(snapshot: Snapshot, at: datetime) -> object:
    place = snapshot.grid.index.degrees[77].representative_point()
    question = Question(place.x, place.y, at)
    return answer(
        snapshot.city, locate(snapshot.grid, snapshot.overlays, place.x, place.y, 0.0), snapshot.book, question
    )


def test_without_the_database_it_goes_on_also_after_a_restart(
    heping: Database, gone: Database, tmp_path: Path
) -> None:
    current = worker(heping, tmp_path)
    assert current.state.gone_since is None
    at = datetime.now(UTC)
    before = said(current.state.ready, at)

    current._database = gone
    current.refresh()
    since = current.state.gone_since
    assert since is not None
    current.refresh()
    assert current.state.gone_since == since, "degraded since when it began, not since the last look"
    assert said(current.state.ready, at) == before

    again = worker(gone, tmp_path)
    assert again.state.gone_since is not None
    assert again.state.ready.taken_at == current.state.ready.taken_at
    assert said(again.state.ready, at) == before

    again._database = heping
    again.refresh()
    assert again.state.gone_since is None
    assert said(again.state.ready, at) == before


def test_with_neither_database_nor_disk_it_says_so(gone: Database, tmp_path: Path) -> None:
    current = worker(gone, tmp_path)
    with pytest.raises(Unavailable, match="PostGIS does not answer and no snapshot"):
        _ = current.state.ready


def test_an_empty_city_has_no_grid_yet(make_database: Callable[[str], Database], tmp_path: Path) -> None:
    current = worker(make_database("empty_city"), tmp_path)
    assert current.state.gone_since is None
    with pytest.raises(Unavailable, match="no grid yet"):
        _ = current.state.ready


def test_nothing_is_read_or_written_when_nothing_changed(heping: Database, tmp_path: Path) -> None:
    current = worker(heping, tmp_path)
    before, manifest = current.state.ready, (tmp_path / "manifest.json").stat().st_mtime_ns
    current.refresh()
    assert current.state.ready is before
    assert (tmp_path / "manifest.json").stat().st_mtime_ns == manifest


def test_a_new_shift_is_seen_and_kept_and_the_grid_stays_the_same_object(
    heping_copy: Database, tmp_path: Path
) -> None:
    current = worker(heping_copy, tmp_path)
    before = current.state.ready
    post = before.duty.posts[0].code
    (hours,) = WeeklyHours.parse("1-7 00:00-24:00")
    today = datetime.now(UTC).date()
    save_shifts(heping_copy, OPERATOR, [Shift(post, "NEW", hours, today)], [Holder("NEW", "New")])
    current.refresh()
    after = current.state.ready
    assert "NEW" not in {holder.code for holder in before.duty.holders}
    assert "NEW" in {holder.code for holder in after.duty.holders}
    assert after.grid is before.grid
    kept = disk.load(tmp_path)
    assert kept is not None
    assert kept.duty == after.duty


def test_the_thread_follows_on_its_own(heping_copy: Database, tmp_path: Path) -> None:
    current = Current(heping_copy, tmp_path)
    current.start()
    try:
        with heping_copy.begin(OPERATOR) as connection:
            connection.execute(text("INSERT INTO holder VALUES ('X', 'x')"))
            connection.execute(text("UPDATE shift SET holder = 'X' WHERE id = (SELECT min(id) FROM shift)"))
        deadline = time.monotonic() + 20
        while "X" not in {holder.code for holder in current.state.ready.duty.holders}:
            assert time.monotonic() < deadline, "the thread did not see the change"
            time.sleep(0.05)
    finally:
        current.stop()


@pytest.mark.parametrize("damaged", ["manifest.json", "grid"])
def test_a_damaged_snapshot_is_made_anew(heping: Database, tmp_path: Path, damaged: str) -> None:
    worker(heping, tmp_path)
    for path in tmp_path.glob(f"{damaged}*"):
        path.write_bytes(b"{damaged")
    current = worker(heping, tmp_path)
    assert current.state.gone_since is None
    assert current.state.ready.grid.cells
    assert disk.load(tmp_path) is not None


def test_a_full_disk_stops_nobody_and_is_made_up_for(
    heping_copy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = worker(heping_copy, tmp_path)

    def full(*_: object) -> None:
        raise OSError("no space left")

    def rename(code: str) -> None:
        with heping_copy.begin(OPERATOR) as connection:
            connection.execute(
                text("UPDATE cell SET name = :code WHERE id = (SELECT min(id) FROM cell)"), {"code": code}
            )

    with monkeypatch.context() as broken:
        broken.setattr(disk, "save", full)
        rename("renamed")
        current.refresh()
        assert "renamed" in {cell.name for cell in current.state.ready.grid.cells}
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("INSERT INTO holder VALUES ('X', 'x')"))
    current.refresh()
    kept = disk.load(tmp_path)
    assert kept is not None
    assert "renamed" in {cell.name for cell in kept.grid.cells}, "the grid on disk is not the one its version says"


def test_facts_are_shared_on_disk_and_brought_up_to_date(
    heping_copy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wholes: list[str] = []
    whole = store_facts._whole
    monkeypatch.setattr(
        store_facts, "_whole", lambda reading, what: (wholes.append(what), whole(reading, what))[1]
    )
    first = worker(heping_copy, tmp_path)
    assert wholes == ["element", "incident"]
    kept = {path.name for path in (tmp_path / "facts").iterdir()}

    def touch(count: int) -> None:
        with heping_copy.begin(OPERATOR) as connection:
            connection.execute(text("UPDATE incident SET category = 'fire' WHERE id <= :count"), {"count": count})

    touch(20)
    first.refresh()
    assert first.state.countable.changed == 40
    assert {path.name for path in (tmp_path / "facts").iterdir()} == kept, "few changes are no reason to write"
    second = worker(heping_copy, tmp_path)
    assert len(wholes) == 2, "the second worker reads from the disk and then only what changed"
    assert second.state.countable.version == first.state.countable.version
    monkeypatch.setattr(current_module, "_MOST_BESIDE", 30)
    touch(30)
    first.refresh()
    assert first.state.countable.changed == 0
    assert {path.name for path in (tmp_path / "facts").iterdir()} > kept
    second.refresh()
    assert second.state.countable.changed == 0
    assert second.state.countable.base_version == first.state.countable.base_version
    for path in (tmp_path / "facts").glob("incident-ids-*"):
        path.write_bytes(b"x" * 300)
    third = worker(heping_copy, tmp_path)
    assert third.state.countable.version == first.state.countable.version
    assert len(wholes) == 4, "what is damaged is read anew"
    worker(heping_copy, tmp_path)
    assert len(wholes) == 4, "and written anew"


def test_facts_and_grid_change_in_one_step(heping_copy: Database, tmp_path: Path) -> None:
    current = worker(heping_copy, tmp_path)
    before = current.state
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("INSERT INTO revision (number, valid_from, actor) VALUES (2, now(), 't')"))
        connection.execute(text("UPDATE incident SET category = 'fire' WHERE id <= 20"))
    current.refresh()
    after = current.state
    assert (before.ready.grid.revision.number, before.countable.revision) == (1, 1)
    assert (after.ready.grid.revision.number, after.countable.revision) == (2, 2)
    assert after.countable.places.grid is after.ready.grid
    assert after.countable.version == before.countable.version + 1
    again = worker(heping_copy, tmp_path)
    assert again.state.countable.changed == 0, "another revision's facts are written at once"


def test_another_database_never_passes_for_the_one_on_disk(
    heping: Database, make_database: Callable[[str], Database]
) -> None:
    counted = text("SELECT part, version FROM data_version")
    with heping.begin(OPERATOR) as one, make_database("other").begin(OPERATOR) as other:
        assert not set(map(tuple, one.execute(counted))) & set(map(tuple, other.execute(counted)))


def test_cells_that_are_no_coverage_stop_nobody(heping_copy: Database, tmp_path: Path) -> None:
    """Somebody writes to the cells by hand: the last good state goes on answering, and a new one is not taken."""
    current = Current(heping_copy, tmp_path)
    current.refresh()
    good = current.state.ready.grid
    with heping_copy.begin(OPERATOR) as connection:
        moved = "UPDATE cell SET geom = ST_Translate(geom, 0.0001, 0) WHERE code = (SELECT min(code) FROM cell)"
        connection.execute(text(moved))
    current.refresh()
    assert current.state.ready.grid is good
    assert current.state.gone_since is not None
    anew = Current(heping_copy, tmp_path / "elsewhere")
    anew.refresh()
    with pytest.raises(Unavailable):
        _ = anew.state.ready
