"""Random edits, and what must be true of a plan after each, looked at as a whole and not by the rules."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.index import CoverageIndex
from gridmap.errors import GridMapError, InvalidInput, NotFound, RuleBroken
from gridmap.redraw.edits import parse, to_json
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import Base

Rng = np.random.Generator
Pairs = list[list[float]]

REFUSALS = (InvalidInput, NotFound, RuleBroken)
# A redraw leaves two cells of a community, so it comes seldom.
_WEIGHT = {"redraw_area": 0.3, "change": 1.0, "split_into": 1.0}
OPS = ("split", "merge", "move_boundary", "transfer", "cut_new", "change", "split_into", "redraw_area")


def cells_of(plan: Plan) -> dict[str, BaseGeometry]:
    """All cells of the plan, by code, sorted."""
    shapes = dict(zip(plan.base.grid.by_code, plan.base.grid.index.degrees, strict=True))
    for code, cell in plan.state.cells.items():
        shapes.pop(code, None)
        if cell is not None:
            shapes[code] = cell.shape
    return dict(sorted(shapes.items()))


def communities_of(plan: Plan) -> dict[str, float]:
    """Community -> the area of its cells in square degrees."""
    sums: dict[str, float] = {}
    for code, shape in cells_of(plan).items():
        community = plan.state.cell(code).community
        sums[community] = sums.get(community, 0.0) + shape.area
    return sums


def bytes_of(plan: Plan) -> dict[str, object]:
    """All that a plan says of cells and areas, shapes as WKB."""
    cells = {
        code: cell and (cell.name, cell.kind, cell.community, cell.services, cell.shape.wkb)
        for code, cell in plan.state.cells.items()
    }
    return {"cells": cells, "areas": dict(plan.state.areas), "step": (plan.step.ended, plan.step.minted)}


def random_edit(plan: Plan, rng: Rng, ops: tuple[str, ...] = OPS) -> dict[str, Any]:  # noqa: PLR0911
    """An edit near some cell, good or bad, as JSON."""
    cells = cells_of(plan)
    code = str(rng.choice(list(cells)))
    shape = cells[code]
    near = [other for other in plan.state.near([shape]) if other != code and cells[other].intersects(shape)]
    other = str(rng.choice(near)) if near else code
    op = str(
        rng.choice(ops, p=np.array([_WEIGHT.get(op, 4.0) for op in ops]) / sum(_WEIGHT.get(op, 4.0) for op in ops))
    )
    snap = {"snap_m": float(rng.choice([0.0, 0.01, 0.5, 5.0])), "outer_m": 1000.0}
    where = {"op": op, "crs": "wgs84", **(snap if rng.random() < 0.7 else {})}
    if op == "split":
        return {**where, "cell": code, "line": _line(shape, rng)}
    if op == "split_into":
        return {"op": op, "cell": code, "parts": int(rng.integers(2, 4))}
    if op == "merge":
        more = {"community": plan.state.cell(code).community} if rng.random() < 0.3 else {}
        return {"op": op, "cells": sorted({code, other}) if other != code else [code, "x"], **more}
    if op == "move_boundary":
        cells_named = [code, other] if other != code else [code, "x"]
        across = bool(rng.random() < 0.3)
        return {**where, "cells": cells_named, "line": _beside(shape, cells[other], rng), "across": across}
    if op == "transfer":
        piece = _piece(shapely.intersection(shape, cells[other]), shape, rng)
        return {**where, "from": code, "to": other, "piece": piece, "across": bool(rng.random() < 0.3)}
    if op == "cut_new":
        more = {"community": plan.state.cell(code).community} if rng.random() < 0.5 else {}
        return {**where, "name": "new", "piece": _piece(shape, shape, rng), **more}
    if op == "redraw_area":
        return _redraw(plan, plan.state.cell(code).community, rng)
    change = {"name": f"name {rng.integers(100)}", "kind": str(rng.choice(["basic", "full_service", "special"]))}
    if rng.random() < 0.2:
        change["community"] = str(rng.choice(sorted(communities_of(plan))))
    return {"op": op, "cell": code, **change}


def _size(shape: BaseGeometry) -> np.ndarray:
    west, south, east, north = shape.bounds
    return np.array([east - west, north - south])


def _line(shape: BaseGeometry, rng: Rng) -> Pairs:
    """A line over a shape, sometimes through its vertices or along its edges."""
    middle = np.array(shapely.point_on_surface(shape).coords[0])
    angle = rng.uniform(0, np.pi)
    way = np.array([np.cos(angle), np.sin(angle)]) * _size(shape)
    points = middle + np.array([[-1.1], [0.0], [1.1]]) * way
    points[1] += rng.normal(0, 0.2, 2) * _size(shape)
    vertices = shapely.get_coordinates(shape)
    for at in range(3):
        if rng.random() < 0.25:
            points[at] = vertices[rng.integers(len(vertices))] + rng.normal(0, 1e-6, 2) * rng.integers(0, 2)
    return [[float(x), float(y)] for x, y in points]


def _beside(shape: BaseGeometry, other: BaseGeometry, rng: Rng) -> Pairs:
    """A line that leaves the shared boundary of two cells and returns to it."""
    shared = shapely.line_merge(shapely.intersection(shape.boundary, other.boundary))
    lines = [part for part in shapely.get_parts(shared) if shapely.get_type_id(part) == 1]
    if not lines:
        return _line(shape, rng)
    along = lines[rng.integers(len(lines))]
    first, last = sorted(rng.random(2)) if rng.random() < 0.7 else (0.0, 1.0)
    start, end = (shapely.line_interpolate_point(along, share, normalized=True) for share in (first, last))
    middle = np.array([(start.x + end.x) / 2, (start.y + end.y) / 2]) + rng.normal(0, 0.15, 2) * _size(shape)
    return [[start.x, start.y], [float(middle[0]), float(middle[1])], [end.x, end.y]]


def _piece(around: BaseGeometry, shape: BaseGeometry, rng: Rng) -> dict[str, Any]:
    """A box or a blob around a place."""
    place = np.array(shapely.point_on_surface(around if not around.is_empty else shape).coords[0])
    if rng.random() < 0.3:
        vertices = shapely.get_coordinates(shape)
        place = vertices[rng.integers(len(vertices))]
    count = int(rng.integers(3, 9))
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    ring = place + np.column_stack([np.cos(angles), np.sin(angles)]) * _size(shape) * rng.uniform(
        0.2, 0.7, (count, 1)
    )
    points = [[float(x), float(y)] for x, y in ring]
    return {"type": "Polygon", "coordinates": [[*points, points[0]]]}


def _redraw(plan: Plan, community: str, rng: Rng) -> dict[str, Any]:
    """A community cut by an upright line, as others would supply it: with 7 decimals."""
    codes = plan.state.cells_of(community)
    region = shapely.union_all([plan.state.cell(code).shape for code in codes])
    west, south, east, north = region.bounds
    middle = west + (east - west) * rng.uniform(0.3, 0.7)
    halves = [
        shapely.intersection(region, shapely.box(*box))
        for box in ((west - 1, south - 1, middle, north + 1), (middle, south - 1, east + 1, north + 1))
    ]
    rings = [
        [[round(x, 7), round(y, 7)] for x, y in part.exterior.coords]
        for half in halves
        for part in shapely.get_parts(half)
        if shapely.get_type_id(part) == 3
    ]
    supplied = [
        {"geometry": {"type": "Polygon", "coordinates": [ring]}, "name": f"part {at}"}
        for at, ring in enumerate(rings)
    ]
    if rng.random() < 0.5:
        supplied[0]["code"] = codes[0]
    return {"op": "redraw_area", "crs": "wgs84", "area": community, "cells": supplied, "outer_m": 1000.0}


def apply(plan: Plan, edit: dict[str, Any]) -> Plan | GridMapError:
    """The plan after an edit, or why it was refused."""
    try:
        read = parse(edit)
        assert parse(to_json(read)) == read
        return plan.apply(read)
    except REFUSALS as refusal:
        return refusal


def assert_law_2(plan: Plan, first: BaseGeometry) -> None:
    """A valid coverage that covers what the base covers; its outer line is the same point set, exactly."""
    shapes = np.array(list(cells_of(plan).values()), object)
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    union = shapely.coverage_union_all(shapes)
    assert len(shapely.get_rings(shapely.get_parts(union))) == len(shapely.get_rings(shapely.get_parts(first)))
    was, now = _outline(first), _outline(union)
    old = {point for edge in was for point in edge}
    new = {point for edge in now for point in edge}
    assert old <= new, f"vertices of the outer line are gone: {sorted(old - new)[:3]}"
    for point in new - old:
        assert any(_lies_on(point, edge) for edge in was), f"{point} is not on the outer line"


def _outline(shape: BaseGeometry) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    rings = [
        [tuple(p) for p in shapely.get_coordinates(r).tolist()]
        for r in shapely.get_rings(shapely.get_parts(shape))
    ]
    return [(a, b) for ring in rings for a, b in itertools.pairwise(ring)]


def _lies_on(point: tuple[float, float], edge: Any) -> bool:
    (x1, y1), (x2, y2) = ((Fraction(a), Fraction(b)) for a, b in edge)
    x, y = Fraction(point[0]), Fraction(point[1])
    level = (x2 - x1) * (y - y1) == (y2 - y1) * (x - x1)
    return level and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2)


def assert_codes(plan: Plan, ever: set[str]) -> None:
    """New codes were never used and are by the pattern; ``ever`` is added to."""
    assert not ever.intersection(plan.step.minted)
    ever.update(plan.step.minted)
    for code in plan.step.minted:
        cell = plan.step.drawn[code]
        assert code.startswith(cell.community)
        assert len(code) == 15


def assert_index_as_fresh(base: Base, plan: Plan, rng: Rng) -> None:
    """The index of the change equals one that is made from nothing."""
    change = plan.change()
    index = base.grid.index.redrawn(change.ended, {code: cell.shape for code, cell in change.drawn.items()})
    cells = cells_of(plan)
    shapes = np.empty(len(cells), object)
    shapes[:] = list(cells.values())
    fresh = CoverageIndex.build(shapes, base.city.metric_crs, list(cells))
    assert index.codes.tolist() == fresh.codes.tolist()
    assert [shape.wkb for shape in index.degrees] == [shape.wkb for shape in fresh.degrees]
    lon, lat = rng.uniform(fresh.bounds[:2], fresh.bounds[2:], (2000, 2)).T
    vertices = shapely.get_coordinates(fresh.degrees)
    for x, y in ((lon, lat), (vertices[:, 0].copy(), vertices[:, 1].copy())):
        for mine, theirs in zip(index.locate_many(x, y), fresh.locate_many(x, y), strict=True):
            np.testing.assert_array_equal(mine, theirs)
