"""A service whose city was redrawn three times: a split, areas, a merge; for tests of its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

from gridmap.access import OPERATOR
from gridmap.actions.publish import publish
from gridmap.coverage.grid import Grid
from gridmap.redraw.change import GridChange
from gridmap.store.database import Database
from tests.gridmap.actions.area_changes import a_new_code
from tests.gridmap.actions.test_publish import a_merge, a_split, grid_of

NOTES = ("load", "a split", "another code", "a merge")


@dataclass(frozen=True)
class Story:
    """The grids of revisions 1 to 4 and the three changes between them."""

    grids: tuple[Grid, ...]
    changes: tuple[GridChange, ...]

    @property
    def split(self) -> str:
        """The code that ended with revision 1."""
        (code,) = self.changes[0].ended
        return code

    @property
    def recoded(self) -> tuple[str, str]:
        """The community whose code was changed by revision 3, and its new code."""
        (old,), (new,) = self.changes[1].areas_ended, self.changes[1].areas_drawn
        return old, new


def redraw(database: Database, service: Any) -> Story:
    """Publish the three revisions; the split cell is merged with a neighbour again by the last of them or not."""
    rng = np.random.default_rng(11)
    grids, changes = [grid_of(database)], []
    for note, make in zip(NOTES[1:], (a_split, a_new_code, a_merge), strict=True):
        grid = grids[-1]
        change = make(grid, rng, f"x{grid.revision.number}")
        begins = grid.revision.valid_from + timedelta(days=30)
        publish(database, OPERATOR, grid.revision.number, change, begins, note, lambda _: None, grid)
        changes.append(change)
        grids.append(grid_of(database))
    service.current.refresh()
    return Story(tuple(grids), tuple(changes))


def get(client: TestClient, path: str, headers: dict[str, str] | None = None, **query: object) -> Any:
    """The JSON of a good answer."""
    answer = client.get(path, params=query, headers=headers or {})
    assert answer.status_code == 200, (path, query, answer.text)
    return answer.json()
