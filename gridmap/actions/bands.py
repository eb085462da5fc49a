"""The zoom bands of a revision: the whole of them when a city is loaded, what changes when it is redrawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.access import Action, require
from gridmap.coverage import bands
from gridmap.coverage.bands import BANDS, Band, Positions, Surroundings
from gridmap.coverage.grid import Grid
from gridmap.model import Actor, City
from gridmap.redraw.areas import AreaChange, moved_parents
from gridmap.shapes import Geometries
from gridmap.store.bands import (
    Box,
    end_area_bands,
    end_cell_bands,
    has_bands,
    insert_area_bands,
    insert_cell_bands,
    read_area_bands,
    read_cell_bands,
)
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.revisions import find_current
from gridmap.store.snapshot import read_grid

Progress = Callable[[str], None]
Drawn = tuple[BaseGeometry, BaseGeometry]
K = TypeVar("K", int, str)


@dataclass(frozen=True, slots=True)
class BandReport:
    """What was written: the revision, rows of cells and rows of areas."""

    revision: int
    cells: int
    areas: int


def rebuild_bands(database: Database, actor: Actor, progress: Progress) -> BandReport:
    """Simplify the current revision's coverage anew and store what differs."""
    require(actor, Action.REBUILD_BANDS)
    with database.begin(actor, long_work=True) as connection:
        city = read_city(connection)
        return publish_bands(connection, read_grid(connection, city), city, progress)


def add_missing_bands(database: Database, actor: Actor, progress: Progress) -> None:
    """Compute the bands of a city that was loaded before there were any; a city that has them is left alone."""
    with database.begin(actor) as connection:
        missing = find_current(connection) is not None and not has_bands(connection)
    if missing:
        rebuild_bands(database, actor, progress)


def publish_bands(connection: Connection, grid: Grid, city: City, progress: Progress) -> BandReport:
    """Compute all bands of a revision; rows that are stored already and stay the same are kept."""
    revision = grid.revision.number
    cells = areas = 0
    for drawn in draw_bands(grid, city, progress):
        band = drawn.band
        stored = read_cell_bands(connection, revision, band.number)
        differing = _differing(drawn.cells, stored)
        _write_cells(connection, revision, band, differing, list(stored.keys() - drawn.cells.keys()))
        cells += len(differing)
        stored_areas = read_area_bands(connection, revision, band.number)
        lost = stored_areas.keys() - {code for level in drawn.areas.values() for code in level}
        end_area_bands(connection, revision, band.number, sorted(lost))
        for level, codes in drawn.areas.items():
            fresh = _differing(codes, stored_areas)
            _write_areas(connection, revision, band, level, fresh, [])
            areas += len(fresh)
    return BandReport(revision, cells, areas)


@dataclass(frozen=True)
class DrawnBand:
    """A band made from nothing: polygons and labels of the cells by id, and of the areas by level and code."""

    band: Band
    cells: Mapping[int, Drawn]
    areas: Mapping[str, Mapping[str, Drawn]]


def draw_bands(grid: Grid, city: City, progress: Progress) -> Iterator[DrawnBand]:
    """All bands of a grid, the finest first: its areas' labels are those of all bands."""
    labels: dict[str, BaseGeometry] = {}
    mercator, cell_labels = bands.to_mercator(grid.index.degrees), bands.labels(grid.index.degrees)
    ids = [cell.id for cell in grid.cells]
    for band in reversed(BANDS):
        progress(f"simplifying the cells for zooms {band.lowest_zoom} to {band.highest_zoom}")
        shapes = bands.simplified(mercator, band)
        parts = [(cell.community, shape) for cell, shape in zip(grid.cells, shapes, strict=True)]
        areas = {}
        for level in reversed(city.levels):
            unions = {code: bands.union(below) for code, below in _grouped(parts).items()}
            labels |= {code: shapely.point_on_surface(each) for code, each in unions.items() if code not in labels}
            areas[level] = {code: (each, labels[code]) for code, each in unions.items()}
            parts = [(grid.areas[code].parent or "", shape) for code, shape in unions.items()]
        yield DrawnBand(band, dict(zip(ids, zip(shapes, cell_labels, strict=True), strict=True)), areas)


