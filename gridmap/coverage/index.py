"""Which cell is a point in, how far from its edges, and which cells are near: the index over one revision's cells.

Positions are those of the cells sorted by code (bytes), so that the lowest position of the cells that cover a
point is law 1's lowest code. Placement is exact: ``raster`` says why. Distances are those of ``nearby``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.codes import Change, Codes, codes_of, numbers
from gridmap.coverage.edges import edges_of
from gridmap.coverage.nearby import Ints, Longs, Nearby
from gridmap.coverage.raster import Raster
from gridmap.crs import Floats, from_wgs84
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries

OUTSIDE = -1

# ``how`` of a placement.
HOW = ("inside", "edge", "outside")
INSIDE_CODE, EDGE_CODE, OUTSIDE_CODE = 0, 1, 2

# What a metric crs cannot tell from 0: edges bend in it (``nearby``), and it rounds.
ON_EDGE_M = 0.002
# Beyond this many degrees from the city a metric crs is no longer true to scale; then distances are geodesic.
_METRIC_REACH_DEGREES = 3.0
# Points that one thread places before it takes the next ones: enough to make the handing out cheap.
_BATCH = 65_536
# When a redraw touches a larger share of the cells than this, making everything anew is faster.
_MOST_REDRAWN = 0.1
_WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Near:
    """A cell, by position, and its distance from a point; 0 when the point is in it."""

    position: int
    distance_m: float


class CoverageIndex:
    """Exact look-ups over n cells; immutable, so that readers switch from one index to the next in one step."""

    def __init__(
        self,
        raster: Raster,
        nearby: Nearby,
        bounds: Floats,
        metric_crs: str,
        codes: Codes,
        degrees: Callable[[], Geometries],
    ) -> None:
        """``bounds``: (4,) west, south, east, north in degrees. ``degrees`` gives the polygons when asked."""
        self.codes = codes
        self.raster = raster
        self.nearby = nearby
        self.metric_crs = metric_crs
        west, south, east, north = (float(value) for value in bounds)
        self.bounds = (west, south, east, north)
        self._give_degrees = degrees
        self._degrees: Geometries | None = None
        self._tree: shapely.STRtree | None = None

    @classmethod
    def build(cls, degrees: Geometries, metric_crs: str, codes: Sequence[str] | None = None) -> CoverageIndex:
        """From polygons in EPSG:4326, sorted by code; without codes cells are called by their numbers, from 1.

        LoadRefused names the cells that are not a coverage, and the places; InvalidInput for codes that are not
        sorted by bytes, or not one for each polygon.
        """
        if codes is not None and len(codes) != len(degrees):
            raise InvalidInput("codes", len(codes), f"must be one for each of {len(degrees)} cells")
        names = numbers(len(degrees)) if codes is None else codes_of(codes)
        raster = Raster.build(edges_of(degrees, names), names)
        nearby = Nearby.build(degrees, metric_crs)
        return cls(raster, nearby, shapely.total_bounds(degrees), metric_crs, names, lambda: degrees)

    def redrawn(self, ended: Collection[str], drawn: Mapping[str, BaseGeometry]) -> CoverageIndex:
        """The index after a redraw; this one stays as it is, and both share what did not change.

        ``ended``: the codes that are no more. ``drawn``: the polygons of new codes and of those with a new shape.
        InvalidInput for an ended code that there is not; LoadRefused names cells that are no coverage then.
        """
        if not ended and not drawn:
            return self
        change = Change.of(self.codes, ended, drawn)
        shapes: Geometries = np.empty(len(drawn), object)
        shapes[:] = [drawn[code] for code in change.drawn_codes]
        degrees = change.applied(self.degrees, shapes)
        raster = self._raster_after(change, degrees, shapes)
        origin = change.applied(np.arange(len(self)), np.full(len(shapes), -1))
        nearby = self.nearby.redrawn(origin, shapes, self.metric_crs)
        bounds = shapely.total_bounds(degrees)
        return CoverageIndex(raster, nearby, bounds, self.metric_crs, change.codes, lambda: degrees)

    def _raster_after(self, change: Change, degrees: Geometries, shapes: Geometries) -> Raster:
        edges = edges_of(shapes, change.codes[change.drawn])
        few = len(change.gone) + len(change.drawn) <= _MOST_REDRAWN * len(degrees)
        if not (few and self.raster.holds(edges)):
            return Raster.build(edges_of(degrees, change.codes), change.codes)
        bounds = shapely.bounds(np.concatenate([self.degrees[change.gone], shapes]))
        return self.raster.redrawn(change.gone, edges, change.drawn, bounds, change.codes)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """What a file needs to hold besides the polygons; the arrays share the index's memory."""
        parts = {"raster": self.raster.to_arrays(), "nearby": self.nearby.to_arrays()}
        arrays = {f"{part}-{name}": array for part, group in parts.items() for name, array in group.items()}
        return {"bounds": np.array(self.bounds), **arrays}

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        metric_crs: str,
        codes: Sequence[str],
        degrees: Callable[[], Geometries],
    ) -> CoverageIndex:
        """The index of arrays as ``to_arrays`` gave them, not copied, so that they may be mapped files."""
        groups: dict[str, dict[str, NDArray[np.generic]]] = {"raster": {}, "nearby": {}}
        for name, array in arrays.items():
            part, _, own = name.partition("-")
            if own:
                groups[part][own] = array
        raster, nearby = Raster.from_arrays(groups["raster"]), Nearby.from_arrays(groups["nearby"])
        bounds = np.asarray(arrays["bounds"], np.float64)
        return cls(raster, nearby, bounds, metric_crs, codes_of(codes), degrees)

    @property
    def degrees(self) -> Geometries:
        """The n polygons in EPSG:4326."""
        if self._degrees is None:
            self._degrees = self._give_degrees()
        return self._degrees

    @property
    def nbytes(self) -> int:
        """Bytes of memory or file, without the polygons."""
        return self.raster.nbytes + self.nearby.nbytes

    def __len__(self) -> int:
        return len(self.nearby.starts)

    def locate(self, lon: float, lat: float) -> tuple[int, int]:
        """Position (or OUTSIDE) and how-code of one point."""
        return self.raster.locate(lon, lat)

    def locate_many(
        self, lon: Floats, lat: Floats, threads: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Positions (int32, OUTSIDE where no cell covers the point) and how-codes (uint8), both of shape (n,).

        ``threads``: how many place at the same time; 0 for one on each core that the process may use.
        """
        lon, lat = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
        if lon.ndim != 1 or lon.shape != lat.shape:
            raise InvalidInput("lon, lat", (lon.shape, lat.shape), "must be two rows of the same length")
        positions, how = np.empty(len(lon), np.int32), np.empty(len(lon), np.uint8)

        def place(start: int) -> None:
            part = slice(start, start + _BATCH)
            self.raster.locate_into(lon[part], lat[part], positions[part], how[part])

        starts = range(0, len(lon), _BATCH)
        workers = min(threads or len(os.sched_getaffinity(0)), len(starts))
        if workers <= 1:
            self.raster.locate_into(lon, lat, positions, how)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(place, starts))
        return positions, how

    def edge_distance_m(self, position: int, lon: float, lat: float) -> float:
        """Metres from a point to the nearest edge of the cell at ``position``."""
        return float(self.edge_distances_m(np.array([position], np.int32), [lon], [lat])[0])

    def edge_distances_m(
        self, positions: Ints, lon: Floats | Sequence[float], lat: Floats | Sequence[float]
    ) -> Floats:
        """Metres from each point to the nearest edge of its cell; NaN where the position is OUTSIDE."""
        return self.nearby.edge_distances_m(positions, *from_wgs84(self.metric_crs, lon, lat))

    def distances_m(self, positions: Ints, lon: Floats, lat: Floats) -> Floats:
        """Metres from each point to the cell at its position, 0 for a point in it."""
        own, _ = self.locate_many(lon, lat)
        return np.where(own == positions, 0.0, self.edge_distances_m(positions, lon, lat))

    def candidates(self, lon: float, lat: float, within_m: float) -> list[Near]:
        """The cells within ``within_m`` of a point (what is not more than ON_EDGE_M counts as 0), nearest first.

        Equally near ones come by code.
        """
        position, _ = self.locate(lon, lat)
        own = [] if position == OUTSIDE else [Near(position, 0.0)]
        _, others, distances = self.others_within(
            np.array([position], np.int32), np.array([lon]), np.array([lat]), within_m
        )
        near = own + [Near(int(other), float(distance)) for other, distance in zip(others, distances, strict=True)]
        return sorted(near, key=lambda one: (one.distance_m, one.position))

    def others_within(
        self, positions: Ints, lon: Floats, lat: Floats, within_m: Floats | float
    ) -> tuple[Longs, Ints, Floats]:
        """The cells within reach of n points besides their own, nearest first, equal distances by code.

        Returns offsets (n + 1), positions and metres; those of point i stand from ``offsets[i]`` to
        ``offsets[i + 1]``. A distance that is not more than ON_EDGE_M is 0, and within any reach.
        """
        x, y = from_wgs84(self.metric_crs, lon, lat)
        usable = np.isfinite(x) & np.isfinite(y) & (np.asarray(within_m) >= 0.0)
        reach = np.where(usable, np.maximum(within_m, ON_EDGE_M), 0.0)
        x, y = np.where(usable, x, np.inf), np.where(usable, y, np.inf)
        offsets, others, distances = self.nearby.others_within(positions, x, y, reach)
        distances[distances <= ON_EDGE_M] = 0.0
        return offsets, others, distances

    def nearest(self, lon: float, lat: float) -> Near:
        """The cell nearest to a point outside, the lowest code of equally near ones."""
        positions, distances = self.nearest_many(np.array([lon]), np.array([lat]))
        return Near(int(positions[0]), float(distances[0]))

    def nearest_many(self, lon: Floats, lat: Floats) -> tuple[Ints, Floats]:
        """(n,) positions of the cells nearest to points outside, and metres; points must be on earth."""
        west, south, east, north = self.bounds
        away = np.maximum(np.maximum(west - lon, lon - east), np.maximum(south - lat, lat - north))
        far = np.flatnonzero(away > _METRIC_REACH_DEGREES)
        x, y = from_wgs84(self.metric_crs, lon, lat)
        x[far], y[far] = self.nearby.frame[0], self.nearby.frame[1]  # looked up, then overwritten
        positions, distances = self.nearby.nearest(x, y)
        for i in far:
            positions[i], distances[i] = self._nearest_geodesic(float(lon[i]), float(lat[i]))
        return positions, distances

    def _nearest_geodesic(self, lon: float, lat: float) -> tuple[int, float]:
        if self._tree is None:
            self._tree = shapely.STRtree(self.degrees)
        point = shapely.Point(lon, lat)
        position = int(self._tree.query_nearest(point).min())
        at = shapely.get_coordinates(shapely.shortest_line(self.degrees[position], point))[0]
        _, _, distance = _WGS84.inv(at[0], at[1], lon, lat)
        return position, float(distance)
