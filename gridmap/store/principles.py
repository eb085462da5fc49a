"""The principles' figures of each revision, kept so that they are measured once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy import Connection, delete, func, insert, select

from gridmap.redraw.principles.finding import Finding, Offender
from gridmap.store import tables
from gridmap.store.copy import copy_rows, geometry_column


@dataclass(frozen=True)
class Kept:
    """The findings of a revision without their offenders, how many of these each has, and when it was measured."""

    findings: tuple[Finding, ...]
    offenders: Mapping[str, int]
    measured_at: datetime


def keep_findings(connection: Connection, revision: int, mark: str, findings: Sequence[Finding]) -> None:
    """Put findings in the place of those that a revision has."""
    table = tables.principle_figures
    connection.execute(delete(table).where(table.c.revision == revision))
    plain = [_plain(each) for each in findings]
    connection.execute(insert(table).values(revision=revision, mark=mark, findings=plain))
    flat = [(each.key, at, one) for each in findings for at, one in enumerate(each.offenders)]
    if not flat:
        return
    shapes = np.empty(len(flat), object)
    shapes[:] = [one.shape for _, _, one in flat]
    rows = {
        "revision": pa.array([revision] * len(flat), pa.int32()),
        "principle": [key for key, _, _ in flat],
        "number": pa.array([at for _, at, _ in flat], pa.int32()),
        "cell": pa.array([one.cell for _, _, one in flat], pa.string()),
        "what": [one.what for _, _, one in flat],
        "value": pa.array([one.value for _, _, one in flat], pa.float64()),
        "geom": geometry_column(shapes),
    }
    copy_rows(connection, tables.principle_offender, pa.table(rows))


def find_findings(connection: Connection, revision: int, mark: str) -> Kept | None:
    """What is kept of a revision under this mark; None when it was not measured so."""
    table, offender = tables.principle_figures, tables.principle_offender
    row = connection.execute(
        select(table.c.findings, table.c.measured_at).where(table.c.revision == revision, table.c.mark == mark)
    ).one_or_none()
    if row is None:
        return None
    counted = (
        select(offender.c.principle, func.count())
        .where(offender.c.revision == revision)
        .group_by(offender.c.principle)
    )
    counts = {str(key): int(count) for key, count in connection.execute(counted)}
    findings = tuple(_finding(each) for each in row.findings)
    return Kept(findings, {each.key: counts.get(each.key, 0) for each in findings}, row.measured_at)


def read_offenders(connection: Connection, revision: int, key: str, after: int, limit: int) -> list[Offender]:
    """Up to ``limit`` of a principle's offenders, from number ``after`` on."""
    table = tables.principle_offender
    query = (
        select(table.c.cell, table.c.what, table.c.value, func.ST_AsBinary(table.c.geom))
        .where(table.c.revision == revision, table.c.principle == key, table.c.number >= after)
        .order_by(table.c.number)
        .limit(limit)
    )
    rows = connection.execute(query)
    return [Offender(cell, what, value, shapely.from_wkb(bytes(wkb))) for cell, what, value, wkb in rows]


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "key": finding.key,
        "title": finding.title,
        "figures": dict(finding.figures),
        "passes": finding.passes,
        "blocks": finding.blocks,
        "not_measured": finding.not_measured,
        "of_people": sorted(finding.of_people),
        "offenders_of_people": finding.offenders_of_people,
    }


def _finding(plain: Mapping[str, Any]) -> Finding:
    return Finding(**{**plain, "of_people": frozenset(plain["of_people"])})
