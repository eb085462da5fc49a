"""The hex cover of a grid: which hexes lie wholly in one cell, which straddle and with which candidates.

Imports its neighbours ``edges`` and ``hex_plane``, ``hexes`` and ``errors``.

A point's hex at ``hexes.RESOLUTION`` has one ancestor by bits at each coarser resolution. Along this chain a cover
has one hex or none: one that lies *wholly inside* a cell, of any resolution up to the cover's finest, or one of
the finest that *straddles*, with the cells that it may lie in, perhaps the outside too. A point with none is
outside.

A hex is wholly inside when no edge comes closer than a margin (``hex_plane.MARGIN_M``) to its true hexagon, nor to
that of any descendant down to ``hexes.RESOLUTION``, since a hexagon does not contain those of its descendants.
What no edge touches lies in one cell or outside, and the hex's centre says in which.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap import hexes
from gridmap.coverage.edges import Edges, edges_of
from gridmap.coverage.hex_plane import sorted_once, touched
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import InvalidInput
from gridmap.shapes import Geometries

Longs = NDArray[np.int64]
Ints = NDArray[np.int32]

# Straddling hexes are of this resolution: DECISIONS.md has the figures.
FINEST = 10
# Edges are taken so many at a time: this bounds the memory, and lets progress be shown.
_BATCH = 200_000
# The edge of a hex of resolution 0 in degrees of latitude, rather less; hexes are found by so many steps along it.
_EDGE_DEGREES, _STEPS = 9.0, 4
# How far, in widths of hexes, descendants may stick out; wider reaches than this are left to the whole cover.
_PROTRUDES, _WIDEST_DEGREES = 0.3, 60.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HexCover:
    """A cover of one grid's cells, by position.

    - ``inner``: (n,) hexes that lie wholly in one cell; ``cells``: (n,) the positions of these cells.
    - ``straddling``: (m,) hexes; ``starts``: (m + 1,); ``candidates``: straddling hex i may lie in the cells
      ``candidates[starts[i]:starts[i + 1]]``, positions in ascending order, -1 for outside the city.

    Both kinds are in the order of ``hexes.descendants``.
    """

    inner: Longs
    cells: Ints
    straddling: Longs
    starts: Longs
    candidates: Ints


def hex_cover(index: CoverageIndex, progress: Progress, finest: int = FINEST) -> HexCover:
    """The cover of an index's cells, which must be a coverage; InvalidInput when points carry no hex so fine."""
    if not 0 <= finest <= hexes.RESOLUTION:
        raise InvalidInput("finest", finest, f"must be 0 to {hexes.RESOLUTION}, the resolution that points carry")
    edges = edges_of(index.degrees, index.codes)
    return _cover_below(index, edges, hexes.every_coarsest(), finest, progress)


