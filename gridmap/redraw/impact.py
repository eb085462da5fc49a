"""What a change does to people, things and duty in the cells that it touches. Pure: counts points that are given.

Imports ``change``, ``suppression`` and below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.coverage.codes import codes_of
from gridmap.coverage.edges import edges_of
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import OUTSIDE
from gridmap.crs import Floats
from gridmap.model import City
from gridmap.projecting import Axes, from_stored
from gridmap.redraw.change import Positions, Redrawn, area_shares, same_ground
from gridmap.redraw.joint_hiding import hide_jointly
from gridmap.redraw.principles.finding import Finding, Value
from gridmap.shapes import Geometries

# A building's point is "near" a boundary that moved within this; it stands for its walls.
NEAR_M = 10.0
# What rests on people, and so is hidden below k; all else is shown as it is.
OF_PEOPLE = ("person", "households")
OF_INCIDENTS = ("open_incidents",)

Pair = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """n things of one kind that stand in cells which the change touches: points (n,) and what each counts for."""

    lon: Floats
    lat: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class Flow:
    """How much is in one cell before and in another (or the same) after; ``count`` None: hidden.

    A code "" stands for no cell.
    """

    before: str
    after: str
    count: float | None


@dataclass(frozen=True, slots=True)
class Workload:
    """A cell's workload by the city's formula before and after; None: hidden, or no such cell."""

    cell: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class MovedPost:
    """A post of a cell that ends or changes, its shifts now, and the cell that has most of its own cell's area."""

    code: str
    kind: str
    title: str
    cell: str
    shifts: int
    successor: str


@dataclass(frozen=True, slots=True)
class Buildings:
    """Buildings at boundaries that moved: ``cut`` by polygons, or ``near`` by points. Both None: not measured."""

    cut: int | None = None
    near: int | None = None
    near_m: float = NEAR_M


@dataclass(frozen=True, slots=True)
class Downstream:
    """What else names what changes. ``keys`` only for those who give keys out; else None."""

    overlays: tuple[str, ...] = ()
    keys: tuple[str, ...] | None = None
    released_periods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Principles:
    """The five findings before, and those of the change."""

    before: tuple[Finding, ...]
    after: tuple[Finding, ...]


