"""Going back: the grid of an earlier revision, to the vertex, as the next one; and back again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.bands import publish_bands
from gridmap.actions.publish import Published
from gridmap.actions.restore import restore
from gridmap.actions.verify import verify_city
from gridmap.coverage.grid import Grid
from gridmap.errors import NotAllowed, NotFound, RuleBroken
from gridmap.model import Actor
from gridmap.redraw.change import GridChange
from gridmap.redraw.restore import change_back
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.duty import list_posts
from gridmap.store.revisions import read_revision
from gridmap.store.snapshot import read_grid_after, read_grid_from
from tests.gridmap.actions.area_changes import CHANGES as AREA_CHANGES
from tests.gridmap.actions.area_changes import a_new_code, same_shapes
from tests.gridmap.actions.test_publish import CHANGES, a_merge, a_split, grid_of, publish_next, quiet

Rng = np.random.Generator


def go_back(database: Database, number: int, grid: Grid) -> Published:
    return restore(database, OPERATOR, number, grid.revision.valid_from + timedelta(days=1), "back", quiet)


def posts(database: Database) -> dict[str, str]:
    with database.begin(OPERATOR) as connection:
        return {post.code: post.territory for post in list_posts(connection, datetime.now(UTC))}


def test_the_grid_is_what_it_was_and_everything_derived_fits(heping_copy: Database, rng: Rng) -> None:
    first, stood = grid_of(heping_copy), posts(heping_copy)
    grid = first
    for turn, change in enumerate([*CHANGES, *AREA_CHANGES]):
        publish_next(heping_copy, change(grid, rng, f"{turn:02d}"), grid)
        grid = grid_of(heping_copy)
    last, stood_then = grid, posts(heping_copy)
    assert stood_then != stood
    for number, wanted, standing in ((1, first, stood), (last.revision.number, last, stood_then)):
        published = go_back(heping_copy, number, grid)
        assert published.revision.number == grid.revision.number + 1
        with heping_copy.begin(OPERATOR, one_state=True) as connection:
            followed = read_grid_after(connection, read_city(connection), grid)
        grid = grid_of(heping_copy)
        assert same_shapes(grid, wanted)
        assert same_shapes(followed, wanted)
        assert posts(heping_copy) == standing
        assert verify_city(heping_copy, OPERATOR, quiet).faults == []
        with heping_copy.begin(OPERATOR, long_work=True) as connection:
            again = publish_bands(connection, grid, read_city(connection), quiet)
        assert (again.cells, again.areas) == (0, 0)


def test_a_code_is_opened_again_with_its_id(heping_copy: Database, rng: Rng) -> None:
    first = grid_of(heping_copy)
    change = a_split(first, rng, "x")
    (old,) = change.ended
    publish_next(heping_copy, change, first)
    go_back(heping_copy, 1, grid_of(heping_copy))
    query = f"SELECT id, revisions::text FROM cell WHERE code = '{old}' ORDER BY version"
    with heping_copy.begin(OPERATOR) as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
        query = "SELECT from_id, to_id, area_share FROM lineage WHERE revision = 3"
        lineage = connection.execute(text(query)).all()
    cell = first.cell(old).id
    assert found == [(cell, "[1,2)"), (cell, "[3,)")]
    assert {row.to_id for row in lineage} == {cell}
    assert {row.area_share for row in lineage} == {1.0}
    made = set(change.drawn)
    assert made.isdisjoint(grid_of(heping_copy).by_code)


def test_any_revision_is_made_from_any_other(heping_copy: Database, rng: Rng) -> None:
    grids = [grid_of(heping_copy)]
    for turn, change in enumerate([a_split, a_new_code, a_merge]):
        publish_next(heping_copy, change(grids[-1], rng, f"{turn}"), grids[-1])
        grids.append(grid_of(heping_copy))
    with heping_copy.begin(OPERATOR, one_state=True) as connection:
        for known in grids:
            for wanted in grids:
                found = read_grid_from(connection, known, read_revision(connection, wanted.revision.number))
                assert same_shapes(found, wanted)
                change_there = change_back(known, wanted)
                assert (change_there == GridChange(frozenset(), {})) == (known is wanted)


def test_what_cannot_be_gone_back_to(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    with pytest.raises(RuleBroken, match="is that of the current"):
        go_back(heping_copy, 1, grid)
    with pytest.raises(NotFound, match="no revision 7"):
        go_back(heping_copy, 7, grid)
    publish_next(heping_copy, a_split(grid, rng, "x"), grid)
    with pytest.raises(RuleBroken, match="begin after"):
        restore(heping_copy, OPERATOR, 1, grid.revision.valid_from, "", quiet)
    with pytest.raises(NotAllowed):
        restore(heping_copy, Actor("p", "planner", ("*",)), 1, datetime.now(UTC), "", quiet)
    with pytest.raises(NotAllowed, match="would change too"):
        restore(heping_copy, Actor("p", "publisher", ("120102",)), 1, datetime.now(UTC), "", quiet)
    assert grid_of(heping_copy).revision.number == 2
