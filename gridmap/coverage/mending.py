"""Repair of a faulty partition: overlaps, gaps and slivers go, real enclaves stay, and every change is listed.

Pure: imports ``shapes`` and ``errors``. Coordinates are those of a plane; ``unit_m`` says how long its unit is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.shapes import Geometries

# A gap no wider than this is a fault of drawing; a wider one is kept and listed until somebody says what it is.
GAP_WIDTH_M = 1.0
# Vertices nearer to each other than this become one.
SNAP_M = 0.001

KINDS = ("made valid", "cut off", "overlap", "gap", "sliver", "snapped", "enclave", "undecided gap")


@dataclass(frozen=True, slots=True)
class Change:
    """What was done in one place.

    ``kind``: ``made valid`` (a polygon crossed itself), ``cut off`` (beyond the outline), ``overlap`` (two had
    it), ``gap`` (nobody had it), ``sliver`` (a thin part apart from its polygon), ``snapped`` (what moving
    vertices by less than the snapping distance added to or took from a polygon, all places in one).
    ``enclave`` and ``undecided gap`` are holes that stay. ``place`` is in the coordinates given; ``width_m``
    that of the largest circle in it.
    """

    kind: str
    area_m2: float
    width_m: float
    place: tuple[float, float]
    given_to: str | None
    taken_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mended:
    """The polygons, one for each given, as a valid coverage; and all that was done."""

    polygons: Geometries
    changes: tuple[Change, ...]

    def of(self, kind: str) -> list[Change]:
        """The changes of one kind, the largest first."""
        return sorted((each for each in self.changes if each.kind == kind), key=lambda each: -each.area_m2)


@dataclass(frozen=True)
class Rules:
    """How to mend. ``outline``: the land that is somebody's; ``enclaves``: points in holes that are nobody's.

    With an outline every gap in it is filled and every hole of it is an enclave; without, gaps up to
    ``gap_width_m`` are filled.
    """

    unit_m: float = 1.0
    gap_width_m: float = GAP_WIDTH_M
    snap_m: float = SNAP_M
    outline: BaseGeometry | None = None
    enclaves: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("unit_m", "gap_width_m", "snap_m"):
            if not 0 < getattr(self, name) < 1e6:
                raise InvalidInput(name, getattr(self, name), "must be above 0 and below 1,000,000")


def mend(polygons: Geometries, names: Sequence[str], rules: Rules | None = None) -> Mended:
    """Make n polygons (n,) a valid coverage without holes but enclaves.

    An overlap, a gap and a sliver go to the neighbour that has the longest border with it. InvalidInput for what
    is no polygon, for names that repeat and for an enclave's point that lies in no hole; RuleBroken when a polygon
    would vanish or no coverage comes of it.
    """
    return _Mending(polygons, names, rules or Rules()).run()


# What is to be joined to a polygon, as what it is listed, and the position of the polygon that it was part of.
_Piece = tuple[Polygon, str, int | None]


class _Mending:
    def __init__(self, polygons: Geometries, names: Sequence[str], rules: Rules) -> None:
        self.given: Geometries = shapely.force_2d(np.asarray(polygons, dtype=object))
        self.names = list(names)
        self.rules = rules
        self.changes: list[Change] = []
        repeated = [name for name, count in Counter(self.names).items() if count > 1]
        if repeated or len(self.names) != len(self.given):
            raise InvalidInput("names", repeated[:3] or len(self.names), "must be one for each polygon, each once")
        wrong = ~np.isin(shapely.get_type_id(self.given), (3, 6)) | shapely.is_empty(self.given)
        if wrong.any():
            raise InvalidInput("polygons", self.names[int(np.flatnonzero(wrong)[0])], "is no polygon")

    def run(self) -> Mended:
        polygons = self._cut(self._valid())
        overlaps, holes = self._overlaps(polygons), _holes(shapely.union_all(polygons))
        polygons = self._cleaned(polygons)
        self._list_overlaps(overlaps, polygons)
        self._list_closed(holes, polygons)
        gaps = self._gaps(polygons)
        polygons, slivers = self._without_slivers(polygons)
        pieces: list[_Piece] = [(piece, "sliver", owner) for piece, owner in slivers]
        pieces += [(piece, "gap", None) for piece in gaps]
        polygons = self._filled(polygons, pieces)
        self._check(polygons)
        self._list_snapped(polygons)
        return Mended(polygons, tuple(self.changes))

    def _valid(self) -> Geometries:
        polygons = self.given.copy()
        for at in np.flatnonzero(~shapely.is_valid(polygons)):
            better = shapely.make_valid(polygons[at], method="structure", keep_collapsed=False)
            self._note("made valid", better, self.names[at])
            polygons[at] = better
        return polygons

    def _cut(self, polygons: Geometries) -> Geometries:
        if self.rules.outline is None:
            return polygons
        beyond = shapely.difference(polygons, self.rules.outline)
        for at in np.flatnonzero(shapely.area(beyond) > 0):
            for piece in _parts(beyond[at]):
                self._note("cut off", piece, None, (self.names[at],))
        return _polygonal(shapely.intersection(polygons, self.rules.outline))

    def _overlaps(self, polygons: Geometries) -> list[tuple[Polygon, int, int]]:
        first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
        pairs = first < second
        first, second = first[pairs], second[pairs]
        common = shapely.intersection(polygons[first], polygons[second])
        rows = zip(common, first, second, strict=True)
        return [(piece, int(i), int(j)) for each, i, j in rows for piece in _parts(each)]

    def _cleaned(self, polygons: Geometries) -> Geometries:
        """Noded, snapped and without overlaps; holes stay. Pieces behind the polygons may vanish."""
        snap = self.rules.snap_m / self.rules.unit_m
        clean = shapely.coverage_clean  # type: ignore[attr-defined]  # newer than its stubs
        cleaned: Geometries = np.asarray(clean(polygons, gap_width=0.0, snapping_distance=snap))
        gone = [self.names[at] for at in np.flatnonzero(shapely.is_empty(cleaned[: len(self.names)]))]
        if gone:
            raise RuleBroken(f"polygons would vanish, nothing of them is left: {', '.join(gone[:5])}")
        return cleaned

    def _list_overlaps(self, overlaps: list[tuple[Polygon, int, int]], polygons: Geometries) -> None:
        for piece, i, j in overlaps:
            shares = shapely.area(shapely.intersection(polygons[[i, j]], piece))
            taker, loser = (i, j) if shares[0] >= shares[1] else (j, i)
            self._note("overlap", piece, self.names[taker], (self.names[loser],))

    def _list_closed(self, holes: list[Polygon], polygons: Geometries) -> None:
        """Holes so thin that the snapping closed them."""
        tree = shapely.STRtree(polygons)
        for hole in holes:
            takers = tree.query(shapely.point_on_surface(hole), predicate="within")
            if len(takers):
                self._note("gap", hole, self.names[int(takers.min())])

    def _without_slivers(self, polygons: Geometries) -> tuple[Geometries, list[tuple[Polygon, int]]]:
        """The polygons without thin parts that lie apart from the largest, and those parts with their owners."""
        kept, slivers = polygons.copy(), []
        for at in np.flatnonzero(shapely.get_num_geometries(polygons) > 1):
            parts = shapely.get_parts(polygons[at])
            thin = np.array([self._width_m(part) <= self.rules.gap_width_m for part in parts])
            thin[int(np.argmax(shapely.area(parts)))] = False
            if thin.any():
                slivers += [(part, int(at)) for part in parts[thin]]
                kept[at] = shapely.multipolygons(parts[~thin]) if (~thin).sum() > 1 else parts[~thin][0]
        return kept, slivers

    def _gaps(self, polygons: Geometries) -> list[Polygon]:
        """The gaps that are to be filled; the holes that stay are listed."""
        land = shapely.coverage_union_all(polygons)
        holes = _holes(land)
        named = self._named(holes)
        if self.rules.outline is not None:
            for hole in holes:
                for piece in _parts(shapely.difference(hole, self.rules.outline)):
                    self._note("enclave", piece, None)
            return _parts(shapely.difference(self.rules.outline, land))
        gaps = []
        for at, hole in enumerate(holes):
            if at in named:
                self._note("enclave", hole, None)
            elif self._width_m(hole) <= self.rules.gap_width_m:
                gaps.append(hole)
            else:
                self._note("undecided gap", hole, None)
        return gaps

    def _named(self, holes: list[Polygon]) -> set[int]:
        found = set()
        for place in self.rules.enclaves:
            inside = [at for at, hole in enumerate(holes) if hole.covers(shapely.Point(place))]
            if not inside:
                raise InvalidInput("enclave", place, "must be a point in a hole that the polygons leave")
            found.add(inside[0])
        return found

    def _filled(self, polygons: Geometries, pieces: list[_Piece]) -> Geometries:
        """Every piece joined to the polygon with the longest border; some wait until a neighbour has grown."""
        if not pieces:
            return polygons
        count = len(polygons)
        both = np.concatenate([polygons, np.array([piece for piece, _, _ in pieces] + [None], object)[:-1]])
        if self.rules.outline is not None:  # its vertices are not yet those of the polygons
            both = self._cleaned(both)
            left = np.flatnonzero(~shapely.is_empty(both))
            both, pieces = both[left], [pieces[at - count] for at in left[count:]]
        owners = _owners(both, count)
        filled = both[:count].copy()
        for at in sorted(set(owners[count:])):
            own = [each for each, owner in enumerate(owners) if owner == at]
            filled[at] = shapely.coverage_union_all(both[own])
        for (_, kind, loser), piece, owner in zip(pieces, both[count:], owners[count:], strict=True):
            self._note(kind, piece, self.names[owner], () if loser is None else (self.names[loser],))
        return filled

    def _check(self, polygons: Geometries) -> None:
        faults = shapely.coverage_invalid_edges(polygons)
        wrong = np.flatnonzero(~shapely.is_empty(faults))
        if len(wrong):
            raise RuleBroken(f"no coverage comes of it: {self.names[wrong[0]]} at {_place(faults[wrong[0]])}")
        invalid = np.flatnonzero(~shapely.is_valid(polygons))
        if len(invalid):
            raise RuleBroken(f"{self.names[invalid[0]]}: {shapely.is_valid_reason(polygons[invalid[0]])}")

    def _list_snapped(self, polygons: Geometries) -> None:
        """What no listed change explains: each polygon's difference beside its own pieces."""
        listed: dict[str, float] = {}
        for change in self.changes:
            if change.kind in ("overlap", "gap", "sliver", "cut off"):
                for name in {*change.taken_from, *([change.given_to] if change.kind != "overlap" else [])}:
                    if name is not None:
                        listed[name] = listed.get(name, 0.0) + change.area_m2
        differing = shapely.symmetric_difference(shapely.make_valid(self.given), polygons)
        for at, area in enumerate(shapely.area(differing) * self.rules.unit_m**2):
            rest = area - listed.get(self.names[at], 0.0)
            if rest > 0:
                self.changes.append(Change("snapped", float(rest), 0.0, _place(differing[at]), self.names[at]))

    def _note(
        self, kind: str, piece: BaseGeometry, given_to: str | None, taken_from: tuple[str, ...] = ()
    ) -> None:
        area_m2 = float(piece.area * self.rules.unit_m**2)
        self.changes.append(Change(kind, area_m2, self._width_m(piece), _place(piece), given_to, taken_from))

    def _width_m(self, piece: BaseGeometry) -> float:
        if piece.area == 0:
            return 0.0
        return float(
            2.0 * shapely.length(shapely.maximum_inscribed_circle(np.array([piece])))[0] * self.rules.unit_m
        )


