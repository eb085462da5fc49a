"""Whether the cells that a plan draws are of moderate size: their households against a band. Pure."""

from __future__ import annotations

import numpy as np
import shapely

from gridmap.redraw.certificate import Finding, Offender
from gridmap.redraw.change import Redrawn
from gridmap.redraw.plan import Plan

BAND = (150, 500)


def size_band(plan: Plan, after: Redrawn) -> Finding:
    """Households of each cell that begins or changes; ``holds`` is None where no building says how many it has."""
    households = plan.base.households
    touched = set(plan.touched())
    cells = [at for at in after.drawn.tolist() if after.grid.cells[at].code not in touched]
    if households is None:
        return Finding(None)
    positions, _ = after.grid.index.locate_many(households.lon, households.lat)
    counts = np.bincount(positions[positions >= 0], households.count[positions >= 0], len(after.grid.cells))
    least, most = BAND
    offenders = []
    for at in cells:
        if not least <= counts[at] <= most:
            point = shapely.point_on_surface(after.grid.index.degrees[at])
            what = f"has {counts[at]:.0f} households, not {least} to {most}"
            offenders.append(Offender(after.grid.cells[at].code, what, (float(point.x), float(point.y))))
    return Finding(not offenders, {"cells": len(cells), "in_band": len(cells) - len(offenders)}, tuple(offenders))
