"""What plans of a redraw stand on besides a grid: street lines, households, and the codes that there ever were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text

from gridmap.coverage.grid import Grid
from gridmap.model import City
from gridmap.redraw.state import Base, Households
from gridmap.redraw.streets import Streets
from gridmap.store import tables
from gridmap.store.packed import read_packed

_HOUSEHOLDS = (
    "SELECT ST_X(geom), ST_Y(geom), households FROM building JOIN element ON element.id = building.element_id "
    "WHERE households > 0 ORDER BY element.id"
)
_SUCCESSORS = text(
    """
    SELECT DISTINCT old.code AS code, heir.code AS heir FROM lineage AS step
    JOIN cell AS old ON old.id = step.from_id AND upper(old.revisions) = step.revision
    JOIN cell AS heir ON heir.id = step.to_id AND lower(heir.revisions) <= step.revision
        AND coalesce(upper(heir.revisions), step.revision + 1) > step.revision
    WHERE step.revision <= :revision AND old.code <> heir.code ORDER BY 1, 2
    """
)


def read_base(connection: Connection, grid: Grid, city: City) -> Base:
    """What plans on a revision stand on."""
    return Base(
        grid,
        city,
        Streets(_street_lines(connection)),
        _households(connection),
        _codes(connection, tables.cell),
        _codes(connection, tables.area),
        _successors(connection, grid),
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """A revision at which rows of cells or areas ended, by their codes, and who published it."""

    revision: int
    actor: str
    note: str
    codes: tuple[str, ...]


def read_endings(connection: Connection, after: int, until: int) -> list[Ending]:
    """For each revision after one and up to another, the codes of cells and areas that ended or changed by it."""
    found: dict[int, set[str]] = {}
    for table in (tables.cell, tables.area):
        ends = func.upper(table.c.revisions)
        query = select(ends.label("revision"), table.c.code).where(ends > after, ends <= until)
        for row in connection.execute(query):
            found.setdefault(row.revision, set()).add(row.code)
    revision = tables.revision
    query = (
        select(revision.c.number, revision.c.actor, revision.c.note)
        .where(revision.c.number > after, revision.c.number <= until)
        .order_by(revision.c.number)
    )
    return [
        Ending(row.number, row.actor, row.note, tuple(sorted(found.get(row.number, ()))))
        for row in connection.execute(query)
    ]


def _street_lines(connection: Connection) -> NDArray[np.object_]:
    line = tables.line
    query = select(func.ST_AsBinary(line.c.geom)).where(line.c.kind == "street").order_by(line.c.id)
    wkb = [bytes(each) for each in connection.execute(query).scalars()]
    return np.asarray(shapely.from_wkb(np.array(wkb, object)), object)


def _households(connection: Connection) -> Households | None:
    """None where no building says how many it has: then nothing can be weighed by them."""
    found = read_packed(connection, _HOUSEHOLDS, {"lon": ">f8", "lat": ">f8", "count": ">i4"})
    if not len(found["lon"]):
        return None
    return Households(*(found[name].astype(np.float64) for name in ("lon", "lat", "count")))


def _codes(connection: Connection, table: Any) -> tuple[str, ...]:  # noqa: ANN401 - cell or area
    return tuple(connection.execute(select(table.c.code).distinct().order_by(table.c.code)).scalars())


def _successors(connection: Connection, grid: Grid) -> dict[str, tuple[str, ...]]:
    heirs: dict[str, list[str]] = {}
    for row in connection.execute(_SUCCESSORS, {"revision": grid.revision.number}):
        if row.code not in grid.by_code:
            heirs.setdefault(row.code, []).append(row.heir)
    return {code: tuple(each) for code, each in heirs.items()}
