"""Made-up elements of the demo city: persons in need, places, objects and organizations.

Imports draws, ground, population, targets and the tables' schemas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from data.tianjin.draws import Ints, generator, numbered, pick, references
from data.tianjin.ground import Ground
from data.tianjin.population import NEEDS, needs_of
from data.tianjin.tables import SCHEMAS
from data.tianjin.targets import HOUSEHOLDS, apportion

PER_COMMUNITY = -1  # one in every community instead of a number for the city
ON_CELL_LINES = 0.004  # share of the objects that stand exactly on a vertex or an edge's midpoint
OUTSIDE = 40  # objects outside the whole city, kept to show that nothing is lost

SCHEMA = SCHEMAS["elements"]
_PREFIX = {"place": "P", "object": "O", "organization": "G"}


@dataclass(frozen=True, slots=True)
class Category:
    """A category of elements: its class, labels, and how many the whole city has."""

    element_class: str
    zh: str
    en: str
    count: int


CATEGORIES: dict[str, Category] = {
    "resident": Category("person", "居民", "Resident", 0),
    "elderly_living_alone": Category("person", "独居老人", "Older person living alone", 0),
    "mobility_help": Category("person", "行动需协助", "Needs help to move", 0),
    "child": Category("person", "儿童", "Child", 0),
    "community_centre": Category("place", "社区服务中心", "Community centre", PER_COMMUNITY),
    "kindergarten": Category("place", "幼儿园", "Kindergarten", 900),
    "school": Category("place", "学校", "School", 1_100),
    "park": Category("place", "口袋公园", "Pocket park", 700),
    "clinic": Category("place", "卫生服务站", "Clinic", 900),
    "market": Category("place", "菜市场", "Market", 600),
    "library": Category("place", "阅览室", "Reading room", 250),
    "canteen": Category("place", "老年食堂", "Canteen for older people", 700),
    "public_toilet": Category("place", "公共厕所", "Public toilet", 1_300),
    "bus_stop": Category("place", "公交站", "Bus stop", 1_400),
    "shelter": Category("place", "应急避难场所", "Emergency shelter", 300),
    "fire_station": Category("place", "微型消防站", "Small fire station", 250),
    "street_lamp": Category("object", "路灯", "Street lamp", 9_000),
    "manhole": Category("object", "检查井盖", "Manhole cover", 7_000),
    "hydrant": Category("object", "消火栓", "Hydrant", 4_000),
    "refuse_point": Category("object", "垃圾分类投放点", "Refuse sorting point", 3_500),
    "bench": Category("object", "休息座椅", "Bench", 3_000),
    "charging_point": Category("object", "充电桩", "Charging point", 1_800),
    "notice_board": Category("object", "社区公告栏", "Notice board", 1_500),
    "aed": Category("object", "自动体外除颤器", "Defibrillator (AED)", 1_200),
    "traffic_light": Category("object", "交通信号灯", "Traffic light", 1_000),
    "volunteer_team": Category("organization", "志愿服务队", "Volunteer team", PER_COMMUNITY),
    "property_management": Category("organization", "物业服务处", "Property management", 2_500),
    "shop": Category("organization", "便利店", "Shop", 8_500),
    "restaurant": Category("organization", "餐馆", "Restaurant", 2_500),
    "company": Category("organization", "公司", "Company", 3_500),
    "pharmacy": Category("organization", "药店", "Pharmacy", 900),
    "social_organization": Category("organization", "社会组织服务站", "Social organization", 500),
}


def quotas(totals: Mapping[str, int], grounds: Sequence[Ground]) -> list[dict[str, int]]:
    """How many of each category every ground gets: the whole city's totals by share of its households."""
    households = np.array([float(ground.cells["households"].sum()) for ground in grounds])
    part = households.sum() / HOUSEHOLDS
    shares = {key: apportion(households, round(total * part)) for key, total in totals.items()}
    return [{key: int(share[row]) for key, share in shares.items()} for row in range(len(grounds))]


def things(
    ground: Ground,
    seed: int,
    quota: Mapping[str, int],
    communities: Mapping[str, str],
    buildings: pd.DataFrame,
) -> pd.DataFrame:
    """The district's places, objects and organizations in the columns of SCHEMA.

    ``quota`` counts each category, ``communities`` gives a short name for each community's code, ``buildings``
    are the district's own.
    """
    rng = generator(seed, "elements", ground.district)
    parts = []
    for key, category in CATEGORIES.items():
        if category.element_class == "person":
            continue
        if category.element_class == "organization":
            part = _organizations(ground, rng, category, quota.get(key, 0), buildings)
        else:
            part = _along_streets(ground, rng, category, quota.get(key, 0))
        part["category"] = key
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table["class"] = table["category"].map({key: value.element_class for key, value in CATEGORIES.items()})
    label = table["category"].map({key: value.zh for key, value in CATEGORIES.items()})
    community = ground.cells["community"].to_numpy()[table["cell"].to_numpy(np.int64)]
    near = pd.Series(community, index=table.index).map(communities)
    facing = table["facing"].where(table["class"] == "object")
    table["name"] = numbered(facing.fillna(near) + label)
    serial = pd.Series(np.arange(1, len(table) + 1)).astype(str).str.zfill(6)
    table["id"] = table["class"].map(_PREFIX) + ground.district + serial
    _set_on_cell_lines(table, ground, rng)
    return pd.DataFrame(table[SCHEMA.names])


