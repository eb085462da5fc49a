"""PMTiles: archives of one layer at one revision, written in one step and read by their octets.

Imports ``address``, ``layers``, ``encode``; the format is the package ``pmtiles``'s.
"""

from __future__ import annotations

import gzip
import json
import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pmtiles.tile import (
    Compression,
    Entry,
    TileType,
    deserialize_directory,
    deserialize_header,
    find_tile,
    zxy_to_tileid,
)
from pmtiles.writer import Writer

from gridmap.errors import NotFound, Unavailable
from tiles.address import Address

_HEADER_OCTETS = 127
_DEEPEST = 4
_DIRECTORIES_KEPT = 64

Bounds = tuple[float, float, float, float]


def tile_id(address: Address) -> int:
    """The place of a tile in the order of an archive: zoom by zoom, along a Hilbert curve."""
    return int(zxy_to_tileid(address.z, address.x, address.y))


@dataclass(frozen=True)
class About:
    """What an archive says of itself: bounds in degrees, zooms, and its metadata."""

    bounds: Bounds
    metadata: Mapping[str, Any]


class Archive:
    """An open archive. Its file may be replaced meanwhile: what is open stays as it was."""

    def __init__(self, path: Path) -> None:
        """Unavailable when there is no archive that can be read."""
        try:
            with path.open("rb") as file:
                self._octets = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.header = deserialize_header(self._octets[:_HEADER_OCTETS])
            self.metadata: Mapping[str, Any] = json.loads(
                gzip.decompress(self._part("metadata_offset", 0, self.header["metadata_length"]))
            )
        except FileNotFoundError as error:
            raise NotFound(f"no archive {path}") from error
        except Exception as error:  # the package raises bare Exceptions of many kinds
            raise Unavailable(f"{path} is no archive of tiles that can be read: {error}") from error
        self._directory = lru_cache(_DIRECTORIES_KEPT)(self._read_directory)

    def get(self, address: Address) -> bytes | None:
        """The tile's octets as they are kept, by gzip; None for a tile that is empty."""
        wanted = tile_id(address)
        offset, length = self.header["root_offset"], self.header["root_length"]
        for _ in range(_DEEPEST):
            entry = find_tile(self._directory(offset, length), wanted)
            if entry is None:
                return None
            if entry.run_length:
                return self._part("tile_data_offset", entry.offset, entry.length)
            offset, length = self.header["leaf_directory_offset"] + entry.offset, entry.length
        return None

    def close(self) -> None:
        """Give the file back."""
        self._octets.close()

    def _read_directory(self, offset: int, length: int) -> list[Entry]:
        return list(deserialize_directory(self._octets[offset : offset + length]))

    def _part(self, begins: str, offset: int, length: int) -> bytes:
        start = self.header[begins] + offset  # type: ignore[literal-required]
        return bytes(self._octets[start : start + length])


def write_archive(
    path: Path, about: About, tiles: Iterable[tuple[int, bytes]], check: Callable[[], None] = lambda: None
) -> int:
    """Write tiles, by rising id and by gzip, as an archive that appears in one step; how many there were.

    The same tile is kept once. ``check`` may still refuse before it appears. NotFound when there is no tile:
    an archive cannot be empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    count = 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            writer = Writer(file)
            for number, content in tiles:
                writer.write_tile(number, content)
                count += 1
            if not count:
                raise NotFound(f"no tile to write to {path}: nothing is drawn at these zooms")
            check()
            writer.finalize(_header(about.bounds), dict(about.metadata))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _header(bounds: Bounds) -> dict[str, object]:
    west, south, east, north = (round(degrees * 1e7) for degrees in bounds)
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }
