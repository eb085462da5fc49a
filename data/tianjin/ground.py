"""One district's ground to build on: its cells and the sides of its street blocks, with the street they face.

Points of the made-up tables are laid along these sides. Imports draws and the geometry libraries only.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from data.tianjin.draws import Flags, Floats, Ints, rank_in_group

METRES_PER_DEGREE = 111_200.0  # of latitude near 39° N; good to 0.3 %, enough to place made-up things
Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Sides:
    """Edges of street blocks, sorted by cell and block.

    Every edge runs from ``start`` to ``end`` (n, 2; lon, lat) with its block on the left. It knows its cell
    (row of the ground's cells) and block, its length, how deep a thing may stand behind it, and its street:
    ``line`` (row of the ground's streets, -1 when it faces none), where on the line it begins (for an edge that
    runs against its line: ends), and whether the block is on the line's left side.
    """

    cell: Ints
    block: Ints
    start: Floats
    end: Floats
    length_m: Floats
    depth_m: Floats
    line: Ints
    along_m: Floats
    left: Flags

    def of_cells(self, first: int, last: int) -> Sides:
        """The edges of the cells from ``first`` up to but not including ``last``, counted from ``first``."""
        low, high = np.searchsorted(self.cell, [first, last])
        return Sides(
            cell=self.cell[low:high] - first,
            block=self.block[low:high],
            start=self.start[low:high],
            end=self.end[low:high],
            length_m=self.length_m[low:high],
            depth_m=self.depth_m[low:high],
            line=self.line[low:high],
            along_m=self.along_m[low:high],
            left=self.left[low:high],
        )


@dataclass(frozen=True)
class Ground:
    """The cells of one district and the sides of their blocks.

    ``cells`` has code, community, kind, households, residents, density (households per km²) and is in code
    order; ``shapes`` are its polygons. ``streets`` are the whole city's named streets (id, name, geometry).
    """

    district: str
    cells: pd.DataFrame
    shapes: Shapes
    streets: gpd.GeoDataFrame
    sides: Sides

    def on_edge(self, edge: Ints, fraction: Floats) -> Floats:
        """Points (n, 2) at a fraction of each edge's way from start to end."""
        between: Floats = (
            self.sides.start[edge] + (self.sides.end[edge] - self.sides.start[edge]) * fraction[:, None]
        )
        return between

    def behind_edge(self, edge: Ints, fraction: Floats, depth: Floats) -> Floats:
        """Points (n, 2) at ``depth`` (times the edge's ``depth_m``) inside the block, strictly in its cell.

        Rounded to 7 decimals (a centimetre). What a sharp corner pushes out of the cell moves closer to the
        edge, at last to the cell's own inner point.
        """
        on_edge = self.on_edge(edge, fraction)
        scale = _metres_per_degree(on_edge[:, 1])
        course = (self.sides.end[edge] - self.sides.start[edge]) * scale
        course /= np.hypot(course[:, 0], course[:, 1])[:, None]
        inward = (
            np.column_stack((-course[:, 1], course[:, 0])) * (depth * self.sides.depth_m[edge])[:, None] / scale
        )
        points = np.round(on_edge + inward, 7)
        polygons = self.shapes[self.sides.cell[edge]]
        shapely.prepare(self.shapes)
        lost = np.flatnonzero(~shapely.contains_properly(polygons, shapely.points(points)))
        for share in (0.5, 0.25, 0.1, 0.04):
            points[lost] = np.round(on_edge[lost] + inward[lost] * share, 7)
            lost = lost[~shapely.contains_properly(polygons[lost], shapely.points(points[lost]))]
        points[lost] = np.round(shapely.get_coordinates(shapely.point_on_surface(polygons[lost])), 7)
        return points

    def on_cell_lines(self, rng: np.random.Generator, count: int) -> Floats:
        """Points (n, 2) on the cells' outlines: one half exactly on vertices, the other on edge midpoints."""
        start, end, _ = _segments(shapely.get_exterior_ring(self.shapes))
        edge = rng.integers(0, len(start), count)
        points = start[edge].copy()
        points[1::2] = (start[edge[1::2]] + end[edge[1::2]]) / 2.0
        return points

    def spread(self, counts: Ints, jitter: Floats) -> tuple[Ints, Floats]:
        """Evenly spread ``counts[c]`` things along the streets of each cell: their edges and fractions.

        ``jitter`` (0 to 1, one per thing) moves each within its own stretch. A cell whose blocks face no street
        uses all edges of its blocks.
        """
        facing = np.where(self.sides.line >= 0, self.sides.length_m, 0.0)
        frontage = np.bincount(self.sides.cell, weights=facing, minlength=len(self.cells))
        facing = np.where(frontage[self.sides.cell] > 0, facing, self.sides.length_m)
        cumulative = np.cumsum(facing)
        totals = np.bincount(self.sides.cell, weights=facing, minlength=len(self.cells))
        begins = np.r_[0.0, np.cumsum(totals)[:-1]]
        cell = np.repeat(np.arange(len(self.cells)), counts)
        step = (rank_in_group(cell) + 0.1 + 0.8 * jitter) / counts[cell]
        position = begins[cell] + step * totals[cell]
        edge = np.minimum(np.searchsorted(cumulative, position, side="right"), len(cumulative) - 1)
        fraction = 1.0 - (cumulative[edge] - position) / np.maximum(facing[edge], 1e-9)
        return edge.astype(np.int64), np.clip(fraction, 0.0, 1.0)


def survey(cells: gpd.GeoDataFrame, blocks: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> list[Ground]:
    """The grounds of all districts, in code order. Blocks and streets share their vertices exactly."""
    cells = cells.sort_values("code", kind="stable", ignore_index=True)
    shapes = np.asarray(cells.geometry.array, dtype=object)
    area_km2 = _area_km2(shapes)
    table = pd.DataFrame(cells[["code", "community", "kind", "households", "residents"]])
    table["density"] = table["households"] / area_km2
    streets = lines[(lines["kind"] == "street") & lines["name"].notna()]
    streets = streets.sort_values("id", kind="stable", ignore_index=True)[["id", "name", "geometry"]]
    sides = _sides(cells, blocks, streets)
    district_of = table["code"].str.slice(0, 6)
    grounds = []
    for district in sorted(set(district_of)):
        inside = np.flatnonzero(district_of == district)
        first, last = int(inside[0]), int(inside[-1]) + 1
        part = table.iloc[first:last].reset_index(drop=True)
        grounds.append(Ground(district, part, shapes[first:last], streets, sides.of_cells(first, last)))
    return grounds


def _metres_per_degree(lat: Floats) -> Floats:
    return METRES_PER_DEGREE * np.column_stack((np.cos(np.radians(lat)), np.ones(len(lat))))


def _area_km2(polygons: Shapes) -> Floats:
    middle = shapely.get_coordinates(shapely.centroid(polygons))[:, 1]
    scale = _metres_per_degree(middle)
    area: Floats = shapely.area(polygons) * scale[:, 0] * scale[:, 1] / 1e6
    return area


def _sides(cells: gpd.GeoDataFrame, blocks: gpd.GeoDataFrame, streets: gpd.GeoDataFrame) -> Sides:
    """All edges of the blocks' outer rings, sorted by cell and block, matched to the streets they lie on."""
    cell_of_block = pd.Index(cells["code"]).get_indexer(blocks["cell"])
    order = np.argsort(cell_of_block, kind="stable")
    polygons = shapely.orient_polygons(np.asarray(blocks.geometry.array, dtype=object)[order])
    start, end, block = _segments(shapely.get_exterior_ring(polygons))
    street_start, street_end, street = _segments(np.asarray(streets.geometry.array, dtype=object))
    row, same_way = _match(start, end, street_start, street_end)
    street_length = _lengths(street_start, street_end)
    before = np.cumsum(street_length) - street_length
    if len(street):
        first = np.flatnonzero(np.r_[True, street[1:] != street[:-1]])
        before -= np.repeat(before[first], np.diff(np.r_[first, len(street)]))
    found = row >= 0
    line = np.full(len(start), -1, dtype=np.int64)
    along = np.zeros(len(start))
    line[found] = street[row[found]]
    along[found] = before[row[found]]
    depth = np.clip(200.0 * np.sqrt(_area_km2(polygons)), 2.0, 25.0)  # a fifth of the block's width
    return Sides(
        cell=cell_of_block[order][block].astype(np.int64),
        block=block,
        start=start,
        end=end,
        length_m=_lengths(start, end),
        depth_m=depth[block],
        line=line,
        along_m=along,
        left=same_way,
    )


def _segments(lines: Shapes) -> tuple[Floats, Floats, Ints]:
    coordinates, owner = shapely.get_coordinates(lines, return_index=True)
    inside = owner[1:] == owner[:-1]
    return coordinates[:-1][inside], coordinates[1:][inside], owner[:-1][inside].astype(np.int64)


def _lengths(start: Floats, end: Floats) -> Floats:
    course = (end - start) * _metres_per_degree(start[:, 1])
    lengths: Floats = np.hypot(course[:, 0], course[:, 1])
    return lengths


def _match(start: Floats, end: Floats, other_start: Floats, other_end: Floats) -> tuple[Ints, Flags]:
    """For every edge the row of the other edges with the same two ends (-1: none), and whether it runs along."""
    points = np.concatenate((start, end, other_start, other_end))
    nodes = np.unique(points[:, 0] + 1j * points[:, 1], return_inverse=True)[1].astype(np.int64)
    size, other = len(start), len(other_start)
    begin, finish = nodes[:size], nodes[size : 2 * size]
    other_begin, other_finish = nodes[2 * size : 2 * size + other], nodes[2 * size + other :]
    count = len(points)
    key = np.minimum(begin, finish) * count + np.maximum(begin, finish)
    other_key = np.minimum(other_begin, other_finish) * count + np.maximum(other_begin, other_finish)
    known, first_row = np.unique(other_key, return_index=True)
    row = np.full(size, -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known, key), max(len(known) - 1, 0))
    found = known[place] == key if len(known) else np.zeros(size, dtype=np.bool_)
    row[found] = first_row[place[found]]
    same_way = np.ones(size, dtype=np.bool_)
    same_way[found] = begin[found] == other_begin[row[found]]
    return row, same_way


def points_outside(rng: np.random.Generator, region: BaseGeometry, count: int) -> Floats:
    """``count`` points (n, 2) outside ``region``, from about 1 to 20 km away from it, rounded to 7 decimals."""
    near = shapely.buffer(region, 0.01)
    far = shapely.buffer(region, 0.2)
    shapely.prepare(near)
    shapely.prepare(far)
    west, south, east, north = shapely.bounds(far)
    found = np.zeros((0, 2))
    while len(found) < count:
        tried = np.round(rng.uniform((west, south), (east, north), (4 * count, 2)), 7)
        points = shapely.points(tried)
        wanted = shapely.contains(far, points) & ~shapely.intersects(near, points)
        found = np.concatenate((found, tried[wanted]))
    return found[:count]