def _owners(polygons: Geometries, count: int) -> list[int]:
    """For each of a coverage's polygons which of the first ``count`` it joins; those join themselves."""
    borders = _borders(polygons)
    owners = {at: at for at in range(count)}
    waiting = set(range(count, len(polygons)))
    while waiting:
        found = {piece: owner for piece in waiting if (owner := _longest(borders[piece], owners)) is not None}
        if not found:
            raise RuleBroken(f"a gap borders on no polygon, at {_place(polygons[min(waiting)])}")
        owners |= found
        waiting -= found.keys()
    return [owners[at] for at in range(len(polygons))]


def _borders(polygons: Geometries) -> list[dict[int, float]]:
    """For each polygon of a coverage the length of its border with each neighbour."""
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    pairs = first < second
    first, second = first[pairs], second[pairs]
    lengths = shapely.length(
        shapely.intersection(shapely.boundary(polygons[first]), shapely.boundary(polygons[second]))
    )
    borders: list[dict[int, float]] = [{} for _ in polygons]
    for i, j, length in zip(first.tolist(), second.tolist(), lengths.tolist(), strict=True):
        if length > 0:
            borders[i][j] = borders[j][i] = length
    return borders


def _longest(borders: dict[int, float], owners: dict[int, int]) -> int | None:
    """The owner that has most of a border; of equal ones the first."""
    lengths: Counter[int] = Counter()
    for neighbour, length in borders.items():
        if neighbour in owners:
            lengths[owners[neighbour]] += length  # type: ignore[assignment]
    return min(lengths, key=lambda owner: (-lengths[owner], owner)) if lengths else None


def _holes(land: BaseGeometry) -> list[Polygon]:
    """The holes of land, without what lies on islands in them."""
    rings = [Polygon(ring) for part in _parts(land) for ring in part.interiors]
    islands = shapely.STRtree(_parts(land))
    holes = [
        shapely.difference(ring, land) if len(islands.query(ring, predicate="contains")) else ring
        for ring in rings
    ]
    return [piece for hole in holes for piece in _parts(hole)]


def _parts(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons among a geometry's parts."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return [part for part in parts if isinstance(part, Polygon) and part.area > 0]


def _polygonal(geometries: Geometries) -> Geometries:
    """Geometries without their points and lines."""
    result = geometries.copy()
    for at in np.flatnonzero(~np.isin(shapely.get_type_id(geometries), (3, 6))):
        result[at] = shapely.multipolygons(_parts(geometries[at]))
    return result


def _place(geometry: BaseGeometry) -> tuple[float, float]:
    point = shapely.point_on_surface(geometry)
    return (float(point.x), float(point.y))
