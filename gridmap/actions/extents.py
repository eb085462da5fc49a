"""Elements that are lines or polygons: a point in the home cell stands for each; shares say where it lies."""

from __future__ import annotations

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
from gridmap.store.shares import newest_shares, replace_shares
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
    """Store the shares of the allowed rows where they differ from what is stored; the rows that this changed."""
    chosen = [number for number, row in enumerate(extents.rows) if allowed[row]]
    external = rows["id"].iloc[extents.rows[chosen]].tolist()
    ids = element_ids(connection, source, external)
    stored = newest_shares(connection, list(ids.values()))
    changed: dict[int, dict[int, float]] = {}
    numbers = []
    for number, name in zip(chosen, external, strict=True):
        shares = extents.of(number, placing)
        before = stored.get(ids[name], {})
        if before.keys() != shares.keys() or any(
            abs(before[cell] - share) > _ROUNDING for cell, share in shares.items()
        ):
            changed[ids[name]] = shares
            numbers.append(number)
    replace_shares(connection, changed, placing.grid.revision.number)
    return extents.rows[numbers]
