"""The certificate: what must hold of a draft before it is published, as plain checks in one tuple. Pure.

Imports ``change``, ``draft``, ``coverage`` and ``model``. A check looks at what the draft touches: that the rest
is sound follows from the revision before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely

from gridmap.coverage.grid import Grid
from gridmap.coverage.index import OUTSIDE
from gridmap.crs import Floats
from gridmap.model import WAIVABLE, City
from gridmap.redraw.change import GridChange, Redrawn
from gridmap.redraw.draft import Waiver

PASS, FAIL, WAIVED, NOT_MEASURED = "pass", "fail", "waived", "not measured"
WHEN_PUBLISHED = "checked when published"
_RESULTS = {True: PASS, False: FAIL, None: NOT_MEASURED}
MOST_OFFENDERS = 50


@dataclass(frozen=True, slots=True)
class Offender:
    """What is wrong where: a code, and a point (lon, lat) where there is one."""

    code: str
    what: str
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``holds`` is None when there is nothing to measure it by, or not yet (``later``)."""

    holds: bool | None
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict)
    offenders: tuple[Offender, ...] = ()
    later: bool = False


@dataclass(frozen=True)
class Points:
    """n points that stand in cells that change: elements, incidents and addresses, none of them named."""

    lon: Floats
    lat: Floats


