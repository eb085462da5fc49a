"""Counts of elements and incidents by place, for the staff of the territory."""

from __future__ import annotations

from collections.abc import Sequence

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

# The leading code narrows the index before the cells do. The cells come as an array that the planner has not seen:
# of one that it has it would read all subjects rather than look up a street's. What no index looks up is compared
# with all of such an array, so that the city, which has every cell, is asked for without one.
_VALID = (
    "first_revision <= :revision AND (last_revision IS NULL OR last_revision >= :revision) "
    "AND (CAST(:top AS text) IS NULL OR placement.top = :top) AND placement.cell_id IS NOT NULL "
    "AND (:whole OR placement.cell_id = ANY (ARRAY(SELECT unnest(CAST(:cells AS integer[])))))"
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


def cells_of(connection: Connection, revision: int, level: str, code: str) -> list[int]:
    """The ids of the cells of an area at a revision, or of a cell itself."""
    asked = {"revision": revision, "code": code, "is_cell": level == CELL_LEVEL}
    return list(connection.execute(_CELL_IDS, asked).scalars())


def elements_by_class(
    connection: Connection, revision: int, cells: Sequence[int] | None, top: str | None
) -> dict[str, int]:
    """Elements placed in these cells at a revision, None is all of them, by class; every class is there.

    ``top`` is the leading code of all placements there, None when there is no one of all.
    """
    counted = {row[0]: row[1] for row in connection.execute(_ELEMENTS, _given(revision, cells, top))}
    return {each: counted.get(each, 0) for each in ELEMENT_CLASSES}


def open_incidents(connection: Connection, revision: int, cells: Sequence[int] | None, top: str | None) -> int:
    """Incidents that are not closed, placed in these cells at a revision; ``cells`` and ``top`` as above."""
    return int(connection.execute(_OPEN_INCIDENTS, _given(revision, cells, top)).scalar_one())


def _given(revision: int, cells: Sequence[int] | None, top: str | None) -> dict[str, object]:
    return {"revision": revision, "top": top, "whole": cells is None, "cells": list(cells or ())}
