"""``gridmap bench placement``: the index beside its peers, on the same cells and points, in one run on one core.

Methods take turns, round after round, so that a busy moment of the machine does not fall on one of them. Where
answers differ rational arithmetic says who is wrong, of the index as of the others.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import shapely

from gridmap.bench import peers
from gridmap.bench.peers import NotInstalled, Place
from gridmap.coverage import rational
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.crs import Floats
from gridmap.shapes import Geometries
from gridmap.store.database import Connection

Progress = Callable[[str], None]

ROUNDS = 3
# Slow ways get so many of the points that a round takes seconds, not minutes; what each got stands in the report.
_POINTS = {"postgis": 50_000, "postgis.indexed_points": 300_000}
_PEERS_POINTS = 500_000
_SINGLE_LOOKUPS = 100_000
_REDRAWS = 200
_JUDGED = 2_000


@dataclass
class Method:
    """How one way fared. ``slowest`` and ``fastest`` are of the rounds, ``points_per_s`` their median."""

    points: int
    points_per_s: float
    slowest: float
    fastest: float
    differences: int


@dataclass
class PlacementBench:
    """What ``--json`` prints. ``differences`` are answers that are not the lowest covering cell's.

    ``redraw_ms`` is a merge or split of neighbours in the whole index; ``left_out``: what was not there and why.
    """

    revision: int
    cells: int
    vertices: int
    points: int
    methods: dict[str, Method] = field(default_factory=dict)
    all_cores_points_per_s: float = 0.0
    single_us: dict[str, float] = field(default_factory=dict)
    build_s: float = 0.0
    index_mib: float = 0.0
    redraw_ms: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    machine: dict[str, object] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def bench_placement(
    connection: Connection, grid: Grid, count: int, seed: int, progress: Progress
) -> PlacementBench:
    """Measure everything on ``count`` seeded points over the grid, in random order."""
    cells = grid.index.degrees
    codes = [cell.code for cell in grid.cells]
    vertices = int(shapely.get_num_coordinates(cells).sum())
    report = PlacementBench(grid.revision.number, len(cells), vertices, count)
    report.versions = peers.versions()
    lon, lat = _points(grid, count, np.random.default_rng(seed))
    with _one_core() as core:
        report.machine = {"processor": _processor(), "cores": os.cpu_count(), "measured_on_core": core}
        progress("building the index")
        began = time.perf_counter()
        index = CoverageIndex.build(cells, grid.index.metric_crs, codes)
        report.build_s = round(time.perf_counter() - began, 3)
        report.index_mib = round(index.nbytes / 2**20, 1)
        ways: dict[str, Place] = {"gridmap": lambda x, y: index.locate_many(x, y)[0].astype(np.int64)}
        ways |= _peers(connection, grid, report)
        _measure(ways, lon, lat, report, progress)
        _judge(grid, ways, lon, lat, report, progress)
        progress("single look-ups, redraws")
        report.single_us = _single(index, lon, lat)
        report.redraw_ms = _redraws(index, grid, np.random.default_rng(seed))
    began = time.perf_counter()
    index.locate_many(lon, lat, threads=0)
    report.all_cores_points_per_s = round(count / (time.perf_counter() - began))
    return report


@dataclass
class CopiesBench:
    """What a large grid costs: copies of a city's cells side by side, on one core."""

    cells: int
    vertices: int
    points: int
    build_s: float
    index_mib: float
    points_per_s: float
    peak_memory_mib: int


