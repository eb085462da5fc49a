"""Proposals for one community: from its blocks to edits that a draft takes. Imports ``choosing``, ``dividing``.

A proposal is an ordinary ``redraw_area``: trying one is seamless, nested, replayed and undone like any edit, and
one that the rules refuse is not proposed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.errors import GridMapError, InvalidInput
from gridmap.redraw.edits import RedrawArea, parse
from gridmap.redraw.metres import metric
from gridmap.redraw.patch import joined
from gridmap.redraw.plan import Plan
from gridmap.redraw.principles.along import Segments
from gridmap.redraw.proposing.blocks import Blocks, blocks_of, free_cells, weight_in
from gridmap.redraw.proposing.choosing import Candidate, chosen
from gridmap.redraw.proposing.dividing import Aim, check_parts, divided
from gridmap.redraw.proposing.figures import Figures, figures_of_cells, figures_of_parts
from gridmap.redraw.proposing.graph import Graph
from gridmap.redraw.state import Households
from gridmap.redraw.streets import Streets

# Blocks heavier than this share of a cell are cut: with two or three to a cell nothing balances.
_HEAVIEST = 0.5
# A proposed cell that has this much in common with one that is there is that one, with a boundary moved.
_SAME = 0.9
# Of the numbers of cells that a band allows so many are tried.
_MOST_COUNTS = 4
STARTS = 4


@dataclass(frozen=True)
class Terrain:
    """What divisions are made on: lines to cut along, as shapes and as segments in metres, and what is weighed."""

    lines: Streets
    segments: Segments | None
    weights: Households


@dataclass(frozen=True)
class Wish:
    """What is asked of a division. ``parts`` None: as many as the band asks for. ``locked`` cells stay."""

    band: tuple[float, float]
    parts: int | None = None
    locked: Collection[str] = ()
    count: int = 4
    seed: int = 1


@dataclass(frozen=True)
class Division:
    """A community divided: why it is proposed, its figures, its polygons, the codes that they keep, and the edit.

    Locked cells come last, with their codes.
    """

    community: str
    why: str
    figures: Figures
    shapes: tuple[BaseGeometry, ...]
    codes: tuple[str | None, ...]
    edit: dict[str, Any]

    @property
    def drawn(self) -> tuple[BaseGeometry, ...]:
        """The polygons without those of locked cells."""
        return self.shapes[: self.figures.cells]


@dataclass(frozen=True)
class Divisions:
    """The proposals for a community, beside the figures of the cells that it has now."""

    community: str
    present: Figures
    blocks: int
    found: tuple[Division, ...]


def divisions(plan: Plan, community: str, terrain: Terrain, wish: Wish) -> Divisions:
    """Proposals for a community as a plan has it.

    InvalidInput when it cannot be divided as wished: no weight known, too many or too few parts, locked cells of
    another community.
    """
    state, city = plan.state, plan.base.city
    free = free_cells(state, community, wish.locked)
    before = [state.cell(code).shape for code in free]
    weight = weight_in(np.array(before, object), terrain.weights)
    if not weight.sum():
        raise InvalidInput("area", community, "has nothing known to be balanced: no weight of any building")
    counts = _counts(float(weight.sum()), len(free), wish)
    heaviest = _HEAVIEST * float(weight.sum()) / max(counts)
    blocks = blocks_of(state, community, wish.locked, terrain.lines, terrain.weights, heaviest)
    graph = Graph.of(blocks, terrain.segments, city.metric_crs)
    counts = _possible(graph, counts, wish)
    present = figures_of_cells(before, weight, before, wish.band, terrain.segments, city.metric_crs)
    lines = terrain.segments is not None
    candidates = [
        Candidate(dealt, figures_of_parts(graph, dealt, *wish.band, lines=lines))
        for parts in counts
        for dealt in divided(graph, Aim(parts, *wish.band), STARTS, wish.seed)
    ]
    made: dict[int, Division] = {}

    def accepted(candidate: Candidate) -> bool:
        division = _made(plan, blocks, candidate, wish)
        try:
            plan.apply(parse(division.edit))
        except GridMapError:
            return False  # such as a cell that would touch itself: the rules of edits decide
        made[id(candidate)] = division
        return True

    picked = chosen(candidates, present, graph.area_m2, wish.count, accepted)
    found = tuple(replace(made[id(one.candidate)], why=one.why) for one in picked)
    return Divisions(community, present, graph.count, found)


def _counts(total: float, now: int, wish: Wish) -> list[int]:
    """How many cells are tried: what is asked for, or numbers for which the mean is in the band, today's first."""
    if wish.parts is not None:
        return [wish.parts]
    least, most = max(1, math.ceil(total / wish.band[1])), max(1, math.floor(total / wish.band[0]))
    if least > most:
        return [least]
    even = np.linspace(least, most, _MOST_COUNTS).round().astype(int).tolist()
    wanted = [*([now] if least <= now <= most else []), *even]
    return sorted(dict.fromkeys(wanted))[: _MOST_COUNTS + 1]


def _possible(graph: Graph, counts: Sequence[int], wish: Wish) -> list[int]:
    """The counts that the blocks allow; InvalidInput when the one asked for is not, or none is."""
    if wish.parts is not None:
        check_parts(graph, wish.parts)
    found = [each for each in counts if len(graph.components) <= each <= graph.count]
    if not found:
        check_parts(graph, counts[0])
    return found


def _made(plan: Plan, blocks: Blocks, candidate: Candidate, wish: Wish) -> Division:
    """The polygons of a candidate and its edit; cells that are nearly there keep their codes."""
    parts = range(int(candidate.dealt.max()) + 1)
    shapes = [joined(list(blocks.shapes[candidate.dealt == each])) for each in parts]
    flat = metric(np.array(shapes, object), plan.base.city.metric_crs)
    overlap = np.zeros((len(shapes), len(blocks.old)))
    np.add.at(overlap, candidate.dealt, blocks.overlap_m2)
    codes = _kept(shapely.area(flat), overlap, blocks.old)
    cells = []
    for shape, code, own in zip(shapes, codes, overlap, strict=True):
        mostly = plan.state.cell(blocks.old[int(np.argmax(own))])
        named: dict[str, Any] = {"code": code} if code is not None else {"kind": mostly.kind}
        if code is None and mostly.services:
            named["services"] = list(mostly.services)
        cells.append({"geometry": shapely.geometry.mapping(shape), **named})
    locked = sorted(wish.locked)
    held = [plan.state.cell(code).shape for code in locked]
    cells += [
        {"geometry": shapely.geometry.mapping(shape), "code": code}
        for shape, code in zip(held, locked, strict=True)
    ]
    edit = {"op": RedrawArea.op, "crs": "wgs84", "area": blocks.community, "snap_m": 0.0, "cells": cells}
    return Division(blocks.community, "", candidate.figures, (*shapes, *held), (*codes, *locked), edit)


def _kept(area_m2: np.ndarray, overlap: np.ndarray, old: Sequence[str]) -> list[str | None]:
    """By part the code that it keeps: that of the cell with which its Jaccard index is at least ``_SAME``."""
    whole = overlap.sum(axis=0)
    jaccard = overlap / (area_m2[:, None] + whole[None, :] - overlap)
    return [old[int(np.argmax(row))] if row.max() >= _SAME else None for row in jaccard]
