"""Whose desk answers for an address: its candidates grouped by the desk that would be called, from memory.

Imports ``search`` and below, ``coverage`` and ``duty``. Nothing is ever left to one silent guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np

from gridmap.addresses.search import Candidate, Found
from gridmap.addresses.territory import AreaNames
from gridmap.coverage.answer import Whereabouts, locate
from gridmap.coverage.grid import Grid
from gridmap.coverage.snapshot import Snapshot
from gridmap.duty import Place, Rung, desk_of
from gridmap.model import CELL_LEVEL, OVERLAY_LEVEL, Area, Cell, Overlay

# Not more than this is read over a telephone; ``more`` says how many were left out.
MOST_GROUPS = 12
MOST_IN_A_GROUP = 5
_MOST_OPTIONS = 12

EXACT, SAME_DESK, SEVERAL_DESKS, NOT_FOUND = STATUSES = ("exact", "same_desk", "several_desks", "not_found")

_LEVEL_QUESTIONS = {
    "district": ("在哪个区？", "In which district?"),
    "borough": ("在哪个区？", "In which borough?"),
    "street": ("在哪个街道（镇）？", "In which street office or town?"),
    "community": ("在哪个社区？", "In which community?"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate, or the part of it that one desk answers for, and whom to call there first."""

    candidate: Candidate
    lon: float
    lat: float
    points: int
    cell: Cell | None
    areas: tuple[Area, ...]
    first: Rung


@dataclass(frozen=True, slots=True)
class Group:
    """The candidates that one desk answers for, the surest first; ``more`` of them are not shown."""

    desk: Rung
    score: float
    standing: tuple[Standing, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that tells the candidates apart: what about, in Chinese and English, and what may be said."""

    about: str
    zh: str
    en: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """What to do about an address.

    ``desk`` is the one to call when nothing more is asked: that of the only group, or of ``common``, the lowest
    area that all candidates share; ``ladder`` goes on from there and is never empty. ``exact`` is set when one
    candidate is exact and nothing sounds like it.
    """

    status: str
    groups: tuple[Group, ...]
    more_groups: int
    common: Area
    desk: Rung
    ladder: tuple[Rung, ...]
    asks: tuple[Ask, ...]
    similar: tuple[str, ...]
    exact: Standing | None


@lru_cache(maxsize=2)
def _names_of(grid: _GridKey) -> AreaNames:
    return AreaNames(grid.grid.areas.values())


@dataclass(frozen=True)
class _GridKey:
    """A grid as a cache's key: by identity, since a grid is never changed."""

    grid: Grid

    def __hash__(self) -> int:
        return id(self.grid)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _GridKey) and other.grid is self.grid


def area_names(grid: Grid) -> AreaNames:
    """The names of a grid's areas, made once per revision."""
    return _names_of(_GridKey(grid))


def areas_at(grid: Grid, points: Sequence[tuple[float, float]]) -> list[tuple[str, ...]]:
    """The codes of the areas that each point lies in, the lowest first; none outside."""
    lon, lat = np.array(points, dtype=np.float64).T
    positions, _ = grid.index.locate_many(lon, lat)
    return [
        () if position < 0 else tuple(area.code for area in grid.chain(grid.cells[position].community))
        for position in positions.tolist()
    ]


def group(snapshot: Snapshot, found: Found, at: datetime, category: str | None = None) -> AddressAnswer:
    """The answer at ``at``. It has a desk and a ladder also when nothing was found: the city's."""
    desks = _Desks(snapshot, at, category)
    placed = [each for one in found.candidates for each in desks.standing(one)]
    groups = _grouped(placed)
    chains = [each.areas for _, each in placed]
    common = _common(chains, desks.city)
    ladder = desks.ladder(_above(snapshot.grid, common))
    only = placed[0][1] if len(found.candidates) == 1 and found.candidates[0].exact else None
    if only is not None and (only.cell is None or len(groups) > 1):
        only = None  # outside, or on an edge between two desks
    desk = desk_of(ladder)
    if len(groups) == 1:
        first = groups[0].standing[0]
        desk, ladder = groups[0].desk, desks.ladder_of(first)
    status = NOT_FOUND if not groups else EXACT if only else SAME_DESK if len(groups) == 1 else SEVERAL_DESKS
    return AddressAnswer(
        status,
        groups[:MOST_GROUPS],
        max(0, len(groups) - MOST_GROUPS),
        common,
        desk,
        ladder,
        _asks(found, [each for _, each in placed], snapshot) if len(groups) > 1 else (),
        found.similar,
        only,
    )


