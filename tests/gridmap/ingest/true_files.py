"""Files of points that are in the crs they say, of as many shapes and sizes as a city has; and nobody's files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.coverage.index import CoverageIndex
from gridmap.ingest.crs_check import BuildingSquares

ROOT = Path(__file__).parents[3]
METRIC = "EPSG:4548"
_DEGREE_M = 111_195.0

Pairs = NDArray[np.float64]


@dataclass(frozen=True)
class Ground:
    """A city's files in memory: cells, their index, buildings and points."""

    cells: gpd.GeoDataFrame
    index: CoverageIndex
    squares: BuildingSquares
    buildings: pd.DataFrame
    elements: pd.DataFrame
    incidents: pd.DataFrame
    lines: gpd.GeoDataFrame


def ground_of(folder: Path) -> Ground:
    """Read the demo city's files."""
    cells = gpd.read_parquet(folder / "cells.parquet").sort_values("code", ignore_index=True)
    buildings, elements, incidents = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("buildings", "elements", "incidents")
    )
    return Ground(
        cells,
        CoverageIndex.build(cells.geometry.to_numpy(), METRIC),
        BuildingSquares(buildings["lon"].to_numpy(), buildings["lat"].to_numpy(), METRIC),
        buildings,
        elements,
        incidents,
        gpd.read_parquet(folder / "lines.parquet"),
    )


def pairs(frame: pd.DataFrame) -> Pairs:
    """lon, lat of shape (n, 2)."""
    return frame[["lon", "lat"]].to_numpy(np.float64)


def moved(points: Pairs, rng: np.random.Generator, metres: float) -> Pairs:
    """The points with a normal error of so many metres."""
    shift = rng.normal(size=points.shape) * metres / _DEGREE_M
    shift[:, 0] /= np.cos(np.radians(points[:, 1]))
    return points + shift


def along(line: shapely.Geometry, count: int, rng: np.random.Generator) -> Pairs:
    """Points along a line."""
    at = shapely.line_interpolate_point(line, rng.random(count), normalized=True)
    return shapely.get_coordinates(at)


def within(shape: shapely.Geometry, count: int, rng: np.random.Generator) -> Pairs:
    """Points spread evenly over a shape."""
    west, south, east, north = shape.bounds
    found: list[Pairs] = []
    shapely.prepare(shape)
    while sum(map(len, found)) < count:
        drawn = rng.uniform((west, south), (east, north), (4 * count, 2))
        found.append(drawn[shapely.contains_xy(shape, drawn)])
    return np.concatenate(found)[:count]


def true_files(ground: Ground, seed: int) -> Iterator[tuple[str, Pairs]]:
    """Two hundred files in WGS 84, by name: (n, 2) lon, lat."""
    rng = np.random.default_rng(seed)
    everything = {
        "buildings": pairs(ground.buildings),
        "incidents": pairs(ground.incidents),
        **{f"{key} elements": pairs(part) for key, part in ground.elements.groupby("class")},
        **{f"{key} incidents": pairs(part) for key, part in ground.incidents.groupby("category")},
        **{f"{key} elements": pairs(part) for key, part in ground.elements.groupby("category")},
    }
    yield from everything.items()
    for number in range(20):
        name = ("buildings", "incidents", "object elements", "place elements")[number % 4]
        size = int(10 ** rng.uniform(2.0, 5.0))
        yield f"{size} of {name}", rng.choice(everything[name], min(size, len(everything[name])), replace=False)
    communities = ground.cells["community"]
    for digits, count in ((6, 16), (9, 20)):
        for area in rng.permutation(communities.str[:digits].unique())[:count]:
            shape = shapely.coverage_union_all(ground.cells.geometry[communities.str.startswith(area)])
            shapely.prepare(shape)
            for name in ("incidents", "buildings")[: 1 if digits == 9 else 2]:
                yield f"{name} in {area}", everything[name][shapely.contains_xy(shape, everything[name])]
    longest = ground.lines.iloc[np.argsort(-shapely.length(ground.lines.geometry.to_numpy()))[:60]]
    for row in rng.choice(len(longest), 20, replace=False):
        road = along(longest.geometry.iloc[row], int(10 ** rng.uniform(3.0, 4.3)), rng)
        yield f"along line {row}", moved(road, rng, rng.choice([0.0, 3.0, 20.0]))
    city = shapely.box(*ground.index.bounds)
    outline = shapely.coverage_union_all(ground.cells.geometry)
    for number in range(20):
        spots = within(outline, int(rng.integers(1, 40)), rng)
        yield f"clusters {number}", moved(spots[rng.integers(0, len(spots), 5_000)], rng, rng.uniform(20, 800))
    for number in range(8):
        yield f"uniform {number}", within(outline, int(10 ** rng.uniform(3.0, 5.0)), rng)
    yield "uniform over the rectangle", within(city, 20_000, rng)
    for number in range(12):
        error = float(rng.uniform(2.0, 40.0))
        yield f"buildings of another source, {error:.0f} m", moved(everything["buildings"][number::12], rng, error)
    for number in range(12):
        border = along(shapely.boundary(outline), 20_000, rng)
        piece = border if number % 3 == 0 else border[np.hypot(*(border - border[0]).T) < 0.15]
        yield f"near the border {number}", moved(piece, rng, rng.choice([50.0, 300.0, 900.0]))
    for row in rng.choice(len(ground.cells), 20, replace=False):
        yield f"cell {ground.cells['code'][row]}", within(ground.cells.geometry[row], 3_000, rng)
