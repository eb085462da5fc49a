"""A made-up year of incidents of the demo city: what, where, when, and the ticket it came with.

Imports draws and ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from data.tianjin.draws import Floats, Ints, as_text, generator, pick, references
from data.tianjin.ground import METRES_PER_DEGREE, Ground

TOTAL = 200_000
OUTSIDE = 1_000  # half a percent lies outside the city: wrong addresses, neighbours across the line
ON_CELL_LINES = 0.005  # share exactly on a cell's vertex or an edge's midpoint
ZONE = ZoneInfo("Asia/Shanghai")
_NEVER_CLOSED = 0.004
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Category:
    """A category of incidents. ``weight`` is its share of all (in thousandths); ``street`` and ``cluster`` are
    the shares on street lines and at hot spots away from them, the rest stands at buildings. The rhythms give
    a digit to each hour from midnight, each weekday from Monday and each month from January; ``days`` is how
    long one half takes to be closed.
    """

    zh: str
    en: str
    weight: int
    street: float
    cluster: float
    hours: str
    weekdays: str
    months: str
    days: float
    emergency: bool = False


_DAY = "100001357888766788876532"
_EVENING = "642111123344555556678998"
_RUSH = "211111369965555556897543"
_OFFICE = "000001258999658887543210"
_EVEN = "555555556666666666777766"

CATEGORIES: dict[str, Category] = {
    "noise": Category("噪音扰民", "Noise", 140, 0.15, 0.35, _EVENING, "5555688", "344567998765", 0.5),
    "parking": Category("违规停车", "Parking", 130, 0.80, 0.12, _RUSH, "7777843", "666677776666", 0.2),
    "refuse": Category("垃圾清运", "Refuse", 125, 0.45, 0.20, _DAY, "7665567", "776666788666", 1.0),
    "water_supply": Category("供水", "Water supply", 75, 0.10, 0.05, _DAY, "6666677", "986556776557", 0.6),
    "power": Category("供电", "Power", 60, 0.10, 0.10, _EVENING, "6666666", "765458998556", 0.3),
    "heating": Category("供热", "Heating", 70, 0.02, 0.03, _DAY, "7666666", "997200000069", 1.5),
    "street_light": Category("路灯", "Street light", 45, 0.90, 0.02, _EVENING, "6666666", "876555556788", 2.0),
    "road_damage": Category("道路破损", "Road damage", 60, 0.95, 0.02, _DAY, "7776643", "567766899654", 9.0),
    "drainage": Category("排水堵塞", "Drainage", 50, 0.60, 0.10, _DAY, "6666655", "222346998432", 1.2),
    "tree": Category("树木绿化", "Trees", 40, 0.55, 0.20, _DAY, "7666543", "223677999643", 4.0),
    "street_trading": Category(
        "占道经营", "Street trading", 50, 0.75, 0.20, _EVENING, "5555688", "345678998765", 0.5
    ),
    "property_dispute": Category(
        "物业纠纷", "Property dispute", 65, 0.02, 0.08, _OFFICE, "8777643", "666666666666", 14.0
    ),
    "consumer_dispute": Category(
        "消费纠纷", "Consumer dispute", 35, 0.10, 0.50, _OFFICE, "7666765", "766656666778", 7.0
    ),
    "food_safety": Category("食品安全", "Food safety", 15, 0.10, 0.40, _DAY, "6666777", "555678998665", 6.0),
    "building_safety": Category(
        "房屋安全", "Building safety", 15, 0.03, 0.05, _OFFICE, "7776643", "445567998544", 12.0
    ),
    "gas_leak": Category("燃气泄漏", "Gas leak", 10, 0.15, 0.05, _EVEN, "6666666", "876555555678", 0.15, True),
    "fire": Category("火情", "Fire", 8, 0.20, 0.15, _EVEN, "6666677", "997655556678", 0.1, True),
    "flood": Category("内涝积水", "Flooding", 4, 0.80, 0.10, _EVEN, "6666666", "000025994100", 0.4, True),
    "lost_person": Category("人员走失", "Lost person", 3, 0.40, 0.30, _DAY, "6666677", "556677777665", 0.2, True),
}  # fmt: skip


def year_before(as_of: date) -> tuple[datetime, datetime]:
    """The 365 days that end when ``as_of`` begins, in city time, half open."""
    end = datetime.combine(as_of, time(), ZONE)
    return datetime.combine(as_of - timedelta(days=365), time(), ZONE), end


def incidents_of(ground: Ground, seed: int, count: int, buildings: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """``count`` incidents in a district: the columns of incidents.parquet without id and reporter, in UTC."""
    rng = generator(seed, "incidents", ground.district)
    keys = np.array(list(CATEGORIES), dtype=object)
    weights = np.array([category.weight for category in CATEGORIES.values()], dtype=np.float64)
    category = pick(rng, weights, count)
    points = _places(ground, rng, category, buildings)
    moved = np.flatnonzero(rng.random(count) < ON_CELL_LINES)
    points[moved] = ground.on_cell_lines(rng, len(moved))
    return _times(rng, category, as_of).assign(category=keys[category], lon=points[:, 0], lat=points[:, 1])


def outside_incidents(points: Floats, seed: int, as_of: date) -> pd.DataFrame:
    """Incidents at the given points (n, 2) outside the city, in the same columns."""
    rng = generator(seed, "incidents", "outside")
    keys = np.array(list(CATEGORIES), dtype=object)
    category = rng.integers(0, len(keys), len(points))
    return _times(rng, category, as_of).assign(category=keys[category], lon=points[:, 0], lat=points[:, 1])


def with_tickets(incidents: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All incidents by time of report, with the hotline's numbers (``12345-20250301-000123``) and an opaque
    ticket reference as reporter.
    """
    ordered = incidents.sort_values(["reported_at", "lon", "lat"], kind="stable", ignore_index=True)
    day = ordered["reported_at"].dt.tz_convert(str(ZONE)).dt.strftime("%Y%m%d")
    serial = (ordered.groupby(day, sort=False).cumcount() + 1).astype(str).str.zfill(6)
    ordered["id"] = "12345-" + day + "-" + serial
    ordered["reporter"] = as_text("T-", references(seed, "ticket", np.arange(len(ordered))))
    return ordered


