"""What the certificate asks of the boundary that a draft draws anew, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
import shapely.ops

from gridmap.actions.certifying import on_base
from gridmap.projecting import Axes, from_stored
from gridmap.redraw.certificate import Finding
from gridmap.redraw.edits import parse
from gridmap.redraw.measures import measures
from gridmap.redraw.plan import Plan
from gridmap.redraw.principles.ground import Ground
from gridmap.redraw.principles.numbers import numbers_of
from tests.gridmap.redraw.grids import CITY, METRIC, crooked

CELL = "120101001001005"
NEIGHBOUR = "120101001001006"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan.on(crooked())


def across(plan: Plan, bearing: tuple[float, float] = (0.004, 0.001)) -> shapely.LineString:
    """A line through the middle of the cell that ends on slanting edges, so that its neighbours get vertices."""
    middle = plan.base.drawn(plan.base.grid.by_code[CELL]).shape.centroid
    (x, y), (dx, dy) = (middle.x, middle.y), bearing
    return shapely.LineString([(x - dx, y - dy), (x + dx, y + dy)])


def split(plan: Plan) -> Plan:
    line = shapely.get_coordinates(across(plan)).tolist()
    return plan.apply(parse({"op": "split", "crs": "wgs84", "cell": CELL, "line": line, "snap_m": 0}))


def street_share(plan: Plan, streets: list[shapely.LineString], asked: float = 0.8) -> Finding:
    city = replace(CITY, principles=replace(CITY.principles, street_share=asked))
    lines = np.empty(len(streets), object)
    lines[:] = streets
    ground = Ground(city, lines=lines)
    grid = plan.base.grid
    return measures(numbers_of(grid, ground, grid), ground, on_base(plan), ())["street_share"]


def test_only_boundary_that_was_none_before_is_asked_of(plan: Plan) -> None:
    """Though the city's share falls when streets run elsewhere, and an edge that is cut in two is no new one."""
    done = split(plan)
    cell = plan.base.drawn(plan.base.grid.by_code[CELL]).shape
    cut = from_stored(Axes(METRIC), np.array([across(plan).intersection(cell)], object))[0]
    far = shapely.LineString([(117.0, 39.0), (117.001, 39.0)])
    off = street_share(done, [far])
    assert off.holds is False
    assert off.figures["new_m"] == pytest.approx(cut.length, abs=1.0)
    assert off.figures["share_of_new"] == 0.0
    (offender,) = off.offenders
    assert offender.code in done.step.minted
    assert "m of new boundary with" in offender.what
    assert offender.point is not None
    assert across(plan).distance(shapely.Point(offender.point)) < 1e-6
    along = street_share(done, [across(plan)])
    assert (along.holds, along.offenders) == (True, ())
    assert along.figures["share_of_new"] == pytest.approx(1.0, abs=1e-3)


def test_the_city_says_how_much(plan: Plan) -> None:
    """A street beside half of the cut."""
    half = shapely.ops.substring(across(plan), 0, 0.5, normalized=True)
    for asked, holds in ((0.8, False), (0.3, True)):
        found = street_share(split(plan), [half], asked)
        assert (found.holds, found.figures["asked"]) == (holds, asked)
        assert 0.3 < float(str(found.figures["share_of_new"])) < 0.8


def test_a_merge_draws_nothing_anew(plan: Plan) -> None:
    """It may take away boundary along streets: the city's share falls, and nothing is asked."""
    merged = plan.apply(parse({"op": "merge", "cells": [CELL, NEIGHBOUR]}))
    shared = shapely.intersection(
        *(plan.base.drawn(plan.base.grid.by_code[code]).shape for code in (CELL, NEIGHBOUR))
    )
    lines = [each for each in shapely.get_parts(shared) if each.geom_type == "LineString"]
    found = street_share(merged, lines)
    assert (found.holds, found.figures["new_m"], found.offenders) == (True, 0.0, ())
    assert float(str(found.figures["city_after"])) < float(str(found.figures["city_before"]))


def test_a_cut_taken_back_is_no_new_boundary(plan: Plan) -> None:
    done = split(plan)
    again = done.apply(parse({"op": "merge", "cells": list(done.step.minted)}))
    far = [shapely.LineString([(117.0, 39.0), (117.001, 39.0)])]
    assert street_share(again, far).figures["new_m"] == 0.0


def test_without_lines_nothing_is_measured(plan: Plan) -> None:
    assert street_share(split(plan), []).holds is None
