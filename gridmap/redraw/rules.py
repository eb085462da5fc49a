"""What must hold after each edit, or it is refused with the place and the reason. Imports ``state`` and below.

A rule is a plain function of the state before, the step and the state after; ``RULES`` are all of them. Each looks
at what the edit touched and no further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.model import CELL_KINDS
from gridmap.redraw.change import DrawnCell
from gridmap.redraw.cutting import is_splinter, width_m
from gridmap.redraw.exact import between
from gridmap.redraw.metres import Point, metric
from gridmap.redraw.noding import Edge, along
from gridmap.redraw.patch import directed, rings_of
from gridmap.redraw.state import State, Step

Rule = Callable[[State, Step, State], None]


def seamless(before: State, step: Step, after: State) -> None:
    """The cells that changed cover what they covered: no gap, no overlap, shared edges vertex by vertex.

    Valid polygons with the inside on the left whose edges all pair off, but for the same line around the whole,
    cover each place inside it exactly once: so this needs no measuring, and nothing rounds.
    """
    now = {code: cell.shape for code, cell in {**step.drawn, **step.touched}.items()}
    was = {code: cell.shape for code in [*now, *step.ended] if (cell := before.find(code)) is not None}
    same = [code for code in now if code in was and now[code] is was[code]]
    for code in same:
        del now[code], was[code]
    if not now and not was:
        return
    _check_valid(now)
    left, rest = _outline(was.values()), _outline(now.values())
    _check_same_line(left, rest, after)


def _check_valid(shapes: dict[str, BaseGeometry]) -> None:
    codes = list(shapes)
    wrong = np.flatnonzero(~shapely.is_valid([shapes[code] for code in codes]))
    if len(wrong):
        code = codes[int(wrong[0])]
        raise RuleBroken(f"cell {code} would not be valid: {shapely.is_valid_reason(shapes[code])}")


def _outline(shapes: Iterable[BaseGeometry]) -> set[Edge]:
    """The directed edges that no other of the shapes has on its side; RuleBroken when two want the same."""
    edges: set[Edge] = set()
    for shape in shapes:
        for edge in directed(rings_of(shape)):
            if edge in edges:
                raise RuleBroken(f"cells would overlap at {_shown(edge)}")
            edges.add(edge)
    return {edge for edge in edges if (edge[1], edge[0]) not in edges}


def _check_same_line(was: set[Edge], now: set[Edge], after: State) -> None:
    """What is new around the whole may only be vertices exactly on the city's outer line."""
    added = {edge[0]: edge[1] for edge in now - was}
    count = len(now - was)
    gone = sorted(was - now)
    for start, end in gone:
        at = start
        while at != end:
            to = added.get(at)
            if to is None or not (to == end or between(to, at, end)):
                raise RuleBroken(f"the redraw would leave a gap or move an outer line at {_shown((start, end))}")
            at = to
            count -= 1
    if count:
        stray = min(edge for edge in now - was)
        raise RuleBroken(f"the redraw would overlap what lies around it at {_shown(stray)}")
    if gone:
        around = after.near([shapely.LineString(edge) for edge in gone])
        cut = {along(edge) for edge in gone}
        for code, shape in around.items():
            for edge in directed(rings_of(shape)):
                if along(edge) in cut:
                    raise RuleBroken(f"cell {code} lacks a vertex that its neighbour has at {_shown(edge)}")


def usable(before: State, step: Step, after: State) -> None:
    """Cells are single polygons of some area and width that do not touch themselves.

    What was not so before may stay as it was, but not become worse.
    """
    ended = [before.cell(code).shape for code in step.ended]
    known = {id(shape) for shape in ended}
    codes = [code for code, cell in step.drawn.items() if _is_redrawn(before, code, cell, known)]
    crs = after.base.city.metric_crs
    flat = metric(np.array([step.drawn[code].shape for code in codes], object), crs)
    for code, shape in zip(codes, flat, strict=True):
        old = before.find(code)
        parts = 1 if old is None else len(shapely.get_parts(old.shape))
        place = shapely.point_on_surface(step.drawn[code].shape)
        where = f"at {place.x:.7f} {place.y:.7f}"
        if len(shapely.get_parts(shape)) > parts:
            raise RuleBroken(f"cell {code} {where} would fall into {len(shapely.get_parts(shape))} parts")
        _check_apart(code, step.drawn[code].shape, None if old is None else old.shape)
        if is_splinter(shape, after.base.limits):
            _check_size(code, where, shape, metric(np.array(ended if old is None else [old.shape]), crs), after)


