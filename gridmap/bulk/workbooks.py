"""Excel: the rows of a sheet as Arrow batches, and batches as the rows of a sheet.

Imports ``foreign_files`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import IllegalCharacterError

from gridmap.errors import GridMapError, InvalidInput, LoadRefused
from gridmap.foreign_files import check_workbook

# As many as a sheet has, its header among them.
MAX_LINES = 2**20
# Larger whole numbers lose digits in a spreadsheet.
_LARGEST_WHOLE = 10**15
_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), datetime: pa.timestamp("us"), date: pa.date32()}


def _rows(path: Path, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    check_workbook(path.name, path)
    book = None
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        if sheet is not None and sheet not in book.sheetnames:
            raise InvalidInput("layer", sheet, f"must be a sheet of {path.name}: {', '.join(book.sheetnames)}")
        page = book[sheet] if sheet is not None else book.worksheets[0]
        page.reset_dimensions()  # the size that a sheet claims is often wrong
        yield from page.iter_rows(values_only=True)
    except GridMapError:
        raise
    except Exception as error:
        # A damaged workbook makes the parser fail in a dozen ways (KeyError, ParseError, zlib.error, TypeError …).
        raise LoadRefused(f"{path.name}: cannot be read as .xlsx: {type(error).__name__}") from error
    finally:
        if book is not None:
            book.close()


def _header(path: Path, first: tuple[Any, ...]) -> list[str]:
    names = [] if first is None else list(first)
    while names and names[-1] is None:
        names.pop()
    if not names or any(name is None for name in names):
        raise LoadRefused(f"{path.name}: the first row must name every column")
    return [str(name) for name in names]


def schema_of(path: Path, sheet: str | None) -> pa.Schema:
    """Names from the first row; a column's type is that of all its values, text when they differ."""
    rows = _rows(path, sheet)
    names = _header(path, next(rows, ()))
    seen: list[set[type]] = [set() for _ in names]
    for row in rows:
        for kinds, value in zip(seen, row, strict=False):
            if value is not None:
                kinds.add(type(value))
    return pa.schema([(name, _type_of(kinds)) for name, kinds in zip(names, seen, strict=True)])


def _type_of(kinds: set[type]) -> pa.DataType:
    if kinds == {int, float}:
        return pa.float64()
    if kinds == {date, datetime}:
        return pa.timestamp("us")
    return _TYPES.get(next(iter(kinds)), pa.string()) if len(kinds) == 1 else pa.string()


def read(path: Path, sheet: str | None, schema: pa.Schema, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The rows below the header; an empty one is a row, values beyond the header are refused."""
    rows = _rows(path, sheet)
    next(rows, None)
    line = 2
    while batch := list(islice(rows, batch_rows)):
        for offset, row in enumerate(batch):
            if any(value is not None for value in row[len(schema) :]):
                raise LoadRefused(f"{path.name}: row {line + offset} has more values than the header names")
        columns = [
            pa.array([_as(one.type, row[i] if i < len(row) else None) for row in batch], one.type)
            for i, one in enumerate(schema)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        line += len(batch)


def _as(kind: pa.DataType, value: Any) -> Any:  # noqa: ANN401 - whatever a sheet holds
    if value is None or not (pa.types.is_string(kind) or pa.types.is_timestamp(kind)):
        return value
    if pa.types.is_timestamp(kind):
        return value if isinstance(value, datetime) else datetime.combine(value, time())
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)


def write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """One sheet, names in its first row. InvalidInput beyond a sheet's rows or for a character it cannot hold."""
    book = Workbook(write_only=True)
    page = book.create_sheet("placed")
    page.append([_cell(page, name) for name in schema.names])
    lines = 1
    for batch in batches:
        lines += batch.num_rows
        if lines > MAX_LINES:
            raise InvalidInput("output", path.name, f"a sheet holds {MAX_LINES - 1:,} rows; write another format")
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            page.append([_cell(page, value) for value in row])
    book.save(path)


def _cell(page: Any, value: Any) -> Any:  # noqa: ANN401 - openpyxl's sheet; any plain value
    if value is None or (isinstance(value, bool | date | time) and not isinstance(value, datetime)):
        return value
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.isoformat()
    if isinstance(value, int | float):
        whole = isinstance(value, int) and abs(value) >= _LARGEST_WHOLE
        finite = isinstance(value, int) or abs(value) < float("inf")
        return value if finite and not whole else str(value)
    try:
        cell = WriteOnlyCell(page, str(value))
    except IllegalCharacterError as error:
        raise InvalidInput("value", value, "holds a character that Excel cannot; write another format") from error
    cell.data_type = "s"  # text that begins with = is no formula
    return cell
