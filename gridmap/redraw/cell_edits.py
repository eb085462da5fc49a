"""Edits of cells: split, merge, move a boundary, transfer a piece, cut a new one out, change what is said of one.

Each is a function of a state and an edit that returns a step. Imports ``sketch``, ``parting`` and below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.redraw.change import DrawnCell
from gridmap.redraw.cutting import faces_in, moved_between, parts_by
from gridmap.redraw.edits import (
    OUTER_M,
    SNAP_M,
    SNAP_TO,
    Change,
    CutNew,
    Merge,
    MoveBoundary,
    Split,
    SplitAlong,
    SplitInto,
    Transfer,
)
from gridmap.redraw.metres import Metres
from gridmap.redraw.noding import Snapping
from gridmap.redraw.parting import part
from gridmap.redraw.patch import joined
from gridmap.redraw.sketch import Sketch, snapping_of, whole
from gridmap.redraw.state import State, Step

# Points of a way along streets may lie so far from the cell.
_REACH_M = 1_000.0
# A new cell may take from so many others.
_MOST_GIVERS = 200


def split(state: State, edit: Split) -> Step:
    """Parts where a line crosses; the old code is retired."""
    sketch = Sketch(state)
    state.cell(edit.cell)
    line = sketch.placed(edit.line, edit, edit.crs, "line")
    patch = sketch.patch([edit.cell], snapping_of(edit))
    faces = parts_by(patch, edit.cell, line, "line", sketch.notes)
    return _divided(sketch, edit.cell, faces, edit.names, edit.codes)


def split_along(state: State, edit: SplitAlong) -> Step:
    """Parts on both sides of the streets between two points. Ends near the cell's edge go on straight to it."""
    sketch = Sketch(state)
    shape = state.cell(edit.cell).shape
    start, end = sketch.placed(edit.points, edit, edit.crs, "points")
    metres = Metres.at(float(shapely.centroid(shape).y))
    for at, point in enumerate((start, end)):
        near, _ = shapely.get_coordinates(shapely.shortest_line(shape, shapely.Point(point))).tolist()
        if metres.distance((near[0], near[1]), point) > _REACH_M:
            raise InvalidInput(f"points[{at}]", edit.points[at], f"must be within {_REACH_M:g} m of the cell")
    way = state.base.streets.way(start, end, metres, edit.street_m)
    for at in (0, -1):
        place = shapely.Point(way[at])
        if len(way) > 1 and shape.contains(place):
            x, y = shapely.get_coordinates(shapely.shortest_line(shape.boundary, place))[0].tolist()
            if metres.distance((x, y), way[at]) > edit.street_m:
                lon, lat = way[at]
                rule = f"leads to a street inside the cell, and no edge is within street_m of {lon:.7f} {lat:.7f}"
                raise InvalidInput(f"points[{at % 2}]", edit.points[at], rule)
            way.insert(0 if at == 0 else len(way), (x, y))
    patch = sketch.patch([edit.cell], snapping_of(edit))
    faces = parts_by(patch, edit.cell, way, "points", sketch.notes)
    return _divided(sketch, edit.cell, faces, edit.names, edit.codes)


def split_into(state: State, edit: SplitInto) -> Step:
    """Parts of about the same households or area."""
    sketch = Sketch(state)
    state.cell(edit.cell)
    patch = sketch.patch([edit.cell], Snapping(SNAP_M, SNAP_TO, OUTER_M))
    faces = part(patch, edit.cell, edit.parts, state.base, edit.along_streets, sketch.notes)
    return _divided(sketch, edit.cell, faces, edit.names, edit.codes)


