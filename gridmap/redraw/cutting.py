"""What lines and polygons make of cells: parts, faces inside a piece, a boundary that was moved.

Imports ``patch`` and below, ``state``. Everything happens in a patch, so that the cells around stay in step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.redraw.metres import Metres, Point, metric
from gridmap.redraw.noding import LEAST_SNAP_M, Edge
from gridmap.redraw.patch import Patch, encloses, inner_point, joined
from gridmap.redraw.state import Base, Limits

Taken = tuple[list[BaseGeometry], list[BaseGeometry]]


def parts_by(patch: Patch, key: str, line: Sequence[Point], where: str, notes: list[str]) -> list[BaseGeometry]:
    """The parts of a cell on all sides of a line; InvalidInput when the line does not cross it."""
    if not shapely.is_simple(shapely.LineString(line)):
        raise InvalidInput(where, list(line[:3]), "must not cross itself")
    shape = patch.shapes[key]
    before = len(shapely.get_parts(shape))
    cut = patch.cut([key], [line])
    notes.extend(cut.notes)
    faces = cut.faces[key]
    if len(faces) > before:
        return faces
    raise InvalidInput(
        where, list(line[:3]), f"must cross cell {key} from edge to edge; {_why(shape, line, patch.metres)}"
    )


def _why(shape: BaseGeometry, line: Sequence[Point], metres: Metres) -> str:
    drawn = shapely.LineString(line)
    for lon, lat in (line[0], line[-1]):
        if shape.contains(shapely.Point(lon, lat)):
            return f"it ends inside the cell at {lon:.7f} {lat:.7f}"
    one, other = shapely.get_coordinates(shapely.shortest_line(shape, drawn)).tolist()
    away = metres.distance((one[0], one[1]), (other[0], other[1]))
    if away <= LEAST_SNAP_M:
        return f"it only touches it at {one[0]:.7f} {one[1]:.7f}"
    return f"it does not meet it, the nearest place is {away:.1f} m away"


def faces_in(
    patch: Patch, keys: Sequence[str], rings: Sequence[Sequence[Point]], base: Base, notes: list[str]
) -> dict[str, Taken]:
    """By cell what of it lies in a piece, and what is left.

    Splinters that stay behind go along when they are too small to be a cell, and are noted.
    """
    _check_piece(rings)
    cut = patch.cut(keys, rings)
    notes.extend(cut.notes)
    outline = [edge for chain in cut.chains for edge in itertools.pairwise(chain)]
    found: dict[str, Taken] = {}
    for key in keys:
        inside = [encloses(outline, inner_point(face)) for face in cut.faces[key]]
        taken = [face for face, within in zip(cut.faces[key], inside, strict=True) if within]
        left = [face for face, within in zip(cut.faces[key], inside, strict=True) if not within]
        if taken and len(left) > 1:
            taken, left = _with_splinters(taken, left, base, notes)
        found[key] = (taken, left)
    return found


def _check_piece(rings: Sequence[Sequence[Point]]) -> None:
    piece = shapely.Polygon(rings[0], rings[1:])
    if not piece.is_valid:
        raise InvalidInput(
            "piece", list(rings[0][:3]), f"must be a valid polygon: {shapely.is_valid_reason(piece)}"
        )


def _with_splinters(taken: list[BaseGeometry], left: list[BaseGeometry], base: Base, notes: list[str]) -> Taken:
    flat = metric(np.array(left, object), base.city.metric_crs)
    largest = int(np.argmax(shapely.area(flat)))
    stay = []
    for at, face in enumerate(left):
        if at != largest and is_splinter(flat[at], base.limits):
            lon, lat = inner_point(face)
            notes.append(f"a splinter of {flat[at].area:.2f} m² at {lon:.7f} {lat:.7f} goes along")
            taken = [*taken, face]
        else:
            stay.append(face)
    return taken, stay


def width_m(flat: BaseGeometry) -> float:
    """Twice the area over the perimeter: what a long strip is wide."""
    return 2.0 * flat.area / flat.length


def is_splinter(flat: BaseGeometry, limits: Limits) -> bool:
    """Whether a shape, in metres, is too small or too narrow to be a cell."""
    return bool(flat.area < limits.least_area_m2 or width_m(flat) < limits.least_width_m)


def moved_between(
    patch: Patch, keys: tuple[str, str], line: Sequence[Point], notes: list[str]
) -> tuple[BaseGeometry, BaseGeometry]:
    """Two cells whose shared boundary now runs along a line; InvalidInput when it does not begin and end there."""
    if not patch.shared(*keys):
        raise RuleBroken(f"cells {keys[0]} and {keys[1]} share no edge")
    if not shapely.is_simple(shapely.LineString(line)):
        raise InvalidInput("line", list(line[:3]), "must not cross itself")
    trial = Patch(patch.shapes, patch.metres, patch.snapping)
    way = _from_shared_to_shared(_chained(trial.cut(keys, [line]).chains), trial.shared(*keys), keys)
    # what of the line lies before and behind leaves no vertices
    cut = patch.cut(keys, [way])
    notes.extend(cut.notes)
    shared = patch.shared(*keys)
    way = _from_shared_to_shared(_chained(cut.chains), shared, keys)
    stretch = _stretch(shared, way[0], way[-1])
    new = list(itertools.pairwise(way))
    _check_stays(new, patch, keys)
    mine: dict[str, list[BaseGeometry]] = {key: [] for key in keys}
    changed = False
    for key, other in (keys, keys[::-1]):
        for face in cut.faces[key]:
            crosses = encloses([*new, *stretch], inner_point(face))
            changed = changed or crosses
            mine[other if crosses else key].append(face)
    if not changed:
        raise InvalidInput("line", list(line[:3]), f"must leave the boundary that {keys[0]} and {keys[1]} share")
    for key in keys:
        if not mine[key]:
            raise RuleBroken(f"nothing would be left of cell {key}; merge it instead")
    return joined(mine[keys[0]]), joined(mine[keys[1]])


def _chained(chains: Iterable[list[Point]]) -> list[Point]:
    way: list[Point] = []
    for chain in chains:
        way.extend(chain if not way or way[-1] != chain[0] else chain[1:])
    return way


def _from_shared_to_shared(way: list[Point], shared: Sequence[Edge], keys: tuple[str, str]) -> list[Point]:
    """The line from where it first is on the shared boundary to where it last is."""
    on = {point for edge in shared for point in edge}
    places = [at for at, point in enumerate(way) if point in on]
    if len(places) < 2 or way[places[0]] == way[places[-1]]:
        rule = f"must leave the boundary that {keys[0]} and {keys[1]} share and return to it"
        raise InvalidInput("line", way[:3], rule)
    return way[places[0] : places[-1] + 1]


def _stretch(shared: Sequence[Edge], start: Point, end: Point) -> list[Edge]:
    """The edges of the shared boundary between two of its points; the shorter way where it is closed."""
    after: dict[Point, list[Edge]] = {}
    for edge in shared:
        after.setdefault(edge[0], []).append(edge)
    ways = [way for one, other in ((start, end), (end, start)) if (way := _walk(after, one, other))]
    if not ways:
        raise RuleBroken(
            "the line begins and ends on different stretches of the shared boundary; move one at a time"
        )
    return min(ways, key=lambda way: sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in way))


def _walk(after: dict[Point, list[Edge]], start: Point, end: Point) -> list[Edge]:
    way: list[Edge] = []
    at, seen = start, {start}
    while at != end:
        steps = after.get(at, [])
        if len(steps) != 1 or (steps[0][1] in seen and steps[0][1] != end):
            return []
        way.append(steps[0])
        at = steps[0][1]
        seen.add(at)
    return way


def _check_stays(new: Sequence[Edge], patch: Patch, keys: tuple[str, str]) -> None:
    """The line may not leave the two cells."""
    both = joined([patch.shapes[key] for key in keys])
    shapely.prepare(both)
    out = np.flatnonzero(~shapely.covers(both, shapely.linestrings(np.array(new))))
    if len(out):
        lon, lat = new[int(out[0])][0]
        raise RuleBroken(f"the line leaves cells {keys[0]} and {keys[1]} near {lon:.7f} {lat:.7f}")
