"""From a question to its heatmap: counts, rates, change. Imports its neighbours and ``access``."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridmap.access import Action, is_staff, may
from gridmap.errors import InvalidInput, NotFound, NotMeasured, Unavailable
from gridmap.heatmap.columns import STEPS_PER_DEGREE, Columns, Facts, Part
from gridmap.heatmap.counting import Bytes, Ints, Longs, Shorts, add_between, count_rows
from gridmap.heatmap.places import Layer
from gridmap.heatmap.question import HEX, Question, Window
from gridmap.hexes import hex_text
from gridmap.model import Actor

Floats = NDArray[np.float64]

# More rows than this would be no answer that a page can draw.
MOST_ROWS = 100_000

# Groups are numbered from 1 on, and those that a question passes over come behind them.
_OUTSIDE = 0
_NONE_BYTES: Bytes = np.empty(0, np.uint8)
_NONE_INTS: Ints = np.empty(0, np.int32)
_HOURS_PER_DAY = 24
_NO_KIND = -1
# A register that lists plain residents lists everybody; one without them lists those with a need only.
_EVERYBODY = ("person", "resident")
# Rows that one thread counts at least: below that, handing them out costs more than it saves.
_ROWS_PER_THREAD = 500_000
_threads = ThreadPoolExecutor(max(1, os.cpu_count() or 1), thread_name_prefix="gridmap-count")


@dataclass(frozen=True)
class Published:
    """What makes a heatmap one of releases: its months, oldest first, from ``window.begins`` to ``window.ends``.

    ``least`` is the smallest count but 0 that shows, ``total`` the release's own, None where it is hidden,
    ``suppressed`` the number of rows that are hidden.
    """

    periods: tuple[str, ...]
    window: Window
    least: int
    total: int | None
    suppressed: int


@dataclass(frozen=True)
class Heatmap:
    """n rows and what they add up to: the counts and ``outside`` make ``total``, with nothing hidden.

    ``key_array``: hexes as text or codes, ``name_array`` names of cells and areas. ``values``: the measure where
    it is a rate, NaN where there is nothing to divide by. ``earlier``: the counts of the window to compare with.
    With ``published`` it is one of releases: rows that are hidden are not there, ``outside`` is None where hidden.
    """

    question: Question
    revision: int
    data_version: str
    key_array: pa.StringArray
    name_array: pa.StringArray | None
    counts: Longs
    outside: int | None
    values: Floats | None = None
    earlier: Longs | None = None
    earlier_outside: int = 0
    published: Published | None = None

    @cached_property
    def keys(self) -> list[str]:
        """Hexes as text, or codes."""
        return list(self.key_array.to_pylist())

    @property
    def window(self) -> Window:
        """From when until when it counts; of releases their months, whatever was asked for."""
        return self.question.window if self.published is None else self.published.window

    @property
    def suppressed(self) -> int:
        """The number of hidden rows: none for staff, whose counts are live."""
        return 0 if self.published is None else self.published.suppressed

    @property
    def total(self) -> int | None:
        """All that was asked for, in the city and outside; None where a release hides it."""
        if self.published is not None:
            return self.published.total
        return int(self.counts.sum()) + (self.outside or 0)

    @property
    def earlier_total(self) -> int | None:
        """The same for the window to compare with."""
        return None if self.earlier is None else int(self.earlier.sum()) + self.earlier_outside

    @property
    def changes(self) -> Longs | None:
        """By how much each count is larger than the earlier one."""
        return None if self.earlier is None else self.counts - self.earlier

    @property
    def relative_changes(self) -> Floats | None:
        """The same as a share of the earlier count, NaN where that is 0."""
        if self.earlier is None:
            return None
        return (self.counts - self.earlier) / np.where(self.earlier == 0, np.nan, self.earlier)


def may_count(facts: Facts, actor: Actor, question: Question) -> bool:
    """Whether the actor is staff of all that is asked for. NotFound for an area that there is not, to staff."""
    if not may(actor, Action.READ_COUNTS):
        return False
    city = facts.places.city.code
    return is_staff(actor, facts.places.chain(city if question.area is None else question.area))


def count(facts: Facts, question: Question) -> Heatmap:
    """The heatmap of these facts, for whoever may see it.

    NotFound for an unknown area or category, NotMeasured for a rate without a figure of people, InvalidInput for
    an unknown level or more than 100,000 rows.
    """
    if question.area is not None:
        facts.places.chain(question.area)
    layer = None if question.by == HEX else facts.places.layer(question.by)
    people = _people_of(facts, question) if question.measure == "per_1000" else None
    now = Counting(facts, question).counted(question.window)
    earlier = None if question.earlier is None else Counting(facts, question).counted(question.earlier)
    keys, counts = _present(now, earlier, layer, facts, question)
    if len(keys) > MOST_ROWS:
        rule = f"makes {len(keys):,} rows, more than {MOST_ROWS:,}: ask for less or a coarser resolution"
        raise InvalidInput("resolution", question.resolution, rule)
    return Heatmap(
        question=question,
        revision=facts.revision,
        data_version=data_version(facts),
        key_array=hex_text(keys) if layer is None else pc.take(layer.code_array, pa.array(keys)),
        name_array=None if layer is None else pc.take(layer.name_array, pa.array(keys)),
        counts=counts,
        outside=now.outside,
        values=_rates(facts, question, keys, counts, people),
        earlier=None if earlier is None else earlier.at(keys),
        earlier_outside=0 if earlier is None else earlier.outside,
    )


def data_version(facts: Facts) -> str:
    """The name of the state that counts rest on: equal names, equal counts at one revision."""
    return f"f{facts.version}"


@dataclass(frozen=True)
class _Counted:
    """Groups, ascending, with counts that are not 0, and the count outside the city."""

    groups: Longs
    counts: Longs
    outside: int

    def at(self, groups: Longs) -> Longs:
        """The counts of these groups, 0 where there are none."""
        found = np.zeros(len(groups), np.int64)
        if len(self.groups):
            places = np.minimum(np.searchsorted(self.groups, groups), len(self.groups) - 1)
            there = self.groups[places] == groups
            found[there] = self.counts[places[there]]
        return found


class Counting:
    """A question made into what the compiled loop reads."""

    def __init__(self, facts: Facts, question: Question) -> None:
        self.facts = facts
        self.question = question
        self.part: Part = facts.parts[question.subject]
        places = facts.places
        within = None if question.area is None else places.within(question.area)
        self.wanted_cells = _NONE_BYTES
        self.group_of_cell = _NONE_INTS
        if question.by != HEX:
            layer = places.layer(question.by)
            skipped = len(layer.codes) + 1
            beside = _OUTSIDE if within is None else skipped
            groups = np.append(layer.group_of + 1, beside).astype(np.int32)  # what is no cell has position -1
            if within is not None:
                groups[:-1][~within] = skipped
            self.group_of_cell = groups[places.position_of]
            self.groups = np.arange(len(layer.codes), dtype=np.int64)
        elif within is not None:
            self.wanted_cells = np.append(within, False)[places.position_of].astype(np.uint8)
        self.wanted_kinds = wanted_kinds(facts, question)
        self.wanted_hours = wanted_hours(question)
        self.box = _NONE_INTS
        if question.box is not None:
            self.box = np.rint(np.array(question.box) * STEPS_PER_DEGREE).astype(np.int32)

    def counted(self, window: Window) -> _Counted:
        """The counts of a window; every fact of the part is counted, or passed over by the question alone."""
        groups, counts, outside = np.empty(0, np.int64), np.empty(0, np.int64), 0
        for columns, weight in self.part.weighed():
            own, found = self._count(columns, window)
            outside += weight * int(found[_OUTSIDE])
            groups, counts = _added(groups, counts, own, weight * found[1:])
        there = counts != 0
        return _Counted(groups[there], counts[there], outside)

    def _count(self, columns: Columns, window: Window) -> tuple[Longs, Longs]:
        """The groups, and the counts outside and of each of them."""
        if self.question.resolution is None:
            name, group_of, groups = "cells", self.group_of_cell, self.groups
        else:
            group_of, groups = columns.hex_groups(self.question.resolution)
            name = "hexes"
            if self.question.area is not None:
                group_of = np.append(len(groups) + 1, group_of[1:]).astype(np.int32)
        begins, ends = span_of(columns, window)
        codes, step = getattr(columns, name), columns.step(name)
        counted = partial(self.spread, columns, codes, group_of, len(groups) + 2)
        if self.filters or ends - begins < 2 * step:
            return groups, counted(begins, ends)[:-1]
        sums = columns.sums(name)
        first, last = -(-begins // step), ends // step
        counts = counted(begins, first * step) + counted(last * step, ends)
        add_between(sums[first], sums[last], group_of, counts)
        return groups, counts[:-1]

    @property
    def filters(self) -> bool:
        """Whether rows must be looked at one by one."""
        return bool(len(self.wanted_cells) + len(self.wanted_kinds) + len(self.wanted_hours) + len(self.box))

    def spread(self, columns: Columns, codes: Ints, group_of: Ints, room: int, begins: int, ends: int) -> Longs:
        """The rows from ``begins`` to before ``ends`` that pass, counted by ``group_of[codes]``, which are all
        below ``room``; by as many threads as the rows are worth. Unavailable when facts and grid do not match."""
        if columns.highest_cell >= len(self.facts.places.position_of):  # compiled code checks no bounds
            raise Unavailable(f"a fact names a cell that revision {self.facts.revision} has not; try again")
        spans = np.array([begins, ends], np.int64)
        if len(self.wanted_hours):
            spans = _spans_of_hours(columns, self.wanted_hours, begins, ends)

        def part(spans: Longs) -> Longs:
            counts = np.zeros(room, np.int64)
            count_rows(
                codes, group_of, columns.cells, self.wanted_cells, columns.kinds, self.wanted_kinds, columns.east,
                columns.north, self.box, spans, counts,
            )  # fmt: skip
            return counts

        threads = min(os.cpu_count() or 1, int(np.sum(spans[1::2] - spans[::2])) // _ROWS_PER_THREAD)
        if threads < 2:
            return part(spans)
        return np.sum(list(_threads.map(part, _shares(spans, threads))), axis=0)  # type: ignore[no-any-return]


def _spans_of_hours(columns: Columns, wanted: Bytes, begins: int, ends: int) -> Longs:
    """First rows and those behind the last, by turns, of all rows between two whose hour is wanted."""
    runs = columns.hour_runs
    first, last = np.searchsorted(runs, [begins, ends], side="right")
    edges = np.concatenate(([begins], runs[first:last], [ends]))
    edges = edges[: np.searchsorted(edges, ends) + 1]
    there = wanted[columns.hours[edges[:-1]]].astype(np.int8)
    turns = np.diff(there, prepend=0, append=0)
    spans: Longs = edges[turns != 0].astype(np.int64)
    return spans


def _shares(spans: Longs, threads: int) -> list[Longs]:
    """Spans with about as many rows for each thread."""
    behind = np.cumsum(spans[1::2] - spans[::2])
    shares = []
    for low, high in pairwise(np.linspace(0, behind[-1], threads + 1).astype(int).tolist()):
        first, last = np.searchsorted(behind, low, side="right"), np.searchsorted(behind, high, side="left")
        share = spans[2 * first : 2 * last + 2].copy()
        share[0] = spans[2 * first + 1] - (behind[first] - low)
        share[-1] -= behind[last] - high
        shares.append(share)
    return shares


def span_of(columns: Columns, window: Window) -> tuple[int, int]:
    """The first row of a window, and the first behind it: rows are sorted by time."""
    begins, ends = 0, len(columns)
    if window.begins is not None:
        begins = int(np.searchsorted(columns.times, window.begins))
    if window.ends is not None:
        ends = int(np.searchsorted(columns.times, window.ends))
    return begins, ends


def _added(groups: Longs, counts: Longs, more: Longs, their_counts: Longs) -> tuple[Longs, Longs]:
    """Two sets of ascending groups as one, their counts added."""
    if not len(groups):
        return more, their_counts
    if len(groups) == len(more) and np.array_equal(groups, more):
        return groups, counts + their_counts
    there = their_counts != 0
    more, their_counts = more[there], their_counts[there]
    joined = np.union1d(groups, more)
    summed = np.zeros(len(joined), np.int64)
    summed[np.searchsorted(joined, groups)] = counts
    summed[np.searchsorted(joined, more)] += their_counts
    return joined, summed


def _present(
    now: _Counted, earlier: _Counted | None, layer: Layer | None, facts: Facts, question: Question
) -> tuple[Longs, Longs]:
    """The groups that have a row, and their counts."""
    if layer is not None and question.zeros:
        of_cell = layer.group_of
        listed = of_cell if question.area is None else of_cell[facts.places.within(question.area)]
        groups = np.unique(listed).astype(np.int64)
        return groups, now.at(groups)
    if earlier is None:
        return now.groups, now.counts
    groups = np.union1d(now.groups, earlier.groups)
    return groups, now.at(groups)


def wanted_kinds(facts: Facts, question: Question) -> Shorts:
    """The kinds that are asked for; empty when all are. NotFound for a category that the city has not."""
    if question.class_ is None and not question.categories:
        return np.empty(0, np.int16)
    kinds, declared = facts.kinds[question.subject], facts.declared[question.subject]
    known = {category for _, category in kinds} | set(declared)
    for category in question.categories:
        if declared and category not in known:
            raise NotFound(f"no category {category!r} of {question.of}: the city has {', '.join(sorted(known))}")
    wanted = [
        at
        for at, (class_, category) in enumerate(kinds)
        if question.class_ in (None, class_) and (not question.categories or category in question.categories)
    ]
    return np.array(wanted or [_NO_KIND], np.int16)


def wanted_hours(question: Question) -> Bytes:
    """For each hour of the week whether it is asked for; empty when all are."""
    if not question.hours and not question.weekdays:
        return _NONE_BYTES
    wanted = np.zeros((7, _HOURS_PER_DAY), np.uint8)
    days = sorted(question.weekdays or range(1, 8))
    hours = sorted(question.hours or range(_HOURS_PER_DAY))
    wanted[np.ix_([day - 1 for day in days], hours)] = 1
    return wanted.ravel()


def _people_of(facts: Facts, question: Question) -> _Counted:
    """The people of each group, whatever else the question filters by; NotMeasured when nobody counts them."""
    if _EVERYBODY not in facts.kinds["element"]:
        raise NotMeasured(
            "per_1000 is not measured: the city's register lists no plain residents, only people with a need"
        )
    everybody = Question(
        "elements", question.by, question.resolution, "person", box=question.box, area=question.area
    )
    return Counting(facts, everybody).counted(Window())


def _rates(facts: Facts, question: Question, keys: Longs, counts: Longs, people: _Counted | None) -> Floats | None:
    if question.measure == "count":
        return None
    if people is not None:
        below = people.at(keys) / 1000.0
    elif question.by == HEX:
        below = facts.places.hex_km2(keys.tolist())
    else:
        below = facts.places.km2(question.by)[keys]
    return counts / np.where(below > 0, below, np.nan)
