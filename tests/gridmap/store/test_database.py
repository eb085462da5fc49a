"""Transactions: the actor is set and gone, errors are the domain's, a full pool says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gridmap.access import OPERATOR
from gridmap.errors import DatabaseGone, InvalidInput, RuleBroken, Unavailable
from gridmap.model import PUBLIC, Actor
from gridmap.store import tables
from gridmap.store.copy import copy_rows
from gridmap.store.database import Connection, Database

ACTOR = Actor("k1", "dispatcher", ("120101", 'odd "code"; --'))
_WHO = text("SELECT current_setting('gridmap.actor', true)")


def run(database: Database, statement: str) -> object:
    with database.begin(OPERATOR) as connection:
        result = connection.execute(text(statement))
        return result.scalar_one() if result.returns_rows else None


def test_the_actor_is_set_on_its_transaction_and_gone_after(heping: Database) -> None:
    with Database(heping.url, pool_size=1).begin(ACTOR) as connection:
        said = json.loads(connection.execute(_WHO).scalar_one())
        engine = connection.engine
    assert said == {"id": "k1", "role": "dispatcher", "territories": ["120101", 'odd "code"; --']}
    with engine.connect() as connection:  # the same session: its pool has one
        assert not connection.execute(_WHO).scalar_one()
    engine.dispose()


def test_two_actors_do_not_see_each_other(heping: Database) -> None:
    with heping.begin(ACTOR) as one, heping.begin(PUBLIC) as other:
        assert json.loads(one.execute(_WHO).scalar_one())["id"] == "k1"
        assert json.loads(other.execute(_WHO).scalar_one())["id"] == "public"


def test_an_error_leaves_nothing_behind(heping_copy: Database) -> None:
    def spoil() -> None:
        with heping_copy.begin(OPERATOR) as connection:
            connection.execute(text("DELETE FROM shift"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        spoil()
    assert run(heping_copy, "SELECT count(*) FROM shift") != 0


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("INSERT INTO line (id, kind, geom) SELECT id, kind, geom FROM line LIMIT 1", "pk_line"),
        (
            "INSERT INTO cell (code, revisions, name, kind, community, geom) SELECT code, revisions, name, kind, "
            "community, geom FROM cell LIMIT 1",
            "ex_cell_code_once",
        ),
        (
            "INSERT INTO shift (post, holder, weekdays, starts, minutes, valid) VALUES ('p', 'nobody', 1, 0, 60, "
            "'[2026-01-01,)')",
            "fk_shift_holder",
        ),
        ("UPDATE shift SET weekdays = 0", "ck_shift_weekdays"),
        ("UPDATE cell SET name = NULL", "name"),
    ],
)
def test_a_broken_constraint_is_a_broken_rule_by_its_name(heping: Database, statement: str, rule: str) -> None:
    with pytest.raises(RuleBroken, match=f"refused by the rule {rule}: "):
        run(heping, statement)


def test_a_broken_constraint_in_a_copy_is_one_too(heping: Database) -> None:
    row = pa.table({"code": ["twice", "twice"], "display_name": ["a", "b"]})
    with pytest.raises(RuleBroken, match="pk_holder"), heping.begin(ACTOR) as connection:
        copy_rows(connection, tables.holder, row)


@pytest.mark.parametrize("code", ["nul\0byte", "half a \ud800 pair"])
def test_text_that_no_database_takes_is_invalid_input(heping: Database, code: str) -> None:
    with pytest.raises(InvalidInput, match="UTF-8 without NUL"), heping.begin(ACTOR) as connection:
        connection.execute(text("SELECT :code"), {"code": code})


def test_a_nul_byte_in_a_copy_is_invalid_input(heping: Database) -> None:
    rows = pa.table({"code": ["a\0b"], "display_name": ["x"]})
    with pytest.raises(InvalidInput, match="UTF-8 without NUL"), heping.begin(ACTOR) as connection:
        copy_rows(connection, tables.holder, rows)


def test_other_faults_of_the_callers_stay_what_they_are(heping: Database) -> None:
    with pytest.raises(ValueError, match="not about text"), heping.begin(ACTOR):
        raise ValueError("not about text")
    with pytest.raises(DBAPIError, match="no_such_table"):
        run(heping, "SELECT 1 FROM no_such_table")


def test_a_slow_query_is_stopped_and_says_so(heping: Database) -> None:
    with pytest.raises(Unavailable, match="took longer") as caught:
        run(heping, "SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(5)")
    assert not isinstance(caught.value, DatabaseGone)


def test_long_work_has_no_timeout_and_only_there(heping: Database) -> None:
    def timeout(connection: Connection) -> object:
        return connection.execute(text("SHOW statement_timeout")).scalar_one()

    with heping.begin(ACTOR, long_work=True) as connection:
        assert timeout(connection) == "0"
    with heping.begin(ACTOR) as connection:
        assert timeout(connection) == "30s"


def test_a_change_at_the_same_time_may_be_tried_again(heping: Database) -> None:
    with heping.begin(ACTOR) as one:
        one.execute(text("LOCK TABLE load IN EXCLUSIVE MODE"))
        with pytest.raises(Unavailable, match="try again") as caught:
            run(heping, "LOCK TABLE load IN EXCLUSIVE MODE NOWAIT")
    assert not isinstance(caught.value, DatabaseGone)


def test_one_state_sees_what_its_first_statement_saw(heping_copy: Database) -> None:
    count = text("SELECT count(*) FROM holder")
    with heping_copy.begin(ACTOR, one_state=True) as reader:
        before = reader.execute(count).scalar_one()
        run(heping_copy, "INSERT INTO holder (code, display_name) VALUES ('new', 'New')")
        assert reader.execute(count).scalar_one() == before
    assert run(heping_copy, "SELECT count(*) FROM holder") == before + 1


def killed(database: Database, then: Callable[[Connection], object]) -> None:
    """Do something in a session that the server has just ended."""
    with database.begin(ACTOR) as connection:
        session = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        run(database, f"SELECT pg_terminate_backend({session})")
        then(connection)


def test_a_killed_session_means_the_database_is_gone_and_the_next_one_works(heping: Database) -> None:
    with pytest.raises(DatabaseGone):
        killed(heping, lambda connection: connection.execute(text("SELECT 1")))
    assert run(heping, "SELECT 1") == 1


def test_a_session_killed_before_a_copy_means_the_database_is_gone(heping: Database) -> None:
    rows = pa.table({"code": ["a"], "display_name": ["x"]})
    with pytest.raises(DatabaseGone):
        killed(heping, lambda connection: copy_rows(connection, tables.holder, rows))
    assert run(heping, "SELECT 1") == 1


def test_no_server_is_a_database_that_is_gone(tmp_path: Path) -> None:
    nowhere = Database(f"postgresql+psycopg2://gridmap_owner@/demo?host={tmp_path}&port=5432")
    with pytest.raises(DatabaseGone, match="does not answer"):
        run(nowhere, "SELECT 1")


def test_a_full_pool_is_unavailable_not_gone(heping: Database) -> None:
    small = Database(heping.url, pool_size=1)
    small.engine.pool._timeout = 0.05  # type: ignore[attr-defined]
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with small.begin(ACTOR):
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    try:
        with pytest.raises(Unavailable, match="busy") as caught:
            run(small, "SELECT 1")
        assert not isinstance(caught.value, DatabaseGone)
    finally:
        done.set()
        holder.join()
    assert run(small, "SELECT 1") == 1
    small.dispose()
