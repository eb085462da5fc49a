"""The made-up grid of Tianjin: cells, street blocks, street network and outlines, from one seed.

Imports the other geometry modules here. Pure: reads areas.csv and the installed outlines, writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from data.tianjin.cells import CellFacts, describe_cells
from data.tianjin.divide import Division, Progress, divide
from data.tianjin.mesh import Mesh
from data.tianjin.network import Edges, Network, build_network, edges_of
from data.tianjin.outlines import read_outlines
from data.tianjin.plane import Floats, Integers, ring_area, to_plane
from data.tianjin.rings import face_rings, group_rings, line_strings, polygons
from data.tianjin.targets import DISTRICT_CENTRES, community_targets
from data.tianjin.warp import AS_PLANNED, FINEST, Shape, Warp
from gridmap.errors import InvalidInput, RuleBroken

SEED = 20230
CELLS = 22_000
CRS = "EPSG:4326"


@dataclass(frozen=True, slots=True)
class Grid:
    """The layers of the demo city, all in EPSG:4326, lon lat, 9 decimals.

    - ``cells``: code, community, name, kind, services (list of str), households, residents, geometry; a
      valid coverage, every cell one polygon without holes, by code.
    - ``outlines``: level, code, name, source, date, geometry: the real districts and their union.
    - ``lines``: id (from 1), name (None for walls), kind (street, water, wall), road_class (arterial, secondary,
      local, lane; None unless a street), geometry (LineString). The outer line of the city is no line.
    - ``blocks``: cell (code), geometry: the finest faces of the street network; they add up to the cells.
    """

    cells: gpd.GeoDataFrame
    outlines: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    blocks: gpd.GeoDataFrame


def build_grid(
    seed: int = SEED,
    districts: Sequence[str] | None = None,
    cells: int = CELLS,
    progress: Progress | None = None,
) -> Grid:
    """Build the grid; the same arguments give the same bytes.

    ``cells`` is the number for the whole city; with ``districts`` (6-digit codes) only these are built, each
    community with as many cells as in the whole city, and the outer line is that of their union.
    ``progress(done, total, what)`` is called on the way. Raises InvalidInput for an unknown district or too
    few cells, LoadRefused without the outlines, RuleBroken when no valid coverage can be made.
    """
    targets = community_targets(seed, cells)
    if cells < len(targets):
        raise InvalidInput("cells", cells, f"must be at least one for each of {len(targets)} communities")
    codes = _checked_districts(districts)
    report = progress or _silent
    outlines = _chosen_outlines(codes)
    mesh = _mesh_of(outlines, codes)
    division = divide(seed, mesh, codes, targets, report)
    edges = edges_of(division)
    rings = group_rings(mesh, division.cell_of, len(division.cells))
    area_m2 = _areas(mesh, rings)
    network = build_network(seed, division, edges, area_m2)
    origin = np.array(mesh.origin, dtype=np.int64)
    shape, blocks = _valid_shape(seed, mesh, edges, network, area_m2, report)
    shapes = polygons(rings, shape, origin)
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    facts = describe_cells(seed, targets, division.cells, middle, area_m2)
    report(1, 1, "layers")
    return Grid(
        cells=_cell_layer(facts, shapes),
        outlines=outlines,
        lines=_line_layer(division, edges, network, shape, origin),
        blocks=_block_layer(facts, division, blocks),
    )


def _silent(done: int, total: int, what: str) -> None:
    """Report nothing."""


def _checked_districts(districts: Sequence[str] | None) -> list[str]:
    if districts is None:
        return sorted(DISTRICT_CENTRES)
    if not districts:
        raise InvalidInput("districts", list(districts), "must name at least one district")
    for code in districts:
        if code not in DISTRICT_CENTRES:
            raise InvalidInput("districts", code, f"must be one of {sorted(DISTRICT_CENTRES)}")
    return sorted(set(districts))


def _chosen_outlines(codes: list[str]) -> gpd.GeoDataFrame:
    """The outlines of the chosen districts; the city is then their union."""
    outlines = read_outlines()
    chosen = outlines[outlines["code"].isin(codes) | (outlines["level"] == "city")].reset_index(drop=True)
    union = shapely.coverage_union_all(chosen.geometry.to_numpy()[1:])
    return chosen.set_geometry([union, *chosen.geometry.to_numpy()[1:]], crs=CRS)


def _mesh_of(outlines: gpd.GeoDataFrame, codes: list[str]) -> Mesh:
    """A mesh with one face per district, whose nodes are the vertices of the outlines."""
    shapes = outlines.set_index("code").geometry
    numbers: dict[tuple[float, float], int] = {}
    rings = []
    for code in codes:
        exterior = shapely.geometry.polygon.orient(shapes[code]).exterior
        rings.append([numbers.setdefault((p[0], p[1]), len(numbers)) for p in exterior.coords[:-1]])
    return Mesh(to_plane(np.array(list(numbers))), rings)


def _areas(mesh: Mesh, rings: list[list[int]]) -> Floats:
    positions = np.column_stack((mesh.x, mesh.y))
    origin = np.array(mesh.origin, dtype=np.int64)
    return np.array([ring_area(positions[origin[ring]]) for ring in rings])


def _valid_shape(
    seed: int, mesh: Mesh, edges: Edges, network: Network, area_m2: Floats, report: Progress
) -> tuple[Shape, np.ndarray]:
    """Bend the plan, and redraw the edges of blocks that then cross others, more closely in each round.

    Returns the coordinates and the blocks' polygons, which are a valid coverage.
    """
    positions = np.column_stack((mesh.x, mesh.y))
    origin = np.array(mesh.origin, dtype=np.int64)
    outside = edges.nodes[edges.line < 0]
    warp = Warp(seed, positions, edges, network.kinds, area_m2, shapely.multilinestrings(list(positions[outside])))
    rings = face_rings(mesh)
    faces = np.array(mesh.face, dtype=np.int64).reshape(-1, 2)
    drawn = np.full(mesh.edge_count, AS_PLANNED)
    rounds = 8
    for turn in range(rounds):
        report(turn, rounds, "checking the coverage")
        shape = warp.shape(drawn)
        blocks = polygons(rings, shape, origin)
        bad = ~shapely.is_valid(blocks)
        bad |= ~shapely.is_empty(shapely.coverage_invalid_edges(blocks))
        if not bad.any():
            return shape, blocks
        # Face -1, the outside, is never bad.
        beside = np.append(bad, False)[faces].any(axis=1)
        drawn[beside] = np.minimum(drawn[beside] + 1, FINEST)
    raise RuleBroken(f"seed {seed}: {int(bad.sum())} blocks still cross others after {rounds} rounds")


def _cell_layer(facts: CellFacts, shapes: np.ndarray) -> gpd.GeoDataFrame:
    layer = gpd.GeoDataFrame(
        {
            "code": facts.codes,
            "community": facts.communities,
            "name": facts.names,
            "kind": facts.kinds,
            "services": facts.services,
            "households": facts.households,
            "residents": facts.residents,
        },
        geometry=shapes,
        crs=CRS,
    )
    return layer.sort_values("code", ignore_index=True)


def _block_layer(facts: CellFacts, division: Division, blocks: np.ndarray) -> gpd.GeoDataFrame:
    cells = np.array(facts.codes)[np.array(division.cell_of)]
    layer = gpd.GeoDataFrame({"cell": cells}, geometry=blocks, crs=CRS)
    return layer.sort_values("cell", kind="stable", ignore_index=True)


def _line_layer(
    division: Division, edges: Edges, network: Network, shape: Shape, origin: Integers
) -> gpd.GeoDataFrame:
    begin = np.array(division.mesh.begin)
    order = np.lexsort((begin, edges.line))
    order = order[edges.line[order] >= 0]
    starts = np.flatnonzero(np.diff(edges.line[order], prepend=-1))
    # The even half-edge of each edge runs along its line.
    paths = [(2 * part).tolist() for part in np.split(order, starts[1:])]
    return gpd.GeoDataFrame(
        {
            "id": np.arange(1, len(paths) + 1),
            "name": network.names,
            "kind": network.kinds,
            "road_class": network.classes,
        },
        geometry=line_strings(paths, shape, origin),
        crs=CRS,
    )
