"""Counts of elements and incidents by place, for the staff of the territory."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gridmap.model import CELL_LEVEL, ELEMENT_CLASSES

# The cells at one revision of a cell's code, or of an area at any level.
_CELL_IDS = """
    WITH RECURSIVE below AS (
        SELECT code FROM area WHERE code = :code AND revisions @> CAST(:revision AS integer)
        UNION ALL
        SELECT area.code FROM area JOIN below ON area.parent = below.code
        WHERE area.revisions @> CAST(:revision AS integer)
    ), cells AS (
        SELECT id FROM cell WHERE revisions @> CAST(:revision AS integer)
          AND CASE WHEN :is_cell THEN code = :code ELSE community IN (SELECT code FROM below) END
    )
"""

# The leading code narrows the index before the cells do; the city has none. The cells come as an array: of a query
# the planner does not know that it gives few of the city's cells, and would read all subjects.
_VALID = (
    "first_revision <= :revision AND (last_revision IS NULL OR last_revision >= :revision) "
    "AND (CAST(:top AS text) IS NULL OR placement.top = :top)"
)

_ELEMENTS = text(
    f"""
    {_CELL_IDS}
    SELECT element.class, count(*) FROM element
    JOIN element_placement AS placement ON placement.element_id = element.id
    WHERE {_VALID} AND placement.cell_id = ANY (ARRAY(SELECT id FROM cells)) GROUP BY element.class
    """  # noqa: S608 - the parts are constants of this module
)

_OPEN_INCIDENTS = text(
    f"""
    {_CELL_IDS}
    SELECT count(*) FROM incident
    JOIN incident_placement AS placement ON placement.incident_id = incident.id
    WHERE {_VALID} AND placement.cell_id = ANY (ARRAY(SELECT id FROM cells)) AND incident.closed_at IS NULL
    """  # noqa: S608 - the parts are constants of this module
)


def elements_by_class(
    connection: Connection, revision: int, level: str, code: str, top: str | None
) -> dict[str, int]:
    """Elements placed in a cell or an area at a revision, by class; every class is there.

    ``top`` is the leading code of the placements there, None for the city itself.
    """
    given = {"revision": revision, "code": code, "is_cell": level == CELL_LEVEL, "top": top}
    counted = {row[0]: row[1] for row in connection.execute(_ELEMENTS, given)}
    return {each: counted.get(each, 0) for each in ELEMENT_CLASSES}


def open_incidents(connection: Connection, revision: int, level: str, code: str, top: str | None) -> int:
    """Incidents that are not closed, placed in a cell or an area at a revision; ``top`` as above."""
    given = {"revision": revision, "code": code, "is_cell": level == CELL_LEVEL, "top": top}
    return int(connection.execute(_OPEN_INCIDENTS, given).scalar_one())
