"""Dealing the blocks of a graph out to k parts: METIS finds where to begin, annealing goes on. Imports ``moves``.

What a plan should be is told by prices; several of them give plans that differ. The same seed gives the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pymetis

from gridmap.crs import Floats
from gridmap.errors import InvalidInput
from gridmap.redraw.proposing.graph import Graph, Longs, held_together
from gridmap.redraw.proposing.moves import anneal

# What each search asks for: spread, outside the band, boundary off streets, bad shape, ground that changes cell.
PRICES: Mapping[str, tuple[float, float, float, float, float]] = {
    "even": (30.0, 20.0, 1.5, 0.6, 0.0),
    "streets": (3.0, 20.0, 15.0, 0.3, 0.0),
    "compact": (3.0, 20.0, 1.0, 6.0, 0.0),
    "fixed": (1.0, 20.0, 1.0, 0.2, 6.0),
    "even and compact": (20.0, 20.0, 2.0, 3.0, 0.0),
    "even along streets": (30.0, 20.0, 6.0, 1.5, 0.3),
    "all round": (8.0, 20.0, 4.0, 1.5, 0.5),
}
_STEPS_PER_BLOCK = 400
_LEAST_STEPS, _MOST_STEPS = 8_000, 120_000
# How much METIS may be off the same weight in all parts, in thousandths.
_LOOSE = (30, 200, 500)


@dataclass(frozen=True, slots=True)
class Aim:
    """How many parts, and the band that the weight of each should be in."""

    parts: int
    least: float
    most: float


def divided(graph: Graph, aim: Aim, starts: int, seed: int) -> Iterator[Longs]:
    """Ways to deal the blocks out (n,): from each start one for each of the prices.

    InvalidInput for more parts than blocks, or fewer than there are pieces of ground.
    """
    check_parts(graph, aim.parts)
    firsts, others, shared, off = graph.rows
    scale = _scale(graph, aim)
    steps = min(_MOST_STEPS, max(_LEAST_STEPS, _STEPS_PER_BLOCK * graph.count))
    for start in range(starts):
        begun = _begun(graph, aim.parts, start, seed)
        for number, price in enumerate(PRICES.values()):
            dealt = begun.copy()
            own_seed = (seed * 1_000_003 + start * 101 + number) % 2**31
            anneal(
                dealt, firsts, others, shared, off, graph.weight, graph.area_m2, graph.perimeter_m,
                graph.overlap_m2, np.array(price), scale, steps, own_seed,
            )  # fmt: skip
            yield dealt


def check_parts(graph: Graph, parts: int) -> None:
    """InvalidInput when blocks cannot be dealt out to so many parts."""
    if parts > graph.count:
        raise InvalidInput("parts", parts, f"must be at most {graph.count}, the number of blocks")
    if parts < len(graph.components):
        rule = f"must be at least {len(graph.components)}: so many pieces lie apart of each other"
        raise InvalidInput("parts", parts, rule)


def _scale(graph: Graph, aim: Aim) -> Floats:
    """Mean weight, least, most, parts, and metres and square metres to tell boundary and ground by."""
    mean = float(graph.weight.sum()) / aim.parts or 1.0
    total = float(graph.area_m2.sum())
    return np.array([mean, aim.least, aim.most, aim.parts, math.sqrt(total * aim.parts), total])


def _begun(graph: Graph, parts: int, start: int, seed: int) -> Longs:
    """A first plan: the cells as they are, when they are so many, and what METIS makes of each piece of ground.

    METIS is asked by turns with all edges alike, and with those off the streets dear.
    """
    if start == 0:
        dealt: Longs = np.argmax(graph.overlap_m2, axis=1).astype(np.int64)
        if len(np.unique(dealt)) == parts == graph.overlap_m2.shape[1] and held_together(graph, dealt.tolist()):
            return dealt
    dealt = np.zeros(graph.count, np.int64)
    given = 0
    weights = [float(graph.weight[piece].sum()) for piece in graph.components]
    for piece, share in zip(graph.components, _apportioned(graph, weights, parts), strict=True):
        dealt[piece] = given + _metis(graph, piece, share, start, seed)
        given += share
    return dealt


def _apportioned(graph: Graph, weights: Sequence[float], parts: int) -> list[int]:
    """How many of the parts each piece of ground gets: one, and more where its parts would be heaviest."""
    shares = [1] * len(weights)
    sizes = [len(piece) for piece in graph.components]
    for _ in range(parts - len(weights)):
        open_ = [at for at, size in enumerate(sizes) if shares[at] < size]
        shares[max(open_, key=lambda at: (weights[at] / shares[at], -at))] += 1
    return shares


def _metis(graph: Graph, piece: Longs, parts: int, start: int, seed: int) -> Longs:
    if parts == 1:
        return np.zeros(len(piece), np.int64)
    if parts == len(piece):
        return np.arange(len(piece))
    firsts, others, shared, off = graph.rows
    place = {block: at for at, block in enumerate(piece.tolist())}
    heads, near, costs = [0], [], []
    dear = 3.0 if start % 2 else 0.0
    for block in piece.tolist():
        rows = slice(firsts[block], firsts[block + 1])
        near += [place[other] for other in others[rows].tolist()]
        costs += [1 + round(each) for each in (shared[rows] + dear * off[rows]).tolist()]
        heads.append(len(near))
    weight = [1 + round(each) for each in (graph.weight[piece] * 10.0).tolist()]
    options = pymetis.Options(seed=(seed * 7919 + start) % 2**31, ufactor=_LOOSE[start % len(_LOOSE)], contig=True)
    _, found = pymetis.part_graph(
        parts, pymetis.CSRAdjacency(heads, near), vweights=weight, eweights=costs, recursive=False, options=options
    )
    return _mended(graph, piece, np.array(found, np.int64), parts, place)


def _mended(graph: Graph, piece: Longs, found: Longs, parts: int, place: Mapping[int, int]) -> Longs:
    """METIS may leave a part empty, or in pieces, where there are few blocks: stray pieces go to a neighbour."""
    firsts, others, _, _ = graph.rows
    near = [
        [place[other] for other in others[firsts[block] : firsts[block + 1]].tolist()] for block in piece.tolist()
    ]
    pieces = _pieces(found, near)
    weight = graph.weight[piece] + 1e-6
    by_weight = sorted(pieces, key=lambda own: (-float(weight[own].sum()), own))
    dealt = np.full(len(piece), -1, np.int64)
    taken: set[int] = set()
    given = 0
    for own in by_weight:
        if int(found[own[0]]) not in taken and given < parts:
            taken.add(int(found[own[0]]))
            dealt[own] = given
            given += 1
    while (dealt < 0).any():
        at = next(at for at in np.flatnonzero(dealt < 0).tolist() if any(dealt[other] >= 0 for other in near[at]))
        dealt[at] = next(dealt[other] for other in near[at] if dealt[other] >= 0)
    while given < parts:
        _split_off(dealt, near, weight, given)
        given += 1
    return dealt


def _pieces(found: Longs, near: Sequence[Sequence[int]]) -> list[list[int]]:
    """The blocks that hang together in each part."""
    seen: set[int] = set()
    pieces = []
    for start in range(len(found)):
        if start in seen:
            continue
        todo, own = [start], []
        seen.add(start)
        while todo:
            at = todo.pop()
            own.append(at)
            for other in near[at]:
                if other not in seen and found[other] == found[at]:
                    seen.add(other)
                    todo.append(other)
        pieces.append(sorted(own))
    return pieces


def _split_off(dealt: Longs, near: Sequence[Sequence[int]], weight: Floats, new: int) -> None:
    """Make a part of one block of the heaviest part of several; the rest must hang together."""
    totals = np.bincount(dealt, weight)
    for part in np.argsort(-totals, kind="stable").tolist():
        own = np.flatnonzero(dealt == part).tolist()
        for block in own if len(own) > 1 else []:
            dealt[block] = new
            if sum(int(dealt[each[0]]) == part for each in _pieces(dealt, near)) == 1:
                return
            dealt[block] = part
