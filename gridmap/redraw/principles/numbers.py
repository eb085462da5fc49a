"""The numbers of each cell and each inner edge that all figures are sums of; after a redraw only what changed.

Imports ``ground`` and below.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.coverage.codes import codes_of
from gridmap.coverage.edges import edges_of
from gridmap.coverage.grid import Grid
from gridmap.crs import Floats, from_wgs84
from gridmap.model import CELL_KINDS
from gridmap.redraw.change import Redrawn
from gridmap.redraw.principles.along import TOLERANCES_M, Segments
from gridmap.redraw.principles.ground import Ground, Outlines
from gridmap.shapes import Geometries

Ints = NDArray[np.int32]
_RANDOM_EDGES = 20_000
_RANDOM_MOVE_M = (100.0, 500.0)
# What random lines are, in words that stand beside their figures.
RANDOM_LINES = (
    f"{_RANDOM_EDGES:,} inner edges drawn by length, each moved {_RANDOM_MOVE_M[0]:g} to {_RANDOM_MOVE_M[1]:g} m "
    "in a random direction and turned by a random angle"
)
# Nearer to the whole than this is the whole: coordinates are rounded.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class InnerEdges:
    """m edges with a cell on both sides.

    ``ends`` (m, 4) in degrees, ``sides`` (m, 2) positions of the cells, ``length_m`` (m,), ``along_m`` (m, 3):
    what of the length runs along a line; None without lines.
    """

    ends: Floats
    sides: Ints
    length_m: Floats
    along_m: Floats | None

    @cached_property
    def total_m(self) -> Floats:
        """The length of all edges, and what of it runs along a line, NaN without lines: shape (4,)."""
        along = np.full(len(TOLERANCES_M), np.nan) if self.along_m is None else self.along_m.sum(axis=0)
        return np.concatenate([[self.length_m.sum()], along])

    @cached_property
    def by_cell(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Edges in the order of the cells at their sides, each twice; and where each cell's begin."""
        order = np.argsort(self.sides.ravel(), kind="stable")
        firsts = np.searchsorted(self.sides.ravel()[order], np.arange(self.sides.max(initial=-1) + 2))
        return order // 2, firsts

    def at(self, cells: NDArray[np.intp]) -> NDArray[np.intp]:
        """The edges of some cells, sorted, each once."""
        edges, firsts = self.by_cell
        rows = [edges[firsts[cell] : firsts[cell + 1]] for cell in cells.tolist() if cell + 1 < len(firsts)]
        return np.unique(np.concatenate(rows)) if rows else np.empty(0, np.intp)

    def part(self, rows: NDArray[np.intp]) -> InnerEdges:
        """Some of the edges."""
        along = None if self.along_m is None else self.along_m[rows]
        return InnerEdges(self.ends[rows], self.sides[rows], self.length_m[rows], along)


