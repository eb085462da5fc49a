"""Loading files of points into a city: the same way for the city's first load and for every one after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from gridmap.access import require
from gridmap.actions.addresses import refresh_addresses
from gridmap.actions.duplicates import SeenIds
from gridmap.actions.placing import Placing
from gridmap.actions.sections import fields_of, kind_of
from gridmap.actions.stated import Stated
from gridmap.actions.writer import PointWriter, Written
from gridmap.ingest.crs_check import BuildingSquares, Verdict, refuse_wrong_crs
from gridmap.ingest.crs_sample import check_crs
from gridmap.ingest.description import Buildings, Elements, Points
from gridmap.ingest.points import read_points
from gridmap.model import Actor, City, LoadCounts
from gridmap.store.addresses import places_of
from gridmap.store.categories import read_categories
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.forgetting import read_forgotten
from gridmap.store.loads import analyze, finish_load, insert_load, insert_rejected
from gridmap.store.locks import lock_revision, lock_sources
from gridmap.store.snapshot import read_grid
from gridmap.store.subjects import has_source, read_building_points

Progress = Callable[[str], None]
T = TypeVar("T")

# Fewer changes than these are left to the autovacuum's own analyze.
_ANALYZE_FROM = 10_000


@dataclass
class PointReport:
    """What became of one section's rows."""

    what: str
    source: str
    load_id: int
    counts: LoadCounts = field(default_factory=LoadCounts)
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    crs: Verdict | None = None
    stated: Stated | None = None

    def add(self, written: Written) -> None:
        """Count a batch."""
        for name, count in vars(written.counts).items():
            setattr(self.counts, name, getattr(self.counts, name) + count)
        for row in written.rejected:
            reason = row.reason.partition(", got ")[0]
            self.reasons[reason] = self.reasons.get(reason, 0) + 1


@dataclass
class LoadReport:
    """What a load put into a city, and at which revision."""

    revision: int
    points: list[PointReport]


def load_points(
    database: Database,
    actor: Actor,
    sections: Sequence[Points],
    folder: Path,
    progress: Progress,
    *,
    trust_crs: bool = False,
) -> LoadReport:
    """Load sections of points into a city that is there, all or nothing; a second time changes nothing.

    Files that look as if they were in another crs than they say stop it, unless ``trust_crs``; the evidence is in
    the report. What changes elements changes the addresses too.

    While it runs no revision is published and nobody else loads the same sources; who comes second waits. Rows
    outside the actor's territories are rejected by name. Raises LoadRefused when a file is not what it must be,
    NotFound without a city, DatabaseGone when PostGIS goes away: then nothing is loaded.
    """
    doing = {kind_of(section).action for section in sections}
    for action in doing:
        require(actor, action)
    with database.begin(actor, *doing, long_work=True) as connection:
        lock_sources(connection, [section.source for section in sections], progress)
        lock_revision(connection)
        city = read_city(connection)
        placing = Placing(read_grid(connection, city), city)
        reports = write_sections(connection, actor, sections, folder, placing, city, progress, trust_crs=trust_crs)
        if sum(report.counts.changed for report in reports) >= _ANALYZE_FROM:
            subjects = {kind_of(section).subject.table.name: kind_of(section).subject for section in sections}
            analyze(connection, [table for each in subjects.values() for table in (each.table, each.placement)])
        both = zip(sections, reports, strict=True)
        if any(report.counts.changed and _may_be_addresses(section) for section, report in both):
            progress("making addresses")
            refresh_addresses(connection)
        progress("committing")
    return LoadReport(placing.grid.revision.number, reports)


def write_sections(
    connection: Connection,
    actor: Actor,
    sections: Sequence[Points],
    folder: Path,
    placing: Placing,
    city: City,
    progress: Progress,
    *,
    all_new: bool = False,
    trust_crs: bool = False,
) -> list[PointReport]:
    """Load sections in an open transaction. An id that stands in two of them is a duplicate, as in one file.

    ``all_new`` says that nothing of their kind is there yet, so that nothing needs to be compared.
    """
    seen: dict[tuple[str, str], SeenIds] = {}
    forgotten = read_forgotten(connection)
    reports = []
    for section in sections:
        kind = kind_of(section)
        ids = seen.setdefault((kind.subject.table.name, section.source), SeenIds())
        load_id = insert_load(connection, actor, kind.what, section.source, section.file)
        report = PointReport(kind.what, section.source, load_id)
        report.crs = _judged(connection, folder, section, placing, trust_crs=trust_crs)
        if report.crs.judgement != "ok":
            report.warnings.append(report.crs.message)
        categories = {} if kind.categories is None else read_categories(connection, kind.categories)
        if kind.categories is not None and not categories:
            report.warnings.append(f"the city declares no {kind.categories} categories, so any was taken")
        is_new = all_new or not has_source(connection, kind.subject, section.source)
        writer = PointWriter(placing, actor, kind, section, categories, ids, forgotten, is_new=is_new)
        fields = fields_of(section)
        batches = read_points(folder, section, fields, city.zone)
        is_stated = "stated_cell" in fields and fields["stated_cell"].source.column is not None
        for prepared in _ahead(map(writer.prepare, batches)):
            written = writer.write(connection, prepared)
            insert_rejected(connection, load_id, written.rejected)
            report.add(written)
            if is_stated:
                report.stated = report.stated or Stated()
                report.stated.compare(placing.grid, prepared.rows, prepared.placed)
            progress(f"{kind.what}: {report.counts.rows:,} rows read, {report.counts.placed:,} placed")
        finish_load(connection, load_id, report.counts)
        reports.append(report)
    return reports


def _may_be_addresses(section: Points) -> bool:
    """Whether a section's rows may be addresses: buildings, places, organizations."""
    if isinstance(section, Elements):
        return section.class_.value not in ("person", "object")
    return isinstance(section, Buildings)


def _judged(
    connection: Connection, folder: Path, section: Points, placing: Placing, *, trust_crs: bool
) -> Verdict:
    """What speaks for the crs of a section's files; LoadRefused when another one fits far better."""
    grid = placing.grid
    buildings = BuildingSquares(*read_building_points(connection), grid.index.metric_crs)
    verdict = check_crs(folder, section, grid.index, grid.by_code, buildings, partial(places_of, connection))
    if not trust_crs:
        refuse_wrong_crs(verdict, section.file)
    return verdict


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, the next one made in another thread while one is worked on; so two of them are in memory."""
    with ThreadPoolExecutor(1, "gridmap-prepare") as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
