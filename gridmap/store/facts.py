"""Reads facts, what elements and incidents count as, all of them or only those that changed since a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from gridmap.errors import Unavailable
from gridmap.heatmap.columns import SUBJECTS, Facts, Part, Read, nothing
from gridmap.heatmap.counting import Longs
from gridmap.heatmap.places import Places
from gridmap.store.categories import read_categories
from gridmap.store.packed import EPOCH_US, read_packed

# Ids that one COPY asks for: a few dozen megabytes.
_BATCH = 1_000_000
# When spans of more ids than this have changed everything is read anew, which is not slower then.
_MOST_SPANNED = 1_000_000

_FIELDS = {
    "id": ">i8", "time": ">i8", "kind": ">i8", "cell": ">i4", "hex": ">i8", "lon": ">f8", "lat": ">f8",
}  # fmt: skip

# Only numbers travel packed: a kind is a 64-bit hash here, and a second query says of what.
_COLUMNS = {
    "element": "element.id, timestamptz '2000-01-01 00:00:00+00', "
    "hashtextextended(element.class || ' ' || element.category, 0), coalesce(placement.cell_id, 0), element.hex, "
    "ST_X(element.geom), ST_Y(element.geom)",
    "incident": "incident.id, incident.happened_at, hashtextextended(' ' || incident.category, 0), "
    "coalesce(placement.cell_id, 0), incident.hex, ST_X(incident.geom), ST_Y(incident.geom)",
}
_KIND = {
    "element": "SELECT DISTINCT hashtextextended(class || ' ' || category, 0), class, category FROM element",
    "incident": "SELECT DISTINCT hashtextextended(' ' || category, 0), '', category FROM incident",
}
_PLACED = {
    subject: f"JOIN {subject}_placement AS placement ON placement.{subject}_id = {subject}.id "
    "AND placement.first_revision <= %(revision)s "
    "AND (placement.last_revision IS NULL OR placement.last_revision >= %(revision)s)"
    for subject in SUBJECTS
}
_SPANS = "JOIN unnest(%(firsts)s::bigint[], %(lasts)s::bigint[]) AS span (first, last)"

# The parts of these texts are constants of this module.
_READ_ALL = {
    subject: f"SELECT {_COLUMNS[subject]} FROM {subject} {_PLACED[subject]} "  # noqa: S608
    f"WHERE {subject}.id BETWEEN %(first)s AND %(last)s"
    for subject in SUBJECTS
}
_READ_SPANS = {
    subject: f"SELECT {_COLUMNS[subject]} FROM {subject} {_SPANS} "  # noqa: S608
    f"ON {subject}.id BETWEEN span.first AND span.last {_PLACED[subject]}"
    for subject in SUBJECTS
}
_RANGE = {subject: text(f"SELECT min(id), max(id) FROM {subject}") for subject in SUBJECTS}  # noqa: S608

_VERSION = text("SELECT version FROM data_version WHERE part = 'facts'")
_CHANGES = text("SELECT count(*) FROM fact_change WHERE version > :seen AND version <= :newest")
_CHANGED = text(
    """
    SELECT what, lower(span), upper(span) - 1 FROM (
        SELECT what, unnest(range_agg(ids)) AS span FROM fact_change
        WHERE version > :seen AND version <= :newest GROUP BY what
    ) AS merged ORDER BY what, lower(span)
    """
)
_ALL_TOUCHED = text("SELECT count(*) FROM fact_change WHERE version > :seen AND ids IS NULL")


@dataclass(frozen=True)
class _Spans:
    """Ids that changed, as spans that are sorted, do not overlap and include both ends."""

    firsts: Longs
    lasts: Longs


def read_version(connection: Connection) -> int:
    """The version of elements, incidents and placements: one more for each change that was committed."""
    return int(connection.execute(_VERSION).scalar_one())


def read_facts(connection: Connection, places: Places, before: Facts | None) -> Facts:
    """The facts now at the revision of ``places``; ``before`` itself when they are the same.

    Reads what changed since ``before``, or everything when that is not known any more. The transaction must see
    one state of the database throughout.
    """
    newest = read_version(connection)
    changed = None if before is None else _changes_since(connection, before.version, newest)
    if before is not None and newest == before.version and places is before.places:
        return before
    declared = {subject: read_categories(connection, subject) for subject in SUBJECTS}
    if before is None or changed is None:
        reading = _Reading(connection, places, dict.fromkeys(SUBJECTS, ()))
        parts = {subject: _whole(reading, subject) for subject in SUBJECTS}
        return Facts(newest, newest, places, reading.kinds, declared, parts)
    reading = _Reading(connection, places, before.kinds)
    parts = {
        subject: _followed(reading, subject, before.parts[subject], changed.get(subject)) for subject in SUBJECTS
    }
    return Facts(newest, before.base_version, places, reading.kinds, declared, parts)


def _changes_since(connection: Connection, seen: int, newest: int) -> Mapping[str, _Spans] | None:
    """The ids of each subject that changed; None when too many did, or when the notes do not reach back so far."""
    given = {"seen": seen, "newest": newest}
    # every version has its note, so a missing one was dropped, or the notes are another database's
    if newest < seen or connection.execute(_CHANGES, given).scalar_one() != newest - seen:
        return None
    if connection.execute(_ALL_TOUCHED, {"seen": seen}).scalar_one():
        return None
    spans: dict[str, list[tuple[int, int]]] = {}
    for what, first, last in connection.execute(_CHANGED, given):
        spans.setdefault(what, []).append((first, last))
    if sum(last - first + 1 for each in spans.values() for first, last in each) > _MOST_SPANNED:
        return None
    arrays = {what: np.array(each, np.int64).T for what, each in spans.items()}
    return {
        what: _Spans(np.ascontiguousarray(each[0]), np.ascontiguousarray(each[1])) for what, each in arrays.items()
    }


class _Reading:
    """One reading: the transaction, the revision's places, and the kinds met so far."""

    def __init__(
        self, connection: Connection, places: Places, kinds: Mapping[str, tuple[tuple[str, str], ...]]
    ) -> None:
        self.connection = connection
        self.places = places
        self.kinds = dict(kinds)

    def rows(self, subject: str, query: str, given: Mapping[str, object], hashes: Mapping[int, int]) -> Read:
        """The facts that a query of this module finds."""
        cursor = self.connection.connection.cursor()
        bound = cursor.mogrify(query, {**given, "revision": self.places.grid.revision.number}).decode()
        found = read_packed(self.connection, bound, _FIELDS)
        known = np.array(sorted(hashes), np.int64)
        positions = np.array([hashes[each] for each in known.tolist()], np.int16)
        times = (
            np.zeros(len(found), np.int64) if subject == "element" else found["time"].astype(np.int64) + EPOCH_US
        )
        return Read(
            found["id"].astype(np.int64),
            times,
            positions[np.searchsorted(known, found["kind"])] if len(found) else np.empty(0, np.int16),
            found["cell"].astype(np.int32),
            found["hex"].astype(np.int64),
            found["lon"].astype(np.float64),
            found["lat"].astype(np.float64),
        )

    def hashes(
        self, subject: str, condition: str = "", given: Mapping[str, object] | None = None
    ) -> dict[int, int]:
        """Hash -> position of the kind, of those in the database; new kinds come behind those that are known."""
        cursor = self.connection.connection.cursor()
        cursor.execute(f"{_KIND[subject]} {condition}", given or {})
        kinds = list(self.kinds[subject])
        found: dict[int, int] = {}
        for hashed, class_, category in cursor.fetchall():
            if (class_, category) not in kinds:
                kinds.append((class_, category))
            if found.setdefault(int(hashed), kinds.index((class_, category))) != kinds.index((class_, category)):
                raise Unavailable(
                    f"two kinds of {subject} have one hash: {kinds[found[int(hashed)]]}, {class_, category}"
                )
        self.kinds[subject] = tuple(kinds)
        return found


