"""What the store gives of each collection is what the collection says it has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import shapely
from sqlalchemy import Connection, text

from gridmap.errors import InvalidInput
from gridmap.features import collections_of
from gridmap.store.city import read_city
from gridmap.store.features import Period, Wanted, count_features, read_features
from gridmap.store.filters import condition_of
from gridmap.store.operands import Names

NOW = datetime(2026, 11, 2, tzinfo=UTC)
NAMES = ["cells", "city", "district", "street", "community", "overlays", "elements", "incidents"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("first", [1, 0])
def test_every_property_is_given(connection: Connection, name: str, first: int) -> None:
    """Also of an interval of revisions, which is another query."""
    city = read_city(connection)
    collection = collections_of(city)[name]
    period = Period(first, 1, *((NOW, NOW) if name == "overlays" else ()))
    wanted = Wanted(collection, city.lowest_level, period)
    rows = read_features(connection, wanted, None, 50)
    assert rows
    for row in rows:
        assert tuple(row.properties) == collection.names
        assert isinstance(row.id, int) is collection.number_ids
        kind = shapely.get_type_id(shapely.from_wkb(row.wkb))
        assert kind == 0 if collection.points else kind in (3, 6)
    assert [row.id for row in rows] == sorted({row.id for row in rows})
    after = read_features(connection, wanted, rows[0].id, 49)
    assert after == rows[1:50]


def test_no_filter_brings_a_person_out(connection: Connection) -> None:
    city = read_city(connection)
    persons = connection.execute(text("SELECT id FROM element WHERE class = 'person'")).scalars().all()
    assert persons
    elements = collections_of(city)["elements"]
    for tree in (True, {"op": "=", "args": [{"property": "class"}, "person"]}):
        wanted = Wanted(elements, city.lowest_level, Period(1, 1), filters=[(tree, lambda one: one)])
        found = {row.id for row in read_features(connection, wanted, None, 100_000)}
        assert found.isdisjoint(persons)
    assert count_features(connection, Wanted(elements, city.lowest_level, Period(1, 1), id=persons[0])) == 0


def test_counting_stops_where_it_would_take_long(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    city = read_city(connection)
    kinds = collections_of(city)
    monkeypatch.setattr("gridmap.store.features.MOST_COUNTED", 100)
    assert count_features(connection, Wanted(kinds["incidents"], city.lowest_level, Period(1, 1))) is None
    counted = count_features(connection, Wanted(kinds["cells"], city.lowest_level, Period(1, 1)))
    assert counted is not None
    assert counted > 100


@pytest.mark.parametrize(
    "tree",
    [
        {"op": "=", "args": [{"property": "nothing"}, 1]},
        {"op": "in", "args": [{"property": "nothing"}, 1]},
        {"op": "between", "args": [1, 2]},
        {"op": "t_during", "args": [{"timestamp": "2026-01-01T00:00:00Z"}, {"interval": ["..", "..", ".."]}]},
        {"op": "like", "args": ["a", "b\\"]},
        {"op": "=", "args": [{"op": "casei", "args": []}, "a"]},
        {
            "op": "s_intersects",
            "args": [{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, {"property": "x"}],
        },
        {"op": "s_intersects", "args": [{"bbox": [1, 2, 3]}, {"property": "geometry"}]},
        {"op": "not", "args": ["text"]},
        "text",
        1.0,
        None,
        [],
    ],
)
def test_a_tree_that_means_nothing_is_invalid(tree: object) -> None:
    column = text("geom").columns().subquery()  # never reached
    with pytest.raises(InvalidInput, match="filter"):
        condition_of(tree, Names({}, column, lambda one: one))  # type: ignore[arg-type]


def test_a_tree_that_is_too_deep_is_invalid() -> None:
    tree: object = True
    for _ in range(100):
        tree = {"op": "not", "args": [tree]}
    with pytest.raises(InvalidInput, match="60 deep"):
        condition_of(tree, Names({}, None, lambda one: one))  # type: ignore[arg-type]