class _Desks:
    """Who is called for a point at one time; cells are asked once."""

    def __init__(self, snapshot: Snapshot, at: datetime, category: str | None) -> None:
        self._snapshot = snapshot
        self._at = at
        self._category = category
        self._ladders: dict[tuple[Place, ...], tuple[Rung, ...]] = {}

    @property
    def city(self) -> Area:
        city = self._snapshot.city
        return self._snapshot.grid.areas[city.code]

    def ladder(self, places: tuple[Place, ...]) -> tuple[Rung, ...]:
        if places not in self._ladders:
            self._ladders[places] = self._snapshot.book.ladder(places, self._at, self._category)
        return self._ladders[places]

    def ladder_of(self, one: Standing) -> tuple[Rung, ...]:
        if one.candidate.area is not None:
            return self.ladder(_above(self._snapshot.grid, one.areas[0]))
        where = self._locate(one.lon, one.lat, 0.0)
        return self.ladder(where.places(self._snapshot.city))

    def standing(self, one: Candidate) -> list[tuple[Rung, Standing]]:
        """The candidate as each of its desks sees it."""
        if one.area is not None:
            return self._whole_area(one, one.area)
        parts = self._at_point(one) if len(one.points) == 1 else self._in_cells(one)
        found: dict[tuple[object, ...], list[tuple[Rung, Standing]]] = {}
        for desk, standing in parts:
            found.setdefault(_identity(desk), []).append((desk, standing))
        return [_merged(parts) for parts in found.values()]

    def _at_point(self, one: Candidate) -> list[tuple[Rung, Standing]]:
        """One point; on an edge, or when it may lie across one, the cells there are all looked at."""
        ((lon, lat),) = one.points
        where = self._locate(lon, lat, one.accuracy_m)
        ladder = self.ladder(where.places(self._snapshot.city))
        here = (desk_of(ladder), Standing(one, lon, lat, 1, where.cell, where.areas or (self.city,), ladder[0]))
        codes = [each.code for each in where.candidates if where.cell is None or each.code != where.cell.code]
        grid = self._snapshot.grid
        return [here, *(self._in_cell(one, grid.by_code[code], lon, lat, 1, ()) for code in codes)]

    def _in_cells(self, one: Candidate) -> list[tuple[Rung, Standing]]:
        """Many points: one for each cell, without asking which other cells are near."""
        lon, lat = np.array(one.points, dtype=np.float64).T
        positions, _ = self._snapshot.grid.index.locate_many(lon, lat)
        cells, first, counts = np.unique(positions, return_index=True, return_counts=True)
        found = []
        for position, i, count in zip(cells.tolist(), first.tolist(), counts.tolist(), strict=True):
            x, y = one.points[i]
            if position < 0:
                ladder = self.ladder(((self.city.level, self.city.code),))
                found.append((desk_of(ladder), Standing(one, x, y, count, None, (self.city,), ladder[0])))
            else:
                overlays = self._snapshot.overlays.at(x, y)
                found.append(self._in_cell(one, position, x, y, count, overlays))
        return found

    def _in_cell(
        self, one: Candidate, position: int, lon: float, lat: float, count: int, overlays: Sequence[Overlay]
    ) -> tuple[Rung, Standing]:
        grid = self._snapshot.grid
        cell = grid.cells[position]
        areas = grid.chain(cell.community)
        above = ((area.level, area.code) for area in areas)
        places = ((CELL_LEVEL, cell.code), *((OVERLAY_LEVEL, each.code) for each in overlays), *above)
        ladder = self.ladder(places)
        return desk_of(ladder), Standing(one, lon, lat, count, cell, areas, ladder[0])

    def _whole_area(self, one: Candidate, code: str) -> list[tuple[Rung, Standing]]:
        area = self._snapshot.grid.areas.get(code)
        if area is None:
            return []  # a redraw has closed it since the addresses were made
        chain = self._snapshot.grid.chain(code)
        ladder = self.ladder(_above(self._snapshot.grid, area))
        west, south, east, north = self._snapshot.grid.index.bounds
        lon, lat = one.points[0] if one.points else ((west + east) / 2, (south + north) / 2)
        return [(desk_of(ladder), Standing(one, lon, lat, 0, None, chain, ladder[0]))]

    def _locate(self, lon: float, lat: float, accuracy_m: float) -> Whereabouts:
        return locate(self._snapshot.grid, self._snapshot.overlays, lon, lat, accuracy_m)


