"""Reading placements back, to check them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, distinct, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from gridmap.crs import Floats
from gridmap.store import tables

_BATCH = 200_000
_TABLES = {
    "element": (tables.element, tables.element_placement, "element_id"),
    "incident": (tables.incident, tables.incident_placement, "incident_id"),
}


@dataclass(frozen=True)
class PlacedPoints:
    """n subjects with their points, their hexes and the cells that their placements name (0 outside)."""

    ids: NDArray[np.int64]
    lon: Floats
    lat: Floats
    cell_ids: NDArray[np.int64]
    hexes: NDArray[np.int64]


def read_placed_points(connection: Connection, subject: str, revision: int) -> Iterator[PlacedPoints]:
    """All elements or incidents that have a placement at ``revision``, in batches."""
    table, placement, key = _TABLES[subject]
    query = (
        select(table.c.id, func.ST_AsBinary(table.c.geom), func.coalesce(placement.c.cell_id, 0), table.c.hex)
        .join(placement, placement.c[key] == table.c.id)
        .where(_valid(placement, revision))
        .execution_options(yield_per=_BATCH)
    )
    for rows in connection.execute(query).partitions():
        points = shapely.from_wkb([bytes(row[1]) for row in rows])
        coordinates = shapely.get_coordinates(points)
        ids = np.array([row[0] for row in rows], np.int64)
        cell_ids = np.array([row[2] for row in rows], np.int64)
        hexes = np.array([row[3] for row in rows], np.int64)
        yield PlacedPoints(ids, coordinates[:, 0], coordinates[:, 1], cell_ids, hexes)


@dataclass(frozen=True, slots=True)
class PlacementCounts:
    """How many subjects there are, how many placements at a revision, and how many subjects those name."""

    subjects: int
    placements: int
    placed: int


def count_placements(connection: Connection, subject: str, revision: int) -> PlacementCounts:
    """Count elements or incidents and their placements at ``revision``; all three are equal when all is well."""
    table, placement, key = _TABLES[subject]
    subjects = connection.execute(select(func.count()).select_from(table)).scalar_one()
    counted = select(func.count(), func.count(distinct(placement.c[key]))).where(_valid(placement, revision))
    placements, placed = connection.execute(counted).one()
    return PlacementCounts(int(subjects), int(placements), int(placed))


def count_tops(connection: Connection, subject: str, revision: int) -> dict[tuple[int, str], int]:
    """(cell id, leading code) -> how many placements at ``revision`` have both; what is outside is left out."""
    placement = _TABLES[subject][1]
    query = (
        select(placement.c.cell_id, placement.c.top, func.count())
        .where(_valid(placement, revision), placement.c.cell_id.is_not(None))
        .group_by(placement.c.cell_id, placement.c.top)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _valid(placement: Table, revision: int) -> ColumnElement[bool]:
    until = or_(placement.c.last_revision.is_(None), placement.c.last_revision >= revision)
    return (placement.c.first_revision <= revision) & until
