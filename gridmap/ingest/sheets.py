"""Tables out of .xlsx and .csv files: rows of plain values, each with the line it has in the file.

Imports ``foreign_files`` and ``errors``. Sizes are checked before anything is unpacked.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import NamedTuple

from openpyxl import load_workbook
from openpyxl.cell import Cell, MergedCell

from gridmap.errors import LoadRefused
from gridmap.foreign_files import check_workbook

MAX_FILE_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 256 * 2**20
MAX_COLUMNS = 64
# One cell far to the right makes a row of 16,384: the file is small, the work is not.
MAX_CELLS = 10_000_000
# As many as a spreadsheet has; a row that claims to be further down would be waited for row by row.
MAX_LINES = 2**20

Value = str | int | float | bool | date | datetime | time | None


class Row(NamedTuple):
    """One row that is not empty; ``line`` counts from 1 as the file's own programs do."""

    line: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet, or the one table of a CSV file. Trailing empty values are cut off."""

    name: str
    rows: tuple[Row, ...]


def read_tables(path: Path) -> tuple[tuple[Table, ...], str | None]:
    """All tables of the file, and the encoding a CSV file was read in (None for .xlsx).

    CSV is tried as UTF-8, then as GB18030. Raises LoadRefused for another kind of file, one that is broken, or
    one over ``MAX_FILE_BYTES``, ``MAX_UNPACKED_BYTES``, ``MAX_COLUMNS``, ``MAX_CELLS`` or
    ``MAX_LINES``.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise LoadRefused(f"{path.name}: {size} bytes, at most {MAX_FILE_BYTES} are read")
        content = path.read_bytes()
    except OSError as error:
        raise LoadRefused(f"{path.name}: cannot be read: {error.strerror}") from error
    kind = path.suffix.lower()
    if kind == ".xlsx":
        return tuple(_xlsx(path.name, content)), None
    if kind == ".csv":
        text, encoding = _decoded(path.name, content)
        return (Table(path.name, tuple(_csv_rows(path.name, text))),), encoding
    raise LoadRefused(f"{path.name}: must be .xlsx or .csv")


def _xlsx(name: str, content: bytes) -> Iterator[Table]:
    check_workbook(name, io.BytesIO(content), MAX_UNPACKED_BYTES)
    try:
        # Formulas stay text: what a spreadsheet once computed is not what somebody wrote down.
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
        tables = []
        for sheet in book.worksheets:
            # The size that a sheet claims is often wrong; without it the rows themselves are counted.
            sheet.reset_dimensions()
            tables.append(Table(sheet.title, tuple(_sheet_rows(name, sheet.iter_rows()))))
    except LoadRefused:
        raise
    except Exception as error:
        # A damaged workbook makes the parser fail in a dozen ways (KeyError, ParseError, zlib.error, TypeError …).
        raise LoadRefused(f"{name}: cannot be read as .xlsx: {type(error).__name__}") from error
    yield from tables


def _sheet_rows(name: str, rows: Iterable[tuple[Cell | MergedCell, ...]]) -> Iterator[Row]:
    cells = 0
    for line, row in enumerate(rows, start=1):
        cells += len(row)
        if cells > MAX_CELLS or line > MAX_LINES:
            raise LoadRefused(f"{name}: has more than {MAX_CELLS} cells or {MAX_LINES} lines")
        filled = _row(name, line, [_value(cell) for cell in row])
        if filled is not None:
            yield filled


def _value(cell: Cell | MergedCell) -> Value:
    value = cell.value
    if value is None or isinstance(value, str | bool | int | float | date | time):
        # A cell shown without hours means the day, not its midnight.
        if isinstance(value, datetime) and value.time() == time() and "h" not in str(cell.number_format).lower():
            return value.date()
        return value
    return str(value)


def _row(name: str, line: int, values: list[Value]) -> Row | None:
    while values and (values[-1] is None or (isinstance(values[-1], str) and not values[-1].strip())):
        values.pop()
    if len(values) > MAX_COLUMNS:
        raise LoadRefused(f"{name}: line {line} has more than {MAX_COLUMNS} columns")
    return Row(line, tuple(values)) if values else None


def _decoded(name: str, content: bytes) -> tuple[str, str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadRefused(f"{name}: is UTF-16; save it as CSV UTF-8")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding), "utf-8" if encoding == "utf-8-sig" else encoding
        except UnicodeDecodeError:
            continue
    raise LoadRefused(f"{name}: is neither UTF-8 nor GB18030")


def _csv_rows(name: str, text: str) -> Iterator[Row]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",\t;", key=first.count), strict=True)
    line = 1
    try:
        for values in reader:
            row = _row(name, line, list(values))
            if row is not None:
                yield row
            line = reader.line_num + 1
    except csv.Error as error:
        raise LoadRefused(f"{name}: line {line} cannot be read: {error}") from error
