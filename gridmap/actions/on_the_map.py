"""Into cells and onto the map (入格上图): the share of addresses, elements and incidents that have a cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from gridmap.access import Action, require_city
from gridmap.coverage.grid import Grid
from gridmap.model import Actor
from gridmap.store import on_the_map as store
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.on_the_map import Failure, Subjects
from gridmap.store.snapshot import read_grid

MOST_FAILURES = 100


@dataclass(frozen=True, slots=True)
class Share:
    """One source: rows that came; in a cell, outside or rejected; the share in a cell (None: no rows)."""

    what: str
    source: str
    rows: int
    placed: int
    outside: int
    rejected: int
    share: float | None


@dataclass
class OnTheMapReport:
    """The figure by source, and what has no cell; ``failures`` holds at most so many of each kind."""

    revision: int
    sources: list[Share] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def current_grid(database: Database, actor: Actor) -> Grid:
    """The current revision's grid, for who has no snapshot in memory."""
    with database.begin(actor, long_work=True) as connection:
        return read_grid(connection, read_city(connection))


def report_on_the_map(database: Database, actor: Actor, grid: Grid, most: int = MOST_FAILURES) -> OnTheMapReport:
    """The figure at the current revision ``grid``, for whoever acts for the whole city.

    Addresses are placed from memory, elements and incidents are counted as placed. A building without street and
    estate counts as an address that was rejected.
    """
    city = next(area.code for area in grid.areas.values() if area.parent is None)
    require_city(actor, Action.READ_ON_THE_MAP, city)
    report = OnTheMapReport(grid.revision.number)
    with database.begin(actor, Action.READ_ON_THE_MAP, long_work=True) as connection:
        addresses, outside = _count_addresses(connection, grid, most)
        counted = [*addresses, *store.count_subjects(connection)]
        report.failures = [*outside, *store.list_failures(connection, most)]
    report.sources = [_share(each) for each in counted]
    return report


def _count_addresses(connection: Connection, grid: Grid, most: int) -> tuple[list[Subjects], list[Failure]]:
    placed: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    failures: list[Failure] = []
    for sources, texts, lon, lat in store.read_address_points(connection):
        positions, _ = grid.index.locate_many(lon, lat)
        inside = positions >= 0
        for source, shown, is_inside in zip(sources, texts, inside.tolist(), strict=True):
            (placed if is_inside else outside)[source] += 1
            if not is_inside and len(failures) < most:
                failures.append(Failure("addresses", source, shown, "outside"))
    missing = store.count_without_address(connection)
    return [
        Subjects("addresses", source, placed[source], outside[source], missing.get(source, 0))
        for source in sorted({*placed, *outside, *missing})
    ], failures


def _share(one: Subjects) -> Share:
    rows = one.placed + one.outside + one.rejected
    share = round(one.placed / rows, 6) if rows else None
    return Share(one.what, one.source, rows, one.placed, one.outside, one.rejected, share)
