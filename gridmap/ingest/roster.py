"""Reads roster files (.xlsx, .csv): who is on shift when, and leave, swaps and extra turns. Stores nothing.

Imports ``ingest.sheets``, ``ingest.written``, ``ingest.privacy``, ``turns``, ``model`` and ``errors``. What a
roster would change is in ``ingest.roster_preview``; one to fill in is written by ``ingest.roster_template``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from gridmap.errors import InvalidInput, LoadRefused
from gridmap.ingest import written
from gridmap.ingest.privacy import is_forbidden_column, mask
from gridmap.ingest.sheets import Row, Table, Value, read_tables
from gridmap.model import Holder, Shift, ShiftException, WeeklyHours
from gridmap.turns import settled

SHIFT_SHEETS = ("shifts", "班次")
EXCEPTION_SHEETS = ("exceptions", "例外")

# What the columns may be called. A header may carry two names, as in "post 岗位".
_PEOPLE_AND_TIME = {
    "post": ("post", "岗位", "岗位编号", "岗位代码"),
    "holder": ("holder", "值班人", "工号", "值班人编号"),
    "holder_name": ("holder_name", "姓名", "姓名(工号)", "值班人姓名", "显示名"),
    "verified_at": ("verified_at", "核实时间", "核实日期"),
}
SHIFT_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **_PEOPLE_AND_TIME,
        "backup": ("backup", "备班", "备班人", "替补"),
        "backup_name": ("backup_name", "备班姓名", "备班人姓名"),
        "hours": ("hours", "值班时间", "班次时间", "时间"),
        "valid_from": ("valid_from", "生效日期", "开始日期"),
        "valid_until": ("valid_until", "失效日期", "结束日期"),
        "1": ("mon", "monday", "周一", "星期一"),
        "2": ("tue", "tuesday", "周二", "星期二"),
        "3": ("wed", "wednesday", "周三", "星期三"),
        "4": ("thu", "thursday", "周四", "星期四"),
        "5": ("fri", "friday", "周五", "星期五"),
        "6": ("sat", "saturday", "周六", "星期六"),
        "7": ("sun", "sunday", "周日", "星期日", "星期天"),
    }
)
EXCEPTION_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **_PEOPLE_AND_TIME,
        "kind": ("kind", "类别"),
        "begins": ("begins", "开始", "开始时间"),
        "ends": ("ends", "结束", "结束时间"),
        "substitute": ("substitute", "替班人", "代班人", "顶班人"),
        "substitute_name": ("substitute_name", "替班人姓名", "代班人姓名"),
    }
)
KIND_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"leave": ("leave", "请假", "休假"), "swap": ("swap", "换班", "调班"), "extra": ("extra", "加班", "加岗")}
)
_WEEKDAYS = ("1", "2", "3", "4", "5", "6", "7")

# A title may stand above the header.
_HEADER_WITHIN = 10

_LONGEST_KEPT = 200


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: where it stands, why, and its mapped columns with personal numbers masked."""

    sheet: str
    line: int
    reason: str
    row: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Roster:
    """What a roster file says. ``rows`` = ``accepted`` + the rejected ones; a row may give several shifts.

    ``headings`` are the (sheet, line) of rows that hold nothing but a first value, as merged rows do.
    ``ignored_columns`` are headers nobody knows. ``encoding`` is that of a CSV file.
    """

    shifts: tuple[Shift, ...]
    exceptions: tuple[ShiftException, ...]
    holders: tuple[Holder, ...]
    rejected: tuple[Rejected, ...]
    rows: int
    headings: tuple[tuple[str, int], ...]
    ignored_columns: tuple[str, ...]
    encoding: str | None

    @property
    def accepted(self) -> int:
        """How many rows were taken."""
        return self.rows - len(self.rejected)


def read_roster(path: Path, zone: ZoneInfo, verified_at: datetime | None = None) -> Roster:
    """Read a roster file of a city whose clocks are ``zone``.

    An .xlsx has a sheet ``shifts`` (班次), ``exceptions`` (例外) or both; a .csv is one of them, exceptions when
    it has a column ``kind`` (类别). Rows without a time of verification of their own get ``verified_at``.
    Raises LoadRefused for a file that cannot be read, lacks a sheet or a column, or has a column that
    DESIGN's Privacy forbids.
    """
    tables, encoding = read_tables(path)
    reader = _Reader(zone, verified_at)
    for table, is_exceptions in _chosen(path, tables, encoding):
        if is_exceptions:
            reader.read_exceptions(table)
        else:
            reader.read_shifts(table)
    return reader.roster(encoding)


