"""1 属地为主: territory first. Imports ``finding`` and below."""

from __future__ import annotations

import numpy as np

from gridmap.redraw.principles.finding import Compared, Finding, Offender, Value

# DESIGN's bar for a cell to lie in one community.
NESTED = 0.999


def territory_first(given: Compared) -> Finding:
    """1 属地为主: every cell lies in one community, and its code begins with the community's where it should."""
    title, now, city = "territory first 属地为主", given.now, given.ground.city
    if now.outlines is None:
        reason = f"there are no outlines of the level {city.lowest_level}, and no base whose unions could stand in"
        return Finding("territory", title, blocks=True, not_measured=reason)
    cells = now.cells
    crossing = np.flatnonzero(cells.nest < NESTED)
    prefixed = "{community}" in city.code_pattern or f"{{{city.lowest_level}}}" in city.code_pattern
    wrong = np.flatnonzero(~cells.prefixed) if prefixed else np.empty(0, np.intp)
    figures: dict[str, Value] = {
        "outlines": now.outlines.source,
        "nested_cells": int(len(cells.nest) - len(crossing)),
        "crossing_cells": len(crossing),
        "least_nest": float(cells.nest.min()),
        "mean_nest": float(cells.nest.mean()),
        "cells_mostly_in_another_outline": int(cells.elsewhere.sum()),
        "codes_without_prefix": len(wrong) if prefixed else None,
    }
    degrees = now.grid.index.degrees
    offenders = [
        Offender(now.grid.cells[at].code, "crosses an outline", float(cells.nest[at]), degrees[at])
        for at in crossing
    ]
    offenders += [
        Offender(now.grid.cells[at].code, "code without the community's", 0.0, degrees[at]) for at in wrong
    ]
    return Finding("territory", title, figures, not offenders, True, offenders=tuple(offenders))
