"""Lineage: which cells and areas became which at a revision, with the shares of area and of elements.

Shares of elements leave persons out: with the published numbers of other elements they would tell how many there
are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert, text

from gridmap.redraw.lineage import AreaStep, Step
from gridmap.store import tables

Pair = tuple[int, int]

_VALID = "{0}.first_revision <= :{1} AND ({0}.last_revision IS NULL OR {0}.last_revision >= :{1})"
_MOVES = {
    subject: text(
        f"""
        SELECT was.cell_id AS old, coalesce(now.cell_id, 0) AS new, {kind} AS kind, count(*) AS number
        FROM {subject}_placement AS was JOIN {subject} ON {subject}.id = was.{subject}_id
        JOIN {subject}_placement AS now ON now.{subject}_id = was.{subject}_id AND {_VALID.format("now", "after")}
        WHERE was.cell_id = ANY(:cells) AND {_VALID.format("was", "before")}
        GROUP BY 1, 2, 3
        """  # noqa: S608 - the parts are constants of this module
    )
    for subject, kind in (
        ("element", "element.class"),
        ("incident", "CASE WHEN incident.closed_at IS NULL THEN 'open' ELSE 'closed' END"),
    )
}

_STEPS = text(
    """
    WITH RECURSIVE step AS (
        SELECT revision, from_id, to_id, area_share, element_share FROM lineage
        WHERE from_id = ANY(:cells) AND revision > :after AND revision <= :until
        UNION
        SELECT next.revision, next.from_id, next.to_id, next.area_share, next.element_share
        FROM step JOIN lineage AS next ON next.from_id = step.to_id
        WHERE next.revision > step.revision AND next.revision <= :until
    )
    SELECT revision, from_id, to_id, area_share, element_share FROM step ORDER BY revision, from_id, to_id
    """
)

_AREA_STEPS = text(
    """
    WITH RECURSIVE step AS (
        SELECT revision, level, from_code, to_code, area_share, element_share FROM area_lineage
        WHERE from_code = :code AND revision > :after AND revision <= :until
        UNION
        SELECT next.revision, next.level, next.from_code, next.to_code, next.area_share, next.element_share
        FROM step JOIN area_lineage AS next ON next.from_code = step.to_code
        WHERE next.revision > step.revision AND next.revision <= :until
    )
    SELECT revision, level, from_code, to_code, area_share, element_share FROM step
    ORDER BY revision, from_code, to_code
    """
)


def insert_lineage(
    connection: Connection, revision: int, areas: Mapping[Pair, float], elements: Mapping[Pair, float | None]
) -> None:
    """(old id, new id) -> share of the old cell's area, and of the elements in it (None: it had none)."""
    rows = [
        {
            "revision": revision,
            "from_id": old,
            "to_id": new,
            "area_share": share,
            "element_share": elements[old, new],
        }
        for (old, new), share in areas.items()
    ]
    if rows:
        connection.execute(insert(tables.lineage), rows)


def insert_area_lineage(connection: Connection, revision: int, steps: Sequence[AreaStep]) -> None:
    """What areas gave to others of their level at a revision."""
    rows = [
        {
            "revision": revision,
            "level": step.level,
            "from_code": step.old,
            "to_code": step.new,
            "area_share": step.area_share,
            "element_share": step.element_share,
        }
        for step in steps
    ]
    if rows:
        connection.execute(insert(tables.area_lineage), rows)


def count_moves(
    connection: Connection, subject: str, cell_ids: Sequence[int], before: int, after: int
) -> dict[tuple[int, int, str], int]:
    """(cell id at ``before``, at ``after`` or 0, kind) -> how many elements or incidents that were there at both.

    The kind is an element's class, or whether an incident is ``open`` or ``closed`` now.
    """
    given = {"cells": list(cell_ids), "before": before, "after": after}
    return {(row.old, row.new, row.kind): row.number for row in connection.execute(_MOVES[subject], given)}


def read_steps(connection: Connection, cell_ids: Sequence[int], after: int, until: int) -> list[Step]:
    """The lineage of some cells and of what became of them, at revisions after one and up to another."""
    given = {"cells": list(cell_ids), "after": after, "until": until}
    return [Step(*row) for row in connection.execute(_STEPS, given)]


def read_area_steps(connection: Connection, code: str, after: int, until: int) -> list[tuple[int, AreaStep]]:
    """The lineage of an area and of what became of it, each with its revision, as :func:`read_steps`."""
    found = connection.execute(_AREA_STEPS, {"code": code, "after": after, "until": until})
    return [(row[0], AreaStep(*row[1:])) for row in found]


_CHANGED = text(
    """
    SELECT DISTINCT cell.id, cell.code FROM cell JOIN lineage ON lineage.from_id = cell.id
    WHERE cell.revisions @> CAST(:first AS integer) AND lineage.revision > :first AND lineage.revision <= :until
      AND cell.code > :after
    ORDER BY cell.code LIMIT :most
    """
)


def read_changed(connection: Connection, first: int, until: int, after: str, most: int) -> dict[int, str]:
    """Cell id -> code at revision ``first``, by code, of cells that a step up to ``until`` began with."""
    given = {"first": first, "until": until, "after": after, "most": most}
    return {row.id: row.code for row in connection.execute(_CHANGED, given)}
