"""Forgetting a person: the reference goes from everywhere, and no later load brings it back."""

from __future__ import annotations

from dataclasses import dataclass, field

from gridmap.access import Action, require
from gridmap.errors import InvalidInput
from gridmap.model import Actor
from gridmap.store import audit
from gridmap.store import forgetting as store
from gridmap.store.database import Database

_LONGEST = 200


@dataclass(frozen=True)
class ForgetReport:
    """Rows that were removed, by table; and whether loads that name the reference are refused it from now on."""

    removed: dict[str, int] = field(default_factory=dict)
    kept_out: bool = True


def forget_person(
    database: Database, actor: Actor, reference: str, source: str | None = None, *, keep_out: bool = True
) -> ForgetReport:
    """Remove a person's reference from every table, of one source or of all, in one transaction.

    Released counts stay: they are frozen, and hide few. Workers follow within a second, in memory and on disk.
    With ``keep_out`` a salted hash stays, by which a later load rejects the reference without keeping it.
    """
    require(actor, Action.FORGET)
    _check(reference, source)
    with database.begin(actor, long_work=True) as connection:
        removed = store.remove_persons(connection, store.find_persons(connection, reference, source))
        removed["rejected_row"] = store.remove_rejected(connection, reference, source)
        removed["audit"] = audit.forget(connection, reference)
        if keep_out:
            store.keep_out(connection, source, reference)
    return ForgetReport({table: rows for table, rows in removed.items() if rows}, keep_out)


def readmit_person(database: Database, actor: Actor, reference: str, source: str | None = None) -> bool:
    """Let loads bring a forgotten reference again, as when somebody moves back; whether it was kept out."""
    require(actor, Action.FORGET)
    _check(reference, source)
    with database.begin(actor) as connection:
        return store.let_in(connection, source, reference)


def _check(reference: str, source: str | None) -> None:
    for field_, value in (("reference", reference), ("source", source)):
        if value is not None and (not 0 < len(value) <= _LONGEST or not value.isprintable()):
            raise InvalidInput(field_, value, f"must be printable text of 1 to {_LONGEST} characters")
    if source == store.EVERY_SOURCE:
        raise InvalidInput("source", source, "must be the name of one; without it every source is meant")
