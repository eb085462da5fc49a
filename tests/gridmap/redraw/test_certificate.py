"""The certificate: a sound draft passes, and each check fails for its own fault and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from gridmap.actions.certifying import on_base
from gridmap.model import WAIVABLE
from gridmap.redraw.certificate import CHECKS, Case, Finding, Offender, Points, certify, settled
from gridmap.redraw.change import GridChange, Redrawn, redrawn
from gridmap.redraw.draft import Waiver
from gridmap.redraw.edits import parse
from gridmap.redraw.plan import Plan
from tests.gridmap.redraw.grids import CITY, crooked

ONE, TWO = "120101001001001", "120101001001002"


@pytest.fixture(scope="module")
def case() -> Case:
    """Two cells merged, with a point in each of the old ones."""
    base = crooked()
    plan = Plan.on(base).apply(parse({"op": "merge", "cells": [ONE, TWO]}))
    shapes = base.grid.index.degrees[[base.grid.by_code[code] for code in (ONE, TWO)]]
    points = shapely.get_coordinates(shapely.point_on_surface(shapes))
    measures = {"size_band": Finding(True), "street_share": Finding(None)}
    return Case(
        base.grid, plan.change(), CITY, on_base(plan), points=Points(points[:, 0], points[:, 1]), measures=measures
    )


def waiver(what: str) -> Waiver:
    return Waiver(what, "Li", "a test", "publisher", datetime(2026, 1, 1, tzinfo=UTC), 1)


def shrunk(case: Case) -> GridChange:
    """The new cell without a strip of it, so that the place is in no cell."""
    ((code, cell),) = case.change.drawn.items()
    less = replace(cell, shape=cell.shape.buffer(-1e-4))
    return replace(case.change, drawn={code: less})


def shorn(case: Case) -> Redrawn:
    """The grid after without the new cell: where it was is outside."""
    assert case.after is not None
    index = case.before.index.redrawn(case.change.ended, {})
    kept = tuple(cell for cell in case.before.cells if cell.code not in case.change.ended)
    grid = replace(case.after.grid, cells=kept, index=index)
    return replace(case.after, grid=grid, drawn=np.empty(0, np.intp))


def test_a_sound_draft_passes(case: Case) -> None:
    found = certify(case, [])
    assert found.passed
    results = {one.key: one.result for one in found.results}
    assert results.pop("street_share") == "not measured"
    assert results.pop("person_data") == "checked when published"
    assert set(results.values()) == {"pass"}


def faults(case: Case) -> dict[str, Case]:
    ((code, cell),) = case.change.drawn.items()
    elsewhere = replace(case.change, drawn={code: replace(cell, community="120101009")})
    offender = (Offender(code, "below the band"),)
    return {
        "coverage": replace(case, after=None, refused="cells are not a coverage", points=None),
        "nested": replace(case, change=elsewhere),
        "outer_line": replace(case, change=shrunk(case)),
        "exactly_one": replace(case, after=shorn(case)),
        "codes": replace(case, issued={code: 1}),
        "person_data": replace(case, persons=("5:1", "5:2")),
        "posts": replace(case, posts_refused="moves: must be a cell"),
        "staffed": replace(case, unstaffed=(code,)),
        "size_band": replace(case, measures={"size_band": Finding(False, {}, offender)}),
        "street_share": replace(case, measures={"street_share": Finding(False)}),
    }


def test_rows_of_persons_are_compared_when_all_is_written(case: Case) -> None:
    early = certify(replace(case, persons=("5:1", None)), [waiver("staffed")])
    for now, result in (("5:1", "pass"), ("5:2", "fail")):
        late = settled(early, replace(case, persons=("5:1", now)))
        assert {one.key: one.result for one in late.results}["person_data"] == result
        assert late.passed == (result == "pass")
        assert [one for one in late.results if one.key != "person_data"] == [
            one for one in early.results if one.key != "person_data"
        ]


@pytest.mark.parametrize("key", [check.key for check in CHECKS])
def test_each_check_fails_for_its_own_fault(case: Case, key: str) -> None:
    broken = faults(case)[key]
    found = certify(broken, [])
    assert not found.passed
    assert set(found.failures) == ({"coverage", "exactly_one"} if key == "coverage" else {key})
    waived = certify(broken, [waiver(key)])
    assert waived.passed == (key in WAIVABLE)
    if key in WAIVABLE:
        (result,) = [one for one in waived.results if one.key == key]
        assert (result.result, result.waiver) == ("waived", waiver(key))


def test_edges_that_are_not_the_neighbours_are_found_with_their_place(case: Case) -> None:
    """A vertex that only one side of a shared edge has, off the straight line."""
    assert case.after is not None
    at = int(case.after.drawn[0])
    degrees = case.after.grid.index.degrees.copy()
    ring = shapely.get_coordinates(degrees[at])
    outer = shapely.coverage_union_all(degrees).boundary
    middles = (ring[:-1] + ring[1:]) / 2
    shared = int(np.flatnonzero(shapely.distance(shapely.points(middles), outer) > 1e-4)[0])
    degrees[at] = shapely.Polygon(np.insert(ring, shared + 1, middles[shared] + 1e-5, axis=0))
    index = case.after.grid.index
    spoilt = type(index)(
        index.raster, index.nearby, np.array(index.bounds), index.metric_crs, index.codes, lambda: degrees
    )
    after = replace(case.after, grid=replace(case.after.grid, index=spoilt))
    (coverage,) = [one for one in certify(replace(case, after=after), []).results if one.key == "coverage"]
    assert coverage.result == "fail"
    assert coverage.finding.offenders[0].point is not None


def test_a_waiver_of_what_passes_is_no_waiver(case: Case) -> None:
    found = certify(case, [waiver("staffed")])
    assert {one.key for one in found.results if one.waiver is not None} == set()


def test_a_cell_that_ends_and_one_that_begins_must_cover_the_same(case: Case) -> None:
    """What redrawing itself refuses the certificate refuses, too."""
    with pytest.raises(Exception, match=r"gap|coverage"):
        redrawn(case.before, shrunk(case), case.before.revision, [10_000])
