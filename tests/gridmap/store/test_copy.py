"""COPY keeps every character, and tells nothing from an empty text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from gridmap.store import tables
from gridmap.store.copy import array_column, copy_rows, geometry_column, reserve_ids
from gridmap.store.database import Connection

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_as_it_was(connection: Connection, values: list[str]) -> None:
    with connection.begin_nested() as undone:
        codes = [f"copy {number}" for number in range(len(values))]
        copy_rows(connection, tables.holder, pa.table({"code": codes, "display_name": values}))
        query = select(tables.holder.c.display_name).where(tables.holder.c.code.in_(codes))
        assert list(connection.execute(query.order_by(tables.holder.c.code)).scalars()) == values
        undone.rollback()


@given(st.lists(TEXTS, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_list_of_texts_comes_back_as_it_was(connection: Connection, values: list[str]) -> None:
    literal = array_column([values])[0].as_py()
    assert connection.execute(text("SELECT CAST(:literal AS text[])"), {"literal": literal}).scalar_one() == values


@pytest.mark.parametrize("value", [None, "", "\\N", '"', "NULL", "a\nb", "a\r\nb", "\\."])
def test_nothing_is_null_and_only_nothing(connection: Connection, value: str | None) -> None:
    row = {"id": ["copied"], "kind": ["street"], "name": pa.array([value], pa.string())}
    line = geometry_column(np.array([shapely.LineString([(0, 0), (1, 1)])], dtype=object))
    copy_rows(connection, tables.line, pa.table({**row, "geom": line}))
    assert connection.execute(text("SELECT name FROM line WHERE id = 'copied'")).scalar_one() == value


def test_reserved_ids_are_nobody_elses(connection: Connection) -> None:
    first, second = (reserve_ids(connection, tables.element, 50) for _ in range(2))
    assert len({*first, *second}) == 100
    assert reserve_ids(connection, tables.element, 0) == []
