"""Made-up targets for each community: residents, households, number of cells, and how much ground it wants.

Imports areas and numpy. The districts' residents are rounded to look like a census of about 2020; they are
no statistics, and everything below the district is drawn by seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from data.tianjin.areas import LEVELS, Area, read_areas
from data.tianjin.plane import Floats, Integers

HOUSEHOLDS = 4_870_000
RESIDENTS = 13_870_000
CORE = ("120101", "120102", "120103", "120104", "120105", "120106")

# A villager lives farther off and counts so much more when cells are given out: smaller cells in the country.
_VILLAGE_WORK = 1.2

# Around the core; dense on the side that faces it.
SUBURBS = ("120110", "120111", "120112", "120113")

# Made-up thousands of residents; scaled so that they sum to RESIDENTS.
DISTRICT_RESIDENTS = {
    "120101": 355,
    "120102": 859,
    "120103": 822,
    "120104": 891,
    "120105": 648,
    "120106": 484,
    "120110": 857,
    "120111": 1_195,
    "120112": 928,
    "120113": 910,
    "120114": 1_151,
    "120115": 722,
    "120116": 2_067,
    "120117": 396,
    "120118": 788,
    "120119": 797,
}

# Where a district is densest, lon and lat: its town, or the side that faces the core.
DISTRICT_CENTRES = {
    "120101": (117.205, 39.125),
    "120102": (117.215, 39.125),
    "120103": (117.215, 39.105),
    "120104": (117.180, 39.125),
    "120105": (117.200, 39.140),
    "120106": (117.175, 39.150),
    "120110": (117.270, 39.120),
    "120111": (117.130, 39.110),
    "120112": (117.290, 39.040),
    "120113": (117.180, 39.200),
    "120114": (117.045, 39.385),
    "120115": (117.310, 39.720),
    "120116": (117.670, 39.020),
    "120117": (117.820, 39.330),
    "120118": (116.970, 38.940),
    "120119": (117.410, 40.045),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What one community gets; ``ground`` is a share of its district, in units of its own."""

    area: Area
    residents: int
    households: int
    cells: int
    ground: float

    @property
    def district(self) -> str:
        """Code of the district."""
        return self.area.code[:6]


def generator(seed: int, code: str, purpose: int) -> np.random.Generator:
    """A random generator that depends on nothing but the seed, an area's code and a purpose."""
    return np.random.default_rng([seed, int(code), purpose])


def apportion(weights: Floats, total: int, least: int = 0) -> Integers:
    """Share ``total`` whole units by ``weights``, each at least ``least``, by the largest remainder."""
    free = total - least * len(weights)
    exact = weights / weights.sum() * free
    whole: Integers = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: free - int(whole.sum())]] += 1
    return whole + least


def community_targets(seed: int, cells: int) -> list[Target]:
    """Return the targets of all communities of the city, codes ascending; the sums are exact.

    ``cells`` is the number of cells of the whole city; each community gets one at least.
    """
    communities = [area for area in read_areas() if area.level == LEVELS[-1]]
    districts = np.array([area.code[:6] for area in communities])
    people, homes, ground = (np.zeros(len(communities)) for _ in range(3))
    for code, thousands in DISTRICT_RESIDENTS.items():
        chosen = np.flatnonzero(districts == code)
        random = generator(seed, code, 1)
        weights, sizes, grounds = _draw(random, code, [communities[k] for k in chosen])
        people[chosen] = weights / weights.sum() * thousands
        homes[chosen] = people[chosen] / sizes
        ground[chosen] = grounds / grounds.sum()
    residents = apportion(people, RESIDENTS, least=40)
    households = apportion(homes, HOUSEHOLDS, least=12)
    village = np.array([area.village for area in communities])
    counts = _cell_counts(people * np.where(village, _VILLAGE_WORK, 1.0), cells)
    return [
        Target(area, int(residents[k]), int(households[k]), int(counts[k]), float(ground[k]))
        for k, area in enumerate(communities)
    ]


def _cell_counts(work: Floats, cells: int) -> Integers:
    """Cells per community: proportional to its work, one at least, by the largest remainder."""
    low, high = 0.0, 2.0 * cells / float(work.sum())
    for _ in range(60):
        rate = (low + high) / 2
        if float(np.maximum(1.0, work * rate).sum()) < cells:
            low = rate
        else:
            high = rate
    exact = np.maximum(1.0, work * high)
    whole = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: cells - int(whole.sum())]] += 1
    return whole


def _draw(random: np.random.Generator, code: str, communities: list[Area]) -> tuple[Floats, Floats, Floats]:
    """Made-up weights of residents, persons per household, and ground of one district's communities."""
    count = len(communities)
    virtual = np.array([area.virtual for area in communities])
    village = np.array([area.village for area in communities])
    campus = np.array([area.campus for area in communities])
    if code in CORE:
        ground = _core_ground(random, count)
        weights = np.sqrt(ground) * random.lognormal(0.0, 0.3, count)
    else:
        urban_ground = 0.22 if code != "120116" else 0.5
        ground = np.where(village, 1.0, urban_ground) * random.lognormal(0.0, 0.5, count)
        ground[virtual] = 1.6 * random.lognormal(0.0, 0.4, int(virtual.sum()))
        weights = np.where(village, 0.42, 1.5) * random.lognormal(0.0, 0.42, count)
    weights[virtual] *= 0.12
    weights[campus] *= 0.8
    sizes = np.where(village, 3.05, 2.7) * random.lognormal(0.0, 0.06, count)
    return weights, sizes, ground


def _core_ground(random: np.random.Generator, count: int) -> Floats:
    """Ground of a core district's communities: many near 0.2 and a tenth near 0.8, in units of its own.

    The outlines leave 0.247 km2 to each of the core's 784 communities. Percentiles 10/50/90 of 0.09/0.20/0.65
    are wanted; with this mean that takes a curve that stays flat and then rises at once.
    """
    share = (np.arange(count) + random.random(count)) / count
    low = 0.08 + 0.2 * share
    middle = 0.10 + 0.25 * (share - 0.1)
    upper = 0.20 + 0.60 * np.maximum(0.0, (share - 0.5) / 0.4) ** 7
    ground = np.select([share < 0.1, share < 0.5, share < 0.9], [low, middle, upper], 0.80)
    random.shuffle(ground)
    return np.asarray(ground, dtype=np.float64)


def density(targets: list[Target]) -> float:
    """Residents on a unit of ground, to sort areas from dense to sparse."""
    return sum(target.residents for target in targets) / math.fsum(target.ground for target in targets)
