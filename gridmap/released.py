"""What releases say to whoever asks: read, summed over months, cut to a box. Imports ``store`` and below.

Every path by which counts leave to the public and to other territories goes through :func:`read_released`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import shapely

from gridmap import hexes
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.heatmap.question import Question as HeatmapQuestion
from gridmap.model import RELEASE_SUBJECTS, City
from gridmap.releases.periods import Month, months_between
from gridmap.releases.rows import BY_HEX, Rows, check_by, released_rows
from gridmap.releases.suppression import Table
from gridmap.releases.tree import Tree
from gridmap.store import releases as store
from gridmap.store.database import Connection
from gridmap.store.releases import Release, TableHead

INCIDENTS, PERSON = RELEASE_SUBJECTS[:2]

# What the counts of a subject are; months of the last kind are no parts of a whole and are not summed.
STANDING = "stood when the release was made"
MEASURES = {INCIDENTS: "happened in these months", PERSON: "first counted in these releases"}

Box = tuple[float, float, float, float]

_ONLY_RELEASES = (
    "counts leave the staff of a territory only as releases: of incidents in whole months of city time "
    "(from=2026-10-01&to=2026-11-01) and at most one category, or of one class of elements; counts only, and no "
    "part of a day, of a week or of the city, but a bbox that leaves rows out. Staff name a place of theirs: area="
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of releases: ``of`` a subject, incidents of one category or of all, by level, cell or hex.

    ``since`` adds the months from that one on; ``bbox`` (west, south, east, north in degrees) leaves rows out.
    """

    of: str
    period: Month
    by: str
    category: str | None = None
    since: Month | None = None
    resolution: int | None = None
    bbox: Box | None = None


@dataclass(frozen=True)
class Released:
    """The answer, and the releases that it was made from, oldest first; ``least`` is their largest k."""

    releases: tuple[Release, ...]
    measure: str
    least: int
    resolution: int | None
    rows: Rows


class Trees:
    """The trees of the revisions that were asked for last, since a revision's tree never changes. For one city."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._trees: OrderedDict[int, Tree] = OrderedDict()

    def of(self, connection: Connection, revision: int, city: City) -> Tree:
        """The tree of a revision, read if it is not known."""
        with self._lock:
            if revision in self._trees:
                self._trees.move_to_end(revision)
                return self._trees[revision]
        tree = store.read_tree(connection, revision, city.levels)
        with self._lock:
            self._trees[revision] = tree
            while len(self._trees) > self._most:
                self._trees.popitem(last=False)
        return tree


def read_released(connection: Connection, city: City, question: Question, known: Trees) -> Released:
    """The rows that are asked for. InvalidInput for what a release cannot be asked, NotFound for what it lacks."""
    resolution = _check(city, question)
    releases = releases_of(connection, question)
    trees = {number: known.of(connection, number, city) for number in _revisions(releases)}
    found: list[tuple[Tree, Table]] = []
    least, used = 1, []
    heads = [(release, store.list_tables(connection, release.period, question.of)) for release in releases]
    categories = _categories(question, [head for _, listed in heads for head in listed])
    for release, listed in heads:
        tree = trees[release.revision]
        by_category = {head.category: head for head in listed}
        for category in categories if listed else ():
            head = by_category.get(category)
            found.append((tree, _table(connection, release, head, tree)))
            least = max(least, 1 if head is None else head.least)
        used += [release] if listed else []
    rows = released_rows(found, question.by, resolution)
    if question.bbox is not None:
        rows = _within(connection, rows, question.by, found[-1][0].revision, question.bbox)
    return Released(tuple(used), MEASURES.get(question.of, STANDING), least, resolution, rows)


def releases_of(connection: Connection, question: Question) -> list[Release]:
    """The releases that a question is answered from, oldest first; NotFound when one is not there."""
    months = months_between(question.since or question.period, question.period)
    return [store.read_release(connection, str(month)) for month in months]


def least_of(connection: Connection, question: Question, releases: Sequence[Release]) -> int:
    """The smallest count but 0 that shows of a question; NotFound for what the releases do not count."""
    heads = [head for release in releases for head in store.list_tables(connection, release.period, question.of)]
    categories = _categories(question, heads)
    return max(head.least for head in heads if head.category in categories)


def data_version(releases: Sequence[Release]) -> str:
    """The name of what releases say: another for other months, and for the same months of another database.

    >>> made = datetime(2026, 11, 1, tzinfo=UTC)
    >>> data_version([Release("2026-10", made, made, 1, made, "operator", None)])
    '2026-10-7ca93be6'
    """
    periods = [release.period for release in releases]
    made = repr([(release.period, release.revision, release.made_at.isoformat()) for release in releases])
    names = periods if len(periods) == 1 else [periods[0], periods[-1]]
    return f"{'_'.join(names)}-{sha256(made.encode()).hexdigest()[:8]}"


def subject_of(heatmap: HeatmapQuestion) -> str | None:
    """The subject of releases that a heatmap's question counts; None for elements of all classes."""
    return heatmap.of if heatmap.of == INCIDENTS else heatmap.class_


