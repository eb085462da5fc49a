"""Removing a person's reference from every table, and keeping it from coming back without keeping it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from gridmap.store import tables

# Stands for every source in a hash, and is none itself.
EVERY_SOURCE = "*"

_PERSONS = text(
    "SELECT id FROM element WHERE class = 'person' AND external_id = :reference "
    "AND (CAST(:source AS text) IS NULL OR source = :source)"
)

# A rejected row keeps its id and more: it goes when any of that is the reference, which reasons quote.
_REJECTED = text(
    """
    DELETE FROM rejected_row USING load WHERE load.id = load_id
      AND (CAST(:source AS text) IS NULL OR load.source = :source)
      AND (position(:quoted IN reason) > 0
           OR EXISTS (SELECT FROM jsonb_each_text(columns) AS kept WHERE kept.value = :reference))
    """
)


@dataclass(frozen=True)
class Forgotten:
    """Who is not to come back: salted hashes, from which nobody reads a reference."""

    salt: str
    hashes: frozenset[str]

    def marks(self, source: str, references: Iterable[object]) -> NDArray[np.bool_]:
        """Which references of a source were forgotten."""
        given = list(references)
        if not self.hashes:
            return np.zeros(len(given), bool)
        return np.array([self.knows(source, str(each)) for each in given], bool)

    def knows(self, source: str, reference: str) -> bool:
        """Whether a reference of a source was forgotten, in that source or in every one."""
        return any(_hashed(self.salt, each, reference) in self.hashes for each in (source, EVERY_SOURCE))


def read_forgotten(connection: Connection) -> Forgotten:
    """All who are not to come back."""
    salt = connection.execute(select(tables.forgotten_salt.c.salt)).scalar_one()
    return Forgotten(salt, frozenset(connection.execute(select(tables.forgotten.c.sha256)).scalars()))


def keep_out(connection: Connection, source: str | None, reference: str) -> None:
    """Let no load bring a reference back."""
    hashed = _hash(connection, source, reference)
    connection.execute(upsert(tables.forgotten).values(sha256=hashed).on_conflict_do_nothing())


def let_in(connection: Connection, source: str | None, reference: str) -> bool:
    """Let loads bring a reference again; whether it was kept out."""
    hashed = _hash(connection, source, reference)
    return bool(connection.execute(delete(tables.forgotten).where(tables.forgotten.c.sha256 == hashed)).rowcount)


def find_persons(connection: Connection, reference: str, source: str | None) -> list[int]:
    """The ids of the persons with a reference, in one source or in all."""
    return list(connection.execute(_PERSONS, {"reference": reference, "source": source}).scalars())


def remove_persons(connection: Connection, ids: Sequence[int]) -> dict[str, int]:
    """Remove persons with all that hangs on them; rows by table."""
    removed = {}
    for table in (tables.element_share, tables.element_shape, tables.element_placement):
        removed[table.name] = connection.execute(
            delete(table).where(table.c.element_id == func.any(list(ids)))
        ).rowcount
    removed["element"] = connection.execute(
        delete(tables.element).where(tables.element.c.id == func.any(list(ids)))
    ).rowcount
    return removed


def remove_rejected(connection: Connection, reference: str, source: str | None) -> int:
    """Remove the rejected rows that hold a reference."""
    given = {"reference": reference, "quoted": f"'{reference}'", "source": source}
    return connection.execute(_REJECTED, given).rowcount


def _hash(connection: Connection, source: str | None, reference: str) -> str:
    salt = connection.execute(select(tables.forgotten_salt.c.salt)).scalar_one()
    return _hashed(salt, EVERY_SOURCE if source is None else source, reference)


def _hashed(salt: str, source: str, reference: str) -> str:
    return hashlib.sha256("\x1f".join((salt, source, reference)).encode()).hexdigest()
