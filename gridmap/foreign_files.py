"""Files come from strangers: what is looked at before a parser may open one. Imports ``errors`` only.

GDAL opens whatever a file turns out to be, and some of what it knows names other files, addresses on a network and
even commands (VRT, WFS, GDALG); a compressed file may unpack to more than there is memory.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

import pyarrow.parquet as pq

from gridmap.errors import LoadRefused

MAX_UNPACKED_BYTES = 2**30
# What is no sheet, such as the texts that cells share, is held in memory as a whole.
MAX_PART_BYTES = 256 * 2**20
# Sheets of real rows pack twenty to one, those of a single repeated value sixty; a bomb a thousand.
MAX_RATIO = 250
_SMALL_BYTES = 16 * 2**20
_MAX_PARTS = 10_000
_SHEETS = "xl/worksheets/"

MAX_PARQUET_BYTES = 64 * 2**30

# How each begins. A C string that begins like the binary ones ends there, so that no other driver finds a word.
_BEGINNINGS = {
    ".gpkg": (b"SQLite format 3\0",),
    ".shp": (b"\x00\x00\x27\x0a",),
    ".fgb": (b"fgb\x03fgb",),
}
_JSON = (".geojson", ".json")
_LOOKED_AT = 4096


def vector_source(path: Path) -> str:
    """How GDAL is to be asked for a file, so that it is read as what its suffix says and as nothing else.

    A .zip is read for the one shapefile in it. LoadRefused when the file does not begin as such a file does, or
    when an archive has another number of shapefiles than one or unpacks to too much.
    """
    suffix = path.suffix.lower()
    whole = str(path.resolve())  # a relative name may look like a driver's prefix or an address
    if suffix in _JSON:
        return f"GeoJSON:{whole}"
    if suffix == ".zip":
        return f"/vsizip/{{{whole}}}/{_shapefile_in(path)}"
    beginnings = _BEGINNINGS.get(suffix)
    if beginnings is None:
        raise LoadRefused(f"{path.name}: must be one of {', '.join((*_BEGINNINGS, '.zip', *_JSON))}")
    try:
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except OSError as error:
        raise LoadRefused(f"{path.name}: cannot be read: {error.strerror}") from error
    if not head.startswith(beginnings):
        raise LoadRefused(f"{path.name}: is no {suffix} file: it does not begin like one")
    return whole


def _shapefile_in(path: Path) -> str:
    """The name of the one shapefile in an archive."""
    parts = _parts(path.name, path, MAX_UNPACKED_BYTES)
    shapefiles = [part.filename for part in parts if part.filename.lower().endswith(".shp")]
    if len(shapefiles) != 1:
        raise LoadRefused(f"{path.name}: has {len(shapefiles)} shapefiles, one is read")
    [shapefile] = shapefiles
    if shapefile.startswith("/") or {"..", ""} & set(shapefile.split("/")):
        raise LoadRefused(f"{path.name}: {shapefile[:80]!r} would lie outside the archive")
    try:
        with ZipFile(path) as archive, archive.open(shapefile) as file:
            head = file.read(_LOOKED_AT)
    except (
        BadZipFile,
        RuntimeError,
        OSError,
        EOFError,
        zlib.error,
    ) as error:  # damaged, encrypted, or packed oddly
        raise LoadRefused(f"{path.name}: {shapefile[:80]!r} cannot be read: {error}") from error
    if not head.startswith(_BEGINNINGS[".shp"]):
        raise LoadRefused(f"{path.name}: {shapefile[:80]!r} is no shapefile: it does not begin like one")
    return shapefile


def check_workbook(name: str, file: Path | IO[bytes], most_bytes: int = MAX_UNPACKED_BYTES) -> None:
    """LoadRefused for what is no .xlsx, or unpacks to too much, or packs as only a bomb does.

    No part can be longer than it says: reading one stops there. An archive within it is never opened.
    """
    for part in _parts(name, file, most_bytes):
        if part.file_size > MAX_PART_BYTES and not part.filename.startswith(_SHEETS):
            shown = part.filename[:80]
            raise LoadRefused(f"{name}: {shown!r} unpacks to more than {MAX_PART_BYTES} bytes")


def _parts(name: str, file: Path | IO[bytes], most_bytes: int) -> list[ZipInfo]:
    """What is in an archive. LoadRefused for what is none, unpacks to too much, or packs as only a bomb does."""
    try:
        with ZipFile(file) as archive:
            parts = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:  # the last: of a made-up version
        raise LoadRefused(f"{name}: is no whole {Path(name).suffix or 'archive'} file") from error
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if unpacked > most_bytes:
        raise LoadRefused(f"{name}: unpacks to {unpacked} bytes, at most {most_bytes} are read")
    if len(parts) > _MAX_PARTS:
        raise LoadRefused(f"{name}: has {len(parts)} parts, at most {_MAX_PARTS} are read")
    if unpacked > _SMALL_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        raise LoadRefused(f"{name}: unpacks to more than {MAX_RATIO} times its size")
    return parts


def check_parquet(path: Path, most_rows: int) -> None:
    """LoadRefused for a Parquet file that says it has too many rows or bytes; for what is read as a whole."""
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        rows = metadata.num_rows
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if rows > most_rows:
        raise LoadRefused(f"{path.name}: has {rows} rows, at most {most_rows} are read")
    if size > MAX_PARQUET_BYTES:
        raise LoadRefused(f"{path.name}: unpacks to {size} bytes, at most {MAX_PARQUET_BYTES} are read")
