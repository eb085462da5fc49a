"""What of a redraw's boundary was no boundary before. Imports ``numbers`` and below."""

from __future__ import annotations

import numpy as np
import shapely

from gridmap.crs import Floats
from gridmap.projecting import Axes, from_stored
from gridmap.redraw.principles.numbers import InnerEdges
from gridmap.shapes import Geometries

# A vertex put on a slanting edge moves it by rounding: what is nearer to an old boundary lies on it.
_ON_IT_M = 0.01


def drawn_anew(old: InnerEdges, now: InnerEdges, metric_crs: str) -> Floats:
    """(m,): of each edge of ``now`` the share of its length that is on no edge of ``old``.

    By place, not by ends: an edge that only got a vertex from a cut that ends on it is not new.
    """
    known = {each.tobytes() for each in _one_way(old.ends)}
    share = np.zeros(len(now.ends))
    fresh = np.flatnonzero([each.tobytes() not in known for each in _one_way(now.ends)])
    if not len(fresh):
        return share
    lines, before = (_lines(ends, metric_crs) for ends in (now.ends[fresh], old.ends))
    share[fresh] = 1.0
    line, near = shapely.STRtree(before).query(lines, predicate="dwithin", distance=_ON_IT_M)
    # sorted by line, as the tree answers
    for at in np.unique(line).tolist():
        around = shapely.union_all(shapely.buffer(before[near[line == at]], _ON_IT_M))
        left = shapely.length(shapely.difference(lines[at], around))
        whole = shapely.length(lines[at])
        # what is left of an edge that begins or ends on old boundary lacks but the rounding there
        share[fresh[at]] = 0.0 if left <= _ON_IT_M else min(1.0, left / whole)
    return share


def _one_way(ends: Floats) -> Floats:
    """The edges with the lower end first, so that the same edge is the same bytes."""
    turned = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    return np.where(turned[:, None], ends[:, [2, 3, 0, 1]], ends) + 0.0


def _lines(ends: Floats, metric_crs: str) -> Geometries:
    lines: Geometries = np.asarray(shapely.linestrings(ends.reshape(-1, 2, 2)), dtype=object)
    return from_stored(Axes(metric_crs), lines)
