"""Which cells lie below each code, for the policies: written when a redraw touches them, and compared."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

# Each cell as it last was, with the areas above it at that time.
_EXPECTED = """
    WITH RECURSIVE last AS (
        SELECT DISTINCT ON (id) id, code, community,
               coalesce(upper(revisions) - 1, (SELECT max(number) FROM revision)) AS revision
        FROM cell WHERE {chosen} ORDER BY id, lower(revisions) DESC
    ), above AS (
        SELECT DISTINCT community, revision, community AS code FROM last
        UNION
        SELECT above.community, above.revision, area.parent FROM above
        JOIN area ON area.code || '' = above.code AND area.revisions @> above.revision
        WHERE area.parent IS NOT NULL
    ), expected AS (
        SELECT code, id AS cell_id FROM last
        UNION
        SELECT above.code, last.id FROM last JOIN above USING (community, revision)
    )
"""
_SOME = "id + 0 = ANY(CAST(:cells AS int[]))"

# The parts of these texts are constants of this module.
_DROP = text(
    _EXPECTED.format(chosen=_SOME)  # noqa: S608
    + """
    DELETE FROM territory_cell AS known WHERE known.cell_id = ANY(CAST(:cells AS int[]))
      AND NOT EXISTS (SELECT FROM expected WHERE expected.code = known.code AND expected.cell_id = known.cell_id)
    """
)
_ADD = text(
    _EXPECTED.format(chosen=_SOME)  # noqa: S608
    + "INSERT INTO territory_cell (code, cell_id) SELECT code, cell_id FROM expected ON CONFLICT DO NOTHING"
)
_COMPARE = text(
    _EXPECTED.format(chosen="true")  # noqa: S608
    + """
    SELECT coalesce(expected.code, known.code) FROM expected
    FULL JOIN territory_cell AS known ON known.code = expected.code AND known.cell_id = expected.cell_id
    WHERE expected.code IS NULL OR known.code IS NULL ORDER BY 1
    """
)

_ASTRAY = {
    subject: text(
        f"SELECT count(*) FROM {subject} JOIN {subject}_placement AS placement "  # noqa: S608 - constants
        f"ON placement.{subject}_id = {subject}.id AND placement.last_revision IS NULL "
        f"WHERE {subject}.cell_now IS DISTINCT FROM placement.cell_id"
    )
    for subject in ("element", "incident")
}


def write_territories(connection: Connection, cell_ids: Collection[int]) -> None:
    """Say anew below which codes some cells lie, by their newest rows."""
    if cell_ids:
        given = {"cells": sorted(cell_ids)}
        connection.execute(_DROP, given)
        connection.execute(_ADD, given)


def compare_territories(connection: Connection) -> list[str]:
    """The codes, once for each cell, that lack a cell or have one too many."""
    return list(connection.execute(_COMPARE).scalars())


def count_astray(connection: Connection, subject: str) -> int:
    """How many elements or incidents name another cell than their newest placement."""
    return int(connection.execute(_ASTRAY[subject]).scalar_one())
