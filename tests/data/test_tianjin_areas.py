"""The committed areas: counts, parents, and what names say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from data.tianjin.areas import AREAS_FILE, Area, read_areas
from gridmap.errors import LoadRefused


def test_the_file_holds_the_real_numbers_of_areas() -> None:
    areas = read_areas()
    assert Counter(area.level for area in areas) == {"city": 1, "district": 16, "street": 299, "community": 5617}
    assert areas[0] == Area("city", "120000", "天津市", "")
    assert sum(area.virtual for area in areas) == 36
    assert {len(area.code) for area in areas if area.level == "community"} == {12}


def test_every_code_begins_with_its_parents_code() -> None:
    for area in read_areas():
        if area.level in ("street", "community"):
            assert area.code.startswith(area.parent)


@pytest.mark.parametrize(
    ("name", "short", "village", "campus"),
    [
        ("花园路社区居委会", "花园路社区", False, False),
        ("大安村村民委员会", "大安村", True, False),
        ("第六埠村委会", "第六埠", True, False),
        ("南开大学社区", "南开大学社区", False, True),
        ("体育学院社区居委会", "体育学院社区", False, False),
        ("居委会", "居委会", False, False),
    ],
)
def test_names(name: str, short: str, village: bool, campus: bool) -> None:
    area = Area("community", "120101001001", name, "120101001")
    assert (area.short_name, area.village, area.campus) == (short, village, campus)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("street,120101001,劝业场街道,120101\n" * 2, "twice"),
        ("block,120101001,劝业场街道,120101\n", "level must be one of"),
        ("street,120101001,劝业场街道,120000\n", "parent must be a district, got '120000'"),
        ("street,120101001,劝业场街道,120999\n", "parent must be a district, got '120999'"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "areas.csv"
    head = "level,code,name,parent\ncity,120000,天津市,\ndistrict,120101,和平区,120000\n"
    path.write_text(head + line, encoding="utf-8")
    with pytest.raises(LoadRefused, match=complaint):
        read_areas(path)


def test_the_committed_file_has_no_carriage_returns() -> None:
    assert b"\r" not in AREAS_FILE.read_bytes()
