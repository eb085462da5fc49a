"""Shares are kept by revision, and a later one replaces all of an element's."""

from __future__ import annotations

import numpy as np
import psycopg2.errors
import pytest
from sqlalchemy import text

from gridmap.store.database import Connection
from gridmap.store.shares import newest_shares, read_shares, replace_shares


def test_shares_come_back_as_of_a_revision(connection: Connection) -> None:
    one, other = connection.execute(text("SELECT id FROM element ORDER BY id LIMIT 2")).scalars()
    first = np.array([0.25, 0.5, 0.25])
    replace_shares(connection, {one: dict(zip([7, 9, 0], first, strict=True))}, 1)
    replace_shares(connection, {one: {8: 0.5}}, 4)
    replace_shares(connection, {one: {8: 1.0}}, 4)
    assert newest_shares(connection, [one, -1]) == {one: {8: 1.0}}
    assert read_shares(connection, one, 1) == {9: 0.5, 0: 0.25, 7: 0.25}
    assert list(read_shares(connection, one, 3)) == [9, 0, 7]
    assert read_shares(connection, one, 4) == {8: 1.0}
    assert read_shares(connection, other, 4) == {}


def test_a_share_of_nothing_is_refused(connection: Connection) -> None:
    one = connection.execute(text("SELECT min(id) FROM element")).scalar_one()
    with pytest.raises(psycopg2.errors.CheckViolation, match="ck_element_share_share"):
        replace_shares(connection, {one: {7: 0.0}}, 1)
