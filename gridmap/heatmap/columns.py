"""Facts in memory: what each element or incident counts as, in columns; and how they follow changes.

``base`` columns are large and may be mapped files; what changed since stands beside them as small columns: rows
that are ``gone`` from the base, and ``recent`` ones. Nothing is written in place: a reader keeps what it took.
Imports ``counting``, ``places``, ``hexes`` and below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.heatmap.counting import Bytes, Ints, Longs, Shorts, count_before, mark_spanned
from gridmap.heatmap.places import Places
from gridmap.hexes import parents
from gridmap.model import Category, City

SUBJECTS = ("element", "incident")

# Coordinates are kept in steps of 1e-7 degrees, about a centimetre.
STEPS_PER_DEGREE = 1e7
_HOURS_PER_DAY = 24
# Between these rows counts are kept added up, so that a long window is two differences and its two ends.
_ROWS_PER_STEP = 1 << 18


@dataclass(frozen=True)
class Columns:
    """n facts, sorted by time.

    - ``ids``: of the element or incident. ``times``: microseconds since 1970, 0 for elements.
    - ``hours``: hour of the week in city time, 0 is Monday's first. ``kinds``: positions in :attr:`Facts.kinds`.
    - ``cells``: ids, 0 outside. ``hexes``: 0 outside, else 1 + the position in ``known``.
    - ``east``, ``north``: steps of 1e-7 degrees.
    - ``known``: the different hexes of resolution 11 in the city, sorted.
    """

    ids: Longs
    times: Longs
    hours: Bytes
    kinds: Shorts
    cells: Ints
    hexes: Ints
    east: Ints
    north: Ints
    known: Longs
    _groups: dict[int, tuple[Ints, Longs]] = field(default_factory=dict, compare=False, repr=False)
    _sums: dict[str, Ints] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def hour_runs(self) -> Longs:
        """The first rows of all runs of rows in the same hour of the week: rows are sorted by time."""
        return np.flatnonzero(np.diff(self.hours, prepend=np.uint8(255)))

    @cached_property
    def highest_cell(self) -> int:
        """The highest id in ``cells``."""
        return int(self.cells.max(initial=0))

    def hex_groups(self, resolution: int) -> tuple[Ints, Longs]:
        """Code of a hex -> 1 + the position of its ancestor in the sorted ancestors, which come second."""
        if resolution not in self._groups:
            coarse = parents(self.known, resolution)
            begins = np.ones(len(coarse), bool)
            begins[1:] = coarse[1:] != coarse[:-1]  # sorted hexes have sorted ancestors
            group_of = np.zeros(len(coarse) + 1, np.int32)
            group_of[1:] = np.cumsum(begins)
            self._groups[resolution] = group_of, coarse[begins]
        return self._groups[resolution]

    def step(self, name: str) -> int:
        """Of ``cells`` or ``hexes`` the rows between two of :meth:`sums`: so many that these take no more room."""
        return max(_ROWS_PER_STEP, self._width(name))

    def sums(self, name: str) -> Ints:
        """How often each code of ``cells`` or ``hexes`` stands before each multiple of :meth:`step`.

        Shape (steps + 1, codes); made when first asked for.
        """
        if name not in self._sums:
            codes: Ints = getattr(self, name)
            sums = np.zeros((len(codes) // self.step(name) + 1, self._width(name)), np.int32)
            count_before(codes, self.step(name), sums.reshape(-1))
            self._sums[name] = sums
        return self._sums[name]

    def _width(self, name: str) -> int:
        return self.highest_cell + 1 if name == "cells" else len(self.known) + 1

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The columns by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if not each.name.startswith("_")}


@dataclass(frozen=True)
class Read:
    """n facts as the store reads them, in any order; ``kinds`` as in :class:`Columns`, ``hexes`` themselves.

    ``times`` are microseconds since 1970, ``cells`` 0 outside.
    """

    ids: Longs
    times: Longs
    kinds: Shorts
    cells: Ints
    hexes: Longs
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    @classmethod
    def join(cls, parts: Sequence[Read]) -> Read:
        """One after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def columns(self, places: Places, *, timed: bool) -> Columns:
        """Sorted and coded; what is in no cell of the grid is outside. Without ``timed`` there are no hours."""
        order = np.argsort(self.times, kind="stable") if timed else np.argsort(self.ids, kind="stable")
        times = self.times[order]
        hours = hours_of_week(times, places.city) if timed else np.zeros(len(times), np.uint8)
        cells = np.where(places.has_cells(self.cells), self.cells, 0).astype(np.int32)[order]
        known, codes = np.unique(self.hexes[order][cells != 0], return_inverse=True)
        hexes = np.zeros(len(times), np.int32)
        hexes[cells != 0] = codes.reshape(-1) + 1
        return Columns(
            self.ids[order],
            times,
            hours,
            self.kinds[order],
            cells,
            hexes,
            np.rint(self.lon[order] * STEPS_PER_DEGREE).astype(np.int32),
            np.rint(self.lat[order] * STEPS_PER_DEGREE).astype(np.int32),
            known,
        )


