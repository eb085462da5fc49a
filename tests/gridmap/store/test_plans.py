"""How PostgreSQL finds rows under policies: by indexes, with territories looked up once for a statement."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shapely
from sqlalchemy import Connection, create_engine, event, text

from gridmap.access import OPERATOR, Action
from gridmap.features import ELEMENTS, INCIDENTS, collections_of
from gridmap.model import Actor
from gridmap.store.city import read_city
from gridmap.store.counts import cells_of, elements_by_class, open_incidents
from gridmap.store.database import Database, set_actor
from gridmap.store.features import Period, Wanted, count_features, read_features
from gridmap.store.listing import Page, list_elements, list_incidents

# Places and incidents that are made besides those of Heping, so that a scan of all would show.
_MADE = 300_000
_LARGE = {"element", "incident", "element_placement", "incident_placement"}
_FAR = """
    INSERT INTO {subject} (id, source, external_id, {names}, given_crs, given_x, given_y, hex, geom, cell_now)
    SELECT 5000000 + n, 'far', n::text, {values}, 'wgs84', 118, 39, 626000000000000000 + n,
        'SRID=4326;POINT(118 39)', 1000 + n % 5000
    FROM generate_series(1, {made}) AS n
"""
_FAR_PLACED = """
    INSERT INTO {subject}_placement (top, {subject}_id, first_revision, cell_id, how)
    SELECT '120102', id, 1, cell_now, 'inside' FROM {subject} WHERE source = 'far'
"""
_STREET, _CELL = "120101001", "120101001001001"

Ask = Callable[[Connection], object]


@pytest.fixture(scope="module")
def staff(heping: Database) -> Iterator[Connection]:
    """The staff of a street in a city that is mostly elsewhere; a transaction that is rolled back."""
    # as the owner, whom policies bind, too, and whose ANALYZE counts
    engine = create_engine(heping.url)
    with engine.connect() as connection:
        transaction = connection.begin()
        set_actor(connection, OPERATOR)
        for subject, names, values in (
            ("element", "class, category", "'place', 'x'"),
            ("incident", "category, happened_at, reported_at", "'x', now(), now()"),
        ):
            given = {"subject": subject, "names": names, "values": values, "made": _MADE}
            connection.execute(text(_FAR.format(**given)))
            connection.execute(text(_FAR_PLACED.format(**given)))
            connection.execute(text(f"ANALYZE {subject}, {subject}_placement"))
        set_actor(connection, Actor("me", "viewer", (_STREET,)), Action.READ_COUNTS)
        yield connection
        transaction.rollback()
    engine.dispose()


def _plans(connection: Connection, ask: Ask) -> list[dict[str, Any]]:
    """The plans of all that a question asks."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask(connection)
    event.remove(connection, "before_cursor_execute", note)
    found = []
    for statement, parameters in asked:
        shown = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON, VERBOSE) {statement}", parameters).scalar_one()
        found.append(shown[0]["Plan"] if isinstance(shown, list) else json.loads(shown)[0]["Plan"])
    assert found
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _ids(connection: Connection) -> list[int]:
    return list(connection.execute(text(f"SELECT id FROM cell WHERE code LIKE '{_STREET}%'")).scalars())


def _questions(connection: Connection) -> dict[str, Ask]:
    city = read_city(connection)
    page = Page(1, _ids(connection), None, 0, 100)
    box = shapely.box(117.19, 39.11, 117.2, 39.12)
    wanted = {
        kind: Wanted(collections_of(city)[kind], city.lowest_level, Period(1, 1), (_STREET,), box)
        for kind in (ELEMENTS, INCIDENTS)
    }
    return {
        "list of elements": lambda asked: list_elements(asked, page, None),
        "list of incidents": lambda asked: list_incidents(asked, page, None, None),
        "roster of a cell": lambda asked: elements_by_class(asked, 1, cells_of(asked, 1, "cell", _CELL), "120101"),
        "roster of a street": lambda asked: elements_by_class(
            asked, 1, cells_of(asked, 1, "street", _STREET), "120101"
        ),
        "incidents of a street": lambda asked: open_incidents(
            asked, 1, cells_of(asked, 1, "street", _STREET), "120101"
        ),
        "elements in a box": lambda asked: read_features(asked, wanted[ELEMENTS], None, 100),
        "incidents in a box": lambda asked: read_features(asked, wanted[INCIDENTS], None, 100),
        "elements counted in a box": lambda asked: count_features(asked, wanted[ELEMENTS]),
    }


_NAMES = (
    "list of elements", "list of incidents", "roster of a cell", "roster of a street", "incidents of a street",
    "elements in a box", "incidents in a box", "elements counted in a box",
)  # fmt: skip


@pytest.mark.parametrize("name", _NAMES)
def test_no_large_table_is_read_from_end_to_end(staff: Connection, name: str) -> None:
    for plan in _plans(staff, _questions(staff)[name]):
        for node in _nodes(plan):
            if node.get("Relation Name") in _LARGE:
                assert node["Node Type"] != "Seq Scan", json.dumps(node, indent=1)


@pytest.mark.parametrize("name", _NAMES)
def test_policies_ask_no_table_row_by_row(staff: Connection, name: str) -> None:
    """Territories are a hashed list that is made once; but for an incident that another post goes on with."""
    for plan in _plans(staff, _questions(staff)[name]):
        for node in _nodes(plan):
            if node.get("Relation Name") not in _LARGE:
                continue
            condition = " ".join(str(node.get(each, "")) for each in ("Filter", "Index Cond", "Join Filter"))
            assert "hashed SubPlan" in condition or "Filter" not in node, condition
            assert not re.search(r"actor_\w+\(", condition), "functions are asked before, and once"
            for each in re.findall(r"(\w+) ?\(?(?:SubPlan|alternatives)", condition):
                assert each in ("hashed", "handler", "AND", "OR", "IS"), condition