@dataclass(frozen=True, eq=False)
class CellNumbers:
    """Of n cells in the order of the grid, each of shape (n,).

    - ``nest``: the largest share of a cell's area in one outline of K, NaN without outlines.
    - ``elsewhere``: whether that outline is another one than its community's; ``prefixed``: whether its code
      begins with its community's.
    - ``area_m2``, ``perimeter_m``; ``kinds``: the position of its kind in CELL_KINDS; ``ids``.
    """

    nest: Floats
    elsewhere: NDArray[np.bool_]
    prefixed: NDArray[np.bool_]
    area_m2: Floats
    perimeter_m: Floats
    kinds: NDArray[np.int8]
    ids: NDArray[np.int64]

    def applied(self, redrawn: Redrawn, drawn: CellNumbers) -> CellNumbers:
        """These after a redraw, with the rows of ``drawn`` for the cells that it draws."""
        rows = {}
        for each in fields(self):
            kept = np.delete(getattr(self, each.name), redrawn.gone)
            new = getattr(drawn, each.name)
            rows[each.name] = np.insert(kept, redrawn.drawn - np.arange(len(redrawn.drawn)), new)
        return CellNumbers(**rows)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A grid's cells and inner edges as numbers.

    ``size``: households or workload of each cell, None without buildings; ``placed``: buildings, and of each the
    position of its cell. After a redraw ``edges`` are only those of drawn cells, and ``placed`` only the buildings
    that stood in cells which are gone.
    """

    grid: Grid
    cells: CellNumbers
    edges: InnerEdges
    total_m: Floats
    outlines: Outlines | None
    size: Floats | None
    placed: tuple[NDArray[np.intp], Ints] | None
    random_shares: tuple[float, ...] = ()


def numbers_of(grid: Grid, ground: Ground, base: Grid | None = None) -> Numbers:
    """Everything from nothing: seconds for a whole city. Without outlines K the unions of ``base`` stand in.

    Communities that began or ended since are as ``grid`` draws them.
    """
    outlines = ground.communities or (None if base is None else unions_of(base, ground))
    if outlines is not None and ground.communities is None:
        begun_or_ended = {cell.community for cell in grid.cells} ^ set(outlines.codes)
        outlines = with_moved(outlines, grid, begun_or_ended) if begun_or_ended else outlines
    every = grid.index.degrees
    cells = _cell_numbers(grid, np.arange(len(every)), ground, outlines)
    edges = edges_of(every, codes_of([cell.code for cell in grid.cells]))
    inner = (edges.cells > 0).all(axis=1)
    ends, sides = edges.ends[inner], (edges.cells[inner] - 1).astype(np.int32)
    measured = InnerEdges(ends, sides, *_along(ends, ground.city.metric_crs, ground.segments))
    placed = size = None
    if ground.buildings is not None:
        positions, _ = grid.index.locate_many(ground.buildings.lon, ground.buildings.lat)
        placed = (np.arange(len(positions)), positions)
        size = _sizes(placed, ground, len(every))
    chance = _random_shares(ends, measured.length_m, ground)
    return Numbers(grid, cells, measured, measured.total_m, outlines, size, placed, chance)


def unions_of(grid: Grid, ground: Ground) -> Outlines:
    """The lowest areas' unions, which stand for outlines where there are none from outside."""
    codes = np.array([cell.community for cell in grid.cells], dtype=object)
    order = np.argsort(codes, kind="stable")
    names, starts = np.unique(codes[order], return_index=True)
    parts = np.split(grid.index.degrees[order], starts[1:])
    shapes: Geometries = np.empty(len(parts), object)
    shapes[:] = [shapely.coverage_union_all(part) for part in parts]
    source = f"the unions of revision {grid.revision.number}"
    return Outlines(ground.city.lowest_level, tuple(str(name) for name in names), shapes, source)


def with_moved(outlines: Outlines, after: Grid, moved: Collection[str]) -> Outlines:
    """Unions that stand for outlines, with some communities as they are in a grid after a change."""
    kept = [at for at, code in enumerate(outlines.codes) if code not in moved]
    cells = np.array([cell.community for cell in after.cells], dtype=object)
    there = sorted(set(moved) & set(cells.tolist()))
    shapes: Geometries = np.empty(len(kept) + len(there), object)
    shapes[: len(kept)] = outlines.shapes[kept]
    shapes[len(kept) :] = [shapely.coverage_union_all(after.index.degrees[cells == code]) for code in there]
    codes = (*(outlines.codes[at] for at in kept), *there)
    source = f"{outlines.source}; as the change draws them {', '.join(sorted(moved))}"
    return Outlines(outlines.level, codes, shapes, source)


def numbers_after(before: Numbers, redrawn: Redrawn, ground: Ground, outlines: Outlines | None) -> Numbers:
    """The numbers after a redraw of a grid whose numbers are whole; only those of drawn cells are computed.

    ``outlines``: to tell nesting by, from outside, or those of the base as far as the change leaves them.
    """
    drawn, after = redrawn.drawn, redrawn.grid
    cells = before.cells.applied(redrawn, _cell_numbers(after, drawn, ground, outlines))
    edges, total_m = _edges_after(before, redrawn, ground)
    size, placed = before.size, before.placed
    if before.placed is not None and size is not None and ground.buildings is not None:
        lost = np.flatnonzero(np.isin(before.placed[1], redrawn.gone))
        positions, _ = after.index.locate_many(ground.buildings.lon[lost], ground.buildings.lat[lost])
        placed = (lost, positions)
        size = np.insert(np.delete(size, redrawn.gone), drawn - np.arange(len(drawn)), 0.0)
        size[drawn] = _sizes(placed, ground, len(after.cells))[drawn]
    return Numbers(after, cells, edges, total_m, outlines, size, placed, before.random_shares)


def _cell_numbers(
    grid: Grid, positions: NDArray[np.intp], ground: Ground, outlines: Outlines | None
) -> CellNumbers:
    shapes = grid.index.degrees[positions]
    cells = [grid.cells[at] for at in positions.tolist()]
    nest, home = _nest(shapes, ground, outlines)
    codes = () if outlines is None else outlines.codes
    metric = ground.metric(shapes)
    pairs = list(zip(cells, home.tolist(), strict=True))
    return CellNumbers(
        nest,
        np.array([at >= 0 and codes[at] != cell.community for cell, at in pairs], bool),
        np.array([cell.code.startswith(cell.community) for cell in cells], bool),
        shapely.area(metric),
        shapely.length(metric),
        np.array([CELL_KINDS.index(cell.kind) for cell in cells], np.int8),
        np.array([cell.id for cell in cells], np.int64),
    )