@dataclass(frozen=True)
class Part:
    """All elements or all incidents: the base, without ``gone``, with ``recent``."""

    base: Columns
    gone: Columns
    recent: Columns

    @property
    def changed(self) -> int:
        """How many rows stand beside the base."""
        return len(self.gone) + len(self.recent)

    @property
    def lost(self) -> bool:
        """Whether the base has rows that are nowhere any more: what was removed must not stay on disk."""
        return bool(len(np.setdiff1d(self.gone.ids, self.recent.ids)))

    def weighed(self) -> tuple[tuple[Columns, int], ...]:
        """The columns that count, and how: once, or as taken away."""
        return tuple(
            (columns, weight)
            for columns, weight in ((self.base, 1), (self.gone, -1), (self.recent, 1))
            if len(columns)
        )

    def followed(self, firsts: Longs, lasts: Longs, fresh: Columns) -> Part:
        """With the facts of the ids in these spans as ``fresh`` says. The spans are sorted and do not overlap."""
        left = choose(self.base, _spanned(self.base, firsts, lasts))
        newly = choose(left, ~np.isin(left.ids, self.gone.ids))
        staying = choose(self.recent, ~_spanned(self.recent, firsts, lasts))
        return Part(self.base, merged([self.gone, newly]), merged([staying, fresh]))

    def compacted(self) -> Part:
        """The same facts, all in the base."""
        staying = choose(self.base, ~np.isin(self.base.ids, self.gone.ids)) if len(self.gone) else self.base
        none = nothing()
        return Part(merged([staying, self.recent]), none, none)


@dataclass(frozen=True)
class Facts:
    """What can be counted, of one version of the data at one revision of the grid; both travel with every answer.

    ``kinds``: for each subject the (class, category) that its columns name by position; incidents have no class.
    ``declared``: the categories that the city declares. ``base_version`` is that of the parts' bases.
    """

    version: int
    base_version: int
    places: Places
    kinds: Mapping[str, tuple[tuple[str, str], ...]]
    declared: Mapping[str, Mapping[str, Category]]
    parts: Mapping[str, Part]

    @property
    def revision(self) -> int:
        """The grid's."""
        return self.places.grid.revision.number

    @property
    def changed(self) -> int:
        """How many rows stand beside the bases."""
        return sum(part.changed for part in self.parts.values())

    def compacted(self) -> Facts:
        """The same facts, all in bases."""
        parts = {subject: part.compacted() for subject, part in self.parts.items()}
        return replace(self, base_version=self.version, parts=parts)


def nothing() -> Columns:
    """No facts."""
    longs, ints = np.empty(0, np.int64), np.empty(0, np.int32)
    return Columns(longs, longs, np.empty(0, np.uint8), np.empty(0, np.int16), ints, ints, ints, ints, longs)


def choose(columns: Columns, rows: NDArray[np.bool_]) -> Columns:
    """The marked rows; ``known`` stays."""
    known = columns.known
    chosen = {name: array[rows] for name, array in columns.arrays().items() if name != "known"}
    return Columns(**chosen, known=known)  # type: ignore[arg-type]


def merged(parts: Sequence[Columns]) -> Columns:
    """All rows, sorted by time; what parts have at the same time stays in their order."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return nothing()
    known = np.unique(np.concatenate([part.known[np.unique(part.hexes[part.hexes > 0]) - 1] for part in parts]))
    recoded = []
    for part in parts:
        code_of = np.zeros(len(part.known) + 1, np.int32)
        code_of[1:] = np.searchsorted(known, part.known) + 1
        recoded.append(code_of[part.hexes])
    order = np.argsort(np.concatenate([part.times for part in parts]), kind="stable")
    arrays = {
        name: np.concatenate([part.arrays()[name] for part in parts])[order]
        for name in parts[0].arrays()
        if name not in ("known", "hexes")
    }
    return Columns(**arrays, hexes=np.concatenate(recoded)[order], known=known)  # type: ignore[arg-type]


def hours_of_week(times: Longs, city: City) -> Bytes:
    """Hour of the week, 0 to 167 from Monday 0:00 on, in city time, of microseconds since 1970."""
    local = pd.DatetimeIndex(times.view("datetime64[us]")).tz_localize("UTC").tz_convert(city.zone)
    return np.asarray(local.day_of_week * _HOURS_PER_DAY + local.hour).astype(np.uint8)


def _spanned(columns: Columns, firsts: Longs, lasts: Longs) -> NDArray[np.bool_]:
    marks = np.zeros(len(columns), np.uint8)
    if len(firsts):
        mark_spanned(columns.ids, firsts, lasts, marks)
    return marks.view(np.bool_)
