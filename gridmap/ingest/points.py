"""Point rows from files, batch by batch: every row comes out accepted or rejected with its line and reason.

A line is the row's place in its file: in a CSV the header is line 1, in Parquet the first row is row 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from gridmap.crs import Floats, to_wgs84
from gridmap.errors import LoadRefused
from gridmap.ingest.description import Points, Value
from gridmap.ingest.layers import LONGEST_TEXT
from gridmap.ingest.privacy import mask
from gridmap.model import RejectedRow

BATCH_ROWS = 500_000
_CSV_BLOCK_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Field:
    """One column to read: where it comes from, what it holds (``text``, ``time``, ``date``, ``number``)."""

    source: Value
    kind: str = "text"
    required: bool = False


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
    Raises LoadRefused when no file matches, a column is missing or a file cannot be read.
    """
    paths = sorted(folder.glob(section.file))
    if not paths:
        raise LoadRefused(f"{folder / section.file} is not there")
    for path in paths:
        name = str(path.relative_to(folder))
        for first_line, frame in _frames(path):
            yield _check(name, first_line, frame, section, fields, zone)


def _frames(path: Path) -> Iterator[tuple[int, pd.DataFrame]]:
    try:
        if path.suffix == ".parquet":
            line = 1
            for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS):
                yield line, batch.to_pandas()
                line += batch.num_rows
        elif path.suffix == ".csv":
            yield from _csv_frames(path)
        else:
            raise LoadRefused(f"{path}: points must be .csv or .parquet")
    except (OSError, pa.ArrowException) as error:
        raise LoadRefused(f"{path} cannot be read: {error}") from error


def _csv_frames(path: Path) -> Iterator[tuple[int, pd.DataFrame]]:
    with path.open("rb") as file:
        names = pyarrow.csv.open_csv(file, read_options=pyarrow.csv.ReadOptions(block_size=1 << 20)).schema.names
    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    line = 2
    for batch in reader:
        yield line, batch.to_pandas()
        line += batch.num_rows


def _check(
    name: str, first_line: int, frame: pd.DataFrame, section: Points, fields: Mapping[str, Field], zone: ZoneInfo
) -> PointBatch:
    frame = frame.reset_index(drop=True)
    lines = pd.Series(np.arange(first_line, first_line + len(frame)))
    checked = _Checked(pd.Series("", index=frame.index, dtype=object))
    places = {"lon": Field(section.lon, "number", True), "lat": Field(section.lat, "number", True)}
    places["accuracy_m"] = Field(section.accuracy_m, "number")
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
    if wanted.kind == "number":
        values = pd.to_numeric(given.where(~missing), errors="coerce").astype("float64")
        checked.reject(~missing & ~np.isfinite(values), f"{name}: must be a finite number", given)
        return values
    if wanted.kind in ("time", "date"):
        return _moments(name, given.where(~missing), wanted, checked, zone)
    text = given.astype(str).str.strip()
    checked.reject(~missing & text.str.contains("\0", regex=False), f"{name}: must not hold a NUL byte", given)
    checked.reject(
        ~missing & (text.str.len() > LONGEST_TEXT), f"{name}: must be at most {LONGEST_TEXT} long", given
    )
    return text.where(~missing, None).astype(object)


def _moments(name: str, given: pd.Series, wanted: Field, checked: _Checked, zone: ZoneInfo) -> pd.Series:
    moments = pd.to_datetime(given, format=wanted.source.format or "ISO8601", errors="coerce")
    checked.reject(given.notna() & moments.isna(), f"{name}: must be a {wanted.kind}", given)
    if wanted.kind == "date":
        return moments
    if moments.dt.tz is None:
        moments = moments.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    return moments.dt.tz_convert("UTC")


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
            checked.reasons[index] = f"id: {value!r} is a duplicate of line {first[value]}"


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
    texts = frame.loc[wrong, columns].astype(str)
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
