"""Point rows from files, batch by batch: every row comes out accepted or rejected with its line and reason.

A line is the row's place in its file: in a CSV the header is line 1, an empty line is a row and one whose quoted
value holds line breaks counts once; in a workbook it is the sheet's; elsewhere the first row is row 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from gridmap.crs import Floats, to_wgs84
from gridmap.errors import LoadRefused
from gridmap.ingest.columns import Flags, are_personal, flags_of, floats_of, has_few, is_text, moments_of
from gridmap.ingest.description import Points, Value
from gridmap.ingest.frames import Frame, read_frames
from gridmap.ingest.layers import LONGEST_TEXT
from gridmap.ingest.people import OwnNumbers, check_people
from gridmap.ingest.privacy import mask
from gridmap.model import RejectedRow
from gridmap.shapes import Geometries


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
    """Rows of one file. ``accepted`` has id, lon, lat, given_x, given_y, accuracy_m, line and the fields.

    Where the file holds lines or polygons, ``accepted`` has their ``shape`` in WGS 84 too (None for a point) and
    the point lies on it. ``pairs``, of shape (n, 2): x and y of all rows that have both, the rejected ones too,
    for the check of the crs.
    """

    file: str
    rows: int
    accepted: pd.DataFrame
    rejected: Sequence[RejectedRow]
    pairs: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))


def read_points(
    folder: Path, section: Points, fields: Mapping[str, Field], zone: ZoneInfo
) -> Iterator[PointBatch]:
    """All rows of the files that ``section`` describes, in batches of bounded size.

    Rows of a file without ids are identified by its period and their lines. Times without offset are read in
    ``zone``. Raises LoadRefused when no file matches, a column is missing, stands twice or is about people, one
    period stands in two files, or a file cannot be read.
    """
    paths = sorted(folder.glob(section.file))
    if not paths:
        raise LoadRefused(f"{folder / section.file} is not there")
    file_of: dict[str, str] = {}
    for path in paths:
        name = str(path.relative_to(folder))
        own = OwnNumbers()
        for frame in read_frames(path, section):
            _check_columns(name, frame.table)
            batch = _Check(name, frame, section, zone, own).run(fields)
            if section.id.column is None:
                _check_periods(batch, file_of)
            yield batch


def _check_columns(name: str, table: pa.Table) -> None:
    columns = [str(column) for column in table.column_names]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise LoadRefused(f"{name}: columns stand more than once: {', '.join(map(mask, twice))}")
    check_people(name, table)


def _check_periods(batch: PointBatch, file_of: dict[str, str]) -> None:
    """Lines tell the rows of a period apart only as long as a period stands in one file."""
    for period in batch.accepted.pop("period").unique():
        first = file_of.setdefault(period, batch.file)
        if first != batch.file:
            raise LoadRefused(
                f"the period {period!r} stands in {first} and in {batch.file}: without ids, rows are known by "
                "period and line, so a period must be in one file"
            )


class _Check:
    """Checks the rows of one frame: of the faults of a row the first one found is its reason."""

    def __init__(self, file: str, frame: Frame, section: Points, zone: ZoneInfo, own: OwnNumbers) -> None:
        self._file = file
        self._frame = frame
        self._section = section
        self._zone = zone
        self._own = own
        self._rows = frame.table.num_rows
        self._reasons: dict[int, str] = {}
        self._wrong = np.zeros(self._rows, bool)
        self._columns: dict[str, pd.Series | NDArray[np.generic]] = {}

    def run(self, fields: Mapping[str, Field]) -> PointBatch:
        """Read the point, the identity and the fields of every row."""
        section, lines = self._section, self._frame.lines
        x = self._numbers("lon", Field(section.lon, "number", required=True))
        y = self._numbers("lat", Field(section.lat, "number", required=True))
        self._read("accuracy_m", Field(section.accuracy_m, "number", lowest=0.0, highest=1e6))
        if section.id.column is not None:
            self._read("id", Field(section.id, required=True))
        else:
            self._read("period", Field(section.period, required=True))
            self._columns["id"] = self._columns["period"].astype(str) + ":" + pd.Series(lines).astype(str)
        for name, each in fields.items():
            self._read(name, each)
        self._place(x, y)
        self._reject_repeated()
        good = ~self._wrong
        accepted = pd.DataFrame({**self._columns, "line": lines})[good].reset_index(drop=True)
        usable = np.isfinite(x) & np.isfinite(y)
        misshapen = self._frame.misshapen
        return PointBatch(
            self._file,
            self._rows + len(misshapen),
            accepted,
            [*self._rejected(fields), *(RejectedRow(self._file, line, said, {}) for line, said in misshapen)],
            np.column_stack((x[usable], y[usable])),
        )

    def _reject(self, wrong: Flags, reason: str, values: pa.ChunkedArray = None) -> None:
        fresh = np.flatnonzero(wrong & ~self._wrong)
        if len(fresh) and values is None:
            self._reasons |= dict.fromkeys(fresh.tolist(), reason)
        elif len(fresh):
            shown = values.take(pa.array(fresh)).to_pylist()
            self._reasons |= {
                index: f"{reason}, got {str(value)[:60]!r}"
                for index, value in zip(fresh.tolist(), shown, strict=True)
            }
        self._wrong[fresh] = True

    def _given(self, name: str, wanted: Field) -> tuple[pa.ChunkedArray, Flags] | None:
        """A column, or the value for all rows, and where it is empty; text without blanks around it.

        None when the description gives neither.
        """
        column, table = wanted.source.column, self._frame.table
        if column is None:
            if wanted.source.value is None:
                return None
            given = pa.chunked_array([pa.repeat(wanted.source.value, self._rows)])
        elif column not in table.column_names:
            known = ", ".join(mask(str(each)) for each in table.column_names)
            raise LoadRefused(f"{self._file} has no column {column!r} for {name}; it has {known}")
        else:
            given = table[column]
        if pa.types.is_dictionary(given.type):
            given = given.cast(given.type.value_type)
        if is_text(given.type):
            given = pc.utf8_trim_whitespace(given)
            missing = flags_of(pc.or_kleene(pc.is_null(given), pc.equal(given, "")))
        else:
            missing = flags_of(pc.is_null(given, nan_is_null=True))
        if wanted.required:
            self._reject(missing, f"{name}: must not be empty")
        return given, missing

    def _read(self, name: str, wanted: Field) -> None:
        given = self._given(name, wanted)
        if given is None:
            self._columns[name] = pd.Series([None] * self._rows, dtype=object)
        elif wanted.kind in ("number", "count"):
            self._columns[name] = self._numbers(name, wanted)
        elif wanted.kind in ("time", "date"):
            self._columns[name] = self._moments(name, wanted, *given)
        else:
            self._columns[name] = self._text(name, wanted, *given)

    def _numbers(self, name: str, wanted: Field) -> Floats:
        """A column of numbers, NaN where none stands."""
        found = self._given(name, wanted)
        if found is None:
            return np.full(self._rows, np.nan)
        given, missing = found
        values = floats_of(given, missing)
        self._reject(~missing & ~np.isfinite(values), f"{name}: must be a finite number", given)
        beyond = (values < wanted.lowest) | (values > wanted.highest)
        self._reject(beyond, f"{name}: must lie from {wanted.lowest:g} to {wanted.highest:g}", given)
        if wanted.kind == "count":
            whole = np.isfinite(values) & (np.where(np.isfinite(values), values, 0.0) % 1 == 0)
            self._reject(~missing & ~whole, f"{name}: must be a whole number", given)
        return values

    def _text(self, name: str, wanted: Field, given: pa.ChunkedArray, missing: Flags) -> pd.Series:
        """A column of text, None where none stands."""
        text = given if is_text(given.type) else given.cast(pa.string())
        # A category has few different texts: each is looked at once.
        codes = text.combine_chunks().dictionary_encode() if has_few(text) else None
        if codes is not None and not len(codes.dictionary):
            codes = None  # nothing but null
        looked = text if codes is None else codes.dictionary

        def of_rows(flags: Flags) -> Flags:
            if codes is None:
                return flags & ~missing
            if not flags.any():
                return np.zeros(self._rows, bool)
            spread: Flags = flags[codes.indices.fill_null(0).to_numpy()] & ~missing
            return spread

        self._reject(
            of_rows(flags_of(pc.match_substring(looked, "\0"))), f"{name}: must not hold a NUL byte", given
        )
        long = flags_of(pc.greater(pc.utf8_length(looked), LONGEST_TEXT))
        self._reject(of_rows(long), f"{name}: must be at most {LONGEST_TEXT} long", given)
        personal = of_rows(are_personal(looked))
        if personal.any() and not self._own.holds(name, text.filter(pa.array(personal)).to_pylist(), self._rows):
            self._reject(personal, f"{name}: must not hold an ID or mobile number")
        if wanted.source.map is not None:
            unknown = ~flags_of(pc.is_in(looked, pa.array(list(wanted.source.map), pa.string())))
            self._reject(of_rows(unknown), f"{name}: is not in the description's map", given)
            looked = pa.array([wanted.source.map.get(each) for each in looked.to_pylist()], pa.string())
        if codes is None:
            values = looked.to_numpy(zero_copy_only=False) if isinstance(looked, pa.Array) else looked.to_numpy()
        else:
            values = looked.to_numpy(zero_copy_only=False)[codes.indices.fill_null(0).to_numpy()]
        return pd.Series(np.where(missing, None, values), dtype=object)

    def _moments(self, name: str, wanted: Field, given: pa.ChunkedArray, missing: Flags) -> pd.Series:
        """Dates, or times in UTC; of times some may carry an offset and some not."""
        moments = moments_of(given, missing, wanted.kind, wanted.source.format, self._zone)
        self._reject(~missing & moments.isna().to_numpy(), f"{name}: must be a {wanted.kind}", given)
        return moments

    def _place(self, x: Floats, y: Floats) -> None:
        """Convert the points; what stands for no place on earth is rejected, swapped pairs by their name."""
        section, good = self._section, ~self._wrong
        lon, lat = np.full(self._rows, np.nan), np.full(self._rows, np.nan)
        lon[good], lat[good] = to_wgs84(section.crs, x[good], y[good], section.operation)
        on_earth = _on_earth(lon, lat)
        swapped = ~on_earth & _on_earth(lat, lon)
        for wrong, reason in (
            (swapped, "lon, lat: out of range, and look swapped"),
            (~on_earth, f"lon, lat: no place in {section.crs}"),
        ):
            for index in np.flatnonzero(wrong & ~self._wrong).tolist():
                self._reasons[index] = f"{reason}, got '{x[index]} {y[index]}'"
            self._wrong |= wrong
        self._columns |= {"lon": lon, "lat": lat, "given_x": x, "given_y": y}
        if self._frame.shapes is not None:
            self._columns["shape"] = pd.Series(self._shapes(self._frame.shapes), dtype=object)

    def _shapes(self, given: Geometries) -> Geometries:
        """Lines and polygons vertex by vertex in WGS 84; invalid ones are rejected."""
        section = self._section

        def convert(coordinates: Floats) -> Floats:
            return np.column_stack(to_wgs84(section.crs, coordinates[:, 0], coordinates[:, 1], section.operation))

        self._reject(~shapely.is_valid(given) & ~shapely.is_missing(given), "geometry: is not valid")
        kept = given.copy()
        kept[self._wrong] = None
        converted: Geometries = shapely.transform(kept, convert)
        return converted

    def _reject_repeated(self) -> None:
        good = ~self._wrong
        ids = pd.Series(self._columns["id"])[good]
        repeated = ids[ids.duplicated()]
        if len(repeated):
            lines = self._frame.lines
            again = ids[ids.isin(set(repeated))]
            first = {value: int(lines[index]) for index, value in reversed(list(again.items()))}
            for index, value in repeated.items():
                self._reasons[int(index)] = f"id: is a duplicate, got {value!r} as in line {first[value]}"
                self._wrong[int(index)] = True

    def _rejected(self, fields: Mapping[str, Field]) -> list[RejectedRow]:
        section = self._section
        sources = [
            section.id,
            section.period,
            section.lon,
            section.lat,
            *(each.source for each in fields.values()),
        ]
        columns = list(dict.fromkeys(source.column for source in sources if source.column is not None))
        wrong = sorted(self._reasons)
        given = self._frame.table.select(columns).take(pa.array(wrong, pa.int64()))
        personal = np.zeros(len(wrong), bool)
        texts = []
        for column in given.columns:
            text = pa.array(["" if value is None else str(value) for value in column.to_pylist()], pa.string())
            personal |= are_personal(text)
            texts.append(text)
        texts.append(pa.array([self._reasons[index] for index in wrong], pa.string()))
        # A reason shows nothing but what stands in the row's columns, so these tell what is to be masked.
        *values, reasons = [_shown(text, personal) for text in texts]
        rows = zip(self._frame.lines[wrong].tolist(), reasons, zip(*values, strict=True), strict=True)
        return [
            RejectedRow(self._file, line, reason, dict(zip(columns, shown, strict=True)))
            for line, reason, shown in rows
        ]


def _on_earth(lon: Floats, lat: Floats) -> Flags:
    return (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)


def _shown(texts: pa.Array, personal: Flags) -> list[str]:
    """What is kept of rejected rows' texts: personal numbers masked, no NUL byte, not too long."""
    kept: list[str] = pc.replace_substring(texts, "\0", "␀").to_pylist()
    for index in np.flatnonzero(personal).tolist():
        kept[index] = mask(kept[index])
    return [text[:LONGEST_TEXT] for text in kept]
