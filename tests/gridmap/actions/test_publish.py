"""Publishing a redrawn grid: everything derived is as if it were made from nothing, and history stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.bands import publish_bands
from gridmap.actions.points import load_points
from gridmap.actions.publish import Published, publish
from gridmap.actions.verify import verify_city
from gridmap.coverage.grid import Grid
from gridmap.current import Current
from gridmap.errors import InvalidInput, LoadRefused, NotAllowed, RuleBroken
from gridmap.ingest.description import read_mapping
from gridmap.model import Actor
from gridmap.redraw.change import DrawnCell, GridChange
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.shares import read_shares
from gridmap.store.snapshot import read_grid, read_grid_after
from tests.gridmap.coverage.test_redrawn import halves

Rng = np.random.Generator


def quiet(_: str) -> None:
    """No progress in tests."""


def grid_of(database: Database) -> Grid:
    with database.begin(OPERATOR, long_work=True) as connection:
        return read_grid(connection, read_city(connection))


def drawn(grid: Grid, code: str, shape: object, **other: object) -> DrawnCell:
    """The cell of a code with another shape."""
    cell = grid.cell(code)
    return replace(DrawnCell(cell.name, cell.kind, cell.community, cell.services, shape), **other)  # type: ignore[arg-type]


def shape_of(grid: Grid, code: str) -> shapely.Geometry:
    return grid.index.degrees[grid.by_code[code]]


def a_split(grid: Grid, rng: Rng, name: str) -> GridChange:
    """A cell cut in two from vertex to vertex; its code ends."""
    while True:
        code = grid.cells[rng.integers(len(grid.cells))].code
        parts = halves(shape_of(grid, code), rng)
        if len(parts) == 2:
            return GridChange(
                frozenset({code}), {f"{code}{name}{at}": drawn(grid, code, part) for at, part in enumerate(parts)}
            )


def a_merge(grid: Grid, rng: Rng, name: str) -> GridChange:
    """Two neighbours of one community become one with a new code."""
    while True:
        cell = grid.cells[rng.integers(len(grid.cells))]
        near = [
            other.code
            for other in grid.cells
            if other.community == cell.community
            and other.code != cell.code
            and shape_of(grid, other.code).relate_pattern(shape_of(grid, cell.code), "****1****")
        ]
        if near:
            both = shapely.coverage_union_all([shape_of(grid, cell.code), shape_of(grid, near[0])])
            return GridChange(
                frozenset({cell.code, near[0]}), {f"{cell.code}{name}": drawn(grid, cell.code, both)}
            )


def a_transfer(grid: Grid, rng: Rng, _: str) -> GridChange:
    """Half of a cell goes to a neighbour, perhaps of another community; both keep their codes."""
    while True:
        code = grid.cells[rng.integers(len(grid.cells))].code
        parts = halves(shape_of(grid, code), rng)
        if len(parts) < 2:
            continue
        for other in grid.cells:
            if other.code != code and shape_of(grid, other.code).relate_pattern(parts[1], "****1****"):
                both = shapely.coverage_union_all([shape_of(grid, other.code), parts[1]])
                shapes = {code: parts[0], other.code: both}
                return GridChange(frozenset(), {each: drawn(grid, each, shape) for each, shape in shapes.items()})


CHANGES: list[Callable[[Grid, Rng, str], GridChange]] = [a_split, a_merge, a_transfer]


def publish_next(database: Database, change: GridChange, grid: Grid) -> Published:
    begins = grid.revision.valid_from + timedelta(days=1)
    return publish(database, OPERATOR, grid.revision.number, change, begins, "a test", quiet)


def test_what_is_derived_is_as_if_made_from_nothing(heping_copy: Database, rng: Rng) -> None:
    """After splits, merges and transfers: areas, hex cover, placements (by verify) and zoom bands."""
    grid = grid_of(heping_copy)
    for turn in range(9):
        change = CHANGES[turn % 3](grid, rng, f"x{turn}")
        published = publish_next(heping_copy, change, grid)
        assert published.revision.number == grid.revision.number + 1
        with heping_copy.begin(OPERATOR, one_state=True) as connection:
            followed = read_grid_after(connection, read_city(connection), grid)
        grid = grid_of(heping_copy)
        assert followed.cells == grid.cells
        assert (followed.revision, followed.areas) == (grid.revision, grid.areas)
        assert shapely.equals_exact(followed.index.degrees, grid.index.degrees, 0.0).all()
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        again = publish_bands(connection, grid, read_city(connection), quiet)
    assert (again.cells, again.areas) == (0, 0)


def test_bands_that_were_not_redrawn_would_be_seen(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    publish_next(heping_copy, a_split(grid, rng, "x"), grid)
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        found = connection.execute(text("DELETE FROM cell_band WHERE first_revision = 2 AND band = 11")).rowcount
        assert found > 0
        again = publish_bands(connection, grid_of(heping_copy), read_city(connection), quiet)
    assert again.cells >= found


def test_the_revision_before_stays_as_it_was(heping_copy: Database, rng: Rng) -> None:
    def state(revision: int) -> tuple[object, ...]:
        valid = f"revisions @> {revision}"
        going_on = f"first_revision <= {revision} AND coalesce(last_revision, {revision}) >= {revision}"
        queries = [
            f"SELECT count(*), sum(hashtextextended({what}, {more})) FROM {table} WHERE {condition}"
            for table, what, more, condition in (
                ("cell", "code || ST_AsText(geom)", "0", valid),
                ("area_shape", "code || ST_AsText(geom)", "0", valid),
                ("cell_band", "cell_id || ST_AsText(geom)", "band", going_on),
                ("area_band", "code || ST_AsText(geom)", "band", going_on),
                ("hex_cover", "hex::text", "cell_id", going_on),
                ("element_placement", "element_id::text", "cell_id", going_on),
                ("incident_placement", "incident_id::text", "cell_id", going_on),
            )
        ]
        with heping_copy.begin(OPERATOR) as connection:
            return tuple(tuple(connection.execute(text(query)).one()) for query in queries)

    grid, before = grid_of(heping_copy), state(1)
    for turn, change in enumerate(CHANGES):
        publish_next(heping_copy, change(grid, rng, f"x{turn}"), grid)
        grid = grid_of(heping_copy)
    assert state(1) == before
    assert state(4) != before


def test_lineage_tells_what_became_of_area_and_elements(heping_copy: Database, rng: Rng) -> None:
    """Persons are left out: with the public numbers of other elements a share would tell how many there are."""
    grid = grid_of(heping_copy)
    change = a_split(grid, rng, "x")
    (old,) = change.ended
    with heping_copy.begin(OPERATOR) as connection:
        into_persons = (
            "UPDATE element SET class = 'person', category = 'resident', name = NULL WHERE id % 3 = 0 AND id IN "
            "(SELECT element_id FROM element_placement WHERE cell_id = :cell)"
        )
        assert connection.execute(text(into_persons), {"cell": grid.cell(old).id}).rowcount > 0
    publish_next(heping_copy, change, grid)
    with heping_copy.begin(OPERATOR) as connection:
        rows = connection.execute(text("SELECT from_id, to_id, area_share, element_share FROM lineage")).all()
        counted = dict(
            map(tuple, connection.execute(text(
                "SELECT cell_id, count(*) FROM element_placement JOIN element ON id = element_id "
                "WHERE first_revision = 2 AND class <> 'person' GROUP BY cell_id"
            )))
        )  # fmt: skip
    assert {row.from_id for row in rows} == {grid.cell(old).id}
    assert len({row.to_id for row in rows}) == len(rows) == 2
    assert sum(row.area_share for row in rows) == pytest.approx(1.0)
    total = sum(counted.values())
    assert [row.element_share for row in rows] == [
        counted.get(row.to_id, 0) / total if total else None for row in rows
    ]


def test_lines_are_shared_out_anew(heping_copy: Database, rng: Rng, tmp_path: Path) -> None:
    """A line through cells that are redrawn has shares in the new ones; one elsewhere keeps its own."""
    grid = grid_of(heping_copy)
    change = a_split(grid, rng, "x")
    (old,) = change.ended
    far = max(grid.cells, key=lambda cell: shape_of(grid, cell.code).distance(shape_of(grid, old)))
    lines = [_across(shape_of(grid, old)), _across(shape_of(grid, far.code))]
    gpd.GeoDataFrame({"id": ["here", "far"]}, geometry=lines, crs=4326).to_file(tmp_path / "lines.gpkg")
    mapping = (
        '[[elements]]\nfile = "lines.gpkg"\nsource = "lines"\ncrs = "wgs84"\nid = "id"\n'
        'class = { value = "object" }\ncategory = { value = "bench" }\n'
    )
    (tmp_path / "lines.toml").write_text(mapping, encoding="utf-8")
    sections = read_mapping(tmp_path / "lines.toml").sections
    load_points(heping_copy, OPERATOR, sections, tmp_path, quiet, trust_crs=True)
    publish_next(heping_copy, change, grid)
    after = grid_of(heping_copy)
    with heping_copy.begin(OPERATOR) as connection:
        query = "SELECT external_id, id FROM element WHERE source = 'lines'"
        ids = dict(map(tuple, connection.execute(text(query))))
        was, now = read_shares(connection, ids["here"], 1), read_shares(connection, ids["here"], 2)
        assert read_shares(connection, ids["far"], 2) == read_shares(connection, ids["far"], 1)
    cell_ids = {cell.id for cell in after.cells} | {0}
    assert grid.cell(old).id in was
    assert now.keys() <= cell_ids
    new = {after.cell(code).id for code in change.drawn}
    assert sum(now[each] for each in new & now.keys()) == pytest.approx(was[grid.cell(old).id])
    assert sum(now.values()) == pytest.approx(1.0)


def _across(cell: shapely.Geometry) -> shapely.LineString:
    west, south, east, north = cell.bounds
    return shapely.LineString([(west, south), (east, north)])


def test_a_change_of_name_keeps_id_and_shape(heping_copy: Database) -> None:
    grid = grid_of(heping_copy)
    cell = grid.cells[5]
    named = drawn(grid, cell.code, grid.index.degrees[5], name="另一个名字", kind="special")
    publish_next(heping_copy, GridChange(frozenset(), {cell.code: named}), grid)
    after = grid_of(heping_copy)
    assert after.cells[5] == replace(cell, name="另一个名字", kind="special")
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def test_what_breaks_a_rule_publishes_nothing(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    begins = grid.revision.valid_from + timedelta(days=1)
    good = a_split(grid, rng, "x")
    (code,) = good.ended
    part = next(iter(good.drawn.values()))
    smaller = {code: drawn(grid, code, part.shape)}
    nowhere = {code: drawn(grid, code, part.shape, community="nowhere")}
    round_ = {code: drawn(grid, code, part.shape, kind="round")}
    cases: list[tuple[type[Exception], str, int, GridChange, object]] = [
        (RuleBroken, "based on 7", 7, good, begins),
        (RuleBroken, "begin after", 1, good, grid.revision.valid_from),
        (RuleBroken, "yet to come", 1, good, datetime.now(UTC) + timedelta(hours=1)),
        (RuleBroken, "gap or move", 1, GridChange(frozenset(), smaller), begins),
        (LoadRefused, "not a coverage", 1, GridChange(frozenset(), {"new": part}), begins),
        (InvalidInput, "nowhere", 1, GridChange(frozenset(), nowhere), begins),
        (InvalidInput, "round", 1, GridChange(frozenset(), round_), begins),
        (InvalidInput, "ended", 1, GridChange(frozenset({"nothing"}), {}), begins),
        (InvalidInput, "both|cannot end", 1, GridChange(frozenset({code}), smaller), begins),
    ]  # fmt: skip
    for error, words, base, change, at in cases:
        with pytest.raises(error, match=words):
            publish(heping_copy, OPERATOR, base, change, at, "", quiet)  # type: ignore[arg-type]
    with pytest.raises(NotAllowed):
        publish(heping_copy, Actor("p", "planner", ("*",)), 1, good, begins, "", quiet)
    assert grid_of(heping_copy).revision.number == 1
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def registered(database: Database) -> set[str]:
    """The workers that the database knows of."""
    with database.begin(OPERATOR) as connection:
        return set(connection.execute(text("SELECT id FROM worker")).scalars())


def test_once_it_answers_no_worker_calls_the_base_current(heping_copy: Database, rng: Rng, tmp_path: Path) -> None:
    """Two workers; a third stands still, as under a debugger, and counts itself as cut off when its lease ends."""
    workers = [Current(heping_copy, tmp_path / str(number)) for number in range(3)]
    ours = {worker._id for worker in workers}
    go_on, grid = threading.Event(), grid_of(heping_copy)
    for worker in workers:
        worker.start()
    try:
        for turn in range(3):
            published = publish_next(heping_copy, a_split(grid, rng, f"x{turn}"), grid)
            for worker in workers:
                assert worker.state.gone_since is None
                assert worker.state.ready.grid.revision == published.revision
            grid = workers[0].state.ready.grid
        still = workers[2]
        still.refresh = go_on.wait  # type: ignore[method-assign, assignment]
        time.sleep(1)
        publish_next(heping_copy, a_split(grid, rng, "y"), grid)
        assert [worker.state.gone_since is None for worker in workers] == [True, True, False]
        assert still.state.ready.grid.revision.number == grid.revision.number
        assert registered(heping_copy) >= ours
    finally:
        go_on.set()
        for worker in workers:
            worker.stop()
    assert registered(heping_copy).isdisjoint(ours)


def test_a_worker_that_lags_is_waited_for(heping_copy: Database, rng: Rng, tmp_path: Path) -> None:
    worker, grid = Current(heping_copy, tmp_path), grid_of(heping_copy)
    refresh = worker.refresh

    def late() -> None:
        time.sleep(2)
        refresh()

    worker.start()
    worker.refresh = late  # type: ignore[method-assign]
    try:
        for turn in range(2):
            published = publish_next(heping_copy, a_split(grid, rng, f"x{turn}"), grid)
            assert worker.state.ready.grid.revision == published.revision
            grid = worker.state.ready.grid
    finally:
        worker.stop()
