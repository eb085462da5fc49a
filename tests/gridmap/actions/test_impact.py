"""The impact of a change on Heping: what publishing then does, and hidden from whom it must be."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import Connection, text

from gridmap.access import EVERYWHERE, OPERATOR
from gridmap.actions.impact import base_of, impact
from gridmap.actions.keys import create_key
from gridmap.actions.publish import publish
from gridmap.coverage.grid import Grid
from gridmap.model import WORKER, Actor, City
from gridmap.redraw.change import GridChange, Redrawn, redrawn
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tests.gridmap.actions.test_publish import a_merge, a_split

CASEWORKER = Actor("c", "caseworker", ("120101",))
PLANNER = Actor("p", "planner", ("120000",))
MOVES = text(
    "SELECT old.cell_id, new.cell_id, count(*) FROM element_placement AS old "
    "JOIN element_placement AS new ON new.element_id = old.element_id AND new.first_revision = 2 "
    "JOIN element ON element.id = old.element_id "
    "WHERE old.last_revision = 1 AND element.class = :class GROUP BY 1, 2"
)


@pytest.fixture(scope="module")
def ground(heping: Database) -> tuple[City, Grid]:
    with heping.begin(OPERATOR, long_work=True) as connection:
        city = read_city(connection)
        return city, read_grid(connection, city)


def changed(grid: Grid, seed: int = 5) -> tuple[GridChange, Redrawn]:
    rng = np.random.default_rng(seed)
    split, merge = a_split(grid, rng, "s"), a_merge(grid, rng, "m")
    change = GridChange(split.ended | merge.ended, {**split.drawn, **merge.drawn})
    return change, redrawn(grid, change, grid.revision, [90_001 + at for at in range(len(change.drawn))])


def test_what_moves_is_what_publishing_moves(heping_copy: Database, ground: tuple[City, Grid]) -> None:
    city, grid = ground
    change, result = changed(grid)
    with heping_copy.begin(WORKER) as connection:
        found = impact(connection, city, grid, result, CASEWORKER)
        again = impact(connection, city, grid, result.grid, CASEWORKER)
    assert again == found
    assert found.hidden == 0
    assert found.ended == tuple(sorted(change.ended))
    assert found.new == tuple(sorted(change.drawn))
    publish(heping_copy, OPERATOR, 1, change, datetime(2026, 11, 2, tzinfo=UTC), "", lambda _: None)
    with heping_copy.begin(OPERATOR) as connection:
        codes = dict(connection.execute(text("SELECT id, code FROM cell")).all())
        for class_ in ("person", "place", "object", "organization"):
            moved = {
                (codes[old], codes[new]): count for old, new, count in connection.execute(MOVES, {"class": class_})
            }
            assert {(each.before, each.after): each.count for each in found.flows[class_]} == moved
        assert any(found.flows["person"])


def test_households_and_workload_add_up(connection: Connection, ground: tuple[City, Grid]) -> None:
    city, grid = ground
    change, result = changed(grid)
    found = impact(connection, city, grid, result, CASEWORKER)
    households = dict(
        connection.execute(
            text(
                "SELECT cell.code, sum(households) FROM building JOIN element_placement USING (element_id) "
                "JOIN cell ON cell.id = cell_id WHERE cell.code = ANY(:codes) GROUP BY 1"
            ),
            {"codes": list(change.ended)},
        ).all()
    )
    told: Counter[str] = Counter()
    for flow in found.flows["households"]:
        told[flow.before] += flow.count or 0  # type: ignore[assignment]
    assert {code: count for code, count in told.items() if count} == households
    before = sum(each.before or 0 for each in found.workload)
    assert before == pytest.approx(sum(each.after or 0 for each in found.workload))
    assert found.formula == "1·households + 0.5·place + 0.1·object + 2·organization"
    assert before > sum(households.values())
    addresses = sum(flow.count or 0 for flow in found.flows["addresses"])
    assert 0 < addresses <= sum(flow.count or 0 for flow in found.flows["place"])


def test_posts_go_to_the_largest_part_and_overlays_are_named(
    connection: Connection, ground: tuple[City, Grid]
) -> None:
    city, grid = ground
    change, result = changed(grid)
    found = impact(connection, city, grid, result, PLANNER)
    posts = connection.execute(
        text("SELECT code FROM post WHERE territory = ANY(:codes) AND level = 'cell' ORDER BY code"),
        {"codes": list(change.ended)},
    )
    assert [each.code for each in found.posts] == list(posts.scalars())
    assert {each.cell for each in found.posts} == change.ended
    assert {each.successor for each in found.posts} <= set(change.drawn)
    assert sum(each.shifts for each in found.posts) > 0
    assert found.buildings.near is not None
    overlays = set(connection.execute(text("SELECT code FROM overlay")).scalars())
    assert set(found.downstream.overlays) <= overlays


def test_small_counts_are_for_the_caseworker_of_all_that_is_touched(
    connection: Connection, ground: tuple[City, Grid]
) -> None:
    city, grid = ground
    elsewhere = Actor("e", "caseworker", ("120102",))
    hidden = 0
    for seed in range(6):
        _, result = changed(grid, seed)
        every = impact(connection, city, grid, result, CASEWORKER)
        assert every.hidden == 0
        for actor in (PLANNER, elsewhere):
            found = impact(connection, city, grid, result, actor)
            for what in ("person", "households"):
                counts = {(each.before, each.after): each.count for each in found.flows[what]}
                true = {(each.before, each.after): each.count for each in every.flows[what]}
                assert all(count is None or count == 0 or count >= city.least_people for count in counts.values())
                assert all(count is None or count == true[pair] for pair, count in counts.items())
            assert found.flows["place"] == every.flows["place"]
            hidden += found.hidden
    assert hidden > 0


def test_keys_that_name_an_ended_cell_are_for_who_gives_keys(
    heping_copy: Database, ground: tuple[City, Grid]
) -> None:
    city, grid = ground
    change, result = changed(grid)
    create_key(heping_copy, OPERATOR, Actor("k-1", "dispatcher", (min(change.ended),)), "a key", None)
    with heping_copy.begin(OPERATOR) as connection:
        admin = Actor("a", "key_admin", (EVERYWHERE,))
        assert len(impact(connection, city, grid, result, admin).downstream.keys or ()) == 1
        assert impact(connection, city, grid, result, PLANNER).downstream.keys is None


def test_principles_come_before_and_after(connection: Connection, ground: tuple[City, Grid]) -> None:
    city, grid = ground
    _, result = changed(grid)
    base = base_of(connection, city, grid)
    assert base_of(connection, city, grid) is base
    found = impact(connection, city, grid, result, CASEWORKER, base).principles
    assert found is not None
    assert [each.key for each in found.before] == [each.key for each in found.after]
    fixed = next(each for each in found.after if each.key == "fixed")
    assert 0 < float(str(fixed.figures["area_share_that_changed_cell"])) < 0.1
    size = next(each for each in found.after if each.key == "size")
    assert {each.cell for each in size.offenders} <= {cell.code for cell in result.grid.cells}
    planner = impact(connection, city, grid, result, PLANNER, base)
    assert planner.principles is not None
    assert planner.hidden > 0
    coarse = next(each for each in planner.principles.after if each.key == "size")
    assert coarse.offenders == ()
    assert coarse.figures["gini"] == round(float(str(size.figures["gini"])), 2)
    assert coarse.figures["cells_in_band"] is None
