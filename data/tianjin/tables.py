"""Writes the demo city's tables as Parquet files: the same arguments give the same bytes.

Imports pyarrow and geopandas only.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

COMPRESSION = "zstd"
ROWS_PER_GROUP = 500_000

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_TIME = pa.timestamp("us", tz="UTC")
_POINT = [("lon", pa.float64()), ("lat", pa.float64())]

SCHEMAS: dict[str, pa.Schema] = {
    "aliases": pa.schema([("alias", _TEXT), ("name", _TEXT), ("note", _TEXT)]),
    "areas": pa.schema([("level", _TEXT), ("code", _TEXT), ("name", _TEXT), ("parent", _TEXT)]),
    "buildings": pa.schema(
        [
            ("id", _TEXT),
            *_POINT,
            ("street", _TEXT),
            ("number", _TEXT),
            ("block", _TEXT),
            ("estate", _TEXT),
            ("households", pa.int32()),
            ("expected_households", pa.int32()),
            ("counted_on", pa.date32()),
            ("source", _TEXT),
        ]
    ),
    "elements": pa.schema(
        [
            ("id", _TEXT),
            ("class", _TEXT),
            ("category", _TEXT),
            *_POINT,
            ("name", _TEXT),
            ("building", _TEXT),
        ]
    ),
    "incidents": pa.schema(
        [
            ("id", _TEXT),
            ("category", _TEXT),
            *_POINT,
            ("happened_at", _TIME),
            ("reported_at", _TIME),
            ("closed_at", _TIME),
            ("reporter", _TEXT),
        ]
    ),
    "posts": pa.schema(
        [
            ("code", _TEXT),
            ("kind", _TEXT),
            ("title", _TEXT),
            ("level", _TEXT),
            ("territory", _TEXT),
            ("phone", _TEXT),
            ("required", _TEXT),
            ("department", _TEXT),
            ("categories", _TEXTS),
        ]
    ),
    "holders": pa.schema([("code", _TEXT), ("display_name", _TEXT)]),
    "shifts": pa.schema(
        [
            ("post", _TEXT),
            ("holder", _TEXT),
            ("backup", _TEXT),
            ("hours", _TEXT),
            ("valid_from", pa.date32()),
            ("valid_until", pa.date32()),
            ("verified_at", _TIME),
        ]
    ),
    "shift_exceptions": pa.schema(
        [
            ("post", _TEXT),
            ("kind", _TEXT),
            ("holder", _TEXT),
            ("substitute", _TEXT),
            ("begins", _TIME),
            ("ends", _TIME),
        ]
    ),
}


def table_of(name: str, frame: pd.DataFrame) -> pa.Table:
    """The frame as an Arrow table in the schema of ``name``; columns beside the schema are left out."""
    return pa.Table.from_pandas(frame, schema=SCHEMAS[name], preserve_index=False).replace_schema_metadata()


def write_table(folder: Path, name: str, frame: pd.DataFrame) -> None:
    """Write ``name``.parquet in its schema."""
    pq.write_table(table_of(name, frame), folder / f"{name}.parquet", compression=COMPRESSION)


def write_shapes(folder: Path, name: str, frame: gpd.GeoDataFrame, columns: list[str]) -> None:
    """Write ``name``.parquet as GeoParquet with these text columns (``services``: lists) and the geometry."""
    written = frame[[*columns, "geometry"]].copy()
    for column in columns:
        # Named types, so that a small city's all-empty column has the same type as the whole city's.
        written[column] = written[column].astype(pd.ArrowDtype(_TEXTS if column == "services" else _TEXT))
    whole = pa.BufferOutputStream()
    written.to_parquet(whole, index=False)
    table = pq.read_table(pa.BufferReader(whole.getvalue()))
    # pandas cannot read back its own note on a column of lists; the geometry's note is all a reader needs.
    table = table.replace_schema_metadata({b"geo": table.schema.metadata[b"geo"]})
    pq.write_table(table, folder / f"{name}.parquet", compression=COMPRESSION)