@dataclass(frozen=True)
class Impact:
    """All that a change does. ``flows``: by class of element, households, addresses and open incidents.

    ``touched`` are cells that got vertices only; ``hidden``: how many flows are not shown.
    """

    base: int
    ended: tuple[str, ...]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    touched: tuple[str, ...]
    flows: Mapping[str, tuple[Flow, ...]]
    moved: Mapping[str, float | None]
    hidden: int
    formula: str
    workload: tuple[Workload, ...]
    posts: tuple[MovedPost, ...] = ()
    buildings: Buildings = field(default_factory=Buildings)
    downstream: Downstream = field(default_factory=Downstream)
    principles: Principles | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Codes of the cells that a change ends, makes, changes, and only gives vertices to."""

    ended: tuple[str, ...]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    touched: tuple[str, ...]


def as_redrawn(before: Grid, after: Grid) -> Redrawn:
    """The positions at which two grids differ: by code, attributes, or the exact vertices of a shape."""
    gone = [at for at in range(len(before.cells)) if not _goes_on(before, at, after)]
    drawn = [at for at in range(len(after.cells)) if not _goes_on(after, at, before)]
    return Redrawn(after, np.array(gone, np.intp), np.array(drawn, np.intp))


def _goes_on(grid: Grid, at: int, other: Grid) -> bool:
    found = other.by_code.get(grid.cells[at].code)
    if found is None or grid.cells[at] != other.cells[found]:
        return False
    mine, yours = grid.index.degrees[at], other.index.degrees[found]
    return mine is yours or bool(shapely.equals_exact(mine, yours, 0.0))


def rows_of(before: Grid, redrawn: Redrawn) -> Rows:
    """What becomes of which cell."""
    after = redrawn.grid
    olds = {before.cells[at].code: at for at in redrawn.gone.tolist()}
    news = {after.cells[at].code: at for at in redrawn.drawn.tolist()}
    both = sorted(olds.keys() & news.keys())
    same = [
        code
        for code in both
        if before.cells[olds[code]] == after.cells[news[code]]
        and same_ground(before.index.degrees[olds[code]], after.index.degrees[news[code]])
    ]
    return Rows(
        tuple(sorted(olds.keys() - news.keys())),
        tuple(sorted(news.keys() - olds.keys())),
        tuple(code for code in both if code not in set(same)),
        tuple(same),
    )


def flows_of(before: Grid, redrawn: Redrawn, standing: Standing) -> dict[Pair, float]:
    """(code before, code after) -> how much; all of it, what stays in its cell too. "" is no cell."""
    was, _ = before.index.locate_many(standing.lon, standing.lat)
    now, _ = redrawn.grid.index.locate_many(standing.lon, standing.lat)
    pairs, which = np.unique(np.column_stack([was, now]), axis=0, return_inverse=True)
    sums = np.bincount(which.reshape(-1), standing.weights, len(pairs))
    return {
        (_code(before, old), _code(redrawn.grid, new)): float(total)
        for (old, new), total in zip(pairs.tolist(), sums.tolist(), strict=True)
    }


def _code(grid: Grid, position: int) -> str:
    return grid.cells[position].code if position != OUTSIDE else ""


@dataclass(frozen=True)
class Told:
    """Flows as an actor may see them."""

    flows: Mapping[str, tuple[Flow, ...]]
    moved: Mapping[str, float | None]
    hidden: int
    workload: tuple[Workload, ...]


def told(city: City, flows: Mapping[str, Mapping[Pair, float]], *, everything: bool) -> Told:
    """Hide what is below k, and besides as much as keeps it from being worked out.

    ``moved`` is what changes cell in all, None when one of it is hidden; so is a workload.
    """
    shown: dict[str, tuple[Flow, ...]] = {}
    moved: dict[str, float | None] = {}
    hidden: dict[str, set[Pair]] = {}
    for what, pairs in flows.items():
        least = city.least_people if what in OF_PEOPLE else city.least_incidents if what in OF_INCIDENTS else 1
        hidden[what] = set() if everything else hide_jointly(pairs, least)
        shown[what] = tuple(
            Flow(old, new, None if (old, new) in hidden[what] else count)
            for (old, new), count in sorted(pairs.items())
        )
        leaving = {pair for pair in pairs if pair[0] != pair[1]}
        moved[what] = None if leaving & hidden[what] else sum(pairs[pair] for pair in leaving)
    workload = _workload(city.principles.workload, flows, hidden)
    return Told(shown, moved, sum(len(each) for each in hidden.values()), workload)


def _workload(
    weights: Mapping[str, float], flows: Mapping[str, Mapping[Pair, float]], hidden: Mapping[str, set[Pair]]
) -> tuple[Workload, ...]:
    """Before and after by cell; cells of which a part is hidden have none, since it could be subtracted."""
    sums: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    unknown: tuple[set[str], set[str]] = (set(), set())
    for part, weight in weights.items():
        for pair, count in flows.get(part, {}).items():
            for side in (0, 1):
                sums[side][pair[side]] += weight * count  # type: ignore[assignment]
                if weight and pair in hidden[part]:
                    unknown[side].add(pair[side])
    codes = sorted({*sums[0], *sums[1]} - {""})
    values = [
        [None if code in unknown[side] or code not in sums[side] else float(sums[side][code]) for code in codes]
        for side in (0, 1)
    ]
    return tuple(Workload(*row) for row in zip(codes, *values, strict=True))


def successors(before: Grid, redrawn: Redrawn) -> dict[str, str]:
    """Code of a cell that ends or changes -> the cell with most of its area, of equal ones the lowest code."""
    shares = area_shares(before, redrawn.grid, redrawn.gone, redrawn.drawn)
    codes_before = {before.cells[at].id: before.cells[at].code for at in redrawn.gone.tolist()}
    codes_after = {redrawn.grid.cells[at].id: redrawn.grid.cells[at].code for at in redrawn.drawn.tolist()}
    best: dict[str, tuple[float, str]] = {}
    for (old, new), share in shares.items():
        candidate = (-share, codes_after[new])
        best[codes_before[old]] = min(best.get(codes_before[old], candidate), candidate)
    return {code: successor for code, (_, successor) in best.items()}


def moved_boundary(before: Grid, redrawn: Redrawn, metric_crs: str) -> Geometries:
    """The edges between drawn cells that were no edges before, as lines in the metric crs."""
    after = redrawn.grid
    new = _edges(after, redrawn.drawn)
    old = {each.tobytes() for each in _edges(before, redrawn.gone)}
    fresh = new[[each.tobytes() not in old for each in new]] if len(new) else new
    lines = np.asarray(shapely.linestrings(fresh.reshape(-1, 2, 2)), dtype=object)
    return from_stored(Axes(metric_crs), lines)


def _edges(grid: Grid, positions: Positions) -> Floats:
    if not len(positions):
        return np.empty((0, 4))
    codes = codes_of([grid.cells[at].code for at in positions.tolist()])
    return edges_of(grid.index.degrees[positions], codes).ends


def buildings_at(boundary: Geometries, points: Geometries, polygons: Geometries | None) -> Buildings:
    """Buildings cut by a boundary, or with points near it; all in metres. Without buildings: not measured."""
    tree = shapely.STRtree(boundary)
    if polygons is not None and len(polygons):
        which, line = tree.query(polygons, predicate="intersects")
        cut = np.unique(which[~shapely.touches(polygons[which], boundary[line])])
        return Buildings(cut=len(cut))
    if not len(points):
        return Buildings()
    near: NDArray[np.intp] = tree.query(points, predicate="dwithin", distance=NEAR_M)[0]
    return Buildings(near=len(np.unique(near)))


@dataclass(frozen=True, slots=True)
class Beside:
    """One figure of two impacts, and the second less the first where both are numbers."""

    figure: str
    first: Value
    second: Value
    difference: float | None


def compare(first: Impact, second: Impact) -> tuple[Beside, ...]:
    """Two impacts side by side: cells, what moves, posts, buildings, and every figure of the principles after."""
    one, two = _figures(first), _figures(second)
    rows = []
    for name in [*one, *(name for name in two if name not in one)]:
        a, b = one.get(name), two.get(name)
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        rows.append(Beside(name, a, b, float(b) - float(a) if numbers else None))  # type: ignore[arg-type]
    return tuple(rows)


def _figures(impact: Impact) -> dict[str, Value]:
    names: Sequence[str] = ("ended", "new", "changed", "touched")
    figures: dict[str, Value] = {f"cells {name}": len(getattr(impact, name)) for name in names}
    figures |= {f"{what} that change cell": count for what, count in impact.moved.items()}
    known = [each.after for each in impact.workload if each.after is not None]
    figures["largest workload after"] = max(known) if known else None
    figures["posts concerned"] = len(impact.posts)
    figures["buildings cut"] = impact.buildings.cut
    figures["buildings near"] = impact.buildings.near
    figures["overlays touched"] = len(impact.downstream.overlays)
    if impact.principles is not None:
        for finding in impact.principles.after:
            figures |= {f"{finding.key}: {name}": value for name, value in finding.figures.items()}
    return figures
