"""What the five principles say of a draft, as findings of its certificate. Pure.

Imports ``certificate`` and ``principles``. Household numbers stay out of it: a certificate is read by more than
those who may see counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import shapely

from gridmap.redraw.certificate import Finding, Offender
from gridmap.redraw.change import Redrawn
from gridmap.redraw.principles import finding as principle
from gridmap.redraw.principles.ground import Ground
from gridmap.redraw.principles.measured import after_change
from gridmap.redraw.principles.numbers import Numbers
from gridmap.redraw.principles.size import moderate_size
from gridmap.redraw.principles.streets import bounded_by_streets
from gridmap.redraw.principles.territory import NESTED, territory_first

_TOLERANCE_M = 15
# A share that falls by less has not fallen: sums of lengths round.
_ROUNDING = 1e-9


def measures(base: Numbers, ground: Ground, after: Redrawn, changed: Collection[str]) -> dict[str, Finding]:
    """By check what is found of the cells that change; ``changed``: their codes, old and new ones.

    ``nested`` is there when the city has outlines of its communities from outside.
    """
    compared = after_change(base, after, ground)
    found = {
        "size_band": _size_band(moderate_size(compared), changed),
        "street_share": _street_share(base, bounded_by_streets(compared), changed),
    }
    if ground.communities is not None:
        found["nested"] = _nested(base, territory_first(compared), compared.now, changed)
    return found


def _size_band(found: principle.Finding, changed: Collection[str]) -> Finding:
    """No cell that changes is below or above the band of its kind."""
    if found.not_measured is not None:
        return Finding(None)
    offenders = _offenders(found.offenders, changed)
    bands = {name: value for name, value in found.figures.items() if name.startswith("band_")}
    return Finding(not offenders, {"outside_band": len(offenders), **bands}, offenders)


def _street_share(base: Numbers, found: principle.Finding, changed: Collection[str]) -> Finding:
    """The share of all inner boundary that runs along streets and water does not fall."""
    name = f"share_{_TOLERANCE_M}_m"
    now = found.figures.get(name)
    if found.not_measured is not None or not isinstance(now, float) or not base.total_m[0]:
        return Finding(None)
    was = float(base.total_m[2] / base.total_m[0])
    offenders = _offenders(found.offenders, changed) if now < was - _ROUNDING else ()
    return Finding(now >= was - _ROUNDING, {f"{name}_before": was, name: now}, offenders)


def _nested(base: Numbers, found: principle.Finding, now: Numbers, changed: Collection[str]) -> Finding:
    """No cell that changes crosses an outline that it did not cross before."""
    before = {
        cell.code
        for cell, nest in zip(base.grid.cells, base.cells.nest.tolist(), strict=True)
        if cell.code in changed and nest < NESTED
    }
    offenders = _offenders(found.offenders, set(changed) - before)
    mine = np.array([cell.code in changed for cell in now.grid.cells])
    least = float(now.cells.nest[mine].min()) if mine.any() else None
    return Finding(not offenders, {"outlines": found.figures["outlines"], "least_nest": least}, offenders)


def _offenders(found: Iterable[principle.Offender], changed: Collection[str]) -> tuple[Offender, ...]:
    chosen = [one for one in found if one.cell is not None and one.cell in changed]
    points = [shapely.get_coordinates(shapely.point_on_surface(one.shape))[0].tolist() for one in chosen[:50]]
    return tuple(
        Offender(str(one.cell), one.what, (lon, lat)) for one, (lon, lat) in zip(chosen, points, strict=False)
    )
