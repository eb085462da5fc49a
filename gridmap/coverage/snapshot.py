"""The coverage snapshot: all that a lookup needs, in memory and on disk, so that it never waits for PostGIS.

On disk a part is a file named by the hash of its content; ``manifest.json`` names the parts that belong
together and is replaced in one step, so that a half-written snapshot is never read. The index's arrays are parts
of their own and are mapped, so that a server's workers share their memory.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import mmap
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from gridmap.coverage.grid import Grid, OverlayMap
from gridmap.coverage.index import CoverageIndex
from gridmap.coverage.redraws import Redraw, Redraws
from gridmap.coverage.upcoming import Upcoming
from gridmap.duty import DutyBook
from gridmap.errors import Unavailable
from gridmap.model import Actor, Area, Cell, City, Holder, Overlay, Post, Revision, Shift, ShiftException
from gridmap.shapes import Geometries

FORMAT = 5

# A part that no manifest names any more may still be read by another worker for this long.
_KEEP_UNUSED_S = 600.0
# An array's file begins with a head that says type and shape; it is a few dozen bytes long.
_LONGEST_ARRAY_HEAD = 4096

Content = memoryview


@dataclass(frozen=True, slots=True)
class DutyRecords:
    """Posts, holders, rules and exceptions that hold from ``begins`` to ``ends``, as known at one time."""

    posts: tuple[Post, ...]
    holders: tuple[Holder, ...]
    shifts: tuple[Shift, ...]
    exceptions: tuple[ShiftException, ...]
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as the workers know it: the hash of its text, and whom it stands for until when.

    A publishable key stands for the public on pages of its ``origins``; no other key has any.
    """

    sha256: str
    actor: Actor
    expires_at: datetime | None = None
    id: str = ""
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """One consistent state.

    ``versions`` are the data versions of its parts, ``taken_at`` is when it was read, and until ``fresh_until``
    it stays true as long as no version changes: then posts begin or end, or the days ahead run short.
    """

    city: City
    grid: Grid
    overlays: OverlayMap
    duty: DutyRecords
    keys: Mapping[str, Key]
    versions: Mapping[str, int]
    taken_at: datetime
    fresh_until: datetime
    upcoming: tuple[Upcoming, ...] = ()

    @cached_property
    def book(self) -> DutyBook:
        """The duty records, ready to be asked."""
        duty = self.duty
        return DutyBook(duty.posts, duty.holders, duty.shifts, duty.exceptions, self.city)

    def with_keys(self, keys: Iterable[Key], versions: Mapping[str, int]) -> Snapshot:
        """The same with other keys. The book, which takes seconds to make for a city, is not made again."""
        other = replace(self, keys={key.sha256: key for key in keys}, versions=versions)
        if "book" in self.__dict__:
            other.__dict__["book"] = self.book
        return other


@dataclass(frozen=True, slots=True)
class _GridPart:
    revision: Revision
    cells: tuple[Cell, ...]
    areas: tuple[Area, ...]
    redraws: tuple[Redraw, ...]


@dataclass(frozen=True, slots=True)
class _UpcomingHead:
    draft: int
    begins: datetime
    gone: frozenset[str]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Manifest:
    format: int
    parts: dict[str, str]
    city: City
    versions: dict[str, int]
    taken_at: datetime
    fresh_until: datetime


_grid_json = TypeAdapter(_GridPart)
_overlays_json = TypeAdapter(tuple[Overlay, ...])
_duty_json = TypeAdapter(DutyRecords)
_keys_json = TypeAdapter(tuple[Key, ...])
_upcoming_json = TypeAdapter(tuple[_UpcomingHead, ...])
_manifest_json = TypeAdapter(_Manifest)


