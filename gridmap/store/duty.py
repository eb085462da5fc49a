"""Posts, holders, shifts and exceptions: written with what was known when, read as they held at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.dialects.postgresql import insert as upsert

from gridmap.coverage.snapshot import DutyRecords
from gridmap.errors import NotFound
from gridmap.model import Holder, Post, Shift, ShiftException, WeeklyHours
from gridmap.store import tables
from gridmap.store.copy import array_column, copy_rows, reserve_ids

# Above this it is cheaper to read all holders than to name those wanted.
MANY_HOLDERS = 1000
# What a post's rows are called in errors.
_ROWS = {"shift": tables.shift, "exception": tables.shift_exception}
# A weekly rule may start the evening before, in any time zone, and run for a day.
_BEFORE, _AFTER = timedelta(days=2), timedelta(days=1)


def read_duty(
    connection: Connection,
    begins: datetime,
    ends: datetime,
    known_at: datetime,
    territories: Sequence[str] | None = None,
) -> DutyRecords:
    """What holds between two times, as known at a third: posts valid at ``begins``, rules that touch the span.

    ``territories`` (cell, area and overlay codes) narrows it to the posts there; None reads all.
    """
    posts = list_posts(connection, begins, known_at=known_at, territories=territories)
    codes = None if territories is None else [post.code for post in posts]
    shifts = _read_shifts(connection, begins, ends, known_at, codes)
    exceptions = _read_exceptions(connection, begins, ends, known_at, codes)
    named = {name for shift in shifts for name in (shift.holder, shift.backup) if name}
    named |= {name for each in exceptions for name in (each.holder, each.substitute) if name}
    holders = tuple(Holder(*row) for row in holder_names(connection, named).items())
    return DutyRecords(tuple(posts), holders, tuple(shifts), tuple(exceptions), begins, ends)


def _known(table: FromClause, known_at: datetime) -> ColumnElement[bool]:
    return table.c.recorded.op("@>")(known_at)


def list_posts(
    connection: Connection,
    now: datetime,
    *,
    code: str | None = None,
    level: str | None = None,
    territories: Sequence[str] | None = None,
    kind: str | None = None,
    after: str = "",
    known_at: datetime | None = None,
    limit: int | None = None,
) -> list[Post]:
    """Posts valid at ``now``, as known then or at ``known_at``, by code, beginning after one."""
    table: FromClause = tables.post
    if territories is not None:
        # First of all: with policies the planner does not know how many posts hold at a time, and would read all.
        there = select(table).where(table.c.territory.in_(territories))
        table = there.cte("there").prefix_with("MATERIALIZED")
    columns = ("code", "kind", "title", "level", "territory", "phone", "required", "department", "categories")
    query = select(*(table.c[name] for name in columns)).where(
        _known(table, known_at or now), table.c.valid.op("@>")(now), table.c.code > after
    )
    for column, value in (("code", code), ("level", level), ("kind", kind)):
        if value is not None:
            query = query.where(table.c[column] == value)
    return [
        Post(**{**row, "required": _required(row["required"]), "categories": tuple(row["categories"])})
        for row in connection.execute(query.order_by(table.c.code).limit(limit)).mappings()
    ]


def _required(text_: str) -> tuple[WeeklyHours, ...]:
    return WeeklyHours.parse(text_) if text_ else ()


def _read_shifts(
    connection: Connection, begins: datetime, ends: datetime, known_at: datetime, posts: Sequence[str] | None
) -> list[Shift]:
    days = Range((begins - _BEFORE).date(), (ends + _AFTER).date(), bounds="[]")
    return [shift for _, shift in _select_shifts(connection, known_at, posts, days)]


def _select_shifts(
    connection: Connection, known_at: datetime, posts: Sequence[str] | None, days: Range[date] | None
) -> list[tuple[int, Shift]]:
    """Rules with their ids, by post; those that hold on some of ``days`` (None: at any time)."""
    table = tables.shift
    columns = ("id", "post", "holder", "backup", "weekdays", "starts", "minutes", "verified_at")
    query = select(
        *(table.c[name] for name in columns),
        func.lower(table.c.valid).label("valid_from"),
        (func.upper(table.c.valid) - 1).label("valid_until"),
    ).where(_known(table, known_at))
    if days is not None:
        query = query.where(table.c.valid.op("&&")(days))
    if posts is not None:
        query = query.where(table.c.post.in_(posts))
    return [
        (
            row.id,
            Shift(
                post=row.post,
                holder=row.holder,
                hours=WeeklyHours(row.weekdays, row.starts, row.minutes),
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                backup=row.backup,
                verified_at=row.verified_at,
            ),
        )
        for row in connection.execute(query.order_by(table.c.post, table.c.id))
    ]


def _read_exceptions(
    connection: Connection, begins: datetime, ends: datetime, known_at: datetime, posts: Sequence[str] | None
) -> list[ShiftException]:
    return [each for _, each in _select_exceptions(connection, begins - _BEFORE, ends + _AFTER, known_at, posts)]


def _select_exceptions(
    connection: Connection,
    begins: datetime,
    ends: datetime | None,
    known_at: datetime,
    posts: Sequence[str] | None,
) -> list[tuple[int, ShiftException]]:
    """Exceptions with their ids, by post; those that touch a span, which may have no end."""
    table = tables.shift_exception
    query = select(
        table.c.id,
        table.c.post,
        table.c.kind,
        func.lower(table.c.during).label("begins"),
        func.upper(table.c.during).label("ends"),
        table.c.holder,
        table.c.substitute,
        table.c.verified_at,
    ).where(_known(table, known_at), table.c.during.op("&&")(Range(begins, ends)))
    if posts is not None:
        query = query.where(table.c.post.in_(posts))
    rows = connection.execute(query.order_by(table.c.post, table.c.id))
    return [(row.id, ShiftException(*row[1:])) for row in rows]


def holder_names(connection: Connection, codes: set[str]) -> dict[str, str]:
    """Display names by code, of these holders."""
    table = tables.holder
    query = select(table.c.code, table.c.display_name).order_by(table.c.code)
    if len(codes) < MANY_HOLDERS:
        query = query.where(table.c.code.in_(codes))
    return {row.code: row.display_name for row in connection.execute(query) if row.code in codes}


def next_change(connection: Connection, after: datetime) -> datetime | None:
    """When the next post starts or stops being valid, so that whoever keeps posts in memory reads them again."""
    query = text(
        "SELECT min(moment) FROM (SELECT unnest(ARRAY[lower(valid), upper(valid)]) AS moment FROM post "
        "WHERE upper_inf(recorded)) AS moments WHERE moment > :after"
    )
    found: datetime | None = connection.execute(query, {"after": after}).scalar_one()
    return found


def insert_posts(connection: Connection, posts: Sequence[Post], known_from: datetime) -> None:
    """New posts, valid without bounds, known from ``known_from`` on."""
    rows = {
        "code": [post.code for post in posts],
        "kind": [post.kind for post in posts],
        "title": [post.title for post in posts],
        "level": [post.level for post in posts],
        "territory": [post.territory for post in posts],
        "phone": [post.phone for post in posts],
        "required": ["; ".join(map(str, post.required)) for post in posts],
        "department": pa.array([post.department for post in posts], pa.string()),
        "categories": array_column([post.categories for post in posts]),
        "recorded": [f"[{known_from.isoformat()},)"] * len(posts),
    }
    copy_rows(connection, tables.post, pa.table(rows))


def replace_post(connection: Connection, post: Post, now: datetime) -> bool:
    """Record a post from ``now`` on; True when one with its code stood before and ends now.

    What was known before stays answerable: the old row is closed, and a copy of it that is valid until now and
    known from now on is put beside the new one.
    """
    table = tables.post
    current = and_(table.c.code == post.code, func.upper_inf(table.c.recorded), table.c.valid.op("@>")(now))
    old = connection.execute(select(table).where(current).with_for_update()).mappings().one_or_none()
    values = {
        "code": post.code,
        "kind": post.kind,
        "title": post.title,
        "level": post.level,
        "territory": post.territory,
        "phone": post.phone,
        "required": "; ".join(map(str, post.required)),
        "department": post.department,
        "categories": list(post.categories),
    }
    if old is not None:
        close_rows(connection, table, [old["id"]], now)
        before = {name: old[name] for name in values}
        until = Range(old["valid"].lower, now)
        connection.execute(insert(table).values(**before, valid=until, recorded=Range(now, None)))
    connection.execute(insert(table).values(**values, valid=Range(now, None), recorded=Range(now, None)))
    return old is not None


def upsert_holders(connection: Connection, holders: Iterable[Holder]) -> None:
    """New holders, and new display names for known ones; of two with one code the last counts."""
    names = {holder.code: holder.display_name for holder in holders}
    rows = [{"code": code, "display_name": name} for code, name in names.items()]
    if rows:
        statement = upsert(tables.holder).values(rows)
        changed = {"display_name": statement.excluded.display_name}
        connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=changed))


def insert_holders(connection: Connection, holders: Sequence[Holder]) -> None:
    """Many new holders at once."""
    rows = {"code": [holder.code for holder in holders], "display_name": [each.display_name for each in holders]}
    copy_rows(connection, tables.holder, pa.table(rows))


def insert_shifts(connection: Connection, shifts: Sequence[Shift], known_from: datetime) -> list[int]:
    """New weekly rules, known from ``known_from`` on; returns their ids."""
    rows = {
        "post": [shift.post for shift in shifts],
        "holder": [shift.holder for shift in shifts],
        "backup": pa.array([shift.backup for shift in shifts], pa.string()),
        "weekdays": [shift.hours.weekdays for shift in shifts],
        "starts": [shift.hours.starts for shift in shifts],
        "minutes": [shift.hours.minutes for shift in shifts],
        "valid": [f"[{shift.valid_from},{shift.valid_until or ''}]" for shift in shifts],
        "verified_at": pa.array([shift.verified_at for shift in shifts], pa.timestamp("us", "UTC")),
        "recorded": [f"[{known_from.isoformat()},)"] * len(shifts),
    }
    ids = reserve_ids(connection, tables.shift, len(shifts))
    copy_rows(connection, tables.shift, pa.table({"id": pa.array(ids, pa.int32()), **rows}))
    return ids


def insert_exceptions(
    connection: Connection, exceptions: Sequence[ShiftException], known_from: datetime
) -> list[int]:
    """New dated exceptions, known from ``known_from`` on; returns their ids."""
    rows = {
        "post": [each.post for each in exceptions],
        "kind": [each.kind for each in exceptions],
        "holder": pa.array([each.holder for each in exceptions], pa.string()),
        "substitute": pa.array([each.substitute for each in exceptions], pa.string()),
        "during": [f"[{each.begins.isoformat()},{each.ends.isoformat()})" for each in exceptions],
        "verified_at": pa.array([each.verified_at for each in exceptions], pa.timestamp("us", "UTC")),
        "recorded": [f"[{known_from.isoformat()},)"] * len(exceptions),
    }
    ids = reserve_ids(connection, tables.shift_exception, len(exceptions))
    copy_rows(connection, tables.shift_exception, pa.table({"id": pa.array(ids, pa.int32()), **rows}))
    return ids


def close_rows(connection: Connection, table: Table, ids: Sequence[int], now: datetime) -> None:
    """Say that rows of post, shift or shift_exception are no longer known to hold, from ``now`` on."""
    closed = func.tstzrange(func.lower(table.c.recorded), now)
    connection.execute(update(table).where(table.c.id.in_(ids)).values(recorded=closed))


def confirm_shifts(connection: Connection, verified: Sequence[tuple[int, datetime | None]]) -> None:
    """Say of rules, by id, when they were last found to be right."""
    rows = [{"rule": shift_id, "moment": moment} for shift_id, moment in verified]
    if rows:
        table = tables.shift
        statement = update(table).where(table.c.id == bindparam("rule")).values(verified_at=bindparam("moment"))
        connection.execute(statement, rows)


def close_row(connection: Connection, noun: str, row_id: int, now: datetime) -> None:
    """Say of a ``shift`` or an ``exception`` that it is no longer known to hold, from ``now`` on."""
    close_rows(connection, _ROWS[noun], [row_id], now)


def post_of_row(connection: Connection, noun: str, row_id: int) -> str | None:
    """The post of a ``shift`` or an ``exception`` that is known now, None when there is no such row."""
    table = _ROWS[noun]
    query = select(table.c.post).where(table.c.id == row_id, func.upper_inf(table.c.recorded))
    return connection.execute(query).scalar_one_or_none()


def read_shift_ids(connection: Connection, post: str) -> list[tuple[int, Shift]]:
    """The rules of a post that are known now, with their ids."""
    return _select_shifts(connection, datetime.now(UTC), [post], None)


def read_exception_ids(connection: Connection, post: str) -> list[tuple[int, ShiftException]]:
    """The exceptions of a post that are known now and not over, with their ids."""
    now = datetime.now(UTC)
    return _select_exceptions(connection, now, None, now, [post])


def read_post(connection: Connection, code: str, now: datetime) -> Post:
    """A post as it is valid and known now; NotFound when there is none."""
    posts = list_posts(connection, now, code=code)
    if not posts:
        raise NotFound(f"no post {code!r}")
    return posts[0]
