"""A mended partition beside one that others repaired: where they differ, and why. Imports ``mending``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.mending import Mended
from gridmap.shapes import Geometries

# Thinner than this is rounding: the other side may have written fewer digits.
ROUNDING_M = 0.001

ROUNDING = "rounding"
FAULT = "a fault that went to another polygon"
OUTLINE = "the outer line is another one"
AT_OUTLINE = "beside a place where the outer line is another one"
UNEXPLAINED = "not explained"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place: whose it is here and there (None: nobody's), its size and its width (see ``_widths_m``)."""

    ours: str | None
    theirs: str | None
    area_m2: float
    width_m: float
    place: tuple[float, float]
    why: str


@dataclass(frozen=True)
class Beside:
    """All places, and the symmetric difference of each polygon (n,) in m²."""

    differences: tuple[Difference, ...]
    symmetric_m2: NDArray[np.float64]

    def summary(self) -> dict[str, tuple[int, float]]:
        """Why -> how many places, and their m² together."""
        found: dict[str, tuple[int, float]] = {}
        for each in self.differences:
            count, area = found.get(each.why, (0, 0.0))
            found[each.why] = (count + 1, area + each.area_m2)
        return found


def beside(mended: Mended, others: Geometries, names: Sequence[str], unit_m: float) -> Beside:
    """Compare with n polygons (n,) of the same names in the same crs."""
    ours, theirs = mended.polygons, others
    our_land, their_land = shapely.union_all(ours), shapely.union_all(theirs)
    rows = [
        *_pieces(ours, names, shapely.difference(our_land, their_land), ours_is=True),
        *_pieces(theirs, names, shapely.difference(their_land, our_land), ours_is=False),
        *_moved(ours, theirs, names),
    ]
    pieces = np.array([piece for piece, _, _ in rows] + [None], object)[:-1]
    widths = _widths_m(pieces, unit_m)
    outer = [
        piece
        for piece, width, (_, mine, yours) in zip(pieces, widths, rows, strict=True)
        if (mine is None or yours is None) and width > ROUNDING_M
    ]
    outer_tree = shapely.STRtree(outer)
    faults = shapely.STRtree([shapely.Point(each.place) for each in mended.changes if each.given_to is not None])
    found = []
    for (piece, mine, yours), width in zip(rows, widths.tolist(), strict=True):
        if width <= ROUNDING_M:
            why = ROUNDING
        elif mine is None or yours is None:
            why = OUTLINE
        elif len(faults.query(piece, predicate="dwithin", distance=width / unit_m)):
            why = FAULT
        else:
            near = outer_tree.query(piece, predicate="dwithin", distance=ROUNDING_M / unit_m)
            why = AT_OUTLINE if len(near) else UNEXPLAINED
        point = shapely.point_on_surface(piece)
        place = (float(point.x), float(point.y))
        found.append(Difference(mine, yours, float(piece.area * unit_m**2), width, place, why))
    symmetric = shapely.area(shapely.symmetric_difference(ours, theirs)) * unit_m**2
    return Beside(tuple(sorted(found, key=lambda each: -each.area_m2)), symmetric)


def _widths_m(pieces: Geometries, unit_m: float) -> NDArray[np.float64]:
    """The width of the largest circle in each piece; of one that is rounding its mean width, soon told."""
    widths: NDArray[np.float64] = 2.0 * shapely.area(pieces) / shapely.length(pieces) * unit_m
    left = shapely.buffer(pieces, -0.5 * ROUNDING_M / unit_m, quad_segs=2)
    for at in np.flatnonzero(~shapely.is_empty(left)):
        widths[at] = 2.0 * shapely.maximum_inscribed_circle(pieces[at]).length * unit_m
    return widths


_Row = tuple[BaseGeometry, str | None, str | None]


def _pieces(polygons: Geometries, names: Sequence[str], land: BaseGeometry, *, ours_is: bool) -> list[_Row]:
    """The parts of one side's polygons on land that the other side has not."""
    common = shapely.intersection(polygons, land)
    rows: list[_Row] = []
    for name, each in zip(names, common, strict=True):
        rows += [(part, name, None) if ours_is else (part, None, name) for part in _parts(each)]
    return rows


def _moved(ours: Geometries, theirs: Geometries, names: Sequence[str]) -> list[_Row]:
    first, second = shapely.STRtree(theirs).query(ours, predicate="intersects")
    different = first != second
    first, second = first[different], second[different]
    common = shapely.intersection(ours[first], theirs[second])
    pairs = zip(common, first, second, strict=True)
    return [(part, names[i], names[j]) for each, i, j in pairs for part in _parts(each)]


def _parts(geometry: BaseGeometry) -> list[BaseGeometry]:
    return [each for each in shapely.get_parts(geometry) if each.geom_type == "Polygon" and each.area > 0]
