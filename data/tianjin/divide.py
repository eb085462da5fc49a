"""Divide the districts top-down into streets, communities, cells and blocks by chords in a mesh.

Imports mesh, chords, jogs, directions, targets and plane. One level after the other, so that the large roads
lie first and the small ones meet at their junctions; every random number comes from the code of the area
being divided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.tianjin.chords import Chord, Face, best_chord
from data.tianjin.directions import DirectionField
from data.tianjin.jogs import Step, step_in
from data.tianjin.mesh import OUTSIDE, Mesh
from data.tianjin.plane import Floats, ring_area, to_plane
from data.tianjin.targets import CORE, DISTRICT_CENTRES, SUBURBS, Target, density, generator
from gridmap.errors import RuleBroken

Progress = Callable[[int, int, str], None]

# Levels of lines, from the lines between districts down to the lines between blocks of one cell.
DISTRICT, STREET, COMMUNITY, CELL, BLOCK = range(5)
# How many of the cuts of each level have a step.
_STEP_SHARE = (0.0, 0.0, 0.5, 0.3, 0.08)

# The made-up river: it follows these lines between districts and then runs through one district to the sea.
RIVER_BETWEEN = frozenset(
    frozenset(pair)
    for pair in (
        ("120105", "120106"),
        ("120104", "120105"),
        ("120101", "120105"),
        ("120101", "120102"),
        ("120102", "120103"),
        ("120103", "120110"),
        ("120110", "120112"),
    )
)
RIVER_DISTRICT = "120116"
# Corners of that district's outline where the river enters and where it ends, lon and lat.
RIVER_COURSE = ((117.520539, 39.005472), (117.757194, 38.971583))


@dataclass(frozen=True, slots=True)
class Part:
    """Something that gets a face of its own: an area's code or a number, and the ground it wants."""

    key: str
    ground: float


@dataclass(slots=True)
class Division:
    """The mesh with what its faces and lines are: ``cell_of[face]`` indexes ``cells``."""

    mesh: Mesh
    line_level: list[int] = field(default_factory=list)
    line_district: list[str] = field(default_factory=list)
    river: set[int] = field(default_factory=set)
    stepped: set[int] = field(default_factory=set)
    cells: list[str] = field(default_factory=list)
    cell_of: list[int] = field(default_factory=list)


def divide(
    seed: int, mesh: Mesh, districts: Sequence[str], targets: Sequence[Target], progress: Progress
) -> Division:
    """Divide the districts' faces (face k is ``districts[k]``) into blocks; see Division.

    Raises RuleBroken when a face cannot be cut, which no seed tried so far has caused.
    """
    return _Divider(seed, mesh, progress).run(districts, targets)


