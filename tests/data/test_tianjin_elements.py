from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely

from data.tianjin.elements import CATEGORIES, PER_COMMUNITY, persons, quotas, things
from data.tianjin.ground import Ground
from data.tianjin.population import NEEDS, raise_buildings
from data.tianjin.targets import HOUSEHOLDS
from gridmap.model import ELEMENT_CLASSES, PERSON_CATEGORIES

AS_OF = date(2026, 3, 2)
QUOTA = {"elderly_living_alone": 30, "mobility_help": 12, "child": 20}
COMMUNITIES = {f"12010100100{number}": f"第{number}社区" for number in (1, 2, 3)}


@pytest.fixture(scope="module")
def buildings(ground: Ground) -> pd.DataFrame:
    return raise_buildings(ground, 1, AS_OF)


@pytest.fixture(scope="module")
def made(ground: Ground, buildings: pd.DataFrame) -> pd.DataFrame:
    return things(ground, 1, {"hydrant": 300, "school": 20, "shop": 60}, COMMUNITIES, buildings)


def test_categories_are_those_of_the_model() -> None:
    assert {kind.element_class for kind in CATEGORIES.values()} == set(ELEMENT_CLASSES)
    assert {key for key, kind in CATEGORIES.items() if kind.element_class == "person"} == set(PERSON_CATEGORIES)
    assert set(NEEDS) == set(PERSON_CATEGORIES) - {"resident"}
    assert sum(NEEDS.values()) == 60_000


def test_quotas_give_a_part_of_the_city_its_part(ground: Ground) -> None:
    households = ground.cells["households"].sum()
    (one,) = quotas({"hydrant": HOUSEHOLDS}, [ground])
    assert one == {"hydrant": households}
    two = quotas({"hydrant": HOUSEHOLDS}, [ground, ground])
    assert [each["hydrant"] for each in two] == [households, households]


def test_each_category_has_its_number(made: pd.DataFrame) -> None:
    per_community = {key for key, kind in CATEGORIES.items() if kind.count == PER_COMMUNITY}
    expected = {"hydrant": 300, "school": 20, "shop": 60} | dict.fromkeys(per_community, 3)
    assert made["category"].value_counts().to_dict() == expected
    assert made["id"].is_unique
    assert made["name"].is_unique
    assert {"第1社区志愿服务队", "第2社区志愿服务队", "第3社区志愿服务队"} <= set(made["name"])


def test_things_are_in_the_city_and_few_objects_on_its_lines(ground: Ground, made: pd.DataFrame) -> None:
    points = shapely.points(made["lon"], made["lat"])
    covered = shapely.intersects(ground.shapes[:, None], points[None, :]).sum(axis=0)
    assert covered.min() >= 1
    on_lines = shapely.distance(points, shapely.union_all(shapely.boundary(ground.shapes))) < 1e-12
    assert 2 <= on_lines.sum() <= 4
    assert set(made["category"][on_lines]) == {"hydrant"}


def test_organizations_sit_in_buildings(made: pd.DataFrame, buildings: pd.DataFrame) -> None:
    seated = made[made["class"] == "organization"].merge(buildings, left_on="building", right_on="id")
    assert len(seated) == 63
    assert (seated["lon_x"] == seated["lon_y"]).all()
    assert made.loc[made["class"] != "organization", "building"].isna().all()


def everyone(ground: Ground, buildings: pd.DataFrame, seed: int = 1) -> pa.Table:
    return pa.concat_tables(persons(ground, seed, QUOTA, buildings, everyone=True, rows=700))


def test_a_person_is_a_reference_a_category_and_a_building(ground: Ground, buildings: pd.DataFrame) -> None:
    table = pa.concat_tables(persons(ground, 1, QUOTA, buildings, everyone=False)).to_pandas()
    assert table["category"].value_counts().to_dict() == QUOTA
    assert set(table["class"]) == {"person"}
    assert table["name"].isna().all()
    assert all(re.fullmatch(r"R-[0-9a-f]{5}[a-f][0-9a-f]{6}", reference) for reference in table["id"])
    homes = table.merge(buildings, left_on="building", right_on="id")
    assert len(homes) == len(table)
    assert (homes["lon_x"] == homes["lon_y"]).all()


def test_the_full_scale_holds_every_resident_once(ground: Ground, buildings: pd.DataFrame) -> None:
    table = everyone(ground, buildings).to_pandas()
    assert table["id"].is_unique
    held = table.groupby("building").size().reindex(buildings["id"], fill_value=0)
    assert held.tolist() == buildings["residents"].tolist()
    counts = table["category"].value_counts().to_dict()
    assert counts == QUOTA | {"resident": ground.cells["residents"].sum() - sum(QUOTA.values())}


def test_a_person_has_the_same_reference_at_both_scales(ground: Ground, buildings: pd.DataFrame) -> None:
    demo = pa.concat_tables(persons(ground, 1, QUOTA, buildings, everyone=False))
    full = everyone(ground, buildings)
    assert full.slice(0, len(demo)).equals(demo)
    assert not set(everyone(ground, buildings, seed=2)["id"].to_pylist()) & set(demo["id"].to_pylist())


def test_tables_of_persons_stay_small(ground: Ground, buildings: pd.DataFrame) -> None:
    sizes = [len(part) for part in persons(ground, 1, QUOTA, buildings, everyone=True, rows=700)]
    assert max(sizes) <= 700
    assert sum(sizes) == np.sum(ground.cells["residents"])
