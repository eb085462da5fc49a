"""Files with a point or a small shape a row, as batches of Arrow columns; every row has its line.

In bounded memory: CSV in any encoding and delimiter, Parquet and GeoParquet, Excel, GeoPackage, GeoJSON,
Shapefile, FlatGeobuf.
Imports ``ingest.encoding``, ``ingest.sheets``, ``ingest.description`` and ``errors``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from gridmap.errors import GridMapError, LoadRefused
from gridmap.foreign_files import vector_source
from gridmap.ingest.description import GEOMETRY_X, GEOMETRY_Y, Points
from gridmap.ingest.encoding import UNDECODED, open_as_utf8, sniff, sniff_delimiter
from gridmap.ingest.sheets import read_tables
from gridmap.shapes import Geometries

BATCH_ROWS = 250_000
_CSV_BLOCK_BYTES = 32 * 1024 * 1024
_TEXT_FILES = (".csv", ".txt", ".tsv")
_SHAPE_FILES = (".gpkg", ".geojson", ".json", ".shp", ".fgb")

Lines = NDArray[np.int64]
Misshapen = list[tuple[int, str]]


@dataclass(frozen=True)
class Frame:
    """Some rows of a file: their lines and columns, what is no row of the table, and shapes where a file has any.

    A file with geometry has its points as the columns ``GEOMETRY_X`` and ``GEOMETRY_Y``; ``shapes`` is None when
    all are points.
    """

    lines: Lines
    table: pa.Table
    misshapen: Misshapen
    shapes: Geometries | None = None


def read_frames(path: Path, section: Points) -> Iterator[Frame]:
    """The rows of one file, batch by batch; LoadRefused when it cannot be read."""
    kind = path.suffix.lower()
    try:
        if kind in _TEXT_FILES:
            yield from _text_frames(path, section)
        elif kind == ".parquet":
            yield from _parquet_frames(path, section)
        elif kind == ".xlsx":
            yield _sheet_frame(path, section)
        elif kind in _SHAPE_FILES:
            yield from _shape_frames(path, section)
        else:
            known = ", ".join((*_TEXT_FILES, ".parquet", ".xlsx", *_SHAPE_FILES))
            raise LoadRefused(f"{path}: points must be in one of {known}")
    except GridMapError:
        raise
    except Exception as error:
        # Damaged files make the parsers fail in two dozen ways, some by an IndexError.
        raise LoadRefused(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def _text_frames(path: Path, section: Points) -> Iterator[Frame]:
    skipped: dict[int, str] = {}

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        skipped[row.number] = f"row: has {row.actual_columns} values, not {row.expected_columns}"
        return "skip"

    encoding = section.encoding or sniff(path)
    parsing = pyarrow.csv.ParseOptions(
        delimiter=section.delimiter or sniff_delimiter(path, encoding),
        newlines_in_values=True,
        ignore_empty_lines=False,
        invalid_row_handler=skip,
    )
    reading = pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False)
    with open_as_utf8(path, encoding) as file:
        names = pyarrow.csv.open_csv(file, read_options=reading, parse_options=parsing).schema.names
    skipped.clear()
    converting = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    line = 2
    with open_as_utf8(path, encoding) as file:
        for batch in pyarrow.csv.open_csv(file, reading, parsing, converting):
            lines = np.arange(line, line + batch.num_rows + len(skipped))
            lines = lines[~np.isin(lines, list(skipped))][: batch.num_rows]
            line = int(lines[-1]) + 1 if len(lines) else line
            yield _without_undecoded(Frame(lines, pa.table(batch), _taken(skipped, line)), encoding)
    left = _taken(skipped, 1 << 62)
    if left:
        empty = pa.table({name: pa.array([], pa.string()) for name in names})
        yield Frame(np.empty(0, np.int64), empty, left)


def _taken(skipped: dict[int, str], before: int) -> Misshapen:
    """Take out what was skipped before a line."""
    return [(line, skipped.pop(line)) for line in sorted(skipped) if line < before]


def _without_undecoded(frame: Frame, encoding: str) -> Frame:
    """Rows that are not in the file's encoding are no rows of the table: which text they hold nobody knows."""
    wrong = np.zeros(len(frame.lines), bool)
    for column in frame.table.columns:
        wrong |= pc.match_substring(column, UNDECODED).fill_null(False).to_numpy()
    if not wrong.any():
        return frame
    reason = f"row: is not text in {encoding}, the encoding of the rest of the file"
    misshapen = [*frame.misshapen, *((int(line), reason) for line in frame.lines[wrong])]
    return Frame(frame.lines[~wrong], frame.table.filter(pa.array(~wrong)), misshapen)


