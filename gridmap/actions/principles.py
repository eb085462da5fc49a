"""Measuring a revision by the city's five principles, once for each set of measures and settings."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from gridmap.access import Action, is_staff, require
from gridmap.coverage.grid import Grid, by_code
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import InvalidInput, NotAllowed, Unavailable
from gridmap.model import WORKER, Actor, City, Revision
from gridmap.redraw.principles.finding import Compared, Finding, Offender
from gridmap.redraw.principles.ground import Buildings, Ground, Pair, changes_of
from gridmap.redraw.principles.measured import mark, measured
from gridmap.redraw.principles.numbers import Numbers, numbers_of
from gridmap.store import principles as kept
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.grid import read_areas, read_cells
from gridmap.store.ground import (
    read_centre_lines,
    read_lines_version,
    read_outlines,
    read_steps,
    read_weighed,
)
from gridmap.store.live_counts import may_count_in
from gridmap.store.revisions import read_current, read_revision

_YEAR = timedelta(days=365)
# A whole city takes seconds of all memory bandwidth: one at a time in each process, and nobody waits in a queue,
# which would take all threads that answer from the database.
_measuring = threading.Lock()


@dataclass(frozen=True)
class Measured:
    """A revision's findings without their offenders, how many of these each has, and when they were measured.

    ``staff``: whether the actor sees what rests on counts of people; else those figures are not in the findings.
    """

    revision: int
    findings: tuple[Finding, ...]
    offenders: Mapping[str, int | None]
    measured_at: datetime
    staff: bool


def measure(
    database: Database, actor: Actor, revision: int | None = None, grid: Grid | None = None, *, again: bool = False
) -> Measured:
    """The five principles of a revision (None: the current one), kept or measured now.

    ``grid``: that of the revision when the caller has it. What rests on counts of people is for staff of the whole
    city. ``again`` measures anew what is kept, since households are as of the day of measuring, and needs a role.
    Unavailable while another thread of this process measures.
    """
    if again:
        require(actor, Action.MEASURE)
    with database.begin(WORKER) as connection:
        city = read_city(connection)
        wanted = read_current(connection) if revision is None else read_revision(connection, revision)
        found = None if again else kept.find_findings(connection, wanted.number, mark_of(connection, city))
    if found is None:
        found = _measure_now(database, actor if again else WORKER, city, wanted, grid, again=again)
    staff = is_staff(actor, [city.code]) and _may_count_people(database, actor)
    findings = tuple(each if staff else _public(each) for each in found.findings)
    offenders = {
        each.key: None if each.offenders_of_people and not staff else found.offenders[each.key]
        for each in found.findings
    }
    return Measured(wanted.number, findings, offenders, found.measured_at, staff)


def _may_count_people(database: Database, actor: Actor) -> bool:
    """Whether the database's policies say so too: the findings were read as the server."""
    with database.begin(actor) as connection:
        return may_count_in(connection, None)


def _measure_now(
    database: Database, actor: Actor, city: City, wanted: Revision, grid: Grid | None, *, again: bool
) -> kept.Kept:
    if not _measuring.acquire(blocking=False):
        raise Unavailable("principles are being measured now, which takes some seconds of a whole city: ask again")
    try:
        with database.begin(actor, Action.MEASURE, long_work=True) as connection:
            now = mark_of(connection, city)
            found = None if again else kept.find_findings(connection, wanted.number, now)
            if found is None:
                kept.keep_findings(connection, wanted.number, now, _measured(connection, city, wanted, grid))
                found = kept.find_findings(connection, wanted.number, now)
            assert found is not None
            return found
    finally:
        _measuring.release()


def read_offenders(
    database: Database, actor: Actor, found: Measured, key: str, after: int, limit: int
) -> list[Offender]:
    """Where a principle does not hold, from number ``after`` on; InvalidInput for another key."""
    finding = next((each for each in found.findings if each.key == key), None)
    if finding is None:
        known = ", ".join(each.key for each in found.findings)
        raise InvalidInput("offenders", key, f"must be one of {known}")
    if found.offenders[key] is None:
        require(actor, Action.READ_COUNTS)
        raise NotAllowed(f"where {finding.title} does not hold rests on households: staff of the whole city only")
    with database.begin(actor) as connection:
        return kept.read_offenders(connection, found.revision, key, after, limit)


def read_every_offender(database: Database, actor: Actor, found: Measured) -> list[tuple[str, Offender]]:
    """All that the actor may see, with the principle's key."""
    rows: list[tuple[str, Offender]] = []
    for key, count in found.offenders.items():
        if count:
            rows += [(key, one) for one in read_offenders(database, actor, found, key, 0, count)]
    return rows


def read_ground(connection: Connection, city: City, at: Revision) -> Ground:
    """Everything that a grid as of a revision is measured on; changes are those of the year before it."""
    settings = city.principles
    weights = {"households": 1.0} if settings.size_of == "households" else settings.workload
    lon, lat, weight = read_weighed(connection, weights)
    steps = read_steps(connection, at.valid_from - _YEAR, at.number)
    return Ground(
        city,
        communities=read_outlines(connection, city.lowest_level),
        land=read_outlines(connection, city.levels[0]),
        lines=read_centre_lines(connection),
        buildings=Buildings(lon, lat, weight, settings.size_of) if len(lon) else None,
        changes=changes_of(steps),
    )


def _measured(connection: Connection, city: City, wanted: Revision, grid: Grid | None) -> tuple[Finding, ...]:
    ground = read_ground(connection, city, wanted)
    now = grid if grid is not None and grid.revision.number == wanted.number else _grid(connection, city, wanted)
    base: Numbers | None = None
    shares: Mapping[Pair, float] | None = None
    base_grid: Grid | None = None
    if wanted.number > 1:
        before = read_revision(connection, wanted.number - 1)
        base_grid = _grid(connection, city, before)
        base = numbers_of(base_grid, ground, base_grid)
        shares = read_steps(connection, wanted.valid_from, wanted.number).get(wanted.number, {})
    return measured(Compared(ground, numbers_of(now, ground, base_grid), base, shares))


def _grid(connection: Connection, city: City, revision: Revision) -> Grid:
    cells, shapes = by_code(*read_cells(connection, revision.number))
    areas = {area.code: area for area in read_areas(connection, revision.number)}
    index = CoverageIndex.build(shapes, city.metric_crs, [cell.code for cell in cells])
    return Grid(revision, cells, areas, index)


def mark_of(connection: Connection, city: City) -> str:
    """Of the measures, the city's settings and the version of the lines that figures rest on."""
    rests_on = (mark(), sorted(asdict(city.principles).items()), city.code_pattern, read_lines_version(connection))
    return hashlib.sha256(repr(rests_on).encode()).hexdigest()[:16]


def _public(finding: Finding) -> Finding:
    figures = {name: value for name, value in finding.figures.items() if name not in finding.of_people}
    return Finding(
        finding.key,
        finding.title,
        figures,
        finding.passes,
        finding.blocks,
        finding.not_measured,
        finding.of_people,
        finding.offenders_of_people,
    )