def save(snapshot: Snapshot, folder: Path, unchanged: Iterable[str] = ()) -> None:
    """Write a snapshot; what is ``unchanged`` is taken over from the manifest there if it has its version.

    A manifest that cannot be read is replaced. Raises OSError when the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    parts: dict[str, str] = {}
    try:
        before = _read_manifest(folder)
    except Unavailable:
        before = None
    for name, contents in _CONTENTS.items():
        # another worker may have written this manifest, from an older or a newer state
        same = before is not None and before.versions.get(name) == snapshot.versions.get(name)
        if before is not None and same and name in unchanged:
            parts |= {part: file for part, file in before.parts.items() if part.split("-")[0] == name}
        else:
            parts |= {part: write_part(folder, part, content) for part, content in contents(snapshot)}
    manifest = _Manifest(
        FORMAT, parts, snapshot.city, dict(snapshot.versions), snapshot.taken_at, snapshot.fresh_until
    )
    replace_file(folder / "manifest.json", _manifest_json.dump_json(manifest, indent=1))
    remove_unused(folder, set(parts.values()))


def load(folder: Path) -> Snapshot | None:
    """The snapshot that stands in ``folder``; None when there is none.

    Raises Unavailable when a part is missing or is not what the manifest says.
    """
    manifest = _read_manifest(folder)
    if manifest is None:
        return None
    files = {part: read_part(folder, name) for part, name in manifest.parts.items()}
    try:
        overlays = _overlays_from(files["overlays"])
        duty = _duty_json.validate_json(bytes(files["duty"]))
        keys = {key.sha256: key for key in _keys_json.validate_json(bytes(files["keys"]))}
        grid = _grid_from(files, manifest.city.metric_crs)
        upcoming = _upcoming_from(files["upcoming"])
    except (ValidationError, ValueError, KeyError, pa.ArrowException) as error:
        raise Unavailable(f"the coverage snapshot in {folder} cannot be read: {error}") from error
    times = (manifest.taken_at, manifest.fresh_until)
    return Snapshot(manifest.city, grid, overlays, duty, keys, manifest.versions, *times, upcoming)


def _grid_contents(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    grid = snapshot.grid
    head = _GridPart(grid.revision, grid.cells, tuple(grid.areas.values()), grid.redraws.redraws)
    yield "grid", _table({"degrees": grid.index.degrees}, _grid_json.dump_json(head))
    for name, array in grid.index.to_arrays().items():
        sink = io.BytesIO()
        np.save(sink, array, allow_pickle=False)
        yield f"grid-{name}", sink.getvalue()


def _grid_from(files: Mapping[str, Content], metric_crs: str) -> Grid:
    content = files["grid"]
    part = _grid_json.validate_json((pq.read_schema(pa.BufferReader(content)).metadata or {})[b"gridmap"])
    arrays = {
        name.removeprefix("grid-"): map_array(file) for name, file in files.items() if name.startswith("grid-")
    }
    # few need the polygons, and they take longer to read than all the rest
    index = CoverageIndex.from_arrays(
        arrays, metric_crs, [cell.code for cell in part.cells], lambda: _shapes_and_head(content)[0]["degrees"]
    )
    areas = {area.code: area for area in part.areas}
    return Grid(part.revision, part.cells, areas, index, Redraws(part.redraws))


def map_array(content: Content) -> NDArray[np.generic]:
    """The array of an ``.npy`` file's content, not copied."""
    start = io.BytesIO(content[:_LONGEST_ARRAY_HEAD])
    version = np.lib.format.read_magic(start)
    if version != (1, 0):
        raise ValueError(f"arrays of the format {version} are not expected")
    shape, _, dtype = np.lib.format.read_array_header_1_0(start)
    return np.frombuffer(content, dtype, math.prod(shape), start.tell()).reshape(shape)


