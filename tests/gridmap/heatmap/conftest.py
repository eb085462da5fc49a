"""Facts of Heping, read once for the tests that only count."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gridmap.access import OPERATOR
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.places import Places
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.facts import read_facts
from gridmap.store.snapshot import read_grid


@pytest.fixture(scope="session")
def read_whole() -> Callable[[Database], Facts]:
    """Reads everything, knowing nothing."""

    def read(database: Database) -> Facts:
        with database.begin(OPERATOR, one_state=True) as connection:
            city = read_city(connection)
            return read_facts(connection, Places(read_grid(connection, city), city), None)

    return read


@pytest.fixture(scope="session")
def facts(heping: Database, read_whole: Callable[[Database], Facts]) -> Facts:
    """Heping's facts."""
    return read_whole(heping)
