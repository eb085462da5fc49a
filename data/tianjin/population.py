"""Made-up buildings with addresses that carry the demo city's households, and the persons who live in them.

A person is only a number that leads to a building and a service-need category (DESIGN, Privacy).
Imports draws, names and ground.
"""

from __future__ import annotations

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from data.tianjin.draws import Flags, Floats, Ints, apportion_within, generator, rank_in_group
from data.tianjin.ground import Ground
from data.tianjin.names import estate_names

SOURCE = "made up"

# Of the city's 13.87 M residents, how many the neighbourhood looks after by name of a need; the rest are
# plain residents and only stand in the full-scale city.
NEEDS = {"elderly_living_alone": 30_000, "mobility_help": 14_000, "child": 16_000}


def raise_buildings(ground: Ground, seed: int, as_of: date) -> pd.DataFrame:
    """The district's buildings, in cell order: the columns of buildings.parquet except street and number, and
    besides them ``cell`` (row of ``ground.cells``), ``residents``, and ``line``, ``along_m``, ``left`` for the
    address.

    A building holds 11 to 55 households on average, more where the cell is dense; in a village one building
    stands for a row of courtyards. The households of each cell add up exactly.
    """
    rng = generator(seed, "buildings", ground.district)
    cells = ground.cells
    households = cells["households"].to_numpy(np.int64)
    density = np.maximum(cells["density"].to_numpy(), 1.0)
    usual = np.clip(11.0 + 13.0 * np.log10(density / 40.0), 11.0, 55.0)
    counts = np.where(households > 0, np.maximum(np.rint(households / usual), 1), 0).astype(np.int64)
    cell = np.repeat(np.arange(len(cells)), counts)
    edge, fraction = ground.spread(counts, rng.random(len(cell)))
    points = ground.behind_edge(edge, fraction, rng.uniform(0.5, 1.0, len(cell)))
    weights = rng.lognormal(0.0, 0.35, len(cell))
    held = apportion_within(households - counts, cell, weights) + 1  # no building stands empty
    buildings = pd.DataFrame(
        {
            "id": [f"B{ground.district}{number:06d}" for number in range(1, len(cell) + 1)],
            "lon": points[:, 0],
            "lat": points[:, 1],
            "households": held,
            "expected_households": held + rng.binomial(held, 0.08),
            "counted_on": _counting_days(rng, len(cell), as_of),
            "source": SOURCE,
            "cell": cell,
            "residents": apportion_within(cells["residents"].to_numpy(np.int64), cell, held.astype(np.float64)),
        }
    )
    _settle_estates(buildings, ground.sides.block[edge], density[cell], rng)
    _face_streets(buildings, ground, edge, fraction)
    return buildings


def _counting_days(rng: np.random.Generator, count: int, as_of: date) -> list[date]:
    """Most buildings were counted within the last year, one in twenty up to five years ago."""
    recent = rng.integers(1, 365, count)
    ages = np.where(rng.random(count) < 0.05, rng.integers(365, 5 * 365, count), recent)
    days = {age: as_of - timedelta(days=int(age)) for age in np.unique(ages)}
    return [days[age] for age in ages]


def _settle_estates(buildings: pd.DataFrame, block: Ints, density: Floats, rng: np.random.Generator) -> None:
    """Give three and more buildings of one dense block an estate's name and numbers of their own (楼栋)."""
    order = np.argsort(block, kind="stable")
    rank = np.empty(len(block), dtype=np.int64)
    rank[order] = rank_in_group(block[order])
    size = pd.Series(block).map(pd.Series(block).value_counts()).to_numpy()
    settled = (size >= 3) & (density > 800.0)
    estates, estate_of = np.unique(block[settled], return_inverse=True)
    names = np.array(estate_names(rng, len(estates)), dtype=object)
    buildings["estate"] = None
    buildings["block"] = None
    buildings.loc[settled, "estate"] = names[estate_of]
    buildings.loc[settled, "block"] = [f"{number}号楼" for number in rank[settled] + 1]


