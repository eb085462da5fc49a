"""What became of cells and areas by a plan: old code -> new code with shares of area. Imports ``plan``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import shapely

from gridmap.redraw.plan import Plan

# A piece that is a smaller share of its cell than this is rounding, not a part that went elsewhere.
_LEAST_SHARE = 1e-9


@dataclass(frozen=True, slots=True, order=True)
class Descent:
    """A share (0 to 1) of the area of an old cell or area that is now in a new one."""

    old: str
    new: str
    share: float


def cell_lineage(plan: Plan) -> tuple[Descent, ...]:
    """Where the cells of the base are now that ended or gave something away, sorted."""
    base, cells = plan.base, plan.state.cells
    drawn = {code: cell.shape for code, cell in cells.items() if cell is not None}
    olds = sorted(code for code in cells if code in base.grid.by_code)
    if not olds or not drawn:
        return ()
    codes = list(drawn)
    now = np.array(list(drawn.values()), object)
    was = base.grid.index.degrees[[base.grid.by_code[code] for code in olds]]
    inputs, found = shapely.STRtree(now).query(was, predicate="intersects")
    shares = shapely.area(shapely.intersection(was[inputs], now[found])) / shapely.area(was[inputs])
    return tuple(
        sorted(
            Descent(olds[i], codes[j], min(1.0, float(share)))
            for i, j, share in zip(inputs, found, shares, strict=True)
            if share > _LEAST_SHARE and not (olds[i] == codes[j] and share > 1.0 - _LEAST_SHARE)
        )
    )


def area_lineage(plan: Plan) -> tuple[Descent, ...]:
    """Where the areas of the base are now that ended or gave something away, at all levels below the city."""
    base, state = plan.base, plan.state
    sizes = dict(zip(base.grid.by_code, shapely.area(base.grid.index.degrees).tolist(), strict=True))
    rest: Counter[str] = Counter()
    for cell in base.grid.cells:
        rest[cell.community] += sizes[cell.code]
    flows: Counter[tuple[str, str]] = Counter()
    for piece in _pieces(plan):
        old = base.grid.cell(piece.old).community
        rest[old] -= sizes[piece.old] * piece.share
        flows[old, state.cell(piece.new).community] += sizes[piece.old] * piece.share
    for community, size in rest.items():
        if state.has_area(community):
            flows[community, community] += size
    by_area: Counter[tuple[str, str]] = Counter()
    for (old, new), size in flows.items():
        here = [area.code for area in base.grid.chain(old)][:-1]
        there = _chain(plan, new)
        by_area.update(dict.fromkeys(zip(here, there, strict=False), size))
    totals: Counter[str] = Counter()
    for (old, _), size in by_area.items():
        totals[old] += size
    return tuple(
        sorted(
            Descent(old, new, min(1.0, size / totals[old]))
            for (old, new), size in by_area.items()
            if size > _LEAST_SHARE * totals[old] and not (old == new and size > (1.0 - _LEAST_SHARE) * totals[old])
        )
    )


def _pieces(plan: Plan) -> list[Descent]:
    """Where each changed cell of the base is now, what stayed under its code too."""
    found = list(cell_lineage(plan))
    gone = {piece.old for piece in found}
    return found + [
        Descent(code, code, 1.0)
        for code, cell in plan.state.cells.items()
        if cell is not None and code in plan.base.grid.by_code and code not in gone
    ]


def _chain(plan: Plan, community: str) -> list[str]:
    """The codes from a community up, without the city."""
    chain = []
    area = plan.state.area(community)
    while area.parent is not None:
        chain.append(area.code)
        area = plan.state.area(area.parent)
    return chain
