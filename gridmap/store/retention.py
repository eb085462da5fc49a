"""What is past its retention, found and removed rule by rule; its caller decides whether that stays so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

# Who stands in a shift whose holder is no longer told.
FORMER = "former"

_PERSONS = text(
    "SELECT id FROM element WHERE class = 'person' AND category = :category AND recorded_at < :before ORDER BY id"
)
_REJECTED = text("DELETE FROM rejected_row WHERE expires_at <= :now")
_FORMER = text(
    "INSERT INTO holder (code, display_name) VALUES (:former, '原任 former holder') ON CONFLICT (code) DO NOTHING"
)
_SHIFTS = text(
    """
    UPDATE shift SET holder = :former, backup = NULL
    WHERE (upper(valid) <= CAST(:before AS date) OR upper(recorded) <= :before)
      AND (holder <> :former OR backup IS NOT NULL)
    """
)
_EXCEPTIONS = text(
    """
    UPDATE shift_exception SET holder = CASE WHEN holder IS NOT NULL THEN :former END,
                               substitute = CASE WHEN substitute IS NOT NULL THEN :former END
    WHERE (upper(during) <= :before OR upper(recorded) <= :before)
      AND (coalesce(holder, :former) <> :former OR coalesce(substitute, :former) <> :former)
    """
)
# Who stands in what ended: of them go those whom nothing else names.
_NAMED = text(
    """
    SELECT unnest(ARRAY[holder, backup]) AS code FROM shift
    WHERE upper(valid) <= CAST(:before AS date) OR upper(recorded) <= :before
    UNION
    SELECT unnest(ARRAY[holder, substitute]) FROM shift_exception
    WHERE upper(during) <= :before OR upper(recorded) <= :before
    """
)
_HOLDERS = text(
    """
    DELETE FROM holder WHERE code <> :former AND code = ANY(CAST(:codes AS text[]))
      AND NOT EXISTS (SELECT FROM shift WHERE shift.holder = holder.code OR shift.backup = holder.code)
      AND NOT EXISTS (SELECT FROM shift_exception AS other
                      WHERE other.holder = holder.code OR other.substitute = holder.code)
    """
)
_POSTS = text(
    "UPDATE post SET phone = '' WHERE phone <> '' AND (upper(valid) <= :before OR upper(recorded) <= :before)"
)


def find_expired_persons(connection: Connection, category: str, before: datetime) -> list[int]:
    """The ids of the persons of a category of whom the register last told something before a time."""
    return list(connection.execute(_PERSONS, {"category": category, "before": before}).scalars())


def remove_expired_rejected(connection: Connection, now: datetime) -> int:
    """Remove the rejected rows whose days are over."""
    return connection.execute(_REJECTED, {"now": now}).rowcount


def take_names_out(connection: Connection, before: datetime) -> dict[str, int]:
    """Take holders out of what ended before a time, and those out whom nothing names any more; rows by table."""
    given = {"former": FORMER, "before": before}
    codes = [code for code in connection.execute(_NAMED, given).scalars() if code is not None]
    connection.execute(_FORMER, given)
    return {
        "shift": connection.execute(_SHIFTS, given).rowcount,
        "shift_exception": connection.execute(_EXCEPTIONS, given).rowcount,
        "holder": connection.execute(_HOLDERS, {**given, "codes": codes}).rowcount,
    }


def take_phones_out(connection: Connection, before: datetime) -> int:
    """Take the phone out of posts, and versions of posts, that ended before a time; how many."""
    return connection.execute(_POSTS, {"before": before}).rowcount
