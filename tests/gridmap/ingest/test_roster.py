"""Roster files as people make them: .xlsx and .csv, Chinese and English, tidy, untidy and broken."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from gridmap.errors import LoadRefused
from gridmap.ingest import sheets
from gridmap.ingest.roster import Roster, read_roster
from gridmap.model import Shift, ShiftException, WeeklyHours

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEADER = ("post", "holder", "holder_name", "backup", "hours", "valid_from", "valid_until", "verified_at")
GOOD = ("P1", "H1", "Desk 1", "H2", "1-5 08:00-20:00", "2026-01-01", "", "")

# Shaped like the real thing, made of nothing but nines.
MOBILE = "13" + "9" * 9
ID_CARD = "9" * 17 + "X"


def write_csv(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8-sig") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def write_xlsx(path: Path, tables: dict[str, Sequence[Sequence[Any]]]) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def read(path: Path) -> Roster:
    roster = read_roster(path, SHANGHAI)
    assert roster.rows == roster.accepted + len(roster.rejected)
    return roster


def read_rows(tmp_path: Path, *rows: Sequence[str], header: Sequence[str] = HEADER) -> Roster:
    return read(write_csv(tmp_path / "roster.csv", [header, *rows]))


def reason(tmp_path: Path, **changed: str) -> str:
    """Why the good row is refused with these values in it."""
    row = [changed.get(name, value) for name, value in zip(HEADER, GOOD, strict=True)]
    roster = read_rows(tmp_path, row)
    assert roster.shifts == ()
    (rejected,) = roster.rejected
    assert rejected.line == 2
    return rejected.reason


EXPECTED = Shift("P1", "H1", WeeklyHours(31, 480, 720), date(2026, 1, 1), None, "H2", None)


def test_an_english_csv(tmp_path: Path) -> None:
    roster = read_rows(tmp_path, GOOD)
    assert roster.shifts == (EXPECTED,)
    assert [(holder.code, holder.display_name) for holder in roster.holders] == [("H1", "Desk 1")]
    assert (roster.rows, roster.rejected, roster.encoding) == (1, (), "utf-8")


@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8-sig", "utf-8"), ("utf-8", "utf-8"), ("gb18030", "gb18030")]
)
def test_a_chinese_csv_with_full_width_signs(tmp_path: Path, encoding: str, told: str) -> None:
    header = ["岗位", "工号", "姓名（工号）", "备班人", "值班时间", "生效日期", "失效日期", "核实时间"]
    row = [
        "Ｐ１",
        "Ｈ１",
        "值班员（１）",
        "Ｈ２",
        "周一至周五 ０８：００—２０：００",
        "2026年1月1日",
        "",
        "2026/1/2 8:30",
    ]
    roster = read(write_csv(tmp_path / "名单.csv", [["值班表"], header, row], encoding))
    verified = datetime(2026, 1, 2, 8, 30, tzinfo=SHANGHAI)
    assert roster.shifts == (replace(EXPECTED, verified_at=verified),)
    assert roster.holders[0].display_name == "值班员（１）"
    assert roster.encoding == told
    assert roster.headings == (("名单.csv", 1),)


def test_an_xlsx_with_both_sheets_and_real_dates(tmp_path: Path) -> None:
    shifts = [
        ("岗位", "值班人", "周一", "周二", "周三", "周六", "开始日期", "结束日期"),
        (
            120101001001,
            7,
            "08:00-12:00; 14:00-18:00",
            "08:00-12:00",
            "休",
            "20:00-次日08:00",
            date(2026, 1, 1),
            None,
        ),
    ]
    exceptions = [
        ("post 岗位", "kind 类别", "begins 开始", "ends 结束", "holder 值班人", "substitute 替班人"),
        ("P1", "请假", datetime(2026, 2, 1, 8, 0), date(2026, 2, 3), "H1", None),  # noqa: DTZ001
        ("P1", "调班", "2026-02-05", "2026-02-05 12:00", "H1", "H2"),
        ("P1", "加班", "2026-02-06T08:00+00:00", "2026-02-06T24:00Z", "H3", None),
    ]
    roster = read(write_xlsx(tmp_path / "r.xlsx", {"班次": shifts, "Exceptions": exceptions, "notes": [("x",)]}))
    assert roster.rejected == ()
    assert {(shift.post, shift.holder, str(shift.hours)) for shift in roster.shifts} == {
        ("120101001001", "7", "1-2 08:00-12:00"),
        ("120101001001", "7", "1 14:00-18:00"),
        ("120101001001", "7", "6 20:00-08:00"),
    }
    told = [(each.kind, each.begins, each.ends, each.holder, each.substitute) for each in roster.exceptions]

    def china(text: str) -> datetime:
        return datetime.fromisoformat(f"{text}+08:00")

    assert told == [
        ("leave", china("2026-02-01T08:00"), china("2026-02-04T00:00"), "H1", None),
        ("swap", china("2026-02-05T00:00"), china("2026-02-05T12:00"), "H1", "H2"),
        ("extra", china("2026-02-06T16:00"), china("2026-02-07T08:00"), None, "H3"),
    ]


def test_a_csv_with_a_kind_holds_exceptions(tmp_path: Path) -> None:
    header = ("post", "kind", "begins", "ends", "holder", "holder_name", "substitute")
    roster = read_rows(tmp_path, ("P1", "leave", "2026-02-01", "2026-02-01", "H1", "Desk 1", ""), header=header)
    begins = datetime(2026, 2, 1, tzinfo=SHANGHAI)
    assert roster.exceptions == (
        ShiftException("P1", "leave", begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC), "H1"),
    )
    assert roster.shifts == ()
    assert roster.holders[0].code == "H1"


def test_merged_and_empty_rows_are_no_rows(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "shifts"
    for row in (
        ["Duty roster"],
        HEADER,
        [],
        ["North side"],
        GOOD,
        [None, " "],
        ["P1", "", "", "", "", "", "", ""],
    ):
        sheet.append(list(row))
    sheet.merge_cells("A1:H1")
    sheet.merge_cells("A4:H4")
    book.save(tmp_path / "r.xlsx")
    roster = read(tmp_path / "r.xlsx")
    assert (roster.shifts, roster.rows, roster.rejected) == ((EXPECTED,), 1, ())
    assert [line for _, line in roster.headings] == [1, 4, 7]


def test_rows_without_their_own_verification_get_that_of_the_load(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    rows = [HEADER, GOOD, (*GOOD[:5], "2026-02-01", "", "2026-02-02")]
    roster = read_roster(write_csv(tmp_path / "r.csv", rows), SHANGHAI, verified_at=now)
    assert [shift.verified_at for shift in roster.shifts] == [now, datetime(2026, 2, 2, tzinfo=SHANGHAI)]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"post": ""}, "post: must not be empty"),
        ({"post": "P" * 65}, "post: must have at most 64 characters"),
        ({"post": "P\0"}, "post: must not hold control characters"),
        ({"holder": "=1+1"}, "holder: must be a value, not a formula"),
        ({"holder": "＝1+1"}, "holder: must be a value, not a formula"),
        ({"holder": "#REF!"}, "holder: must be a value, not a formula or its error"),
        ({"holder_name": "x" * 201}, "holder_name: must have at most 200 characters"),
        ({"backup": "H1"}, "backup: must be somebody else than the holder"),
        ({"hours": ""}, "hours: must name at least one turn"),
        ({"hours": "08:00-20:00"}, "hours: must look like '1-5 08:00-20:00'"),
        ({"hours": "1-5 08:00-次日10:00"}, "hours: a turn lasts a day at most"),
        ({"hours": "1-5 次日08:00-10:00"}, "hours: times must look like 08:00"),
        ({"hours": "1-8 08:00-10:00"}, "hours: weekdays are 1 (Monday) to 7"),
        ({"valid_from": ""}, "valid_from: must not be empty"),
        ({"valid_from": "soon"}, "valid_from: must be a date such as 2026-11-22, got 'soon'"),
        ({"valid_from": "2026-02-30"}, "valid_from: must be a day of the calendar"),
        ({"valid_from": "0026-01-01"}, "valid_from: the year must lie in 1900 to 2199"),
        ({"valid_until": "2025-12-31"}, "valid_until: must not be before 2026-01-01"),
        ({"verified_at": "2026-01-01 25:00"}, "verified_at: times run from 00:00 to 24:00"),
        ({"verified_at": "2026-01-01 noon"}, "verified_at: must look like"),
    ],
)
def test_a_row_that_is_not_in_order_is_rejected_with_its_reason(
    tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    assert told in reason(tmp_path, **changed)


@pytest.mark.parametrize(
    "value", [MOBILE, f"+86 {MOBILE}", "139-9999-9999", ID_CARD, f"x{ID_CARD}", "１３９９９９９９９９９"]
)
@pytest.mark.parametrize("column", ["holder", "holder_name", "hours", "note"])
def test_personal_numbers_are_refused_and_kept_nowhere(tmp_path: Path, column: str, value: str) -> None:
    row = [value if name == column else good for name, good in zip((*HEADER, "note"), (*GOOD, ""), strict=True)]
    roster = read_rows(tmp_path, row, header=(*HEADER, "note"))
    assert (roster.shifts, roster.holders) == ((), ())
    assert "looks like an ID or mobile number" in roster.rejected[0].reason
    kept = str(roster)
    assert "999999" not in kept
    assert "９９９９９９" not in kept
    assert "9999-9999" not in kept


def test_a_personal_number_beside_another_fault_is_masked_too(tmp_path: Path) -> None:
    assert MOBILE not in reason(tmp_path, holder_name=f"\0 {MOBILE}")
    assert MOBILE not in reason(tmp_path, hours=f"={MOBILE}")


def test_codes_of_cells_and_communities_are_not_personal(tmp_path: Path) -> None:
    roster = read_rows(tmp_path, ("120101001001001-W", "120101001001", *GOOD[2:]))
    assert [(shift.post, shift.holder) for shift in roster.shifts] == [("120101001001001-W", "120101001001")]


@pytest.mark.parametrize("column", ["手机", "联系电话", "身份证号", "Mobile", "id_card", "政治面貌"])
def test_columns_about_people_stop_the_load(tmp_path: Path, column: str) -> None:
    with pytest.raises(LoadRefused, match=column):
        read_rows(tmp_path, (*GOOD, ""), header=(*HEADER, column))


def test_the_same_row_again_names_the_first(tmp_path: Path) -> None:
    other_name = ("P2", "H1", "Desk 9", *GOOD[3:])
    roster = read_rows(tmp_path, GOOD, GOOD, other_name)
    assert roster.shifts == (EXPECTED,)
    assert [(one.line, one.reason) for one in roster.rejected] == [
        (3, "row: is a duplicate of roster.csv line 2, got 'roster.csv line 3'"),
        (4, "holder: has two names, 'Desk 1' before, got 'H1'"),
    ]


def test_a_rejected_row_keeps_its_columns_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    roster = read_rows(tmp_path, ("P1", "H8", "Desk 8", "", "1-5 8-20", "2026-01-01", "", ""), GOOD)
    assert [holder.code for holder in roster.holders] == ["H1"]
    assert roster.rejected[0].row["hours"] == "1-5 8-20"
    assert roster.rejected[0].row["post"] == "P1"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("P1", "holiday", "2026-02-01", "2026-02-02", "H1", ""), "kind: must be one of leave/请假"),
        (("P1", "leave", "2026-02-03", "2026-02-02 08:00", "H1", ""), "ends: must be after"),
        (("P1", "leave", "", "2026-02-02", "H1", ""), "begins: must not be empty"),
        (("P1", "leave", "2026-02-01", "2026-02-02", "", "H2"), "holder: must name who is away (leave)"),
        (("P1", "swap", "2026-02-01", "2026-02-02", "H1", ""), "substitute: must name who comes (swap)"),
        (("P1", "swap", "2026-02-01", "2026-02-02", "H1", "H1"), "must be somebody else than the holder"),
        (("P1", "extra", "2026-02-01", "2026-02-02", "", ""), "substitute: must name who comes (extra)"),
    ],
)
def test_an_exception_that_is_not_in_order_is_rejected(tmp_path: Path, row: Sequence[str], told: str) -> None:
    roster = read_rows(tmp_path, row, header=("post", "kind", "begins", "ends", "holder", "substitute"))
    assert roster.exceptions == ()
    assert told in roster.rejected[0].reason


def test_hours_in_both_ways_are_refused_and_unknown_columns_are_named(tmp_path: Path) -> None:
    header = (*HEADER, "周一", "remark")
    roster = read_rows(tmp_path, (*GOOD, "08:00-10:00", ""), (*GOOD, "休", "ok"), header=header)
    assert "must be empty when the columns of the weekdays are filled" in roster.rejected[0].reason
    assert roster.shifts == (EXPECTED,)
    assert roster.ignored_columns == ("roster.csv: remark",)


def test_lines_are_those_of_the_file_also_after_a_cell_of_two_lines(tmp_path: Path) -> None:
    roster = read_rows(tmp_path, ("P1", "H1", "Desk\n1", *GOOD[3:]), ("P2", "", *GOOD[2:]))
    assert roster.holders[0].display_name == "Desk 1"
    assert [one.line for one in roster.rejected] == [4]


def test_a_wrong_header_names_what_is_missing_and_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(
        LoadRefused, match=r"no column holder \(值班人.*\), hours .*; found: post, who, valid_from"
    ):
        read_rows(tmp_path, ("P1", "H1", "2026-01-01"), header=("post", "who", "valid_from"))
    with pytest.raises(LoadRefused, match="found: nothing"):
        read_rows(tmp_path, header=())
    with pytest.raises(LoadRefused, match="more than one column holder"):
        read_rows(tmp_path, (*GOOD, "H3"), header=(*HEADER, "工号"))


def test_a_workbook_without_the_sheets_names_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match="found: Sheet7"):
        read(write_xlsx(tmp_path / "r.xlsx", {"Sheet7": [HEADER, GOOD]}))


def test_files_that_are_not_rosters_are_refused(tmp_path: Path) -> None:
    whole = write_xlsx(tmp_path / "r.xlsx", {"shifts": [HEADER, GOOD]}).read_bytes()
    (tmp_path / "half.xlsx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.xlsx").write_bytes(b"")
    (tmp_path / "wide.csv").write_text(",".join("x" * 65), "utf-8")
    (tmp_path / "sixteen.csv").write_text("post", "utf-16")
    (tmp_path / "bytes.csv").write_bytes(b"post\xff\xff")
    (tmp_path / "quote.csv").write_bytes(b'post,holder\n"P1,H1\n')
    (tmp_path / "r.xls").write_bytes(whole)
    for name, told in [
        ("half.xlsx", "is no whole .xlsx file"),
        ("empty.xlsx", "is no whole .xlsx file"),
        ("wide.csv", "more than 64 columns"),
        ("sixteen.csv", "is UTF-16"),
        ("bytes.csv", "neither UTF-8 nor GB18030"),
        ("quote.csv", "line 2 cannot be read"),
        ("r.xls", "must be .xlsx or .csv"),
        ("none.csv", "cannot be read: No such file"),
    ]:
        with pytest.raises(LoadRefused, match=told):
            read(tmp_path / name)


def test_a_workbook_that_unpacks_to_too_much_is_never_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/workbook.xml", "w") as part:
        for _ in range(sheets.MAX_UNPACKED_BYTES // 2**20 + 1):
            part.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(LoadRefused, match="at most 268435456 are read"):
        read(path)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_FILE_BYTES", 10)
    with pytest.raises(LoadRefused, match="at most 10 are read"):
        read_rows(tmp_path, GOOD)


def test_a_far_cell_costs_neither_memory_nor_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_LINES", 1000)
    monkeypatch.setattr(sheets, "MAX_CELLS", 1000)
    for name, row, column in [("down", 1001, 1), ("right", 3, 1001)]:
        book = Workbook()
        sheet = book.create_sheet("shifts")
        sheet.append(HEADER)
        sheet.cell(row, column).number_format = "0.00"
        book.save(tmp_path / f"{name}.xlsx")
        with pytest.raises(LoadRefused, match="has more than 1000 cells or 1000 lines"):
            read(tmp_path / f"{name}.xlsx")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_workbook_is_refused_or_read_but_never_crashes(tmp_path: Path, data: st.DataObject) -> None:
    sound = tmp_path / "sound.xlsx"  # written once: its bytes, and their number, change with the clock
    if not sound.exists():
        write_xlsx(sound, {"shifts": [HEADER, GOOD]})
    content = bytearray(sound.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] ^= data.draw(st.integers(1, 255))
    (tmp_path / "r.xlsx").write_bytes(content)
    try:
        roster = read(tmp_path / "r.xlsx")
    except LoadRefused as error:
        assert str(error).startswith(("r.xlsx", "shifts"))  # noqa: PT017
    else:
        assert roster.rows in (0, 1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.text(max_size=12) | st.sampled_from(GOOD), min_size=2, max_size=8), max_size=6),
)
def test_no_row_is_lost_whatever_it_holds(tmp_path: Path, rows: list[list[str]]) -> None:
    wild = [[text.replace("\ud800", "") for text in row] for row in rows]
    try:
        path = write_csv(tmp_path / "r.csv", [HEADER, *wild])
    except UnicodeEncodeError:
        return
    roster = read(path)
    filled = [row for row in wild if any(text.strip() for text in row)]
    assert roster.rows + len(roster.headings) == len(filled)
