"""Shares are kept by revision, and a later one replaces all of an element's."""

from __future__ import annotations

import numpy as np
import psycopg2.errors
import pytest
from sqlalchemy import text

from gridmap.store.database import Connection
from gridmap.store.shares import insert_shares, read_shares


def test_shares_come_back_as_of_a_revision(connection: Connection) -> None:
    one, other = connection.execute(text("SELECT id FROM element ORDER BY id LIMIT 2")).scalars()
    first = np.array([0.25, 0.5, 0.25])
    insert_shares(connection, np.array([one] * 3), np.array([7, 9, 0]), first, 1)
    insert_shares(connection, np.array([one]), np.array([8]), np.array([1.0]), 4)
    assert read_shares(connection, one, 1) == {9: 0.5, 0: 0.25, 7: 0.25}
    assert list(read_shares(connection, one, 3)) == [9, 0, 7]
    assert read_shares(connection, one, 4) == {8: 1.0}
    assert read_shares(connection, other, 4) == {}


def test_a_share_of_nothing_is_refused(connection: Connection) -> None:
    one = connection.execute(text("SELECT min(id) FROM element")).scalar_one()
    with pytest.raises(psycopg2.errors.CheckViolation, match="ck_element_share_share"):
        insert_shares(connection, np.array([one]), np.array([7]), np.array([0.0]), 1)
