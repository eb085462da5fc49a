"""Tiles for a server: which tile a request means, and where it comes from: memory, disk, a bake, PostGIS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridmap.coverage.snapshot import Snapshot
from gridmap.current import State
from gridmap.errors import DatabaseGone, InvalidInput, NotFound, Unavailable
from gridmap.model import PUBLIC
from gridmap.store.database import Database
from gridmap.store.snapshot import read_versions
from tiles.address import Address
from tiles.baked import FORMAT, Bakes, mark_of
from tiles.cache import DiskCache, Key, TileCache
from tiles.encode import Encoding, Tile, encoded, unpacked
from tiles.layers import TILE_CRS, Layer, layer_of
from tiles.render import drawn_from, render

# Tiles never take more of the pool's connections than this.
_THREADS = 4
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tile that there is: layer, address, the revision asked for and the one that drew it, its mark and crs."""

    layer: Layer
    address: Address
    revision: int
    drawn_at: int
    mark: str
    crs: str = "wgs84"

    @property
    def key(self) -> Key:
        """Tiles of one key are the same, whatever revision was asked for."""
        z, x, y = self.address.z, self.address.x, self.address.y
        folder = self.layer.name if self.crs == "wgs84" else f"{self.layer.name}-{self.crs}"
        return (folder, str(z), str(x), f"{y}-{self.mark}")


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

    def wanted(
        self, snapshot: Snapshot, name: str, revision: int | None, address: Address, crs: str = "wgs84"
    ) -> Wanted:
        """The tile meant, of the current revision for None.

        NotFound without such a layer, zoom, tile or revision; InvalidInput for a crs that no tiles come in.
        """
        if crs not in TILE_CRS:
            raise InvalidInput("crs", crs, f"tiles come in {', '.join(TILE_CRS)}")
        layer = layer_of(snapshot.city, name)
        number = snapshot.grid.revision.number if revision is None else revision
        if not layer.draws(address.z):
            raise NotFound(
                f"{name} is drawn at zooms {layer.lowest_zoom} to {layer.highest_zoom}, not {address.z}"
            )
        if not address.exists:
            raise NotFound(f"zoom {address.z} has columns and rows up to {(1 << address.z) - 1}")
        redraws = snapshot.grid.redraws
        drawn_at = redraws.drawn_at(number, drawn_from(address, crs))
        mark = mark_of(layer, drawn_at, redraws, snapshot.versions)
        return Wanted(layer, address, number, drawn_at, mark, crs)

    async def tile(self, state: State, wanted: Wanted, encoding: Encoding) -> Tile:
        """The tile, with an encoding at least. Unavailable when it is not kept and PostGIS does not answer."""
        return await self.cache.get(wanted.key, lambda: self._make(state, wanted, encoding), encoding)

    def close(self) -> None:
        """End the threads."""
        self.cache.close()

    def _make(self, state: State, wanted: Wanted, encoding: Encoding) -> Tile:
        snapshot = state.ready
        if self._bakes is not None:
            zipped = self._bakes.get(wanted.layer, wanted.address, wanted.mark, snapshot.grid.redraws, wanted.crs)
            if zipped is not None:
                return unpacked(zipped)
        if state.gone_since is not None:
            raise DatabaseGone("PostGIS does not answer, and this tile is not kept")
        return encoded(self._rendered(snapshot, wanted), encoding)

    def _rendered(self, snapshot: Snapshot, wanted: Wanted) -> bytes:
        part, layer, address = wanted.layer.part, wanted.layer, wanted.address
        if part is None:  # what is of a revision never changes: one statement, or two that need not see one state
            with self._database.glance() as connection:
                found = render(connection, snapshot.city, layer, wanted.drawn_at, [address], wanted.crs)
            return found.get(address, b"")
        with self._database.begin(PUBLIC, one_state=True) as connection:
            if read_versions(connection).get(part) != snapshot.versions.get(part):
                raise Unavailable(f"{part} have just changed; try again in a second")
            found = render(connection, snapshot.city, layer, wanted.drawn_at, [address], wanted.crs)
        return found.get(address, b"")
