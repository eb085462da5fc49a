"""Statements that a connection plans once: the values count each time, the plan is made the first time."""

from __future__ import annotations

from gridmap.access import OPERATOR
from gridmap.store.database import Connection, Database
from gridmap.store.prepared import Prepared

TYPES = {"numbers": "integer[]", "text": "text", "unused": "float8"}


def plans(connection: Connection, name: str) -> list[tuple[int, int]]:
    query = f"SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = '{name}'"
    return [(generic, custom) for generic, custom in connection.exec_driver_sql(query)]


def test_a_statement_is_planned_once_for_all_values(heping: Database) -> None:
    doubled = Prepared("doubled", "SELECT :text || n, n::text FROM unnest(:numbers) AS n ORDER BY n", TYPES)
    assert doubled.places == ("text", "numbers")
    with heping.begin(OPERATOR) as connection:
        for text in ("a", "it's 100 % :numbers"):
            rows = doubled.rows(connection, {"text": text, "numbers": [2, 1], "more": None})
            assert [tuple(row) for row in rows] == [(f"{text}1", "1"), (f"{text}2", "2")]
        assert doubled.rows(connection, {"text": "a", "numbers": []}) == []
        assert plans(connection, "doubled") == [(3, 0)]
        assert connection.exec_driver_sql("SHOW plan_cache_mode").scalar_one() == "force_generic_plan"
    with heping.begin(OPERATOR) as connection:
        assert connection.exec_driver_sql("SHOW plan_cache_mode").scalar_one() == "auto", "of its transaction only"


def test_another_statement_of_the_name_takes_its_place(heping: Database) -> None:
    with heping.glance() as connection:
        for word in ("one", "two", "one"):
            rows = Prepared("worded", f"SELECT '{word}', :text", TYPES).rows(connection, {"text": "x"})
            assert [tuple(row) for row in rows] == [(word, "x")]
        assert len(plans(connection, "worded")) == 1


def test_a_glance_is_one_transaction_a_statement(heping: Database) -> None:
    with heping.glance() as connection:
        first, second = (connection.exec_driver_sql("SELECT now()").scalar_one() for _ in range(2))
        assert first < second
    with heping.begin(OPERATOR) as connection:  # the same connection of the pool, as it was
        first, second = (connection.exec_driver_sql("SELECT now()").scalar_one() for _ in range(2))
        assert first == second