def _check_size(code: str, where: str, shape: BaseGeometry, was: NDArray[np.object_], after: State) -> None:
    limits = after.base.limits
    least_area = min([limits.least_area_m2, *(float(each.area) for each in was)])
    least_width = min([limits.least_width_m, *(width_m(each) for each in was)])
    if shape.area < least_area:
        raise RuleBroken(f"a cell {where} would have {shape.area:.1f} m², less than {least_area:g}: {code}")
    if width_m(shape) < least_width:
        raise RuleBroken(f"a cell {where} would be {width_m(shape):.1f} m wide, less than {least_width:g}: {code}")


def _check_apart(code: str, shape: BaseGeometry, old: BaseGeometry | None) -> None:
    """A cell does not touch itself at a point: it would be valid, but GEOS takes it for no part of a coverage."""
    again = _met_again(shape)
    if again - (_met_again(old) if old is not None else set()):
        lon, lat = min(again)
        raise RuleBroken(f"cell {code} would touch itself at {lon:.7f} {lat:.7f}")


def _met_again(shape: BaseGeometry) -> set[Point]:
    """The points that a shape's rings come to more than once."""
    return {point for point, times in Counter(p for ring in rings_of(shape) for p in ring).items() if times > 1}


def _is_redrawn(before: State, code: str, cell: DrawnCell, known: set[int]) -> bool:
    """Whether a cell has a shape that neither it nor, under another code, one that ended had."""
    old = before.find(code)
    return id(cell.shape) not in known and (old is None or old.shape is not cell.shape)


def nested(before: State, step: Step, after: State) -> None:
    """Cells lie in communities, areas in areas of the level above; none of these is empty, none has ended."""
    levels = after.base.city.levels
    for code, cell in step.drawn.items():
        if cell.kind not in CELL_KINDS:
            raise InvalidInput("kind", cell.kind, f"of cell {code} must be one of {', '.join(CELL_KINDS)}")
        if after.area(cell.community).level != levels[-1]:
            raise RuleBroken(f"cell {code} must be in an area of level {levels[-1]}")
    for area in step.areas_drawn.values():
        above = levels[levels.index(area.level) - 1]
        if area.parent is None or after.area(area.parent).level != above:
            raise RuleBroken(f"area {area.code} must be in an area of level {above}")
    for code in step.areas_ended:
        if after.cells_of(code) or after.areas_of(code):
            raise RuleBroken(f"area {code} still has members and cannot end")
    for code in sorted(_may_be_empty(before, step)):
        if after.has_area(code) and not (after.cells_of(code) or after.areas_of(code)):
            raise RuleBroken(f"area {code} would have no members left; merge it with another instead")


def _may_be_empty(before: State, step: Step) -> set[str]:
    codes = set(step.areas_drawn)
    for code in step.areas_drawn:
        if before.has_area(code):
            codes.add(str(before.area(code).parent))
    for code in {*step.ended, *step.drawn}:
        cell = before.find(code)
        if cell is not None and (code not in step.drawn or step.drawn[code].community != cell.community):
            codes.add(cell.community)
    return codes


def fresh_codes(before: State, step: Step, after: State) -> None:
    """New codes were never used, and are by the city's pattern for their community."""
    mint, pattern = before.mint(), before.base.pattern
    new = {code for code in step.drawn if before.find(code) is None}
    if new != set(step.minted) or len(step.minted) != len(new):
        raise RuleBroken(f"new cells and new codes differ: {sorted(new.symmetric_difference(step.minted))}")
    for code in step.minted:
        if not mint.is_free(code):
            raise RuleBroken(f"code {code} was used before; a code is never issued again")
        if pattern.digits and pattern.sequence(step.drawn[code].community, code) is None:
            raise RuleBroken(f"code {code} is not by the city's pattern for {step.drawn[code].community}")
    if before.has_area(next((code for code in step.minted if before.has_area(code)), "")):
        raise RuleBroken("a new cell would have the code of an area")


def _shown(edge: Edge) -> str:
    (lon, lat), _ = edge
    return f"{lon:.7f} {lat:.7f}"


RULES: tuple[Rule, ...] = (seamless, usable, nested, fresh_codes)
