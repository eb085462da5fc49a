"""What the five principles say of a draft, as findings of its certificate. Pure.

Imports ``certificate`` and ``principles``. Household numbers stay out of it: a certificate is read by more than
those who may see counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import shapely

from gridmap.crs import Floats
from gridmap.redraw.certificate import MOST_OFFENDERS, Finding, Offender
from gridmap.redraw.change import Redrawn
from gridmap.redraw.principles import finding as principle
from gridmap.redraw.principles.along import TOLERANCES_M
from gridmap.redraw.principles.anew import drawn_anew
from gridmap.redraw.principles.ground import Ground
from gridmap.redraw.principles.measured import after_change
from gridmap.redraw.principles.numbers import Numbers
from gridmap.redraw.principles.size import moderate_size
from gridmap.redraw.principles.territory import NESTED, territory_first

# Where in TOLERANCES_M the 15 metres are that DESIGN asks for; in ``total_m`` the length of all comes first.
_AT = TOLERANCES_M.index(15.0)
# A share that lacks less than this is reached: sums of lengths round.
_ROUNDING = 1e-9


def measures(
    base: Numbers, ground: Ground, after: Redrawn, changed: Collection[str], moved: Collection[str] = frozenset()
) -> dict[str, Finding]:
    """By check what is found of the cells that change; ``changed``: their codes, old and new ones.

    ``moved``: as :func:`after_change` takes it.

    ``nested`` is there when the city has outlines of its communities from outside.
    """
    compared = after_change(base, after, ground, moved)
    found = {
        "size_band": _size_band(moderate_size(compared), changed),
        "street_share": _street_share(base, ground, compared),
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


def _street_share(base: Numbers, ground: Ground, compared: principle.Compared) -> Finding:
    """Boundary that was none before runs along streets and water in the share that the city asks for."""
    edges, asked = compared.now.edges, ground.city.principles.street_share
    if edges.along_m is None or base.edges.along_m is None or compared.redrawn is None:
        return Finding(None)
    old = base.edges.part(base.edges.at(compared.redrawn.gone))
    anew = drawn_anew(old, edges, ground.city.metric_crs)
    new_m, along_m = anew * edges.length_m, anew * edges.along_m[:, _AT]
    total, along = float(new_m.sum()), float(along_m.sum())
    was, now = (
        float(each[1 + _AT] / each[0]) if each[0] else None for each in (base.total_m, compared.now.total_m)
    )
    share = along / total if total else None
    figures = {
        "new_m": round(total, 1),
        "share_of_new": share,
        "asked": asked,
        "city_before": was,
        "city_after": now,
    }
    holds = share is None or share >= asked - _ROUNDING
    return Finding(holds, figures, () if holds else _off_streets(compared.now, new_m, new_m - along_m))


def _off_streets(now: Numbers, new_m: Floats, off_m: Floats) -> tuple[Offender, ...]:
    """The pairs of cells between which new boundary runs off the streets, the longest first, each at one cell."""
    pairs = np.sort(now.edges.sides, axis=1)
    found: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero((new_m > 0) & (off_m > 0.5 * new_m)).tolist():
        found.setdefault((int(pairs[row, 0]), int(pairs[row, 1])), []).append(row)
    longest = sorted(found.items(), key=lambda each: (-float(off_m[each[1]].sum()), each[0]))
    offenders = []
    for (one, other), rows in longest[:MOST_OFFENDERS]:
        middle = max(rows, key=lambda row: float(off_m[row]))
        lon, lat = now.edges.ends[middle].reshape(2, 2).mean(axis=0).tolist()
        what = f"{off_m[rows].sum():.0f} m of new boundary with {now.grid.cells[other].code} off the streets"
        offenders.append(Offender(now.grid.cells[one].code, what, (lon, lat)))
    return tuple(offenders)


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
