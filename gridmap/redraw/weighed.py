"""Splits by households replay to the same cells whatever buildings say later: their weights are kept with them.

Imports ``plan`` and below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import shapely

from gridmap.redraw.edits import Edit, SplitInto
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import Base, Households

# lon, lat and number of households of each building, one after the other.
Weights = Sequence[float]


def weights_for(plan: Plan, edit: Edit) -> Weights | None:
    """The households that an edit goes by: those in its cell now; None for an edit that goes by none."""
    households = plan.base.households
    if not isinstance(edit, SplitInto) or households is None or plan.state.find(edit.cell) is None:
        return None
    shape = plan.state.cell(edit.cell).shape
    west, south, east, north = shape.bounds
    lon, lat = households.lon, households.lat
    near = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
    inside = near[shapely.intersects_xy(shape, lon[near], lat[near])]
    return [float(each) for each in np.column_stack([lon, lat, households.count])[inside].ravel()]


def carried(plan: Plan, edit: Edit, weights: Weights | None) -> Plan:
    """The plan after one more edit, by the households that it was first made with."""
    if weights is None:
        return plan.apply(edit)
    columns = np.array(weights, np.float64).reshape(-1, 3).T
    base = replace(plan.base, households=Households(*columns) if len(weights) else None)
    done = replace(plan, base=base, state=replace(plan.state, base=base)).apply(edit)
    return replace(
        done, base=plan.base, state=replace(done.state, base=plan.base), parent=replace(plan, ahead=None)
    )


def replayed(base: Base, edits: Iterable[tuple[Edit, Weights | None]]) -> Plan:
    """The plan of recorded edits on a base: the same bytes each time."""
    plan = Plan.on(base)
    for edit, weights in edits:
        plan = carried(plan, edit, weights)
    return plan
