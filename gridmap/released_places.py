"""What the newest release, or one month's, says of each cell or area: all subjects side by side.

Imports ``released``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from cachetools import LRUCache

from gridmap.errors import NotFound
from gridmap.model import RELEASE_SUBJECTS, City
from gridmap.released import Question, Trees, read_released
from gridmap.releases.periods import Month
from gridmap.releases.suppression import HIDDEN
from gridmap.store import releases as store
from gridmap.store.database import Connection
from gridmap.store.releases import Release

# A level of a month: a city has a handful of levels, and the newest month is asked for most.
_KEPT = 16


@dataclass(frozen=True)
class LevelCounts:
    """The counts of one level, or of cells, in a release: by code and subject, None where they are hidden.

    ``least`` is by subject the smallest count but 0 that shows. A subject that the release does not count is not
    there.
    """

    release: Release
    by: str
    least: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int | None]]

    def of(self, code: str) -> dict[str, int | None] | None:
        """What shows of a place, by subject; None when the release's revision has no such place."""
        found = self.counts.get(code)
        return None if found is None else dict(found)


class CountsBy:
    """The counts that were asked for last: a release never changes, and reading one takes a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[tuple[Release, str], LevelCounts] = LRUCache(_KEPT)

    def newest(self, connection: Connection, city: City, trees: Trees, by: str) -> LevelCounts | None:
        """What the newest release says of the cells or of a level; None before the first."""
        releases = store.list_releases(connection)
        return self.of(connection, city, trees, releases[0], by) if releases else None

    def month(self, connection: Connection, city: City, trees: Trees, by: str, month: Month) -> LevelCounts:
        """What the release of a month says of the cells or of a level; NotFound without one."""
        return self.of(connection, city, trees, store.read_release(connection, str(month)), by)

    def of(self, connection: Connection, city: City, trees: Trees, release: Release, by: str) -> LevelCounts:
        """What a release says of the cells or of a level."""
        with self._lock:
            found: LevelCounts | None = self._known.get((release, by))
        if found is None:
            found = _read(connection, city, trees, release, by)
            with self._lock:
                self._known[release, by] = found
        return found


def required(found: LevelCounts | None) -> LevelCounts:
    """NotFound before the first release."""
    if found is None:
        raise NotFound("no counts have been released yet")
    return found


def _read(connection: Connection, city: City, trees: Trees, release: Release, by: str) -> LevelCounts:
    listed = {head.subject for head in store.list_tables(connection, release.period)}
    month = Month.parse(release.period)
    least: dict[str, int] = {}
    counts: dict[str, dict[str, int | None]] = {}
    for subject in (each for each in RELEASE_SUBJECTS if each in listed):
        found = read_released(connection, city, Question(subject, month, by), trees)
        least[subject] = found.least
        for code, count in zip(found.rows.codes.tolist(), found.rows.counts.tolist(), strict=True):
            counts.setdefault(code, {})[subject] = None if count == HIDDEN else count
    return LevelCounts(release, by, least, counts)