def compare_bands(connection: Connection, grid: Grid, city: City, progress: Progress) -> int:
    """How many rows of cells and areas are not stored as the grid's bands made from nothing have them."""
    wrong = 0
    for drawn in draw_bands(grid, city, progress):
        fresh = {code: each for level in drawn.areas.values() for code, each in level.items()}
        cells = read_cell_bands(connection, grid.revision.number, drawn.band.number)
        areas = read_area_bands(connection, grid.revision.number, drawn.band.number)
        wrong += len(_differing(drawn.cells, cells)) + len(_differing(fresh, areas))
        wrong += len(cells.keys() - drawn.cells.keys()) + len(areas.keys() - fresh.keys())
    return wrong


def redraw_bands(
    connection: Connection, before: Grid, after: Grid, city: City, gone: Positions, drawn: Positions
) -> list[Box]:
    """Bring the bands from one revision to the next; returns the boxes where the map is another one.

    ``gone``: positions in ``before`` of cells that are no more or have another shape or community; ``drawn``:
    positions in ``after`` of these as they are now, and of new cells. Only they, the neighbours that simplifying
    them moves, and the areas of both are drawn again. Areas that got another name or parent look other, too.
    """
    redraw = _Redraw(connection, before, after, city, gone, drawn)
    for band in reversed(BANDS):
        redraw.draw(band)
    return redraw.boxes()


class _Redraw:
    """One redraw of all bands, the finest first: its areas tell whether an area needs another label."""

    def __init__(
        self, connection: Connection, before: Grid, after: Grid, city: City, gone: Positions, drawn: Positions
    ) -> None:
        self._connection = connection
        self._before = before
        self._after = after
        self._levels = city.levels
        self._drawn = drawn
        self._gone = {before.cells[at].id: before.cells[at].community for at in gone.tolist()}
        self._around = Surroundings(after.index.degrees, drawn)
        new_labels = bands.labels(after.index.degrees[drawn])
        self._labels = {after.cells[at].id: label for at, label in zip(drawn.tolist(), new_labels, strict=True)}
        self._area_labels: dict[str, BaseGeometry] = {}
        self._seen: list[BaseGeometry] = []

    def boxes(self) -> list[Box]:
        """The boxes of all that was drawn before or is drawn now."""
        found = np.unique(shapely.bounds(np.array(self._seen, dtype=object)).reshape(-1, 4), axis=0)
        return [(west, south, east, north) for west, south, east, north in found.tolist()]

    def draw(self, band: Band) -> None:
        """Draw a band's cells again, then the areas above them."""
        was, cells = self._before.revision.number, self._after.cells
        stored: dict[int, Drawn] = read_cell_bands(self._connection, was, band.number, list(self._gone))

        def shapes_of(positions: Positions) -> Sequence[BaseGeometry | None]:
            ids = [cells[at].id for at in positions.tolist()]
            stored.update(read_cell_bands(self._connection, was, band.number, list(set(ids) - stored.keys())))
            return [stored[cell][0] if cell in stored else None for cell in ids]

        found = bands.resimplified(self._around, band, shapes_of) if len(self._drawn) else {}
        # another label or community, but the same shape in this band
        found |= {at: stored[cells[at].id][0] for at in self._drawn.tolist() if at not in found}
        fresh = {
            cells[at].id: (shape, self._labels.get(cells[at].id) or stored[cells[at].id][1])
            for at, shape in found.items()
        }
        ended = {cell: stored[cell] for cell in {*fresh, *self._gone} if cell in stored}
        self._seen += [shape for shape, _ in (*fresh.values(), *ended.values())]
        _write_cells(self._connection, self._after.revision.number, band, fresh, list(ended))
        self._draw_areas(band, {cells[at].community for at in found} | set(self._gone.values()))
        self._see_renamed(band)

    def _see_renamed(self, band: Band) -> None:
        """An area that has another name, code or parent looks other wherever it was drawn and is drawn."""
        change = AreaChange.between(self._before.areas, self._after.areas)
        for grid, codes in ((self._before, change.gone), (self._after, change.drawn)):
            stored = read_area_bands(self._connection, grid.revision.number, band.number, sorted(codes))
            self._seen += [shape for drawn in stored.values() for shape in drawn]

    def _draw_areas(self, band: Band, touched: set[str]) -> None:
        """Level by level from the lowest; above an area whose outline stays nothing changes."""
        connection, now = self._connection, self._after.revision.number
        members = [cell for cell in self._after.cells if cell.community in touched]
        shapes = read_cell_bands(connection, now, band.number, [cell.id for cell in members])
        parts = [(cell.community, shapes[cell.id][0]) for cell in members]
        for level in reversed(self._levels):
            stored = read_area_bands(connection, self._before.revision.number, band.number, sorted(touched))
            fresh = {}
            for code, below in _grouped(parts).items():
                shape = bands.union(below)
                same = code in stored and bool(shapely.equals_exact(stored[code][0], shape, 0.0))
                if band is BANDS[-1] and not same:
                    self._area_labels[code] = shapely.point_on_surface(shape)
                fresh[code] = (shape, self._area_labels[code] if code in self._area_labels else stored[code][1])
            differing = _differing(fresh, stored)
            gone = [code for code in stored if code not in fresh]
            self._seen += _moved_labels(stored, fresh, [*differing, *gone])
            _write_areas(connection, now, band, level, differing, gone)
            above = [
                grid.areas[code].parent
                for grid in (self._before, self._after)
                for code in (*differing, *gone)
                if code in grid.areas
            ]
            touched = {code for code in above if code is not None}
            touched |= moved_parents(self._before.areas, self._after.areas, level)
            children = [area for area in self._after.areas.values() if area.parent in touched]
            drawn = read_area_bands(connection, now, band.number, [area.code for area in children])
            parts = [(area.parent or "", drawn[area.code][0]) for area in children]


