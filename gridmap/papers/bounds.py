"""A cell's bounds in words 四至: what it reaches to in the east, south, west and north. Pure.

Imports ``parts``, ``crs`` and ``shapes``. The boundary is cut into pieces of some 10 m. A piece belongs to the
side it looks to, if from far off on that side it can be seen; a street, water or wall bounds it when its centre
line runs within 15 m and 20° of it, as the principle "bounded by streets" has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats, from_wgs84
from gridmap.papers.parts import MapPart
from gridmap.shapes import Geometries

# In the order in which bounds are told: 东至…，南至…，西至…，北至….
SIDES = ("east", "south", "west", "north")
TOLERANCE_M = 15.0
TOLERANCE_DEGREES = 20.0

_PIECE_M = 10.0
# What bounds less of a side than this is a corner or a crossing, and is not told unless nothing else is there.
_LEAST_SHARE = 0.12
# Of several lines at one distance the first of these is told.
_KINDS = ("water", "street", "wall")
_OUTWARD = np.array([[1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 1.0]])
# Distances that differ by less are one distance.
_SAME_M = 0.1

Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What bounds a part of a side, and for how many metres.

    ``kind``: ``street``, ``water`` or ``wall``, where such a line runs, with its ``name``; ``cell``, where none
    does; ``outside``, where the city ends. Of a line without a name, and of ``cell``, the neighbour ``beyond`` is
    told instead.
    """

    kind: str
    name: str | None
    beyond: str | None
    length_m: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """For each side, in the order of ``SIDES``, its stretches: from the north, or from the west, on."""

    east: tuple[Stretch, ...]
    south: tuple[Stretch, ...]
    west: tuple[Stretch, ...]
    north: tuple[Stretch, ...]


@dataclass(frozen=True)
class CentreLines:
    """Centre lines in EPSG:4326; kinds are ``street``, ``water``, ``wall``; names and road classes may be None."""

    kinds: Sequence[str]
    names: Sequence[str | None]
    road_classes: Sequence[str | None]
    shapes: Geometries
    metric_crs: str

    @cached_property
    def segments(self) -> tuple[Floats, Floats, Ints]:
        """Begins and ends (n x 2, metres) of all segments, and the line of each."""
        flat, line = shapely.get_coordinates(self.shapes, return_index=True)
        points = np.column_stack(from_wgs84(self.metric_crs, flat[:, 0], flat[:, 1]))
        inner = line[:-1] == line[1:]
        return points[:-1][inner], points[1:][inner], line[:-1][inner]

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Over the segments."""
        begins, ends, _ = self.segments
        return shapely.STRtree(np.asarray(shapely.linestrings(np.stack([begins, ends], axis=1)), dtype=object))


class _What(NamedTuple):
    """A stretch but for its length."""

    kind: str
    name: str | None
    beyond: str | None


@dataclass(frozen=True)
class _Pieces:
    """Pieces of a boundary: middles and unit directions (n x 2, metres), lengths, neighbours' numbers or -1."""

    middles: Floats
    directions: Floats
    lengths: Floats
    neighbours: Ints


def bounds_in(part: MapPart, code: str, lines: CentreLines) -> Bounds:
    """The bounds of a cell, whose neighbours are in the same part of the map; NotFound when it is not there."""
    return bounds_of(part.shape(code), part.neighbours(code), lines)


def bounds_of(shape: BaseGeometry, neighbours: Mapping[str, BaseGeometry], lines: CentreLines) -> Bounds:
    """The bounds of a polygon in EPSG:4326, whose edges with its neighbours are theirs, vertex by vertex."""
    codes = sorted(neighbours, key=str.encode)
    pieces = _cut(shape, [neighbours[code] for code in codes], lines.metric_crs)
    found = _lines_at(pieces, lines)
    what = []
    for line, neighbour in zip(found.tolist(), pieces.neighbours.tolist(), strict=True):
        beyond = codes[neighbour] if neighbour >= 0 else None
        if line >= 0:
            name = lines.names[line]
            what.append(_What(lines.kinds[line], name, None if name else beyond))
        else:
            what.append(_What("outside" if beyond is None else "cell", None, beyond))
    sides = _sides(shape, pieces, lines.metric_crs)
    return Bounds(*(_told(np.flatnonzero(mask), what, pieces, number % 2) for number, mask in enumerate(sides)))


