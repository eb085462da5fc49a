"""Archives on disk: how a bake is laid out, and which of its tiles stand for which revision.

A folder holds a folder for each revision that was baked, and that an archive for each layer. Imports ``archive``
and ``layers``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridmap.coverage.redraws import Redraws
from gridmap.errors import GridMapError, Unavailable
from tiles.address import Address
from tiles.archive import Archive
from tiles.layers import Layer
from tiles.render import drawn_from

logger = logging.getLogger(__name__)

# Raised when the same grid would be drawn as other tiles: older tiles are then neither served nor taken over.
FORMAT = 2
SUFFIX = ".pmtiles"
_LOOK_EVERY_S = 5.0


def path_of(folder: Path, revision: int, layer: Layer, crs: str = "wgs84") -> Path:
    """Where the archive of a layer at a revision is; other systems than WGS 84 stand in its name."""
    return folder / str(revision) / f"{layer.name}{'' if crs == 'wgs84' else f'.{crs}'}{SUFFIX}"


def baked_revisions(folder: Path) -> list[int]:
    """The revisions that have a folder, newest first."""
    if not folder.is_dir():
        return []
    found = [int(each.name) for each in folder.iterdir() if each.name.isascii() and each.name.isdigit()]
    return sorted(found, reverse=True)


def mark_of(layer: Layer, drawn_at: int, redraws: Redraws, versions: Mapping[str, int]) -> str:
    """What a tile is a function of, besides layer and address, when ``drawn_at`` is the revision that drew it."""
    if layer.part is not None:
        return f"{layer.part}-{versions.get(layer.part, 0)}"
    return redraws.mark_of(drawn_at)


@dataclass(frozen=True)
class Baked:
    """An open archive and the state that it was made from."""

    archive: Archive
    revision: int
    mark: str
    versions: Mapping[str, int]
    zooms: tuple[int, int]
    crs: str

    @classmethod
    def open(cls, path: Path) -> Baked:
        """NotFound without an archive, Unavailable for one that cannot be read or was drawn in another way."""
        archive = Archive(path)
        made_from = archive.metadata.get("gridmap", {})
        if made_from.get("format") != FORMAT:
            raise Unavailable(f"{path} was written by another version of GridMap")
        lowest, highest = made_from["zooms"]
        made_at, versions, crs = made_from["revision"], made_from["versions"], made_from["crs"]
        return cls(archive, made_at, made_from["mark"], versions, (lowest, highest), crs)

    def holds(self, layer: Layer, address: Address, mark: str, redraws: Redraws) -> bool:
        """Whether the tile of this mark is the one in the archive, or is empty as it is there."""
        if redraws.marks.get(self.revision) != self.mark or not self.zooms[0] <= address.z <= self.zooms[1]:
            return False
        drawn_at = redraws.drawn_at(self.revision, drawn_from(address, self.crs))
        return mark_of(layer, drawn_at, redraws, self.versions) == mark


class Bakes:
    """The newest bake in a folder, opened when it is asked for; a newer one is noticed within seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: dict[Path, tuple[int, Baked | None]] = {}
        self._looked = -_LOOK_EVERY_S
        self._revisions: list[int] = []

    def get(self, layer: Layer, address: Address, mark: str, redraws: Redraws, crs: str = "wgs84") -> bytes | None:
        """The tile by gzip, b"" when it is empty; None when no bake says what it is."""
        with self._lock:
            if time.monotonic() - self._looked > _LOOK_EVERY_S:
                self._revisions, self._looked = baked_revisions(self._folder), time.monotonic()
            for revision in self._revisions:
                baked = self._opened(path_of(self._folder, revision, layer, crs))
                if baked is not None and baked.holds(layer, address, mark, redraws):
                    return baked.archive.get(address) or b""
        return None

    def _opened(self, path: Path) -> Baked | None:
        try:
            made = path.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        known = self._open.get(path)
        if known is None or known[0] != made:
            self._open[path] = (made, _open(path))
        return self._open[path][1]


def _open(path: Path) -> Baked | None:
    try:
        return Baked.open(path)
    except GridMapError as error:
        logger.warning("not served from: %s", error)
        return None
