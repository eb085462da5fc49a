"""The trace in the database: notes, the chain, and what may be forgotten of it. Imports ``audit`` and tables.

Nothing here writes to the chain by itself: that is for the functions of migration 0018, which the application role
may call and whose tables it cannot write to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, IntegrityError

from gridmap.audit.chain import Batch, Detail, Entry
from gridmap.errors import InvalidInput

_ROWS_AT_A_TIME = 5_000

_SEARCH = text(
    """
    SELECT entry.seq, entry.body, (
        SELECT json_object_agg(detail.what, detail.found) FROM (
            SELECT what, array_agg(value ORDER BY value) AS found FROM audit_detail
            WHERE audit_detail.entry = entry.id GROUP BY what
        ) AS detail
    ) AS details
    FROM audit_entry AS entry
    WHERE ((SELECT audit_reach()) IS NULL OR body::jsonb -> 'codes' ?| (SELECT audit_reach()))
      AND seq < :before
      AND (CAST(:since AS text) IS NULL OR (
          batch >= (SELECT min(number) FROM audit_batch WHERE sealed_at COLLATE "C" >= :since)
          AND (body::jsonb ->> 'at') COLLATE "C" >= :since))
      AND (CAST(:until AS text) IS NULL OR (body::jsonb ->> 'at') COLLATE "C" < :until)
      AND (CAST(:actor AS text) IS NULL OR body::jsonb ->> 'actor' = :actor)
      AND (CAST(:action AS text) IS NULL OR body::jsonb ->> 'action' LIKE '%' || :action)
      AND (CAST(:ref AS text) IS NULL OR entry.id IN (
          SELECT audit_detail.entry FROM audit_detail WHERE what = 'ref' AND value = :ref))
    ORDER BY seq DESC LIMIT :most
    """
)


@dataclass(frozen=True, slots=True)
class Sought:
    """What entries are looked for: from ``since`` until before ``until``, of an actor, an action, a reference."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    ref: str | None = None
    before: int | None = None
    most: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """An entry: its place, what it says, and of what may be forgotten what is still there."""

    seq: int
    body: Mapping[str, Any]
    details: Mapping[str, Sequence[str]]


def note(connection: Connection, facts: Mapping[str, Any]) -> None:
    """Leave a trace of a read, in this transaction: it is there when the transaction is. Who and when are added.

    ``refs`` among the facts are references that can be forgotten; ``codes`` say whose auditors may see it.
    """
    connection.execute(text("SELECT audit_note(:facts)"), {"facts": json.dumps(facts, ensure_ascii=False)})


def seal(connection: Connection) -> int:
    """Take what is pending into the chain as one batch; how many entries. The transaction should end at once."""
    row = connection.execute(text("SELECT entries FROM audit_seal()")).first()
    return 0 if row is None else int(row[0])


def take_lines(connection: Connection, lines: Sequence[bytes]) -> int:
    """Take a spool's lines; those that came before are passed over. How many were new.

    InvalidInput when one of them is none; the transaction is lost then.
    """
    if not lines:
        return 0
    try:
        given = [line.decode() for line in lines]
        return int(connection.execute(text("SELECT audit_take(:lines)"), {"lines": given}).scalar_one())
    except (UnicodeDecodeError, DataError, IntegrityError) as error:
        raise InvalidInput("spool", f"{len(lines)} lines", "must be JSON with a kind and an id") from error


def search(connection: Connection, sought: Sought) -> list[Found]:
    """Entries within the auditor's territories, the newest first."""
    values = {
        "since": _as_text(sought.since),
        "until": _as_text(sought.until),
        "actor": sought.actor,
        "action": sought.action,
        "ref": sought.ref,
        "before": sought.before or 2**62,
        "most": sought.most,
    }
    return [Found(row.seq, json.loads(row.body), row.details or {}) for row in connection.execute(_SEARCH, values)]


def read_batches(connection: Connection, after: int = 0, most: int | None = None) -> list[Batch]:
    """Batches by number."""
    query = text(
        "SELECT number, first, last, sealed_at, link, hash FROM audit_batch WHERE number > :after "
        "ORDER BY number LIMIT :most"
    )
    return [Batch(*row) for row in connection.execute(query, {"after": after, "most": most})]


def read_head(connection: Connection) -> Batch | None:
    """The newest batch, None before the first."""
    query = text("SELECT number, first, last, sealed_at, link, hash FROM audit_batch ORDER BY number DESC LIMIT 1")
    row = connection.execute(query).first()
    return None if row is None else Batch(*row)


def read_entries(connection: Connection) -> Iterator[Entry]:
    """The whole chain by place, a part at a time."""
    query = text(
        "SELECT seq, id::text, batch, body, link FROM audit_entry WHERE seq > :after ORDER BY seq LIMIT :most"
    )
    after = -(2**62)
    while rows := connection.execute(query, {"after": after, "most": _ROWS_AT_A_TIME}).all():
        yield from (Entry(*row) for row in rows)
        after = rows[-1].seq


def read_details(connection: Connection) -> Iterator[Detail]:
    """What has not been forgotten of any entry."""
    query = text("SELECT entry::text, proof, what, value, salt FROM audit_detail")
    for row in connection.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME}):
        yield Detail(*row)


def forget(connection: Connection, reference: str) -> int:
    """Remove a person's reference from the trace, in this transaction; in how many entries it stood."""
    return int(connection.execute(text("SELECT audit_forget(:ref)"), {"ref": reference}).scalar_one())


def prune(connection: Connection, origins_before: datetime, answers_before: datetime) -> tuple[int, int]:
    """Remove from where things were done, and kept answers, of before two times; how many of each."""
    query = text("SELECT origins, answers FROM audit_prune(:origins, :answers)")
    row = connection.execute(query, {"origins": origins_before, "answers": answers_before}).one()
    return int(row[0]), int(row[1])


def _as_text(moment: datetime | None) -> str | None:
    """A moment in UTC as bodies have it, so that text compares like time."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
