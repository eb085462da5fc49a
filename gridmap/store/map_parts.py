"""Parts of a revision's map, what a revision changed, and the households that went from cell to cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, or_, select, text

from gridmap.coverage.grid import by_code
from gridmap.papers.parts import Box, MapPart
from gridmap.store.grid import read_areas, read_cells_in
from gridmap.store.registry import valid_in
from gridmap.store.tables import cell, revision

_MOVES = text(
    """
    SELECT old.cell_id AS old_id, new.cell_id AS new_id, sum(building.households) AS households,
           min(building.counted_on) AS first_day, max(building.counted_on) AS last_day
    FROM element_placement AS old
    JOIN element_placement AS new ON new.element_id = old.element_id AND new.first_revision <= :after
         AND (new.last_revision IS NULL OR new.last_revision >= :after)
    JOIN building ON building.element_id = old.element_id AND building.households IS NOT NULL
    WHERE old.top = ANY(:tops) AND old.cell_id = ANY(:cells) AND old.first_revision <= :before
      AND (old.last_revision IS NULL OR old.last_revision >= :before) AND new.cell_id IS NOT NULL
    GROUP BY old.cell_id, new.cell_id
    """
)
_EXTENT = func.ST_Extent(cell.c.geom)
_SIDES = (func.ST_XMin(_EXTENT), func.ST_YMin(_EXTENT), func.ST_XMax(_EXTENT), func.ST_YMax(_EXTENT))
_ARE_COUNTED = text("SELECT EXISTS (SELECT FROM building WHERE households IS NOT NULL)")


@dataclass(frozen=True, slots=True)
class HouseholdMoves:
    """(old cell id, new cell id) -> households, and from which day to which they were counted."""

    moves: dict[tuple[int, int], int]
    counted: tuple[date, date] | None


def read_changed_box(connection: Connection, number: int) -> Box | None:
    """The box of all cells that begin, change or end with a revision; None when it changes none."""
    changed = or_(func.lower(cell.c.revisions) == number, func.upper(cell.c.revisions) == number)
    west, south, east, north = connection.execute(select(*_SIDES).where(changed)).one()
    return None if west is None else (west, south, east, north)


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
) -> HouseholdMoves | None:
    """What went from these cells of a revision to which of a later one; None when the city counts no households.

    ``tops`` are the codes that lead the placements there.
    """
    if not connection.execute(_ARE_COUNTED).scalar_one():
        return None
    given = {"before": before, "after": after, "cells": list(cell_ids), "tops": list(tops)}
    rows = connection.execute(_MOVES, given).all()
    days = [day for row in rows for day in (row.first_day, row.last_day) if day is not None]
    return HouseholdMoves(
        {(row.old_id, row.new_id): int(row.households) for row in rows},
        (min(days), max(days)) if days else None,
    )


def read_author(connection: Connection, number: int) -> str:
    """Who published a revision."""
    return str(connection.execute(select(revision.c.actor).where(revision.c.number == number)).scalar_one())
