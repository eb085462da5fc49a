"""Starting a city: empty, or from its own files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gridmap import shapes
from gridmap.access import Action, require
from gridmap.actions.addresses import refresh_addresses
from gridmap.actions.bands import publish_bands
from gridmap.actions.hexes import publish_cover
from gridmap.actions.placing import Placing
from gridmap.actions.points import PointReport, Progress, write_sections
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import LoadRefused, RuleBroken
from gridmap.ingest import layers
from gridmap.ingest import tables as ingest_tables
from gridmap.ingest.description import Description, Points, RevisionSection
from gridmap.model import CELL_LEVEL, OVERLAY_LEVEL, Actor, Area, Category, Cell, City, Overlay, Post
from gridmap.store import tables
from gridmap.store.bulk import bulk_filling
from gridmap.store.categories import insert_categories
from gridmap.store.city import find_city, write_city
from gridmap.store.database import Connection, Database
from gridmap.store.duty import insert_exceptions, insert_holders, insert_posts, insert_shifts
from gridmap.store.grid import (
    insert_area_shapes,
    insert_areas,
    insert_cells,
    reserve_cell_ids,
)
from gridmap.store.loads import analyze
from gridmap.store.overlays import insert_overlays, read_overlays
from gridmap.store.reference import insert_lines, insert_outlines
from gridmap.store.revisions import find_current, insert_revision
from gridmap.store.territories import write_territories

FIRST_REVISION = 1

_POINT_TABLES = (
    tables.element,
    tables.building,
    tables.element_placement,
    tables.incident,
    tables.incident_placement,
)


@dataclass
class CityReport:
    """What a load of a city put into the database; None where the description has nothing: not measured."""

    city: str
    revision: int
    cells: int
    areas: dict[str, int]
    outlines: int | None = None
    lines: int | None = None
    overlays: int | None = None
    posts: int | None = None
    shifts: int | None = None
    points: list[PointReport] = field(default_factory=list)
    addresses: dict[str, int] = field(default_factory=dict)


def init_city(database: Database, actor: Actor, description: Description) -> City:
    """Start an empty city: its settings only. RuleBroken when the database holds one already."""
    require(actor, Action.START_CITY)
    with database.begin(actor) as connection:
        return _start(connection, description)


def load_city(
    database: Database, actor: Actor, description: Description, folder: Path, progress: Progress
) -> CityReport:
    """Load a whole city from its files as revision 1, all or nothing.

    A city that was started empty is filled if its settings are the same. Raises LoadRefused when files, cells or
    areas are not what they must be, RuleBroken when the city has a revision already.
    """
    require(actor, Action.START_CITY)
    if description.cells is None or description.revision is None:
        raise LoadRefused("a city is loaded from [revision], [cells] and [[areas]]; one of them is missing")
    progress("reading cells and areas")
    rows = layers.read_cells(folder, description.cells)
    areas = layers.read_areas(folder, description)
    _check_communities(rows, areas, description.as_city())
    with database.begin(actor, long_work=True) as connection:
        city = _start(connection, description)
        progress("publishing revision 1")
        grid = _publish_first(connection, actor, city, rows, areas, description.revision)
        report = CityReport(city.code, grid.revision.number, len(grid.cells), _count_levels(areas))
        progress("computing the hex cover")
        publish_cover(connection, grid, progress)
        publish_bands(connection, grid, city, progress)
        progress("loading outlines, lines and overlays")
        _load_layers(connection, folder, description, report)
        progress("loading posts and shifts")
        _load_duty(connection, folder, description, report, grid)
        insert_categories(connection, _categories(description))
        buildings = [] if description.buildings is None else [description.buildings]
        sections: list[Points] = [*buildings, *description.elements, *description.incidents]
        placing = Placing(grid, city)
        with bulk_filling(connection, _POINT_TABLES):
            report.points += write_sections(
                connection, actor, sections, folder, placing, city, progress, all_new=True
            )
            progress("building the indexes of elements and incidents")
        progress("making addresses")
        aliases = [alias for table in description.aliases for alias in ingest_tables.read_aliases(folder, table)]
        analyze(connection)
        report.addresses = refresh_addresses(connection, aliases)
        progress("committing")
    return report


def _start(connection: Connection, description: Description) -> City:
    city = description.as_city()
    known = find_city(connection)
    if known is None:
        write_city(connection, city)
    elif known != city:
        raise RuleBroken(f"this database holds another city, or this one with other settings: {known.code}")
    if known is not None and find_current(connection) is not None:
        raise RuleBroken(f"the city {city.code} has a grid already; redraw it by drafts")
    return city


def _categories(description: Description) -> list[Category]:
    declared = {"element": description.element_categories, "incident": description.incident_categories}
    return [
        Category(what, code, each.zh or code, each.en, each.class_ or None, each.emergency)
        for what, categories in declared.items()
        for code, each in categories.items()
    ]


def _check_communities(rows: layers.CellRows, areas: list[Area], city: City) -> None:
    """Every cell lies in a known community, and every area has a cell and so a shape."""
    communities = {area.code for area in areas if area.level == city.lowest_level}
    named = set(rows.communities)
    unknown = sorted(named - communities)
    if unknown:
        raise LoadRefused(f"cells lie in unknown {city.lowest_level}s: {', '.join(unknown[:10])}")
    parents = {area.parent for area in areas}
    empty = sorted((communities - named) | {area.code for area in areas} - communities - parents)
    if empty:
        raise LoadRefused(f"areas without a cell: {', '.join(empty[:10])}")


def _publish_first(
    connection: Connection,
    actor: Actor,
    city: City,
    rows: layers.CellRows,
    areas: list[Area],
    dated: RevisionSection,
) -> Grid:
    begins = dated.valid_from
    if begins.tzinfo is None:
        begins = begins.replace(tzinfo=city.zone)
    revision = insert_revision(connection, actor, FIRST_REVISION, begins, dated.note)
    ids = reserve_cell_ids(connection, len(rows.codes))
    columns = zip(ids, rows.codes, rows.names, rows.kinds, rows.communities, rows.services, strict=True)
    cells = tuple(Cell(*row) for row in columns)
    insert_cells(connection, revision.number, cells, rows.geometries)
    insert_areas(connection, revision.number, areas)
    write_territories(connection, ids)
    codes = np.array(rows.communities, dtype=object)
    geometries = rows.geometries
    parents = {area.code: area.parent for area in areas}
    for level in reversed(city.levels):
        names, geometries = shapes.unions(geometries, codes)
        insert_area_shapes(connection, revision.number, level, names, geometries)
        codes = np.array([parents[name] for name in names], dtype=object)
    index = CoverageIndex.build(rows.geometries, city.metric_crs, rows.codes)
    return Grid(revision, cells, {area.code: area for area in areas}, index)


def _count_levels(areas: list[Area]) -> dict[str, int]:
    return dict(Counter(area.level for area in areas))


def _load_layers(connection: Connection, folder: Path, description: Description, report: CityReport) -> None:
    for section in description.outlines:
        wanted = {name: getattr(section, name) for name in ("level", "code", "name", "source", "date")}
        rows = layers.read_layer(folder, section, **wanted)
        columns = {name: layers.text_or_none(rows.columns[name]) for name in ("level", "code", "name", "source")}
        dated = layers.dates_or_none(rows.columns["date"])
        insert_outlines(connection, {**columns, "dated": dated}, shapes.multis(rows.geometries))
        report.outlines = (report.outlines or 0) + len(dated)
    for centre_lines in description.lines:
        wanted = {name: getattr(centre_lines, name) for name in ("id", "kind", "name", "road_class")}
        rows = layers.read_layer(folder, centre_lines, **wanted)
        columns = {name: layers.text_or_none(rows.columns[name]) for name in wanted}
        insert_lines(connection, columns, shapes.lines(rows.geometries, columns["id"]))
        report.lines = (report.lines or 0) + len(rows.geometries)
    if description.overlays is not None:
        wanted = {name: getattr(description.overlays, name) for name in ("code", "name", "kind")}
        rows = layers.read_layer(folder, description.overlays, **wanted)
        overlays = [Overlay(*map(str, row)) for row in rows.columns.itertuples(index=False)]
        insert_overlays(connection, overlays, shapes.multis(rows.geometries))
        report.overlays = len(overlays)


def _load_duty(
    connection: Connection, folder: Path, description: Description, report: CityReport, grid: Grid
) -> None:
    now = datetime.now(UTC)
    posts = ingest_tables.read_posts(folder, description.posts)
    desk = description.last_desk()
    if not any(post.kind == desk.kind and post.territory == desk.territory for post in posts):
        posts.append(desk)
    _check_unique("post", [post.code for post in posts])
    _check_places(posts, grid, read_overlays(connection, now)[0])
    holders = ingest_tables.read_holders(folder, description.holders)
    _check_unique("holder", [holder.code for holder in holders])
    shifts = ingest_tables.read_shifts(folder, description.shifts)
    exceptions = ingest_tables.read_exceptions(folder, description.shift_exceptions)
    named = {shift.post for shift in shifts} | {exception.post for exception in exceptions}
    unknown = named - {post.code for post in posts}
    if unknown:
        raise LoadRefused(f"shifts name unknown posts: {', '.join(sorted(unknown)[:10])}")
    insert_posts(connection, posts, now)
    insert_holders(connection, holders)
    insert_shifts(connection, shifts, now)
    insert_exceptions(connection, exceptions, now)
    report.posts = None if description.posts is None else len(posts)
    report.shifts = None if description.shifts is None else len(shifts)


def _check_places(posts: list[Post], grid: Grid, overlays: list[Overlay]) -> None:
    """A post at a place that there is not would never be called."""
    places = {(area.level, area.code) for area in grid.areas.values()}
    places |= {(CELL_LEVEL, cell.code) for cell in grid.cells}
    places |= {(OVERLAY_LEVEL, overlay.code) for overlay in overlays}
    lost = [post.code for post in posts if (post.level, post.territory) not in places]
    if lost:
        raise LoadRefused(f"posts stand at no known place: {', '.join(lost[:10])}")


def _check_unique(what: str, codes: list[str]) -> None:
    repeated = [code for code, count in Counter(codes).items() if count > 1]
    if repeated:
        raise LoadRefused(f"{what} codes stand more than once: {', '.join(repeated[:10])}")
