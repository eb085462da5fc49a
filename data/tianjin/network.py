"""What the lines of a division are: street, water or wall, their class and their made-up names.

Imports divide, mesh and targets. Streets are one connected network; about a fifth of the boundary between
cells is no street: canals, walls, and the river that follows the real lines between districts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data.tianjin.divide import BLOCK, CELL, COMMUNITY, DISTRICT, STREET, Division
from data.tianjin.mesh import OUTSIDE, Mesh
from data.tianjin.plane import Floats, Integers
from data.tianjin.targets import generator

STREET_KIND, WATER_KIND, WALL_KIND = "street", "water", "wall"
RIVER_NAME = "海河"

# Share of the boundary between cells that is no street, a little more than the 20 % wanted: some of these
# lines become streets again to keep the network in one piece.
_NO_STREET_SHARE = 0.205
# How readily a line of each level is no street.
_NO_STREET_WEIGHT = {DISTRICT: 0.25, STREET: 0.5, COMMUNITY: 1.0, CELL: 1.2}
# Lines with a step are that much more readily no street.
_STEPPED_FACTOR = 2.5
# Square metres of a cell beyond which the land around is rural: ditches instead of walls.
_RURAL_CELL_M2 = 350_000.0
_LONG_CANAL_M = 1_500.0

_CLASSES = {DISTRICT: "arterial", STREET: "arterial", COMMUNITY: "secondary", CELL: "local", BLOCK: "lane"}

_FIRST = (
    "安宝昌长春德芳丰福富光广贵桂国海和恒红宏华吉嘉建江金锦景静康"
    "丽利林龙隆茂梅美明宁平清庆荣瑞盛顺松泰天同桐万文祥新兴秀"
)
_SECOND = (
    "安波川达德发芳峰福光国海和恒虹湖华辉惠江景康兰乐丽林龙隆茂门"
    "明宁平浦泉仁荣瑞山胜水松泰堂亭图湾旺溪贤祥兴秀阳义永玉"
)


@dataclass(frozen=True, slots=True)
class Network:
    """Per line of the division: kind, road class (None unless a street) and name (None for walls)."""

    kinds: list[str]
    classes: list[str | None]
    names: list[str | None]


@dataclass(frozen=True, slots=True)
class Edges:
    """The mesh as arrays: per edge its line (-1: the city's outer line), nodes (n, 2), cells (n, 2), length."""

    line: Integers
    nodes: Integers
    cells: Integers
    length_m: Floats
    direction: Floats

    @property
    def between_cells(self) -> np.ndarray:
        """Which edges are boundary between two cells."""
        return np.asarray((self.cells[:, 0] != self.cells[:, 1]) & (self.cells >= 0).all(axis=1))


def edges_of(division: Division) -> Edges:
    """Return the division's edges as arrays; cell -1 is the outside."""
    mesh = division.mesh
    nodes = np.array(mesh.origin, dtype=np.int64).reshape(-1, 2)
    faces = np.array(mesh.face, dtype=np.int64).reshape(-1, 2)
    cells = np.where(faces == OUTSIDE, -1, np.array(division.cell_of, dtype=np.int64)[faces])
    x, y = np.array(mesh.x)[nodes], np.array(mesh.y)[nodes]
    dx, dy = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
    line = np.array(mesh.line, dtype=np.int64)
    return Edges(line, nodes, cells, np.hypot(dx, dy), np.arctan2(dy, dx))


def build_network(seed: int, division: Division, edges: Edges, cell_area_m2: Floats) -> Network:
    """Choose kind, class and name of every line; ``cell_area_m2`` is indexed by cell."""
    kinds = _choose_kinds(seed, division, edges, cell_area_m2)
    _connect_streets(division, edges, kinds)
    classes = [
        _CLASSES[level] if kind == STREET_KIND else None
        for level, kind in zip(division.line_level, kinds, strict=True)
    ]
    return Network(kinds, classes, _names(seed, division, edges, kinds, cell_area_m2))


def _line_sums(edges: Edges, count: int, values: Floats) -> Floats:
    inner = edges.line >= 0
    return np.bincount(edges.line[inner], weights=values[inner], minlength=count).astype(np.float64)


def _rural_lines(edges: Edges, count: int, cell_area_m2: Floats) -> np.ndarray:
    """Which lines run through land of large cells, by the length-weighted mean of the cells beside them."""
    beside = np.where(edges.cells >= 0, cell_area_m2[edges.cells], 0.0).max(axis=1)
    lengths = _line_sums(edges, count, edges.length_m)
    return np.asarray(_line_sums(edges, count, edges.length_m * beside) > _RURAL_CELL_M2 * lengths)


def _choose_kinds(seed: int, division: Division, edges: Edges, cell_area_m2: Floats) -> list[str]:
    """All streets at first; then lines drawn by seed, district by district, become walls or water."""
    count = division.mesh.line_count
    kinds = [WATER_KIND if line in division.river else STREET_KIND for line in range(count)]
    boundary = _line_sums(edges, count, edges.length_m * edges.between_cells)
    rural = _rural_lines(edges, count, cell_area_m2)
    levels = np.array(division.line_level)
    districts = np.array(division.line_district)
    for code in sorted(set(division.line_district)):
        lines = np.flatnonzero((districts == code) & (levels < BLOCK))
        random = generator(seed, code, 30)
        weights = np.array([_NO_STREET_WEIGHT[int(level)] for level in levels[lines]])
        weights[[line in division.stepped for line in lines]] *= _STEPPED_FACTOR
        order = lines[np.argsort(random.exponential(size=len(lines)) / weights, kind="stable")]
        left = _NO_STREET_SHARE * float(boundary[lines].sum())
        left -= math.fsum(boundary[line] for line in lines if kinds[line] == WATER_KIND)
        odd_one = random.random(len(order))
        for k, line in enumerate(order):
            if kinds[line] == WATER_KIND or boundary[line] > left:
                continue
            left -= float(boundary[line])
            wet = odd_one[k] > 0.15 if rural[line] or boundary[line] > _LONG_CANAL_M else odd_one[k] < 0.02
            kinds[line] = WATER_KIND if wet else WALL_KIND
    return kinds


def _connect_streets(division: Division, edges: Edges, kinds: list[str]) -> None:
    """Turn walls and canals beside cut-off pieces of the network into streets until it is in one piece.

    A piece beside none, on a spit between two shores, becomes walls.
    """
    pairs = edges.nodes.tolist()
    edges_of_line: dict[int, list[int]] = {}
    for edge, line in enumerate(edges.line.tolist()):
        if line >= 0:
            edges_of_line.setdefault(line, []).append(edge)
    nodes_of_line = {line: {n for edge in own for n in pairs[edge]} for line, own in edges_of_line.items()}
    sets = Sets(len(division.mesh.x))
    streets = [line for line in edges_of_line if kinds[line] == STREET_KIND]
    for line in streets:
        sets.join_all(nodes_of_line[line])
    length = _line_sums(edges, division.mesh.line_count, edges.length_m)
    others = [line for line in edges_of_line if kinds[line] != STREET_KIND and line not in division.river]
    others.sort(key=lambda line: (length[line], line))
    joined = True
    while joined:
        joined = False
        on_street = set().union(*(nodes_of_line[line] for line in streets))
        sizes = Counter(sets.root(node) for node in on_street)
        largest = max(sizes, key=lambda root: (sizes[root], -root))
        for line in others:
            beside = {sets.root(node) for node in nodes_of_line[line] & on_street}
            if kinds[line] != STREET_KIND and beside - {sets.root(largest)}:
                kinds[line] = STREET_KIND
                streets.append(line)
                sets.join_all(nodes_of_line[line])
                joined = True
    land = Sets(len(division.mesh.x))
    for a, b in pairs:
        land.join(a, b)
    largest_of: dict[int, int] = {}
    for root in sorted(sizes, key=lambda root: (-sizes[root], root)):
        largest_of.setdefault(land.root(root), root)
    for line in streets:
        root = sets.root(next(iter(nodes_of_line[line])))
        if largest_of[land.root(root)] != root:
            kinds[line] = WALL_KIND


class Sets:
    """Disjoint sets of numbers."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def root(self, item: int) -> int:
        """The number that stands for the set of ``item``."""
        parent = self.parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, a: int, b: int) -> None:
        """Make one set of the sets of a and b."""
        low, high = sorted((self.root(a), self.root(b)))
        self.parent[high] = low

    def join_all(self, items: Iterable[int]) -> None:
        """Join all of ``items``."""
        first, *others = items
        for other in others:
            self.join(first, other)


def _roads(mesh: Mesh, division: Division, edges: Edges, kinds: list[str]) -> Sets:
    """Join lines of one level and kind that run on straight across a junction."""
    roads = Sets(mesh.line_count)
    at_node: dict[int, list[tuple[int, float]]] = {}
    for (a, b), line, direction in zip(
        edges.nodes.tolist(), edges.line.tolist(), edges.direction.tolist(), strict=True
    ):
        if line >= 0:
            at_node.setdefault(a, []).append((line, direction))
            at_node.setdefault(b, []).append((line, direction + math.pi))
    for arms in at_node.values():
        for k, (line, direction) in enumerate(arms):
            for other, opposite in arms[k + 1 :]:
                same = division.line_level[line] == division.line_level[other] and kinds[line] == kinds[other]
                if same and math.cos(direction - opposite) < -0.94:
                    roads.join(line, other)
    return roads


def _names(
    seed: int, division: Division, edges: Edges, kinds: list[str], cell_area_m2: Floats
) -> list[str | None]:
    """Made-up names: one per road, no stem twice among the roads that begin in a district."""
    count = division.mesh.line_count
    roads = _roads(division.mesh, division, edges, kinds)
    length = _line_sums(edges, count, edges.length_m)
    eastward = _line_sums(edges, count, edges.length_m * np.abs(np.cos(edges.direction)))
    rural = _rural_lines(edges, count, cell_area_m2)
    stems: dict[str, list[str]] = {}
    of_road: dict[int, str] = {}
    names: list[str | None] = []
    for line in range(count):
        if line in division.river:
            names.append(RIVER_NAME)
            continue
        if kinds[line] == WALL_KIND:
            names.append(None)
            continue
        road = roads.root(line)
        if road not in of_road:
            code = division.line_district[road]
            if code not in stems:
                stems[code] = _stems(seed, code)
            is_east = bool(eastward[road] > 0.7 * length[road])
            suffix = _suffix(kinds[line], division.line_level[road], is_east, bool(rural[road]), length[road])
            of_road[road] = stems[code].pop() + suffix
        names.append(of_road[road])
    return names


def _stems(seed: int, code: str) -> list[str]:
    """All two-character stems in an order drawn by seed for the district; more than any district needs."""
    stems = [a + b for a in _FIRST for b in _SECOND if a != b]
    order = generator(seed, code, 31).permutation(len(stems) * 3)
    return [stems[k % len(stems)] + ("", "东", "西")[k // len(stems)] for k in order]


def _suffix(kind: str, level: int, is_east: bool, rural: bool, length_m: float) -> str:
    """The generic part of a name; in Tianjin streets that run east are 道, those that run north 路."""
    if kind == WATER_KIND:
        return "河" if length_m > 3 * _LONG_CANAL_M else "渠"
    if level == BLOCK:
        return "村路" if rural else ("胡同" if is_east else "巷")
    if level in (DISTRICT, STREET):
        return "公路" if rural else ("大道" if is_east else "大街")
    return "道" if is_east else "路"
