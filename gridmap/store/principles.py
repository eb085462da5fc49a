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

from gridmap.redraw.principles.finding import Finding, Offender, Value
from gridmap.redraw.principles.measured import PRINCIPLES
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
    table = tables.principle_measure
    connection.execute(delete(table).where(table.c.revision == revision))
    connection.execute(insert(table).values(revision=revision, mark=mark))
    connection.execute(insert(tables.principle_finding), [_finding_row(revision, each) for each in findings])
    figures = [row for each in findings for row in _figure_rows(revision, each)]
    if figures:
        connection.execute(insert(tables.principle_figure), figures)
    _keep_offenders(connection, revision, findings)


def _finding_row(revision: int, finding: Finding) -> dict[str, Any]:
    names = ("title", "passes", "blocks", "not_measured", "offenders_of_people")
    number = [key for key, _, _ in PRINCIPLES].index(finding.key)
    return {
        "revision": revision,
        "principle": finding.key,
        "number": number,
        **{name: getattr(finding, name) for name in names},
    }


def _figure_rows(revision: int, finding: Finding) -> list[dict[str, Any]]:
    return [
        {
            "revision": revision,
            "principle": finding.key,
            "number": number,
            "figure": figure,
            "value": None if isinstance(value, str) else value,
            "whole": isinstance(value, int),
            "said": value if isinstance(value, str) else None,
            "of_people": figure in finding.of_people,
        }
        for number, (figure, value) in enumerate(finding.figures.items())
    ]


def _keep_offenders(connection: Connection, revision: int, findings: Sequence[Finding]) -> None:
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
    table, offender = tables.principle_measure, tables.principle_offender
    row = connection.execute(
        select(table.c.measured_at).where(table.c.revision == revision, table.c.mark == mark)
    ).one_or_none()
    if row is None:
        return None
    counted = (
        select(offender.c.principle, func.count())
        .where(offender.c.revision == revision)
        .group_by(offender.c.principle)
    )
    counts = {str(key): int(count) for key, count in connection.execute(counted)}
    findings = _read_findings(connection, revision)
    return Kept(findings, {each.key: counts.get(each.key, 0) for each in findings}, row.measured_at)


def _read_findings(connection: Connection, revision: int) -> tuple[Finding, ...]:
    finding, figure = tables.principle_finding, tables.principle_figure
    figures: dict[str, dict[str, Value]] = {}
    of_people: dict[str, set[str]] = {}
    query = select(figure).where(figure.c.revision == revision).order_by(figure.c.principle, figure.c.number)
    for row in connection.execute(query):
        number = int(row.value) if row.whole else row.value
        figures.setdefault(row.principle, {})[row.figure] = row.said if row.said is not None else number
        if row.of_people:
            of_people.setdefault(row.principle, set()).add(row.figure)
    rows = connection.execute(select(finding).where(finding.c.revision == revision).order_by(finding.c.number))
    return tuple(
        Finding(
            row.principle,
            row.title,
            figures.get(row.principle, {}),
            row.passes,
            row.blocks,
            row.not_measured,
            frozenset(of_people.get(row.principle, ())),
            row.offenders_of_people,
        )
        for row in rows
    )


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
