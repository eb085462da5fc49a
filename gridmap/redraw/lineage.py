"""What became of cells and areas: shares of a step, and of several steps one after the other. Pure.

Imports ``change``, ``areas`` and ``coverage``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import shapely

from gridmap.coverage.grid import Grid
from gridmap.redraw.areas import levels_of
from gridmap.redraw.change import Redrawn

# (old cell id, new cell id) -> a share, or a number of elements.
Shares = Mapping[tuple[int, int], float]
_LEAST_SHARE = 1e-9


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a lineage: at a revision the old cell (its id) gave a share of area and elements to the new one.

    ``element_share`` is None when the old cell had no elements.
    """

    revision: int
    old: int
    new: int
    area_share: float
    element_share: float | None


@dataclass(frozen=True, slots=True)
class Heir:
    """A cell (its id) that has a share of an earlier one; None when that one had no elements."""

    cell: int
    area_share: float
    element_share: float | None


def heirs(cell: int, steps: Iterable[Step]) -> tuple[Heir, ...]:
    """What became of a cell by all of these steps, the largest share of area first; the cell itself without any.

    Shares of steps that follow each other are multiplied, those of several ways to one cell added. Where a cell in
    between had no elements its share of area stands in; a cell that had none at its first step has none to share.
    """
    now: dict[int, tuple[float, float | None]] = {cell: (1.0, 1.0)}
    by_revision: dict[int, dict[int, list[Step]]] = defaultdict(lambda: defaultdict(list))
    for step in steps:
        by_revision[step.revision][step.old].append(step)
    for _, of_cell in sorted(by_revision.items()):
        after: dict[int, tuple[float, float | None]] = {}
        for old, (area, element) in now.items():
            if old not in of_cell:
                _add(after, old, area, element)
            for step in of_cell.get(old, ()):
                share = step.element_share
                if share is None and now.keys() == {cell}:
                    _add(after, step.new, area * step.area_share, None)
                else:
                    part = step.area_share if share is None else share
                    _add(after, step.new, area * step.area_share, None if element is None else element * part)
        now = after
    found = [Heir(each, area, element) for each, (area, element) in now.items() if area > _LEAST_SHARE]
    return tuple(sorted(found, key=lambda heir: (-heir.area_share, heir.cell)))


def _add(shares: dict[int, tuple[float, float | None]], cell: int, area: float, element: float | None) -> None:
    had_area, had_element = shares.get(cell, (0.0, 0.0))
    both = None if element is None or had_element is None else had_element + element
    shares[cell] = (min(1.0, had_area + area), None if both is None else min(1.0, both))


@dataclass(frozen=True, slots=True)
class AreaStep:
    """What an area gave to another of its level; ``element_share`` is None when it had no elements."""

    level: str
    old: str
    new: str
    area_share: float
    element_share: float | None


def area_cells(before: Grid, result: Redrawn, areas: Shares) -> dict[str, list[int]]:
    """The areas before of which a part is in another area of their level now, with the positions of their cells.

    ``areas``: the shares of area of the cells that changed.
    """
    after = result.grid
    was = {code: _chain(before, code) for code in {cell.community for cell in before.cells}}
    now = {code: _chain(after, code) for code in {cell.community for cell in after.cells}}
    old = {before.cells[at].id: before.cells[at].community for at in result.gone.tolist()}
    new = {after.cells[at].id: after.cells[at].community for at in result.drawn.tolist()}
    pairs = {(old[one], new[other]) for one, other in areas} | {(code, code) for code in was.keys() & now.keys()}
    lost = {code for one, other in pairs for level, code in was[one].items() if now[other][level] != code}
    above = {community: [code for code in chain.values() if code in lost] for community, chain in was.items()}
    found: dict[str, list[int]] = defaultdict(list)
    if lost:
        for at, cell in enumerate(before.cells):
            for code in above[cell.community]:
                found[code].append(at)
    return found


def _chain(grid: Grid, community: str) -> dict[str, str]:
    return {area.level: area.code for area in grid.chain(community)}


def area_steps(
    before: Grid, result: Redrawn, cells: Mapping[str, list[int]], areas: Shares, elements: Shares
) -> list[AreaStep]:
    """What became of the areas of :func:`area_cells`, of those that are no longer just what they were.

    ``areas``: the shares of area of the cells that changed; ``elements``: how many elements went from which cell
    to which, stayers and cells that stay as they are included.
    """
    after = result.grid
    levels = levels_of(before)
    gone = {before.cells[at].id for at in result.gone.tolist()}
    if not cells:
        return []
    chains = {code: _chain(after, code) for code in {cell.community for cell in after.cells}}
    now = {cell.id: chains[cell.community] for cell in after.cells}
    shares_of, elements_of = _by_old(areas), _by_old(elements)
    steps = []
    for code, positions in sorted(cells.items()):
        level = before.areas[code].level
        size = _sizes(before, positions)
        parts: dict[str, float] = defaultdict(float)
        counted: dict[str, float] = defaultdict(float)
        for at, area in zip(positions, size, strict=True):
            cell = before.cells[at].id
            for new, share in shares_of.get(cell, {}).items() if cell in gone else ((cell, 1.0),):
                parts[now[new][level]] += area * share
            for new, count in elements_of.get(cell, {}).items():
                if new in now:
                    counted[now[new][level]] += count
        whole, everything = math.fsum(parts.values()), math.fsum(counted.values())
        found = [
            AreaStep(level, code, new, min(1.0, part / whole), counted[new] / everything if everything else None)
            for new, part in sorted(parts.items())
            if part / whole > _LEAST_SHARE
        ]
        steps += found
    return sorted(steps, key=lambda step: (levels.index(step.level), step.old, step.new))


def _sizes(grid: Grid, positions: list[int]) -> list[float]:
    """Areas to compare with each other: square degrees, narrower with latitude."""
    shapes = grid.index.degrees[positions]
    middle = np.radians(shapely.bounds(shapes)[:, 1])
    return list((shapely.area(shapes) * np.cos(middle)).tolist())


def _by_old(pairs: Shares) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for (old, new), value in pairs.items():
        found[old][new] = value
    return found
