"""Is a file in the crs that its description names? Evidence for every candidate, before anything is stored.

Pure: arrays in, a verdict out. Imports ``coverage``, ``crs`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gridmap.coverage.index import CoverageIndex
from gridmap.crs import Floats, from_wgs84, is_degrees, to_wgs84
from gridmap.errors import InvalidInput, LoadRefused

# With fewer points than this the check warns and never stops.
ENOUGH_POINTS = 1_000
# What is looked at of a longer sample: beyond it the figures do not change.
_MOST_POINTS = 20_000
_SEED = 20_261_122

# Stated cells or places decide when so many rows state one, in so many different cells.
_ENOUGH_STATED, _ENOUGH_STATED_CELLS = 100, 5
_AGREES_WITHIN_M = 100.0

# A side of the squares on which buildings and points meet, and how far the comparison shifts go.
_SQUARE_M = 12.0
_SHIFTS = 96
_SHIFT_FROM_M, _SHIFT_TO_M = 90.0, 420.0
# A crs stands out when so many standard deviations more points lie at buildings than under shifts of the same
# points, and at least this much of a share more; points on fewer different squares say nothing.
_STANDS_OUT, _LEAST_GAIN, _ENOUGH_SQUARES = 8.0, 0.02, 200
# From so many on, but fewer than it takes to stop, the check warns.
_LOOKS_ODD = 5.0
# Candidates that move the points farther than this are told apart by the city's outline alone.
_FAR_M, _SAME_M = 20_000.0, 5.0

Judgement = Literal["ok", "warn", "stop"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one candidate; None where it was not measured.

    ``inside``: share of points in the city. ``agrees``: share of the stated cells or places that fit.
    ``at_buildings``: share of points at a building; ``by_chance``: the same share under shifts of a few hundred
    metres; ``stands_out``: their difference in standard deviations of the shifts.
    """

    crs: str
    swapped: bool
    inside: float
    agrees: float | None = None
    at_buildings: float | None = None
    by_chance: float | None = None
    stands_out: float | None = None

    @property
    def name(self) -> str:
        """The crs as a user would name it."""
        return f"{self.crs} with x and y swapped" if self.swapped else self.crs


@dataclass(frozen=True)
class Verdict:
    """``ok``, ``warn`` or ``stop``, with the evidence (the described crs first) and a text that shows it."""

    judgement: Judgement
    points: int
    evidence: tuple[Evidence, ...]
    message: str


