"""A roster file for the district's own posts: preview, record, and the second time nothing."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.roster import RosterReport, load_roster
from gridmap.errors import LoadRefused, NotAllowed
from gridmap.model import Actor, Post
from gridmap.store.database import Database
from gridmap.store.duty import list_posts, read_duty

BEGINS = datetime(2026, 12, 7, tzinfo=UTC)
ENDS = BEGINS + timedelta(days=7)
HEADER = ["post 岗位", "holder 值班人", "holder_name 姓名", "hours", "valid_from", "backup 备班", "备班姓名"]


@pytest.fixture(scope="module")
def desk(heping: Database) -> Post:
    """A post that must be kept around the clock."""
    with heping.begin(OPERATOR) as connection:
        desks = list_posts(connection, datetime.now(UTC), kind="duty_desk", level="district")
    return desks[0]


def rows(desk: Post) -> list[list[str]]:
    return [
        [desk.code, "R1", "甲一", "1-7 00:00-12:00", "2026-12-01", "R2", "乙二"],
        [desk.code, "R2", "乙二", "1-7 11:00-23:00", "2026-12-01", "", ""],
        ["no such post", "R1", "甲一", "1-7 00:00-12:00", "2026-12-01", "", ""],
        [desk.code, "R3", "丙三", "whenever", "2026-12-01", "", ""],
    ]


def workbook(folder: Path, lines: list[list[str]]) -> Path:
    book = Workbook()
    assert book.active is not None
    book.active.title = "shifts"
    for line in [HEADER, *lines]:
        book.active.append(line)
    book.save(folder / "roster.xlsx")
    return folder / "roster.xlsx"


def table(folder: Path, lines: list[list[str]]) -> Path:
    with (folder / "roster.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([HEADER, *lines])
    return folder / "roster.csv"


def state(database: Database) -> list[object]:
    with database.begin(OPERATOR) as connection:
        return [
            connection.execute(text(query)).all()
            for query in (
                "SELECT * FROM shift ORDER BY id",
                "SELECT * FROM holder ORDER BY code",
                "SELECT count(*) FROM load",
                "SELECT count(*) FROM rejected_row",
            )
        ]


def loaded(database: Database, path: Path, *, record: bool) -> RosterReport:
    return load_roster(database, OPERATOR, path, BEGINS, ENDS, record=record)


@pytest.mark.parametrize("write", [workbook, table])
def test_a_preview_says_what_recording_then_does(
    heping_copy: Database, tmp_path: Path, desk: Post, write: object
) -> None:
    path = write(tmp_path, rows(desk))  # type: ignore[operator]
    before = state(heping_copy)
    shown = loaded(heping_copy, path, record=False)
    assert state(heping_copy) == before, "a preview writes nothing"
    assert not shown.recorded
    assert (shown.rows, [row.line for row in shown.rejected]) == (4, [5])
    assert list(shown.unknown_posts) == ["no such post"]
    assert shown.added == 2
    assert {(overlap.holders, overlap.post) for overlap in shown.overlaps} == {(("R1", "R2"), desk.code)}
    assert all(overlap.ends - overlap.begins == timedelta(hours=1) for overlap in shown.overlaps)
    assert shown.voids, "from 23:00 to midnight nobody keeps the desk"
    assert all(void.ends - void.begins == timedelta(hours=1) for void in shown.voids)

    done = loaded(heping_copy, path, record=True)
    assert done.recorded
    assert (done.added, done.ended, done.voids, done.overlaps) == (
        shown.added,
        shown.ended,
        shown.voids,
        shown.overlaps,
    )
    with heping_copy.begin(OPERATOR) as connection:
        duty = read_duty(connection, BEGINS, ENDS, datetime.now(UTC), [desk.territory])
        kept = [shift for shift in duty.shifts if shift.post == desk.code]
        line = text("SELECT rows, placed, outside, rejected FROM load ORDER BY id DESC LIMIT 1")
        assert tuple(connection.execute(line).one()) == (4, 3, 0, 1)
        reasons = text("SELECT line, reason FROM rejected_row ORDER BY load_id DESC LIMIT 1")
        assert connection.execute(reasons).one().line == 5
    new = {shift.holder: shift for shift in kept if shift.holder in {"R1", "R2"}}
    assert new["R1"].backup == "R2"
    assert all(shift.verified_at is not None for shift in new.values())


def test_the_second_time_changes_nothing_but_when_it_was_verified(
    heping_copy: Database, tmp_path: Path, desk: Post
) -> None:
    path = workbook(tmp_path, rows(desk)[:2])
    loaded(heping_copy, path, record=True)
    known = "SELECT id, post, holder, backup, weekdays, starts, minutes, valid, recorded FROM shift ORDER BY id"
    with heping_copy.begin(OPERATOR) as connection:
        before = connection.execute(text(known)).all()
    again = loaded(heping_copy, path, record=True)
    assert (again.added, again.ended, again.unchanged) == (0, 0, 2)
    with heping_copy.begin(OPERATOR) as connection:
        assert connection.execute(text(known)).all() == before
        verified = text("SELECT min(verified_at) > now() - interval '1 minute' FROM shift WHERE holder LIKE 'R_'")
        assert connection.execute(verified).scalar_one()


def test_outside_the_territory_nothing_is_shown(heping: Database, tmp_path: Path, desk: Post) -> None:
    path = workbook(tmp_path, rows(desk))
    for actor in (Actor("x", "dispatcher", ("120102",)), Actor("x", "viewer", ("120101",))):
        with pytest.raises(NotAllowed):
            load_roster(heping, actor, path, BEGINS, ENDS, record=False)


def test_a_roster_with_a_column_about_people_is_refused(heping: Database, tmp_path: Path, desk: Post) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(f"post,holder,hours,valid_from,手机\n{desk.code},R1,1-7 00:00-12:00,2026-12-01,1\n")
    with pytest.raises(LoadRefused, match="take out the columns about people: 手机"):
        loaded(heping, path, record=True)
