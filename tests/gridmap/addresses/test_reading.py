"""What an address says, by a table of how people say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.addresses.reading import is_latin, latin_area, read, read_latin, tidy, written_number


@pytest.mark.parametrize(
    ("said", "names", "number", "suffix", "block"),
    [
        ("建义路123号", ("建义路",), 123, "", None),
        ("建义路123", ("建义路",), 123, "", None),
        ("建义路一百二十三号", ("建义路",), 123, "", None),
        ("建義路１２３號", ("建义路",), 123, "", None),
        ("建义路123号甲", ("建义路",), 123, "甲", None),
        ("建义路甲123号", ("建义路",), 123, "甲", None),
        ("建义路123甲号", ("建义路",), 123, "甲", None),
        ("建义路123号附2", ("建义路",), 123, "2", None),
        ("建义路123-2号", ("建义路",), 123, "2", None),
        ("建义路123号3号楼2门501", ("建义路",), 123, "", "3"),
        ("建义路123号榆祥北里1号楼", ("建义路", "榆祥北里"), 123, "", "1"),
        ("榆祥北里3号楼", ("榆祥北里",), None, "", "3"),
        ("榆祥北里三号楼二单元五零一室", ("榆祥北里",), None, "", "3"),
        ("榆祥北里3栋", ("榆祥北里",), None, "", "3"),
        ("榆祥北里3-2-501", ("榆祥北里",), None, "", "3"),
        ("榆祥北里B座", ("榆祥北里",), None, "", "b"),
        ("榆祥北里3号", ("榆祥北里",), 3, "", None),
        ("榆祥小区5号楼", ("榆祥小区", "榆祥"), None, "", "5"),
        ("我在建义路5号", ("建义路",), 5, "", None),
        ("滨江道那个麦当劳", ("滨江道麦当劳", "滨江道", "麦当劳"), None, "", None),
        ("五大道", ("5大道",), None, "", None),
        ("市第一中心医院", ("市第1中心医院",), None, "", None),
    ],
)
def test_parts(said: str, names: tuple[str, ...], number: int | None, suffix: str, block: str | None) -> None:
    reading = read(tidy(said))
    assert (reading.names, reading.number, reading.suffix, reading.block) == (names, number, suffix, block)
    assert not reading.near


@pytest.mark.parametrize(
    ("said", "one", "other"),
    [
        ("建义路与清兰西道交口", "建义路", "清兰西道"),
        ("建义路清兰西道交口", "建义路", "清兰西道"),
        ("建义路和清兰西道的交叉口", "建义路", "清兰西道"),
        ("建义路跟清兰西道路口", "建义路", "清兰西道"),
        ("建义路/清兰西道", "建义路", "清兰西道"),
        ("建义路、清兰西道拐角", "建义路", "清兰西道"),
        ("万和西胡同与清兰西道交口", "万和西胡同", "清兰西道"),
        ("平和路与泰和道交口", "平和路", "泰和道"),
    ],
)
def test_crossings(said: str, one: str, other: str) -> None:
    assert read(tidy(said)).crossing == ((one,), (other,))


@pytest.mark.parametrize("said", ["和平路和平里", "泰和道", "建义路口腔医院", "和平路12号"])
def test_what_is_no_crossing(said: str) -> None:
    assert read(tidy(said)).crossing is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("麦当劳旁边", "麦当劳"),
        ("建义路附近", "建义路"),
        ("永丰里社区公交站对面", "永丰里社区公交站"),
        ("麦当劳门口那儿", "麦当劳"),
    ],
)
def test_near_is_not_at(said: str, name: str) -> None:
    reading = read(tidy(said))
    assert reading.near
    assert reading.names[0] == name


@pytest.mark.parametrize(
    ("said", "names", "number", "block"),
    [
        ("Binjiang Dao 123", ("binjiangdao",), 123, None),
        ("binjiangdao 123 hao", ("binjiangdao",), 123, None),
        ("No. 123 Binjiang Road, Heping District", ("binjianglu", "binjiangdao"), 123, None),
        ("123 Binjiang Lu, Heping Qu", ("binjianglu",), 123, None),
        ("Yuxiang Beili 3 hao lou", ("yuxiangbeili",), None, "3"),
        ("Building 3, Yuxiang Beili", ("yuxiangbeili",), None, "3"),
    ],
)
def test_pinyin_and_english(said: str, names: tuple[str, ...], number: int | None, block: str | None) -> None:
    assert is_latin(said)
    reading = read_latin(said)
    assert (reading.names, reading.number, reading.block) == (names, number, block)


def test_a_crossing_in_english() -> None:
    reading = read_latin("corner of Binjiang Lu and Heping Street")
    assert reading.crossing == (("binjianglu",), ("hepingjie", "hepingdao", "hepingdajie", "hepinglu"))


@pytest.mark.parametrize(
    ("said", "area"),
    [("1 Jianyi Lu, Heping District", "heping"), ("Heping Qu Jianyi Lu 1", "heping"), ("Jianyi Lu 1", None)],
)
def test_the_area_in_latin_letters(said: str, area: str | None) -> None:
    assert latin_area(said) == area


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12号", (12, "")), ("12", (12, "")), ("甲12号", (12, "甲")), ("12号甲", (12, "甲")), ("3号楼", (3, "")),
        ("十二号附3", (12, "3")), ("12-3号", (12, "3")), ("无号", None), ("", None),
    ],
)  # fmt: skip
def test_numbers_in_files(written: str, meant: tuple[int, str] | None) -> None:
    assert written_number(written) == meant


@given(st.text(max_size=60))
def test_any_text_is_read(said: str) -> None:
    assert all(read(tidy(said)).names) or not read(tidy(said)).names
    read_latin(said)