@dataclass(frozen=True)
class Case:
    """A draft's change of a grid, with what is known of the places that it changes.

    ``after`` is None when the change is refused as a whole, and ``refused`` says why. ``issued``: the new codes
    that a cell or area had before. ``unstaffed``: new cells that get no post;
    ``posts_refused``: why posts cannot go where the draft says. ``persons``: a digest of the person
    elements that stand there before, and when all is written (None: nothing is yet). ``measures``: what the
    principles found, by check.
    """

    before: Grid
    change: GridChange
    city: City
    after: Redrawn | None
    refused: str | None = None
    points: Points | None = None
    issued: Mapping[str, int | None] = field(default_factory=dict)
    unstaffed: tuple[str, ...] = ()
    posts_refused: str | None = None
    persons: tuple[str, str | None] = ("", None)
    measures: Mapping[str, Finding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: whether a person may waive it, and how it is computed."""

    key: str
    waivable: bool
    compute: Callable[[Case], Finding]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check: ``pass``, ``fail``, ``waived``, ``not measured``, ``checked when published``.

    ``waiver``: who waived it.
    """

    key: str
    result: str
    finding: Finding
    waiver: Waiver | None = None


@dataclass(frozen=True)
class Certificate:
    """All results. It passes when none of them fails; a measure that there is no data for does not fail."""

    results: tuple[Result, ...]

    @property
    def passed(self) -> bool:
        """Whether the draft may be published."""
        return all(result.result != FAIL for result in self.results)

    @property
    def failures(self) -> list[str]:
        """The checks that fail, by key."""
        return [result.key for result in self.results if result.result == FAIL]


def certify(case: Case, waivers: Sequence[Waiver]) -> Certificate:
    """Run all checks. A waiver counts for a check that fails and may be waived."""
    by_check = {waiver.what: waiver for waiver in waivers}
    results = []
    for check in CHECKS:
        finding = check.compute(case)
        waiver = by_check.get(check.key) if check.waivable and finding.holds is False else None
        result = WHEN_PUBLISHED if finding.later else WAIVED if waiver is not None else _RESULTS[finding.holds]
        results.append(Result(check.key, result, finding, waiver))
    return Certificate(tuple(results))


def settled(certificate: Certificate, case: Case) -> Certificate:
    """The certificate with those checks run for which it was too early; none of them may be waived."""
    due = {check.key: check.compute for check in CHECKS if not check.waivable}
    results = []
    for each in certificate.results:
        if each.finding.later:
            finding = due[each.key](case)
            results.append(Result(each.key, WHEN_PUBLISHED if finding.later else _RESULTS[finding.holds], finding))
        else:
            results.append(each)
    return Certificate(tuple(results))


def coverage(case: Case) -> Finding:
    """The cells that change and those around them share their edges vertex by vertex: no gap, no overlap."""
    if case.after is None:
        return Finding(False, {"refused": case.refused})
    index = case.after.grid.index
    if not len(case.after.drawn):
        return Finding(True, {"cells": 0})
    drawn = index.degrees[case.after.drawn]
    near = np.unique(shapely.STRtree(index.degrees).query(drawn, predicate="intersects")[1])
    shapes = index.degrees[near]
    faults = shapely.coverage_invalid_edges(shapes)
    offenders = [
        Offender(case.after.grid.cells[at].code, "edges are not those of its neighbours", _point(fault))
        for at, fault in zip(near.tolist(), faults, strict=True)
        if not shapely.is_empty(fault)
    ]
    offenders += [
        Offender(case.after.grid.cells[at].code, shapely.is_valid_reason(shape), None)
        for at, shape in zip(near.tolist(), shapes, strict=True)
        if not shapely.is_valid(shape)
    ]
    return Finding(not offenders, {"cells": len(near)}, tuple(offenders[:MOST_OFFENDERS]))


def outer_line(case: Case) -> Finding:
    """What the changed cells cover is the same point set before and after, in stored coordinates."""
    before = case.before.index.degrees
    gone = [case.before.by_code[code] for code in _gone(case)]
    was = shapely.coverage_union_all(before[gone])
    now = shapely.coverage_union_all([cell.shape for cell in case.change.drawn.values()])
    if (not gone and not case.change.drawn) or shapely.equals(was, now):
        return Finding(True)
    apart = shapely.symmetric_difference(was, now)
    return Finding(False, {}, (Offender("", "is covered only before, or only after", _point(apart)),))


def nested(case: Case) -> Finding:
    """Each cell that changes is in an area of the lowest level, each area in one above; its code says so.

    Where there are outlines of communities from outside, no cell crosses one that it did not cross before.
    """
    areas = {code: area for code, area in case.before.areas.items() if code not in case.change.areas_ended}
    areas |= case.change.areas_drawn
    offenders = []
    for code, cell in case.change.drawn.items():
        community = areas.get(cell.community)
        if community is None or community.level != case.city.lowest_level:
            offenders.append(
                Offender(code, f"{cell.community} is no {case.city.lowest_level}", _inner(cell.shape))
            )
        elif "{community}" in case.city.code_pattern and not code.startswith(cell.community):
            offenders.append(Offender(code, f"its code does not begin with {cell.community}", _inner(cell.shape)))
    for code, area in case.change.areas_drawn.items():
        if area.parent is not None and area.parent not in areas:
            offenders.append(Offender(code, f"{area.parent} is no area", None))
    outlines = case.measures.get("nested", Finding(True))
    offenders += outlines.offenders
    figures = {"cells": len(case.change.drawn), **outlines.figures}
    return Finding(not offenders, figures, tuple(offenders[:MOST_OFFENDERS]))


def exactly_one(case: Case) -> Finding:
    """Every address, element and incident that stands there is in one cell after, and none newly outside."""
    if case.after is None or case.points is None:
        return Finding(False, {"refused": case.refused})
    lon, lat = case.points.lon, case.points.lat
    was, _ = case.before.index.locate_many(lon, lat)
    now, _ = case.after.grid.index.locate_many(lon, lat)
    lost = np.flatnonzero((was != OUTSIDE) & (now == OUTSIDE))
    # places of people are shown to nobody: the cell says enough
    cells = sorted({case.before.cells[at].code for at in was[lost].tolist()})
    offenders = tuple(Offender(code, "what stands there would be in no cell") for code in cells[:MOST_OFFENDERS])
    return Finding(not len(lost), {"newly_outside": len(lost)}, offenders)


def codes(case: Case) -> Finding:
    """No code that a cell or an area ever had is given out again."""
    offenders = tuple(
        Offender(code, "is in use" if last is None else f"was in use until revision {last}")
        for code, last in sorted(case.issued.items())
    )
    new = [code for code in case.change.drawn if code not in case.before.by_code]
    return Finding(not offenders, {"new": len(new)}, offenders)


def person_data(case: Case) -> Finding:
    """The person elements that stand there are, column by column, what they were: only their cell may change.

    Only publishing writes, so only then there is something to compare; before, it is said to be yet to come.
    """
    before, now = case.persons
    return Finding(None, later=True) if now is None else Finding(before == now)


def staffed(case: Case) -> Finding:
    """Every new cell has a post, or it is said to be unstaffed: by a waiver with a name and a reason."""
    shapes = case.change.drawn
    offenders = tuple(
        Offender(code, "has no post", _inner(shapes[code].shape) if code in shapes else None)
        for code in case.unstaffed[:MOST_OFFENDERS]
    )
    return Finding(not case.unstaffed, {"unstaffed": len(case.unstaffed)}, offenders)


def posts(case: Case) -> Finding:
    """Where the draft says that posts go they can go: what it names is there, and of the same level."""
    refused = case.posts_refused
    return Finding(True) if refused is None else Finding(False, {"refused": refused})


def _measured(key: str) -> Callable[[Case], Finding]:
    def compute(case: Case) -> Finding:
        return case.measures.get(key, Finding(None))

    return compute


CHECKS: tuple[Check, ...] = (
    Check("coverage", False, coverage),
    Check("nested", False, nested),
    Check("outer_line", False, outer_line),
    Check("exactly_one", False, exactly_one),
    Check("codes", False, codes),
    Check("person_data", False, person_data),
    Check("posts", False, posts),
    Check("staffed", True, staffed),
    Check("size_band", True, _measured("size_band")),
    Check("street_share", True, _measured("street_share")),
)
assert {check.key for check in CHECKS if check.waivable} == set(WAIVABLE)


def _gone(case: Case) -> list[str]:
    return sorted({*case.change.ended, *case.change.drawn} & case.before.by_code.keys())


def _point(shape: shapely.Geometry) -> tuple[float, float] | None:
    found = shapely.get_coordinates(shape)
    return (float(found[0][0]), float(found[0][1])) if len(found) else None


def _inner(shape: shapely.Geometry) -> tuple[float, float]:
    point = shapely.point_on_surface(shape)
    return (float(point.x), float(point.y))