def _overlays_contents(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    overlays = snapshot.overlays
    yield "overlays", _table({"degrees": overlays.geometries}, _overlays_json.dump_json(overlays.overlays))


def _overlays_from(content: Content) -> OverlayMap:
    shapes, head = _shapes_and_head(content)
    return OverlayMap(_overlays_json.validate_json(head), shapes["degrees"])


def _duty_contents(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    yield "duty", _duty_json.dump_json(snapshot.duty)


def _keys_contents(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    yield "keys", _keys_json.dump_json(tuple(snapshot.keys.values()))


def _upcoming_contents(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    heads = tuple(_UpcomingHead(one.draft, one.begins, one.gone, one.codes) for one in snapshot.upcoming)
    none: Geometries = np.empty(0, object)
    shapes = np.concatenate([none, *(one.degrees for one in snapshot.upcoming)])
    yield "upcoming", _table({"degrees": shapes}, _upcoming_json.dump_json(heads))


def _upcoming_from(content: Content) -> tuple[Upcoming, ...]:
    shapes, head = _shapes_and_head(content)
    found, start = [], 0
    for one in _upcoming_json.validate_json(head):
        degrees = shapes["degrees"][start : start + len(one.codes)]
        found.append(Upcoming(one.draft, one.begins, one.gone, one.codes, degrees))
        start += len(one.codes)
    return tuple(found)


# What has a data version of its own -> its parts: one of that name, and others with a dash behind it.
_CONTENTS = {
    "grid": _grid_contents,
    "overlays": _overlays_contents,
    "duty": _duty_contents,
    "keys": _keys_contents,
    "upcoming": _upcoming_contents,
}


def _table(shapes: Mapping[str, Geometries], head: bytes) -> bytes:
    columns = {name: pa.array(shapely.to_wkb(geometries), pa.binary()) for name, geometries in shapes.items()}
    table = pa.table(columns).replace_schema_metadata({b"gridmap": head})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _shapes_and_head(content: Content) -> tuple[dict[str, Geometries], bytes]:
    table = pq.read_table(pa.BufferReader(content))
    shapes = {}
    for name in table.column_names:
        wkb = np.array(table.column(name).to_pylist(), dtype=object)
        shapes[name] = np.asarray(shapely.from_wkb(wkb), dtype=object)
    return shapes, (table.schema.metadata or {})[b"gridmap"]


def write_part(folder: Path, part: str, content: bytes) -> str:
    """Put a part on disk, unless it is there; returns its name. Raises OSError when the disk refuses."""
    name = f"{part}-{hashlib.sha256(content).hexdigest()[:32]}"
    path = folder / name
    if path.exists() and path.read_bytes() == content:  # a damaged file is written anew
        os.utime(path)
    else:
        replace_file(path, content)
    return name


def read_part(folder: Path, name: str) -> Content:
    """A part's bytes, mapped; what is written to them stays in this process."""
    try:
        with (folder / name).open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise Unavailable(f"the coverage snapshot in {folder} lacks its part {name}") from error
    if not name.endswith(hashlib.sha256(content).hexdigest()[:32]):
        raise Unavailable(f"the coverage snapshot in {folder} is damaged: {name} is not what its name says")
    return content


def _read_manifest(folder: Path) -> _Manifest | None:
    try:
        content = (folder / "manifest.json").read_bytes()
    except FileNotFoundError:
        return None
    try:
        if json.loads(content)["format"] != FORMAT:
            return None  # written by another version of GridMap: it is made anew from the database
        return _manifest_json.validate_json(content)
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"the coverage snapshot's manifest in {folder} cannot be read: {error}") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, in one step. Raises OSError when the disk refuses."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def remove_unused(folder: Path, used: set[str], *, at_once: bool = False) -> None:
    """Remove the parts that no manifest has named for a while; ``at_once``: those that others may read, too."""
    horizon = time.time() - _KEEP_UNUSED_S
    for path in folder.iterdir():
        unused = path.is_file() and path.name not in {*used, "manifest.json"}
        if unused and (at_once or path.stat().st_mtime < horizon):
            path.unlink(missing_ok=True)
