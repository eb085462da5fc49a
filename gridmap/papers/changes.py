"""What became of which cells between two states of a map, in steps, and what of it may be told. Pure.

Imports ``parts`` and ``model``. Households are told as long as no number
from 1 to k - 1 can be seen or worked out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats, from_wgs84
from gridmap.model import Area, Cell
from gridmap.papers.parts import MapPart
from gridmap.shapes import Geometries

# A piece that is a smaller share of both its cells is rounding.
_LEAST_SHARE = 1e-7

Households = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Piece:
    """What an old cell gave a new one: m², share of the old cell; households and their share, None: not told."""

    old: str
    new: str
    area_m2: float
    area_share: float
    households: int | None
    household_share: float | None


@dataclass(frozen=True, slots=True)
class Renamed:
    """An attribute of a cell or an area that became another one, as text."""

    code: str
    attribute: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Step:
    """Cells that became one another: ``split``, ``merged``, ``moved``, ``recoded``, ``redrawn`` or ``renamed``.

    ``told`` says whether households of the step are told. ``before`` and ``after`` are households by code, None
    where not told or not counted.
    """

    kind: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    pieces: tuple[Piece, ...]
    renamed: tuple[Renamed, ...]
    told: bool
    before: Mapping[str, int | None]
    after: Mapping[str, int | None]


@dataclass(frozen=True)
class Change:
    """All steps, by their first old code, and what became of areas; ``counted``: households are known at all."""

    steps: tuple[Step, ...]
    areas_begun: tuple[Area, ...]
    areas_ended: tuple[Area, ...]
    areas_renamed: tuple[Renamed, ...]
    counted: bool

    @property
    def old(self) -> list[str]:
        """Codes of the cells that change or end."""
        return [code for step in self.steps for code in step.old]

    @property
    def new(self) -> list[str]:
        """Codes of the cells that change or begin."""
        return [code for step in self.steps for code in step.new]


def change_between(
    before: MapPart, after: MapPart, households: Households | None, least: int, metric_crs: str
) -> Change:
    """The steps from one state of a part of the map to another.

    ``households``: old code, new code -> households in their common piece, of all cells that change; ``least`` is
    the smallest number but 0 that may be told.
    """
    differing = sorted(
        {code for code in before.at.keys() | after.at.keys() if _differs(before, after, code)}, key=str.encode
    )
    old = [code for code in differing if code in before.at]
    new = [code for code in differing if code in after.at]
    areas = _pieces(before, after, old, new, metric_crs)
    steps = [
        _step(before, after, group_old, group_new, areas, households, least)
        for group_old, group_new in _groups(old, new, areas)
    ]
    begun = [area for code, area in after.areas.items() if code not in before.areas]
    ended = [area for code, area in before.areas.items() if code not in after.areas]
    return Change(
        tuple(sorted(steps, key=lambda step: step.old or step.new)),
        tuple(sorted(begun, key=lambda area: area.code)),
        tuple(sorted(ended, key=lambda area: area.code)),
        tuple(_areas_renamed(before, after)),
        households is not None,
    )


def _differs(before: MapPart, after: MapPart, code: str) -> bool:
    """Whether a cell is another one; a new vertex on a straight edge makes it none."""
    if code not in before.at or code not in after.at:
        return True
    if _renamed(before.cell(code), after.cell(code)):
        return True
    return not _same_ground(before.shape(code), after.shape(code))


def _same_ground(was: BaseGeometry, now: BaseGeometry) -> bool:
    """Whether two polygons are one but for rounding: a vertex put into an edge may lie a digit beside it."""
    if shapely.equals_identical(was, now):
        return True
    return bool(shapely.symmetric_difference(was, now).area <= _LEAST_SHARE * was.area)


def _pieces(
    before: MapPart, after: MapPart, old: Sequence[str], new: Sequence[str], metric_crs: str
) -> dict[tuple[str, str], tuple[float, float]]:
    """(old, new) -> m² that they have in common, and its share of the old one."""
    if not old or not new:
        return {}
    was = metric([before.shape(code) for code in old], metric_crs)
    now = metric([after.shape(code) for code in new], metric_crs)
    first, second = shapely.STRtree(now).query(was, predicate="intersects")
    common = shapely.area(shapely.intersection(was[first], now[second]))
    shares, of_new = common / shapely.area(was[first]), common / shapely.area(now[second])
    return {
        (old[i], new[j]): (float(area), min(1.0, float(share)))
        for i, j, area, share, other in zip(first, second, common, shares, of_new, strict=True)
        if max(share, other) > _LEAST_SHARE
    }


def metric(shapes: Sequence[object], metric_crs: str) -> Geometries:
    """Polygons in metres."""

    def convert(pairs: Floats) -> Floats:
        return np.column_stack(from_wgs84(metric_crs, pairs[:, 0], pairs[:, 1]))

    given = np.empty(len(shapes), object)
    given[:] = shapes
    converted: Geometries = shapely.transform(given, convert)
    return converted


def _groups(
    old: Sequence[str], new: Sequence[str], pieces: Mapping[tuple[str, str], object]
) -> list[tuple[list[str], list[str]]]:
    """Old and new cells that hang together by pieces."""
    parent = {("old", code): ("old", code) for code in old} | {("new", code): ("new", code) for code in new}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while parent[node] != node:
            node = parent[node]
        return node

    for one, other in pieces:
        parent[root(("old", one))] = root(("new", other))
    groups: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for node in parent:
        side, code = node
        groups.setdefault(root(node), ([], []))[side == "new"].append(code)
    return list(groups.values())


def _step(
    before: MapPart,
    after: MapPart,
    old: list[str],
    new: list[str],
    areas: Mapping[tuple[str, str], tuple[float, float]],
    households: Households | None,
    least: int,
) -> Step:
    pairs = sorted(pair for pair in areas if pair[0] in old and pair[1] in new)
    renamed = tuple(
        each for code in old if code in after.at for each in _renamed(before.cell(code), after.cell(code))
    )
    counts: Counter[tuple[str, str]] = Counter()
    for (one, other), number in (households or {}).items():
        if one in old and other in new:
            counts[one, other] += number
    was = {code: sum(counts[pair] for pair in counts if pair[0] == code) for code in old}
    now = {code: sum(counts[pair] for pair in counts if pair[1] == code) for code in new}
    told = households is not None and not any(
        0 < number < least for number in (*counts.values(), *was.values(), *now.values())
    )
    return Step(
        kind=_kind(before, after, old, new),
        old=tuple(old),
        new=tuple(new),
        pieces=tuple(
            Piece(
                *pair,
                *areas[pair],
                counts[pair] if told else None,
                counts[pair] / was[pair[0]] if told and was[pair[0]] else None,
            )
            for pair in pairs
        ),
        renamed=renamed,
        told=told,
        # what was there before is no secret of the step's, as long as it is not few by itself
        before={
            code: number if households is not None and not 0 < number < least else None
            for code, number in was.items()
        },
        after={code: number if told else None for code, number in now.items()},
    )


def _kind(before: MapPart, after: MapPart, old: Sequence[str], new: Sequence[str]) -> str:
    if set(old) == set(new):
        same = all(_same_ground(before.shape(code), after.shape(code)) for code in old)
        return "renamed" if same else "moved"
    if len(old) == 1 and len(new) > 1:
        return "split"
    if len(new) == 1 and len(old) > 1:
        return "merged"
    if len(old) == len(new) == 1:
        return "recoded"
    return "redrawn"


def _renamed(was: Cell, now: Cell) -> list[Renamed]:
    pairs = {
        "name": (was.name, now.name),
        "kind": (was.kind, now.kind),
        "services": ("、".join(was.services), "、".join(now.services)),
        "community": (was.community, now.community),
    }
    return [Renamed(now.code, name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]]


def _areas_renamed(before: MapPart, after: MapPart) -> list[Renamed]:
    renamed = []
    for code in sorted(before.areas.keys() & after.areas.keys()):
        was, now = before.areas[code], after.areas[code]
        if was.name != now.name:
            renamed.append(Renamed(code, "name", was.name, now.name))
        if was.parent != now.parent:
            renamed.append(Renamed(code, "parent", was.parent or "", now.parent or ""))
    return renamed
