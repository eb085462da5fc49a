"""Features that are wanted, wherever they are read: the grid and its rows, or releases, month by month."""

from __future__ import annotations

from collections.abc import Sequence

from api.deps import Service
from gridmap.model import City
from gridmap.released_features import newest_release, parts_of, releases_between, releases_of_id
from gridmap.store.database import Connection
from gridmap.store.features import FeatureRow, Period, Wanted, count_features, read_features


def parts_wanted(
    connection: Connection, service: Service, city: City, wanted: Wanted, datetime: str | None
) -> list[Wanted]:
    """What is read one after the other: one query, or of released counts one for each month.

    Without a ``datetime`` the month is that of the wanted id, else the newest. None before the first release.
    """
    if not wanted.collection.released:
        return [wanted]
    if datetime is not None:
        releases = releases_between(connection, wanted.period.begins, wanted.period.ends, datetime)
    elif wanted.id is not None:
        releases = releases_of_id(connection, str(wanted.id))
    else:
        releases = newest_release(connection)
    return parts_of(connection, city, service.released_by, service.trees, wanted, releases)


def read_parts(
    connection: Connection, parts: Sequence[Wanted], after: int | str | None, limit: int
) -> list[FeatureRow]:
    """At most ``limit`` features by id, those after ``after``; ids of released counts lead with the month."""
    rows: list[FeatureRow] = []
    for part in parts:
        month = None if part.counted is None else part.counted.period
        passed = month is not None and after is not None and month < str(after)[: len(month)]
        if not passed and len(rows) < limit:
            rows += read_features(connection, part, after, limit - len(rows))
    return rows


def count_parts(connection: Connection, parts: Sequence[Wanted]) -> int | None:
    """How many features match; None when there are too many to count."""
    counts = [count_features(connection, part) for part in parts]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def period_over(parts: Sequence[Wanted], otherwise: Period) -> Period:
    """The revisions that all parts are of."""
    if not parts:
        return otherwise
    revisions = [part.period.last for part in parts]
    return parts[0].period if len(parts) == 1 else Period(min(revisions), max(revisions))


def months_of(parts: Sequence[Wanted]) -> str | None:
    """The months of releases as a datetime, None where there are none."""
    periods = [part.counted.period for part in parts if part.counted is not None]
    if not periods:
        return None
    return periods[0] if len(periods) == 1 else f"{periods[0]}/{periods[-1]}"


def head_of_releases(parts: Sequence[Wanted]) -> dict[str, object]:
    """What an answer says of the releases that it was read from; nothing of other collections."""
    releases = [
        {"period": part.counted.period, "revision": part.period.last, "least": dict(part.counted.least)}
        for part in parts
        if part.counted is not None
    ]
    return {"releases": releases} if releases else {}
