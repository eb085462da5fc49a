"""Areas that begin, end and change: what is derived is as if made from nothing, and rules are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.bands import publish_bands
from gridmap.actions.placing import Placing
from gridmap.actions.publish import Published, publish
from gridmap.actions.verify import verify_city
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.model import Area
from gridmap.redraw.change import GridChange
from gridmap.store.addresses import rebuild_addresses
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid_after
from tests.gridmap.actions.area_changes import (
    CHANGES,
    a_new_code,
    a_new_community,
    a_new_district,
    another_parent,
    any_of,
    cells_of,
    drawn_in,
    same_shapes,
)
from tests.gridmap.actions.test_publish import a_merge, a_split, a_transfer, grid_of

Rng = np.random.Generator


def quiet(_: str) -> None:
    """No progress in tests."""


def publish_next(database: Database, change: GridChange, grid: Grid) -> Published:
    begins = grid.revision.valid_from + timedelta(days=1)
    return publish(database, OPERATOR, grid.revision.number, change, begins, "a test", quiet)


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.begin(OPERATOR) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def tops(database: Database) -> set[tuple[object, ...]]:
    return {
        row
        for subject in ("element", "incident")
        for row in rows(
            database, f"SELECT DISTINCT cell_id, top FROM {subject}_placement WHERE last_revision IS NULL"
        )
        if row[0] is not None
    }


def test_what_is_derived_is_as_if_made_from_nothing(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    changes = [*CHANGES, a_split, a_merge, a_transfer, a_new_code, a_new_community, another_parent]
    for turn, change in enumerate(changes):
        publish_next(heping_copy, change(grid, rng, f"{turn:02d}"), grid)
        with heping_copy.begin(OPERATOR, one_state=True) as connection:
            followed = read_grid_after(connection, read_city(connection), grid)
        grid = grid_of(heping_copy)
        assert same_shapes(followed, grid)
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        city = read_city(connection)
        assert publish_bands(connection, grid, city, quiet).areas == 0
        addresses = (
            "SELECT address.kind, name.name, text, code, ST_AsText(geom) FROM address "
            "JOIN address_name AS name ON name.id = name_id WHERE address.kind = 'area' ORDER BY code"
        )
        names = "SELECT kind, name, key, sound FROM address_name WHERE kind = 'area' ORDER BY name"
        kept = [connection.execute(text(query)).all() for query in (addresses, names)]
        rebuild_addresses(connection)
        assert [connection.execute(text(query)).all() for query in (addresses, names)] == kept
    top_of_id = Placing(grid, city).top_of_id
    placed = tops(heping_copy)
    assert len({top for _, top in placed}) == 2
    assert all(top_of_id[cell] == top for cell, top in placed)  # type: ignore[index]


def test_an_area_whose_name_changes_keeps_its_shape_and_history(heping_copy: Database) -> None:
    grid = grid_of(heping_copy)
    code = any_of(grid, np.random.default_rng(3), "community")
    shapes = rows(heping_copy, "SELECT count(*) FROM area_shape")
    named = {code: replace(grid.areas[code], name="另一个名字")}
    publish_next(heping_copy, GridChange(frozenset(), {}, areas_drawn=named), grid)
    query = f"SELECT name, revisions::text FROM area WHERE code = '{code}' ORDER BY version"
    assert rows(heping_copy, query) == [(grid.areas[code].name, "[1,2)"), ("另一个名字", "[2,)")]
    assert rows(heping_copy, "SELECT count(*) FROM area_shape") == shapes
    assert rows(heping_copy, "SELECT count(*) FROM redrawn_box WHERE revision = 2") != [(0,)]
    assert rows(heping_copy, "SELECT count(*) FROM lineage") == [(0,)]


def test_area_lineage_says_where_ground_and_elements_went(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    change = a_new_community(grid, rng, "1")
    (new,) = change.areas_drawn
    old = grid.cell(next(iter(change.drawn))).community
    publish_next(heping_copy, change, grid)
    found = rows(
        heping_copy,
        "SELECT level, from_code, to_code, area_share, element_share FROM area_lineage ORDER BY to_code DESC",
    )
    assert [row[:3] for row in found] == [("community", old, new), ("community", old, old)]
    inside = [grid.index.degrees[grid.by_code[code]].area for code in change.drawn]
    whole = [grid.index.degrees[grid.by_code[code]].area for code in cells_of(grid, old)]
    assert found[0][3] == pytest.approx(sum(inside) / sum(whole), rel=1e-3)
    count = "SELECT count(*) FROM element_placement JOIN element ON element_id = id JOIN cell ON cell.id = cell_id"
    valid = "cell.revisions @> 2 AND last_revision IS NULL AND class <> 'person' AND community"
    ((went,),), ((stayed,),) = (rows(heping_copy, f"{count} WHERE {valid} = '{code}'") for code in (new, old))
    assert found[0][4] == pytest.approx(went / (went + stayed))  # type: ignore[operator]
    assert found[0][4] + found[1][4] == pytest.approx(1.0)  # type: ignore[operator]


def test_a_code_of_an_area_under_another_is_one_to_one(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    change = a_new_code(grid, rng, "1")
    (old,), (new,) = change.areas_ended, change.areas_drawn
    publish_next(heping_copy, change, grid)
    assert rows(heping_copy, "SELECT from_code, to_code, area_share FROM area_lineage") == [(old, new, 1.0)]
    assert {share for (share,) in rows(heping_copy, "SELECT area_share FROM lineage")} == {1.0}
    assert len(rows(heping_copy, "SELECT 1 FROM lineage")) == len(change.drawn)


def test_what_breaks_a_rule_of_areas_publishes_nothing(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    community, street = any_of(grid, rng, "community"), any_of(grid, rng, "street")
    district = grid.areas[street].parent
    area = grid.areas[community]
    cells, high = cells_of(grid, community), {"community": street}
    new = Area("new", "community", "新", area.parent)

    def of(**drawn: Area) -> GridChange:
        return GridChange(frozenset(), {}, areas_drawn={each.code: each for each in drawn.values()})

    cases: list[tuple[type[Exception], str, GridChange]] = [
        (InvalidInput, "areas_ended.*nothing", GridChange(frozenset(), {}, frozenset({"nothing"}))),
        (InvalidInput, "areas_ended.*one change", replace(of(area=area), areas_ended=frozenset({community}))),
        (RuleBroken, "new.* would have none", of(area=new)),
        (InvalidInput, f"community.*{cells[0]}", GridChange(frozenset(), {}, frozenset({community}))),
        (RuleBroken, f"{street} cannot end", GridChange(frozenset(), {}, frozenset({street}))),
        (InvalidInput, "parent.*nowhere", of(area=replace(area, parent="nowhere"))),
        (InvalidInput, "parent.*district", of(area=replace(grid.areas[street], parent=community))),
        (InvalidInput, "parent", of(area=replace(area, parent=district))),
        (InvalidInput, "level.*stays", of(area=replace(area, level="street", parent=district))),
        (InvalidInput, "level.*must be", of(area=replace(new, level="planet"))),
        (InvalidInput, "drawn under", GridChange(frozenset(), {}, areas_drawn={"other": new})),
        (InvalidInput, "must be a community", replace(of(), drawn={cells[0]: drawn_in(grid, cells[0], **high)})),
        (RuleBroken, "one city, not 2", of(area=Area("new", "city", "新", None))),
    ]  # fmt: skip
    for error, words, change in cases:
        with pytest.raises(error, match=words):
            publish_next(heping_copy, change, grid)
    assert grid_of(heping_copy).revision.number == 1
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def test_no_code_is_issued_twice(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    change = a_new_code(grid, rng, "1")
    (old,) = change.areas_ended
    retired = min(change.ended)
    publish_next(heping_copy, change, grid)
    grid = grid_of(heping_copy)
    cell = grid.cells[0]
    shape = drawn_in(grid, cell.code)
    for taken in (retired, old, grid.cells[5].community):
        with pytest.raises(RuleBroken, match=f"issued once: {taken}"):
            publish_next(heping_copy, GridChange(frozenset({cell.code}), {taken: shape}), grid)
    area = grid.areas[cell.community]
    for taken in (old, retired, grid.cells[5].code):
        cells = {code: drawn_in(grid, code, community=taken) for code in cells_of(grid, area.code)}
        coded = GridChange(frozenset(), cells, frozenset({area.code}), {taken: replace(area, code=taken)})
        with pytest.raises(RuleBroken, match=f"issued once: {taken}"):
            publish_next(heping_copy, coded, grid)
    with pytest.raises(InvalidInput, match="of a cell and of an area"):
        publish_next(
            heping_copy,
            GridChange(frozenset({cell.code}), {"new": shape}, areas_drawn={"new": replace(area, code="new")}),
            grid,
        )


def test_a_district_that_goes_elsewhere_takes_its_placements_along(heping_copy: Database, rng: Rng) -> None:
    """verify sees a placement that leads with the wrong district."""
    grid = grid_of(heping_copy)
    publish_next(heping_copy, a_new_district(grid, rng, "1"), grid)
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []
    with heping_copy.begin(OPERATOR) as connection:
        change = "UPDATE element_placement SET top = '120101' WHERE top = '1201D1' AND last_revision IS NULL"
        wrong = connection.execute(text(change)).rowcount
    assert wrong > 0
    assert f"{wrong:,} elements lead with another" in verify_city(heping_copy, OPERATOR, quiet).faults[0]
