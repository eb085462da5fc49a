"""Recomputes what must hold of the current revision and names every place where it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap import hexes, shapes
from gridmap.access import Action, require
from gridmap.actions.bands import compare_bands
from gridmap.actions.placing import Placing
from gridmap.coverage.grid import Grid
from gridmap.coverage.hex_cover import hex_cover
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import LoadRefused
from gridmap.model import Actor, Area, City
from gridmap.shapes import Geometries
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.grid import read_area_shapes
from gridmap.store.hex_cover import compare_hex_cover
from gridmap.store.placements import count_placements, count_tops, read_placed_points
from gridmap.store.snapshot import read_cells_and_areas
from gridmap.store.territories import compare_territories, count_astray

Progress = Callable[[str], None]
_SHOWN = 10


@dataclass
class VerifyReport:
    """What was looked at, and what does not hold (empty: all is well)."""

    revision: int
    cells: int
    levels: dict[str, int] = field(default_factory=dict)
    hexes: dict[str, int] = field(default_factory=dict)
    elements: dict[str, int] = field(default_factory=dict)
    incidents: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def verify_city(database: Database, actor: Actor, progress: Progress) -> VerifyReport:
    """Check the current revision: the cells are a coverage, and all that is derived is as they give it."""
    require(actor, Action.VERIFY)
    with database.begin(actor, Action.VERIFY, long_work=True) as connection:
        city = read_city(connection)
        revision, cells, geometries, areas = read_cells_and_areas(connection)
        report = VerifyReport(revision.number, len(cells))
        progress("checking that the cells are a coverage")
        codes = [cell.code for cell in cells]
        _check(report, geometries, codes, "the cells")
        groups = np.array([cell.community for cell in cells], dtype=object)
        _check_levels(connection, city, areas, groups, geometries, report, progress)
        try:
            grid = Grid(revision, cells, areas, CoverageIndex.build(geometries, city.metric_crs, codes))
        except LoadRefused as error:
            report.faults.append(f"nothing can be placed, so no placement was checked: {error}")
            return report
        progress("computing the hex cover again")
        _check_hex_cover(connection, grid, report, progress)
        progress("drawing the zoom bands again")
        _check_bands(connection, grid, city, report, progress)
        _check_territories(connection, report)
        progress("placing every element again")
        report.elements = _check_placements(connection, grid, city, "element", report)
        progress("placing every incident again")
        report.incidents = _check_placements(connection, grid, city, "incident", report)
    return report


def _check(report: VerifyReport, geometries: Geometries, names: list[str], what: str) -> None:
    try:
        shapes.check_coverage(geometries, names, what)
    except LoadRefused as error:
        report.faults.append(str(error))


def _check_levels(
    connection: Connection,
    city: City,
    areas: Mapping[str, Area],
    groups: NDArray[np.object_],
    below: Geometries,
    report: VerifyReport,
    progress: Progress,
) -> None:
    """Each level's stored shapes are a coverage and are, vertex by vertex, the unions of the level below.

    ``groups`` are the lowest areas that the cells' polygons ``below`` belong to.
    """
    for level in reversed(city.levels):
        progress(f"recomputing the unions of the level {level}")
        codes, unions = shapes.unions(below, groups)
        stored_codes, stored = read_area_shapes(connection, report.revision, level)
        report.levels[level] = len(stored_codes)
        if codes != stored_codes:
            differing = sorted(set(codes) ^ set(stored_codes))[:_SHOWN]
            report.faults.append(f"{level}: stored shapes are missing or too many: {', '.join(differing)}")
            return
        same = shapely.equals_exact(shapely.normalize(stored), shapely.normalize(unions), 0.0)
        for position in np.flatnonzero(~same)[:_SHOWN]:
            report.faults.append(f"{level} {codes[position]}: the stored shape is not the union of its cells")
        _check(report, stored, codes, f"the areas of the level {level}")
        groups = np.array([areas[code].parent for code in codes], dtype=object)
        below = unions


def _check_hex_cover(connection: Connection, grid: Grid, report: VerifyReport, progress: Progress) -> None:
    """The stored cover is, hex by hex, the one that the cells give."""
    try:
        cover = hex_cover(grid.index, progress)
    except LoadRefused:
        return  # no coverage: a fault of its own already
    report.hexes = {"inside": len(cover.inner), "straddling": len(cover.straddling)}
    ids = [cell.id for cell in grid.cells]
    found = compare_hex_cover(connection, grid.revision.number, cover, ids, _SHOWN)
    if found.count:
        shown = ", ".join(hexes.to_text(each) for each in found.some)
        fault = f"{found.count:,} hexes of the cover are wrong or missing: {shown}"
        report.faults.append(f"{fault}; gridmap hexes --rebuild computes it anew")


def _check_bands(connection: Connection, grid: Grid, city: City, report: VerifyReport, progress: Progress) -> None:
    """The stored bands are, row by row, those that the cells give."""
    wrong = compare_bands(connection, grid, city, progress)
    if wrong:
        fault = f"{wrong:,} polygons of the zoom bands are wrong or missing"
        report.faults.append(f"{fault}; gridmap bands computes them anew")


def _check_territories(connection: Connection, report: VerifyReport) -> None:
    """What the database's policies go by is what the cells and placements say."""
    wrong = compare_territories(connection)
    if wrong:
        shown = ", ".join(sorted(set(wrong))[:_SHOWN])
        report.faults.append(f"{len(wrong):,} cells of territories are missing or too many: {shown}")
    for subject in ("element", "incident"):
        astray = count_astray(connection, subject)
        if astray:
            report.faults.append(f"{astray:,} {subject}s name another cell than their newest placement")


def _check_placements(
    connection: Connection, grid: Grid, city: City, subject: str, report: VerifyReport
) -> dict[str, int]:
    """Every subject has exactly one placement, the one that the index gives, and the hex of its point."""
    ids = np.array([cell.id for cell in grid.cells] + [0], np.int64)
    placed = outside = wrong = wrong_hexes = 0
    for batch in read_placed_points(connection, subject, grid.revision.number):
        positions, _ = grid.index.locate_many(batch.lon, batch.lat)
        wrong_hexes += int((hexes.hexes_of(batch.lon, batch.lat) != batch.hexes).sum())
        outside += int((positions < 0).sum())
        placed += int((positions >= 0).sum())
        differing = np.flatnonzero(ids[positions] != batch.cell_ids)
        wrong += len(differing)
        for position in differing[: max(0, _SHOWN - len(report.faults))]:
            report.faults.append(f"{subject} {batch.ids[position]} is placed in the wrong cell")
    if wrong:
        report.faults.append(f"{wrong:,} {subject}s are placed in the wrong cell")
    if wrong_hexes:
        report.faults.append(f"{wrong_hexes:,} {subject}s carry another hex than their point's")
    tops = Placing(grid, city).top_of_id
    found = count_tops(connection, subject, grid.revision.number)
    astray = sum(count for (cell, top), count in found.items() if tops.get(cell, top) != top)
    if astray:
        report.faults.append(f"{astray:,} {subject}s lead with another area's code than that of their cell")
    counted = count_placements(connection, subject, grid.revision.number)
    if not counted.subjects == counted.placements == counted.placed == placed + outside:
        report.faults.append(
            f"{counted.subjects:,} {subject}s have {counted.placements:,} placements of {counted.placed:,} of them"
        )
    return {"placed": placed, "outside": outside}
