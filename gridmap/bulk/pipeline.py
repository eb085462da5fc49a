"""From files of points to files of placed points: one thread reads, some place, one writes, all at the same time.

Imports its neighbours. Batches stay in order, and only a few are in memory at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from gridmap.bulk import formats, sinks
from gridmap.bulk.columns import Added
from gridmap.bulk.points import Layout, layout_of, points_of
from gridmap.bulk.sinks import Shape, point_column
from gridmap.bulk.sources import Misshapen, Source, open_source
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import EDGE_CODE, INSIDE_CODE, OUTSIDE_CODE
from gridmap.coverage.placing import BAD_ACCURACY, NOWHERE_CODE, Placements, place
from gridmap.crs import Floats
from gridmap.errors import InvalidInput
from gridmap.model import City

Item = TypeVar("Item")
Done = TypeVar("Done")

_AS_GDAL_READS = {"wgs84": "EPSG:4326", "cgcs2000": "EPSG:4490"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are to be read and their rows named; ``threads`` place at the same time."""

    crs: str | None = None
    x: str | None = None
    y: str | None = None
    accuracy: str | None = None
    encoding: str | None = None
    layer: str | None = None
    prefix: str = ""
    threads: int = 1


@dataclass
class Tally:
    """What became of the rows, law 4: placed, outside, without a place and misshapen add up to rows.

    ``seconds`` is processor time: of reading, of placing itself, of making points and columns, of writing.
    """

    rows: int = 0
    inside: int = 0
    edge: int = 0
    outside: int = 0
    rejected: int = 0
    misshapen: int = 0
    ambiguous: int = 0
    without_candidates: int = 0
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("reading", "placing", "columns", "writing"), 0.0)
    )

    def add(self, placed: Placements) -> None:
        """Count a batch."""
        counts = np.bincount(placed.how, minlength=NOWHERE_CODE + 1).tolist()
        self.rows += len(placed)
        self.inside += counts[INSIDE_CODE]
        self.edge += counts[EDGE_CODE]
        self.outside += counts[OUTSIDE_CODE]
        self.rejected += counts[NOWHERE_CODE]
        others = np.diff(placed.offsets) - (placed.positions >= 0)
        self.ambiguous += int(np.count_nonzero(others > 0))
        self.without_candidates += int(np.count_nonzero(placed.reasons == BAD_ACCURACY))

    def merge(self, other: Tally) -> None:
        """Add another's rows and seconds."""
        for name in (
            "rows",
            "inside",
            "edge",
            "outside",
            "rejected",
            "misshapen",
            "ambiguous",
            "without_candidates",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for stage, seconds in other.seconds.items():
            self.seconds[stage] += seconds


@dataclass(frozen=True, slots=True)
class Piece:
    """A placed batch: where it begins in its file (rows counted from 1), its points and what is written of it."""

    file: str
    first_row: int
    lon: Floats
    lat: Floats
    placed: Placements
    rows: pa.RecordBatch


Watch = Callable[[Piece], None]


def place_into(
    grid: Grid,
    city: City,
    inputs: Sequence[Source],
    output: Path,
    reading: Reading,
    watch: Sequence[Watch] = (),
) -> Tally:
    """Place all rows of files of the same columns and write them to one file; each ``watch`` sees every piece.

    InvalidInput when columns differ or clash with ours; LoadRefused when a file cannot be read.
    """
    layouts = [layout_of(one, reading.crs, reading.x, reading.y, reading.accuracy) for one in inputs]
    first = inputs[0]
    for one in inputs[1:]:
        if not one.schema.equals(first.schema):
            rule = f"must have the columns and types of {first.path.name}, or go to a folder"
            raise InvalidInput("file", one.path.name, rule)
    kind = formats.format_of(output)
    added = Added(grid, city, reading.prefix, plain=kind is not formats.PARQUET)
    added.check_names(first.schema.names, first.path.name)
    form = _Form.of(first, layouts[0], kind, added)
    tally = Tally()

    def batches() -> Generator[pa.RecordBatch, None, None]:
        for source, layout in zip(inputs, layouts, strict=True):
            for piece in _pieces(grid, source, layout, added, form, reading.threads, tally):
                tally.add(piece.placed)
                for see in watch:
                    see(piece)
                began = time.thread_time()
                yield piece.rows
                tally.seconds["writing"] += time.thread_time() - began

    sinks.write(output, form.schema, form.shape, batches())
    misshapen = [row for source in inputs for row in source.misshapen]
    _write_misshapen(output, misshapen)
    tally.misshapen = len(misshapen)
    tally.rows += tally.misshapen
    return tally


@dataclass(frozen=True, slots=True)
class _Form:
    """What is written: the input's columns but for ``dropped``, ours, and our own points if ``own_points``."""

    schema: pa.Schema
    shape: Shape | None
    dropped: str | None
    own_points: bool

    @classmethod
    def of(cls, source: Source, layout: Layout, kind: formats.Format, added: Added) -> _Form:
        """The input's own geometry stays as it is, where the format can hold it."""
        crs = _AS_GDAL_READS.get(layout.crs, layout.crs if layout.crs.startswith("EPSG:") else None)
        if source.crs is not None:
            crs = _AS_GDAL_READS.get(source.crs, source.crs)
        held = source.geometry is not None and _is_wkb(source.schema.field(source.geometry).type)
        fits = kind is not formats.GEOJSON or crs in (None, "EPSG:4326", "EPSG:4490")
        dropped = source.geometry if kind.has_geometry and not (held and fits) else None
        fields = [*(one for one in source.schema if one.name != dropped), *added.fields]
        if held and dropped is None:
            assert source.geometry is not None
            return cls(pa.schema(fields, source.schema.metadata), Shape(source.geometry, crs), None, False)
        if not kind.has_geometry:
            return cls(pa.schema(fields, source.schema.metadata), None, dropped, False)
        taken = [one.name for one in fields]
        name = next(name for name in ("geometry", "geom", "placed_geometry") if name not in taken)
        fields.append(pa.field(name, pa.binary()))
        return cls(pa.schema(fields), Shape(name, "EPSG:4326"), dropped, True)


def _is_wkb(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _pieces(
    grid: Grid, source: Source, layout: Layout, added: Added, form: _Form, threads: int, tally: Tally
) -> Iterator[Piece]:
    """The placed batches of a file, in its order."""

    def numbered() -> Iterator[tuple[int, pa.RecordBatch]]:
        row, batches = 1, source.batches()
        while True:
            began = time.thread_time()
            batch = next(batches, None)
            tally.seconds["reading"] += time.thread_time() - began
            if batch is None:
                return
            if batch.num_rows:
                yield row, batch
                row += batch.num_rows

    def work(item: tuple[int, pa.RecordBatch]) -> tuple[Piece, float, float]:
        row, batch = item
        began = time.thread_time()
        lon, lat, accuracy, reasons = points_of(batch, layout)
        ready = time.thread_time()
        placed = place(grid, lon, lat, accuracy, reasons)
        done = time.thread_time()
        kept = [
            column for column, name in zip(batch.columns, batch.schema.names, strict=True) if name != form.dropped
        ]
        columns = [*kept, *added.arrays(placed)]
        if form.own_points:
            columns.append(point_column(lon, lat, placed.how == NOWHERE_CODE))
        rows = pa.RecordBatch.from_arrays(columns, schema=form.schema)
        piece = Piece(source.path.name, row, lon, lat, placed, rows)
        return piece, done - ready, ready - began + time.thread_time() - done

    for piece, placing, shaping in in_order(ahead(numbered(), 2), work, threads):
        tally.seconds["placing"] += placing
        tally.seconds["columns"] += shaping
        yield piece


_END = object()


def ahead(items: Iterable[Item], depth: int) -> Iterator[Item]:
    """The same items, taken by a thread of its own that is at most ``depth`` items ahead."""
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="gridmap-read") as pool:
        waiting = deque(pool.submit(next, source, _END) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(pool.submit(next, source, _END))
                yield item  # type: ignore[misc]
        finally:
            pool.shutdown(cancel_futures=True)


def in_order(items: Iterable[Item], work: Callable[[Item], Done], threads: int) -> Iterator[Done]:
    """``work`` done on each item by some threads, in the order of the items; few are under way."""
    with ThreadPoolExecutor(threads, thread_name_prefix="gridmap-place") as pool:
        waiting: deque[object] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()  # type: ignore[attr-defined]
            while waiting:
                yield waiting.popleft().result()  # type: ignore[attr-defined]
        finally:
            pool.shutdown(cancel_futures=True)


def rejected_file(output: Path) -> Path:
    """Where the misshapen rows of a run go."""
    return output.with_name(f"{output.stem}.rejected.csv")


def _write_misshapen(output: Path, rows: Sequence[Misshapen]) -> None:
    """Rows that could not become rows of the output, with their line and reason; none, no file."""
    path = rejected_file(output)
    if not rows:
        path.unlink(missing_ok=True)
        return
    names = ("file", "line", "reason", "text")
    table = pa.table({name: [getattr(row, name) for row in rows] for name in names})
    sinks.write(path, table.schema, None, (batch for batch in table.to_batches()))


def open_all(paths: Sequence[Path], reading: Reading) -> list[Source]:
    """All files, opened."""
    return [open_source(path, reading.encoding, reading.layer) for path in paths]
