"""A cell in n parts: balanced by households or area, compact, along streets where they are there.

The cell is halved again and again, each time so that the shares fit the parts still to come. Imports ``cutting``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats
from gridmap.errors import RuleBroken
from gridmap.redraw.cutting import is_splinter
from gridmap.redraw.metres import Metres, Point, metric
from gridmap.redraw.patch import Patch
from gridmap.redraw.state import Base

# Straight cuts are tried in so many directions.
_DIRECTIONS = 18
# Where no households are known, area is weighed by about so many points.
_LATTICE = 2_500
# A street is taken before a straight line when what it cuts off is not further than this from the right share.
_STREET_TOLERANCE = 0.15
# A cut this much longer, in widths of the cell, is as bad as shares that are off by their whole.
_LENGTH_WEIGHT = 0.5
# Cuts go this far beyond the cell, as a share of its size, so that they cross its edge.
_BEYOND = 0.05


@dataclass(frozen=True)
class Weights:
    """n points in degrees and what each weighs."""

    points: Floats
    weight: Floats

    def inside(self, shape: BaseGeometry) -> Weights:
        """Those of the points that lie in a shape."""
        keep = shapely.intersects_xy(shape, self.points[:, 0], self.points[:, 1])
        return Weights(self.points[keep], self.weight[keep])


def part(
    patch: Patch, key: str, count: int, base: Base, along_streets: bool, notes: list[str]
) -> list[BaseGeometry]:
    """The parts of a cell, in no order; RuleBroken when it cannot be cut into so many."""
    shape = patch.shapes[key]
    if len(shapely.get_parts(shape)) > 1:
        raise RuleBroken(f"cell {key} already has several parts; split it by a line")
    weights = _weights(shape, base)
    streets = base.streets.near(shape, patch.metres, 0.0) if along_streets else []
    todo = [(key, count)]
    done: list[str] = []
    while todo:
        name, share = todo.pop()
        if share == 1:
            done.append(name)
            continue
        first = share // 2
        one, other = _halved(patch, name, first / share, weights, streets, base, notes)
        patch.drop(name)
        for suffix, face, parts in (("0", one, first), ("1", other, share - first)):
            patch.put(f"{name}/{suffix}", face)
            todo.append((f"{name}/{suffix}", parts))
    return [patch.drop(name) for name in sorted(done)]


def _weights(shape: BaseGeometry, base: Base) -> Weights:
    """The households in a cell, or a lattice of points that weigh the same."""
    known = base.households
    if known is not None:
        inside = Weights(np.column_stack([known.lon, known.lat]), np.asarray(known.count, np.float64)).inside(
            shape
        )
        if inside.weight.sum() > 0:
            return inside
    west, south, east, north = shape.bounds
    share = shape.area / ((east - west) * (north - south))
    steps = max(2, round(math.sqrt(_LATTICE / share)))
    places = (np.arange(steps) + 0.5) / steps
    x, y = np.meshgrid(west + places * (east - west), south + places * (north - south))
    lattice = Weights(np.column_stack([x.ravel(), y.ravel()]), np.ones(steps * steps))
    return lattice.inside(shape)


def _halved(
    patch: Patch,
    key: str,
    share: float,
    weights: Weights,
    streets: Sequence[list[Point]],
    base: Base,
    notes: list[str],
) -> tuple[BaseGeometry, BaseGeometry]:
    """Two faces of a shape, the first with about ``share`` of the weight."""
    shape = patch.shapes[key]
    own = weights.inside(shape)
    lines = [*_street_cuts(shape, share, own, streets), *_straight_cuts(shape, share, own, patch.metres)]
    for line in lines:
        trial = Patch(patch.shapes, patch.metres, patch.snapping)
        try:
            cut = trial.cut([key], [line])
        except RuleBroken:
            continue  # on the outer line, where no cut can end: another direction may do
        faces = cut.faces[key]
        flat = metric(np.array(faces, object), base.city.metric_crs)
        if len(faces) != 2 or any(is_splinter(each, base.limits) for each in flat):
            continue
        for name, changed in trial.shapes.items():
            if changed is not patch.shapes[name]:
                patch.put(name, changed)
        notes.extend(cut.notes)
        first = own.inside(faces[0]).weight.sum() / (own.weight.sum() or 1.0)
        turned = abs(first - share) > abs(1.0 - first - share)
        return (faces[1], faces[0]) if turned else (faces[0], faces[1])
    lon, lat = shapely.point_on_surface(shape).coords[0]
    raise RuleBroken(f"the part at {lon:.7f} {lat:.7f} cannot be cut into usable parts; draw a line")


def _street_cuts(
    shape: BaseGeometry, share: float, weights: Weights, streets: Sequence[list[Point]]
) -> Iterator[list[Point]]:
    """The ways of streets through a shape from edge to edge that cut off about the right share, the best first."""
    cuts = []
    total = weights.weight.sum()
    if not streets or not total:
        return
    network = shapely.line_merge(shapely.union_all([shapely.LineString(line) for line in streets]))
    inside = shapely.line_merge(shapely.intersection(network, shape))
    for way in shapely.get_parts(inside):
        if shapely.get_type_id(way) != 1 or shapely.is_closed(way):
            continue
        found = shapely.get_parts(shapely.polygonize([shapely.node(shapely.union(shape.boundary, way))]))
        faces = [face for face in found if shape.covers(face.representative_point())]
        if len(faces) != 2:
            continue
        first = weights.inside(faces[0]).weight.sum() / total
        off = min(abs(first - share), abs(1.0 - first - share)) / share
        if off <= _STREET_TOLERANCE:
            cuts.append((float(off), [(x, y) for x, y in shapely.get_coordinates(way).tolist()]))
    yield from (line for _, line in sorted(cuts))


def _straight_cuts(shape: BaseGeometry, share: float, weights: Weights, metres: Metres) -> Iterator[list[Point]]:
    """Straight lines that cut off the right share, short ones first."""
    west, south, east, north = shape.bounds
    middle = np.array([(west + east) / 2.0, (south + north) / 2.0])
    scale = np.array([metres.east, metres.north])
    flat = shapely.transform(shape, lambda pairs: (pairs - middle) * scale)
    points = (weights.points - middle) * scale
    size = math.hypot(*(np.array([east - west, north - south]) * scale))
    across = math.sqrt(flat.area)
    found = []
    for step in range(_DIRECTIONS):
        angle = math.pi * step / _DIRECTIONS
        normal = np.array([math.cos(angle), math.sin(angle)])
        along = np.array([-normal[1], normal[0]])
        for part_share in {share, 1.0 - share}:
            offset, off = _offset(points @ normal, weights.weight, part_share)
            ends = [offset * normal + side * size * (1.0 + _BEYOND) * along for side in (-1.0, 1.0)]
            chord = shapely.intersection(flat, shapely.LineString(ends))
            if shapely.get_type_id(chord) == 1 and not shapely.is_empty(chord):
                score = off / share + _LENGTH_WEIGHT * chord.length / across
                found.append((score, step, part_share, [tuple((end / scale + middle).tolist()) for end in ends]))
    yield from (line for *_, line in sorted(found))


def _offset(places: Floats, weight: Floats, share: float) -> tuple[float, float]:
    """Where on an axis a share of the weight lies below, between two points, and by how much it is missed."""
    order = np.argsort(places, kind="stable")
    places, below = places[order], np.cumsum(weight[order])
    gaps = np.flatnonzero(np.diff(places) > 1e-6)
    if not len(gaps):
        return float(places.mean()) if len(places) else 0.0, share
    off = np.abs(below[gaps] / below[-1] - share)
    best = gaps[int(np.argmin(off))]
    return float((places[best] + places[best + 1]) / 2.0), float(off.min())
