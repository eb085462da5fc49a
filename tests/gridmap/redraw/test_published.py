"""A plan on Heping as the database has it is published, and everything derived is as it should be."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from gridmap.access import OPERATOR
from gridmap.actions.publish import publish
from gridmap.actions.verify import verify_city
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import Base
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tests.gridmap.redraw.attack import OPS, apply, cells_of, random_edit


def quiet(_: str) -> None:
    """No progress in tests."""


def test_a_plan_is_published_as_it_was_drawn(heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        city = read_city(connection)
        grid = read_grid(connection, city)
    rng = np.random.default_rng(5)
    plan = Plan.on(Base(grid, city))
    while len(plan.edits) < 25:
        after = apply(plan, random_edit(plan, rng, tuple(op for op in OPS if op != "redraw_area")))
        plan = after if isinstance(after, Plan) else plan
    begins = grid.revision.valid_from + timedelta(days=1)
    publish(heping_copy, OPERATOR, grid.revision.number, plan.change(), begins, "a plan", quiet)
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        now = read_grid(connection, city)
    drawn = cells_of(plan)
    assert [cell.code for cell in now.cells] == list(drawn)
    assert [shape.wkb for shape in now.index.degrees] == [shape.wkb for shape in drawn.values()]
    for code in plan.touched():
        assert now.cell(code).id == grid.cell(code).id
    report = verify_city(heping_copy, OPERATOR, quiet)
    assert report.faults == []
