"""Loading a roster file: first what it would do, then, if wanted, exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gridmap.access import Action, require
from gridmap.actions.duty import check_territory
from gridmap.duty import DutyBook, Overlap, Void
from gridmap.errors import NotFound
from gridmap.ingest.roster import Roster, read_roster
from gridmap.ingest.roster_preview import RosterChanges, preview
from gridmap.model import Actor, City, LoadCounts, Post, RejectedRow, Shift
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.duty import (
    close_rows,
    confirm_shifts,
    insert_exceptions,
    insert_shifts,
    list_posts,
    read_duty,
    read_shift_ids,
    upsert_holders,
)
from gridmap.store.loads import finish_load, insert_load, insert_rejected
from gridmap.store.tables import shift as shift_table

# Rules and exceptions further off than this play no part in what a roster changes.
_HORIZON = timedelta(days=366 * 5)


@dataclass(frozen=True)
class RosterReport:
    """What a roster does, or would do. Rows are those of the file; added and ended are weekly rules."""

    file: str
    recorded: bool
    rows: int
    rejected: Sequence[RejectedRow]
    unknown_posts: Sequence[str]
    unknown_holders: Sequence[str]
    added: int
    unchanged: int
    ended: int
    added_exceptions: int
    unchanged_exceptions: int
    voids: Sequence[Void]
    overlaps: Sequence[Overlap]
    stale: int


def load_roster(
    database: Database, actor: Actor, path: Path, begins: datetime, ends: datetime, *, record: bool
) -> RosterReport:
    """Read a roster, say what it changes and which voids and overlaps it leaves from ``begins`` to ``ends``.

    With ``record`` the changes are made, and what the file names counts as verified now; rejected rows are kept
    with their reasons. Raises LoadRefused when the file is not a roster, NotAllowed outside the territories.
    """
    require(actor, Action.WRITE_DUTY)
    now = datetime.now(UTC)
    with database.begin(actor, Action.WRITE_DUTY, long_work=True) as connection:
        city = read_city(connection)
        roster = read_roster(path, city.zone, verified_at=now)
        book = _book(connection, city, roster, now)
        for post in book.posts.values():
            check_territory(connection, actor, post)
        shown = preview(book, roster, begins, ends)
        if record:
            _apply(connection, roster, shown.changes, now)
            _keep_record(connection, actor, path.name, roster)
    return RosterReport(
        file=path.name,
        recorded=record,
        rows=roster.rows,
        rejected=_rejected(path.name, roster),
        unknown_posts=shown.unknown_posts,
        unknown_holders=shown.unknown_holders,
        added=len(shown.changes.added),
        unchanged=len(shown.changes.unchanged),
        ended=len(shown.changes.ended),
        added_exceptions=len(shown.changes.added_exceptions),
        unchanged_exceptions=len(shown.changes.unchanged_exceptions),
        voids=shown.voids,
        overlaps=shown.overlaps,
        stale=len(shown.stale),
    )


def posts_of(database: Database, actor: Actor, territory: str) -> list[Post]:
    """The posts that stand at a cell, an area or an overlay now; NotFound when there is none."""
    with database.begin(actor) as connection:
        posts = list_posts(connection, datetime.now(UTC), territories=[territory])
    if not posts:
        raise NotFound(f"no post stands at {territory!r}")
    return posts


def _book(connection: Connection, city: City, roster: Roster, now: datetime) -> DutyBook:
    """The named posts with all rules that are known of them now."""
    named = {shift.post for shift in roster.shifts} | {each.post for each in roster.exceptions}
    posts = [post for post in list_posts(connection, now) if post.code in named]
    territories = sorted({post.territory for post in posts})
    duty = read_duty(connection, now - _HORIZON, now + _HORIZON, now, territories)
    return DutyBook(posts, duty.holders, duty.shifts, duty.exceptions, city)


def _apply(connection: Connection, roster: Roster, changes: RosterChanges, now: datetime) -> None:
    upsert_holders(connection, roster.holders)
    posts = {shift.post for shift in changes.unchanged} | {one.shift.post for one in changes.ended}
    ids: dict[tuple[object, ...], int] = {}
    for post in sorted(posts):
        ids |= {_key(shift): shift_id for shift_id, shift in read_shift_ids(connection, post)}
    confirm_shifts(connection, [(ids[_key(shift)], shift.verified_at) for shift in changes.unchanged])
    close_rows(connection, shift_table, [ids[_key(one.shift)] for one in changes.ended], now)
    shortened = [_until(one.shift, one.last_day) for one in changes.ended if one.last_day is not None]
    insert_shifts(connection, [*shortened, *changes.added], now)
    insert_exceptions(connection, changes.added_exceptions, now)


def _until(shift: Shift, last_day: date) -> Shift:
    return replace(shift, valid_until=last_day)


def _key(shift: Shift) -> tuple[object, ...]:
    return shift.post, shift.holder, shift.backup, shift.hours, shift.valid_from, shift.valid_until


def _keep_record(connection: Connection, actor: Actor, file: str, roster: Roster) -> None:
    load_id = insert_load(connection, actor, "roster", "roster", file)
    rejected = _rejected(file, roster)
    insert_rejected(connection, load_id, rejected)
    taken = roster.rows - len(rejected)
    finish_load(connection, load_id, LoadCounts(roster.rows, taken, 0, len(rejected)))


def _rejected(file: str, roster: Roster) -> list[RejectedRow]:
    return [RejectedRow(f"{file}#{one.sheet}", one.line, one.reason, one.row) for one in roster.rejected]
