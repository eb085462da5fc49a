"""Packed rows come back as they were: every type, nothing and every character."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gridmap.store.database import Connection
from gridmap.store.packed import copy_packed, point_octets, read_packed

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
ROWS = st.tuples(
    st.none() | st.integers(-(2**15), 2**15 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(width=32, allow_nan=False),
    st.none() | st.floats(allow_nan=False),
    st.none() | TEXTS,
    st.none() | st.booleans(),
    st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    st.none() | st.binary(max_size=40),
)
TYPES = {
    "small": (pa.int16(), "smallint"),
    "middle": (pa.int32(), "integer"),
    "large": (pa.int64(), "bigint"),
    "short": (pa.float32(), "real"),
    "long": (pa.float64(), "double precision"),
    "words": (pa.string(), "text"),
    "yes": (pa.bool_(), "boolean"),
    "moment": (pa.timestamp("us", "UTC"), "timestamptz"),
    "day": (pa.date32(), "date"),
    "octets": (pa.binary(), "bytea"),
}


@given(st.lists(ROWS, max_size=8))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_value_comes_back_as_it_was(connection: Connection, rows: list[tuple[object, ...]]) -> None:
    with connection.begin_nested() as undone:
        columns = ", ".join(f"{name} {of}" for name, (_, of) in TYPES.items())
        connection.execute(text(f"CREATE TEMPORARY TABLE packed (at integer, {columns})"))
        values = list(zip(*rows, strict=True)) or [()] * len(TYPES)
        arrays = {
            name: pa.array(given, kind) for given, (name, (kind, _)) in zip(values, TYPES.items(), strict=True)
        }
        copy_packed(connection, "packed", {"at": pa.array(range(len(rows)), pa.int32()), **arrays})
        # a real is shown short: as the double that it is, it compares
        shown = ", ".join(TYPES).replace("short", "short::double precision")
        found = connection.execute(text(f"SELECT {shown} FROM packed ORDER BY at")).all()
        taken = [tuple(bytes(each) if isinstance(each, memoryview) else each for each in row) for row in found]
        assert taken == rows
        undone.rollback()


def test_slices_are_packed_as_what_they_show(connection: Connection) -> None:
    connection.execute(text("CREATE TEMPORARY TABLE sliced (number bigint, words text) ON COMMIT DROP"))
    whole = pa.table({"number": [1, 2, 3, 4], "words": ["a", None, "ccc", "dd"]}).slice(1, 2)
    copy_packed(connection, "sliced", {name: whole.column(name).combine_chunks() for name in whole.column_names})
    rows = connection.execute(text("SELECT number, words FROM sliced ORDER BY number"))
    assert list(map(tuple, rows)) == [(2, None), (3, "ccc")]


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=20))
def test_packed_points_are_what_shapely_writes(points: list[tuple[float, float]]) -> None:
    lon, lat = (np.array(each, np.float64) for each in (zip(*points, strict=True) if points else ((), ())))
    geometries = shapely.set_srid(np.asarray(shapely.points(lon, lat), dtype=object), 4326)
    assert point_octets(lon, lat, 4326).to_pylist() == list(shapely.to_wkb(geometries, include_srid=True))


def test_numbers_are_read_as_they_are(connection: Connection) -> None:
    query = "SELECT * FROM (VALUES (1, 2::bigint, 0.5::double precision), (-1, -5, 'NaN')) AS rows"
    rows = read_packed(connection, query, {"a": ">i4", "b": ">i8", "c": ">f8"})
    assert rows["a"].tolist() == [1, -1]
    assert rows["b"].tolist() == [2, -5]
    assert rows["c"][0] == 0.5
    assert math.isnan(rows["c"][1])
    assert len(read_packed(connection, "SELECT 1 WHERE false", {"a": ">i4"})) == 0
