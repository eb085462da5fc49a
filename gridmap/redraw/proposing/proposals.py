"""Proposals for a community, or for all communities of an area above. Imports ``division``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from gridmap.errors import GridMapError, InvalidInput
from gridmap.redraw.edits import parse
from gridmap.redraw.plan import Plan
from gridmap.redraw.proposing.blocks import weight_in
from gridmap.redraw.proposing.choosing import ALL_ROUND, STRENGTHS
from gridmap.redraw.proposing.division import Division, Divisions, Terrain, Wish, divisions
from gridmap.redraw.proposing.figures import Figures, figures_of_cells

# An area above with more communities than this takes minutes.
MOST_COMMUNITIES = 60

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Proposal:
    """One way to divide an area: why it is proposed, its figures, and a division for each community it changes."""

    why: str
    figures: Figures
    divisions: tuple[Division, ...]

    @property
    def edits(self) -> list[dict[str, Any]]:
        """What a draft records to take it: one ``redraw_area`` for each community."""
        return [each.edit for each in self.divisions]


@dataclass(frozen=True)
class Proposals:
    """What was found for an area, beside its cells as they are. ``notes``: what is left as it is, and why."""

    area: str
    present: Figures
    proposals: tuple[Proposal, ...]
    notes: tuple[str, ...] = ()


def proposals_for(plan: Plan, area: str, terrain: Terrain, wish: Wish, progress: Progress) -> Proposals:
    """Proposals for an area of a plan; the same wish and seed give the same ones.

    NotFound for an unknown area; InvalidInput when it cannot be divided as wished.
    """
    communities = communities_of(plan, area)
    _check_locked(plan, area, communities, wish)
    if communities == [area]:
        found = divisions(plan, area, terrain, wish)
        each = tuple(Proposal(one.why, one.figures, (one,)) for one in found.found)
        notes = () if each else (f"{area}: nothing was found that is no worse than now and unlike it",)
        return Proposals(area, found.present, each, notes)
    return _for_several(plan, area, communities, terrain, wish, progress)


def communities_of(plan: Plan, area: str) -> list[str]:
    """The communities in an area of any level, sorted; InvalidInput when there are too many for one proposal."""
    city, state = plan.base.city, plan.state
    level = state.area(area).level
    found = [area]
    for _ in city.levels[city.levels.index(level) : -1]:
        found = [below for each in found for below in state.areas_of(each)]
        if len(found) > MOST_COMMUNITIES:
            raise InvalidInput(
                "area", area, f"has more than {MOST_COMMUNITIES} areas below it: take a smaller one"
            )
    return found


def _check_locked(plan: Plan, area: str, communities: Sequence[str], wish: Wish) -> None:
    for code in wish.locked:
        if plan.state.cell(code).community not in communities:
            raise InvalidInput("locked", code, f"must be a cell of {area}")


def _for_several(
    plan: Plan, area: str, communities: Sequence[str], terrain: Terrain, wish: Wish, progress: Progress
) -> Proposals:
    notes: list[str] = []
    found: dict[str, Divisions] = {}
    wishes = _wishes(plan, communities, terrain, wish)
    for number, code in enumerate(communities, start=1):
        progress(f"dividing {code}, {number} of {len(communities)}")
        try:
            found[code] = divisions(plan, code, terrain, wishes[code])
        except InvalidInput as error:
            notes.append(f"{code} stays as it is: {error}")
    proposals: list[Proposal] = []
    for why in (ALL_ROUND, *STRENGTHS):
        picked = [_best_at(each, why) for each in found.values() if each.found]
        taken = _fitting(plan, picked, notes)
        if taken and all(taken != each.divisions for each in proposals) and len(proposals) < wish.count:
            proposals.append(Proposal(why, _figures(plan, communities, taken, terrain, wish), taken))
    if not proposals and not notes:
        notes.append(f"{area}: nothing was found that is no worse than now and unlike it")
    present = _figures(plan, communities, (), terrain, wish)
    return Proposals(area, present, tuple(proposals), tuple(dict.fromkeys(notes)))


def _wishes(plan: Plan, communities: Sequence[str], terrain: Terrain, wish: Wish) -> Mapping[str, Wish]:
    """What is wished of each community: its locked cells, and its share of the parts by what it weighs."""
    state = plan.state
    locked = {code: [cell for cell in wish.locked if state.cell(cell).community == code] for code in communities}
    parts: dict[str, int | None] = dict.fromkeys(communities)
    if wish.parts is not None:
        if wish.parts < len(communities):
            rule = f"must be at least {len(communities)}, since cells stay in their communities"
            raise InvalidInput("parts", wish.parts, rule)
        free = {code: [c for c in state.cells_of(code) if c not in locked[code]] for code in communities}
        weights = {
            code: float(weight_in(_row([state.cell(c).shape for c in cells]), terrain.weights).sum())
            for code, cells in free.items()
            if cells
        }
        shares = dict.fromkeys(weights, 1)
        for _ in range(wish.parts - len(shares)):
            shares[max(shares, key=lambda code: (weights[code] / shares[code], code))] += 1
        parts.update(shares)
    return {code: replace(wish, locked=tuple(locked[code]), parts=parts[code]) for code in communities}


def _best_at(found: Divisions, why: str) -> Division:
    return next((one for one in found.found if one.why == why), found.found[0])


def _fitting(plan: Plan, picked: Sequence[Division], notes: list[str]) -> tuple[Division, ...]:
    """Those that can be taken one after the other."""
    taken = []
    for one in picked:
        try:
            plan = plan.apply(parse(one.edit))
        except GridMapError as error:
            notes.append(f"{one.community} stays as it is: {error}")
        else:
            taken.append(one)
    return tuple(taken)


def _figures(
    plan: Plan, communities: Sequence[str], taken: Sequence[Division], terrain: Terrain, wish: Wish
) -> Figures:
    """Of all free cells of the communities, after some of them were divided."""
    state = plan.state
    divided = {one.community: one for one in taken}
    before = [
        state.cell(code).shape
        for community in communities
        for code in state.cells_of(community)
        if code not in wish.locked
    ]
    after: list[BaseGeometry] = []
    for community in communities:
        if community in divided:
            after += divided[community].drawn
        else:
            after += [state.cell(code).shape for code in state.cells_of(community) if code not in wish.locked]
    weight = weight_in(_row(after), terrain.weights)
    return figures_of_cells(after, weight, before, wish.band, terrain.segments, plan.base.city.metric_crs)


def _row(shapes: Sequence[BaseGeometry]) -> np.ndarray:
    found = np.empty(len(shapes), object)
    found[:] = shapes
    return found
