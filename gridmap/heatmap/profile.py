"""What the facts of a place add up to by month, day, hour of the week or category. Imports its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InvalidInput
from gridmap.heatmap.answer import Counting, data_version, span_of
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.counting import Longs
from gridmap.heatmap.question import HEX, USUAL_RESOLUTION, Question, Window
from gridmap.model import City

BY = ("month", "day", "week_hour", "category")
# A hundred years by month, three years by day: more would be no chart.
MOST_ROWS = 1_200

_WEEK_HOURS = 7 * 24
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Profile:
    """Counts by key: ``2026-10``, ``2026-10-14``, the hour of the week (``0`` is Monday's first), or a category.

    Days, months and hours without any are there with 0, categories are not.
    """

    question: Question
    by: str
    revision: int
    data_version: str
    keys: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.counts)


def subject_of_profile(question: Question, by: str) -> Question:
    """The question as counting needs it. InvalidInput for a ``by`` that is none, or that elements have not."""
    if by not in BY:
        raise InvalidInput("by", by, f"must be one of {', '.join(BY)}")
    if question.of == "elements" and by != "category":
        raise InvalidInput("by", by, "belongs to incidents; elements are there or not, and go by category only")
    if question.by != HEX or question.resolution != USUAL_RESOLUTION:
        raise InvalidInput("by", question.by, "a profile has no places")
    return question


def profile(facts: Facts, question: Question, by: str) -> Profile:
    """The profile of these facts, for whoever may see it. Raises as :func:`subject_of_profile` and counting do."""
    question = subject_of_profile(question, by)
    if question.area is not None:
        facts.places.chain(question.area)
    counting = Counting(facts, question)
    if by == "week_hour":
        keys, counts = tuple(map(str, range(_WEEK_HOURS))), _by_hour(counting)
    elif by == "category":
        keys, counts = _by_category(counting, facts)
    else:
        keys, counts = _by_time(counting, facts.places.city, by)
    return Profile(question, by, facts.revision, data_version(facts), keys, tuple(counts.tolist()))


def _by_hour(counting: Counting) -> Longs:
    counts = np.zeros(_WEEK_HOURS, np.int64)
    groups = np.arange(_WEEK_HOURS, dtype=np.int32)
    for columns, weight in counting.part.weighed():
        span = span_of(columns, counting.question.window)
        counts += weight * counting.spread(columns, columns.hours.astype(np.int32), groups, len(groups), *span)
    return counts


def _by_category(counting: Counting, facts: Facts) -> tuple[tuple[str, ...], Longs]:
    kinds = [category for _, category in facts.kinds[counting.question.subject]]
    names, groups = np.unique(np.array(kinds, str), return_inverse=True)
    counts = np.zeros(len(names), np.int64)
    group_of = groups.reshape(-1).astype(np.int32)
    for columns, weight in counting.part.weighed():
        span = span_of(columns, counting.question.window)
        codes = columns.kinds.astype(np.int32)
        counts += weight * counting.spread(columns, codes, group_of, len(names), *span)
    there = counts != 0
    return tuple(names[there].tolist()), counts[there]


def _by_time(counting: Counting, city: City, by: str) -> tuple[tuple[str, ...], Longs]:
    """Rows are sorted by time, so that each day or month is a span of them."""
    window = _known_window(counting)
    if window is None:
        return (), np.zeros(0, np.int64)
    keys, edges = _edges(window, city, by)
    counts = np.zeros(len(keys), np.int64)
    for columns, weight in counting.part.weighed():
        anything = np.zeros(columns.highest_cell + 1, np.int32)
        rows = np.searchsorted(columns.times, edges).tolist()
        for at in range(len(keys)):
            if rows[at] < rows[at + 1]:
                found = counting.spread(columns, columns.cells, anything, 1, rows[at], rows[at + 1])
                counts[at] += weight * int(found[0])
    return keys, counts


def _known_window(counting: Counting) -> Window | None:
    """The window that was asked for, its open ends closed by the first and the last fact; None without facts."""
    asked = counting.question.window
    times = [columns.times for columns, _ in counting.part.weighed()]
    if not times and (asked.begins is None or asked.ends is None):
        return None
    begins = min(int(each[0]) for each in times) if asked.begins is None else asked.begins
    ends = max(int(each[-1]) for each in times) + 1 if asked.ends is None else asked.ends
    return Window(begins, ends) if begins < ends else None


def _edges(window: Window, city: City, by: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names of the days or months of city time that a window touches, and where each begins; then its end."""
    assert window.begins is not None, "an open window is closed by its facts"
    assert window.ends is not None, "an open window is closed by its facts"
    local = (_EPOCH + timedelta(microseconds=window.begins)).astimezone(city.zone)
    begins = datetime(local.year, local.month, 1 if by == "month" else local.day, tzinfo=city.zone)
    keys, edges = [], []
    while (edge := _microseconds(begins)) < window.ends:
        keys.append(f"{begins:%Y-%m}" if by == "month" else f"{begins:%Y-%m-%d}")
        edges.append(max(edge, window.begins))
        if len(keys) > MOST_ROWS:
            raise InvalidInput("from, to", by, f"makes more than {MOST_ROWS:,} rows: ask for less time")
        begins = _following(begins, by)
    return tuple(keys), np.array([*edges, window.ends], np.int64)


def _following(begins: datetime, by: str) -> datetime:
    """The next day or month: on the wall's clock, whatever hours a night has."""
    if by == "day":
        return begins + timedelta(days=1)
    return begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)


def _microseconds(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
