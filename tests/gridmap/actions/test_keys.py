"""Keys: shown once, kept as a hash, gone when they expire or are revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.errors import InvalidInput, NotAllowed, RuleBroken
from gridmap.model import Actor
from gridmap.store.database import Database
from gridmap.store.keys import key_hash, read_keys

HOLDER = Actor("desk", "dispatcher", ("120101", "odd,code"))


def keys(database: Database) -> dict[str, Actor]:
    with database.begin(OPERATOR) as connection:
        return {key.sha256: key.actor for key in read_keys(connection)}


def test_a_key_stands_for_its_holder_and_is_kept_nowhere(heping_copy: Database) -> None:
    key = create_key(heping_copy, OPERATOR, HOLDER, "a desk")
    assert len(key) > 40
    assert keys(heping_copy)[key_hash(key)] == HOLDER
    with heping_copy.begin(OPERATOR) as connection:
        stored = str(connection.execute(text("SELECT * FROM api_key")).all())
    assert key not in stored
    assert create_key(heping_copy, OPERATOR, Actor("other", "viewer"), "another") != key


def test_expired_and_revoked_keys_are_none(heping_copy: Database) -> None:
    now = datetime.now(UTC)
    old = create_key(heping_copy, OPERATOR, HOLDER, "old", now - timedelta(seconds=1))
    new = create_key(heping_copy, OPERATOR, Actor("new", "viewer"), "new", now + timedelta(days=1))
    assert set(keys(heping_copy)) >= {key_hash(new)}
    assert key_hash(old) not in keys(heping_copy)
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE api_key SET revoked_at = now() WHERE id = 'new'"))
    assert key_hash(new) not in keys(heping_copy)


@pytest.mark.parametrize("role", ["public", "king", ""])
def test_a_role_that_takes_no_key_is_refused(heping: Database, role: str) -> None:
    with pytest.raises(InvalidInput, match="role"):
        create_key(heping, OPERATOR, Actor("x", role), "x")


@pytest.mark.parametrize("role", ["public", "dispatcher", "publisher", "auditor"])
def test_who_may_not_give_keys(heping: Database, role: str) -> None:
    with pytest.raises(NotAllowed):
        create_key(heping, Actor("x", role, ("*",)), HOLDER, "x")


def test_a_second_key_of_one_name_is_refused(heping_copy: Database) -> None:
    create_key(heping_copy, OPERATOR, HOLDER, "one")
    with pytest.raises(RuleBroken, match="pk_api_key"):
        create_key(heping_copy, OPERATOR, HOLDER, "two")