def _places(ground: Ground, rng: np.random.Generator, category: Ints, buildings: pd.DataFrame) -> Floats:
    """Points (n, 2): on street lines, around hot spots, or at buildings, as each category has it."""
    street = np.array([kind.street for kind in CATEGORIES.values()])[category]
    cluster = np.array([kind.cluster for kind in CATEGORIES.values()])[category]
    drawn = rng.random(len(category))
    on_street = np.flatnonzero(drawn < street)
    at_cluster = np.flatnonzero((drawn >= street) & (drawn < street + cluster))
    at_building = np.flatnonzero(drawn >= street + cluster)
    points = np.empty((len(category), 2))
    points[on_street] = _on_streets(ground, rng, len(on_street))
    points[at_cluster] = _at_hot_spots(ground, rng, len(at_cluster))
    row = pick(rng, buildings["households"].to_numpy(np.float64), len(at_building))
    points[at_building] = buildings[["lon", "lat"]].to_numpy()[row]
    return points


def _on_streets(ground: Ground, rng: np.random.Generator, count: int) -> Floats:
    """Points on street lines, most on a few busy ones; on a cell's edge within what a float can say."""
    sides = ground.sides
    busy = rng.lognormal(0.0, 1.3, len(ground.streets) + 1)[sides.line]
    density = ground.cells["density"].to_numpy()[sides.cell]
    weights = sides.length_m * busy * (sides.line >= 0) * np.sqrt(density + 20.0)
    return ground.on_edge(pick(rng, weights + 1e-9, count), rng.random(count))


def _at_hot_spots(ground: Ground, rng: np.random.Generator, count: int) -> Floats:
    """Points scattered by 30 to 120 m around hot spots (one per 40 cells), a few of which draw the most."""
    spots = max(1, len(ground.cells) // 40)
    density = ground.cells["density"].to_numpy()[ground.sides.cell]
    edge = pick(rng, ground.sides.length_m * density + 1e-9, spots)
    centres = ground.behind_edge(edge, rng.random(spots), np.ones(spots))
    spot = pick(rng, rng.pareto(1.2, spots) + 0.2, count)
    spread_m = rng.uniform(30.0, 120.0, spots)[spot]
    shift = rng.normal(size=(count, 2)) * spread_m[:, None] / METRES_PER_DEGREE
    shift[:, 0] /= np.cos(np.radians(centres[spot, 1]))
    points: Floats = np.round(centres[spot] + shift, 7)
    cells = shapely.STRtree(ground.shapes)
    astray = np.arange(count)
    for share in (0.5, 0.25, 0.1, 0.0):  # what is scattered out of the district comes closer to its hot spot
        covered = cells.query(shapely.points(points[astray]), predicate="intersects")[0]
        astray = np.delete(astray, covered)
        points[astray] = np.round(centres[spot[astray]] + shift[astray] * share, 7)
    return points


def _times(rng: np.random.Generator, category: Ints, as_of: date) -> pd.DataFrame:
    """When each happened, was reported and was closed (NaT: still open when ``as_of`` begins)."""
    begin = year_before(as_of)[0]
    day, hour = np.zeros(len(category), dtype=np.int64), np.zeros(len(category), dtype=np.int64)
    dates = [begin.date() + timedelta(days=number) for number in range(365)]
    for number, kind in enumerate(CATEGORIES.values()):
        mine = np.flatnonzero(category == number)
        weights = [int(kind.months[each.month - 1]) * int(kind.weekdays[each.weekday()]) for each in dates]
        day[mine] = pick(rng, np.array(weights, dtype=np.float64), len(mine))
        hour[mine] = pick(rng, np.array([int(digit) for digit in kind.hours], dtype=np.float64), len(mine))
    size = len(category)
    happened = day * _DAY_S + hour * 3600 + rng.integers(0, 3600, size)
    left = 365 * _DAY_S - 1 - happened
    reported = happened + np.minimum(rng.exponential(2400.0, size), rng.random(size) * left).astype(np.int64)
    usual = np.array([kind.days for kind in CATEGORIES.values()])[category]
    taken = rng.lognormal(np.log(usual * _DAY_S), 0.8)
    closed = reported + np.maximum(taken, 300.0).astype(np.int64)
    still_open = (closed >= 365 * _DAY_S) | (rng.random(size) < _NEVER_CLOSED)
    return pd.DataFrame(
        {
            "happened_at": _since(begin, happened),
            "reported_at": _since(begin, reported),
            "closed_at": _since(begin, closed).mask(still_open),
        }
    )


def _since(begin: datetime, seconds: npt.NDArray[np.int64]) -> pd.Series[pd.Timestamp]:
    first = int(begin.timestamp())
    return pd.Series(((first + seconds) * 1_000_000).view("datetime64[us]")).dt.tz_localize("UTC")
