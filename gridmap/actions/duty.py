"""Writing posts, shifts and exceptions. What was known before stays answerable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from gridmap.access import Action, covers, require
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.model import CELL_LEVEL, OVERLAY_LEVEL, Actor, Holder, Post, Shift, ShiftException
from gridmap.store.audit import note
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.duty import (
    close_row,
    holder_names,
    insert_exceptions,
    insert_shifts,
    post_of_row,
    read_exception_ids,
    read_post,
    replace_post,
    upsert_holders,
)
from gridmap.store.places import territory_chain


def save_post(database: Database, actor: Actor, post: Post) -> bool:
    """Create a post, or change the one with its code from now on; True when one stood before.

    NotFound when its territory does not exist, NotAllowed outside the actor's territories.
    """
    require(actor, Action.WRITE_DUTY)
    with database.begin(actor) as connection:
        levels = (CELL_LEVEL, OVERLAY_LEVEL, *read_city(connection).levels)
        if post.level not in levels:
            raise InvalidInput("level", post.level, f"must be one of {', '.join(levels)}")
        check_territory(connection, actor, post)
        return replace_post(connection, post, datetime.now(UTC))


def save_shifts(database: Database, actor: Actor, shifts: Sequence[Shift], holders: Sequence[Holder]) -> list[int]:
    """Record weekly rules of one or more posts, verified now; returns their ids."""
    require(actor, Action.WRITE_DUTY)
    now = datetime.now(UTC)
    with database.begin(actor) as connection:
        for code in {shift.post for shift in shifts}:
            check_territory(connection, actor, read_post(connection, code, now))
        upsert_holders(connection, holders)
        return insert_shifts(connection, shifts, now)


def save_exceptions(
    database: Database, actor: Actor, exceptions: Sequence[ShiftException], holders: Sequence[Holder]
) -> list[int]:
    """Record dated exceptions, verified now; returns their ids."""
    require(actor, Action.WRITE_DUTY)
    now = datetime.now(UTC)
    with database.begin(actor) as connection:
        for code in {exception.post for exception in exceptions}:
            check_territory(connection, actor, read_post(connection, code, now))
        upsert_holders(connection, holders)
        return insert_exceptions(connection, exceptions, now)


def list_exceptions(
    database: Database, actor: Actor, code: str
) -> tuple[Post, list[tuple[int, ShiftException]], dict[str, str]]:
    """A post, its exceptions that are known now and not over, by id, and the display names in them.

    NotFound when there is no such post, NotAllowed to whoever may not write its shifts.
    """
    require(actor, Action.WRITE_DUTY)
    with database.begin(actor) as connection:
        post = read_post(connection, code, datetime.now(UTC))
        check_territory(connection, actor, post)
        found = read_exception_ids(connection, code)
        named = {name for _, each in found for name in (each.holder, each.substitute) if name}
        read = {"what": "shift exceptions", "post": code, "rows": len(found)}
        note(connection, {"read": read, "codes": territory_chain(connection, post.level, post.territory)})
        return post, found, holder_names(connection, named)


def end_shift(database: Database, actor: Actor, shift_id: int) -> None:
    """Say that a weekly rule no longer holds, from now on; what it was stays known."""
    _close(database, actor, "shift", shift_id)


def withdraw_exception(database: Database, actor: Actor, exception_id: int) -> None:
    """Say that an exception no longer holds, from now on; what it was stays known."""
    _close(database, actor, "exception", exception_id)


def _close(database: Database, actor: Actor, noun: str, row_id: int) -> None:
    require(actor, Action.WRITE_DUTY)
    now = datetime.now(UTC)
    with database.begin(actor) as connection:
        code = post_of_row(connection, noun, row_id)
        if code is None:
            raise NotFound(f"no {noun} {row_id} is known now")
        check_territory(connection, actor, read_post(connection, code, now))
        close_row(connection, noun, row_id, now)


def check_territory(connection: Connection, actor: Actor, post: Post) -> None:
    """NotFound when the post's territory does not exist, NotAllowed when it is none of the actor's."""
    chain = territory_chain(connection, post.level, post.territory)
    if not chain:
        raise NotFound(f"no {post.level} {post.territory!r} in the current revision")
    if not covers(actor, chain):
        raise NotAllowed(f"{post.level} {post.territory} is outside your territories")
