"""Opens a file of points: its columns, what it says of its crs, and its rows in batches of bounded size.

Imports ``formats`` and ``workbooks``. Nothing is read as a whole. Columns come as they are in the file: a CSV's
are all text, so that codes keep their zeros.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pyogrio
from pyproj import CRS
from pyproj.exceptions import CRSError

from gridmap.bulk import formats, workbooks
from gridmap.errors import GridMapError, InvalidInput, LoadRefused
from gridmap.foreign_files import vector_source

BATCH_ROWS = 131_072
_BATCH_BYTES = 64 * 2**20
_SNIFFED_BYTES = 2**20
_CSV_BLOCK_BYTES = 16 * 2**20
_NAMES = {"EPSG:4326": "wgs84", "OGC:CRS84": "wgs84", "EPSG:4490": "cgcs2000"}


@dataclass(frozen=True, slots=True)
class Misshapen:
    """A row of a CSV file that has more or fewer values than its header: it is listed, not placed."""

    file: str
    line: int | None
    reason: str
    text: str


@dataclass(frozen=True)
class Source:
    """An open file. ``crs`` is what the file itself says, in GridMap's words, None when it says nothing.

    ``geometry`` is the column that holds points as WKB (or x, y pairs), None when there is none. ``rows`` is None
    when only reading tells. ``batches`` reads from the start; ``misshapen`` fills as it does.
    """

    path: Path
    schema: pa.Schema
    crs: str | None
    geometry: str | None
    rows: int | None
    batches: Callable[[], Iterator[pa.RecordBatch]]
    misshapen: list[Misshapen] = field(default_factory=list)


def open_source(
    path: Path, encoding: str | None = None, layer: str | None = None, row_groups: Sequence[int] | None = None
) -> Source:
    """Open a file by its suffix. ``row_groups``: of Parquet, read these only.

    LoadRefused when it is not there, cannot be read, or has a column twice.
    """
    kind = formats.format_of(path)
    if not path.is_file():
        raise LoadRefused(f"{path} is not there")
    try:
        if kind is formats.PARQUET:
            source = _parquet(path, row_groups)
        elif kind is formats.CSV:
            source = _csv(path, encoding or sniffed_encoding(path))
        elif kind is formats.EXCEL:
            source = _excel(path, layer)
        else:
            source = _gdal(path, layer)
    except GridMapError:
        raise
    except Exception as error:
        # Damaged files make the parsers fail in two dozen ways, some by an IndexError.
        raise LoadRefused(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    names = source.schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LoadRefused(f"{path.name}: columns stand more than once: {', '.join(twice)}")
    return source


def _guarded(
    path: Path, batches: Callable[[], Iterator[pa.RecordBatch]]
) -> Callable[[], Iterator[pa.RecordBatch]]:
    """The same batches; what cannot be read on the way is LoadRefused."""

    def read() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches()
        except GridMapError:
            raise
        except Exception as error:
            raise LoadRefused(f"{path} cannot be read: {type(error).__name__}: {error}") from error

    return read


def _parquet(path: Path, row_groups: Sequence[int] | None) -> Source:
    with pq.ParquetFile(path) as file:
        metadata, schema = file.metadata, file.schema_arrow
    chosen = list(range(metadata.num_row_groups) if row_groups is None else row_groups)
    groups = [metadata.row_group(group) for group in chosen]
    rows = sum(group.num_rows for group in groups)
    row_bytes = sum(group.total_byte_size for group in groups) // max(rows, 1) + 1
    batch_rows = max(1, min(BATCH_ROWS, _BATCH_BYTES // row_bytes))
    crs, geometry = _geoparquet(schema)

    def read() -> Iterator[pa.RecordBatch]:
        # Columns come through small buffers: a file may be one row group of any size.
        with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as opened:
            yield from opened.iter_batches(batch_rows, row_groups=chosen, use_threads=False)

    return Source(path, schema, crs, geometry, rows, _guarded(path, read))


def _geoparquet(schema: pa.Schema) -> tuple[str | None, str | None]:
    """crs and geometry column, as the file's metadata state them."""
    stated = (schema.metadata or {}).get(b"geo")
    if stated is None:
        return None, None
    try:
        geo = json.loads(stated)
        name = geo["primary_column"]
        column = geo["columns"][name]
        encoding = column["encoding"]
    except (ValueError, KeyError, TypeError) as error:
        raise LoadRefused(f"the GeoParquet metadata cannot be read: {error!r}") from error
    if encoding not in ("WKB", "point"):
        raise LoadRefused(f"the geometry column {name!r} holds {encoding}, not points")
    if "crs" not in column:
        return "wgs84", name  # the standard's default, OGC:CRS84
    return crs_name(column["crs"]), name


