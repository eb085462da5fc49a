"""COPY: an Arrow table of any types into a PostGIS table, by CSV that Arrow writes.

What is loaded by the million goes by ``packed`` instead.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, text

from gridmap.store.packed import copy_target
from gridmap.store.tables import SRID


def copy_rows(connection: Connection, table: Table, rows: pa.Table) -> None:
    """Append ``rows``, whose column names are the table's; null becomes NULL, text stays as it is."""
    buffer = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    pyarrow.csv.write_csv(rows, buffer, write_options=options)
    buffer.seek(0)
    with copy_target(connection, table.name, rows.column_names) as target:
        columns = ", ".join(f'"{name}"' for name in rows.column_names)
        cursor = connection.connection.cursor()
        cursor.copy_expert(f'COPY "{target}" ({columns}) FROM STDIN WITH (FORMAT csv)', buffer)


def reserve_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """``count`` ids of a table's own sequence that nobody else gets."""
    query = text(
        # the name is looked up once, not for every id
        "SELECT array_agg(nextval(own.name)) FROM generate_series(1, :count), "
        "(SELECT pg_get_serial_sequence(:table, 'id')::regclass AS name OFFSET 0) AS own"
    )
    return list(connection.execute(query, {"table": table.name, "count": count}).scalar_one() or ())


def geometry_column(geometries: NDArray[np.object_]) -> pa.Array:
    """Shapes in EPSG:4326 as the hexadecimal EWKB that PostGIS reads."""
    return pa.array(shapely.to_wkb(shapely.set_srid(geometries, SRID), hex=True, include_srid=True), pa.string())


def array_column(values: Sequence[Sequence[str]]) -> pa.Array:
    """Lists of text as PostgreSQL array literals."""

    def quoted(value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    return pa.array([f"{{{','.join(map(quoted, row))}}}" for row in values], pa.string())
