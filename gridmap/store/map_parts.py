"""Parts of a revision's map, what a revision changed, and the households that went from cell to cell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, func, select, text

from gridmap.coverage.grid import by_code
from gridmap.papers.parts import Box, MapPart
from gridmap.store.grid import read_areas, read_cells_in
from gridmap.store.registry import valid_in
from gridmap.store.tables import cell, draft, revision

_MOVES = text(
    """
    SELECT old.cell_id AS old_id, new.cell_id AS new_id, sum(building.households) AS households
    FROM element_placement AS old
    JOIN element_placement AS new ON new.element_id = old.element_id AND new.first_revision <= :after
         AND (new.last_revision IS NULL OR new.last_revision >= :after)
    JOIN building ON building.element_id = old.element_id AND building.households IS NOT NULL
    WHERE old.top = ANY(:tops) AND old.cell_id = ANY(:cells) AND old.first_revision <= :before
      AND (old.last_revision IS NULL OR old.last_revision >= :before) AND new.cell_id IS NOT NULL
    GROUP BY old.cell_id, new.cell_id
    """
)
_DAYS = text(
    """
    SELECT min(building.counted_on) AS first_day, max(building.counted_on) AS last_day
    FROM building JOIN element ON element.id = building.element_id
    WHERE building.households IS NOT NULL AND element.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
    """
)
_CHANGED = text(
    """
    WITH changed AS (
        SELECT geom FROM cell WHERE lower(revisions) = :number OR upper(revisions) = :number
        UNION ALL
        SELECT shape.geom FROM area
        JOIN area_shape AS shape
            ON shape.code = area.code AND shape.revisions && int4range(:number - 1, :number, '[]')
        WHERE lower(area.revisions) = :number OR upper(area.revisions) = :number
    )
    SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (SELECT ST_Extent(geom) AS box FROM changed) AS extent
    """
)
_EXTENT = func.ST_Extent(cell.c.geom)
_SIDES = (func.ST_XMin(_EXTENT), func.ST_YMin(_EXTENT), func.ST_XMax(_EXTENT), func.ST_YMax(_EXTENT))
_ARE_COUNTED = text("SELECT EXISTS (SELECT FROM building WHERE households IS NOT NULL)")


def read_changed_box(connection: Connection, number: int) -> Box | None:
    """The box of all cells and areas that begin, change or end with a revision; None when it changes none."""
    row = connection.execute(_CHANGED, {"number": number}).one()
    return None if row.west is None else (row.west, row.south, row.east, row.north)


def read_map_part(connection: Connection, number: int, box: Box) -> MapPart:
    """The cells of a revision that meet a box."""
    cells, shapes = by_code(*read_cells_in(connection, number, box))
    return MapPart(cells, shapes, {area.code: area for area in read_areas(connection, number)})


def read_cell_box(connection: Connection, number: int, code: str) -> Box:
    """The box of a cell of a revision."""
    query = select(*_SIDES).where(cell.c.code == code, valid_in(cell.c.revisions, number))
    west, south, east, north = connection.execute(query).one()
    return west, south, east, north


def read_household_moves(
    connection: Connection, before: int, after: int, cell_ids: Sequence[int], tops: Sequence[str]
) -> dict[tuple[int, int], int] | None:
    """(old id, new id) -> households that these cells of a revision gave to those of a later one.

    None when the city counts no households. ``tops`` are the codes that lead the placements there.
    """
    if not connection.execute(_ARE_COUNTED).scalar_one():
        return None
    given = {"before": before, "after": after, "cells": list(cell_ids), "tops": list(tops)}
    return {(row.old_id, row.new_id): int(row.households) for row in connection.execute(_MOVES, given)}


def read_counted_days(connection: Connection, box: Box) -> tuple[date, date] | None:
    """From which day to which the households in a box were counted; None when nobody says."""
    west, south, east, north = box
    row = connection.execute(_DAYS, {"west": west, "south": south, "east": east, "north": north}).one()
    return None if row.first_day is None else (row.first_day, row.last_day)


def find_published_draft(connection: Connection, number: int) -> int | None:
    """The draft that became a revision; None when it was none."""
    query = select(draft.c.id).where(draft.c.revision == number).order_by(draft.c.id).limit(1)
    return connection.execute(query).scalar_one_or_none()


def read_author(connection: Connection, number: int) -> str:
    """Who published a revision."""
    return str(connection.execute(select(revision.c.actor).where(revision.c.number == number)).scalar_one())