def _along_streets(ground: Ground, rng: np.random.Generator, category: Category, count: int) -> pd.DataFrame:
    """Places stand behind the street, objects at its side (the first tenth of the depth)."""
    sides = ground.sides
    if category.count == PER_COMMUNITY:
        edge = _one_each(rng, ground.cells["community"].to_numpy(object)[sides.cell])
    else:
        density = ground.cells["density"].to_numpy()[sides.cell]
        edge = pick(rng, sides.length_m * (sides.line >= 0) * np.sqrt(density + 50.0) + 1e-9, count)
    low, high = (0.5, 1.0) if category.element_class == "place" else (0.05, 0.15)
    points = ground.behind_edge(edge, rng.random(len(edge)), rng.uniform(low, high, len(edge)))
    names = ground.streets["name"].to_numpy(object)
    facing = names[sides.line[edge]]
    facing[sides.line[edge] < 0] = None
    return pd.DataFrame(
        {
            "cell": sides.cell[edge],
            "lon": points[:, 0],
            "lat": points[:, 1],
            "facing": facing,
            "building": None,
        }
    )


def _one_each(rng: np.random.Generator, community: npt.NDArray[np.object_]) -> Ints:
    """One row of each community, drawn evenly."""
    drawn: Ints = rng.permutation(len(community))
    firsts = np.unique(community[drawn].astype(str), return_index=True)[1]
    rows: Ints = np.sort(drawn[firsts])
    return rows


def _organizations(
    ground: Ground, rng: np.random.Generator, category: Category, count: int, buildings: pd.DataFrame
) -> pd.DataFrame:
    """Organizations sit in buildings, by households; a volunteer team in one building of each community."""
    if category.count == PER_COMMUNITY:
        row = _one_each(rng, ground.cells["community"].to_numpy(object)[buildings["cell"].to_numpy(np.int64)])
    else:
        row = pick(rng, buildings["households"].to_numpy(np.float64), count)
    seat = buildings.iloc[row]
    return pd.DataFrame(
        {
            "cell": seat["cell"].to_numpy(),
            "lon": seat["lon"].to_numpy(),
            "lat": seat["lat"].to_numpy(),
            "facing": None,
            "building": seat["id"].to_numpy(object),
        }
    )


def _set_on_cell_lines(table: pd.DataFrame, ground: Ground, rng: np.random.Generator) -> None:
    """Move a few objects exactly onto vertices and edge midpoints of the cells, where law 1 has to decide."""
    objects = np.flatnonzero(table["class"] == "object")
    moved = np.sort(rng.choice(objects, size=max(2, round(ON_CELL_LINES * len(objects))), replace=False))
    table.loc[moved, ["lon", "lat"]] = ground.on_cell_lines(rng, len(moved))


def persons(
    ground: Ground,
    seed: int,
    quota: Mapping[str, int],
    buildings: pd.DataFrame,
    *,
    everyone: bool,
    rows: int = 500_000,
) -> Iterator[pa.Table]:
    """The district's person elements in tables of at most ``rows``: reference, category, building, no more.

    ``quota`` counts the NEEDS; with ``everyone`` each other resident follows as ``resident``. A person has the
    same reference at both scales.
    """
    counts = {key: quota[key] for key in NEEDS}
    # A district has fewer than 2**28 residents, and its six digits times 2**28 stay below 2**46.
    base = int(ground.district) * 2**28
    residents = buildings["residents"].to_numpy(np.int64)
    needs = needs_of(ground, seed, residents, counts)
    homes = buildings[["id", "lon", "lat"]].iloc[needs["building"].to_numpy()]
    yield _person_table(seed, base + needs["person"].to_numpy(), needs["category"].to_numpy(), homes)
    if not everyone:
        return
    others = np.ones(int(residents.sum()), dtype=np.bool_)
    others[needs["person"].to_numpy()] = False
    person = np.flatnonzero(others).astype(np.int64)
    building = np.repeat(np.arange(len(residents)), residents)[person]
    for begin in range(0, len(person), rows):
        part = slice(begin, begin + rows)
        homes = buildings[["id", "lon", "lat"]].iloc[building[part]]
        category = np.broadcast_to(np.array("resident", dtype=object), len(homes))
        yield _person_table(seed, base + person[part], category, homes)


def _person_table(seed: int, numbers: Ints, category: npt.NDArray[np.object_], homes: pd.DataFrame) -> pa.Table:
    size = len(numbers)
    prefix = np.broadcast_to(np.frombuffer(b"R-", dtype=np.uint8), (size, 2))
    text = np.concatenate((prefix, references(seed, "person", numbers)), axis=1)
    offsets = np.arange(size + 1, dtype=np.int32) * text.shape[1]
    columns = [
        pa.StringArray.from_buffers(size, pa.py_buffer(offsets), pa.py_buffer(text.tobytes())),
        pa.repeat("person", size),
        pa.array(category, pa.string()),
        pa.array(homes["lon"].to_numpy()),
        pa.array(homes["lat"].to_numpy()),
        pa.nulls(size, pa.string()),
        pa.array(homes["id"].to_numpy(object), pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