def _nest(shapes: Geometries, ground: Ground, outlines: Outlines | None) -> tuple[Floats, NDArray[np.intp]]:
    if outlines is None:
        return np.full(len(shapes), np.nan), np.full(len(shapes), -1, np.intp)
    nest, home = np.zeros(len(shapes)), np.full(len(shapes), -1, np.intp)
    inside, outline = outlines.tree.query(shapes, predicate="covered_by")
    nest[inside], home[inside] = 1.0, outline
    rest = np.flatnonzero(nest < 1.0)
    crossing, outline = outlines.tree.query(shapes[rest], predicate="intersects")
    common = shapely.intersection(shapes[rest][crossing], outlines.shapes[outline])
    shares = ground.area_m2(common) / ground.area_m2(shapes[rest])[crossing]
    order = np.lexsort((-outline, shares))  # the largest comes last, of equal ones the first outline
    nest[rest[crossing[order]]], home[rest[crossing[order]]] = shares[order], outline[order]
    nest[nest > 1.0 - _ROUNDING] = 1.0
    return nest, home


def _along(ends: Floats, metric_crs: str, segments: Segments | None) -> tuple[Floats, Floats | None]:
    metric = np.column_stack(
        [*from_wgs84(metric_crs, ends[:, 0], ends[:, 1]), *from_wgs84(metric_crs, ends[:, 2], ends[:, 3])]
    )
    length_m = np.hypot(metric[:, 2] - metric[:, 0], metric[:, 3] - metric[:, 1])
    return length_m, None if segments is None else segments.along_m(metric)


def _random_shares(ends: Floats, length_m: Floats, ground: Ground, seed: int = 0) -> tuple[float, ...]:
    """The share along lines of edges put where chance has it, within each of TOLERANCES_M."""
    if ground.segments is None or not len(ends):
        return ()
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(ends), _RANDOM_EDGES, p=length_m / length_m.sum())
    lon, lat = ends[chosen][:, [0, 2]].mean(axis=1), ends[chosen][:, [1, 3]].mean(axis=1)
    x, y = from_wgs84(ground.city.metric_crs, lon, lat)
    away, (way, turn) = rng.uniform(*_RANDOM_MOVE_M, len(x)), rng.uniform(0, 2 * np.pi, (2, len(x)))
    x, y, half = x + away * np.cos(way), y + away * np.sin(way), length_m[chosen] / 2
    dx, dy = half * np.cos(turn), half * np.sin(turn)
    along = ground.segments.along_m(np.column_stack([x - dx, y - dy, x + dx, y + dy]))
    return tuple(float(share) for share in along.sum(axis=0) / (2 * half).sum())


def _sizes(placed: tuple[NDArray[np.intp], Ints], ground: Ground, count: int) -> Floats:
    assert ground.buildings is not None
    which, positions = placed
    inside = positions >= 0
    sizes: Floats = np.bincount(positions[inside], ground.buildings.weights[which[inside]], count).astype(
        np.float64
    )
    return sizes


def _edges_after(before: Numbers, redrawn: Redrawn, ground: Ground) -> tuple[InnerEdges, Floats]:
    """The inner edges of drawn cells, which find who lies across among those that stay; and the sums of all."""
    old = before.edges.part(before.edges.at(redrawn.gone))
    kept = np.full(len(before.grid.cells), -1, np.int32)
    kept[np.delete(np.arange(len(kept)), redrawn.gone)] = np.delete(
        np.arange(len(redrawn.grid.cells)), redrawn.drawn
    )
    sides = kept[old.sides]
    across = {old.ends[at].tobytes(): int(sides[at].max()) for at in np.flatnonzero((sides >= 0).any(axis=1))}
    drawn = redrawn.drawn
    new = edges_of(redrawn.grid.index.degrees[drawn], redrawn.grid.index.codes[drawn])
    owners = np.where(new.cells > 0, drawn[np.maximum(new.cells - 1, 0)], -1).astype(np.int32)
    for at in np.flatnonzero((owners < 0).any(axis=1)):
        owners[at][owners[at] < 0] = across.get(new.ends[at].tobytes(), -1)
    inner = (owners >= 0).all(axis=1)
    ends = new.ends[inner]
    edges = InnerEdges(ends, owners[inner], *_along(ends, ground.city.metric_crs, ground.segments))
    return edges, before.total_m - old.total_m + edges.total_m