class BuildingSquares:
    """Where the city's buildings stand: squares of 12 m in its metric crs that hold one or touch one that does."""

    def __init__(self, lon: Floats, lat: Floats, metric_crs: str) -> None:
        self.metric_crs = metric_crs
        column, row = self._squares(*from_wgs84(metric_crs, lon, lat))
        around = [_key(column + east, row + north) for east in (-1, 0, 1) for north in (-1, 0, 1)]
        keys = np.sort(np.concatenate(around))  # numpy's unique hashes integers, ten times as slow here
        self._keys = keys[np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))]

    def __len__(self) -> int:
        return len(self._keys)

    def _squares(self, x: Floats, y: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        good = np.isfinite(x) & np.isfinite(y)
        return np.floor(x[good] / _SQUARE_M).astype(np.int64), np.floor(y[good] / _SQUARE_M).astype(np.int64)

    def one_a_square(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """The points in metres, one of each square: a thousand calls about one house are one piece of evidence."""
        x, y = from_wgs84(self.metric_crs, lon, lat)
        good = np.isfinite(x) & np.isfinite(y)
        x, y = x[good], y[good]
        _, first = np.unique(_key(*self._squares(x, y)), return_index=True)
        return x[first], y[first]

    def share(self, x: Floats, y: Floats) -> float:
        """The share of points, in metres, that lie in one of the squares."""
        keys = _key(*self._squares(x, y))
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return float(np.mean(self._keys[at] == keys))


def _key(column: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
    return (column << 32) + row


def judge(
    given_crs: str,
    x: Floats,
    y: Floats,
    index: CoverageIndex,
    buildings: BuildingSquares | None,
    *,
    operation: str | None = None,
    stated: NDArray[np.int32] | None = None,
    stated_places: tuple[Floats, Floats] | None = None,
) -> Verdict:
    """Judge n points as a file gives them, of which NaN and infinity are left out.

    ``stated``: for each row the position in ``index`` of the cell that it states, -1 where it states none that is
    known. ``stated_places``: lon, lat of the address or building that each row names, NaN where none is known.
    """
    usable = np.isfinite(x) & np.isfinite(y)
    rows = np.flatnonzero(usable)
    points = len(rows)
    if points > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(_SEED).choice(rows, _MOST_POINTS, replace=False))
    sample = _Sample(
        x[rows],
        y[rows],
        None if stated is None else stated[rows],
        None if stated_places is None else (stated_places[0][rows], stated_places[1][rows]),
    )
    if not points:
        return Verdict("ok", 0, (), "no row has coordinates: the crs is not measured")
    given = _measure(_Candidate(given_crs, swapped=False, operation=operation), sample, index)
    others = [_measure(one, sample, index) for one in _candidates(given_crs, index)]
    found = [given, *(one for one in others if one is not None)] if given is not None else []
    if not found:
        raise InvalidInput("crs", given_crs, "cannot be converted to WGS 84")
    found = _distinct([one for one in found if one is not None])
    if buildings is not None and len(buildings):
        found = [_with_buildings(one, found[0], buildings) for one in found]
    return _verdict(points, [one.evidence for one in found], measured=buildings is not None and len(buildings) > 0)


def refuse_wrong_crs(verdict: Verdict, file: str) -> None:
    """LoadRefused with the evidence when the verdict is ``stop``."""
    if verdict.judgement == "stop":
        raise LoadRefused(f"{file}: {verdict.message}")


@dataclass(frozen=True)
class _Candidate:
    crs: str
    swapped: bool
    operation: str | None = None


@dataclass(frozen=True)
class _Sample:
    x: Floats
    y: Floats
    stated: NDArray[np.int32] | None
    places: tuple[Floats, Floats] | None


@dataclass(frozen=True)
class _Measured:
    """A candidate's points in WGS 84 and what speaks for it."""

    lon: Floats
    lat: Floats
    evidence: Evidence


def _candidates(given_crs: str, index: CoverageIndex) -> list[_Candidate]:
    """What files of a city like this come in: the named ones, its metric crs, UTM, Web Mercator, Gauss-Krueger."""
    west, south, east, north = index.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    zone = int((lon + 180.0) // 6.0) + 1
    names = ["wgs84", index.metric_crs, "EPSG:3857", f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"]
    if 73.5 <= lon <= 136.5 and 15.0 <= lat <= 54.0:
        middle = round(lon / 3.0)  # 3-degree zones by number; CGCS2000 with and without the number in x
        names[1:1] = ["gcj02", "bd09"]
        for number in (middle - 1, middle, middle + 1):
            names += [f"EPSG:{4534 + number - 25}", f"EPSG:{4513 + number - 25}"]
    same = {"cgcs2000": "wgs84", "EPSG:4326": "wgs84", "EPSG:4490": "wgs84"}
    names = [name for name in dict.fromkeys(names) if name != same.get(given_crs, given_crs)]
    return [
        *(_Candidate(name, swapped=False) for name in names),
        *(_Candidate(name, swapped=True) for name in (given_crs, *names)),
    ]


def _measure(candidate: _Candidate, sample: _Sample, index: CoverageIndex) -> _Measured | None:
    """None when the crs has no grid-free way to WGS 84."""
    x, y = (sample.y, sample.x) if candidate.swapped else (sample.x, sample.y)
    if is_degrees(candidate.crs):  # out of range: a conversion would make something of it
        far = (np.abs(x) > 180.0) | (np.abs(y) > 90.0)
        x, y = np.where(far, np.nan, x), np.where(far, np.nan, y)
    try:
        lon, lat = to_wgs84(candidate.crs, x, y, candidate.operation)
    except InvalidInput:
        return None
    west, south, east, north = index.bounds
    near = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
    positions = np.full(len(lon), -1, np.int32)
    positions[near] = index.locate_many(lon[near], lat[near])[0]
    evidence = Evidence(
        candidate.crs, candidate.swapped, float(np.mean(positions >= 0)), _agreement(sample, positions, lon, lat)
    )
    return _Measured(lon, lat, evidence)


def _agreement(sample: _Sample, positions: NDArray[np.int32], lon: Floats, lat: Floats) -> float | None:
    """The share of rows in the cell that they state, or else within 100 m of the place that they name."""
    if sample.stated is not None:
        known = sample.stated >= 0
        if known.sum() >= _ENOUGH_STATED and len(np.unique(sample.stated[known])) >= _ENOUGH_STATED_CELLS:
            return float(np.mean(positions[known] == sample.stated[known]))
    if sample.places is not None:
        known = np.isfinite(sample.places[0])
        squares = np.unique(np.round(np.column_stack(sample.places)[known], 3), axis=0)
        if known.sum() >= _ENOUGH_STATED and len(squares) >= _ENOUGH_STATED_CELLS:
            return float(np.mean(_metres(sample.places, (lon, lat))[known] <= _AGREES_WITHIN_M))
    return None


def _metres(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
    """Distances that are good enough to tell metres from hundreds of metres; infinite where one is unknown."""
    one, other = (_finite(one), _finite(other))
    north = (one[1] - other[1]) * 111_195.0
    east = (one[0] - other[0]) * 111_195.0 * np.cos(np.radians(other[1]))
    return np.nan_to_num(np.hypot(east, north), nan=np.inf)


def _finite(pair: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """The pair with NaN for what PROJ could not convert, which is infinite."""
    good = np.isfinite(pair[0]) & np.isfinite(pair[1])
    return np.where(good, pair[0], np.nan), np.where(good, pair[1], np.nan)


def _distinct(found: Sequence[_Measured]) -> list[_Measured]:
    """Without candidates that put the points where the described crs, or one before them, puts them too."""
    kept: list[_Measured] = []
    for one in found:
        if not any(_apart_m(one, other) < _SAME_M for other in kept):
            kept.append(one)
    return kept


def _apart_m(one: _Measured, other: _Measured) -> float:
    """Half of the points lie farther apart than this; some hundred tell as much as all."""
    some = slice(None, None, max(1, len(one.lon) // 500))
    return float(np.median(_metres((one.lon[some], one.lat[some]), (other.lon[some], other.lat[some]))))


def _with_buildings(one: _Measured, given: _Measured, buildings: BuildingSquares) -> _Measured:
    """Add how the points meet the buildings, beside the same pattern shifted: whatever makes points cluster, the
    shifted ones cluster as much, so that only a crs that fits stands out."""
    far = one is not given and _apart_m(one, given) > _FAR_M
    x, y = buildings.one_a_square(one.lon, one.lat)
    if far or len(x) < _ENOUGH_SQUARES:
        return one
    rng = np.random.default_rng(_SEED)
    angle = rng.uniform(0.0, 2.0 * np.pi, _SHIFTS)
    reach = rng.uniform(_SHIFT_FROM_M, _SHIFT_TO_M, _SHIFTS)
    shifted = [
        buildings.share(x + east, y + north)
        for east, north in zip(reach * np.cos(angle), reach * np.sin(angle), strict=True)
    ]
    share, chance = buildings.share(x, y), float(np.mean(shifted))
    # One point more or less must not count as many deviations.
    spread = max(float(np.std(shifted, ddof=1)), 1.0 / len(x))
    told = one.evidence
    evidence = Evidence(told.crs, told.swapped, told.inside, told.agrees, share, chance, (share - chance) / spread)
    return _Measured(one.lon, one.lat, evidence)


def _verdict(points: int, evidence: Sequence[Evidence], *, measured: bool) -> Verdict:
    given = evidence[0]
    better = _better(given, evidence[1:])
    shown = (given, *sorted((one for one in evidence[1:] if one.inside > 0 or one is better), key=_worth)[:5])
    if better is None:
        said = "nothing speaks against the crs that the description names"
        if not measured and given.agrees is None:
            said += " (not measured: the city has no buildings, and no row states a known cell)"
        return Verdict("ok", points, shown, f"{said}\n{_table(shown)}")
    said = (
        f"the coordinates do not look like {given.name} as described but like {better.name}; change crs (or the "
        f"columns) in the description, or load with --trust-crs if they are right\n{_table(shown)}"
    )
    if points < ENOUGH_POINTS:
        return Verdict("warn", points, shown, f"with {points:,} points this is a warning only: {said}")
    if better.stands_out is not None and better.stands_out < _STANDS_OUT and better.agrees is None:
        return Verdict("warn", points, shown, f"this is a warning only, since the evidence is thin: {said}")
    return Verdict("stop", points, shown, said)


def _worth(one: Evidence) -> tuple[float, float, float]:
    return (-(one.agrees or 0.0), -(one.stands_out or 0.0), -one.inside)


def _better(given: Evidence, others: Sequence[Evidence]) -> Evidence | None:
    """The candidate that explains the points where the described crs does not, or None."""
    if given.agrees is not None:
        best = max(others, key=lambda one: one.agrees or 0.0)
        if given.agrees >= 0.5 or (best.agrees or 0.0) < max(given.agrees + 0.25, 2.0 * given.agrees):
            return None
        return best
    best = max(others, key=lambda one: (one.inside > 0.5, one.stands_out or 0.0, one.inside))
    if given.inside < 0.02 and best.inside > 0.5 and best.stands_out is None:
        return best
    fits = [one for one in others if _fits(one)]
    if not fits:
        return None
    best = max(fits, key=lambda one: one.stands_out or 0.0)
    stands_out = given.stands_out if given.stands_out is not None else 0.0
    return best if stands_out < (best.stands_out or 0.0) / 3.0 else None


def _fits(one: Evidence) -> bool:
    if one.stands_out is None or one.at_buildings is None or one.by_chance is None:
        return False
    return one.stands_out >= _LOOKS_ODD and one.at_buildings - one.by_chance >= _LEAST_GAIN


def _table(evidence: Sequence[Evidence]) -> str:
    """One line a candidate, the described one first."""

    def share(value: float | None) -> str:
        return "not measured" if value is None else f"{value:.1%}"

    lines = []
    for one in evidence:
        line = f"  {one.name}: in the city {share(one.inside)}"
        if one.agrees is not None:
            line += f", in the stated cell or place {share(one.agrees)}"
        line += f", at a building {share(one.at_buildings)}"
        if one.stands_out is not None:
            line += f" (by chance {share(one.by_chance)}: {one.stands_out:.1f} deviations)"
        lines.append(line)
    return "\n".join(lines)
