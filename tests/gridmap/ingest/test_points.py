"""Law 4: every row of a file of points is accepted, or rejected with its reason and its own line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from gridmap.crs import from_wgs84
from gridmap.errors import LoadRefused
from gridmap.ingest.description import Incidents, Value
from gridmap.ingest.points import Field, PointBatch, read_points

ZONE = ZoneInfo("Asia/Shanghai")
HEADER = "id,lon,lat,off,when,what,count"
FIELDS = {
    "happened_at": Field(Value(column="when"), "time"),
    "category": Field(Value(column="what"), required=True),
    "households": Field(Value(column="count"), "count", lowest=0, highest=100),
}
GOOD = "117.2,39.1,5,2026-01-01T08:00:00,lamp,3"

# Shaped like a mobile number and an ID number; nobody's: the prefix and the date are not given out.
MOBILE, IDENTITY = "19900000000", "999999190000000000"

FAULTS = {
    "f01,,39.1,5,,lamp,": "lon: must not be empty",
    "f02,   ,39.1,5,,lamp,": "lon: must not be empty",
    "f03,nan,39.1,5,,lamp,": "lon: must be",
    "f04,117.2,NaN,5,,lamp,": "lat: must",
    "f05,inf,39.1,5,,lamp,": "lon: must be a finite number, got 'inf'",
    "f06,-Infinity,39.1,5,,lamp,": "lon: must be a finite number",
    "f07,1e400,39.1,5,,lamp,": "lon: must be a finite number",
    "f08,east,39.1,5,,lamp,": "lon: must be a finite number, got 'east'",
    "f09,39.1,117.2,5,,lamp,": "lon, lat: out of range, and look swapped, got '39.1 117.2'",
    "f10,190,39.1,5,,lamp,": "lon, lat: no place in wgs84",
    "f11,117.2,-90.001,5,,lamp,": "lon, lat: no place in wgs84",
    "f12,1e308,1e308,5,,lamp,": "lon, lat: no place in wgs84",
    "f13,117.2,39.1,5,,,": "category: must not be empty",
    "f14,117.2,39.1,5,,a\0b,": "category: must not hold a NUL byte",
    f"f15,117.2,39.1,5,,{'x' * 201},": "category: must be at most 200 long",
    "f16,117.2,39.1,5,yesterday,lamp,": "happened_at: must be a time, got 'yesterday'",
    "f17,117.2,39.1,5,2026-02-30,lamp,": "happened_at: must be a time, got '2026-02-30'",
    "f18,117.2,39.1,-1,,lamp,": "accuracy_m: must lie from 0 to 1e+06, got '-1'",
    "f19,117.2,39.1,1e99,,lamp,": "accuracy_m: must lie from 0",
    "f20,117.2,39.1,5,,lamp,2.5": "households: must be a whole number, got '2.5'",
    "f21,117.2,39.1,5,,lamp,1e18": "households: must lie from 0 to 100",
    "f22,117.2,39.1,5,,lamp,-3": "households: must lie from 0 to 100",
    ",117.2,39.1,5,,lamp,": "id: must not be empty",
    f"f23,117.2,39.1,5,,call {MOBILE},": "category: must not hold an ID or mobile number",
    f"{IDENTITY},117.2,39.1,5,,lamp,": "id: must not hold an ID or mobile number",
    "f24,117.2,39.1": "row: has 3 values, not 7",
    "f25,117.2,39.1,5,,lamp,3,4": "row: has 8 values, not 7",
    "": "lon: must not be empty",
    f"f26,{MOBILE},39.1,5,,lamp,": "lon, lat: no place",
}


def section(file: str, **changed: object) -> Incidents:
    described = {
        "file": file,
        "crs": "wgs84",
        "source": "s",
        "id": "id",
        "lon": "lon",
        "lat": "lat",
        "accuracy_m": "off",
        "category": "what",
        "happened_at": "when",
        **changed,
    }
    return Incidents.model_validate({name: value for name, value in described.items() if value is not None})


def read(
    folder: Path, file: str, fields: Mapping[str, Field] = FIELDS, zone: ZoneInfo = ZONE, **changed: object
) -> list[PointBatch]:
    batches = list(read_points(folder, section(file, **changed), fields, zone))
    for batch in batches:
        assert batch.rows == len(batch.accepted) + len(batch.rejected)
        lines = [*batch.accepted["line"], *(row.line for row in batch.rejected)]
        assert len(set(lines)) == batch.rows, "two rows with one line"
    return batches


def write(folder: Path, *lines: str, file: str = "points.csv") -> str:
    (folder / file).write_bytes("\n".join([HEADER, *lines, ""]).encode())
    return file


def test_every_fault_is_rejected_on_its_own_line(tmp_path: Path) -> None:
    lines = [line for number, fault in enumerate(FAULTS) for line in (f"g{number},{GOOD}", fault)]
    (batch,) = read(tmp_path, write(tmp_path, *lines))
    assert batch.rows == len(lines)
    assert batch.accepted["id"].tolist() == [f"g{number}" for number in range(len(FAULTS))]
    assert batch.accepted["line"].tolist() == [2 + 2 * number for number in range(len(FAULTS))]
    reasons = {row.line: row.reason for row in batch.rejected}
    for number, wanted in enumerate(FAULTS.values()):
        assert reasons[3 + 2 * number].startswith(wanted)
    shown = str(batch.rejected)
    assert MOBILE not in shown
    assert IDENTITY not in shown
    assert "\0" not in shown


def test_parquet_rejects_the_same(tmp_path: Path) -> None:
    rows = {
        "id": ["a", "b", None, "d", "e", "f"],
        "lon": [117.2, np.nan, 117.2, np.inf, 39.1, 117.2],
        "lat": [39.1, 39.1, 39.1, 39.1, 117.2, 39.1],
        "off": [5.0] * 5 + [None],
        "when": pd.to_datetime(["2026-01-01T08:00:00"] * 5 + [None]),
        "what": ["lamp"] * 6,
        "count": [1, 2, 3, 4, 5, 6],
    }
    pd.DataFrame(rows).to_parquet(tmp_path / "points.parquet")
    (batch,) = read(tmp_path, "points.parquet")
    assert batch.accepted["line"].tolist() == [1, 6]
    assert [(row.line, row.reason.partition(":")[0]) for row in batch.rejected] == [
        (2, "lon"),
        (3, "id"),
        (4, "lon"),
        (5, "lon, lat"),
    ]
    assert batch.accepted["happened_at"].iloc[0] == pd.Timestamp("2026-01-01T00:00:00Z")


def test_the_line_of_a_row_after_a_quoted_line_break_counts_rows(tmp_path: Path) -> None:
    (batch,) = read(tmp_path, write(tmp_path, f'"one\ntwo",{GOOD}', f"b,{GOOD}", "c,x,y,,,,"))
    assert batch.accepted["line"].tolist() == [2, 3]
    assert [row.line for row in batch.rejected] == [4]


def test_lines_are_right_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridmap.ingest.frames._CSV_BLOCK_BYTES", 400)
    lines = [f"r{number},short" if number % 7 == 3 else f"r{number},{GOOD}" for number in range(2, 200)]
    batches = read(tmp_path, write(tmp_path, *lines))
    assert len(batches) > 5
    for batch in batches:
        assert [f"r{line}" for line in batch.accepted["line"]] == batch.accepted["id"].tolist()
    assert sum(batch.rows for batch in batches) == len(lines)
    wrong = sorted(row.line for batch in batches for row in batch.rejected)
    assert wrong == [number for number in range(2, 200) if number % 7 == 3]


def test_a_duplicate_names_the_first_and_a_rejected_row_is_no_first(tmp_path: Path) -> None:
    lines = [f"a,{GOOD}", f"a,{GOOD}", "b,x,y,,,,", f"b,{GOOD}", f"a,{GOOD}"]
    (batch,) = read(tmp_path, write(tmp_path, *lines))
    assert batch.accepted["line"].tolist() == [2, 5]
    reasons = {row.line: row.reason for row in batch.rejected}
    assert reasons[3] == reasons[6] == "id: is a duplicate, got 'a' as in line 2"


def test_rows_without_ids_are_known_by_period_and_line_whatever_the_file_is_called(tmp_path: Path) -> None:
    write(tmp_path, f"x,{GOOD}", "x,,,,,,", f"x,{GOOD}", file="one.csv")
    write(tmp_path, f"x,{GOOD}", file="two.csv")
    period = {"id": None, "period": {"value": "2026-01"}}
    (one,) = read(tmp_path, "one.csv", **period)
    assert one.accepted["id"].tolist() == [
        "2026-01:2",
        "2026-01:4",
    ]  # equal rows are two, the bad one keeps its place
    (tmp_path / "one.csv").rename(tmp_path / "renamed.csv")
    (renamed,) = read(tmp_path, "renamed.csv", **period)
    assert renamed.accepted["id"].tolist() == one.accepted["id"].tolist()
    with pytest.raises(LoadRefused, match=r"'2026-01' stands in renamed.csv and in two.csv"):
        read(tmp_path, "*.csv", **period)


def test_a_period_of_each_row_comes_from_a_column(tmp_path: Path) -> None:
    write(tmp_path, "a,117.2,39.1,5,2026-01,lamp,", "b,117.2,39.1,5,,lamp,", file="one.csv")
    write(tmp_path, "a,117.2,39.1,5,2026-02,lamp,", file="two.csv")
    month = {"happened_at": Field(Value(column="when", format="%Y-%m"), "time")}
    one, two = read(tmp_path, "*.csv", month, id=None, period="when")
    assert [*one.accepted["id"], *two.accepted["id"]] == ["2026-01:2", "2026-02:2"]
    assert [row.reason for row in one.rejected] == ["period: must not be empty"]


def test_a_file_without_ids_must_say_its_period() -> None:
    with pytest.raises(ValidationError, match="needs an id, or the period"):
        section("one.csv", id=None)


def test_the_given_pair_is_kept_beside_the_converted_one(tmp_path: Path) -> None:
    x, y = (float(each[0]) for each in from_wgs84("gcj02", [117.2], [39.1]))
    (batch,) = read(tmp_path, write(tmp_path, f"a,{x!r},{y!r},,,lamp,"), crs="gcj02")
    row = batch.accepted.iloc[0]
    assert (row["given_x"], row["given_y"]) == (x, y)
    assert (row["lon"], row["lat"]) == pytest.approx((117.2, 39.1), abs=1e-7)


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        ("2026-01-01T08:00:00", "Asia/Shanghai", "2026-01-01T00:00:00Z"),
        ("2026-01-01 08:00", "Asia/Shanghai", "2026-01-01T00:00:00Z"),
        ("2026-01-01", "Asia/Shanghai", "2025-12-31T16:00:00Z"),
        ("2026-01-01T08:00:00Z", "Asia/Shanghai", "2026-01-01T08:00:00Z"),
        ("2026-01-01T08:00:00+09:00", "Asia/Shanghai", "2025-12-31T23:00:00Z"),
        ("2026-01-01T08:00:00.25-0330", "Asia/Shanghai", "2026-01-01T11:30:00.25Z"),
        ("2020-10-25T01:30:00", "Europe/London", "2020-10-25T00:30:00Z"),  # twice: the first
        ("2020-03-29T01:30:00", "Europe/London", "2020-03-29T01:00:00Z"),  # never: when the clocks go on
    ],
)
def test_times_with_and_without_offset_stand_in_one_file(
    tmp_path: Path, written: str, zone: str, utc: str
) -> None:
    others = ["2026-06-01T00:00:00", "2026-06-01T00:00:00+08:00", "2026-06-01T00:00:00Z"]
    lines = [f"r{number},117.2,39.1,,{when},lamp," for number, when in enumerate([written, *others])]
    (batch,) = read(tmp_path, write(tmp_path, *lines), zone=ZoneInfo(zone))
    assert batch.accepted["happened_at"].iloc[0] == pd.Timestamp(utc)
    assert len(batch.accepted) == 4


def test_a_month_is_read_by_its_format(tmp_path: Path) -> None:
    month = {"happened_at": Field(Value(column="when", format="%Y-%m"), "time")}
    lines = ["a,117.2,39.1,,2020-03,lamp,", "b,117.2,39.1,,2020-13,lamp,"]
    (batch,) = read(tmp_path, write(tmp_path, *lines), month)
    assert batch.accepted["happened_at"].tolist() == [pd.Timestamp("2020-02-29T16:00:00Z")]
    assert batch.rejected[0].reason == "happened_at: must be a time, got '2020-13'"


def test_a_file_without_rows_has_no_rows(tmp_path: Path) -> None:
    assert sum(batch.rows for batch in read(tmp_path, write(tmp_path))) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"lon,lat\n117.2,39.1\n", "has no column"),
        (b"id,id,lon,lat,off,when,what,count\na,b,1,2,,,x,\n", "columns stand more than once: id"),
        (HEADER.encode() + b"\n\xff\xfe,117.2,39.1,,,lamp,\n", "neither UTF-8 nor GB18030"),
        (f"{HEADER},手机号\na,1,2,,,x,,1\n".encode(), "take out the columns about people: 手机号"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_of_points_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "points.csv").write_bytes(content)
    with pytest.raises(LoadRefused, match=said):
        read(tmp_path, "points.csv")


@pytest.mark.parametrize("file", ["missing.csv", "missing/*.parquet", "points.txt", "points.parquet"])
def test_a_file_that_is_missing_or_no_table_is_refused(tmp_path: Path, file: str) -> None:
    (tmp_path / "points.txt").write_text(HEADER)
    (tmp_path / "points.parquet").write_text("not parquet")
    with pytest.raises(LoadRefused, match=file.partition("*")[0]):
        read(tmp_path, file)
