"""What posts are told of a redraw, and who goes on with open incidents until they are handed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, text

from gridmap.store import tables


@dataclass(frozen=True, slots=True)
class Notice:
    """What a post is told: its territory before and after, what became of it, and what it has to hand over.

    ``became``: the codes that the old territory's ground has now; ``took_from``: the codes that the new one's
    ground had. ``places``: the codes of both territories and of the areas above them.
    """

    post: str
    level: str
    territory: str
    territory_now: str
    became: tuple[str, ...]
    took_from: tuple[str, ...]
    places: tuple[str, ...]
    open_incidents: int


@dataclass(frozen=True, slots=True)
class DatedNotice:
    """A notice with its revision and when that began; the post's title, phone and open incidents are today's."""

    id: int
    revision: int
    valid_from: datetime
    note: str
    notice: Notice
    title: str | None
    phone: str | None
    still_open: int


_SET_HANDLERS = text(
    """
    UPDATE incident SET handler = given.post
    FROM unnest(CAST(:ids AS bigint[]), CAST(:posts AS text[])) AS given (id, post)
    WHERE incident.id = given.id AND incident.closed_at IS NULL AND incident.handler IS NULL
      AND given.post IS NOT NULL
    """
)

# A post that stands at the cell where the incident is now has nothing to hand over.
_CLEAR_HANDLERS = text(
    """
    UPDATE incident SET handler = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:cells AS text[])) AS given (id, cell), post
    WHERE incident.id = given.id AND post.code = incident.handler AND post.territory = given.cell
      AND post.level = 'cell' AND upper_inf(post.recorded) AND post.valid @> CAST(:at AS timestamptz)
    """
)

_HANDED = text(
    "SELECT handler, count(*) FROM incident WHERE handler = ANY(:posts) AND closed_at IS NULL GROUP BY 1"
)

_NOTICES = text(
    """
    SELECT notice.*, revision.valid_from, revision.note, post.title, post.phone,
           (SELECT count(*) FROM incident WHERE handler = notice.post AND closed_at IS NULL) AS still_open
    FROM notice JOIN revision ON revision.number = notice.revision
    LEFT JOIN post ON post.code = notice.post AND upper_inf(post.recorded)
      AND post.valid @> CAST(:at AS timestamptz)
    WHERE notice.places @> ARRAY[CAST(:territory AS text) COLLATE "C"] AND notice.revision > :after
    ORDER BY notice.revision DESC, notice.post LIMIT :most
    """
)

_HANDLED = text(
    """
    SELECT incident.id, incident.source, incident.external_id, incident.category, incident.happened_at,
           incident.handler, cell.code AS cell
    FROM incident LEFT JOIN cell ON cell.id + 0 = incident.cell_now AND upper_inf(cell.revisions)
    WHERE incident.handler = ANY(:posts) AND incident.closed_at IS NULL ORDER BY incident.happened_at, incident.id
    """
)

_INCIDENT = text(
    """
    SELECT handler, closed_at, cell_now AS cell_id FROM incident WHERE id = :id FOR UPDATE
    """
)


def set_handlers(connection: Connection, ids: Sequence[int], posts: Sequence[str | None]) -> None:
    """Open incidents (ids) go on with a post each; one that has a handler keeps it."""
    if ids:
        connection.execute(_SET_HANDLERS, {"ids": list(ids), "posts": list(posts)})


def clear_handlers(connection: Connection, ids: Sequence[int], cells: Sequence[str], at: datetime) -> None:
    """Incidents whose handler stands at their cell (its code) have come home."""
    if ids:
        connection.execute(_CLEAR_HANDLERS, {"ids": list(ids), "cells": list(cells), "at": at})


def count_handled(connection: Connection, posts: Sequence[str]) -> dict[str, int]:
    """Post -> how many open incidents it has to hand over."""
    return {row[0]: row[1] for row in connection.execute(_HANDED, {"posts": list(posts)})}


def insert_notices(connection: Connection, revision: int, notices: Iterable[Notice]) -> None:
    """What posts are told of a revision."""
    rows: list[Mapping[str, Any]] = [
        {
            "revision": revision,
            **{name: getattr(each, name) for name in ("post", "level", "territory", "territory_now")},
            **{name: list(getattr(each, name)) for name in ("became", "took_from", "places")},
            "open_incidents": each.open_incidents,
        }
        for each in notices
    ]
    if rows:
        # inline: a single row would be read back for its id, and publishers may not read notices
        connection.execute(insert(tables.notice).inline(), rows)


def read_notices(
    connection: Connection, territory: str, now: datetime, after: int, most: int
) -> list[DatedNotice]:
    """What posts at or below a territory, before or after, were told by revisions after one; newest first."""
    given = {"territory": territory, "at": now, "after": after, "most": most}
    return [
        DatedNotice(
            row["id"],
            row["revision"],
            row["valid_from"],
            row["note"],
            Notice(
                post=row["post"],
                level=row["level"],
                territory=row["territory"],
                territory_now=row["territory_now"],
                became=tuple(row["became"]),
                took_from=tuple(row["took_from"]),
                places=tuple(row["places"]),
                open_incidents=row["open_incidents"],
            ),
            row["title"],
            row["phone"],
            row["still_open"],
        )
        for row in connection.execute(_NOTICES, given).mappings()
    ]


def read_handled(connection: Connection, posts: Sequence[str]) -> Sequence[RowMapping]:
    """The open incidents that some posts have to hand over, each with the code of the cell that it is in now."""
    return connection.execute(_HANDLED, {"posts": list(posts)}).mappings().all()


def read_handler(connection: Connection, incident: int) -> RowMapping | None:
    """``handler``, ``closed_at`` and ``cell_id`` of an incident, kept from other writers; None without one."""
    return connection.execute(_INCIDENT, {"id": incident}).mappings().one_or_none()


def clear_handler(connection: Connection, incident: int) -> None:
    """The posts of the cell that the incident is in go on with it."""
    connection.execute(text("UPDATE incident SET handler = NULL WHERE id = :id"), {"id": incident})
