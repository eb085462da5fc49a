"""Street blocks: what streets, water and today's lines cut a community into. Imports ``parting`` and below.

Everything is cut in a patch of the stored coverage, so blocks side by side have the same vertices and their union
is the ground, vertex by vertex.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.redraw.cutting import width_m
from gridmap.redraw.edits import OUTER_M, SNAP_M
from gridmap.redraw.metres import Point, metric
from gridmap.redraw.noding import Edge, Snapping, along
from gridmap.redraw.parting import part
from gridmap.redraw.patch import Patch, directed, joined, rings_of
from gridmap.redraw.sketch import Sketch
from gridmap.redraw.state import Base, Households, State
from gridmap.redraw.streets import Streets
from gridmap.shapes import Geometries

# What is smaller or narrower is no block but what lies between the lanes of a street: it goes with its neighbour.
_LEAST_AREA_M2 = 400.0
_LEAST_WIDTH_M = 5.0
# More blocks than this would take minutes.
MOST_BLOCKS = 600
# A block is cut in so many parts at most, and all blocks by so many cuts, each of which takes a tenth of a second.
_MOST_PARTS, _MOST_CUTS = 12, 100
_CLOSE_M = 1.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """n street blocks of a community, polygons in EPSG:4326 and in metres, and the weight in each.

    ``old``: the codes of the cells on the ground now; ``overlap_m2`` (n, cells): what each block has of them.
    """

    community: str
    shapes: Geometries
    flat: Geometries
    weight: Floats
    old: tuple[str, ...]
    overlap_m2: Floats


def blocks_of(
    state: State,
    community: str,
    locked: Collection[str],
    lines: Streets,
    weights: Households,
    heaviest: float,
) -> Blocks:
    """The blocks of a community without its locked cells, none heavier than ``heaviest`` if it can be cut.

    Cuts run between buildings, as far as these are known by their points. InvalidInput as for :func:`free_cells`,
    or when there are too many blocks.
    """
    free = free_cells(state, community, locked)
    patch = Sketch(state).patch(state.cells_of(community), Snapping(SNAP_M, outer_m=OUTER_M))
    before = [state.cell(code).shape for code in free]
    inner = [list(edge) for edges in edges_between(before).values() for edge in edges]
    ground = joined([patch.drop(code) for code in free])
    faces = _merged(_faces(patch, ground, lines, inner), state.base.city.metric_crs)
    faces = _cut(patch, faces, _weighed_near(state.base, ground, weights), heaviest)
    if len(faces) > MOST_BLOCKS:
        raise InvalidInput("area", community, f"has {len(faces)} blocks, more than {MOST_BLOCKS} at a time")
    shapes = np.array(faces, object)
    flat = metric(shapes, state.base.city.metric_crs)
    return Blocks(
        community,
        shapes,
        flat,
        weight_in(shapes, weights),
        free,
        _overlap_m2(flat, metric(np.array(before, object), state.base.city.metric_crs)),
    )


def free_cells(state: State, community: str, locked: Collection[str]) -> tuple[str, ...]:
    """The cells of a community that are not locked; InvalidInput when there is none, or one is another's."""
    cells = state.cells_of(community)
    for code in locked:
        if code not in cells:
            raise InvalidInput("locked", code, f"must be a cell of {community}")
    free = tuple(code for code in cells if code not in locked)
    if not free:
        raise InvalidInput("locked", sorted(locked)[:5], f"leaves no cell of {community} to be divided")
    return free


def _faces(patch: Patch, ground: BaseGeometry, lines: Streets, inner: Sequence[list[Point]]) -> list[BaseGeometry]:
    patch.put("", ground)
    near = [*lines.near(ground, patch.metres, _CLOSE_M), *inner]
    faces = patch.cut([""], near).faces[""] if near else list(shapely.get_parts(ground))
    patch.drop("")
    return faces


def _merged(faces: Sequence[BaseGeometry], metric_crs: str) -> list[BaseGeometry]:
    """The faces, each that is no block joined to the neighbour it shares most edge with, the smallest first."""
    parts: dict[int, list[BaseGeometry]] = {at: [face] for at, face in enumerate(faces)}
    flat = metric(np.array(faces, object), metric_crs)
    areas = {at: float(shape.area) for at, shape in enumerate(flat)}
    small = [at for at, shape in enumerate(flat) if areas[at] < _LEAST_AREA_M2 or width_m(shape) < _LEAST_WIDTH_M]
    home = {edge: at for at, face in enumerate(faces) for edge in directed(rings_of(face))}
    goes: dict[int, int] = {}
    for at in sorted(small, key=lambda each: (areas[each], each)):
        common: dict[int, float] = {}
        for own in parts[at]:
            for start, end in directed(rings_of(own)):
                other = home.get((end, start))
                while other in goes:
                    other = goes[other]
                if other is not None and other != at:
                    common[other] = common.get(other, 0.0) + float(np.hypot(end[0] - start[0], end[1] - start[1]))
        if not common:
            continue
        best = max(sorted(common), key=lambda other: common[other])
        goes[at] = best
        parts[best] += parts.pop(at)
    return [joined(own) if len(own) > 1 else own[0] for _, own in sorted(parts.items())]


