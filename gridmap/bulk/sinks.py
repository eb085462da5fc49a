"""Writes batches of placed rows to a file: under a temporary name until it is whole.

Imports ``formats``, ``sources``, ``workbooks``. A sink pulls its batches, so memory stays bounded.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyproj import CRS

from gridmap.bulk import formats, workbooks
from gridmap.bulk.formats import Format
from gridmap.errors import InvalidInput, LoadRefused

# A row group is written when it has so many rows or bytes: few enough to hold, enough to read fast.
_GROUP_ROWS = 1_048_576
_GROUP_BYTES = 160 * 2**20

# A Shapefile's names have ten bytes at most, its texts 254.
SHAPEFILE_NAMES = {"edge_distance_m": "edge_m"}
_SHAPEFILE_NAME_BYTES, _SHAPEFILE_TEXT_BYTES = 10, 254


@dataclass(frozen=True, slots=True)
class Shape:
    """The geometry of the rows written: its column of WKB and its crs as GDAL reads it (None: not known)."""

    column: str
    crs: str | None


def write(
    path: Path, schema: pa.Schema, shape: Shape | None, batches: Generator[pa.RecordBatch, None, None]
) -> None:
    """All batches as one file, that takes its name when it is whole, over one of that name.

    InvalidInput names what the format cannot hold. An error of the batches comes through as it is.
    """
    kind = formats.format_of(path)
    with closing(batches), _folder_beside(path) as folder:
        try:
            _WRITERS.get(kind, _write_gdal)(folder / path.name, schema, shape, batches)
        except (pa.ArrowException, pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError, OSError) as error:
            raise LoadRefused(f"{path} cannot be written: {error}") from error


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A folder for unfinished files; at the end they take their place beside ``path``, its own last."""
    if not path.parent.is_dir():
        raise InvalidInput("output", str(path), "its folder is not there")
    folder = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
        for made in sorted(folder.iterdir(), key=lambda one: one.name == path.name):
            made.replace(path.parent / made.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_parquet(path: Path, schema: pa.Schema, shape: Shape | None, batches: Iterator[pa.RecordBatch]) -> None:
    schema = schema.with_metadata(_geo_metadata(schema, shape))
    texts = [one.name for one in schema if not pa.types.is_floating(one.type)]
    waiting: list[pa.RecordBatch] = []

    def flush(writer: pq.ParquetWriter) -> None:
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema=schema), row_group_size=_GROUP_ROWS)
            waiting.clear()

    # Random floats fill a dictionary in vain.
    with pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=texts) as writer:
        for batch in batches:
            waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            full = sum(one.num_rows for one in waiting) >= _GROUP_ROWS
            if full or sum(one.nbytes for one in waiting) >= _GROUP_BYTES:
                flush(writer)
        flush(writer)


def _geo_metadata(schema: pa.Schema, shape: Shape | None) -> dict[bytes, bytes]:
    """What the file says of its geometry: as the input did, without the bounds of what was one file."""
    metadata = {key: value for key, value in (schema.metadata or {}).items() if key != b"pandas"}
    if b"geo" in metadata:
        geo = json.loads(metadata[b"geo"])
        for column in geo["columns"].values():
            column.pop("bbox", None)
        metadata[b"geo"] = json.dumps(geo).encode()
    elif shape is not None:
        crs = None if shape.crs is None else CRS.from_user_input(shape.crs).to_json_dict()
        column = {"encoding": "WKB", "geometry_types": [], "crs": crs}
        geo = {"version": "1.1.0", "primary_column": shape.column, "columns": {shape.column: column}}
        metadata[b"geo"] = json.dumps(geo).encode()
    return metadata


def _write_csv(path: Path, schema: pa.Schema, shape: Shape | None, batches: Iterator[pa.RecordBatch]) -> None:
    options = pyarrow.csv.WriteOptions(
        delimiter="\t" if path.suffix.lower() == ".tsv" else ",", quoting_style="needed"
    )
    plain = _plain_schema(schema, shape, path)
    with pyarrow.csv.CSVWriter(path, plain, write_options=options) as writer:
        for batch in batches:
            writer.write_batch(_plain_batch(batch, plain, shape))


def _write_excel(path: Path, schema: pa.Schema, shape: Shape | None, batches: Iterator[pa.RecordBatch]) -> None:
    plain = _plain_schema(schema, shape, path)
    workbooks.write(path, plain, (_plain_batch(batch, plain, shape) for batch in batches))


