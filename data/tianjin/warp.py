"""Bend the straight plan: points along every edge, a fine wiggle by kind of line, one smooth displacement.

Imports network, plane and targets. The displacement is small against its wavelengths, so it keeps sides
apart, and vanishes toward the city's outer line, which stays the real outline's line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely

from data.tianjin.network import STREET_KIND, WALL_KIND, WATER_KIND, Edges
from data.tianjin.plane import Floats, Integers, to_lonlat
from data.tianjin.targets import generator

# Wavelength and amplitude in metres; each is spread over three headings.
_WAVES = ((26_000.0, 140.0), (9_000.0, 110.0), (3_200.0, 45.0), (1_200.0, 14.0))
_HEADINGS = 3
# Grid on which the distance to the outer line is taken; nothing moves within 1.5 steps of that line, and
# everything fully beyond _FREE_M.
_STEP_M = 300.0
_FREE_M = 4_000.0
# Distance between vertices: in square roots of the smaller adjoining cell's area, plus metres.
_SPACING, _INNER_SPACING = 0.096, 0.16
_SPACING_M = 5.0
_BULGE = {STREET_KIND: 0.012, WATER_KIND: 0.035, WALL_KIND: 0.012}
_NOISE = {STREET_KIND: 0.05, WATER_KIND: 0.09, WALL_KIND: 0.06}

# How an edge is drawn: as planned; without its wiggle; then with 4, 16 … times the points, which follows the
# one-to-one displacement so closely that edges that do not cross in the plan do not cross in the end.
AS_PLANNED, SMOOTH, FINEST = 0, 1, 4


@dataclass(frozen=True, slots=True)
class Shape:
    """Final coordinates in lon, lat: of nodes (n, 2) and of the points inside edges, ``first`` per edge."""

    nodes: Floats
    inner: Floats
    first: Integers


class Warp:
    """Everything about the bending that stays the same when single edges are smoothed."""

    def __init__(
        self,
        seed: int,
        nodes: Floats,
        edges: Edges,
        kinds: list[str],
        cell_area_m2: Floats,
        outer: shapely.Geometry,
    ) -> None:
        """``nodes`` (n, 2) in plane metres; ``outer`` is the outer line in plane metres."""
        self.edges = edges
        self.field = _Displacement(seed, nodes, outer)
        self.start, self.stop = nodes[edges.nodes[:, 0]], nodes[edges.nodes[:, 1]]
        moved = nodes + self.field.at(nodes)
        fixed = np.unique(edges.nodes[edges.line < 0])
        moved[fixed] = nodes[fixed]
        self.nodes = to_lonlat(moved)
        self.kind_of = np.array([*kinds, ""])[edges.line]
        area = np.where(edges.cells >= 0, np.append(cell_area_m2, np.inf)[edges.cells], np.inf).min(axis=1)
        spacing = np.where(edges.between_cells, _SPACING, _INNER_SPACING) * np.sqrt(area) + _SPACING_M
        pieces = np.rint(edges.length_m / spacing).astype(np.int64)
        self.pieces = np.where(edges.line < 0, 1, np.maximum(pieces, 1))
        random = generator(seed, "0", 41)
        count = len(edges.line)
        self.bulge = random.normal(size=count) * self._per_kind(_BULGE)
        self.wave = random.normal(size=count) * self._per_kind(_BULGE) * 0.6
        self.jog = random.normal(size=(count, 2))
        self.phase = random.random(count) * 2 * math.pi

    def _per_kind(self, values: dict[str, float]) -> Floats:
        result = np.zeros(len(self.kind_of))
        for kind, value in values.items():
            result[self.kind_of == kind] = value
        return result

    def shape(self, drawn: Integers) -> Shape:
        """Return the coordinates when edge k is drawn as ``drawn[k]``, from AS_PLANNED to FINEST."""
        pieces = np.where(self.edges.line < 0, 1, self.pieces * 4 ** np.maximum(drawn - SMOOTH, 0))
        inner = pieces - 1
        edge = np.repeat(np.arange(len(inner)), inner)
        step = np.arange(len(edge)) - np.repeat(np.cumsum(inner) - inner, inner) + 1
        share = step / pieces[edge]
        aside = np.where(drawn[edge] == AS_PLANNED, self._aside(edge, share), 0.0)
        along = self.stop[edge] - self.start[edge]
        points = self.start[edge] + share[:, None] * along
        points += aside[:, None] * np.column_stack((-along[:, 1], along[:, 0]))
        points += self.field.at(points)
        return Shape(self.nodes, to_lonlat(points), np.concatenate(([0], np.cumsum(inner))))

    def _aside(self, edge: Integers, share: Floats) -> Floats:
        """How far a point lies to the left of its edge, in lengths of the edge; zero at both ends."""
        aside = self.bulge[edge] * np.sin(math.pi * share) + self.wave[edge] * np.sin(2 * math.pi * share)
        # The golden angle never comes back to where it was, which looks irregular enough.
        unevenness = np.sin(self.phase[edge] + 2.399963 * share * self.pieces[edge])
        aside += self._per_kind(_NOISE)[edge] * unevenness / self.pieces[edge]
        walls = self.kind_of[edge] == WALL_KIND
        # A wall steps aside and back where an old yard stood.
        left = 0.2 + 0.25 * np.abs(np.sin(self.jog[edge, 1]))
        inside = walls & (share > left) & (share < left + 0.3)
        aside[inside] += 0.045 * np.sign(self.jog[edge, 0])[inside]
        return aside


class _Displacement:
    """A smooth field without divergence, damped to zero at the outer line."""

    def __init__(self, seed: int, nodes: Floats, outer: shapely.Geometry) -> None:
        random = generator(seed, "0", 40)
        self.waves: list[tuple[float, float, float, float]] = []
        for length, amplitude in _WAVES:
            for _ in range(_HEADINGS):
                heading = random.random() * 2 * math.pi
                stretch = 2 * math.pi / (length * (0.8 + 0.4 * random.random()))
                phase = random.random() * 2 * math.pi
                self.waves.append((heading, stretch, phase, amplitude / math.sqrt(_HEADINGS)))
        self.low = nodes.min(axis=0) - _STEP_M
        columns, rows = (int(n) for n in np.ceil((nodes.max(axis=0) - self.low) / _STEP_M) + 2)
        x, y = np.meshgrid(
            self.low[0] + _STEP_M * np.arange(columns), self.low[1] + _STEP_M * np.arange(rows), indexing="ij"
        )
        distance = np.asarray(shapely.distance(shapely.points(x, y), outer), dtype=np.float64)
        rise = np.clip((distance - 1.5 * _STEP_M) / (_FREE_M - 1.5 * _STEP_M), 0.0, 1.0)
        self.damping: Floats = rise * rise * (3.0 - 2.0 * rise)

    def at(self, points: Floats) -> Floats:
        """Displacement in metres (n, 2) of points of the plane (n, 2)."""
        moved = np.zeros_like(points)
        for heading, stretch, phase, amplitude in self.waves:
            ux, uy = math.cos(heading), math.sin(heading)
            size = amplitude * np.sin(stretch * (points[:, 0] * ux + points[:, 1] * uy) + phase)
            moved[:, 0] -= size * uy
            moved[:, 1] += size * ux
        return np.asarray(moved * self._damping_at(points)[:, None], dtype=np.float64)

    def _damping_at(self, points: Floats) -> Floats:
        """Bilinear interpolation of the damping on its grid."""
        last = np.array(self.damping.shape) - 1.001
        where = np.clip((points - self.low) / _STEP_M, 0.0, last)
        corner = where.astype(np.int64)
        i, j = corner[:, 0], corner[:, 1]
        x, y = where[:, 0] - i, where[:, 1] - j
        low = self.damping[i, j] * (1 - x) + self.damping[i + 1, j] * x
        high = self.damping[i, j + 1] * (1 - x) + self.damping[i + 1, j + 1] * x
        return np.asarray(low * (1 - y) + high * y, dtype=np.float64)
