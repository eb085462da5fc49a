"""Zoom bands: the whole coverage simplified at once for a range of zooms, so that neighbours never crack.

Pure: polygons in, polygons out, in Web Mercator (EPSG:3857), the plane of the tiles. Imports ``crs``, ``shapes``
and ``errors``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats, from_wgs84, to_wgs84
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries, multi

MERCATOR = "EPSG:3857"
# How far the world reaches to each side of 0, 0, and into how many units a tile's side is cut.
MERCATOR_HALF_M = 20_037_508.342789244
TILE_UNITS = 4096

HIGHEST_ZOOM = 16

# A redraw simplifies so many rings of neighbours with the cells that it changes, and as many more while these are
# not enough.
_RINGS = 3

# A box that is moved is known by so many places along each side. Between them a shift differs by less than this
# share of the box's side: GCJ-02's changes by 0.005, BD-09's by 0.025 per unit of length at the most.
_PLACES = 9
_SLACK = 0.005
# Boxes larger than this may hold the edge of GCJ-02's rectangle, where the shift begins all at once.
_LARGE_M, _LARGEST_SHIFT_M = 20_000.0, 4_000.0

Box = tuple[float, float, float, float]
Positions = NDArray[np.intp]
Stored = Callable[[Positions], Sequence[BaseGeometry | None]]


@dataclass(frozen=True, slots=True)
class Band:
    """Zooms ``lowest_zoom`` to ``highest_zoom`` show the coverage simplified by ``tolerance_m`` Mercator metres.

    ``tolerance_m`` is the square root of the area of the smallest triangle that a vertex is kept for (Visvalingam
    and Whyatt); the boundaries move by about as much at the most. 0: nothing is left out.
    """

    number: int
    lowest_zoom: int
    highest_zoom: int
    tolerance_m: float


def unit_m(zoom: int) -> float:
    """Mercator metres of one of the 4,096 units of a tile's side.

    >>> round(unit_m(16), 4)
    0.1493
    """
    return 2.0 * MERCATOR_HALF_M / TILE_UNITS / 2.0**zoom


def _band(lowest_zoom: int, highest_zoom: int, units: float) -> Band:
    return Band(highest_zoom, lowest_zoom, highest_zoom, units * unit_m(highest_zoom))


# Four units are half a pixel of a tile that is drawn 512 pixels wide.
BANDS = (_band(0, 7, 4.0), _band(8, 9, 4.0), _band(10, 11, 4.0), _band(12, 13, 4.0), _band(14, HIGHEST_ZOOM, 0.0))


def band_of(zoom: int) -> Band:
    """The band that a zoom shows; InvalidInput beyond the highest."""
    for band in BANDS:
        if band.lowest_zoom <= zoom <= band.highest_zoom:
            return band
    raise InvalidInput("zoom", zoom, f"must be 0 to {HIGHEST_ZOOM}")


def to_mercator(degrees: Geometries) -> Geometries:
    """Polygons in EPSG:4326 in Web Mercator, vertex by vertex, so that shared vertices stay shared."""

    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(MERCATOR, coordinates[:, 0], coordinates[:, 1]))

    converted: Geometries = shapely.transform(degrees, convert)
    return converted


def moved(crs: str, mercator: Geometries) -> Geometries:
    """Web Mercator over WGS 84 to Web Mercator over ``crs``, as base maps in gcj02 and bd09 have it.

    Every vertex is moved by itself, exactly, so that shared vertices stay shared. Metres in, metres out.
    """
    result: Geometries = shapely.transform(mercator, lambda places: _over(crs, places))
    return result


def moved_box(crs: str, box: Box) -> Box:
    """A box in Web Mercator metres that holds all that lies in ``box`` once it is moved."""
    return box if crs == "wgs84" else _box_of(_over(crs, _lattice(box)), box)


def box_before(crs: str, box: Box) -> Box:
    """A box in Web Mercator metres over WGS 84 that holds all that lies in ``box`` when it has been moved."""
    if crs == "wgs84":
        return box
    places = _lattice(box)
    lon, lat = to_wgs84(crs, *to_wgs84(MERCATOR, places[:, 0], places[:, 1]))
    return _box_of(np.column_stack(from_wgs84(MERCATOR, lon, lat)), box)


def _over(crs: str, places: Floats) -> Floats:
    lon, lat = from_wgs84(crs, *to_wgs84(MERCATOR, places[:, 0], places[:, 1]))
    return np.column_stack(from_wgs84(MERCATOR, lon, lat))


def _lattice(box: Box) -> Floats:
    """Places all over a box, as far as there is a world: tiles at its edge are drawn beyond."""
    west, south, east, north = np.clip(box, -MERCATOR_HALF_M, MERCATOR_HALF_M)
    x, y = np.meshgrid(np.linspace(west, east, _PLACES), np.linspace(south, north, _PLACES))
    return np.column_stack([x.ravel(), y.ravel()])


def _box_of(places: Floats, box: Box) -> Box:
    side = max(box[2] - box[0], box[3] - box[1])
    slack = 1.0 + _SLACK * side + (_LARGEST_SHIFT_M if side > _LARGE_M else 0.0)
    (west, south), (east, north) = places.min(axis=0) - slack, places.max(axis=0) + slack
    return float(west), float(south), float(east), float(north)


def simplified(mercator: Geometries, band: Band) -> Geometries:
    """The coverage of a band, as multipolygons in normal form. No polygon is lost, shared edges stay shared."""
    drawn = shapely.coverage_simplify(mercator, band.tolerance_m) if band.tolerance_m else mercator
    result: Geometries = np.empty(len(mercator), object)
    result[:] = [multi(each) for each in shapely.normalize(drawn)]
    return result


def labels(degrees: Geometries) -> Geometries:
    """A point in each polygon, in Web Mercator, to write its name at."""
    return to_mercator(shapely.point_on_surface(degrees))


class Surroundings:
    """The cells that a redraw changes and, ring by ring, their neighbours; made as far as somebody asks."""

    def __init__(self, degrees: Geometries, changed: Positions) -> None:
        """``degrees``: the n polygons after the redraw; ``changed``: positions of new cells and of new shapes."""
        self._degrees = degrees
        self._tree = shapely.STRtree(degrees)
        self._known = set(changed.tolist())
        self._rings = [np.unique(changed)]
        self._mercator: dict[int, object] = {}

    def rings(self, count: int) -> list[Positions]:
        """The changed cells and up to ``count`` rings around them; fewer when all cells are in them."""
        while len(self._rings) <= count and len(self._rings[-1]):
            _, near = self._tree.query(self._degrees[self._rings[-1]], predicate="intersects")
            fresh = np.array(sorted(set(near.tolist()) - self._known), np.intp)
            self._known.update(fresh.tolist())
            self._rings.append(fresh)
        return self._rings[: count + 1]

    def mercator(self, positions: Positions) -> Geometries:
        """The polygons at some positions in Web Mercator."""
        missing = [at for at in positions.tolist() if at not in self._mercator]
        if missing:
            converted = to_mercator(self._degrees[np.array(missing, np.intp)])
            self._mercator |= dict(zip(missing, converted, strict=True))
        result: Geometries = np.empty(len(positions), object)
        result[:] = [self._mercator[at] for at in positions.tolist()]
        return result


def resimplified(around: Surroundings, band: Band, stored: Stored) -> dict[int, BaseGeometry]:
    """What of a band a redraw changes: position -> multipolygon, as simplifying the whole coverage would give it.

    ``stored`` gives the band's polygons before the redraw at some positions, None where the cell is new. Only the
    changed cells and rings of neighbours around them are simplified. When the ring before the last comes out as it
    is stored, what lies beyond does too; else more rings are added, up to the whole coverage.
    """
    count = _RINGS
    while True:
        rings = around.rings(count)
        patch = np.sort(np.concatenate(rings))
        found = simplified(around.mercator(patch), band)
        before = np.array(stored(patch), dtype=object)
        same = shapely.equals_exact(found, before, 0.0)  # False where there is none
        differing = dict(zip(patch[~same].tolist(), found[~same], strict=True))
        if len(rings) <= count or not len(rings[-1]):
            return differing  # the whole coverage
        # the outermost ring lacks its outer neighbours and so proves nothing
        outermost = set(rings[-1].tolist())
        if differing.keys().isdisjoint(rings[-2].tolist()):
            return {at: shape for at, shape in differing.items() if at not in outermost}
        count += _RINGS


def union(parts: Sequence[BaseGeometry]) -> BaseGeometry:
    """The union of a band's polygons, as a multipolygon in normal form; all vertices are kept."""
    return multi(shapely.normalize(shapely.coverage_union_all(list(parts))))
