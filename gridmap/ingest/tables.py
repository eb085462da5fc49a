"""Posts, holders, shifts and exceptions from plain tables, Parquet or CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from gridmap.errors import InvalidInput, LoadRefused
from gridmap.foreign_files import check_parquet
from gridmap.ingest.description import Table
from gridmap.model import POST_KINDS, Holder, Post, Shift, ShiftException, WeeklyHours
from gridmap.turns import settled

# More posts, holders, shifts or names than the largest city has; they are held as a whole.
MAX_ROWS = 10_000_000

Row = Mapping[str, Any]
Noun = TypeVar("Noun")


def read_posts(folder: Path, table: Table | None) -> list[Post]:
    """``code, kind, title, level, territory, phone`` and perhaps ``required, department, categories``."""
    return _read(folder, table, _post)


def read_holders(folder: Path, table: Table | None) -> list[Holder]:
    """``code, display_name``."""
    return _read(folder, table, lambda row: Holder(_text(row, "code"), _text(row, "display_name")))


def read_shifts(folder: Path, table: Table | None) -> list[Shift]:
    """``post, holder, hours, valid_from`` and perhaps ``backup, valid_until, verified_at``."""
    return _read(folder, table, _shift)


def read_exceptions(folder: Path, table: Table | None) -> list[ShiftException]:
    """``post, kind, begins, ends`` and perhaps ``holder, substitute``."""
    return _read(folder, table, _exception)


def read_aliases(folder: Path, table: Table) -> list[tuple[str, str, str]]:
    """``alias, name`` and perhaps ``note``: other names of streets, estates and landmarks."""
    return _read(
        folder, table, lambda row: (_text(row, "alias"), _text(row, "name"), _optional(row, "note") or "")
    )


def _read(folder: Path, table: Table | None, make: Callable[[Row], Noun]) -> list[Noun]:
    if table is None:
        return []
    path = folder / table.file
    columns = table.model_dump(exclude={"file"})
    nouns = []
    for number, row in enumerate(_rows(path), start=1):
        try:
            nouns.append(make({name: row.get(column) for name, column in columns.items()}))
        except (InvalidInput, ValueError) as error:
            raise LoadRefused(f"{path}, row {number}: {error}") from error
    return nouns


def _rows(path: Path) -> Iterator[Row]:
    try:
        if path.suffix == ".parquet":
            check_parquet(path, MAX_ROWS)
            batches: Iterator[pa.RecordBatch] = pq.ParquetFile(path).iter_batches()
            for batch in batches:
                yield from batch.to_pylist()
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from csv.DictReader(file)
        else:
            raise LoadRefused(f"{path}: a table must be .parquet or .csv")
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise LoadRefused(f"{path} cannot be read: {error}") from error


def _post(row: Row) -> Post:
    kind = _text(row, "kind")
    if kind not in POST_KINDS:
        raise InvalidInput("kind", kind, f"must be one of {', '.join(POST_KINDS)}")
    required = _optional(row, "required")
    categories = row.get("categories")
    return Post(
        code=_text(row, "code"),
        kind=kind,
        title=_text(row, "title"),
        level=_text(row, "level"),
        territory=_text(row, "territory"),
        phone=_text(row, "phone"),
        required=WeeklyHours.parse(required) if required else (),
        department=_optional(row, "department"),
        categories=tuple(categories.split(";") if isinstance(categories, str) else categories or ()),
    )


def _shift(row: Row) -> Shift:
    hours = WeeklyHours.parse(_text(row, "hours"))
    if len(hours) != 1:
        raise InvalidInput("hours", row["hours"], "must be one rule a row")
    valid_from = _day(row, "valid_from")
    if valid_from is None:
        raise InvalidInput("valid_from", None, "must be a date")
    return Shift(
        post=_text(row, "post"),
        holder=_text(row, "holder"),
        hours=hours[0],
        valid_from=valid_from,
        valid_until=_day(row, "valid_until"),
        backup=_optional(row, "backup"),
        verified_at=_moment(row, "verified_at"),
    )


def _exception(row: Row) -> ShiftException:
    begins, ends = _moment(row, "begins"), _moment(row, "ends")
    if begins is None or ends is None:
        raise InvalidInput("begins, ends", (begins, ends), "an exception must begin and end")
    return settled(
        ShiftException(
            post=_text(row, "post"),
            kind=_text(row, "kind"),
            begins=begins,
            ends=ends,
            holder=_optional(row, "holder"),
            substitute=_optional(row, "substitute"),
            verified_at=_moment(row, "verified_at"),
        )
    )


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise InvalidInput(name, value, "must be text without NUL bytes")
    return value.strip()


def _optional(row: Row, name: str) -> str | None:
    return None if row.get(name) in (None, "") else _text(row, name)


def _day(row: Row, name: str) -> date | None:
    value = row.get(name)
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(value) if value else None


def _moment(row: Row, name: str) -> datetime | None:
    value = row.get(name)
    moment = datetime.fromisoformat(value) if isinstance(value, str) and value else value or None
    if moment is not None and (not isinstance(moment, datetime) or moment.tzinfo is None):
        raise InvalidInput(name, value, "must be a time with an offset")
    return moment