def question_of(
    connection: Connection, city: City, heatmap: HeatmapQuestion, period: Month | None = None
) -> Question:
    """What a heatmap's question asks of releases; NotAllowed, with what may be asked, where none answers it.

    A window must be of whole months in city time; without one it is ``period``, or the newest month that counts
    the subject.
    """
    of = subject_of(heatmap)
    refused = heatmap.hours or heatmap.weekdays or heatmap.area or heatmap.earlier or len(heatmap.categories) > 1
    if refused or heatmap.measure != "count" or of is None or (of != INCIDENTS and heatmap.categories):
        raise NotAllowed(_ONLY_RELEASES)
    begins, ends = (_month(edge, city) for edge in (heatmap.window.begins, heatmap.window.ends))
    counted = store.list_periods(connection, of)
    if begins is None and ends is None and (counted or period is not None):
        first = last = Month.parse(counted[0]) if period is None else period
    elif begins is not None and ends is not None:
        first, last = begins, max(month for month in months_between(begins, ends) if month < ends)
    else:
        raise NotAllowed(_ONLY_RELEASES)
    if not {str(month) for month in months_between(first, last)} <= set(counted):
        raise NotAllowed(f"{_ONLY_RELEASES}. Released: {', '.join(sorted(counted)) or 'nothing yet'}")
    category = heatmap.categories[0] if heatmap.categories else None
    since = None if first == last else first
    return Question(of, last, heatmap.by, category, since, heatmap.resolution, heatmap.box)


def _month(edge_us: int | None, city: City) -> Month | None:
    """The month that begins at this time; NotAllowed when none does."""
    if edge_us is None:
        return None
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=edge_us)
    month = Month.of(moment, city.zone)
    if month.begins(city.zone) != moment:
        raise NotAllowed(_ONLY_RELEASES)
    return month


def _check(city: City, question: Question) -> int | None:
    if question.of not in RELEASE_SUBJECTS:
        raise InvalidInput("of", question.of, f"must be one of {', '.join(RELEASE_SUBJECTS)}")
    if question.category is not None and question.of != INCIDENTS:
        raise InvalidInput("category", question.category, "goes with of=incidents only")
    if question.since is not None and question.since > question.period:
        raise InvalidInput("since", str(question.since), f"must not be after {question.period}")
    if question.since is not None and question.of not in MEASURES:
        raise InvalidInput(
            "since", str(question.since), f"goes with {' and '.join(MEASURES)} only: others {STANDING}"
        )
    return check_by(city.levels, question.by, question.resolution)


def _revisions(releases: Sequence[Release]) -> list[int]:
    return sorted({release.revision for release in releases})


def _categories(question: Question, heads: Sequence[TableHead]) -> list[str]:
    """The categories that are summed: the one asked for, or every one there is."""
    there = sorted({head.category for head in heads})
    if not there:
        raise NotFound(f"no {question.of} are counted in the release of {question.period}")
    if question.category is None:
        return there
    if question.category not in there:
        raise NotFound(f"no category {question.category!r} in the release of {question.period}")
    return [question.category]


def _table(connection: Connection, release: Release, head: TableHead | None, tree: Tree) -> Table:
    """The table; without one nothing of the category happened."""
    if head is None:
        return Table(tree.sums(np.zeros(len(tree.codes[-1]), np.int64)), 0)
    return store.read_table(connection, release.period, head, tree)


def _within(connection: Connection, rows: Rows, by: str, revision: int, bbox: Box) -> Rows:
    """The rows whose shapes touch the box; the numbers of the whole stay."""
    if by == BY_HEX:
        rings = [shapely.Polygon(hexes.ring_of(int(code, 16))) for code in rows.codes.tolist()]
        kept = shapely.intersects(np.array(rings, dtype=object), shapely.box(*bbox))
    else:
        touching = store.codes_touching(connection, revision, by, bbox)
        kept = np.array([code in touching for code in rows.codes.tolist()], bool)
    return replace(rows, codes=rows.codes[kept], counts=rows.counts[kept])