def _moved_labels(
    stored: Mapping[str, Drawn], fresh: Mapping[str, Drawn], codes: Sequence[str]
) -> list[BaseGeometry]:
    """Where areas had their labels and have them now, of those whose label moved; perhaps far from the redraw."""
    found = []
    for code in codes:
        labels = [drawn[code][1] for drawn in (stored, fresh) if code in drawn]
        if len(labels) == 1 or not shapely.equals_exact(labels[0], labels[1], 0.0):
            found += labels
    return found


def _grouped(parts: Sequence[tuple[str, BaseGeometry]]) -> dict[str, list[BaseGeometry]]:
    groups: dict[str, list[BaseGeometry]] = {}
    for code, shape in parts:
        groups.setdefault(code, []).append(shape)
    return groups


def _differing(fresh: Mapping[K, Drawn], stored: Mapping[K, Drawn]) -> dict[K, Drawn]:
    """What of ``fresh`` is not stored just so."""
    known = [name for name in fresh if name in stored]
    new, old = (np.array([each[name] for name in known], dtype=object).reshape(-1, 2) for each in (fresh, stored))
    same = np.asarray(shapely.equals_exact(new, old, 0.0)).all(axis=1)
    kept = {known[at] for at in np.flatnonzero(same)}
    return {name: drawn for name, drawn in fresh.items() if name not in kept}


def _write_cells(
    connection: Connection, revision: int, band: Band, fresh: Mapping[int, Drawn], gone: Sequence[int]
) -> None:
    end_cell_bands(connection, revision, band.number, sorted({*fresh, *gone}))
    if fresh:
        insert_cell_bands(connection, revision, band.number, list(fresh), *_columns(fresh.values()))


def _write_areas(
    connection: Connection, revision: int, band: Band, level: str, fresh: Mapping[str, Drawn], gone: Sequence[str]
) -> None:
    end_area_bands(connection, revision, band.number, sorted({*fresh, *gone}))
    if fresh:
        insert_area_bands(connection, revision, band.number, level, list(fresh), *_columns(fresh.values()))


def _columns(drawn: Collection[Drawn]) -> tuple[Geometries, Geometries]:
    shapes, labels = np.empty(len(drawn), object), np.empty(len(drawn), object)
    shapes[:] = [each[0] for each in drawn]
    labels[:] = [each[1] for each in drawn]
    return shapes, labels
