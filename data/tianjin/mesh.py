"""A half-edge mesh: faces cut by lines, where both sides of an edge share its nodes by construction.

Imports only plane. Half-edge ``h`` belongs to edge ``h >> 1``; its twin is ``h ^ 1``; faces run
counter-clockwise. Face -1 is the outside, which has no ring of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from data.tianjin.plane import Floats

OUTSIDE = -1


class Mesh:
    """Nodes, half-edges and faces in the plane; grows by inserting nodes and splitting faces."""

    def __init__(self, points: Floats, rings: Sequence[Sequence[int]]) -> None:
        """Build from node positions (n, 2) and one counter-clockwise ring of node numbers per face."""
        self.x: list[float] = points[:, 0].tolist()
        self.y: list[float] = points[:, 1].tolist()
        self.degree = [0] * len(self.x)
        self.origin: list[int] = []
        self.next: list[int] = []
        self.previous: list[int] = []
        self.face: list[int] = []
        # Per edge: the line it belongs to and where along it the even half-edge begins and ends.
        self.line: list[int] = []
        self.begin: list[float] = []
        self.end: list[float] = []
        self.face_start: list[int] = []
        self.line_count = 0
        known: dict[tuple[int, int], int] = {}
        for ring in rings:
            self._add_ring(ring, known)

    def _add_ring(self, ring: Sequence[int], known: dict[tuple[int, int], int]) -> None:
        face = len(self.face_start)
        sides = list(zip(ring, [*ring[1:], ring[0]], strict=True))
        half_edges = []
        for a, b in sides:
            if (a, b) not in known:
                edge = self._add_edge(a, b, OUTSIDE, 0.0, 1.0)
                known[a, b], known[b, a] = 2 * edge, 2 * edge + 1
                self.degree[a] += 1
                self.degree[b] += 1
            half_edges.append(known[a, b])
        for here, after in zip(half_edges, [*half_edges[1:], half_edges[0]], strict=True):
            self._link(here, after)
            self.face[here] = face
        self.face_start.append(half_edges[0])

    def _add_edge(self, a: int, b: int, line: int, begin: float, end: float) -> int:
        self.origin += (a, b)
        self.next += (-1, -1)
        self.previous += (-1, -1)
        self.face += (OUTSIDE, OUTSIDE)
        self.line.append(line)
        self.begin.append(begin)
        self.end.append(end)
        return len(self.line) - 1

    def _link(self, half_edge: int, after: int) -> None:
        self.next[half_edge] = after
        self.previous[after] = half_edge

    @property
    def edge_count(self) -> int:
        """How many edges there are."""
        return len(self.line)

    def new_line(self) -> int:
        """Return the number of a new line, to which edges can belong."""
        self.line_count += 1
        return self.line_count - 1

    def ring(self, face: int) -> list[int]:
        """Return the half-edges around ``face``, counter-clockwise."""
        start = self.face_start[face]
        ring = [start]
        after = self.next[start]
        while after != start:
            ring.append(after)
            after = self.next[after]
        return ring

    def insert_node(self, half_edge: int, share: float) -> int:
        """Put a node on ``half_edge`` at ``share`` of its way; return the half-edge that now starts there."""
        edge = half_edge >> 1
        even, odd = 2 * edge, 2 * edge + 1
        if half_edge == odd:
            share = 1.0 - share
        a, b = self.origin[even], self.origin[odd]
        node = len(self.x)
        self.x.append(self.x[a] + share * (self.x[b] - self.x[a]))
        self.y.append(self.y[a] + share * (self.y[b] - self.y[a]))
        self.degree.append(2)
        middle = self.begin[edge] + share * (self.end[edge] - self.begin[edge])
        new = self._add_edge(node, b, self.line[edge], middle, self.end[edge])
        self.end[edge] = middle
        self.origin[odd] = node
        self.face[2 * new], self.face[2 * new + 1] = self.face[even], self.face[odd]
        if self.face[even] != OUTSIDE:
            self._link(2 * new, self.next[even])
            self._link(even, 2 * new)
        if self.face[odd] != OUTSIDE:
            self._link(self.previous[odd], 2 * new + 1)
            self._link(2 * new + 1, odd)
        return 2 * new if half_edge == even else odd

    def move(self, node: int, x: float, y: float) -> None:
        """Put a node elsewhere; the caller sees to it that no edges cross."""
        self.x[node], self.y[node] = x, y

    def split_face(self, first: int, second: int, line: int) -> tuple[int, int]:
        """Join the origins of two half-edges of one face by an edge of ``line``.

        Returns the new edge, directed from the origin of ``first``, and the new face, which holds ``first``;
        the old face keeps ``second``.
        """
        a, b = self.origin[first], self.origin[second]
        old, new = self.face[first], len(self.face_start)
        before_first, before_second = self.previous[first], self.previous[second]
        edge = self._add_edge(a, b, line, 0.0, 1.0)
        self._link(before_first, 2 * edge)
        self._link(2 * edge, second)
        self._link(before_second, 2 * edge + 1)
        self._link(2 * edge + 1, first)
        self.degree[a] += 1
        self.degree[b] += 1
        self.face[2 * edge] = old
        self.face_start[old] = 2 * edge
        self.face_start.append(first)
        for half_edge in self.ring(new):
            self.face[half_edge] = new
        return edge, new
