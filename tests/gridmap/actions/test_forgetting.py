"""Forgetting a person leaves no copy: no table, no worker's file, no count; and no load brings one back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from gridmap.access import AUDITOR, MACHINE, OPERATOR
from gridmap.actions.audit import verify_audit
from gridmap.actions.forgetting import forget_person, readmit_person
from gridmap.actions.rows import SavedRows, elements_section, save_rows
from gridmap.current import Current
from gridmap.errors import InvalidInput, NotAllowed, NotIdentified
from gridmap.model import PUBLIC, ROLES, Actor
from gridmap.store import audit
from gridmap.store.database import Database

SOURCE = "register"
REFERENCE = "PERSON-4711-x"
CASEWORKER = Actor("c", "caseworker", ("120101",))
_SPOT = (117.1950, 39.1180)

_TABLES = text(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type LIKE 'BASE%'"
)


@pytest.fixture(scope="module")
def city(heping: Database, copy_of: Callable[..., Any]) -> Iterator[Database]:
    with copy_of(heping, "heping_forgetting") as database:
        yield database


@pytest.fixture
def current(city: Database, tmp_path: Path) -> Iterator[Current]:
    """A worker's state, kept in a folder of its own."""
    following = Current(city, tmp_path / "snapshot")
    following.start()
    yield following
    following.stop()


def person(reference: str, **other: object) -> dict[str, object]:
    lon, lat = _SPOT
    return {"id": reference, "lon": lon, "lat": lat, "class": "person", "category": "child", **other}


def load(database: Database, current: Current, *rows: dict[str, object], source: str = SOURCE) -> SavedRows:
    snapshot = current.state.ready
    section = elements_section("wgs84", source)
    return save_rows(database, CASEWORKER, section, rows, snapshot.grid, snapshot.city)


def holding(database: Database, what: str) -> set[str]:
    """The tables of which a row holds a text, in whatever column."""
    with database.begin(OPERATOR) as connection:
        names = list(connection.execute(_TABLES).scalars())
        return {
            name
            for name in names
            if connection.execute(
                text(f'SELECT EXISTS (SELECT FROM "{name}" AS kept WHERE position(:what IN kept::text) > 0)'),
                {"what": what},
            ).scalar_one()
        }


def people(current: Current) -> int:
    """Persons in a worker's memory."""
    current.refresh()
    facts = current.state.countable
    kinds = [at for at, (class_, _) in enumerate(facts.kinds["element"]) if class_ == "person"]
    return sum(
        weight * int(np.isin(columns.kinds, kinds).sum()) for columns, weight in facts.parts["element"].weighed()
    )


def ids_on_disk(current: Current) -> set[int]:
    """The elements in a worker's files."""
    files = [path for path in (current.folder / "facts").iterdir() if path.name.startswith("element-ids")]
    return {int(each) for path in files for each in np.load(path)}


def test_nothing_of_a_person_stays(city: Database, current: Current) -> None:
    load(city, current, person(REFERENCE), person("somebody else"))
    outside = person(REFERENCE, category="no such need")
    assert load(city, current, outside).rows[0].status == "rejected"
    current.stop()
    again = Current(city, current.folder.with_name("another"))  # its files have the person from the start
    again.start()
    with city.begin(OPERATOR) as connection:
        query = text("SELECT id FROM element WHERE external_id = :reference")
        (number,) = connection.execute(query, {"reference": REFERENCE}).scalars()
    assert number in ids_on_disk(again)
    before = people(again)
    for _ in range(2):
        with city.begin(CASEWORKER) as connection:
            audit.note(connection, {"read": {"what": "persons", "rows": 1}, "refs": [REFERENCE, "somebody else"]})
            audit.seal(connection)
    with city.begin(CASEWORKER) as connection:
        audit.note(connection, {"read": {"what": "persons", "rows": 1}, "refs": [REFERENCE]})
    assert holding(city, REFERENCE) == {"element", "rejected_row", "audit_detail", "audit_pending"}
    report = forget_person(city, OPERATOR, REFERENCE)
    assert report.removed == {"element": 1, "element_placement": 1, "rejected_row": 1, "audit": 3}
    with city.begin(OPERATOR) as connection:
        audit.seal(connection)  # until the forgetting is an entry itself, details are missing
    assert {each.what for each in verify_audit(city, AUDITOR, []).findings} <= {"unanchored"}, "the chain holds"
    assert holding(city, REFERENCE) == set()
    assert holding(city, "somebody else") == {"element", "audit_detail"}
    assert people(again) == before - 1
    assert number not in ids_on_disk(again), "the file of a worker still has the person"
    assert REFERENCE.encode() not in b"".join(
        path.read_bytes() for path in again.folder.rglob("*") if path.is_file()
    )
    again.stop()


