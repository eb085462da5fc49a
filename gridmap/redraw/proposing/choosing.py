"""A handful of divisions out of many: none beaten by another, each unlike the others. Imports ``figures``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gridmap.crs import Floats
from gridmap.redraw.proposing.figures import Figures
from gridmap.redraw.proposing.graph import Longs

# Why a division is proposed: good all round, or best at one of :meth:`Figures.measures`, from the second on.
ALL_ROUND = "all round"
STRENGTHS = ("even", "streets", "compact", "fixed")
# Two are the same to a planner when less than this share of the ground is grouped in another way.
_UNLIKE = 0.05
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Candidate:
    """A division: the part of each block (n,), and its figures."""

    dealt: Longs
    figures: Figures


@dataclass(frozen=True, eq=False)
class Chosen:
    """A candidate and why it was taken: what it is best at, or ``all round``."""

    why: str
    candidate: Candidate


def chosen(
    candidates: Sequence[Candidate],
    present: Figures,
    area_m2: Floats,
    count: int,
    accepted: Callable[[Candidate], bool],
) -> list[Chosen]:
    """At most ``count`` candidates that ``accepted`` lets pass.

    First one that is good all round: among those that are no worse than the cells there are now in band, spread
    and streets, the one whose worst rank is best. Then the most even, the best along streets, the most compact and
    the one that leaves most as it is, each of those with most cells in the band; then others that are good all
    round. What is nearly as now is no proposal. ``area_m2``: of the blocks.
    """
    left = [one for one in _unbeaten(candidates) if one.figures.stays <= 1.0 - _UNLIKE]
    found: list[Chosen] = []
    for why, ordered in _wanted(left, present):
        if len(found) == count:
            break
        for candidate in ordered:
            if any(_alike(candidate, one.candidate, area_m2) for one in found):
                if why == ALL_ROUND:
                    continue
                break  # one of this strength is there already, under another name
            if accepted(candidate):
                found.append(Chosen(why, candidate))
                break
    return found


def _wanted(left: Sequence[Candidate], present: Figures) -> Iterator[tuple[str, list[Candidate]]]:
    good = _no_worse(left, present)
    others = [one for one in left if one not in good]
    yield ALL_ROUND, [*_by_worst_rank(good), *_by_worst_rank(others)]
    for number, why in enumerate(STRENGTHS, start=1):
        yield why, sorted(left, key=lambda one: _key(one, number))
    for _ in good:
        yield ALL_ROUND, _by_worst_rank(good)


def _key(one: Candidate, number: int) -> tuple[float, ...]:
    measures = one.figures.measures()
    return (-measures[0], -measures[number], -measures[1], *one.dealt.tolist())


def _no_worse(left: Sequence[Candidate], present: Figures) -> list[Candidate]:
    """Those no worse than now in band, spread and streets, in one after the other as far as there are any."""
    good, bar = list(left), present.measures()
    for number in range(3):
        no_worse = [one for one in good if one.figures.measures()[number] >= bar[number] - _ROUNDING]
        good = no_worse or good
    return good


def _by_worst_rank(rows: Sequence[Candidate]) -> list[Candidate]:
    if not rows:
        return []
    measures = np.array([one.figures.measures() for one in rows])
    ranks = np.array([(measures > own + _ROUNDING).sum(axis=0) for own in measures])
    order = sorted(range(len(rows)), key=lambda at: (ranks[at].max(), ranks[at].sum(), rows[at].dealt.tolist()))
    return [rows[at] for at in order]


def _unbeaten(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each division once, without those that another equals or beats in every measure."""
    unique = {tuple(_relabelled(one.dealt).tolist()): one for one in candidates}
    rows = [unique[key] for key in sorted(unique)]
    if not rows:
        return []
    measures = np.array([one.figures.measures() for one in rows])
    kept = []
    for at, own in enumerate(measures):
        better = (measures >= own - _ROUNDING).all(axis=1) & (measures > own + _ROUNDING).any(axis=1)
        same_before = (np.abs(measures[:at] - own) <= _ROUNDING).all(axis=1)
        if not better.any() and not same_before.any():
            kept.append(rows[at])
    return kept


def _relabelled(dealt: Longs) -> Longs:
    """The same division with its parts numbered as they come."""
    _, first, inverse = np.unique(dealt, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _alike(one: Candidate, other: Candidate, area_m2: Floats) -> bool:
    together = np.zeros((int(one.dealt.max()) + 1, int(other.dealt.max()) + 1))
    np.add.at(together, (one.dealt, other.dealt), area_m2)
    agree = min(together.max(axis=0).sum(), together.max(axis=1).sum()) / together.sum()
    return bool(1.0 - agree < _UNLIKE)
