"""How much has a cell (入格上图): counts by source, and what has none, from the current revision's placements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

_BATCH = 100_000


@dataclass(frozen=True, slots=True)
class Subjects:
    """One source's elements or incidents: placed in a cell, outside, and rejected rows that still wait."""

    what: str
    source: str
    placed: int
    outside: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that has no cell: its source, which one it is, and why."""

    what: str
    source: str
    which: str
    reason: str


_COUNTS = text(
    """
    WITH placed AS (
        SELECT 'elements' AS what, source, how <> 'outside' AS inside, count(*) AS count
        FROM element JOIN element_placement ON element_id = element.id AND last_revision IS NULL GROUP BY 1, 2, 3
        UNION ALL
        SELECT 'incidents', source, how <> 'outside', count(*)
        FROM incident JOIN incident_placement ON incident_id = incident.id AND last_revision IS NULL
        GROUP BY 1, 2, 3
    ), waiting AS (
        SELECT CASE load.what WHEN 'incidents' THEN 'incidents' ELSE 'elements' END AS what, load.source,
               count(*) AS count
        FROM rejected_row JOIN load ON load.id = load_id
        WHERE load.what IN ('buildings', 'elements', 'incidents') GROUP BY 1, 2
    )
    SELECT what, source, coalesce(sum(placed.count) FILTER (WHERE inside), 0) AS placed,
           coalesce(sum(placed.count) FILTER (WHERE NOT inside), 0) AS outside,
           coalesce(max(waiting.count), 0) AS rejected
    FROM placed FULL JOIN waiting USING (what, source) GROUP BY what, source ORDER BY what, source
    """
)

# Persons are counted and not listed: whoever may list them asks for that by itself.
_OUTSIDE = text(
    """
    (SELECT 'elements' AS what, source, external_id AS which, 'outside' AS reason
     FROM element JOIN element_placement ON element_id = element.id AND last_revision IS NULL
     WHERE how = 'outside' AND class <> 'person' ORDER BY source, external_id LIMIT :most)
    UNION ALL
    (SELECT 'incidents', source, external_id, 'outside'
     FROM incident JOIN incident_placement ON incident_id = incident.id AND last_revision IS NULL
     WHERE how = 'outside' ORDER BY source, external_id LIMIT :most)
    UNION ALL
    (SELECT CASE load.what WHEN 'incidents' THEN 'incidents' ELSE 'elements' END, load.source,
            rejected_row.file || ' line ' || rejected_row.line, rejected_row.reason
     FROM rejected_row JOIN load ON load.id = load_id WHERE load.what IN ('buildings', 'elements', 'incidents')
     ORDER BY load_id, rejected_row.file, rejected_row.line LIMIT :most)
    UNION ALL
    (SELECT 'addresses', source, external_id, 'a building without street and estate'
     FROM building JOIN element ON element.id = element_id WHERE street IS NULL AND estate IS NULL
     ORDER BY source, external_id LIMIT :most)
    """
)

_WITHOUT_ADDRESS = text(
    "SELECT source, count(*) FROM building JOIN element ON element.id = element_id "
    "WHERE street IS NULL AND estate IS NULL GROUP BY source"
)

_POINTS = text(
    "SELECT id, source, text, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM address "
    "WHERE kind IN ('number', 'block', 'landmark', 'crossing') AND id > :after ORDER BY id LIMIT :batch"
)


def count_subjects(connection: Connection) -> list[Subjects]:
    """Elements and incidents by source."""
    rows = connection.execute(_COUNTS)
    return [Subjects(row.what, row.source, int(row.placed), int(row.outside), row.rejected) for row in rows]


def count_without_address(connection: Connection) -> dict[str, int]:
    """Buildings that have neither a street nor an estate, by source."""
    return {source: int(count) for source, count in connection.execute(_WITHOUT_ADDRESS)}


def list_failures(connection: Connection, most: int) -> list[Failure]:
    """What has no cell, at most so many of each kind."""
    return [Failure(*row) for row in connection.execute(_OUTSIDE, {"most": most})]


def read_address_points(
    connection: Connection,
) -> Iterator[tuple[list[str], list[str], NDArray[np.float64], NDArray[np.float64]]]:
    """Addresses that are points, in batches: source, text, lon, lat."""
    after = 0
    while rows := connection.execute(_POINTS, {"after": after, "batch": _BATCH}).all():
        after = rows[-1].id
        lon, lat = (np.array([getattr(row, name) for row in rows], np.float64) for name in ("lon", "lat"))
        yield [row.source for row in rows], [row.text for row in rows], lon, lat