def test_no_load_brings_a_person_back_until_readmitted(city: Database, current: Current) -> None:
    reference = "PERSON-0815-y"
    load(city, current, person(reference))
    forget_person(city, OPERATOR, reference, SOURCE)
    for row in (person(reference), person(reference, lon=None), person(reference, category="no such need")):
        (fate,) = load(city, current, row).rows
        assert (fate.status, fate.reason) == ("rejected", "id: this person was forgotten and is kept out")
        assert holding(city, reference) == set(), "the refusal keeps the reference"
    assert load(city, current, person(reference), source="another").rows[0].status == "placed", "another source's"
    forget_person(city, OPERATOR, reference, "another", keep_out=False)
    assert load(city, current, person(reference), source="another").rows[0].status == "placed"
    assert readmit_person(city, OPERATOR, reference, SOURCE)
    assert not readmit_person(city, OPERATOR, reference, SOURCE)
    assert load(city, current, person(reference)).rows[0].status == "placed"


def test_only_persons_of_the_reference_and_source_go(city: Database, current: Current) -> None:
    load(city, current, person("one"), {**person("two"), "class": "object", "category": "bench"})
    load(city, current, person("one"), source="other")
    assert forget_person(city, OPERATOR, "one", "other").removed == {"element": 1, "element_placement": 1}
    assert forget_person(city, OPERATOR, "two").removed == {}, "a bench is no person"
    assert holding(city, "two") >= {"element"}
    with city.begin(OPERATOR) as connection:
        left = text("SELECT source FROM element WHERE external_id = 'one'")
        assert list(connection.execute(left).scalars()) == [SOURCE]
    assert forget_person(city, OPERATOR, "nobody").removed == {}


def test_a_planner_writes_no_persons(city: Database, current: Current) -> None:
    snapshot = current.state.ready
    rows = [person("three"), {**person("four"), "class": "object", "category": "bench"}]
    planner = Actor("p", "planner", ("120101",))
    saved = save_rows(city, planner, elements_section("wgs84", SOURCE), rows, snapshot.grid, snapshot.city)
    assert [row.status for row in saved.rows] == ["rejected", "placed"]
    assert saved.rows[0].reason == "class: persons are written by caseworkers"


@pytest.mark.parametrize("role", sorted(set(ROLES) - {MACHINE}))
def test_only_the_operator_forgets(heping: Database, role: str) -> None:
    actor = Actor("x", role, ("*",))
    with pytest.raises(NotIdentified if role == PUBLIC.role else NotAllowed):
        forget_person(heping, actor, REFERENCE)
    with pytest.raises(NotIdentified if role == PUBLIC.role else NotAllowed):
        readmit_person(heping, actor, REFERENCE)


@pytest.mark.parametrize(
    ("reference", "source"), [("", None), ("a\n", None), ("x" * 201, None), ("a", "*"), ("a", "")]
)
def test_wrong_references_are_named(heping: Database, reference: str, source: str | None) -> None:
    with pytest.raises(InvalidInput):
        forget_person(heping, OPERATOR, reference, source)
