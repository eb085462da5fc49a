"""PostgreSQL's binary COPY, packed by Arrow and numpy without a loop over rows. Imports nothing of GridMap.

A column's Arrow type says what the table's column must be: int16, int32 and int64 are smallint, integer and
bigint, float and double are real and double precision, string is text, binary is geometry (as EWKB) or bytea, bool
is boolean, timestamp[us, UTC] is timestamptz and date32 is date.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_EPOCH_DAYS = (date(2000, 1, 1) - date(1970, 1, 1)).days
# PostgreSQL's times begin here, in microseconds since 1970.
EPOCH_US = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_CHUNK_BYTES = 1 << 20
_POINT_BYTES = 25

Octets = NDArray[np.uint8]


def copy_packed(connection: Connection, table: str, columns: Mapping[str, pa.Array]) -> None:
    """Append rows to a table; null becomes NULL. All columns have the same length."""
    names = sorted(columns, key=lambda name: not _is_plain(columns[name]))
    stream = io.BytesIO(_SIGNATURE)
    stream.seek(0, io.SEEK_END)
    stream.write(_rows([columns[name] for name in names]))
    stream.write(_TRAILER)
    stream.seek(0)
    with copy_target(connection, table, names) as target:
        listed = ", ".join(f'"{name}"' for name in names)
        cursor = connection.connection.cursor()
        cursor.copy_expert(f'COPY "{target}" ({listed}) FROM STDIN WITH (FORMAT binary)', stream, _CHUNK_BYTES)


@contextmanager
def copy_target(connection: Connection, table: str, columns: Sequence[str]) -> Iterator[str]:
    """The table to copy rows of some columns into, so that they are in ``table`` at the end.

    PostgreSQL has no COPY into tables whose policies bind the session: rows go by way of a temporary table, and
    each is asked about as it is inserted.
    """
    cursor = connection.connection.cursor()
    cursor.execute("SELECT row_security_active(%s::regclass)", (f'"{table}"',))
    if cursor.fetchone() != (True,):
        yield table
        return
    staged, listed = f"copied_{table}", ", ".join(f'"{name}"' for name in columns)
    chosen = f'SELECT {listed} FROM "{table}" WITH NO DATA'  # noqa: S608 - names from the tables' own metadata
    cursor.execute(f'CREATE TEMPORARY TABLE "{staged}" ON COMMIT DROP AS {chosen}')
    yield staged
    cursor.execute(f'INSERT INTO "{table}" ({listed}) SELECT {listed} FROM "{staged}"')  # noqa: S608 - as above
    cursor.execute(f'DROP TABLE "{staged}"')


def read_packed(connection: Connection, query: str, fields: Mapping[str, str]) -> NDArray[np.void]:
    """The rows of a query whose columns are numbers and never null, as a structured array.

    ``fields`` gives each column's name and its big-endian numpy type, in the query's order.
    """
    stream = io.BytesIO()
    cursor = connection.connection.cursor()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT binary)", stream, _CHUNK_BYTES)
    sized = [("", ">i2"), *(part for name, kind in fields.items() for part in ((f"_{name}", ">i4"), (name, kind)))]
    found = stream.getbuffer()[len(_SIGNATURE) : -len(_TRAILER)]
    rows: NDArray[np.void] = np.frombuffer(found, np.dtype(sized))[list(fields)]
    return rows


def point_octets(lon: NDArray[np.float64], lat: NDArray[np.float64], srid: int) -> pa.Array:
    """Points as EWKB, packed without making geometries."""
    packed = np.empty(len(lon), dtype=[("order", "u1"), ("type", "<u4"), ("srid", "<u4"), ("xy", "<f8", 2)])
    packed["order"], packed["type"], packed["srid"] = 1, 0x20000001, srid
    packed["xy"][:, 0], packed["xy"][:, 1] = lon, lat
    return _blocks(packed.view(np.uint8).reshape(len(lon), _POINT_BYTES))


def _is_plain(column: pa.Array) -> bool:
    """Whether every value has the same length, so that numpy can pack the column beside others."""
    return bool(column.null_count == 0 and pa.types.is_primitive(column.type))


def _rows(columns: list[pa.Array]) -> memoryview:
    """The rows one after the other: plain columns in one block, each other one as its length and its octets."""
    count = len(columns[0])
    head = np.broadcast_to(np.frombuffer(struct.pack(">h", len(columns)), np.uint8), (count, 2))
    plain = [_sized(_octets(column)) for column in columns if _is_plain(column)]
    parts = [_blocks(np.hstack([head, *plain]))]
    for column in columns:
        if not _is_plain(column):
            parts += _length_and_octets(column)
    joined = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = joined.buffers()
    ends = np.frombuffer(offsets, np.int64)
    return (
        memoryview(data)[int(ends[joined.offset]) : int(ends[joined.offset + count])] if count else memoryview(b"")
    )


def _octets(column: pa.Array) -> Octets:
    """The values of a column of fixed width in network order, shape (n, width); nulls are anything."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        values = column.cast(pa.timestamp("us", kind.tz)).view(pa.int64()).fill_null(0).to_numpy() - EPOCH_US
    elif pa.types.is_date32(kind):
        values = column.view(pa.int32()).fill_null(0).to_numpy() - np.int32(_EPOCH_DAYS)
    else:
        filled = column if column.null_count == 0 else pc.fill_null(column, pa.scalar(0).cast(kind))
        values = filled.to_numpy(zero_copy_only=False)
    values = np.ascontiguousarray(values)
    width = values.dtype.itemsize
    return values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(len(values), width)


def _sized(octets: Octets) -> Octets:
    """Octets with their number before them."""
    width = np.frombuffer(struct.pack(">i", octets.shape[1]), np.uint8)
    return np.hstack([np.broadcast_to(width, (len(octets), 4)), octets])


def _blocks(octets: Octets) -> pa.Array:
    """Octets of shape (n, width) as n binary values."""
    count, width = octets.shape
    offsets = np.arange(count + 1, dtype=np.int64) * width
    data = pa.py_buffer(np.ascontiguousarray(octets))
    return pa.Array.from_buffers(pa.large_binary(), count, [None, pa.py_buffer(offsets), data])


def _length_and_octets(column: pa.Array) -> list[pa.Array]:
    kind = column.type
    varies = pa.types.is_large_binary(kind) or pa.types.is_binary(kind) or pa.types.is_string(kind)
    if varies or pa.types.is_large_string(kind):
        octets = column.cast(pa.large_binary())
    else:
        octets = pc.if_else(column.is_valid(), _blocks(_octets(column)), pa.scalar(None, pa.large_binary()))
    lengths = pc.fill_null(pc.binary_length(octets), -1).to_numpy().astype(">i4")
    return [_blocks(lengths.view(np.uint8).reshape(-1, 4)), pc.fill_null(octets, b"")]
