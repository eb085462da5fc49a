"""Keys: shown once, kept as a hash, within the giver's rights, gone when they expire or are revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key, give_key, list_keys, read_key, revoke_key
from gridmap.actions.sessions import open_session
from gridmap.errors import InvalidInput, NotAllowed, NotFound, RuleBroken
from gridmap.model import Actor
from gridmap.store.database import Database
from gridmap.store.keys import key_hash, note_used, read_keys
from gridmap.store.sessions import read_sessions

HOLDER = Actor("desk", "dispatcher", ("120101", "120101001001001"), ("read", "write"))
# Heping's key admin, and one of a street in it.
DISTRICT, STREET = Actor("ka-1", "key_admin", ("120101",)), Actor("ka-2", "key_admin", ("120101001",))


def keys(database: Database) -> dict[str, Actor]:
    with database.begin(OPERATOR) as connection:
        return {key.sha256: key.actor for key in read_keys(connection)}


def test_a_key_stands_for_its_holder_and_is_kept_nowhere(heping_copy: Database) -> None:
    record, key = give_key(heping_copy, DISTRICT, HOLDER, "a desk")
    assert key.startswith("gm_")
    assert len(key) > 40
    assert keys(heping_copy)[key_hash(key)] == HOLDER
    assert (record.holder, record.created_by, record.state) == (HOLDER, "ka-1", "valid")
    with heping_copy.begin(OPERATOR) as connection:
        stored = str(connection.execute(text("SELECT * FROM api_key")).all())
    assert key not in stored
    assert create_key(heping_copy, OPERATOR, HOLDER, "the same desk's next key") != key


def test_expired_and_revoked_keys_are_none(heping_copy: Database) -> None:
    now = datetime.now(UTC)
    new = create_key(heping_copy, OPERATOR, HOLDER, "new", now + timedelta(days=1))
    old, _ = give_key(heping_copy, OPERATOR, HOLDER, "old", now + timedelta(days=1))
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE api_key SET expires_at = now() WHERE id = :id"), {"id": old.id})
    assert set(keys(heping_copy)) == {key_hash(new)}
    assert read_key(heping_copy, OPERATOR, old.id).state == "expired"
    (id_,) = {key.id for key in list_keys(heping_copy, OPERATOR)} - {old.id}
    ended = revoke_key(heping_copy, DISTRICT, id_)
    assert (ended.state, ended.revoked_by) == ("revoked", "ka-1")
    assert keys(heping_copy) == {}
    assert revoke_key(heping_copy, OPERATOR, id_) == ended, "it stays as it was"


def test_revoking_ends_the_sessions_of_a_key_and_no_other(heping_copy: Database) -> None:
    (one, _), (other, _) = (give_key(heping_copy, OPERATOR, HOLDER, "a desk") for _ in range(2))
    ends = datetime.now(UTC) + timedelta(hours=1)
    for key in (one, other):
        open_session(heping_copy, HOLDER, ends, key.id)
    revoke_key(heping_copy, OPERATOR, one.id)
    with heping_copy.begin(OPERATOR) as connection:
        assert len(read_sessions(connection)) == 1


def test_the_day_of_use_is_kept_and_tells_workers_nothing(heping_copy: Database) -> None:
    record, _ = give_key(heping_copy, OPERATOR, HOLDER, "a desk")
    version = text("SELECT version FROM data_version WHERE part = 'keys'")
    today = datetime.now(UTC).date()
    with heping_copy.begin(OPERATOR) as connection:
        before = connection.execute(version).scalar_one()
        note_used(connection, {record.id}, today)
        note_used(connection, {record.id}, today - timedelta(days=3))
        assert connection.execute(version).scalar_one() == before, "no worker reads its keys again for that"
    assert read_key(heping_copy, OPERATOR, record.id).last_used_on == today
    revoke_key(heping_copy, OPERATOR, record.id)
    with heping_copy.begin(OPERATOR) as connection:
        assert connection.execute(version).scalar_one() > before


@pytest.mark.parametrize(
    ("holder", "more", "field"),
    [
        (Actor("x", "king", ("120101",)), {}, "role"),
        (Actor("x", "", ("120101",)), {}, "role"),
        (Actor("x", "viewer"), {}, "territories"),
        (Actor("x", "viewer", ("999999",)), {}, "territories"),
        (Actor("x", "viewer", ("120101", "120101")), {}, "territories"),
        (Actor("x", "viewer", ("120101",), ("everything",)), {}, "scopes"),
        (Actor("x", "viewer", ("120101",), ("read", "read")), {}, "scopes"),
        (Actor("oidc:x", "viewer", ("120101",)), {}, "holder"),
        (Actor("operator", "viewer", ("120101",)), {}, "holder"),
        (Actor("", "viewer", ("120101",)), {}, "holder"),
        (Actor("王小明", "viewer", ("120101",)), {}, "holder"),
        (Actor("13812345678", "viewer", ("120101",)), {}, "holder"),
        (Actor("x", "viewer", ("120101",)), {"label": ""}, "label"),
        (Actor("x", "viewer", ("120101",)), {"label": "a\nb"}, "label"),
        (Actor("x", "viewer", ("120101",)), {"label": "call 138 1234 5678"}, "label"),
        (Actor("x", "viewer", ("120101",)), {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
        (Actor("x", "viewer", ("120101",)), {"origins": ["https://a.example"]}, "origins"),
        (Actor("x", "public"), {}, "origins"),
        (Actor("x", "public"), {"origins": ["https://a.example/"]}, "origins"),
        (Actor("x", "public"), {"origins": ["*"]}, "origins"),
        (Actor("x", "public"), {"origins": ["https://A.example"]}, "origins"),
        (Actor("x", "public", ("120101",)), {"origins": ["https://a.example"]}, "role"),
    ],
)
def test_what_is_wrong_is_named(heping: Database, holder: Actor, more: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_key(heping, OPERATOR, holder, **{"label": "a test", **more})  # type: ignore[arg-type]
    assert refused.value.field == field


@pytest.mark.parametrize("role", ["public", "dispatcher", "publisher", "auditor"])
def test_who_may_not_give_keys(heping: Database, role: str) -> None:
    with pytest.raises(NotAllowed):
        create_key(heping, Actor("x", role, ("*",)), HOLDER, "x")


@pytest.mark.parametrize(
    ("holder", "reason"),
    [
        (Actor("x", "system_admin", ("120101",)), "may not give keys of the role system_admin"),
        (Actor("x", "auditor", ("120101",)), "may not give keys of the role auditor"),
        (Actor("x", "key_admin", ("120101",)), "may not give keys of the role key_admin"),
        (Actor("ka-1", "publisher", ("120101",)), "of another role to itself"),
        (Actor("x", "publisher", ("120000",)), "120000 is outside your territories"),
        (Actor("x", "publisher", ("*",)), r"\* is outside your territories"),
        (Actor("x", "publisher", ("120101", "999999")), "999999 is outside your territories"),
    ],
)
def test_a_key_admin_gives_no_more_than_it_may(heping: Database, holder: Actor, reason: str) -> None:
    with pytest.raises(NotAllowed, match=reason):
        create_key(heping, DISTRICT, holder, "x")


def test_a_narrowed_key_admin_needs_the_scope(heping: Database) -> None:
    narrowed = Actor("ka-3", "key_admin", ("120101",), ("read",))
    with pytest.raises(NotAllowed, match="scope keys"):
        create_key(heping, narrowed, HOLDER, "x")


def test_keys_are_listed_and_revoked_by_those_who_could_give_them(heping_copy: Database) -> None:
    wide, _ = give_key(heping_copy, OPERATOR, HOLDER, "district")
    near, _ = give_key(heping_copy, OPERATOR, Actor("s", "viewer", ("120101001001001",)), "cell")
    high, _ = give_key(heping_copy, OPERATOR, Actor("a", "auditor", ("120101",)), "auditor")
    page, _ = give_key(heping_copy, OPERATOR, Actor("m", "public"), "map", origins=["https://a.example"])
    assert [key.id for key in list_keys(heping_copy, STREET)] == [near.id]
    assert {key.id for key in list_keys(heping_copy, DISTRICT)} == {near.id, wide.id}
    assert {key.id for key in list_keys(heping_copy, OPERATOR)} == {near.id, wide.id, high.id, page.id}
    for key_id in (wide.id, high.id, page.id, "there-is-none"):
        with pytest.raises(NotFound, match="no key"):
            revoke_key(heping_copy, STREET, key_id)
    own, _ = give_key(heping_copy, STREET, Actor("m", "public"), "map", origins=["https://a.example"])
    assert revoke_key(heping_copy, STREET, own.id).state == "revoked"


def test_nobody_is_both_system_admin_and_auditor(heping_copy: Database) -> None:
    first, _ = give_key(heping_copy, OPERATOR, Actor("li", "system_admin", ("120000",)), "runs it")
    create_key(heping_copy, OPERATOR, Actor("li", "planner", ("120000",)), "plans, too")
    auditor = Actor("li", "auditor", ("120000",))
    with pytest.raises(RuleBroken, match="nobody is both"):
        create_key(heping_copy, OPERATOR, auditor, "audits")
    revoke_key(heping_copy, OPERATOR, first.id)
    with pytest.raises(RuleBroken, match="has or had"):
        create_key(heping_copy, OPERATOR, auditor, "audits what li did")