def _divided(
    sketch: Sketch, code: str, faces: Sequence[BaseGeometry], names: Sequence[str], codes: Sequence[str]
) -> Step:
    """A cell replaced by its parts, each with new code and, unless given, the old name and a number."""
    old = sketch.state.cell(code)
    if names and len(names) != len(faces):
        raise InvalidInput("names", list(names), f"must be one for each of {len(faces)} parts")
    minted = sketch.mint(old.community, faces, codes)
    for number, at in enumerate(sorted(range(len(faces)), key=lambda each: sketch.minted.index(minted[each]))):
        name = names[number] if names else f"{old.name}-{number + 1}"
        sketch.draw(minted[at], replace(old, name=name, shape=faces[at]))
    sketch.end([code])
    return sketch.step()


def merge(state: State, edit: Merge) -> Step:
    """One cell of several; all old codes are retired."""
    sketch = Sketch(state)
    cells = [state.cell(code) for code in edit.cells]
    community = _one_community(cells, edit.community, "a merge")
    if edit.community is not None:
        _check_community(state, edit.community)
    shape = whole(joined([cell.shape for cell in cells]), "the merged cell")
    largest = _largest(sketch, cells)
    code = sketch.mint(community, [shape], [edit.code] if edit.code else ())[0]
    drawn = replace(
        largest,
        name=edit.name or largest.name,
        kind=edit.kind or largest.kind,
        services=largest.services if edit.services is None else edit.services,
        community=community,
        shape=shape,
    )
    sketch.draw(code, drawn)
    sketch.end(edit.cells)
    return sketch.step()


def _largest(sketch: Sketch, cells: Sequence[DrawnCell]) -> DrawnCell:
    areas = sketch.areas_m2([cell.shape for cell in cells])
    return cells[int(np.argmax(areas))]


def _one_community(cells: Sequence[DrawnCell], given: str | None, what: str) -> str:
    communities = sorted({cell.community for cell in cells})
    if given is not None:
        return given
    if len(communities) > 1:
        raise RuleBroken(f"{what} of cells of different communities needs `community`: {', '.join(communities)}")
    return communities[0]


def _check_community(state: State, code: str) -> None:
    level = state.area(code).level
    if level != state.base.city.lowest_level:
        raise InvalidInput("community", code, f"must be of level {state.base.city.lowest_level}, not {level}")


def _check_across(one: DrawnCell, other: DrawnCell, across: bool) -> None:
    if one.community != other.community and not across:
        raise RuleBroken(
            f"this would move the outline between {one.community} and {other.community}; that needs `across`: true"
        )


def move_boundary(state: State, edit: MoveBoundary) -> Step:
    """Both cells keep their codes."""
    sketch = Sketch(state)
    one, other = (state.cell(code) for code in edit.cells)
    _check_across(one, other, edit.across)
    line = sketch.placed(edit.line, edit, edit.crs, "line")
    patch = sketch.patch(edit.cells, snapping_of(edit))
    shapes = moved_between(patch, (edit.cells[0], edit.cells[1]), line, sketch.notes)
    for code, cell, shape in zip(edit.cells, (one, other), shapes, strict=True):
        sketch.draw(code, replace(cell, shape=whole(shape, f"cell {code}")))
    return sketch.step()


def transfer(state: State, edit: Transfer) -> Step:
    """Both cells keep their codes. Splinters of the giving cell that the piece leaves go along, and are noted."""
    if edit.source == edit.to:
        raise InvalidInput("to", edit.to, "must be another cell than from")
    sketch = Sketch(state)
    source, target = state.cell(edit.source), state.cell(edit.to)
    _check_across(source, target, edit.across)
    rings = [sketch.placed(ring, edit, edit.crs, "piece") for ring in edit.piece]
    patch = sketch.patch([edit.source, edit.to], snapping_of(edit))
    taken, left = faces_in(patch, [edit.source], rings, state.base, sketch.notes)[edit.source]
    if not taken:
        raise InvalidInput("piece", list(edit.piece[0][:3]), f"must have a part in common with cell {edit.source}")
    if not left:
        raise RuleBroken(f"the piece has all of cell {edit.source}; merge it with {edit.to} instead")
    rest = whole(joined(left), f"cell {edit.source}")
    more = whole(joined([patch.shapes[edit.to], *taken]), f"cell {edit.to}")
    sketch.draw(edit.source, replace(source, shape=rest))
    sketch.draw(edit.to, replace(target, shape=more))
    return sketch.step()


