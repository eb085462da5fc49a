"""2 街巷定界: bounded by streets. Imports ``finding`` and below."""

from __future__ import annotations

import numpy as np
import shapely

from gridmap.redraw.principles.along import BEARING_DEGREES, TOLERANCES_M
from gridmap.redraw.principles.finding import Compared, Finding, Offender, Value
from gridmap.redraw.principles.numbers import RANDOM_LINES


def bounded_by_streets(given: Compared) -> Finding:
    """2 街巷定界: how much of the inner boundary runs along a street or water, beside random lines."""
    title, now = "bounded by streets 街巷定界", given.now
    if now.edges.along_m is None:
        return Finding("streets", title, not_measured="there are no street or water centre lines")
    total = float(now.total_m[0])
    figures: dict[str, Value] = {"inner_boundary_km": total / 1000, "bearing_degrees": BEARING_DEGREES}
    for at, tolerance in enumerate(TOLERANCES_M):
        figures[f"share_{tolerance:g}_m"] = float(now.total_m[1 + at] / total) if total else None
    for tolerance, share in zip(TOLERANCES_M, now.random_shares, strict=True):
        figures[f"random_share_{tolerance:g}_m"] = share
    figures["random_lines"] = RANDOM_LINES
    return Finding("streets", title, figures, offenders=_off_streets(given))


def _off_streets(given: Compared) -> tuple[Offender, ...]:
    """The edges of which less than half runs along a line, by pair of cells; of a change only drawn cells'."""
    now, edges = given.now, given.now.edges
    assert edges.along_m is not None
    off = edges.along_m[:, TOLERANCES_M.index(15.0)] < 0.5 * edges.length_m
    rows = np.flatnonzero(off)
    pairs = np.sort(edges.sides[rows], axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    rows, pairs = rows[order], pairs[order]
    starts = np.flatnonzero(np.r_[True, (pairs[1:] != pairs[:-1]).any(axis=1)]) if len(rows) else np.empty(0, int)
    found = []
    for part in np.split(rows, starts[1:]) if len(rows) else []:
        lines = shapely.MultiLineString(list(edges.ends[part].reshape(-1, 2, 2)))
        first = int(edges.sides[part[0]].min())
        length = float(edges.length_m[part].sum())
        found.append(Offender(now.grid.cells[first].code, "metres of boundary off the streets", length, lines))
    return tuple(sorted(found, key=lambda each: -each.value))
