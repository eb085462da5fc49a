"""Tiles for a server: which tile a request means, and where it comes from: memory, disk, a bake, PostGIS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridmap.coverage.snapshot import Snapshot
from gridmap.current import State
from gridmap.errors import DatabaseGone, NotFound, Unavailable
from gridmap.model import PUBLIC
from gridmap.store.database import Database
from gridmap.store.snapshot import read_versions
from tiles.address import BUFFER_UNITS, Address, box_of
from tiles.baked import FORMAT, Bakes, mark_of
from tiles.cache import DiskCache, Key, TileCache
from tiles.encode import Encoding, Tile, encoded, unpacked
from tiles.layers import Layer, layer_of
from tiles.render import render

# Tiles never take more of the pool's connections than this.
_THREADS = 4
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tile that there is: layer, address, the revision asked for and the one that drew it, and its mark."""

    layer: Layer
    address: Address
    revision: int
    drawn_at: int
    mark: str

    @property
    def key(self) -> Key:
        """Tiles of one key are the same, whatever revision was asked for."""
        z, x, y = self.address.z, self.address.x, self.address.y
        return (self.layer.name, str(z), str(x), f"{y}-{self.mark}")


class TileServer:
    """One worker's tiles."""

    def __init__(self, database: Database, folder: Path | None, memory_mb: int, disk_mb: int) -> None:
        """``folder`` holds the disk cache in ``tiles`` and bakes in ``bake``; None: neither."""
        self._database = database
        disk = None
        if folder is not None and disk_mb:
            disk = DiskCache(folder / "tiles" / str(FORMAT), disk_mb * _MB)
        self.cache = TileCache(memory_mb * _MB, disk, _THREADS)
        self._bakes = None if folder is None else Bakes(folder / "bake")

    def wanted(self, snapshot: Snapshot, name: str, revision: int | None, address: Address) -> Wanted:
        """The tile meant, of the current revision for None.

        NotFound without such a layer, zoom, tile or revision.
        """
        layer = layer_of(snapshot.city, name)
        number = snapshot.grid.revision.number if revision is None else revision
        if not layer.draws(address.z):
            raise NotFound(
                f"{name} is drawn at zooms {layer.lowest_zoom} to {layer.highest_zoom}, not {address.z}"
            )
        if not address.exists:
            raise NotFound(f"zoom {address.z} has columns and rows up to {(1 << address.z) - 1}")
        redraws = snapshot.grid.redraws
        drawn_at = redraws.drawn_at(number, box_of(address, BUFFER_UNITS))
        return Wanted(layer, address, number, drawn_at, mark_of(layer, drawn_at, redraws, snapshot.versions))

    async def tile(self, state: State, wanted: Wanted, encoding: Encoding) -> Tile:
        """The tile, with an encoding at least. Unavailable when it is not kept and PostGIS does not answer."""
        return await self.cache.get(wanted.key, lambda: self._make(state, wanted, encoding), encoding)

    def close(self) -> None:
        """End the threads."""
        self.cache.close()

    def _make(self, state: State, wanted: Wanted, encoding: Encoding) -> Tile:
        snapshot = state.ready
        if self._bakes is not None:
            zipped = self._bakes.get(wanted.layer, wanted.address, wanted.mark, snapshot.grid.redraws)
            if zipped is not None:
                return unpacked(zipped)
        if state.gone_since is not None:
            raise DatabaseGone("PostGIS does not answer, and this tile is not kept")
        return encoded(self._rendered(snapshot, wanted), encoding)

    def _rendered(self, snapshot: Snapshot, wanted: Wanted) -> bytes:
        part = wanted.layer.part
        with self._database.begin(PUBLIC, one_state=part is not None) as connection:
            if part is not None and read_versions(connection).get(part) != snapshot.versions.get(part):
                raise Unavailable(f"{part} have just changed; try again in a second")
            found = render(connection, snapshot.city, wanted.layer, wanted.drawn_at, [wanted.address])
        return found.get(wanted.address, b"")
