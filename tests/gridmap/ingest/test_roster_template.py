"""The roster to fill in: what is written can be read back, and its texts stay texts."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from gridmap.errors import LoadRefused
from gridmap.ingest.roster import read_roster
from gridmap.ingest.roster_template import EXAMPLE_POST, write_template
from gridmap.model import EXCEPTION_KINDS, Post, WeeklyHours

POSTS = [
    Post(
        "0120",
        "grid_worker",
        "=1+1",
        "cell",
        "120101001001001",
        "022-00000000",
        WeeklyHours.parse("1-5 08:00-20:00"),
    ),
    Post("D1", "duty_desk", "值班室", "city", "120000", "022-00000001"),
]


def test_the_examples_are_rows_that_the_reader_takes(tmp_path: Path) -> None:
    write_template(tmp_path / "t.xlsx", POSTS)
    roster = read_roster(tmp_path / "t.xlsx", ZoneInfo("Asia/Shanghai"))
    assert (roster.rejected, roster.headings, roster.ignored_columns) == ((), (), ())
    assert roster.rows == 5
    assert {shift.post for shift in roster.shifts} == {EXAMPLE_POST}
    assert {str(shift.hours) for shift in roster.shifts} == {
        "1-5 08:00-20:00",
        "6-7 09:00-17:00",
        "1-2 20:00-08:00",
        "6 08:00-12:00",
        "6 14:00-18:00",
    }
    assert sorted(each.kind for each in roster.exceptions) == sorted(EXCEPTION_KINDS)


def test_the_posts_are_listed_as_text(tmp_path: Path) -> None:
    write_template(tmp_path / "t.xlsx", POSTS)
    cells = list(load_workbook(tmp_path / "t.xlsx")["posts"].iter_rows(min_row=2))
    assert [[cell.value for cell in row] for row in cells] == [
        ["0120", "=1+1", "grid_worker", "cell", "120101001001001", "1-5 08:00-20:00"],
        ["D1", "值班室", "duty_desk", "city", "120000", None],
    ]
    assert {cell.data_type for row in cells for cell in row if cell.value} == {"s"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match=r"t\.xlsx: cannot be written: No such file"):
        write_template(tmp_path / "none" / "t.xlsx", [])