def bench_copies(grid: Grid, copies: int, count: int, seed: int, progress: Progress) -> CopiesBench:
    """Build and ask an index over ``copies`` of the grid in a square; points at random, in random order."""
    west, south, east, north = grid.index.bounds
    width, height = (east - west) * 1.01, (north - south) * 1.01
    across = math.ceil(math.sqrt(copies))
    progress(f"making {copies} copies of {len(grid.cells):,} cells")
    parts, codes = [], []
    for number in range(copies):
        row, column = divmod(number, across)
        # around the city, so that the copies stay on earth
        step = np.array([(column - across // 2) * width, (row - across // 2) * height])
        parts.append(shapely.transform(grid.index.degrees, partial(np.add, step)))
        codes += [f"{number:03d}{cell.code}" for cell in grid.cells]
    cells: Geometries = np.concatenate(parts)
    report = CopiesBench(len(cells), int(shapely.get_num_coordinates(cells).sum()), count, 0.0, 0.0, 0.0, 0)
    both = np.random.default_rng(seed).uniform(
        shapely.total_bounds(cells)[:2], shapely.total_bounds(cells)[2:], (count, 2)
    )
    lon, lat = both[:, 0].copy(), both[:, 1].copy()
    with _one_core():
        progress("building the index")
        began = time.perf_counter()
        index = CoverageIndex.build(cells, "EPSG:3857", codes)
        report.build_s = round(time.perf_counter() - began, 2)
        report.index_mib = round(index.nbytes / 2**20, 1)
        progress("placing")
        speeds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            index.locate_many(lon, lat)
            speeds.append(count / (time.perf_counter() - began))
    report.points_per_s = round(median(speeds))
    report.peak_memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return report


def _points(grid: Grid, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """98 % at random in the city, 1 % on vertices and middles of edges, 1 % outside; shuffled."""
    west, south, east, north = grid.index.bounds
    inside: list[Floats] = []
    outside: list[Floats] = []
    border = count // 100
    while sum(map(len, inside)) < count - 2 * border or sum(map(len, outside)) < border:
        both = rng.uniform((west, south), (east, north), (count, 2))
        there = grid.index.locate_many(both[:, 0], both[:, 1])[0] >= 0
        inside.append(both[there])
        outside.append(both[~there])
    rings, owner = shapely.get_coordinates(grid.index.degrees, return_index=True)
    starts = rng.choice(np.flatnonzero(owner[1:] == owner[:-1]), border)
    share = rng.choice([0.0, 0.5], (border, 1))
    on_edges = rings[starts] * (1 - share) + rings[starts + 1] * share
    chosen = np.concatenate(
        [np.concatenate(inside)[: count - 2 * border], on_edges, np.concatenate(outside)[:border]]
    )
    rng.shuffle(chosen)
    return chosen[:, 0].copy(), chosen[:, 1].copy()


def _peers(connection: Connection, grid: Grid, report: PlacementBench) -> dict[str, Place]:
    cells = grid.index.degrees.copy()
    made: dict[str, Place] = {}
    makers: dict[str, Callable[[], Place]] = {
        "geopandas.sjoin": lambda: peers.sjoin(cells),
        "shapely.STRtree": lambda: peers.strtree(cells),
        "duckdb": lambda: peers.duckdb_spatial(cells),
        "sedonadb": lambda: peers.sedona(cells),
        "postgis": lambda: peers.postgis(connection, grid.revision.number, grid.by_code, "own"),
        "postgis.indexed_points": lambda: peers.postgis(
            connection, grid.revision.number, grid.by_code, "indexed_points"
        ),
    }
    for name, make in makers.items():
        try:
            made[name] = make()
        except NotInstalled as missing:
            report.left_out[name] = str(missing)
    return made


def _share(name: str, count: int) -> int:
    return count if name == "gridmap" else min(count, _POINTS.get(name, _PEERS_POINTS))


def _measure(
    ways: Mapping[str, Place], lon: Floats, lat: Floats, report: PlacementBench, progress: Progress
) -> None:
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(1, ROUNDS + 1):
        for name, place in ways.items():
            progress(f"round {round_} of {ROUNDS}: {name}")
            count = _share(name, len(lon))
            began = time.perf_counter()
            place(lon[:count], lat[:count])
            speeds[name].append(count / (time.perf_counter() - began))
    for name, each in speeds.items():
        slowest, middle, fastest = round(min(each)), round(median(each)), round(max(each))
        report.methods[name] = Method(_share(name, len(lon)), middle, slowest, fastest, 0)


def _judge(
    grid: Grid, ways: Mapping[str, Place], lon: Floats, lat: Floats, report: PlacementBench, progress: Progress
) -> None:
    """Count each way's wrong answers: where all agree there is no dispute, but some of these are judged too."""
    progress("comparing the answers")
    compared = min(len(lon), _PEERS_POINTS)
    answers = {}
    for name, place in ways.items():
        count = _share(name, compared)
        answers[name] = place(lon[:count], lat[:count])
    ours = answers["gridmap"]
    disputed = {i for answer in answers.values() for i in np.flatnonzero(answer != ours[: len(answer)]).tolist()}
    judged = disputed | set(np.linspace(0, compared - 1, min(_JUDGED, compared)).astype(int).tolist())
    for i in judged:
        truth = rational.lowest_covering(grid.index.degrees, float(lon[i]), float(lat[i]))
        for name, answer in answers.items():
            if i < len(answer) and answer[i] != truth:
                report.methods[name].differences += 1


def _single(index: CoverageIndex, lon: Floats, lat: Floats) -> dict[str, float]:
    """Microseconds of one look-up from Python, the clock's own taken off."""
    points = list(zip(lon[:_SINGLE_LOOKUPS].tolist(), lat[:_SINGLE_LOOKUPS].tolist(), strict=True))
    clock = time.perf_counter_ns
    spent = np.empty(len(points))
    for i, (x, y) in enumerate(points):
        began = clock()
        index.locate(x, y)
        spent[i] = clock() - began
    idle = np.array([clock() - clock() for _ in range(1000)])
    spent = (spent + np.median(idle)) / 1000.0
    return {"p50": round(float(np.percentile(spent, 50)), 2), "p99": round(float(np.percentile(spent, 99)), 2)}


def _redraws(index: CoverageIndex, grid: Grid, rng: np.random.Generator) -> dict[str, float]:
    """Milliseconds of a redraw: two neighbours become one cell, which then is split into the two again."""
    codes = [cell.code for cell in grid.cells]
    spent: list[float] = []
    while len(spent) < _REDRAWS:
        one = int(rng.integers(len(codes)))
        touching = [near.position for near in index.candidates(*_on_edge(grid, one), 0.0) if near.position != one]
        if not touching:
            continue
        pair = {codes[position]: grid.index.degrees[position] for position in (one, touching[0])}
        union = {codes[one] + "M": shapely.coverage_union_all(list(pair.values()))}
        for ended, drawn in ((pair, union), (union, pair)):
            began = time.perf_counter()
            index = index.redrawn(list(ended), drawn)
            spent.append((time.perf_counter() - began) * 1000.0)
    return {"p50": round(float(np.percentile(spent, 50)), 2), "p99": round(float(np.percentile(spent, 99)), 2)}


def _on_edge(grid: Grid, position: int) -> tuple[float, float]:
    ring = shapely.get_coordinates(grid.index.degrees[position])
    lon, lat = (ring[0] + ring[1]) / 2
    return float(lon), float(lat)


@contextmanager
def _one_core() -> Iterator[int]:
    """Keep this process and what it starts to one core."""
    allowed = os.sched_getaffinity(0)
    core = max(allowed)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, allowed)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
