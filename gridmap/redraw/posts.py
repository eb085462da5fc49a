"""Whose posts go where when territories end: by the planner's word, else to the largest part. Pure.

Imports ``change``, ``steps``, ``coverage``, ``model`` and ``errors``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridmap.coverage.grid import Grid
from gridmap.duty import LADDER_KINDS
from gridmap.errors import InvalidInput
from gridmap.model import CELL_LEVEL, Post
from gridmap.redraw.change import Redrawn
from gridmap.redraw.steps import AreaStep, Shares

Place = tuple[str, str]
# What the ground of a place is called after, and was called before: codes by place.
Ground = Mapping[Place, tuple[str, ...]]


@dataclass(frozen=True)
class Territories:
    """Places (level, code) that end, with the places that take them over: code and share, the largest first."""

    heirs: Mapping[Place, tuple[tuple[str, float], ...]]
    begun: frozenset[Place]


def territories(before: Grid, result: Redrawn, areas: Shares, steps: Sequence[AreaStep]) -> Territories:
    """The territories that end and begin by a redraw."""
    after = result.grid
    old = {before.cells[at].id: before.cells[at].code for at in result.gone.tolist()}
    new = {after.cells[at].id: after.cells[at].code for at in result.drawn.tolist()}
    found: dict[Place, list[tuple[str, float]]] = defaultdict(list)
    for (was, now), share in areas.items():
        if old[was] not in after.by_code:
            found[CELL_LEVEL, old[was]].append((new[now], share))
    for step in steps:
        if step.old not in after.areas:
            found[step.level, step.old].append((step.new, step.area_share))
    begun = {(CELL_LEVEL, code) for code in new.values() if code not in before.by_code}
    begun |= {(area.level, code) for code, area in after.areas.items() if code not in before.areas}
    heirs = {place: tuple(sorted(each, key=lambda one: (-one[1], one[0]))) for place, each in found.items()}
    return Territories(heirs, frozenset(begun))


def grounds(before: Grid, result: Redrawn, areas: Shares, steps: Sequence[AreaStep]) -> tuple[Ground, Ground]:
    """Of each place that gave or got ground, or its code, what it became and what it took from."""
    after = result.grid
    old = {before.cells[at].id: before.cells[at].code for at in result.gone.tolist()}
    new = {after.cells[at].id: after.cells[at].code for at in result.drawn.tolist()}
    pairs = [(CELL_LEVEL, old[was], new[now]) for was, now in areas]
    pairs += [(step.level, step.old, step.new) for step in steps]
    changed = [(level, was, now) for level, was, now in pairs if was != now]
    gave = {(level, was) for level, was, _ in changed}
    got = {(level, now) for level, _, now in changed}
    became: dict[tuple[str, str], list[str]] = defaultdict(list)
    took_from: dict[tuple[str, str], list[str]] = defaultdict(list)
    for level, was, now in pairs:
        if (level, was) in gave:
            became[level, was].append(now)
        if (level, now) in got:
            took_from[level, now].append(was)
    return (
        {place: tuple(sorted(codes)) for place, codes in became.items()},
        {place: tuple(sorted(codes)) for place, codes in took_from.items()},
    )


def moves_of(posts: Sequence[Post], ended: Territories, after: Grid, stated: Mapping[str, str]) -> dict[str, str]:
    """Post code -> the territory that it goes to, of posts whose territory ends and of those that are stated.

    ``posts``: those at places that change. ``stated``: by the code of one of them, or of a territory that ends for
    all its posts, where it goes. What is not stated goes to the place that has the largest share of the old one's
    area. InvalidInput for a code that is neither, and for a territory that is not of the same level after the
    redraw.
    """
    codes = {post.code: (post.level, post.territory) for post in posts}
    places = {place[1]: place for place in ended.heirs}
    for key, wanted in stated.items():
        place = codes.get(key) or places.get(key)
        if place is None:
            raise InvalidInput("posts", key, "must be a territory that ends, or a post of one that changes")
        level = place[0]
        known = wanted in after.by_code if level == CELL_LEVEL else _level_of(after, wanted) == level
        if not known:
            raise InvalidInput("posts", wanted, f"must be a {level} after the redraw, to take over {key}")
    moves = {}
    for post in posts:
        place = (post.level, post.territory)
        wanted_ = stated.get(post.code)
        if wanted_ is None and place in ended.heirs:
            wanted_ = stated.get(post.territory) or ended.heirs[place][0][0]
        if wanted_ is not None and wanted_ != post.territory:
            moves[post.code] = wanted_
    return moves


def _level_of(grid: Grid, code: str) -> str | None:
    area = grid.areas.get(code)
    return None if area is None else area.level


def first_post(posts: Sequence[Post]) -> Post | None:
    """The one of some posts that is called first: by the order of the ladder, then by code; liaisons never."""
    called = [post for post in posts if post.kind in LADDER_KINDS]
    return min(called, key=lambda post: (LADDER_KINDS.index(post.kind), post.code), default=None)