def _cut(patch: Patch, faces: Sequence[BaseGeometry], base: Base, heaviest: float) -> list[BaseGeometry]:
    """The faces, heavy ones in as many parts as keep each below ``heaviest``; all have each other's vertices."""
    keys = [f"block {at}" for at in range(len(faces))]
    for key, face in zip(keys, faces, strict=True):
        patch.put(key, face)
    assert base.households is not None
    known, shapes = base.households, np.array(faces, object)
    weight = weight_in(shapes, known)
    places = weight_in(shapes, replace(known, count=(known.count > 0).astype(np.float64)))
    for key, count in zip(list(keys), _parts_of(weight, places, heaviest), strict=True):
        if count < 2:
            continue
        trial = Patch(patch.shapes, patch.metres, patch.snapping)
        try:
            pieces = part(trial, key, count, base, along_streets=False, notes=[])
        except RuleBroken:
            continue  # one large building, or ground of a shape that cannot be cut: it stays whole
        patch.drop(key)
        for name, shape in trial.shapes.items():
            if name in patch.shapes and shape is not patch.shapes[name]:
                patch.put(name, shape)
        keys.remove(key)
        for at, piece in enumerate(pieces):
            patch.put(f"{key} part {at}", piece)
            keys.append(f"{key} part {at}")
    return [patch.shapes[key] for key in keys]


def _parts_of(weight: Floats, places: Floats, heaviest: float) -> list[int]:
    """In how many parts each block is cut: no more than it has buildings; the heaviest first while cuts last."""
    wanted = np.minimum(np.minimum(np.ceil(weight / heaviest), places), _MOST_PARTS)
    counts, left = [1] * len(weight), _MOST_CUTS
    for at in np.argsort(-weight, kind="stable").tolist():
        counts[at] = max(1, min(int(wanted[at]), left + 1))
        left -= counts[at] - 1
    return counts


def _weighed_near(base: Base, ground: BaseGeometry, weights: Households) -> Base:
    """The base with only the weights on the ground, which is all that cutting its blocks looks at."""
    west, south, east, north = ground.bounds
    near = (weights.lon >= west) & (weights.lon <= east) & (weights.lat >= south) & (weights.lat <= north)
    return replace(base, households=Households(weights.lon[near], weights.lat[near], weights.count[near]))


def weight_in(shapes: Geometries, weights: Households) -> Floats:
    """The weight in each of some polygons side by side; a point on a shared edge counts in the first."""
    west, south, east, north = shapely.total_bounds(shapes)
    near = np.flatnonzero(
        (weights.lon >= west) & (weights.lon <= east) & (weights.lat >= south) & (weights.lat <= north)
    )
    point, block = shapely.STRtree(shapes).query(
        shapely.points(weights.lon[near], weights.lat[near]), predicate="intersects"
    )
    order = np.lexsort((block, point))
    point, block = point[order], block[order]
    first = np.r_[True, point[1:] != point[:-1]] if len(point) else np.empty(0, bool)
    found: Floats = np.bincount(block[first], weights.count[near[point[first]]], len(shapes)).astype(np.float64)
    return found


def _overlap_m2(flat: Geometries, before: Geometries) -> Floats:
    overlap = np.zeros((len(flat), len(before)))
    block, cell = shapely.STRtree(before).query(flat, predicate="intersects")
    overlap[block, cell] = shapely.area(shapely.intersection(flat[block], before[cell]))
    return overlap


def edges_between(shapes: Sequence[BaseGeometry]) -> dict[tuple[int, int], list[Edge]]:
    """(one, other) with one < other -> the edges that two of some polygons share, each once."""
    sides: dict[Edge, list[int]] = {}
    for at, shape in enumerate(shapes):
        for edge in directed(rings_of(shape)):
            sides.setdefault(along(edge), []).append(at)
    found: dict[tuple[int, int], list[Edge]] = {}
    for edge, owners in sides.items():
        if len(owners) == 2 and owners[0] != owners[1]:
            found.setdefault((min(owners), max(owners)), []).append(edge)
    return dict(sorted(found.items()))
