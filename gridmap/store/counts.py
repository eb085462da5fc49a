"""Counts of elements and incidents by place, for the staff of the territory."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gridmap.model import CELL_LEVEL, ELEMENT_CLASSES

# The cells at one revision of a cell's code, or of an area at any level.
_CELL_IDS = text(
    """
    WITH RECURSIVE below AS (
        SELECT code FROM area WHERE code = :code AND revisions @> CAST(:revision AS integer)
        UNION ALL
        SELECT area.code FROM area JOIN below ON area.parent = below.code
        WHERE area.revisions @> CAST(:revision AS integer)
    )
    SELECT id FROM cell WHERE revisions @> CAST(:revision AS integer)
      AND CASE WHEN :is_cell THEN code = :code ELSE community IN (SELECT code FROM below) END
    """
)

# The leading code narrows the index before the cells do; the city has none, and all that lies in a cell. The cells
# come as a list of numbers: of a query the planner does not know whether it gives few of them or all, and a list
# that it knows is looked up by hash when it is long.
_VALID = (
    "first_revision <= :revision AND (last_revision IS NULL OR last_revision >= :revision) "
    "AND (:whole OR placement.top = :top) AND placement.cell_id IS NOT NULL "
    "AND (:whole OR placement.cell_id = ANY (CAST(:cells AS integer[])))"
)

_ELEMENTS = text(
    f"""
    SELECT element.class, count(*) FROM element
    JOIN element_placement AS placement ON placement.element_id = element.id
    WHERE {_VALID} GROUP BY element.class
    """  # noqa: S608 - the parts are constants of this module
)

_OPEN_INCIDENTS = text(
    f"""
    SELECT count(*) FROM incident
    JOIN incident_placement AS placement ON placement.incident_id = incident.id
    WHERE {_VALID} AND incident.closed_at IS NULL
    """  # noqa: S608 - the parts are constants of this module
)


def _given(connection: Connection, revision: int, level: str, code: str, top: str | None) -> dict[str, object]:
    """What both statements ask by."""
    asked = {"revision": revision, "code": code, "is_cell": level == CELL_LEVEL}
    cells = [] if top is None else connection.execute(_CELL_IDS, asked).scalars().all()
    return {"revision": revision, "top": top, "whole": top is None, "cells": list(cells)}


def elements_by_class(
    connection: Connection, revision: int, level: str, code: str, top: str | None
) -> dict[str, int]:
    """Elements placed in a cell or an area at a revision, by class; every class is there.

    ``top`` is the leading code of the placements there, None for the city itself.
    """
    given = _given(connection, revision, level, code, top)
    counted = {row[0]: row[1] for row in connection.execute(_ELEMENTS, given)}
    return {each: counted.get(each, 0) for each in ELEMENT_CLASSES}


def open_incidents(connection: Connection, revision: int, level: str, code: str, top: str | None) -> int:
    """Incidents that are not closed, placed in a cell or an area at a revision; ``top`` as above."""
    given = _given(connection, revision, level, code, top)
    return int(connection.execute(_OPEN_INCIDENTS, given).scalar_one())
