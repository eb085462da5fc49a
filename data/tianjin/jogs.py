"""Steps in a cut: a lane that runs on a few metres aside, a boundary that goes round an old yard.

Pure arithmetic on one ring of points; imports chords and plane.
"""

from __future__ import annotations

import numpy as np

from data.tianjin.chords import (
    CLEARANCE,
    LEAST_ANGLE,
    Chord,
    end_position,
    following,
    meets_well,
    runs_clear,
)
from data.tianjin.plane import Floats

# Width of the step in lengths of the chord, and how far it stays from the ring, in the same unit.
_WIDTHS = (0.10, 0.24)
_CORNER_CLEARANCE = 0.16


# The step's share of the way, and its two corners.
Step = tuple[float, tuple[float, float], tuple[float, float]]


def step_in(points: Floats, chord: Chord, random: np.random.Generator) -> Step | None:
    """Return a step for ``chord`` in the ring ``points``; None when the step would come too close to the ring."""
    start, stop = end_position(points, chord.start), end_position(points, chord.stop)
    along = stop - start
    aside = np.array([-along[1], along[0]])
    share = 0.35 + 0.3 * random.random()
    width = _WIDTHS[0] + (_WIDTHS[1] - _WIDTHS[0]) * random.random()
    width *= 1.0 if random.random() < 0.5 else -1.0
    middle = start + share * along
    first, second = middle - share * width * aside, middle + (1.0 - share) * width * aside
    length = float(np.hypot(along[0], along[1]))
    for corner in (first, second):
        if _distance(points, corner) < _CORNER_CLEARANCE * length:
            return None
    if not meets_well(points, chord.start, (first - start) / length, LEAST_ANGLE):
        return None
    if not meets_well(points, chord.stop, (second - stop) / length, LEAST_ANGLE):
        return None
    margin = CLEARANCE * length
    clear = (
        runs_clear(points, start, first, (chord.start,), margin)
        and runs_clear(points, first, second, (), margin)
        and runs_clear(points, second, stop, (chord.stop,), margin)
    )
    if not clear:
        return None
    return share, (float(first[0]), float(first[1])), (float(second[0]), float(second[1]))


def _distance(points: Floats, point: Floats) -> float:
    """Distance from ``point`` to the nearest edge of the ring."""
    sides = following(points) - points
    to_point = point - points
    squares = np.maximum((sides * sides).sum(axis=1), 1e-12)
    share = np.clip((to_point * sides).sum(axis=1) / squares, 0.0, 1.0)
    gap = to_point - share[:, None] * sides
    return float(np.sqrt((gap * gap).sum(axis=1)).min())