def hex_cover_within(index: CoverageIndex, within: Longs, progress: Progress) -> HexCover | None:
    """The part of the cover below some hexes of one resolution, sorted; only cells near them are looked at.

    None when one of them lies wholly in a cell, so that a coarser hex might too, or when they lie around a pole or
    across the date line.
    """
    west, south, east, north = _reach(within)
    if east - west > _WIDEST_DEGREES or north - south > _WIDEST_DEGREES:
        return None
    bounds = shapely.bounds(index.degrees)
    near = (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
    chosen = np.flatnonzero(near)
    if not len(chosen):
        return HexCover(
            within[:0], np.empty(0, np.int32), within[:0], np.zeros(1, np.int64), np.empty(0, np.int32)
        )
    edges = edges_of(index.degrees[chosen], index.codes[chosen])
    outside_first = np.append(np.int32(0), (chosen + 1).astype(np.int32))
    cover = _cover_below(index, Edges(edges.ends, outside_first[edges.cells]), within, FINEST, progress)
    return None if np.isin(cover.inner, within).any() else cover


def hexes_near(degrees: Geometries, resolution: int) -> Longs:
    """The hexes of a resolution in which a redraw of these polygons may change a cover, sorted; or more."""
    step = _EDGE_DEGREES / math.sqrt(7) ** resolution / _STEPS
    found = []
    for west, south, east, north in shapely.bounds(degrees):
        wide = step / max(0.05, math.cos(math.radians(max(abs(south), abs(north)))))
        # half an edge around: descendants stick out of their hex, but not so far
        lon = np.arange(west - 2 * wide, east + 3 * wide, wide)
        lat = np.clip(np.arange(south - 2 * step, north + 3 * step, step), -90.0, 90.0)
        lons, lats = np.meshgrid((lon + 180.0) % 360.0 - 180.0, lat)
        found.append(sorted_once(hexes.hexes_of(lons.ravel(), lats.ravel(), resolution)))
    return sorted_once(np.concatenate(found))


def _reach(within: Longs) -> tuple[float, float, float, float]:
    """West, south, east, north of some hexes with all their descendants."""
    corners = np.array([corner for each in within.tolist() for corner in hexes.ring_of(each)])
    west, south = corners.min(axis=0)
    east, north = corners.max(axis=0)
    margin = _PROTRUDES * max(east - west, north - south)
    return west - margin, south - margin, east + margin, north + margin


def _cover_below(index: CoverageIndex, edges: Edges, tried: Longs, finest: int, progress: Progress) -> HexCover:
    """The cover below hexes of one resolution; edges that touch other hexes do not matter."""
    lowest, highest = hexes.descendants(tried)
    border, pairs = _borders(edges, finest, progress)
    coarsest = int(tried[0] >> 52) & 15
    inner, cells = [], []
    for resolution in range(coarsest, finest + 1):
        on_border = np.isin(tried, border[resolution], assume_unique=True)
        clear = tried[~on_border]
        positions, _ = index.locate_many(*hexes.centres_of(clear))
        inner.append(clear[positions >= 0])
        cells.append(positions[positions >= 0])
        if resolution < finest:
            tried = hexes.children(tried[on_border])
        progress(f"hex cover: resolution {resolution} of {finest}, {len(border[resolution]):,} hexes on borders")
    found = np.concatenate(inner)
    order = np.argsort(hexes.descendants(found)[0], kind="stable")
    straddling = border[finest]
    if coarsest > 0:
        begins = hexes.descendants(straddling)[0]
        place = np.searchsorted(np.sort(lowest), begins, side="right") - 1
        below = (place >= 0) & (begins <= np.sort(highest)[place])
        straddling, pairs = straddling[below], pairs[below[pairs >> 32]]
    starts = np.append(np.flatnonzero(np.diff(pairs >> 32, prepend=-1)), len(pairs))
    candidates = ((pairs & 0xFFFFFFFF) - 1).astype(np.int32)
    return HexCover(found[order], np.concatenate(cells)[order], straddling, starts, candidates)


def _borders(edges: Edges, finest: int, progress: Progress) -> tuple[list[Longs], Longs]:
    """For each resolution the sorted hexes that an edge touches, or a descendant's; and the cells of the finest.

    The cells are pairs as ``Touched`` has them.
    """
    each: list[list[Longs]] = [[np.empty(0, np.int64)] for _ in range(hexes.RESOLUTION + 1)]
    parts: list[tuple[Longs, Longs]] = []
    for start in range(0, len(edges.ends), _BATCH):
        part = slice(start, start + _BATCH)
        for resolution, found in enumerate(touched(edges.ends[part], edges.cells[part], hexes.RESOLUTION, finest)):
            each[resolution].append(found.hexes)
            if resolution >= finest:
                parts.append((hexes.parents(found.hexes, finest)[found.pairs >> 32], found.pairs & 0xFFFFFFFF))
        progress(f"hex cover: {min(start + _BATCH, len(edges.ends)):,} of {len(edges.ends):,} edges")
    border = [sorted_once(np.concatenate(found)) for found in each]
    for resolution in reversed(range(hexes.RESOLUTION)):
        above = hexes.parents(border[resolution + 1], resolution)
        border[resolution] = sorted_once(np.concatenate([border[resolution], above]))
    pairs = [(np.searchsorted(border[finest], found).astype(np.int64) << 32) | cells for found, cells in parts]
    return border, sorted_once(np.concatenate(pairs))
