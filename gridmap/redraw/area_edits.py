"""Edits of areas: create, merge, split, rename, re-code, give another parent; and a community redrawn as a whole.

Cells follow their community: where the city's pattern has the community in it they get its code, and keep their
number when nobody had that one. Each is a function of a state and an edit. Imports ``sketch`` and below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.model import CELL_KINDS, Area
from gridmap.redraw.change import DrawnCell
from gridmap.redraw.cutting import is_splinter
from gridmap.redraw.edits import ChangeArea, CreateArea, MergeAreas, RedrawArea, SplitArea
from gridmap.redraw.metres import Point, metric
from gridmap.redraw.patch import inner_point, joined
from gridmap.redraw.sketch import Sketch, snapping_of, whole
from gridmap.redraw.state import State, Step

# What a community may be redrawn from, so that an edit takes seconds at most.
_MOST_VERTICES = 50_000


def create_area(state: State, edit: CreateArea) -> Step:
    """A new area of members that leave theirs."""
    sketch = Sketch(state)
    parent = state.area(edit.parent)
    level = _level_below(state, parent)
    _draw_area(sketch, Area(edit.code, level, edit.name, edit.parent))
    _give(sketch, level, edit.members, edit.code, "members")
    return sketch.step()


def merge_areas(state: State, edit: MergeAreas) -> Step:
    """One area of several; those that end have the one as their successor."""
    sketch = Sketch(state)
    areas = [_below_city(state, code) for code in edit.areas]
    levels = sorted({area.level for area in areas})
    if len(levels) > 1:
        raise InvalidInput("areas", list(edit.areas), f"must be of one level, these are {' and '.join(levels)}")
    parents = sorted({str(area.parent) for area in areas})
    goes_on = next((area for area in areas if area.code == edit.code), None)
    parent = edit.parent or (goes_on.parent if goes_on is not None else parents[0])
    if edit.parent is None and goes_on is None and len(parents) > 1:
        raise RuleBroken(f"a merge of areas of different parents needs `parent`: {', '.join(parents)}")
    if edit.name is None and goes_on is None:
        raise InvalidInput("name", None, "is needed for an area with a new code")
    name = edit.name or (goes_on.name if goes_on is not None else "")
    _draw_area(sketch, Area(edit.code, levels[0], name, parent), edit.areas)
    for area in areas:
        if area.code != edit.code:
            _give(sketch, area.level, _members(state, area), edit.code, "areas")
            sketch.areas_ended.append(area.code)
    return sketch.step()


def split_area(state: State, edit: SplitArea) -> Step:
    """Several areas of one; it ends unless one of them goes on with its code."""
    sketch = Sketch(state)
    area = _below_city(state, edit.area)
    members = set(_members(state, area))
    dealt = [member for part in edit.into for member in part.members]
    twice = sorted({member for member in dealt if dealt.count(member) > 1})
    if twice:
        raise InvalidInput("into", twice[0], "must be a member of one part")
    for member in dealt:
        if member not in members:
            raise InvalidInput("into", member, f"must be a member of {area.code}")
    left = sorted(members.difference(dealt))
    if left:
        raise InvalidInput("into", left[0], f"is a member of {area.code} and must be in one of the parts")
    codes = [part.code for part in edit.into]
    if len(set(codes)) < len(codes):
        raise InvalidInput("into", codes, "must have a code of its own for each part")
    for part in edit.into:
        _draw_area(sketch, Area(part.code, area.level, part.name, area.parent), [area.code])
        if part.code != area.code:
            _give(sketch, area.level, part.members, part.code, "into")
    if area.code not in codes:
        sketch.areas_ended.append(area.code)
    return sketch.step()


def change_area(state: State, edit: ChangeArea) -> Step:
    """A re-coded area is the same one under another code: lineage one to one, also of its cells."""
    sketch = Sketch(state)
    area = _below_city(state, edit.area)
    if edit.name is None and edit.code is None and edit.parent is None:
        raise InvalidInput("change_area", edit.area, "must say what changes: name, code or parent")
    code = edit.code or area.code
    _draw_area(sketch, Area(code, area.level, edit.name or area.name, edit.parent or area.parent), [area.code])
    if code != area.code:
        _give(sketch, area.level, _members(state, area), code, "area")
        sketch.areas_ended.append(area.code)
    return sketch.step()


def redraw_area(state: State, edit: RedrawArea) -> Step:
    """The cells of a community anew; codes that polygons do not name are retired."""
    sketch = Sketch(state)
    area = state.area(edit.area)
    if area.level != state.base.city.lowest_level:
        raise InvalidInput("area", edit.area, f"must be of level {state.base.city.lowest_level}, not {area.level}")
    old = state.cells_of(area.code)
    kept = [cell.code for cell in edit.cells if cell.code is not None]
    for code in kept:
        if code not in old or kept.count(code) > 1:
            raise InvalidInput("cells", code, f"must be the code of a cell of {area.code}, named once")
    vertices = sum(len(ring) for cell in edit.cells for ring in cell.geometry)
    if vertices > _MOST_VERTICES:
        raise InvalidInput("cells", vertices, f"must have at most {_MOST_VERTICES} vertices together")
    supplied = []
    for at, cell in enumerate(edit.cells):
        rings = [sketch.placed(ring, edit, edit.crs, f"cells[{at}].geometry") for ring in cell.geometry]
        polygon = shapely.Polygon(rings[0], rings[1:])
        if not polygon.is_valid:
            rule = f"must be a valid polygon: {shapely.is_valid_reason(polygon)}"
            raise InvalidInput(f"cells[{at}].geometry", list(rings[0][:3]), rule)
        supplied.append(polygon)
    shapes = _fitted(sketch, old, np.array(supplied, object), edit)
    fresh = [at for at, cell in enumerate(edit.cells) if cell.code is None]
    minted = dict(zip(fresh, sketch.mint(area.code, [shapes[at] for at in fresh]), strict=True)) if fresh else {}
    for at, cell in enumerate(edit.cells):
        code = cell.code or minted[at]
        before = state.cell(cell.code) if cell.code is not None else None
        name = cell.name or (before.name if before is not None else f"{area.name} {code.removeprefix(area.code)}")
        kind = cell.kind or (before.kind if before is not None else CELL_KINDS[0])
        services = cell.services if cell.services is not None else (before.services if before is not None else ())
        sketch.draw(code, DrawnCell(name, kind, area.code, services, shapes[at]))
    sketch.end(code for code in old if code not in kept)
    return sketch.step()


def _fitted(sketch: Sketch, old: Sequence[str], supplied: np.ndarray, edit: RedrawArea) -> list[BaseGeometry]:
    """The supplied polygons as parts of the community: its outline is what it was.

    Small gaps and overlaps between them are closed; what they leave of the community may only be splinters.
    """
    patch = sketch.patch(old, snapping_of(edit))
    region = joined([patch.drop(code) for code in old])
    patch.put("", region)
    near = edit.snap_m / max(patch.metres.east, patch.metres.north)
    clean = shapely.coverage_clean(  # type: ignore[attr-defined]  # types-shapely is older
        supplied, snapping_distance=near, gap_width=2.0 * near
    )
    lost = [at for at, polygon in enumerate(clean) if shapely.is_empty(polygon)]
    if lost:
        raise InvalidInput(f"cells[{lost[0]}].geometry", None, "is covered by the other polygons")
    cut = patch.cut([""], [_points(ring) for ring in shapely.get_rings(shapely.get_parts(clean))])
    sketch.notes.extend(cut.notes)
    patch.drop("")
    faces: list[list[BaseGeometry]] = [[] for _ in clean]
    spare = []
    for face in cut.faces[""]:
        shares = shapely.area(shapely.intersection(clean, face)) / face.area
        best = int(np.argmax(shares))
        if shares[best] > 0.5:
            faces[best].append(face)
        else:
            spare.append(face)
    _share_out(sketch, spare, faces)
    for at, own in enumerate(faces):
        if not own:
            raise InvalidInput(f"cells[{at}].geometry", None, f"must have a part in common with {edit.area}")
    return [whole(joined(own), f"cells[{at}]") for at, own in enumerate(faces)]


def _share_out(sketch: Sketch, spare: Sequence[BaseGeometry], faces: list[list[BaseGeometry]]) -> None:
    """Give splinters that no polygon has to the one they share most edge with; RuleBroken for larger gaps."""
    base = sketch.state.base
    for face in spare:
        flat = metric(np.array([face], object), base.city.metric_crs)[0]
        lon, lat = inner_point(face)
        if not is_splinter(flat, base.limits):
            raise RuleBroken(
                f"the polygons leave {flat.area:.1f} m² of the community uncovered at {lon:.7f} {lat:.7f}"
            )
        common = [
            sum(shapely.length(shapely.intersection(face.boundary, other.boundary)) for other in own)
            for own in faces
        ]
        faces[int(np.argmax(common))].append(face)
        sketch.notes.append(f"a gap of {flat.area:.2f} m² at {lon:.7f} {lat:.7f} was closed")


def _points(ring: BaseGeometry) -> list[Point]:
    return [(x, y) for x, y in (shapely.get_coordinates(ring) + 0.0).tolist()]


def _below_city(state: State, code: str) -> Area:
    area = state.area(code)
    if area.level == state.base.city.levels[0]:
        raise InvalidInput("area", code, "must be below the city")
    return area


def _level_below(state: State, parent: Area) -> str:
    levels = state.base.city.levels
    at = levels.index(parent.level) + 1
    if at == len(levels):
        raise InvalidInput("parent", parent.code, f"must be above {levels[-1]}, which is the lowest level")
    return levels[at]


def _members(state: State, area: Area) -> list[str]:
    lowest = area.level == state.base.city.lowest_level
    return state.cells_of(area.code) if lowest else state.areas_of(area.code)


def _draw_area(sketch: Sketch, area: Area, own: Sequence[str] = ()) -> None:
    """An area that is new, or one of ``own`` that changes; a new one's code was never used.

    The parent must be of the level above.
    """
    state = sketch.state
    levels = state.base.city.levels
    above = levels[levels.index(area.level) - 1]
    if state.area(str(area.parent)).level != above:
        raise InvalidInput("parent", area.parent, f"must be of level {above}")
    if not state.has_area(area.code):
        if area.code in state.base.used_areas or area.code in state.spent_areas:
            raise RuleBroken(f"code {area.code} was used before; a code is never issued again")
        if not state.mint().is_free(area.code):
            raise RuleBroken(f"code {area.code} is or was that of a cell")
    elif area.code not in own:
        raise RuleBroken(f"code {area.code} is that of another area")
    sketch.areas_drawn[area.code] = area


def _give(sketch: Sketch, level: str, members: Sequence[str], code: str, where: str) -> None:
    """Make cells or areas members of another area."""
    state = sketch.state
    levels = state.base.city.levels
    if level != levels[-1]:
        below = levels[levels.index(level) + 1]
        for member in members:
            area = state.area(member)
            if area.level != below:
                raise InvalidInput(where, member, f"must be of level {below}, not {area.level}")
            sketch.areas_drawn[member] = replace(area, parent=code)
        return
    cells = [state.cell(member) for member in members]
    if not state.base.pattern.has_community:
        for member, cell in zip(members, cells, strict=True):
            sketch.draw(member, replace(cell, community=code))
        return
    codes = sketch.recoded(code, members, cells)
    for new, cell in zip(codes, cells, strict=True):
        sketch.draw(new, replace(cell, community=code))
    sketch.end(members)
