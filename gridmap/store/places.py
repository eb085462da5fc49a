"""Places by level and code: the codes of a cell, area or overlay and of the areas above it."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gridmap.model import CELL_LEVEL, OVERLAY_LEVEL

_ABOVE = text(
    """
    WITH RECURSIVE chain AS (
        SELECT code, parent FROM area WHERE code = :code AND revisions @> CAST(:revision AS integer)
        UNION ALL
        SELECT area.code, area.parent FROM area JOIN chain ON area.code = chain.parent
        WHERE area.revisions @> CAST(:revision AS integer)
    )
    SELECT code FROM chain
    """
)

_COMMUNITY = text("SELECT community FROM cell WHERE code = :code AND revisions @> CAST(:revision AS integer)")

# An overlay is the business of every district that it touches: of the areas whose shape meets its own.
_UNDER_OVERLAY = text(
    """
    SELECT area_shape.code FROM overlay JOIN area_shape ON ST_Intersects(overlay.geom, area_shape.geom)
    WHERE overlay.code = :code AND overlay.valid @> now() AND area_shape.revisions @> CAST(:revision AS integer)
    """
)

_CURRENT = text("SELECT max(number) FROM revision")


def territory_chain(connection: Connection, level: str, code: str) -> tuple[str, ...]:
    """The code and those of the areas above it, in the current revision; empty when there is no such place."""
    place = {"code": code, "revision": connection.execute(_CURRENT).scalar_one()}
    if level == OVERLAY_LEVEL:
        under = tuple(connection.execute(_UNDER_OVERLAY, place).scalars())
        return (code, *under) if under else ()
    if level == CELL_LEVEL:
        community = connection.execute(_COMMUNITY, place).scalar_one_or_none()
        if community is None:
            return ()
        return (code, *connection.execute(_ABOVE, {**place, "code": community}).scalars())
    return tuple(connection.execute(_ABOVE, place).scalars())