def _face_streets(buildings: pd.DataFrame, ground: Ground, edge: Ints, fraction: Floats) -> None:
    """Note the street each building faces; one that faces none belongs to the nearest street."""
    line = ground.sides.line[edge].copy()
    way = np.where(ground.sides.left[edge], fraction, 1.0 - fraction)
    along = ground.sides.along_m[edge] + way * ground.sides.length_m[edge]
    left = ground.sides.left[edge].copy()
    astray = np.flatnonzero(line < 0)
    if len(astray) and len(ground.streets):
        streets = np.asarray(ground.streets.geometry.array, dtype=object)
        points = np.asarray(shapely.points(buildings[["lon", "lat"]].to_numpy()[astray]), dtype=object)
        asked, nearest = shapely.STRtree(streets).query_nearest(points, all_matches=False)
        line[astray[asked]] = nearest
        # Degrees serve here: these numbers only put the few stray buildings in order along their street.
        share = shapely.line_locate_point(streets[nearest], points[asked], normalized=True)
        along[astray[asked]] = share * shapely.length(streets[nearest]) * 100_000.0
    buildings["line"], buildings["along_m"], buildings["left"] = line, along, left


def number_addresses(buildings: pd.DataFrame, streets: gpd.GeoDataFrame) -> pd.DataFrame:
    """The city's buildings with ``street`` and ``number`` (``12号``): odd on the left, even on the right side,
    rising along the street, each once per street name.
    """
    line = buildings["line"].to_numpy()
    named = line >= 0
    order_of_line, backwards = _order_of_lines(streets)
    name_code = pd.factorize(streets["name"])[0]
    side = buildings["left"].to_numpy() ^ backwards[line]
    along = np.where(backwards[line], -1.0, 1.0) * buildings["along_m"].to_numpy()
    group = np.where(named, 2 * name_code[line] + ~side, -1)
    order = np.lexsort((along, order_of_line[line], group))
    rank = np.empty(len(line), dtype=np.int64)
    rank[order] = rank_in_group(group[order])
    numbers = pd.Series(2 * rank + np.where(side, 1, 2), index=buildings.index)
    numbered = buildings.copy()
    numbered["street"] = pd.Series(streets["name"].to_numpy()[line], index=buildings.index).where(named, None)
    numbered["number"] = (numbers.astype(str) + "号").where(named, None)
    return numbered


def _order_of_lines(streets: gpd.GeoDataFrame) -> tuple[Ints, Flags]:
    """Where each line comes along its street's longer extent, and whether it runs against that order."""
    lines = np.asarray(streets.geometry.array, dtype=object)
    first = shapely.get_coordinates(shapely.get_point(lines, 0))
    last = shapely.get_coordinates(shapely.get_point(lines, -1))
    extent = pd.DataFrame(shapely.bounds(lines), columns=["west", "south", "east", "north"])
    by_name = extent.groupby(streets["name"].to_numpy())
    west_east = by_name["east"].transform("max") - by_name["west"].transform("min")
    south_north = by_name["north"].transform("max") - by_name["south"].transform("min")
    axis = np.where(west_east >= south_north, 0, 1)
    rows = np.arange(len(lines))
    middle = (first[rows, axis] + last[rows, axis]) / 2.0
    order = np.empty(len(lines), dtype=np.int64)
    order[np.argsort(middle, kind="stable")] = rows
    return order, last[rows, axis] < first[rows, axis]


def needs_of(ground: Ground, seed: int, residents: Ints, counts: dict[str, int]) -> pd.DataFrame:
    """Which of the district's residents have which need: ``person`` (0 to residents - 1), ``category`` and
    ``building`` (row of the district's buildings), by person. ``residents`` has one count per building.

    Drawn without replacement, so that the full-scale city is the demo city and its other residents.
    """
    rng = generator(seed, "persons", ground.district)
    total = int(residents.sum())
    person = rng.choice(total, size=min(sum(counts.values()), total), replace=False)
    category = np.repeat(np.array(list(counts), dtype=object), list(counts.values()))[: len(person)]
    building = np.searchsorted(np.cumsum(residents), person, side="right")
    table = pd.DataFrame({"person": person, "category": category, "building": building})
    return table.sort_values("person", ignore_index=True)
