"""Point rows from files, batch by batch: every row comes out accepted or rejected with its line and reason.

A line is the row's place in its file: in a CSV the header is line 1, an empty line is a row and one whose quoted
value holds line breaks counts once; in Parquet the first row is row 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from gridmap.crs import Floats, to_wgs84
from gridmap.errors import LoadRefused
from gridmap.ingest.description import Points, Value
from gridmap.ingest.layers import LONGEST_TEXT
from gridmap.ingest.privacy import is_forbidden_column, looks_personal, mask
from gridmap.model import RejectedRow

BATCH_ROWS = 500_000
_CSV_BLOCK_BYTES = 32 * 1024 * 1024

_OFFSET = re.compile(r"[0-9:.]\s*(?:Z|[+-][0-9]{2}:?[0-9]{2})$", re.IGNORECASE)
# Only texts with eight digits or more, in any script's digits, can hold an ID or mobile number.
_MANY_DIGITS = r"(?:\pN[^\pN]*){8}"


@dataclass(frozen=True, slots=True)
class Field:
    """One column to read: where it comes from, what it holds (``text``, ``time``, ``date``, ``number``), bounds.

    The kind ``count`` is a whole number.
    """

    source: Value
    kind: str = "text"
    required: bool = False
    lowest: float = -np.inf
    highest: float = np.inf


@dataclass(frozen=True)
class PointBatch:
    """Rows of one file. ``accepted`` has id, lon, lat, given_x, given_y, accuracy_m, line and the fields."""

    file: str
    rows: int
    accepted: pd.DataFrame
    rejected: Sequence[RejectedRow]


@dataclass
class _Checked:
    """A batch under check: the reason each row is rejected for, empty for good ones; the first reason stays."""

    reasons: pd.Series
    columns: dict[str, pd.Series] = field(default_factory=dict)

    def reject(self, wrong: pd.Series, reason: str, values: pd.Series | None = None) -> None:
        fresh = wrong & (self.reasons == "")
        if fresh.any():
            shown = "" if values is None else ", got " + values[fresh].astype(str).str[:60].map(repr)
            self.reasons[fresh] = reason + shown


def read_points(
    folder: Path, section: Points, fields: Mapping[str, Field], zone: ZoneInfo
) -> Iterator[PointBatch]:
    """All rows of the files that ``section`` describes, in batches of at most :data:`BATCH_ROWS`.

    A file without ids identifies its rows by file and line. Times without offset are read in ``zone``.
    Raises LoadRefused when no file matches, a column is missing, stands twice or is forbidden, or a file cannot
    be read.
    """
    paths = sorted(folder.glob(section.file))
    if not paths:
        raise LoadRefused(f"{folder / section.file} is not there")
    for path in paths:
        name = str(path.relative_to(folder))
        for lines, frame, misshapen in _frames(path):
            _check_columns(name, [str(column) for column in frame.columns])
            batch = _check(name, lines, frame, section, fields, zone)
            unread = [RejectedRow(name, line, reason, {}) for line, reason in misshapen]
            yield PointBatch(name, batch.rows + len(unread), batch.accepted, [*batch.rejected, *unread])


Lines = np.ndarray[tuple[int], np.dtype[np.int64]]
Misshapen = list[tuple[int, str]]


def _frames(path: Path) -> Iterator[tuple[Lines, pd.DataFrame, Misshapen]]:
    """The lines and rows of each batch, and the lines (with the reason) that are no row of the table."""
    try:
        if path.suffix == ".parquet":
            line = 1
            for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS):
                yield np.arange(line, line + batch.num_rows), batch.to_pandas(), []
                line += batch.num_rows
        elif path.suffix == ".csv":
            yield from _csv_frames(path)
        else:
            raise LoadRefused(f"{path}: points must be .csv or .parquet")
    except (OSError, pa.ArrowException) as error:
        raise LoadRefused(f"{path} cannot be read: {error}") from error


def _csv_frames(path: Path) -> Iterator[tuple[Lines, pd.DataFrame, Misshapen]]:
    skipped: dict[int, str] = {}

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        skipped[row.number] = f"row: has {row.actual_columns} values, not {row.expected_columns}"
        return "skip"

    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip)
    reading = pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False)
    names = pyarrow.csv.open_csv(path, read_options=reading, parse_options=parsing).schema.names
    skipped.clear()
    converting = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    line = 2
    reader = pyarrow.csv.open_csv(path, reading, parsing, converting)
    for batch in reader:
        lines = np.arange(line, line + batch.num_rows + len(skipped))
        lines = lines[~np.isin(lines, list(skipped))][: batch.num_rows]
        line = int(lines[-1]) + 1 if len(lines) else line
        yield lines, batch.to_pandas(), _taken(skipped, line)
    left = _taken(skipped, 1 << 62)
    if left:
        yield np.empty(0, np.int64), pd.DataFrame({name: pd.Series(dtype=object) for name in names}), left


def _taken(skipped: dict[int, str], before: int) -> Misshapen:
    """Take out what was skipped before a line."""
    return [(line, skipped.pop(line)) for line in sorted(skipped) if line < before]


def _check_columns(name: str, columns: Sequence[str]) -> None:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise LoadRefused(f"{name}: columns stand more than once: {', '.join(twice)}")
    forbidden = [mask(column) for column in columns if is_forbidden_column(column)]
    if forbidden:
        raise LoadRefused(f"{name}: take out the columns about people: {', '.join(forbidden)}")


def _check(
    name: str, numbers: Lines, frame: pd.DataFrame, section: Points, fields: Mapping[str, Field], zone: ZoneInfo
) -> PointBatch:
    frame = frame.reset_index(drop=True)
    lines = pd.Series(numbers)
    checked = _Checked(pd.Series("", index=frame.index, dtype=object))
    places = {"lon": Field(section.lon, "number", True), "lat": Field(section.lat, "number", True)}
    places["accuracy_m"] = Field(section.accuracy_m, "number", lowest=0.0, highest=1e6)
    if section.id.column is not None:
        places["id"] = Field(section.id, "text", True)
    for field_name, each in {**places, **fields}.items():
        checked.columns[field_name] = _read_field(name, frame, field_name, each, checked, zone)
    if section.id.column is None:
        checked.columns["id"] = name + ":" + lines.astype(str)
    _place(section, checked)
    _reject_repeated(checked, lines)
    accepted = pd.DataFrame(checked.columns).assign(line=lines)[checked.reasons == ""]
    rejected = _rejected(name, frame, lines, checked.reasons, section, fields)
    return PointBatch(name, len(frame), accepted.reset_index(drop=True), rejected)


def _read_field(
    file: str, frame: pd.DataFrame, name: str, wanted: Field, checked: _Checked, zone: ZoneInfo
) -> pd.Series:
    if wanted.source.column is None:
        return pd.Series([wanted.source.value] * len(frame), index=frame.index, dtype=object)
    if wanted.source.column not in frame.columns:
        known = ", ".join(map(str, frame.columns))
        raise LoadRefused(f"{file} has no column {wanted.source.column!r}; it has {known}")
    given = frame[wanted.source.column]
    missing = given.isna() | (given.astype(str).str.strip() == "")
    if wanted.required:
        checked.reject(missing, f"{name}: must not be empty")
    if wanted.kind in ("number", "count"):
        values = pd.to_numeric(given.where(~missing), errors="coerce").astype("float64")
        checked.reject(~missing & ~np.isfinite(values), f"{name}: must be a finite number", given)
        beyond = (values < wanted.lowest) | (values > wanted.highest)
        checked.reject(beyond, f"{name}: must lie from {wanted.lowest:g} to {wanted.highest:g}", given)
        if wanted.kind == "count":
            checked.reject(~missing & (values % 1 != 0), f"{name}: must be a whole number", given)
        return values
    if wanted.kind in ("time", "date"):
        return _moments(name, given.where(~missing), wanted, checked, zone)
    text = given.astype(str).str.strip()
    checked.reject(~missing & text.str.contains("\0", regex=False), f"{name}: must not hold a NUL byte", given)
    checked.reject(
        ~missing & (text.str.len() > LONGEST_TEXT), f"{name}: must be at most {LONGEST_TEXT} long", given
    )
    checked.reject(~missing & _personal(text.where(~missing, "")), f"{name}: must not hold an ID or mobile number")
    return text.where(~missing, None).astype(object)


def _personal(text: pd.Series) -> pd.Series:
    """Which texts hold something shaped like an ID or mobile number."""
    matches = pc.match_substring_regex(pa.array(text, pa.string()), _MANY_DIGITS)
    suspect = matches.to_numpy(zero_copy_only=False)
    found = pd.Series(data=False, index=text.index)
    found[suspect] = text[suspect].map(looks_personal)
    return found


def _moments(name: str, given: pd.Series, wanted: Field, checked: _Checked, zone: ZoneInfo) -> pd.Series:
    """Dates, or times in UTC; of times some may carry an offset and some not."""
    form = wanted.source.format or "ISO8601"
    if wanted.kind == "date":
        moments = pd.to_datetime(given, format=form, errors="coerce")
        if isinstance(moments.dtype, pd.DatetimeTZDtype):
            moments = moments.dt.tz_convert(zone).dt.tz_localize(None)
    elif pd.api.types.is_datetime64_any_dtype(given):
        moments = given if isinstance(given.dtype, pd.DatetimeTZDtype) else _in_zone(given, zone)
        moments = moments.dt.tz_convert("UTC")
    else:
        offset = given.astype(str).str.contains(_OFFSET)
        aware = pd.to_datetime(given.where(offset), format=form, errors="coerce", utc=True)
        local = pd.to_datetime(given.where(~offset), format=form, errors="coerce").astype("datetime64[us]")
        moments = aware.fillna(_in_zone(local, zone).dt.tz_convert("UTC"))
    checked.reject(given.notna() & moments.isna(), f"{name}: must be a {wanted.kind}", given)
    return moments


def _in_zone(local: pd.Series, zone: ZoneInfo) -> pd.Series:
    """City time: of an hour that comes twice the first, of one that the clocks leave out its end."""
    return local.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")


def _place(section: Points, checked: _Checked) -> None:
    """Convert the points; what stands for no place on earth is rejected, swapped pairs by their name."""
    x, y = checked.columns.pop("lon"), checked.columns.pop("lat")
    checked.columns |= {"given_x": x, "given_y": y}
    good = (checked.reasons == "").to_numpy()
    lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
    lon[good], lat[good] = to_wgs84(section.crs, x[good].to_numpy(), y[good].to_numpy(), section.operation)
    on_earth = _on_earth(lon, lat)
    pairs = x.astype(str) + " " + y.astype(str)
    swapped = ~on_earth & _on_earth(lat, lon)
    checked.reject(pd.Series(swapped), "lon, lat: out of range, and look swapped", pairs)
    checked.reject(pd.Series(~on_earth), f"lon, lat: no place in {section.crs}", pairs)
    checked.columns |= {"lon": pd.Series(lon), "lat": pd.Series(lat)}


def _on_earth(lon: Floats, lat: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)


def _reject_repeated(checked: _Checked, lines: pd.Series) -> None:
    good = checked.reasons == ""
    ids = checked.columns["id"][good]
    repeated = ids[ids.duplicated()]
    if len(repeated):
        first = pd.Series(lines[good].to_numpy(), index=ids).groupby(level=0).first()
        for index, value in repeated.items():
            checked.reasons[index] = f"id: is a duplicate, got {value!r} as in line {first[value]}"


def _rejected(
    name: str,
    frame: pd.DataFrame,
    lines: pd.Series,
    reasons: pd.Series,
    section: Points,
    fields: Mapping[str, Field],
) -> list[RejectedRow]:
    sources = [section.id, section.lon, section.lat, *(each.source for each in fields.values())]
    columns = list(dict.fromkeys(source.column for source in sources if source.column is not None))
    wrong = frame.index[reasons != ""]
    texts = frame.loc[wrong, columns].astype(str).fillna("")
    return [
        RejectedRow(
            name,
            int(lines[index]),
            _shown(reasons[index]),
            {column: _shown(row[column]) for column in columns},
        )
        for index, row in texts.iterrows()
    ]


def _shown(text: str) -> str:
    """What is kept of a rejected row's text: personal numbers masked, no NUL byte, not too long."""
    return mask(text).replace("\0", "␀")[:LONGEST_TEXT]