def _merged(parts: list[tuple[Rung, Standing]]) -> tuple[Rung, Standing]:
    """What one desk has of a candidate: shown at the cell with most of its points."""
    desk, fullest = max(parts, key=lambda part: part[1].points)
    total = sum(standing.points for _, standing in parts)
    areas = _shared([standing.areas for _, standing in parts]) or fullest.areas
    return desk, Standing(fullest.candidate, fullest.lon, fullest.lat, total, fullest.cell, areas, fullest.first)


def _identity(desk: Rung) -> tuple[object, ...]:
    return (desk.post, desk.phone)


def _grouped(placed: Sequence[tuple[Rung, Standing]]) -> tuple[Group, ...]:
    parts: dict[tuple[object, ...], list[tuple[Rung, Standing]]] = {}
    for desk, standing in placed:
        parts.setdefault(_identity(desk), []).append((desk, standing))
    groups = []
    for part in parts.values():
        ordered = sorted((each for _, each in part), key=lambda each: (-each.candidate.score, -each.points))
        shown = tuple(ordered[:MOST_IN_A_GROUP])
        groups.append(Group(part[0][0], shown[0].candidate.score, shown, len(ordered) - len(shown)))
    return tuple(sorted(groups, key=lambda each: (-each.score, -sum(one.points for one in each.standing))))


def _shared(chains: Sequence[tuple[Area, ...]]) -> tuple[Area, ...]:
    """The areas that all chains have, the lowest first."""
    common = set.intersection(*({area.code for area in chain} for chain in chains))
    return tuple(area for area in chains[0] if area.code in common)


def _common(chains: Sequence[tuple[Area, ...]], city: Area) -> Area:
    shared = _shared(chains) if chains else ()
    return shared[0] if shared else city


def _above(grid: Grid, area: Area) -> tuple[Place, ...]:
    return tuple((each.level, each.code) for each in grid.chain(area.code))


def _asks(found: Found, standing: Sequence[Standing], snapshot: Snapshot) -> tuple[Ask, ...]:
    """What to ask next, the question first that parts the candidates at the highest level."""
    asks = []
    names = _first_seen(one.name for one in found.candidates if one.name)
    if len(names) > 1:
        asks.append(Ask("name", "是哪一个？请核对用字。", "Which one? Spell the name.", names))
    for level in snapshot.city.levels[1:]:
        areas = _first_seen(area.name for each in standing for area in each.areas if area.level == level)
        if len(areas) > 1:
            zh, en = _LEVEL_QUESTIONS.get(level, (f"在哪个{level}？", f"In which {level}?"))
            asks.append(Ask(level, zh, en, areas))
            break
    reasons = {reason for one in found.candidates for reason in one.reasons}
    if "street_only" in reasons:
        asks.append(Ask("number", "门牌号是多少？", "Which house number?", ()))
    if found.crossings:
        options = _first_seen(text for text, _, _ in found.crossings)
        asks.append(Ask("crossing", "靠近哪个路口？", "Near which crossing?", options))
    if "estate_only" in reasons or "no_such_block" in reasons:
        asks.append(Ask("block", "几号楼？", "Which block?", ()))
    if reasons & {"no_such_number", "between_numbers", "next_number"}:
        asks.append(Ask("check_number", "没有登记这个门牌号，请核对。", "No such number on record: check it.", ()))
    return tuple(asks)


def _first_seen(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:_MOST_OPTIONS]
