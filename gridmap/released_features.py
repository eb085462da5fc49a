"""What releases say of cells or areas as features with shapes, by months. Imports ``released_places``.

A release is as it was made: its counts go with the grid that it was made on. So the months of an answer are read
one after the other, each from its own revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gridmap.errors import InvalidInput
from gridmap.model import CELL_LEVEL, RELEASE_SUBJECTS, City
from gridmap.released import Trees
from gridmap.released_places import CountsBy, LevelCounts
from gridmap.store import releases as store
from gridmap.store.database import Connection
from gridmap.store.features import Counted, Period, Wanted
from gridmap.store.releases import Release

# So many releases are read for one answer; each of a large city's cells takes a part of a second.
MOST_RELEASES = 12
_MONTH_LENGTH = len("2026-10")


def releases_between(
    connection: Connection, begins: datetime | None, ends: datetime | None, asked: str
) -> list[Release]:
    """The releases of the months that have a part in a time, ends included, oldest first; None is an open end.

    InvalidInput, which names ``asked``, for more than MOST_RELEASES.
    """
    found = [
        release
        for release in reversed(store.list_releases(connection))
        if (ends is None or release.begins <= ends) and (begins is None or release.ends > begins)
    ]
    if len(found) > MOST_RELEASES:
        rule = f"has {len(found)} releases: at most {MOST_RELEASES} are given at once"
        raise InvalidInput("datetime", asked, rule)
    return found


def newest_release(connection: Connection) -> list[Release]:
    """The newest release; none before the first."""
    return store.list_releases(connection)[:1]


def releases_of_id(connection: Connection, identity: str) -> list[Release]:
    """The release that a feature's id names; none if there is no such."""
    return [each for each in store.list_releases(connection) if each.period == identity[:_MONTH_LENGTH]]


def parts_of(
    connection: Connection, city: City, known: CountsBy, trees: Trees, wanted: Wanted, releases: Sequence[Release]
) -> list[Wanted]:
    """What is wanted, of each release, in their order."""
    by = wanted.collection.level or CELL_LEVEL
    return [
        replace(
            wanted,
            period=Period(release.revision, release.revision),
            counted=_counted(known.of(connection, city, trees, release, by)),
        )
        for release in releases
    ]


def _counted(shown: LevelCounts) -> Counted:
    """The counts in columns; of a subject that the release does not count nothing shows."""
    counts = {subject: [each.get(subject) for each in shown.counts.values()] for subject in RELEASE_SUBJECTS}
    return Counted(shown.release.period, list(shown.counts), counts, shown.least)
