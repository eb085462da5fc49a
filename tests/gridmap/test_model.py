"""The nouns: frozen, and weekly hours that say the same in text and numbers."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap import model
from gridmap.errors import InvalidInput
from gridmap.model import City, WeeklyHours

HOURS = st.builds(WeeklyHours, st.integers(1, 127), st.integers(0, 1439), st.integers(1, 1440))


def test_nouns_are_frozen_and_explained() -> None:
    nouns = [each for _, each in inspect.getmembers(model, inspect.isclass) if dataclasses.is_dataclass(each)]
    assert len(nouns) >= 12
    for noun in nouns:
        assert noun.__doc__
        assert not noun.__doc__.startswith(f"{noun.__name__}("), f"{noun.__name__} has no docstring of its own"
        frozen = noun.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert frozen or noun is model.LoadCounts  # counts are added up while a load runs


@given(HOURS)
def test_weekly_hours_survive_their_text_form(hours: WeeklyHours) -> None:
    assert WeeklyHours.parse(str(hours)) == (hours,)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1-5 08:00-20:00", [(0b0011111, 480, 720)]),
        ("1-7 00:00-24:00", [(127, 0, 1440)]),
        ("6,7 20:00-08:00", [(0b1100000, 1200, 720)]),
        ("7 23:59-24:00", [(0b1000000, 1439, 1)]),
        ("1 08:00-08:00", [(1, 480, 1440)]),
        ("1,3,6-7 9:05-10:00; 2 00:00-00:01", [(0b1100101, 545, 55), (2, 0, 1)]),
    ],
)
def test_weekly_hours_by_hand(text: str, wanted: list[tuple[int, int, int]]) -> None:
    assert [(each.weekdays, each.starts, each.minutes) for each in WeeklyHours.parse(text)] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1-5",
        "8 08:00-20:00",
        "0 08:00-20:00",
        "5-1 08:00-20:00",
        "1-5 08:60-20:00",
        "1-5 25:00-26:00",
        "1-5 24:01-24:30",
        "1-5 ８:00-20:00",
        "1-5 -1:00-20:00",
        "1-5 08:00-20:00;",
        "12 08:00-20:00",
        "1- 08:00-",
    ],
)
def test_weekly_hours_refuse_what_they_do_not_mean(text: str) -> None:
    with pytest.raises(InvalidInput):
        WeeklyHours.parse(text)


@pytest.mark.parametrize("values", [(0, 0, 60), (128, 0, 60), (1, -1, 60), (1, 1440, 60), (1, 0, 0), (1, 0, 1441)])
def test_weekly_hours_keep_their_bounds(values: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidInput):
        WeeklyHours(*values)


def test_a_city_knows_its_clock_and_its_lowest_level() -> None:
    city = City("1", "Testburg", ("city", "borough"), "", "EPSG:27700", "Europe/London", ("999",), "")
    assert city.lowest_level == "borough"
    assert city.zone.key == "Europe/London"


def test_a_person_category_is_one_of_a_short_closed_list() -> None:
    assert len(model.PERSON_CATEGORIES) <= 6
    assert len(set(model.PERSON_CATEGORIES)) == len(model.PERSON_CATEGORIES)
