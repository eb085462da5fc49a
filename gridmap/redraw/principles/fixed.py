"""5 相对固定: relatively fixed. Imports ``finding`` and below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from gridmap.redraw.principles.finding import Compared, Finding, Offender, Value
from gridmap.redraw.principles.ground import Pair
from gridmap.redraw.principles.numbers import Numbers

_WHOLE = 1 - 1e-9


def relatively_fixed(given: Compared) -> Finding:
    """5 相对固定: how much of the area and of the households changed cell, and how often cells changed lately."""
    title, now, base = "relatively fixed 相对固定", given.now, given.base
    figures: dict[str, Value] = {}
    changes = given.ground.changes
    if changes is not None:
        there = np.isin(np.fromiter(changes, np.int64, len(changes)), now.cells.ids)
        counts = np.fromiter(changes.values(), np.int64, len(changes))[there]
        figures |= {
            "changes_per_cell_12_months": float(counts.sum() / len(now.cells.ids)),
            "most_changes_of_a_cell_12_months": int(counts.max(initial=0)),
        }
    if given.shares is None or base is None:
        return Finding("fixed", title, figures, not_measured="there is no revision before to compare with")
    onward = _going_on(given.shares)
    figures |= _stability(given.shares, onward, base, now)
    households = _households_moved(given, onward)
    if households is not None:
        figures["household_share_that_changed_cell"] = households
    touched = {new for old, new in given.shares if onward.get(old) != new}
    known = changes or {}
    offenders = tuple(
        Offender(
            cell.code, "changed; times in 12 months", float(known.get(cell.id, 0)), now.grid.index.degrees[at]
        )
        for at, cell in ((at, now.grid.cells[at]) for at in _positions(now, touched).values())
    )
    of_people = frozenset({"household_share_that_changed_cell"} & figures.keys())
    return Finding("fixed", title, figures, of_people=of_people, offenders=offenders)


def _going_on(shares: Mapping[Pair, float]) -> dict[int, int]:
    """Old id -> new id of cells that went on whole and alone: their shape is what it was."""
    came_of = Counter(new for _, new in shares)
    return {old: new for (old, new), share in shares.items() if share > _WHOLE and came_of[new] == 1}


def _positions(numbers: Numbers, ids: Iterable[int]) -> dict[int, int]:
    """Id -> position of some of the cells, by position."""
    found = np.flatnonzero(np.isin(numbers.cells.ids, np.fromiter(ids, np.int64)))
    return dict(zip(numbers.cells.ids[found].tolist(), found.tolist(), strict=True))


def _stability(
    shares: Mapping[Pair, float], onward: Mapping[int, int], base: Numbers, now: Numbers
) -> dict[str, Value]:
    """Of all places: the mean Jaccard index of the cells they were in and are in; how many changed cell."""
    was, stands = _positions(base, (old for old, _ in shares)), _positions(now, (new for _, new in shares))
    areas = base.cells.area_m2
    total = float(areas.sum())
    jaccard = total - float(areas[list(was.values())].sum())
    moved = 0.0
    for (old, new), share in shares.items():
        before, after = float(areas[was[old]]), float(now.cells.area_m2[stands[new]])
        common = share * before
        jaccard += common * common / (before + after - common)
        moved += common if old != new and onward.get(old) != new else 0.0
    return {"jaccard": jaccard / total, "area_share_that_changed_cell": moved / total}


def _households_moved(given: Compared, onward: Mapping[int, int]) -> float | None:
    """The share of households (or workload) whose building changed cell; None without buildings."""
    now, base, buildings = given.now, given.base, given.ground.buildings
    if (
        buildings is None
        or base is None
        or base.placed is None
        or now.placed is None
        or not buildings.weights.sum()
    ):
        return None
    which, positions = now.placed
    before = np.append(base.cells.ids, 0)[base.placed[1][which]]
    after = np.append(now.cells.ids, 0)[positions]
    expected = np.array([onward.get(cell, cell) for cell in before.tolist()], np.int64)
    return float(buildings.weights[which[after != expected]].sum() / buildings.weights.sum())
