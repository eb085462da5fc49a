"""What the measures are given, and what they find. Imports ``numbers`` and below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.redraw.change import Redrawn
from gridmap.redraw.principles.ground import Ground, Pair
from gridmap.redraw.principles.numbers import Numbers

Value = float | int | str | None


@dataclass(frozen=True)
class Offender:
    """A place where a principle does not hold: the cell (None: no cell's), a value, the shape in EPSG:4326."""

    cell: str | None
    what: str
    value: float
    shape: BaseGeometry


@dataclass(frozen=True)
class Finding:
    """One principle's figures. ``passes``: None where there is no bar, or nothing to measure by.

    ``not_measured`` says why there are no figures, or not all. ``of_people``: the names of figures that rest on
    counts of people or households, which are for staff; offenders do when ``offenders_of_people``.
    """

    key: str
    title: str
    figures: Mapping[str, Value] = field(default_factory=dict)
    passes: bool | None = None
    blocks: bool = False
    not_measured: str | None = None
    of_people: frozenset[str] = frozenset()
    offenders_of_people: bool = False
    offenders: tuple[Offender, ...] = ()


@dataclass(frozen=True)
class Compared:
    """A grid's numbers on a ground; of a change also those of its base and the shares of area that went where.

    ``shares``: (old id, new id) -> share of the old cell's area, of cells that end or change; None without a base.
    """

    ground: Ground
    now: Numbers
    base: Numbers | None = None
    shares: Mapping[Pair, float] | None = None
    redrawn: Redrawn | None = None


def array(shapes: list[BaseGeometry]) -> NDArray[np.object_]:
    """Shapes as a row of them (n,)."""
    result = np.empty(len(shapes), object)
    result[:] = shapes
    return result