class _Divider:
    def __init__(self, seed: int, mesh: Mesh, progress: Progress) -> None:
        self.seed = seed
        self.mesh = mesh
        self.progress = progress
        self.division = Division(mesh)
        self.directions = DirectionField(seed)

    def run(self, districts: Sequence[str], targets: Sequence[Target]) -> Division:
        by_district: dict[str, list[Target]] = {code: [] for code in districts}
        by_street: dict[str, list[Target]] = {}
        for target in targets:
            if target.district in by_district:
                by_district[target.district].append(target)
                by_street.setdefault(target.area.parent, []).append(target)
        communities = {target.area.code: target for group in by_street.values() for target in group}
        total = len(districts) + len(by_street) + 2 * len(communities)

        self._draw_district_lines(districts)
        faces = dict(zip(districts, range(len(districts)), strict=True))
        streets: dict[str, int] = {}
        done = 0
        for code, face in sorted(faces.items()):
            groups = {street: by_street[street] for street in by_street if street.startswith(code)}
            streets |= self._divide_area(code, self._river_banks(code, face), groups, STREET)
            done += 1
            self.progress(done, total, "streets")
        places: dict[str, int] = {}
        for code, face in sorted(streets.items()):
            groups = {target.area.code: [target] for target in by_street[code]}
            places |= self._divide_area(code, [face], groups, COMMUNITY)
            done += 1
            self.progress(done, total, "communities")
        cells: list[tuple[str, list[int]]] = []
        for code, face in sorted(places.items()):
            cells.append((code, self._divide_community(code, face, communities[code].cells)))
            done += 1
            self.progress(done, total, "cells")
        self._cut_blocks(cells, done, total)
        return self.division

    def _draw_district_lines(self, districts: Sequence[str]) -> None:
        """Give each run of edges between the same two districts its line; some of them are the river."""
        mesh = self.mesh
        for face, code in enumerate(districts):
            neighbour, line, place = OUTSIDE, -1, 0
            for half_edge in mesh.ring(face):
                other = mesh.face[half_edge ^ 1]
                if other < face:
                    neighbour = OUTSIDE
                    continue
                if other != neighbour:
                    line, place, neighbour = self._new_line(DISTRICT, code), 0, other
                    if frozenset((code, districts[other])) in RIVER_BETWEEN:
                        self.division.river.add(line)
                edge = half_edge >> 1
                mesh.line[edge], mesh.begin[edge], mesh.end[edge] = line, float(place), place + 1.0
                place += 1

    def _new_line(self, level: int, district: str) -> int:
        self.division.line_level.append(level)
        self.division.line_district.append(district)
        return self.mesh.new_line()

    def _river_banks(self, code: str, face: int) -> list[int]:
        """Cut the district on the lower river in two along it; the others stay as they are."""
        if code != RIVER_DISTRICT:
            return [face]
        ring = self.mesh.ring(face)
        points = self._points(ring)
        ends = [int(np.argmin(np.hypot(*(points - end).T))) for end in to_plane(np.array(RIVER_COURSE))]
        line = self._new_line(DISTRICT, code)
        self.division.river.add(line)
        edge, new = self.mesh.split_face(ring[ends[0]], ring[ends[1]], line)
        return [self.mesh.face[2 * edge], new]

    def _divide_area(
        self, code: str, faces: list[int], groups: dict[str, list[Target]], level: int
    ) -> dict[str, int]:
        """Give each of ``groups`` a face inside ``faces``, the dense ones toward the centre."""
        random = generator(self.seed, code, 10 + level)
        order = sorted(groups, key=lambda key: (-density(groups[key]), key))
        parts = [Part(key, math.fsum(target.ground for target in groups[key])) for key in order]
        if level == STREET or code[:6] in SUBURBS or code[:6] in CORE:
            x, y = to_plane(np.array([DISTRICT_CENTRES[code[:6]]]))[0]
        else:
            points = self._points(self.mesh.ring(faces[0]))
            x, y = points.mean(axis=0) + random.normal(0.0, 0.15, 2) * np.ptp(points, axis=0)
        places: dict[str, int] = {}
        for face, some in zip(faces, self._shared_out(faces, parts), strict=True):
            found = self._divide_face(face, some, level, code[:6], random, (float(x), float(y)))
            places |= {part.key: face for part, face in found}
        return places

    def _shared_out(self, faces: list[int], parts: list[Part]) -> list[list[Part]]:
        """Share parts out over faces so that the ground of each fits its area; the order of parts stays."""
        if len(faces) == 1:
            return [parts]
        left = [ring_area(self._points(self.mesh.ring(face))) for face in faces]
        scale = sum(left) / math.fsum(part.ground for part in parts)
        shares: dict[str, int] = {}
        for part in sorted(parts, key=lambda part: (-part.ground, part.key)):
            most = left.index(max(left))
            left[most] -= part.ground * scale
            shares[part.key] = most
        return [[part for part in parts if shares[part.key] == k] for k in range(len(faces))]

    def _divide_community(self, code: str, face: int, count: int) -> list[int]:
        random = generator(self.seed, code, 10 + CELL)
        weights = random.lognormal(0.0, 0.22, count)
        parts = [Part(str(k), float(weight)) for k, weight in enumerate(weights)]
        return [face for _, face in self._divide_face(face, parts, CELL, code[:6], random, None)]

    def _cut_blocks(self, cells: list[tuple[str, list[int]]], done: int, total: int) -> None:
        for code, faces in cells:
            random = generator(self.seed, code, 10 + BLOCK)
            for face in faces:
                number = len(self.division.cells)
                self.division.cells.append(code)
                count = int(random.choice((1, 2, 3, 4, 5), p=(0.08, 0.32, 0.30, 0.22, 0.08)))
                weights = random.lognormal(0.0, 0.3, count)
                parts = [Part(str(k), float(weight)) for k, weight in enumerate(weights)]
                blocks = self._divide_face(face, parts, BLOCK, code[:6], random, None)
                highest = max(block for _, block in blocks)
                self.division.cell_of += [-1] * (highest + 1 - len(self.division.cell_of))
                for _, block in blocks:
                    self.division.cell_of[block] = number
            done += 1
            self.progress(done, total, "blocks")

    def _divide_face(
        self,
        face: int,
        parts: Sequence[Part],
        level: int,
        district: str,
        random: np.random.Generator,
        centre: tuple[float, float] | None,
    ) -> list[tuple[Part, int]]:
        """Cut ``face`` until each part has its own; parts are ordered from the centre outward."""
        found: list[tuple[Part, int]] = []
        stack = [(face, list(parts))]
        while stack:
            face, parts = stack.pop()
            if len(parts) == 1:
                found.append((parts[0], face))
                continue
            inner, outer, share = _halves(parts, random)
            inner_face, outer_face = self._cut(face, share, level, district, random, centre)
            stack.append((outer_face, outer))
            stack.append((inner_face, inner))
        return found

    def _points(self, ring: Sequence[int]) -> Floats:
        mesh = self.mesh
        nodes = [mesh.origin[half_edge] for half_edge in ring]
        return np.array([[mesh.x[node], mesh.y[node]] for node in nodes])

    def _cut(
        self,
        face: int,
        share: float,
        level: int,
        district: str,
        random: np.random.Generator,
        centre: tuple[float, float] | None,
    ) -> tuple[int, int]:
        """Cut ``face`` by one chord; return the face that lies toward the centre, and the other."""
        mesh = self.mesh
        ring = mesh.ring(face)
        points = self._points(ring)
        degrees = np.array([mesh.degree[mesh.origin[half_edge]] for half_edge in ring])
        middle = points.mean(axis=0)
        if centre is None:
            heading = 2.0 * math.pi * random.random()
            toward = (math.cos(heading), math.sin(heading))
        else:
            toward = (centre[0] - float(middle[0]), centre[1] - float(middle[1]))
        angle = self.directions.street_angle(points, level)
        chord = best_chord(Face(points, degrees), angle, toward, share)
        if chord is None:
            raise RuleBroken(f"district {district}: a face of {len(ring)} corners has no chord to cut it")
        step = step_in(points, chord, random) if random.random() < _STEP_SHARE[level] else None
        left, right = self._build(ring, chord, step, level, district)
        return (left, right) if chord.wanted_left else (right, left)

    def _build(
        self, ring: list[int], chord: Chord, step: Step | None, level: int, district: str
    ) -> tuple[int, int]:
        """Add the chord to the mesh; return the faces on its left and right."""
        mesh = self.mesh
        ends = []
        for end in (chord.start, chord.stop):
            half_edge = ring[end.index]
            ends.append(half_edge if end.share is None else mesh.insert_node(half_edge, end.share))
        edge, right = mesh.split_face(ends[0], ends[1], self._new_line(level, district))
        left = mesh.face[2 * edge]
        if step is not None:
            share, first, second = step
            after = mesh.insert_node(2 * edge, share)
            mesh.move(mesh.origin[after], *first)
            mesh.move(mesh.origin[mesh.insert_node(after, 0.01)], *second)
            self.division.stepped.add(mesh.line[edge])
        return left, right


def _halves(parts: Sequence[Part], random: np.random.Generator) -> tuple[list[Part], list[Part], float]:
    """Cut a list of parts in two where the ground is about half, and the first group's share of it."""
    ground = np.cumsum([part.ground for part in parts])
    shares = ground[:-1] / ground[-1]
    wanted = 0.5 + 0.16 * (random.random() - 0.5)
    k = int(np.argmin(np.abs(shares - wanted))) + 1
    return list(parts[:k]), list(parts[k:]), float(shares[k - 1])