def cut_new(state: State, edit: CutNew) -> Step:
    """A new cell; the codes of all cells that give to it are retired, what is left of them gets new ones."""
    sketch = Sketch(state)
    rings = [sketch.placed(ring, edit, edit.crs, "piece") for ring in edit.piece]
    codes = list(edit.cells) or _overlapped(state, rings)
    if len(codes) > _MOST_GIVERS:
        raise InvalidInput("piece", len(codes), f"must lie in at most {_MOST_GIVERS} cells")
    patch = sketch.patch(codes, snapping_of(edit))
    found = faces_in(patch, codes, rings, state.base, sketch.notes)
    givers = [code for code in codes if found[code][0]]
    if not givers:
        raise InvalidInput("piece", list(edit.piece[0][:3]), "must have a part in common with a cell")
    cells = [state.cell(code) for code in givers]
    community = _one_community(cells, edit.community, "a new cell")
    _check_community(state, community)
    shape = whole(joined([face for code in givers for face in found[code][0]]), "the new cell")
    areas = sketch.areas_m2([joined(found[code][0]) for code in givers])
    most = cells[int(np.argmax(areas))]
    services = most.services if edit.services is None else edit.services
    made = [DrawnCell(edit.name, edit.kind or most.kind, community, services, shape)]
    for code, cell in zip(givers, cells, strict=True):
        if found[code][1]:
            made.append(replace(cell, shape=whole(joined(found[code][1]), f"what is left of cell {code}")))
    _issue(sketch, made, edit.codes)
    sketch.end(givers)
    return sketch.step()


def _issue(sketch: Sketch, made: Sequence[DrawnCell], given: Sequence[str]) -> None:
    """New codes for cells, community by community; given ones come in the order of ``made``."""
    if given and len(given) != len(made):
        raise InvalidInput(
            "codes", list(given), f"must be one for the new cell and one for each rest: {len(made)}"
        )
    for community in dict.fromkeys(cell.community for cell in made):
        own = [at for at, cell in enumerate(made) if cell.community == community]
        if given:
            codes = [sketch.mint(community, [made[at].shape], [given[at]])[0] for at in own]
        else:
            codes = sketch.mint(community, [made[at].shape for at in own])
        for at, code in zip(own, codes, strict=True):
            sketch.draw(code, made[at])


def _overlapped(state: State, rings: Sequence[Sequence[tuple[float, float]]]) -> list[str]:
    """The cells that have a part inside a piece."""
    piece = shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
    near = state.near([piece])
    codes = [code for code, shape in near.items() if shapely.relate_pattern(shape, piece, "T********")]
    if not codes:
        raise InvalidInput("piece", rings[0][0], "must have a part in common with a cell")
    return codes


def change(state: State, edit: Change) -> Step:
    """A changed code or community is the same cell under another code: lineage one to one."""
    sketch = Sketch(state)
    old = state.cell(edit.cell)
    if all(value is None for value in (edit.name, edit.kind, edit.services, edit.community, edit.code)):
        raise InvalidInput("change", edit.cell, "must say what changes: name, kind, services, community or code")
    if edit.community is not None:
        _check_community(state, edit.community)
    new = replace(
        old,
        name=edit.name or old.name,
        kind=edit.kind or old.kind,
        services=old.services if edit.services is None else edit.services,
        community=edit.community or old.community,
    )
    moved = new.community != old.community and state.base.pattern.has_community
    if edit.code is None and not moved:
        sketch.draw(edit.cell, new)
        return sketch.step()
    code = sketch.mint(new.community, [new.shape], [edit.code] if edit.code else ())[0]
    sketch.draw(code, new)
    sketch.end([edit.cell])
    return sketch.step()
