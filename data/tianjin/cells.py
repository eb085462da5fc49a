"""What a cell is besides its shape: code, name, kind, services, households and residents; all made up.

Imports areas, targets and plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.tianjin.plane import Floats, Integers
from data.tianjin.targets import Target, apportion, generator

BASIC, FULL_SERVICE, SPECIAL = "basic", "full_service", "special"
FULL_SERVICE_DISTRICT, FULL_SERVICE_CELLS = "120116", 743
# The share of full-service cells in other districts, and of special ones beside zones and campuses.
_FULL_SERVICE_SHARE = 0.05
_SPECIAL_SHARE = 0.03
_SPECIAL_PEOPLE = 0.15

SERVICES = (
    "社会保险",
    "医疗保险",
    "民政救助",
    "养老服务",
    "助残服务",
    "住房保障",
    "就业服务",
    "退役军人服务",
    "市容环境",
    "安全巡查",
    "物业协调",
    "便民代办",
)
_TOWN_SITES = ("公园", "校园", "市场", "医院", "体育中心", "文化中心")
_VILLAGE_SITES = ("市场", "林场", "园区", "水库", "校园")
_COAST_SITES = ("港区", "物流园", "公园", "园区", "市场")


@dataclass(frozen=True, slots=True)
class CellFacts:
    """Per cell, in the order of the cells given."""

    codes: list[str]
    communities: list[str]
    names: list[str]
    kinds: list[str]
    services: list[list[str]]
    households: Integers
    residents: Integers


def describe_cells(
    seed: int, targets: Sequence[Target], communities: Sequence[str], centres: Floats, area_m2: Floats
) -> CellFacts:
    """Return codes, names, kinds and people of cells given by community code, centre (n, 2) and area.

    The cells of a community are numbered in rows from north to south, each from west to east. Households and
    residents of a community add up to its target.
    """
    count = len(communities)
    members: dict[str, list[int]] = {}
    for cell, code in enumerate(communities):
        members.setdefault(code, []).append(cell)
    numbers = np.zeros(count, dtype=np.int64)
    for cells in members.values():
        numbers[_reading_order(np.array(cells), centres)] = np.arange(1, len(cells) + 1)
    kinds = [BASIC] * count
    sites: dict[int, str] = {}
    chosen = [target for target in targets if target.area.code in members]
    for target in chosen:
        _choose_special(seed, target, members[target.area.code], area_m2, kinds, sites)
    services = _choose_full_service(seed, communities, numbers, kinds)
    households = np.zeros(count, dtype=np.int64)
    residents = np.zeros(count, dtype=np.int64)
    names = [""] * count
    for target in chosen:
        cells = sorted(members[target.area.code], key=lambda cell: int(numbers[cell]))
        weights = _people_weights(seed, target, [kinds[cell] for cell in cells])
        households[cells] = apportion(weights, target.households, least=1)
        residents[cells] = apportion(weights, target.residents, least=2)
        for cell in cells:
            names[cell] = f"{target.area.short_name}{sites.get(cell, '')}第{numbers[cell]}网格"
    codes = [f"{code}{number:03d}" for code, number in zip(communities, numbers, strict=True)]
    return CellFacts(codes, list(communities), names, kinds, services, households, residents)


def _reading_order(cells: Integers, centres: Floats) -> Integers:
    """Cells in rows from north to south, in each from west to east."""
    rows = round(float(np.sqrt(len(cells))))
    by_latitude = cells[np.lexsort((centres[cells, 0], -centres[cells, 1]))]
    ordered = [row[np.argsort(centres[row, 0], kind="stable")] for row in np.array_split(by_latitude, rows)]
    return np.concatenate(ordered)


def _choose_special(
    seed: int, target: Target, cells: list[int], area_m2: Floats, kinds: list[str], sites: dict[int, str]
) -> None:
    """Zones and campuses are special as a whole; elsewhere a large cell may be a park, a market, a port …"""
    area = target.area
    if area.virtual or area.campus:
        for cell in cells:
            kinds[cell] = SPECIAL
        return
    if len(cells) < 2:
        return
    random = generator(seed, area.code, 50)
    names: tuple[str, ...] = _VILLAGE_SITES if area.village else _TOWN_SITES
    if area.code.startswith(FULL_SERVICE_DISTRICT):
        names = _COAST_SITES
    order = sorted(cells, key=lambda cell: (-area_m2[cell], cell))
    number = int(random.poisson(_SPECIAL_SHARE * len(cells) * 1.1))
    chosen = order[: min(number, len(cells) // 2, len(names))]
    for cell, k in zip(chosen, random.permutation(len(names))[: len(chosen)], strict=True):
        kinds[cell] = SPECIAL
        sites[cell] = names[k]


def _choose_full_service(
    seed: int, communities: Sequence[str], numbers: Integers, kinds: list[str]
) -> list[list[str]]:
    """Make some basic cells full-service ones; return the services of every cell."""
    services: list[list[str]] = [[] for _ in kinds]
    districts = np.array([code[:6] for code in communities])
    order = sorted(range(len(kinds)), key=lambda cell: (communities[cell], int(numbers[cell])))
    for district in sorted(set(districts.tolist())):
        basic = [cell for cell in order if districts[cell] == district and kinds[cell] == BASIC]
        total = int((districts == district).sum())
        wanted = FULL_SERVICE_CELLS if district == FULL_SERVICE_DISTRICT else round(_FULL_SERVICE_SHARE * total)
        random = generator(seed, district, 51)
        for k in np.sort(random.choice(len(basic), size=min(wanted, len(basic)), replace=False)):
            kinds[basic[k]] = FULL_SERVICE
            size = int(random.integers(6, len(SERVICES) + 1))
            chosen = np.sort(random.choice(len(SERVICES), size=size, replace=False))
            services[basic[k]] = [SERVICES[j] for j in chosen]
    return services


def _people_weights(seed: int, target: Target, kinds: Sequence[str]) -> Floats:
    """How the people of a community spread over its cells: unevenly, and few in special cells."""
    weights = generator(seed, target.area.code, 52).lognormal(0.0, 0.2, len(kinds))
    if all(kind == SPECIAL for kind in kinds):
        return np.asarray(weights, dtype=np.float64)
    special = np.array([kind == SPECIAL for kind in kinds])
    return np.asarray(np.where(special, _SPECIAL_PEOPLE * weights, weights), dtype=np.float64)
