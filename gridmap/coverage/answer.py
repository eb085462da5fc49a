"""The answer to "who covers this place": where a point lies, who is on duty there and whom to call next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gridmap.coverage.grid import Grid, OverlayMap
from gridmap.coverage.index import EDGE_CODE, HOW, INSIDE_CODE, ON_EDGE_M, Near
from gridmap.duty import DutyBook, Liaison, Rung, Turn, desk_of
from gridmap.model import CELL_LEVEL, OVERLAY_LEVEL, Area, Cell, City, Overlay, Post, Revision


@dataclass(frozen=True, slots=True)
class Question:
    """A point in lon, lat with how far off it may be, and the time and category asked for."""

    lon: float
    lat: float
    at: datetime
    accuracy_m: float = 0.0
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cell that the point may be in, or is nearest to, and the areas above it."""

    code: str
    distance_m: float
    areas: tuple[Area, ...] = ()

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """(level, code) from the cell up to the city."""
        return ((CELL_LEVEL, self.code), *((area.level, area.code) for area in self.areas))


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a point lies in one revision. ``cell`` is None outside; then ``nearest`` says how far off.

    ``ambiguous`` when the point's accuracy reaches over the nearest edge; ``candidates``: where it may be.
    """

    revision: Revision
    how: str
    cell: Cell | None
    areas: tuple[Area, ...]
    overlays: tuple[Overlay, ...]
    edge_distance_m: float | None
    ambiguous: bool
    candidates: tuple[Candidate, ...]
    nearest: Candidate | None

    def places(self, city: City) -> tuple[tuple[str, str], ...]:
        """(level, code) from the cell over overlays up to the city; outside, the city alone."""
        if self.cell is None:
            return ((city.levels[0], city.code),)
        overlays = ((OVERLAY_LEVEL, overlay.code) for overlay in self.overlays)
        areas = ((area.level, area.code) for area in self.areas)
        return ((CELL_LEVEL, self.cell.code), *overlays, *areas)


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk that answers for some of the cells that a point may be in, and how far off the nearest of them is."""

    cells: tuple[str, ...]
    distance_m: float
    rung: Rung


@dataclass(frozen=True, slots=True)
class Answer:
    """What a dispatcher needs about one point at one time; ``desks`` are of all the cells that it may be in."""

    where: Whereabouts
    at: datetime
    on_duty: tuple[Turn, ...]
    ladder: tuple[Rung, ...]
    departments: tuple[Liaison, ...]
    overlay_posts: tuple[tuple[Overlay, tuple[Post, ...]], ...]
    desks: tuple[Desk, ...] = ()


def locate(grid: Grid, overlays: OverlayMap, lon: float, lat: float, accuracy_m: float) -> Whereabouts:
    """Where a point lies in ``grid``, from memory."""
    position, how = grid.index.locate(lon, lat)
    if position < 0:
        near = grid.index.candidates(lon, lat, accuracy_m)
        return Whereabouts(
            revision=grid.revision,
            how=HOW[how],
            cell=None,
            areas=(),
            overlays=overlays.at(lon, lat),
            edge_distance_m=None,
            ambiguous=bool(near),
            candidates=_candidates(grid, near),
            nearest=_candidates(grid, [grid.index.nearest(lon, lat)])[0],
        )
    cell = grid.cells[position]
    edge_distance_m = 0.0 if how == EDGE_CODE else grid.index.edge_distance_m(position, lon, lat)
    sure = how == INSIDE_CODE and edge_distance_m > max(accuracy_m, ON_EDGE_M)
    # most points are sure, and for them nobody asks which other cells are near
    others = (
        [] if sure else [one for one in grid.index.candidates(lon, lat, accuracy_m) if one.position != position]
    )
    areas = grid.chain(cell.community)
    return Whereabouts(
        revision=grid.revision,
        how=HOW[how],
        cell=cell,
        areas=areas,
        overlays=overlays.at(lon, lat),
        edge_distance_m=edge_distance_m,
        ambiguous=not sure,
        candidates=(Candidate(cell.code, 0.0, areas), *_candidates(grid, others)),
        nearest=None,
    )


def _candidates(grid: Grid, near: Sequence[Near]) -> tuple[Candidate, ...]:
    cells = [(grid.cells[one.position], one.distance_m) for one in near]
    return tuple(Candidate(cell.code, distance_m, grid.chain(cell.community)) for cell, distance_m in cells)


def answer(city: City, where: Whereabouts, duty: DutyBook, question: Question) -> Answer:
    """Put together whereabouts (from memory or from history) and the duty that holds at the time asked for."""
    places = where.places(city)
    return Answer(
        where=where,
        at=question.at,
        on_duty=duty.on_duty(places, question.at),
        ladder=duty.ladder(places, question.at, question.category),
        departments=duty.departments(places, question.at, question.category),
        overlay_posts=tuple(
            (overlay, duty.posts_of([(OVERLAY_LEVEL, overlay.code)])) for overlay in where.overlays
        ),
        desks=_desks(where, duty, question) if where.ambiguous else (),
    )


def _desks(where: Whereabouts, duty: DutyBook, question: Question) -> tuple[Desk, ...]:
    """Near an edge a call is the business of every desk whose cell it may be, the own one's first."""
    found: dict[tuple[str | None, str], Desk] = {}
    for one in where.candidates:
        rung = desk_of(duty.ladder(one.places, question.at, question.category))
        known = found.get((rung.post, rung.phone))
        cells = (one.code,) if known is None else (*known.cells, one.code)
        distance_m = one.distance_m if known is None else known.distance_m
        found[rung.post, rung.phone] = Desk(cells, distance_m, rung)
    return tuple(found.values())