def _chosen(path: Path, tables: tuple[Table, ...], encoding: str | None) -> list[tuple[Table, bool]]:
    if encoding is not None:
        _, columns = _header(tables[0], {**SHIFT_COLUMNS, **EXCEPTION_COLUMNS})
        return [(tables[0], "kind" in dict(columns))]
    chosen = [
        (table, name in EXCEPTION_SHEETS)
        for table in tables
        if (name := table.name.strip().casefold()) in (*SHIFT_SHEETS, *EXCEPTION_SHEETS)
    ]
    if not chosen:
        found = ", ".join(mask(table.name) for table in tables)
        raise LoadRefused(f"{path.name}: no sheet 'shifts' (班次) or 'exceptions' (例外); found: {found}")
    return chosen


def _heading(value: Value) -> frozenset[str]:
    """The names that a header carries: itself and its parts, such as "post 岗位"."""
    plain = unicodedata.normalize("NFKC", written.as_text(value)).casefold()
    return frozenset({plain.replace(" ", ""), *re.split(r"[ /]+", plain)} - {""})


@dataclass(slots=True)
class _Reader:
    """Collects what a file's tables say; a row is taken as a whole or not at all."""

    zone: ZoneInfo
    verified_at: datetime | None
    shifts: list[Shift] = field(default_factory=list)
    exceptions: list[ShiftException] = field(default_factory=list)
    holders: dict[str, Holder] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    rows: int = 0
    headings: list[tuple[str, int]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    first_lines: dict[object, str] = field(default_factory=dict)

    def roster(self, encoding: str | None) -> Roster:
        return Roster(
            shifts=tuple(self.shifts),
            exceptions=tuple(self.exceptions),
            holders=tuple(self.holders.values()),
            rejected=tuple(self.rejected),
            rows=self.rows,
            headings=tuple(self.headings),
            ignored_columns=tuple(self.ignored),
            encoding=encoding,
        )

    def read_shifts(self, table: Table) -> None:
        self._read(table, SHIFT_COLUMNS, ("post", "holder", "hours", "valid_from"), self._shift)

    def read_exceptions(self, table: Table) -> None:
        self._read(table, EXCEPTION_COLUMNS, ("post", "kind", "begins", "ends"), self._exception)

    def _read(
        self,
        table: Table,
        names: Mapping[str, tuple[str, ...]],
        needed: tuple[str, ...],
        take: Callable[[Mapping[str, Value], str], None],
    ) -> None:
        """Find the header, then hand every row below it to ``take``; what that refuses is rejected."""
        at, columns = self._checked_header(table, names, needed)
        self.headings += [(table.name, row.line) for row in table.rows[:at]]
        for row in table.rows[at + 1 :]:
            if len(row.values) == 1 and len(columns) > 1:
                self.headings.append((table.name, row.line))
                continue
            self.rows += 1
            cells = {name: row.values[index] for name, index in columns.items() if index < len(row.values)}
            titles = {index: name for name, index in columns.items()}
            try:
                for index, value in enumerate(row.values):
                    written.check_text(titles.get(index, f"column {index + 1}"), written.as_text(value))
                take(cells, f"{table.name} line {row.line}")
            except InvalidInput as error:
                kept = {name: mask(written.as_text(value))[:_LONGEST_KEPT] for name, value in cells.items()}
                self.rejected.append(Rejected(table.name, row.line, mask(str(error)), MappingProxyType(kept)))

    def _checked_header(
        self, table: Table, names: Mapping[str, tuple[str, ...]], needed: tuple[str, ...]
    ) -> tuple[int, dict[str, int]]:
        """The position of the header row, and the column of each name in it."""
        at, found = _header(table, names)
        columns = dict(found)
        titles = [written.as_text(value) for value in table.rows[at].values] if table.rows else []
        forbidden = [mask(title) for title in titles if is_forbidden_column(title)]
        if forbidden:
            raise LoadRefused(f"{table.name}: take out the columns about people: {', '.join(forbidden)}")
        has_week = any(weekday in columns for weekday in _WEEKDAYS)
        missing = [name for name in needed if name not in columns and not (name == "hours" and has_week)]
        if missing:
            wanted = ", ".join(f"{name} ({'/'.join(names[name][1:])})" for name in missing)
            shown = ", ".join(mask(title) for title in titles if title)
            raise LoadRefused(f"{table.name}: no column {wanted}; found: {shown or 'nothing'}")
        twice = [name for number, (name, _) in enumerate(found) if name in dict(found[:number])]
        if twice:
            raise LoadRefused(f"{table.name}: more than one column {', '.join(twice)}")
        known = set(columns.values())
        unknown = [mask(title) for index, title in enumerate(titles) if title and index not in known]
        self.ignored += [f"{table.name}: {title}" for title in unknown]
        return at, columns

    def _shift(self, cells: Mapping[str, Value], where: str) -> None:
        text = {name: written.as_text(value) for name, value in cells.items()}
        post, holder = (written.needed_code(name, text.get(name, "")) for name in ("post", "holder"))
        backup = written.code("backup", text.get("backup", ""))
        if backup == holder:
            raise InvalidInput("backup", backup, "must be somebody else than the holder")
        valid_from = written.day("valid_from", cells.get("valid_from"))
        valid_until = written.day("valid_until", cells.get("valid_until"))
        if valid_from is None:
            raise InvalidInput("valid_from", None, "must not be empty")
        if valid_until is not None and valid_until < valid_from:
            raise InvalidInput("valid_until", valid_until.isoformat(), f"must not be before {valid_from}")
        verified_at = written.instant("verified_at", cells.get("verified_at"), self.zone) or self.verified_at
        rules = _rules(text)
        people = {holder: text.get("holder_name", ""), backup: text.get("backup_name", "")}
        self._take(("shift", post, holder, frozenset(rules), valid_from, valid_until), people, where)
        self.shifts += [Shift(post, holder, rule, valid_from, valid_until, backup, verified_at) for rule in rules]

    def _exception(self, cells: Mapping[str, Value], where: str) -> None:
        text = {name: written.as_text(value) for name, value in cells.items()}
        post = written.needed_code("post", text.get("post", ""))
        word = written.needed_code("kind", text.get("kind", "")).casefold()
        kind = next((kind for kind, words in KIND_WORDS.items() if word in words), None)
        if kind is None:
            words = ", ".join("/".join(words) for words in KIND_WORDS.values())
            raise InvalidInput("kind", text["kind"], f"must be one of {words}")
        begins = written.instant("begins", cells.get("begins"), self.zone)
        ends = written.instant("ends", cells.get("ends"), self.zone, closing=True)
        if begins is None or ends is None:
            raise InvalidInput("begins" if begins is None else "ends", None, "must not be empty")
        holder = written.code("holder", text.get("holder", ""))
        substitute = written.code("substitute", text.get("substitute", ""))
        people = {holder: text.get("holder_name", ""), substitute: text.get("substitute_name", "")}
        if kind == "extra" and substitute is None:
            # Who comes besides is nobody's substitute: people write them down as the holder.
            holder, substitute = None, holder
        if substitute is not None and substitute == holder:
            raise InvalidInput("substitute", substitute, "must be somebody else than the holder")
        verified_at = written.instant("verified_at", cells.get("verified_at"), self.zone) or self.verified_at
        row = settled(ShiftException(post, kind, begins, ends, holder, substitute, verified_at))
        self._take(replace(row, verified_at=None), people, where)
        self.exceptions.append(row)

    def _take(self, key: object, people: Mapping[str | None, str], where: str) -> None:
        """Note a row that is in order, unless an earlier one says the same or names somebody otherwise."""
        if key in self.first_lines:
            raise InvalidInput("row", where, f"is a duplicate of {self.first_lines[key]}")
        named = [Holder(code, name) for code, name in people.items() if code and name]
        for holder in named:
            known = self.holders.get(holder.code, holder)
            if known != holder:
                raise InvalidInput("holder", holder.code, f"has two names, {known.display_name!r} before")
        self.first_lines[key] = where
        self.holders.update((holder.code, holder) for holder in named)


def _header(table: Table, names: Mapping[str, tuple[str, ...]]) -> tuple[int, list[tuple[str, int]]]:
    """Of the first rows the one with the most known columns, and these."""
    candidates = [_columns(row, names) for row in table.rows[:_HEADER_WITHIN]] or [[]]
    at = max(range(len(candidates)), key=lambda number: len(candidates[number]))
    return at, candidates[at]


def _columns(row: Row, names: Mapping[str, tuple[str, ...]]) -> list[tuple[str, int]]:
    return [
        (name, index)
        for index, value in enumerate(row.values)
        for name, words in names.items()
        if not _heading(value).isdisjoint(words)
    ]


def _rules(text: Mapping[str, str]) -> tuple[WeeklyHours, ...]:
    """The weekly rules of a row: from its column of hours or its seven columns, never from both."""
    by_day = written.week({int(day): text[day] for day in _WEEKDAYS if day in text})
    if by_day and text.get("hours"):
        raise InvalidInput("hours", text["hours"], "must be empty when the columns of the weekdays are filled")
    if not by_day and not text.get("hours"):
        raise InvalidInput("hours", "", "must name at least one turn")
    return tuple(dict.fromkeys(by_day or written.hours("hours", text["hours"])))
