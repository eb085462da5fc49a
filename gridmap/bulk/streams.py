"""Tables of points as bytes: CSV and Arrow streams of bounded size, read and written. Imports ``errors`` only."""

from __future__ import annotations

import io
import struct

import pyarrow as pa
import pyarrow.csv

from gridmap.errors import InvalidInput

# In a record batch's message: the fields of its header that say what it is, where it is, how it is compressed.
_HEADER_TYPE, _HEADER, _COMPRESSION = 1, 2, 3
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


def read_csv(body: bytes, most_rows: int) -> pa.RecordBatch:
    """A CSV in UTF-8 with a header, every column text. InvalidInput when it cannot be read or is too long."""

    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    reading = pyarrow.csv.ReadOptions(use_threads=False, block_size=max(len(body), 1))
    try:
        names = pyarrow.csv.open_csv(io.BytesIO(body), reading, parsing).schema.names
        texts = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        table = pyarrow.csv.read_csv(io.BytesIO(body), reading, parsing, texts)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InvalidInput("body", body[:40], f"must be CSV in UTF-8 with a header ({error})") from error
    return _one_batch(table, most_rows)


def read_arrow(body: bytes, most_rows: int) -> pa.RecordBatch:
    """An Arrow IPC stream. InvalidInput when it cannot be read, is too long or is compressed.

    Compressed, some kilobytes could stand for more than the memory holds.
    """
    try:
        for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(body)):
            if _is_compressed(bytes(message.metadata)):
                raise InvalidInput("body", "compressed", "must be an Arrow stream without compression")
        table = pa.ipc.open_stream(pa.py_buffer(body)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error, UnicodeDecodeError) as error:
        raise InvalidInput("body", body[:40], f"must be an Arrow IPC stream ({error})") from error
    return _one_batch(table, most_rows)


def _one_batch(table: pa.Table, most_rows: int) -> pa.RecordBatch:
    if table.num_rows > most_rows:
        raise InvalidInput("points", f"{table.num_rows} rows", f"must be at most {most_rows:,}")
    names = table.column_names
    if len(set(names)) < len(names):
        raise InvalidInput("columns", names, "must have different names")
    columns = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(
        [column.chunk(0) if isinstance(column, pa.ChunkedArray) else column for column in columns],
        schema=table.schema.remove_metadata(),
    )


def _is_compressed(metadata: bytes) -> bool:
    """Whether a message holds rows or a dictionary with compressed buffers: Arrow's Message.fbs says where."""
    message = struct.unpack_from("<i", metadata, 0)[0]
    kind = _field(metadata, message, _HEADER_TYPE)
    header = _field(metadata, message, _HEADER)
    if kind is None or header is None or metadata[kind] not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return False
    table = header + struct.unpack_from("<i", metadata, header)[0]
    if metadata[kind] == _DICTIONARY_BATCH:  # a dictionary batch holds a record batch as its second field
        inner = _field(metadata, table, 1)
        if inner is None:
            return False
        table = inner + struct.unpack_from("<i", metadata, inner)[0]
    return _field(metadata, table, _COMPRESSION) is not None


def _field(buffer: bytes, table: int, number: int) -> int | None:
    """Where a field of a FlatBuffers table stands, None when it is absent."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    size = struct.unpack_from("<H", buffer, vtable)[0]
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", buffer, vtable + slot)[0] if slot < size else 0
    return table + offset if offset else None


def write_csv(batch: pa.RecordBatch) -> bytes:
    """CSV with a header; columns must be plain."""
    sink = io.BytesIO()
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    pyarrow.csv.write_csv(pa.Table.from_batches([batch]), sink, options)
    return sink.getvalue()


def write_arrow(batch: pa.RecordBatch) -> bytes:
    """An Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())
