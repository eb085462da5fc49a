"""Made-up duty posts of the demo city, from the cell's worker to the city's desk, with the demo's own numbers.

Imports nothing of the package but the model's text form of hours, written out here as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

COMMUNITY_DESK_HOURS = "1-7 07:00-23:00"
ALWAYS = "1-7 00:00-24:00"
WORKER_HOURS = "1-5 09:00-17:00"
OVERLAY_HOURS = "1-7 09:00-22:00"


@dataclass(frozen=True, slots=True)
class Department:
    """A department with a liaison at a level: what it takes, and whether somebody is there at night."""

    key: str
    name: str
    level: str
    categories: tuple[str, ...]
    always: bool = False


DEPARTMENTS = (
    Department("urban_management", "城市管理", "street", ("refuse", "street_trading", "tree")),
    Department("public_security", "公安", "street", ("noise", "parking", "lost_person"), always=True),
    Department("fire", "消防", "street", ("fire", "gas_leak"), always=True),
    Department("market", "市场监管", "street", ("consumer_dispute", "food_safety")),
    Department("housing", "住房建设", "district", ("property_dispute", "building_safety")),
    Department("health", "卫生健康", "district", ("food_safety",)),
    Department("water", "水务", "district", ("water_supply", "drainage", "flood"), always=True),
    Department("power", "电力", "district", ("power", "street_light"), always=True),
    Department("heating", "供热", "district", ("heating",), always=True),
    Department("transport", "交通运输", "district", ("road_damage", "flood")),
    Department("gas", "燃气", "district", ("gas_leak",), always=True),
)
_DESKS = {
    "city": "市网格化管理中心值班室",
    "district": "区网格化管理中心值班室",
    "street": "街镇网格化管理中心值班室",
    "community": "社区值班室",
}
_RESPONSIBLE = {
    "district": "区第一责任人",
    "street": "街镇第一责任人",
    "community": "社区第一责任人",
    "overlay": "片区第一责任人",
}


def posts_of(areas: pd.DataFrame, cells: Sequence[str], overlays: Sequence[str]) -> pd.DataFrame:
    """All posts, in the columns of posts.parquet: desks and first responsibles of the ``areas`` (level, code), the
    captain of every community, a worker of every cell, liaisons, and the posts of the overlays. Phones run
    through ``022-0xxxxxxx``, where no subscriber number begins.
    """
    rows: list[dict[str, object]] = []
    for level, code in areas[["level", "code"]].itertuples(index=False):
        rows.extend(_area_posts(level, code))
    rows.extend(_post(("cell", code), "worker", "grid_worker", "网格员", WORKER_HOURS) for code in cells)
    for code in overlays:
        rows.append(_post(("overlay", code), "first", "first_responsible", _RESPONSIBLE["overlay"], None))
        rows.append(_post(("overlay", code), "desk", "duty_desk", "片区服务台", OVERLAY_HOURS))
    table = pd.DataFrame(rows)
    table["phone"] = [f"022-0{number:07d}" for number in range(1, len(table) + 1)]
    return table


def _area_posts(level: str, code: str) -> Iterator[dict[str, object]]:
    place = (level, code)
    hours = COMMUNITY_DESK_HOURS if level == "community" else ALWAYS
    yield _post(place, "desk", "duty_desk", _DESKS[level], hours)
    if level in _RESPONSIBLE:
        yield _post(place, "first", "first_responsible", _RESPONSIBLE[level], None)
    if level == "community":
        yield _post(place, "captain", "grid_captain", "网格长（社区党组织书记）", None)
    for department in DEPARTMENTS:
        if department.level == level:
            required = ALWAYS if department.always else None
            title = f"{department.name}联络员"
            post = _post(place, department.key, "department_liaison", title, required)
            yield post | {"department": department.name, "categories": list(department.categories)}


def _post(place: tuple[str, str], role: str, kind: str, title: str, required: str | None) -> dict[str, object]:
    level, territory = place
    return {
        "code": f"{territory}-{role}",
        "kind": kind,
        "title": title,
        "level": level,
        "territory": territory,
        "required": required,
        "department": None,
        "categories": [],
    }
