"""The five principles as a frozen tuple of measures. Imports the measures and below.

Each measure is (key, version, compute); :func:`mark` changes when one of them does, so that kept figures are not
taken for those of another version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection

from gridmap.coverage.grid import Grid
from gridmap.redraw.change import Redrawn, area_shares
from gridmap.redraw.principles.finding import Compared, Finding
from gridmap.redraw.principles.fixed import relatively_fixed
from gridmap.redraw.principles.ground import Ground
from gridmap.redraw.principles.numbers import Numbers, numbers_after, with_moved
from gridmap.redraw.principles.seamless import seamless
from gridmap.redraw.principles.size import moderate_size
from gridmap.redraw.principles.streets import bounded_by_streets
from gridmap.redraw.principles.territory import territory_first

Compute = Callable[[Compared], Finding]

# What DESIGN lays down, in its order; a version rises with what a measure means.
PRINCIPLES: tuple[tuple[str, int, Compute], ...] = (
    ("territory", 1, territory_first),
    ("streets", 1, bounded_by_streets),
    ("size", 1, moderate_size),
    ("seamless", 1, seamless),
    ("fixed", 1, relatively_fixed),
)


def mark() -> str:
    """Changes when a measure does."""
    return hashlib.sha256(repr([(key, version) for key, version, _ in PRINCIPLES]).encode()).hexdigest()[:12]


def measured(given: Compared) -> tuple[Finding, ...]:
    """The five findings, side by side."""
    return tuple(compute(given) for _, _, compute in PRINCIPLES)


def after_change(
    base: Numbers, redrawn: Redrawn, ground: Ground, moved: Collection[str] = frozenset()
) -> Compared:
    """What the principles are measured on for a change; only cells that it touches are looked at.

    ``moved``: the communities whose outlines the change means to change. Where there are no outlines from outside
    they are as the change draws them, so that only a cell that crosses another one is told.
    """
    before: Grid = base.grid
    shares = area_shares(before, redrawn.grid, redrawn.gone, redrawn.drawn)
    outlines = base.outlines
    if moved and ground.communities is None and outlines is not None:
        outlines = with_moved(outlines, redrawn.grid, moved)
    return Compared(ground, numbers_after(base, redrawn, ground, outlines), base, shares, redrawn)
