"""Codes that were issued once: none is issued again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

# A code stands for one place: a cell's and an area's may not be the same, since keys name territories by code.
_ISSUED = text(
    """
    SELECT code, max(last) AS last FROM (
        SELECT code, upper(revisions) - 1 AS last FROM cell WHERE code = ANY(CAST(:codes AS text[]))
        UNION ALL SELECT code, upper(revisions) - 1 FROM area WHERE code = ANY(CAST(:codes AS text[]))
    ) AS issued GROUP BY code ORDER BY code
    """
)


def read_issued(connection: Connection, codes: Sequence[str]) -> dict[str, int | None]:
    """Those of some codes that a cell or an area has or had, with their last revision; None while one has it."""
    return {row.code: row.last for row in connection.execute(_ISSUED, {"codes": list(codes)})}
