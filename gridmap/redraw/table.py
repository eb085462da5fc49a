"""A difference as a table: rows of plain values, as CSV and as a workbook.

Pure; imports ``difference`` and ``spreadsheets``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from gridmap.redraw.difference import Difference, Part
from gridmap.spreadsheets import harmless

Value = str | int | float | None

CELL_COLUMNS = (
    *("from", "from_name", "from_community", "to", "to_name", "to_community"),
    *("changes", "area_share", "area_m2", "element_share", "elements", "people", "open_incidents"),
)
AREA_COLUMNS = ("level", "code", "change", "name_before", "name_after", "parent_before", "parent_after")


@dataclass(frozen=True, slots=True)
class Counted:
    """What went with a part. Shares are of the old cell's elements without persons; None where that is not shown.

    Numbers of elements but persons, of persons and of open incidents are for staff, None for everybody else.
    """

    element_share: float | None = None
    elements: int | None = None
    people: int | None = None
    open_incidents: int | None = None


def row(part: Part, counted: Counted) -> dict[str, Value]:
    """One part as plain values, under the names of the table's columns."""
    return {
        "from": part.old.code,
        "from_name": part.old.name,
        "from_community": part.old.community,
        "to": part.new.code,
        "to_name": part.new.name,
        "to_community": part.new.community,
        "changes": " ".join(part.changes),
        "area_share": part.area_share,
        "area_m2": round(part.area_m2, 2),
        "element_share": counted.element_share,
        "elements": counted.elements,
        "people": counted.people,
        "open_incidents": counted.open_incidents,
    }


def area_rows(found: Difference) -> list[dict[str, Value]]:
    """The areas that differ, as plain values."""
    rows: list[dict[str, Value]] = []
    for each in found.areas:
        change = "begun" if each.before is None else "ended" if each.after is None else "changed"
        rows.append(
            {
                "level": each.area.level,
                "code": each.area.code,
                "change": change,
                "name_before": None if each.before is None else each.before.name,
                "name_after": None if each.after is None else each.after.name,
                "parent_before": None if each.before is None else each.before.parent,
                "parent_after": None if each.after is None else each.after.parent,
            }
        )
    return rows


def to_csv(rows: Sequence[Mapping[str, Value]], columns: Sequence[str]) -> bytes:
    """UTF-8 with a byte order mark, so that Excel reads it as such; no text is a formula."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_harmless(each[name]) for name in columns] for each in rows)
    return sink.getvalue().encode("utf-8-sig")


def to_xlsx(sheets: Mapping[str, tuple[Sequence[str], Sequence[Mapping[str, Value]]]]) -> bytes:
    """A workbook: for each sheet's name its columns and rows. Texts are texts, never formulas."""
    book = Workbook(write_only=True)
    for name, (columns, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(list(columns))
        for each in rows:
            sheet.append([_harmless(each[column]) for column in columns])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _harmless(value: Value) -> Value:
    return harmless(ILLEGAL_CHARACTERS_RE.sub("", value)) if isinstance(value, str) else value
