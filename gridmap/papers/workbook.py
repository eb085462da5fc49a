"""A dossier's tables as a workbook, one sheet each; codes are text. Imports its neighbours."""

from __future__ import annotations

import io

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell, MergedCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from gridmap.papers.dossier import Dossier, Table, Value, moment, sentences, tables
from gridmap.papers.words import Words

_HEAD = PatternFill("solid", fgColor="EEF1F4")
_MIDDLE = Alignment(vertical="top", wrap_text=True)
_WIDE, _USUAL, _CODE = 60.0, 18.0, 20.0


def dossier_xlsx(dossier: Dossier, words: Words) -> bytes:
    """The workbook: what it is of and what changes, then each table."""
    book = Workbook()
    first = book.active
    assert isinstance(first, Worksheet), "a new workbook has a sheet"
    first.title = words["summary"]
    _front(first, dossier, words)
    for table in tables(dossier, words):
        _fill(book.create_sheet(_sheet_name(table.title)), table)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _front(sheet: Worksheet, dossier: Dossier, words: Words) -> None:
    subject, city = dossier.subject, dossier.city
    facts = [
        (words["city"], f"{words.city(city)} {city.code}"),
        (words["draft"], subject.title),
        (words["state"], words.states[subject.state]),
        (words["base"], words["revision"].format(subject.base.number)),
        (words["data_as_of"], moment(dossier.data_as_of, city)),
        (words["made_at"], moment(dossier.made_at, city)),
        *((words["changes"], sentence) for sentence in sentences(dossier, words)),
        *((words["source"].format("").rstrip("：: "), each) for each in (city.attribution, *words.notices(city))),
    ]
    for number, pair in enumerate(facts, 1):
        for column, value in enumerate(pair, 1):
            _write(sheet.cell(number, column), value)
        sheet.cell(number, 1).font = Font(bold=True)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = _USUAL, 100.0


def _fill(sheet: Worksheet, table: Table) -> None:
    for column, name in enumerate(table.head, 1):
        cell = sheet.cell(1, column)
        _write(cell, name)
        cell.font, cell.fill = Font(bold=True), _HEAD
        width = _WIDE if column - 1 in table.wide else _CODE if column - 1 in table.codes else _USUAL
        sheet.column_dimensions[get_column_letter(column)].width = width
    for number, row in enumerate(table.rows, 2):
        for column, value in enumerate(row, 1):
            cell = sheet.cell(number, column)
            _write(cell, value)
            if column - 1 in table.shares and isinstance(value, int | float):
                cell.number_format = "0.0%"
    for number, note in enumerate(table.notes, len(table.rows) + 3):
        _write(sheet.cell(number, 1), note)
        sheet.cell(number, 1).alignment = Alignment(wrap_text=False)
    sheet.freeze_panes = "A2"


def _write(cell: Cell | MergedCell, value: Value) -> None:
    cell.alignment = _MIDDLE
    assert isinstance(cell, Cell), "no cells are merged here"
    if not isinstance(value, str):
        cell.value = value
        return
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell.data_type = "s"  # never a formula
    cell.number_format = "@"


def _sheet_name(title: str) -> str:
    """A title without what a sheet's name may not have, and without its number."""
    name = title.rpartition("、")[2].rpartition(". ")[2]
    return "".join(letter for letter in name if letter not in "[]:*?/\\")[:31]