def crs_name(definition: str | Mapping[str, Any] | None) -> str | None:
    """GridMap's word for a crs as a file states it; None when there is none or it has no EPSG code."""
    if definition is None:
        return None
    try:
        crs = CRS.from_user_input(definition)
    except CRSError:
        return None
    authority = crs.to_authority(min_confidence=70)
    if authority is None:
        return None
    stated = ":".join(authority)
    return _NAMES.get(stated) or (stated if authority[0] == "EPSG" else None)


def sniffed_encoding(path: Path) -> str:
    """``utf-8`` when the first block is, else ``gb18030``. LoadRefused for UTF-16."""
    with path.open("rb") as file:
        block = file.read(_SNIFFED_BYTES)
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadRefused(f"{path.name}: is UTF-16; save it as CSV UTF-8")
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_short = len(block) == _SNIFFED_BYTES and error.start > len(block) - 4
        return "utf-8" if cut_short else "gb18030"
    return "utf-8"


def _csv(path: Path, encoding: str) -> Source:
    misshapen: list[Misshapen] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        reason = f"has {row.actual_columns} values, not {row.expected_columns}"
        misshapen.append(Misshapen(path.name, row.number, reason, row.text))
        return "skip"

    with path.open("rb") as file:
        first = file.readline(_SNIFFED_BYTES).decode(encoding, "replace")
    parsing = pyarrow.csv.ParseOptions(
        delimiter=max(",\t;", key=first.count),
        newlines_in_values=True,
        ignore_empty_lines=False,
        invalid_row_handler=skip,
    )
    if not first:
        raise LoadRefused(f"{path.name}: is empty")
    try:
        reading = pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False, encoding=encoding)
        with pyarrow.csv.open_csv(path, reading, parsing) as opened:
            names = opened.schema.names
    except LookupError as error:
        raise InvalidInput("encoding", encoding, "must be an encoding that Python knows") from error
    misshapen.clear()
    schema = pa.schema([(name, pa.string()) for name in names])
    converting = pyarrow.csv.ConvertOptions(column_types=schema)

    def read() -> Iterator[pa.RecordBatch]:
        misshapen.clear()
        with pyarrow.csv.open_csv(path, reading, parsing, converting) as opened:
            for batch in opened:
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)

    return Source(path, schema, None, None, None, _guarded(path, read), misshapen)


def _excel(path: Path, sheet: str | None) -> Source:
    schema = workbooks.schema_of(path, sheet)
    return Source(path, schema, None, None, None, lambda: workbooks.read(path, sheet, schema, BATCH_ROWS // 8))


def _gdal(path: Path, layer: str | None) -> Source:
    if formats.format_of(path) is formats.FLATGEOBUF:
        # GDAL's fast way of reading it into Arrow spoils the bytes around a missing geometry (seen in 3.12).
        pyogrio.set_gdal_config_options({"OGR_FLATGEOBUF_STREAM_BASE_IMPL": True})
    whole = vector_source(path)
    info = pyogrio.read_info(whole, layer=layer, force_feature_count=False)

    def opened() -> Any:  # noqa: ANN401 - pyogrio's own context manager
        return pyogrio.open_arrow(whole, layer=layer, batch_size=BATCH_ROWS // 2, use_pyarrow=True)

    with opened() as (meta, reader):
        schema = _plain(reader.schema)
    geometry = meta["geometry_name"] or "wkb_geometry"
    geometry = geometry if geometry in schema.names else None

    def read() -> Iterator[pa.RecordBatch]:
        with opened() as (_, stream):
            for batch in stream:
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)

    rows = info["features"] if info["features"] >= 0 else None
    return Source(path, schema, crs_name(meta["crs"]), geometry, rows, _guarded(path, read))


def _plain(schema: pa.Schema) -> pa.Schema:
    """Without the marks that GDAL puts on columns: they would be wrong in another format."""
    return pa.schema([pa.field(one.name, one.type, nullable=True) for one in schema])
