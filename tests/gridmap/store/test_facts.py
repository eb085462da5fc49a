"""Facts follow what is committed, whoever writes it and however; a long write keeps nobody from writing."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.heatmap.answer import count
from gridmap.heatmap.columns import SUBJECTS, Columns, Facts
from gridmap.heatmap.places import Places
from gridmap.heatmap.question import Question
from gridmap.store import facts as store
from gridmap.store.city import read_city
from gridmap.store.database import Database, set_actor
from gridmap.store.facts import read_facts, read_version
from gridmap.store.snapshot import read_grid

POINT = "ST_SetSRID(ST_MakePoint(117.2, 39.1), 4326)"
INSERT = (
    "WITH new AS (INSERT INTO incident (source, external_id, category, happened_at, reported_at, "
    "given_crs, given_x, "
    f"given_y, hex, geom) SELECT 't' || random(), n::text, 'noise', '2026-10-31 16:30Z', '2026-10-31 16:30Z', "
    f"'wgs84', 117.2, 39.1, 626742093373313023, {POINT} FROM generate_series(1, 7) AS n RETURNING id) "
    "INSERT INTO incident_placement (top, incident_id, first_revision, cell_id, how) "
    "SELECT '120101', id, 1, (SELECT min(id) FROM cell), 'inside' FROM new"
)
# What may happen to facts, by whatever means.
CHANGES = (
    INSERT,
    "UPDATE incident SET category = 'dragons', happened_at = happened_at - interval '3 hours' WHERE id % 7 = {n}",
    "UPDATE incident SET category = 'fire' WHERE id BETWEEN 100 * {n} AND 100 * {n} + 50",
    "DELETE FROM incident WHERE id % 11 = {n}; DELETE FROM incident_placement WHERE incident_id % 11 = {n}",
    "DELETE FROM element_placement WHERE element_id % 13 = {n}; DELETE FROM element WHERE id % 13 = {n}",
    "UPDATE incident_placement SET cell_id = NULL, top = 'outside', how = 'outside' WHERE incident_id % 17 = {n}",
    "UPDATE incident SET hex = 626742093373313023, geom = " + POINT + " WHERE id % 19 = {n}",
    "UPDATE element SET category = 'bench' WHERE class = 'object' AND id % 5 = {n}",
    "UPDATE incident SET category = category WHERE id = -1",
)


def rows(facts: Facts) -> dict[str, list[tuple[object, ...]]]:
    """Every fact by itself, whatever columns it lies in."""
    found = {}
    for subject in SUBJECTS:
        part, kinds = facts.parts[subject], facts.kinds[subject]
        counted: dict[tuple[object, ...], int] = {}
        for columns, weight in part.weighed():
            for row in zip(*(lists(columns, kinds).values()), strict=True):
                counted[row] = counted.get(row, 0) + weight
        assert set(counted.values()) <= {0, 1}
        found[subject] = sorted(row for row, number in counted.items() if number)
    return found


def lists(columns: Columns, kinds: tuple[tuple[str, str], ...]) -> dict[str, list[object]]:
    names = {each.name: getattr(columns, each.name).tolist() for each in fields(columns) if each.name[0] != "_"}
    known = [0, *names.pop("known")]
    return {
        **names,
        "kinds": [kinds[kind] for kind in names["kinds"]],
        "hexes": [known[code] for code in names["hexes"]],
    }


@pytest.fixture
def places(heping_copy: Database) -> Places:
    with heping_copy.begin(OPERATOR) as connection:
        city = read_city(connection)
        return Places(read_grid(connection, city), city)


def read(database: Database, places: Places, before: Facts | None) -> Facts:
    with database.begin(OPERATOR, one_state=True) as connection:
        return read_facts(connection, places, before)


def run(database: Database, *statements: str) -> None:
    with database.begin(OPERATOR) as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_facts_follow_any_change(heping_copy: Database, places: Places) -> None:
    before = read(heping_copy, places, None)
    assert read(heping_copy, places, before) is before

    @given(st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 4)), min_size=1, max_size=3))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def follow(changes: list[tuple[str, int]]) -> None:
        nonlocal before
        run(heping_copy, *(statement.format(n=n) for statement, n in changes))
        after = read(heping_copy, places, before)
        whole = read(heping_copy, places, None)
        assert after.version == whole.version
        assert rows(after) == rows(whole)
        assert rows(after.compacted()) == rows(whole)
        for columns, _ in (*after.parts["incident"].weighed(), *after.compacted().parts["incident"].weighed()):
            assert (np.diff(columns.times) >= 0).all()
        before = after

    first = rows(before)
    follow()
    assert rows(before) != first


def test_a_change_is_noted_once_and_nothing_is_no_change(heping_copy: Database, places: Places) -> None:
    before = read(heping_copy, places, None)
    run(heping_copy, CHANGES[-1])
    assert read(heping_copy, places, before) is before
    run(heping_copy, INSERT)
    after = read(heping_copy, places, before)
    assert after.version == before.version + 1
    assert after.base_version == before.version
    assert after.changed == 7
    assert after.parts["element"] is before.parts["element"]


def test_only_what_changed_is_read(heping_copy: Database, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read(heping_copy, places, None)
    run(heping_copy, INSERT)
    wholes = []
    monkeypatch.setattr(store, "_whole", lambda _, subject: wholes.append(subject))
    read(heping_copy, places, before)
    assert wholes == []


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE incident_placement",
        "TRUNCATE element, element_share, element_shape, building",
        "DELETE FROM fact_change",
    ],
)
def test_what_cannot_be_followed_is_read_whole(heping_copy: Database, places: Places, statement: str) -> None:
    before = read(heping_copy, places, None)
    run(heping_copy, INSERT)
    run(heping_copy, statement)
    after = read(heping_copy, places, before)
    assert rows(after) == rows(read(heping_copy, places, None))
    assert after.base_version == after.version


def test_an_old_state_is_not_brought_up_from_another_database(
    heping_copy: Database, places: Places, heping: Database
) -> None:
    theirs = read(heping, places, None)
    run(heping_copy, "UPDATE data_version SET version = version + 3 WHERE part = 'facts'")
    after = read(heping_copy, places, theirs)
    assert after.base_version == after.version


def test_writers_do_not_wait_for_each_other_and_commits_are_in_order(
    heping_copy: Database, places: Places
) -> None:
    before = read(heping_copy, places, None)
    with heping_copy.begin(OPERATOR) as slow:
        slow.execute(text(INSERT))
        with heping_copy.begin(OPERATOR) as quick:
            quick.execute(text("SET LOCAL lock_timeout = '2s'"))
            quick.execute(text(INSERT))
        first = read(heping_copy, places, before)
        assert first.changed == 7
    second = read(heping_copy, places, first)
    assert (first.version, second.version) == (before.version + 1, before.version + 2)
    assert second.changed == 14
    assert rows(second) == rows(read(heping_copy, places, None))


def test_a_rolled_back_write_raises_nothing(heping_copy: Database) -> None:
    with heping_copy.engine.connect() as connection:
        transaction = connection.begin()
        set_actor(connection, OPERATOR)
        before = read_version(connection)
        connection.execute(text(INSERT))
        transaction.rollback()
    with heping_copy.begin(OPERATOR) as again:
        assert read_version(again) == before


def test_a_new_revision_brings_its_own_places(heping_copy: Database, places: Places) -> None:
    """What a publish does, in little: a cell ends, its facts are placed anew from the new revision on."""
    before = read(heping_copy, places, None)
    ended, heir = (cell for cell in places.grid.cells[:2])
    run(
        heping_copy,
        "INSERT INTO revision (number, valid_from, actor) VALUES (2, now(), 't')",
        f"UPDATE incident_placement SET last_revision = 1 WHERE cell_id = {ended.id}",
        "INSERT INTO incident_placement (top, incident_id, first_revision, cell_id, how) SELECT top, "
        "incident_id, 2, "
        f"{heir.id}, how FROM incident_placement WHERE cell_id = {ended.id}",
    )
    question = Question("incidents", "cell")
    old = dict(zip((found := count(before, question)).keys, found.counts.tolist(), strict=True))
    with heping_copy.begin(OPERATOR) as connection:
        next_places = Places(read_grid(connection, places.city), places.city)
    assert next_places.grid.revision.number == 2
    after = count(read(heping_copy, next_places, before), question)
    new = dict(zip(after.keys, after.counts.tolist(), strict=True))
    assert after.revision == 2
    assert new.get(ended.code, 0) == 0
    assert new[heir.code] == old[heir.code] + old[ended.code]
    assert after.total == count(before, question).total


def test_hours_are_those_of_the_city(heping_copy: Database, places: Places) -> None:
    """16:30 in Greenwich on Saturday is half past midnight on Sunday in Tianjin."""
    before = read(heping_copy, places, None)
    run(heping_copy, INSERT)
    after = read(heping_copy, places, before)
    assert set(after.parts["incident"].recent.hours.tolist()) == {6 * 24}
