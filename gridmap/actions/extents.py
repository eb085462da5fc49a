"""Elements that are lines or polygons: a point in the home cell stands for each; shares say where it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.actions.placing import Placing
from gridmap.coverage.index import OUTSIDE
from gridmap.coverage.shares import Shares, homes, shares_of
from gridmap.crs import from_wgs84
from gridmap.shapes import Geometries
from gridmap.store.database import Connection
from gridmap.store.shares import elements_shared_by, newest_shares, read_shapes, replace_shapes, replace_shares
from gridmap.store.subjects import element_ids

# Shares that differ by less are the same.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Extents:
    """The shares of those rows of a batch that are lines or polygons; ``rows`` are their numbers in the batch."""

    rows: NDArray[np.intp]
    shares: Shares

    def of(self, number: int, placing: Placing) -> dict[int, float]:
        """Cell id (0: no cell) to share of the ``number``-th of these rows."""
        part = slice(*np.searchsorted(self.shares.geometries, (number, number + 1)))
        ids = placing.cell_ids_of(self.shares.positions[part])
        return dict(zip(ids.tolist(), self.shares.shares[part].tolist(), strict=True))


def settle(rows: pd.DataFrame, placing: Placing, crs: str) -> tuple[pd.DataFrame, Extents | None]:
    """The rows with the points of lines and polygons in their home cells, and the shares; None without any."""
    if "shape" not in rows or rows["shape"].isna().all():
        return rows, None
    which = np.flatnonzero(rows["shape"].notna())
    geometries: Geometries = rows["shape"].to_numpy(dtype=object)[which]
    index = placing.grid.index
    shares = shares_of(index, geometries)
    home = homes(shares, len(which))
    lon, lat = rows["lon"].to_numpy(np.float64).copy(), rows["lat"].to_numpy(np.float64).copy()
    located, _ = index.locate_many(lon[which], lat[which])
    astray = np.flatnonzero((home != OUTSIDE) & (located != home))
    parts = shapely.intersection(geometries[astray], index.degrees[home[astray]])
    points = shapely.get_coordinates(shapely.point_on_surface(parts))
    lon[which[astray]], lat[which[astray]] = points[:, 0], points[:, 1]
    x, y = rows["given_x"].to_numpy(np.float64).copy(), rows["given_y"].to_numpy(np.float64).copy()
    x[which[astray]], y[which[astray]] = from_wgs84(crs, points[:, 0], points[:, 1])
    return rows.assign(lon=lon, lat=lat, given_x=x, given_y=y), Extents(which, shares)


def write_shares(
    connection: Connection,
    source: str,
    rows: pd.DataFrame,
    allowed: NDArray[np.bool_],
    extents: Extents,
    placing: Placing,
) -> NDArray[np.intp]:
    """Store shapes and shares of the allowed rows where they differ from what is stored; the rows that changed."""
    chosen = [number for number, row in enumerate(extents.rows) if allowed[row]]
    external = rows["id"].iloc[extents.rows[chosen]].tolist()
    ids = element_ids(connection, source, external)
    stored, drawn = newest_shares(connection, list(ids.values())), read_shapes(connection, list(ids.values()))
    shapes = {
        ids[name]: rows["shape"].iloc[extents.rows[number]] for number, name in zip(chosen, external, strict=True)
    }
    shares = {ids[name]: extents.of(number, placing) for number, name in zip(chosen, external, strict=True)}
    shared = {each: share for each, share in shares.items() if not _are_same(share, stored.get(each, {}))}
    redrawn = {each: shape for each, shape in shapes.items() if shape != drawn.get(each)}
    replace_shares(connection, shared, placing.grid.revision.number)
    replace_shapes(connection, redrawn)
    changed = shared.keys() | redrawn.keys()
    return extents.rows[[number for number, name in zip(chosen, external, strict=True) if ids[name] in changed]]


def share_again(connection: Connection, cell_ids: Sequence[int], placing: Placing) -> int:
    """After a redraw, share out anew the lines and polygons that have a share in some cells; how many differ."""
    drawn = read_shapes(connection, elements_shared_by(connection, cell_ids))
    if not drawn:
        return 0
    geometries = np.array(list(drawn.values()), dtype=object)
    extents = Extents(np.arange(len(drawn)), shares_of(placing.grid.index, geometries))
    stored = newest_shares(connection, list(drawn))
    shares = {each: extents.of(number, placing) for number, each in enumerate(drawn)}
    differing = {each: share for each, share in shares.items() if not _are_same(share, stored[each])}
    replace_shares(connection, differing, placing.grid.revision.number)
    return len(differing)


def _are_same(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    return one.keys() == other.keys() and all(abs(other[cell] - share) <= _ROUNDING for cell, share in one.items())