def _write_gdal(path: Path, schema: pa.Schema, shape: Shape | None, batches: Iterator[pa.RecordBatch]) -> None:
    kind = formats.format_of(path)
    assert shape is not None
    plain = _plain_schema(schema, None, path, shape.column)
    if kind is formats.SHAPEFILE:
        plain = _shapefile_schema(plain, path)
    failure: list[Exception] = []

    def pull() -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                converted = _plain_batch(batch, plain, None)
                yield _check_texts(converted, path) if kind is formats.SHAPEFILE else converted
        except Exception as error:  # GDAL would pass on that there was one, not which
            failure.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(plain, pull())
    options = {"SPATIAL_INDEX": "NO"} if kind is formats.FLATGEOBUF else {}
    options |= {"COORDINATE_PRECISION": "15"} if kind is formats.GEOJSON else {}
    options |= {"2GB_LIMIT": "YES"} if kind is formats.SHAPEFILE else {}
    try:
        pyogrio.write_arrow(
            reader, path, driver=kind.driver, layer=path.stem, geometry_name=shape.column, geometry_type="Point",
            crs=shape.crs, encoding="UTF-8" if kind is formats.SHAPEFILE else None, **options,
        )  # fmt: skip
    except Exception:
        if failure:
            raise failure[0] from None
        raise


_WRITERS: dict[Format, Callable[[Path, pa.Schema, Shape | None, Iterator[pa.RecordBatch]], None]] = {
    formats.PARQUET: _write_parquet,
    formats.CSV: _write_csv,
    formats.EXCEL: _write_excel,
}


def _plain_schema(schema: pa.Schema, shape: Shape | None, path: Path, keep: str | None = None) -> pa.Schema:
    """Types that a format of plain columns can hold: dictionaries as their values, a geometry as WKT.

    InvalidInput names a column of lists, pairs or bytes.
    """
    fields = []
    for one in schema:
        kind = one.type.value_type if pa.types.is_dictionary(one.type) else one.type
        if one.name == keep or not (pa.types.is_nested(kind) or _is_binary(kind)):
            fields.append(pa.field(one.name, kind))
        elif shape is not None and one.name == shape.column:
            fields.append(pa.field(one.name, pa.string()))
        else:
            rule = f"holds {kind}, which {formats.format_of(path).name} cannot: write Parquet"
            raise InvalidInput("column", one.name, rule)
    return pa.schema(fields)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _plain_batch(batch: pa.RecordBatch, plain: pa.Schema, shape: Shape | None) -> pa.RecordBatch:
    columns = []
    for one, name, target in zip(batch.columns, batch.schema.names, plain.types, strict=True):
        column = one
        if shape is not None and name == shape.column:
            column = _wkt(one)
        elif pa.types.is_dictionary(one.type):
            column = one.dictionary_decode()
        columns.append(column if column.type == target else column.cast(target))
    return pa.RecordBatch.from_arrays(columns, schema=plain)


def _wkt(column: pa.Array) -> pa.Array:
    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    return pa.array(shapely.to_wkt(shapes, rounding_precision=-1), pa.string())


def point_column(x: np.ndarray[tuple[int], np.dtype[np.float64]], y: np.ndarray[tuple[int], np.dtype[np.float64]],
                 absent: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.Array:  # fmt: skip
    """Points as WKB, null where they are absent."""
    packed = np.empty(len(x), dtype=[("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
    packed["order"], packed["type"], packed["x"], packed["y"] = 1, 1, x, y
    offsets = np.arange(0, 21 * len(x) + 1, 21, dtype=np.int32)
    valid = pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.BinaryArray.from_buffers(pa.binary(), len(x), [valid, pa.py_buffer(offsets), pa.py_buffer(packed)])


def _shapefile_schema(schema: pa.Schema, path: Path) -> pa.Schema:
    """Its columns under names of at most ten bytes, times as text. InvalidInput names those that are longer."""
    fields = []
    for one in schema:
        name = SHAPEFILE_NAMES.get(one.name, one.name)
        if len(name.encode()) > _SHAPEFILE_NAME_BYTES and not _is_binary(one.type):
            rule = f"a Shapefile's names have at most {_SHAPEFILE_NAME_BYTES} bytes: write {path.stem}.gpkg"
            raise InvalidInput("column", one.name, rule)
        timed = pa.types.is_timestamp(one.type) or pa.types.is_time(one.type)
        fields.append(pa.field(name, pa.string() if timed else one.type))
    if len({one.name.lower() for one in fields}) < len(fields):
        raise InvalidInput("columns", ", ".join(one.name for one in fields), "must differ in a Shapefile")
    return pa.schema(fields)


def _check_texts(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    """InvalidInput for a text that a Shapefile would cut off."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            longest = pc.max(pc.binary_length(column)).as_py() or 0
            if longest > _SHAPEFILE_TEXT_BYTES:
                rule = f"a Shapefile's texts have at most {_SHAPEFILE_TEXT_BYTES} bytes: write {path.stem}.gpkg"
                raise InvalidInput(f"column {name}", f"{longest} bytes", rule)
    return batch
