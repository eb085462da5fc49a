"""4 无缝覆盖: seamless. Imports ``finding`` and below."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.redraw.principles.finding import Compared, Finding, Offender, Value, array
from gridmap.redraw.principles.ground import Ground
from gridmap.redraw.principles.numbers import Numbers

# The square metres that rounding may make of nothing.
ROUNDING_M2 = 0.01
# A part of a cell whose mean width is less is a sliver.
SLIVER_M = 1.0


def seamless(given: Compared) -> Finding:
    """4 无缝覆盖: gap, overlap and spill against the city's outline T, and slivers."""
    title, ground = "seamless 无缝覆盖", given.ground
    grid = given.now.grid
    drawn = None if given.redrawn is None else given.redrawn.drawn
    chosen = grid.index.degrees if drawn is None else grid.index.degrees[drawn]
    overlaps = _overlaps(chosen)
    union = _union(chosen, valid=not overlaps)
    figures: dict[str, Value] = {"overlap_m2": float(ground.area_m2(array(overlaps)).sum()) if overlaps else 0.0}
    if drawn is not None and given.base is not None and given.redrawn is not None:
        # the grid before stands for the outline: what the change covers must be the same
        was = shapely.coverage_union_all(given.base.grid.index.degrees[given.redrawn.gone])
        source, accuracy = f"the union of revision {given.base.grid.revision.number}", 0.0
    elif ground.land is not None:
        was = shapely.union_all(ground.land.shapes)
        source, accuracy = ground.land.source, ground.city.principles.outline_accuracy_m
    else:
        reason = "there is no outline of the city from outside, and no base"
        return Finding("seamless", title, figures, None if not overlaps else False, True, not_measured=reason)
    lacking, beyond = shapely.difference(was, union), shapely.difference(union, was)
    figures |= {
        "outline": source,
        "gap_m2": float(ground.area_m2(array([lacking]))[0]),
        "spill_m2": float(ground.area_m2(array([beyond]))[0]),
    }
    if accuracy:
        lacking, beyond = _beyond(was, union, accuracy, ground)
        figures |= {
            "outline_accuracy_m": accuracy,
            "gap_beyond_accuracy_m2": float(shapely.area(lacking)),
            "spill_beyond_accuracy_m2": float(shapely.area(beyond)),
        }
        bad = [each for each in (lacking, beyond) if each.area > ROUNDING_M2]
    else:
        bad = [each for each in (lacking, beyond) if ground.area_m2(array([each]))[0] > ROUNDING_M2]
    slivers = _slivers(given.now, drawn, ground)
    figures["slivers"] = len(slivers)
    too_much = isinstance(figures["overlap_m2"], float) and figures["overlap_m2"] > ROUNDING_M2
    faults = (
        []
        if accuracy
        else [
            Offender(None, what, float(ground.area_m2(array([part]))[0]), part)
            for what, shape in (("gap", lacking), ("spill", beyond))
            for part in shapely.get_parts(shape)
            if part.area > 0
        ]
    )
    faults += [Offender(None, "overlap", float(ground.area_m2(array([each]))[0]), each) for each in overlaps]
    return Finding("seamless", title, figures, not bad and not too_much, True, offenders=(*faults, *slivers))


def _overlaps(cells: NDArray[np.object_]) -> list[BaseGeometry]:
    """What two cells both have; a valid coverage has none, and that is soon seen."""
    if shapely.coverage_is_valid(cells):
        return []
    first, second = shapely.STRtree(cells).query(cells, predicate="intersects")
    pairs = first < second
    common = shapely.intersection(cells[first[pairs]], cells[second[pairs]])
    return [each for each in common if each.area > 0]


def _union(cells: NDArray[np.object_], *, valid: bool) -> BaseGeometry:
    return shapely.coverage_union_all(cells) if valid else shapely.union_all(cells)


def _beyond(
    was: BaseGeometry, union: BaseGeometry, accuracy_m: float, ground: Ground
) -> tuple[BaseGeometry, BaseGeometry]:
    """Gap and spill, in the metric crs, that an outline as inexact as this does not excuse."""
    outline, covered = ground.metric(array([was, union]))
    within, without = shapely.buffer(outline, -accuracy_m), shapely.buffer(outline, accuracy_m)
    return shapely.difference(within, covered), shapely.difference(covered, without)


def _slivers(now: Numbers, drawn: NDArray[np.intp] | None, ground: Ground) -> list[Offender]:
    """Parts of cells that are less than SLIVER_M wide on average: twice the area through the perimeter."""
    positions = np.arange(len(now.grid.cells)) if drawn is None else drawn
    parts, owner = shapely.get_parts(now.grid.index.degrees[positions], return_index=True)
    metric = ground.metric(parts)
    widths = 2 * shapely.area(metric) / shapely.length(metric)
    return [
        Offender(now.grid.cells[positions[owner[at]]].code, "sliver, metres wide", float(widths[at]), parts[at])
        for at in np.flatnonzero(widths < SLIVER_M)
    ]