def _parquet_frames(path: Path, section: Points) -> Iterator[Frame]:
    file = pq.ParquetFile(path)
    geo = json.loads((file.schema_arrow.metadata or {}).get(b"geo", b"{}"))
    column = geo.get("primary_column")
    if column is not None and section.lon.column == GEOMETRY_X:
        described = geo["columns"][column]
        if described["encoding"] != "WKB":
            raise LoadRefused(f"{path.name}: geometry must be WKB, got {described['encoding']}")
        stated = described.get("crs", "OGC:CRS84")
        _check_stated_crs(path.name, None if stated is None else CRS.from_user_input(stated), section.crs)
    line = 1
    for batch in file.iter_batches(BATCH_ROWS):
        lines = np.arange(line, line + batch.num_rows)
        line += batch.num_rows
        yield _with_points(Frame(lines, pa.table(batch), []), column)


def _shape_frames(path: Path, section: Points) -> Iterator[Frame]:
    line = 1
    with pyogrio.open_arrow(
        vector_source(path),
        layer=section.layer,
        encoding=section.encoding,
        batch_size=BATCH_ROWS,
        use_pyarrow=True,
    ) as (meta, batches):
        # GeoJSON is WGS 84 by its standard, whatever is written into it: the file states nothing.
        if path.suffix.lower() not in (".geojson", ".json") and meta["crs"]:
            _check_stated_crs(path.name, CRS.from_user_input(meta["crs"]), section.crs)
        column = meta["geometry_name"] or "wkb_geometry"
        for batch in batches:
            lines = np.arange(line, line + batch.num_rows)
            line += batch.num_rows
            yield _with_points(Frame(lines, pa.table(batch), []), column)


def _check_stated_crs(name: str, stated: CRS | None, described: str) -> None:
    """A file that states a crs must state the one described; GCJ-02 and BD-09 have no name there."""
    if stated is None:
        return
    try:
        wanted = CRS.from_user_input({"wgs84": "EPSG:4326", "cgcs2000": "EPSG:4490"}.get(described, described))
    except CRSError:
        wanted = None
    degrees = {4326, 4490}
    if wanted is None:
        same = stated.is_geographic
    else:
        codes = {stated.to_epsg() or (4326 if stated.to_authority() == ("OGC", "CRS84") else 0), wanted.to_epsg()}
        same = len(codes) == 1 or codes <= degrees
    if not same:
        raise LoadRefused(f"{name}: its own crs is {stated.to_string()[:60]}, the description says {described}")


def _with_points(frame: Frame, column: str | None) -> Frame:
    """The geometry as x and y beside the other columns: of a line or polygon, of a point that lies on it."""
    if column is None or column not in frame.table.column_names:
        return frame
    wkb = frame.table[column].to_numpy()
    shapes: Geometries = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="ignore"))
    points = shapely.get_type_id(shapes) == 0
    others = ~points & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    on_it = shapes.copy()
    on_it[shapely.is_empty(shapes)] = None
    on_it[others] = shapely.point_on_surface(shapes[others])
    table = frame.table.drop_columns([column])
    for name, values in ((GEOMETRY_X, shapely.get_x(on_it)), (GEOMETRY_Y, shapely.get_y(on_it))):
        table = table.append_column(name, pa.array(values, mask=np.isnan(values)))
    shapes[~others] = None
    return Frame(frame.lines, table, frame.misshapen, shapes if others.any() else None)


def _sheet_frame(path: Path, section: Points) -> Frame:
    """The first sheet, or the one named by ``layer``; its header is the first row with values."""
    sheets, _ = read_tables(path)
    chosen = [sheet for sheet in sheets if section.layer in (None, sheet.name) and sheet.rows]
    if not chosen:
        known = ", ".join(sheet.name for sheet in sheets)
        raise LoadRefused(f"{path.name} has no rows in sheet {section.layer or 'one'}; it has {known}")
    header, *rows = chosen[0].rows
    names = [str(value or "").strip() for value in header.values]
    misshapen = [
        (row.line, f"row: has {len(row.values)} values, not {len(names)}")
        for row in rows
        if len(row.values) > len(names)
    ]
    rows = [row for row in rows if len(row.values) <= len(names)]
    columns = {
        name: pa.array([_plain(row.values[i]) if i < len(row.values) else None for row in rows], pa.string())
        for i, name in enumerate(names)
    }
    table = pa.Table.from_arrays(list(columns.values()), names=list(columns)) if columns else pa.table({})
    if len(columns) < len(names):
        raise LoadRefused(f"{path.name}: columns stand more than once or have no name in the header")
    return Frame(np.array([row.line for row in rows], np.int64), table, misshapen)


def _plain(value: object) -> str | None:
    """A workbook's value as text: whole numbers without a point, times in ISO form."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