def _cut(shape: BaseGeometry, neighbours: Sequence[BaseGeometry], metric_crs: str) -> _Pieces:
    """The outer rings, inside on the left, in pieces; an edge belongs to whoever has it the other way round."""
    owner: dict[tuple[float, ...], int] = {}
    for number, neighbour in enumerate(neighbours):
        for ring in shapely.get_rings(shapely.get_parts(shapely.orient_polygons(neighbour))):
            flat = shapely.get_coordinates(ring)
            owner |= dict.fromkeys(map(tuple, np.hstack([flat[1:], flat[:-1]]).tolist()), number)
    begins, ends, owners = [], [], []
    for part in shapely.get_parts(shapely.orient_polygons(shape)):
        flat = shapely.get_coordinates(part.exterior)
        edges = np.hstack([flat[:-1], flat[1:]])
        metric = np.column_stack(from_wgs84(metric_crs, flat[:, 0], flat[:, 1]))
        lengths = np.hypot(*(metric[1:] - metric[:-1]).T)
        for edge, length in zip(edges, lengths, strict=True):
            cuts = np.linspace(edge[:2], edge[2:], max(1, round(length / _PIECE_M)) + 1)
            begins.append(cuts[:-1])
            ends.append(cuts[1:])
            owners += [owner.get(tuple(edge.tolist()), -1)] * (len(cuts) - 1)
    first, last = (np.column_stack(from_wgs84(metric_crs, *np.concatenate(each).T)) for each in (begins, ends))
    steps = last - first
    lengths = np.hypot(*steps.T)
    kept = lengths > 0
    directions = steps[kept] / lengths[kept, None]
    return _Pieces((first + last)[kept] / 2, directions, lengths[kept], np.array(owners, np.intp)[kept])


def _lines_at(pieces: _Pieces, lines: CentreLines) -> Ints:
    """For each piece the nearest line that runs along it, -1 where none does."""
    found = np.full(len(pieces.middles), -1, np.intp)
    if not len(lines.shapes):
        return found
    begins, ends, line = lines.segments
    points = np.asarray(shapely.points(pieces.middles), dtype=object)
    piece, segment = lines.tree.query(points, predicate="dwithin", distance=TOLERANCE_M)
    steps = ends[segment] - begins[segment]
    lengths = np.hypot(*steps.T)
    along = np.abs((steps * pieces.directions[piece]).sum(axis=1)) >= lengths * np.cos(
        np.radians(TOLERANCE_DEGREES)
    )
    piece, segment = piece[along & (lengths > 0)], segment[along & (lengths > 0)]
    distances = shapely.distance(points[piece], lines.tree.geometries[segment])
    kinds = np.array([_KINDS.index(kind) for kind in lines.kinds], np.intp)[line[segment]]
    # the same whatever order the lines come in: by name where all else is equal, one without a name last
    names = np.array([name or "\uffff" for name in lines.names])[line[segment]]
    order = np.lexsort((names, kinds, np.round(distances / _SAME_M), piece))
    firsts = order[np.r_[True, piece[order][1:] != piece[order][:-1]]] if len(order) else order
    found[piece[firsts]] = line[segment[firsts]]
    return found


def _sides(shape: BaseGeometry, pieces: _Pieces, metric_crs: str) -> list[NDArray[np.bool_]]:
    """For each side which pieces are on it: they look to it, and can be seen from it."""

    def convert(pairs: Floats) -> Floats:
        return np.column_stack(from_wgs84(metric_crs, pairs[:, 0], pairs[:, 1]))

    metric = shapely.transform(shape, convert)
    shapely.prepare(metric)
    west, south, east, north = shapely.bounds(metric)
    far = (east - west) + (north - south)
    outward = np.column_stack([pieces.directions[:, 1], -pieces.directions[:, 0]])
    # along a diagonal, where two sides are the same, the earlier one is meant whatever the last digit
    looks_to = np.argmax(np.round(outward @ _OUTWARD.T, 6), axis=1)
    sides = []
    for number, outwards in enumerate(_OUTWARD):
        chosen = np.flatnonzero(looks_to == number)
        starts = pieces.middles[chosen] + 0.05 * outward[chosen]
        rays = shapely.linestrings(np.stack([starts, starts + far * outwards], axis=1))
        mask = np.zeros(len(pieces.middles), bool)
        mask[chosen[~shapely.intersects(metric, rays)]] = True
        if not mask.any():  # such as the north of a triangle that stands on its tip
            mask[np.argmax(pieces.middles @ outwards)] = True
        sides.append(mask)
    return sides


def _told(chosen: Ints, what: Sequence[_What], pieces: _Pieces, across: int) -> tuple[Stretch, ...]:
    """The stretches of a side, in the order in which they follow each other; ``across`` 1 of north and south."""
    lengths: dict[_What, float] = {}
    moments: dict[_What, float] = {}
    for at in chosen.tolist():
        key, length = what[at], float(pieces.lengths[at])
        x, y = pieces.middles[at].tolist()
        lengths[key] = lengths.get(key, 0.0) + length
        moments[key] = moments.get(key, 0.0) + length * (x if across else -y)
    whole = sum(lengths.values())
    longest = max(lengths.values())
    kept = [key for key, length in lengths.items() if length >= min(_LEAST_SHARE * whole, longest)]
    kept.sort(key=lambda key: (round(moments[key] / lengths[key], 1), key.kind, key.name or "", key.beyond or ""))
    return tuple(Stretch(*key, round(lengths[key], 1)) for key in kept)
