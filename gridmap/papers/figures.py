"""The maps of a dossier, a pair for each place where something changes. Imports its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.papers.changes import Step
from gridmap.papers.dossier import Dossier
from gridmap.papers.drawing import FILLS, Drawing, draw
from gridmap.papers.parts import Box, MapPart, around

# On A4 with its margins two of them stand one above the other.
WIDTH_MM, HEIGHT_MM = 170.0, 92.0

# An edge nearer than this to one that was there is the same one with another vertex: some 5 cm.
_SAME_DEGREES = 5e-7


@dataclass(frozen=True)
class Figure:
    """The two maps of one place as SVG, and which colour stands for which cell: old and new codes.

    Where no boundary changes there is one map only, that after.
    """

    before: str | None
    after: str
    old: Mapping[str, str]
    new: Mapping[str, str]


def figures_of(dossier: Dossier) -> list[Figure]:
    """A pair of maps for each place; steps whose surroundings meet share one."""
    return [_figure(dossier, steps, box) for steps, box in _places(dossier)]


def _places(dossier: Dossier) -> list[tuple[list[Step], Box]]:
    places = [([step], _box(dossier, [step])) for step in dossier.change.steps]
    met = True
    while met:
        met = False
        for number, (steps, box) in enumerate(places):
            for other in places[number + 1 :]:
                if shapely.box(*box).intersects(shapely.box(*other[1])):
                    places.remove(other)
                    both = steps + other[0]
                    places[number] = (both, _box(dossier, both))
                    met = True
                    break
            if met:
                break
    return places


def _box(dossier: Dossier, steps: Sequence[Step]) -> Box:
    shapes = [dossier.before.shape(code) for step in steps for code in step.old]
    shapes += [dossier.after.shape(code) for step in steps for code in step.new]
    return around(np.array(shapes, dtype=object), 0.3, 0.0012)


def _figure(dossier: Dossier, steps: Sequence[Step], box: Box) -> Figure:
    old = [code for step in steps for code in step.old]
    new = [code for step in steps for code in step.new]
    colours = {code: FILLS[number % len(FILLS)] for number, code in enumerate(dict.fromkeys([*old, *new]))}
    was, now = _rims(dossier.before, old), _rims(dossier.after, new)
    begun = shapely.difference(now, shapely.buffer(was, _SAME_DEGREES))
    gone = shapely.difference(was, shapely.buffer(now, _SAME_DEGREES))
    labels = {**labels_of(dossier.before), **labels_of(dossier.after)}
    of_old, of_new = {code: colours[code] for code in old}, {code: colours[code] for code in new}
    first = Drawing(dossier.before, dossier.lines, box, of_old, labels, gone=gone)
    second = Drawing(dossier.after, dossier.lines, box, of_new, labels, new=begun)
    redrawn = any(step.kind != "renamed" for step in steps)
    return Figure(
        draw(first, WIDTH_MM, HEIGHT_MM) if redrawn else None,
        draw(second, WIDTH_MM, HEIGHT_MM),
        of_old,
        of_new,
    )


def _rims(part: MapPart, codes: Sequence[str]) -> BaseGeometry:
    return shapely.union_all(shapely.boundary(np.array([part.shape(code) for code in codes], dtype=object)))


def labels_of(part: MapPart) -> dict[str, str]:
    """Code -> what a map writes in the cell: the number within its community, or the whole code."""
    return {cell.code: cell.code.removeprefix(cell.community) or cell.code for cell in part.cells}
