"""Areas are taken off the front of an address, but not out of a street's name."""

from __future__ import annotations

import pytest

from gridmap.addresses.territory import AreaNames
from gridmap.errors import InvalidInput
from gridmap.model import Area

AREAS = AreaNames(
    [
        Area("12", "city", "天津市（演示）", None),
        Area("1201", "district", "和平区", "12"),
        Area("1202", "district", "河西区", "12"),
        Area("120101", "street", "劝业场街道", "1201"),
        Area("120201", "street", "大营门街道", "1202"),
        Area("12010101", "community", "花园路社区居委会", "120101"),
        Area("12020101", "community", "花园路社区居委会", "120201"),
    ]
)


@pytest.mark.parametrize(
    ("form", "left", "codes"),
    [
        ("和平区建义路1号", "建义路1号", {"1201"}),
        ("天津市和平区建义路1号", "建义路1号", {"1201"}),
        ("天津和平劝业场街道建义路1号", "建义路1号", {"120101"}),
        ("和平路1号", "路1号", {"1201"}),
        ("花园路社区", "", {"12010101", "12020101"}),
        ("和平区花园路社区居委会", "", {"12010101"}),
    ],
)
def test_areas_are_taken_off(form: str, left: str, codes: set[str]) -> None:
    assert (left, frozenset(codes)) in AREAS.taken_off(form)


def test_the_address_as_it_is_stays_a_reading() -> None:
    assert ("和平路1号", frozenset()) in AREAS.taken_off("和平路1号")


def test_areas_that_do_not_fit_one_another_are_not_read_as_such() -> None:
    assert all(left != "1号" for left, _ in AREAS.taken_off("河西区劝业场街道1号"))


@pytest.mark.parametrize("name", ["和平区", "和平", "1201", "heping", "Heping District", " 和平區 "])
def test_an_area_by_any_of_its_names(name: str) -> None:
    assert AREAS.named(name) == {"1201"}


def test_a_name_of_two_areas_means_both() -> None:
    assert AREAS.named("花园路社区") == {"12010101", "12020101"}


@pytest.mark.parametrize("name", ["南开区", "", "1299"])
def test_an_unknown_area_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="district"):
        AREAS.named(name)
