"""What is past its retention goes, rule by rule; a dry run counts the same and changes nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.retention import RetentionRules, retain
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.model import PERSON_RETENTION_DAYS, Actor
from gridmap.store.database import Database

NOW = datetime.now(UTC)
RULES = RetentionRules()


@pytest.fixture
def city(heping_copy: Database) -> Iterator[Database]:
    """Heping with a child last told of a year and a day ago, shifts and a post that ended long ago."""
    with heping_copy.begin(OPERATOR) as connection:
        for statement in (
            "UPDATE element SET recorded_at = now() - interval '366 days' WHERE id = "
            "(SELECT min(id) FROM element WHERE category = 'child')",
            "UPDATE element SET recorded_at = now() - interval '364 days' WHERE id = "
            "(SELECT max(id) FROM element WHERE category = 'child')",
            "INSERT INTO holder VALUES ('gone-1', 'Gone'), ('gone-2', 'Backup Gone'), ('stays', 'Who Stays')",
            "INSERT INTO shift (post, holder, backup, weekdays, starts, minutes, valid) VALUES "
            "('120101-desk', 'gone-1', 'gone-2', 127, 0, 60, daterange('2023-01-01', '2024-01-01')), "
            "('120101-desk', 'stays', NULL, 127, 0, 60, daterange('2023-01-01', '2024-01-01')), "
            "('120101-desk', 'stays', NULL, 127, 0, 60, daterange('2023-01-01', NULL))",
            "INSERT INTO shift_exception (post, kind, holder, substitute, during) VALUES "
            "('120101-desk', 'leave', 'gone-1', NULL, tstzrange('2023-05-01', '2023-05-02'))",
            "INSERT INTO post (code, kind, title, level, territory, phone, valid) VALUES "
            "('old', 'duty_desk', 'Old', 'district', '120101', '0220', tstzrange('2020-01-01', '2023-01-01'))",
            "INSERT INTO rejected_row SELECT min(id), 'f', 1, 'r', '{}', now() - interval '1 day' FROM load",
        ):
            connection.execute(text(statement))
    return heping_copy


def state(database: Database) -> list[Any]:
    with database.begin(OPERATOR) as connection:
        return [
            connection.execute(text(query)).all()
            for query in (
                "SELECT count(*) FROM element",
                "SELECT holder, backup FROM shift WHERE post = '120101-desk' AND starts = 0 AND minutes = 60 "
                "ORDER BY id",
                "SELECT holder FROM shift_exception WHERE during = tstzrange('2023-05-01', '2023-05-02')",
                "SELECT code FROM holder WHERE code IN ('gone-1', 'gone-2', 'stays') ORDER BY 1",
                "SELECT phone FROM post WHERE code = 'old'",
                "SELECT count(*) FROM rejected_row WHERE expires_at <= now()",
                "SELECT count(*) FROM post WHERE phone = ''",
            )
        ]


def test_each_rule_removes_what_is_its_own(city: Database) -> None:
    before = state(city)
    counted = retain(city, OPERATOR, RULES, NOW, dry_run=True)
    assert state(city) == before
    assert retain(city, OPERATOR, RULES, NOW) == counted
    assert counted == {
        "persons resident": 0,
        "persons elderly_living_alone": 0,
        "persons mobility_help": 0,
        "persons child": 1,
        "rejected rows": 1,
        "names in shifts": 2,
        "names in exceptions": 1,
        "holders": 2,
        "phones of ended posts": 1,
        "addresses in the trace": 0,
        "kept answers": 0,
    }
    ((elements,),), shifts, exceptions, holders, phones, rejected, _ = state(city)
    assert elements == before[0][0][0] - 1
    assert [tuple(row) for row in shifts] == [("former", None), ("former", None), ("stays", None)]
    assert [tuple(row) for row in exceptions] == [("former",)]
    assert [tuple(row) for row in holders] == [("stays",)]
    assert [tuple(row) for row in phones] == [("",)]
    assert [tuple(row) for row in rejected] == [(0,)]
    assert set(retain(city, OPERATOR, RULES, NOW).values()) == {0}, "the second time there is nothing"


def test_a_city_has_days_and_months_of_its_own(city: Database) -> None:
    shorter = RetentionRules.of({"child": 363}, 24)
    assert retain(city, OPERATOR, shorter, NOW, dry_run=True)["persons child"] == 2
    longer = retain(city, OPERATOR, RetentionRules.of({"child": 400}, 1200), NOW, dry_run=True)
    assert {rule: rows for rule, rows in longer.items() if rows} == {"rejected rows": 1}
    later = retain(city, OPERATOR, RULES, NOW + timedelta(days=366), dry_run=True)
    assert later["persons child"] > 2
    assert later["persons resident"] == 0


def test_rules_are_checked_and_only_the_operator_runs_them(heping: Database) -> None:
    for days in ({"criminal": 5}, {"child": 0}):
        with pytest.raises(InvalidInput):
            RetentionRules.of(days, 24)
    for role in ("system_admin", "auditor", "caseworker"):
        with pytest.raises(NotAllowed):
            retain(heping, Actor("x", role, ("*",)), RULES, NOW)


def test_the_days_are_those_that_are_proposed() -> None:
    path = Path(__file__).parents[3] / "data" / "person_categories.toml"
    described = tomllib.loads(path.read_text(encoding="utf-8"))
    assert {name: each["retention_days"] for name, each in described.items()} == PERSON_RETENTION_DAYS
