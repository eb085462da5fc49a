"""What a draft's certificate looks at besides the grid: what stands in the cells that change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, text

from gridmap.crs import Floats
from gridmap.store.packed import read_packed
from gridmap.store.replacing import SUBJECTS, read_standing

# Rows of persons by what they say; placements are not among them, for those may change.
_PERSONS = text(
    """
    SELECT count(*) || ':' || coalesce(sum(hashtextextended((to_jsonb(element) - 'cell_now')::text, 0)), 0)
    FROM element
    JOIN element_placement AS placement ON placement.element_id = element.id
    WHERE element.class = 'person' AND placement.cell_id = ANY(:cells)
        AND placement.first_revision <= :revision
        AND coalesce(placement.last_revision, :revision) >= :revision
    """
)


def read_points(
    connection: Connection, tops: Sequence[str], cell_ids: Sequence[int], box: Sequence[float]
) -> tuple[Floats, Floats]:
    """lon and lat of the elements and incidents in some cells, and of the addresses in a box around them.

    ``tops``: the codes that lead the placements in these cells.
    """
    lon, lat = [np.empty(0)], [np.empty(0)]
    if cell_ids:
        for subject in SUBJECTS:
            standing = read_standing(connection, subject, tops, cell_ids)
            lon.append(standing.lon)
            lat.append(standing.lat)
        west, south, east, north = (float(each) for each in box)
        found = read_packed(
            connection,
            "SELECT ST_X(geom), ST_Y(geom) FROM address WHERE kind <> 'street' "  # noqa: S608 - numbers only
            f"AND geom && ST_MakeEnvelope({west!r}, {south!r}, {east!r}, {north!r}, 4326)",
            {"lon": ">f8", "lat": ">f8"},
        )
        lon.append(found["lon"].astype(np.float64))
        lat.append(found["lat"].astype(np.float64))
    return np.concatenate(lon), np.concatenate(lat)


def digest_persons(connection: Connection, cell_ids: Sequence[int], revision: int) -> str:
    """A digest of the rows of all persons that stood in some cells at a revision; it tells nothing about them."""
    found = connection.execute(_PERSONS, {"cells": list(cell_ids), "revision": revision})
    digest: str = found.scalar_one()
    return digest