def _whole(reading: _Reading, subject: str) -> Part:
    reading.connection.execute(
        text("SET LOCAL statement_timeout = 0")
    )  # tens of millions of rows may take minutes
    none = nothing()
    parts = list(_batches(reading, subject))
    if not parts:
        return Part(none, none, none)
    return Part(Read.join(parts).columns(reading.places, timed=subject == "incident"), none, none)


def _batches(reading: _Reading, subject: str) -> Iterator[Read]:
    lowest, highest = reading.connection.execute(_RANGE[subject]).one()
    if lowest is None:
        return
    hashes = reading.hashes(subject)
    for first in range(lowest, highest + 1, _BATCH):
        last = min(first + _BATCH - 1, highest)
        yield reading.rows(subject, _READ_ALL[subject], {"first": first, "last": last}, hashes)


def _followed(reading: _Reading, subject: str, before: Part, spans: _Spans | None) -> Part:
    if spans is None:
        return before
    given = {"firsts": spans.firsts.tolist(), "lasts": spans.lasts.tolist()}
    hashes = reading.hashes(subject, f"{_SPANS} ON {subject}.id BETWEEN span.first AND span.last", given)
    rows = reading.rows(subject, _READ_SPANS[subject], given, hashes)
    return before.followed(spans.firsts, spans.lasts, rows.columns(reading.places, timed=subject == "incident"))
