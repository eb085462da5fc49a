from __future__ import annotations

import pandas as pd
import pytest

from data.tianjin.incidents import CATEGORIES
from data.tianjin.posts import DEPARTMENTS, posts_of
from gridmap.model import POST_KINDS, WeeklyHours

AREAS = [
    ("city", "120000"),
    ("district", "120101"),
    ("street", "120101001"),
    ("community", "120101001001"),
    ("community", "120101001002"),
]
CELLS = ["120101001001001", "120101001001002", "120101001002001"]


@pytest.fixture(scope="module")
def posts() -> pd.DataFrame:
    return posts_of(pd.DataFrame(AREAS, columns=["level", "code"]), CELLS, ["120101-Q01"])


def test_every_territory_has_its_posts(posts: pd.DataFrame) -> None:
    table = posts.groupby(["level", "territory"])["kind"].agg(set)
    assert table["city", "120000"] == {"duty_desk"}
    assert table["district", "120101"] == {"duty_desk", "first_responsible", "department_liaison"}
    assert table["street", "120101001"] == {"duty_desk", "first_responsible", "department_liaison"}
    for community in ("120101001001", "120101001002"):
        assert table["community", community] == {"duty_desk", "first_responsible", "grid_captain"}
    for cell in CELLS:
        assert table["cell", cell] == {"grid_worker"}
    assert table["overlay", "120101-Q01"] == {"duty_desk", "first_responsible"}
    assert set(posts["kind"]) == set(POST_KINDS)


def test_codes_and_phones_are_unique_and_no_subscribers(posts: pd.DataFrame) -> None:
    assert posts["code"].is_unique
    assert posts["phone"].is_unique
    assert posts["phone"].str.fullmatch(r"022-0\d{7}").all()


def test_required_hours_can_be_read(posts: pd.DataFrame) -> None:
    for text in posts["required"].dropna():
        assert WeeklyHours.parse(text)
    desks = posts[posts["kind"] == "duty_desk"].set_index("level")["required"]
    assert desks["city"] == desks["district"] == desks["street"] == "1-7 00:00-24:00"
    assert set(desks["community"]) == {"1-7 07:00-23:00"}


def test_liaisons_take_known_categories_and_every_category_has_one(posts: pd.DataFrame) -> None:
    liaisons = posts[posts["kind"] == "department_liaison"]
    assert len(liaisons) == len(DEPARTMENTS)
    assert {category for categories in liaisons["categories"] for category in categories} == set(CATEGORIES)
    assert liaisons["department"].notna().all()
    others = posts[posts["kind"] != "department_liaison"]
    assert others["department"].isna().all()
    assert others["categories"].str.len().eq(0).all()
