"""Two writings of one name have one key; a slip of the pen is one character away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.addresses.writing import arabic, key, one_away, one_left_out, simplified


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("滨江道１２３号", "滨江道123号"),
        ("濱江道123號", "滨江道123号"),
        ("臺兒莊路", "台儿庄路"),
        ("Binjiang　DAO", "binjiang dao"),
        ("  建义路\t1 号 ", "建义路 1 号"),
        ("建义路\u200b1号", "建义路1号"),
    ],
)
def test_width_form_and_case(written: str, plain: str) -> None:
    assert simplified(written) == plain


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("一号", "1号"),
        ("十号", "10号"),
        ("十二号", "12号"),
        ("二十号", "20号"),
        ("一百零三号", "103号"),
        ("一百二十三号", "123号"),
        ("一百一十号", "110号"),
        ("一千二百号", "1200号"),
        ("二〇五号", "205号"),
        ("一二三号", "123号"),
        ("两百号", "200号"),
        ("三号楼二门", "3号楼2门"),
        ("第三大街", "第3大街"),
        ("八一路十二号", "81路12号"),
    ],
)
def test_chinese_numerals(written: str, digits: str) -> None:
    assert arabic(written) == digits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("第三大街", "第 3 大街"),
        ("五大道", "5大道"),
        ("「建义路」", "建义路"),
        ("榆祥·北里", "榆祥北里"),
        ("張家路", "张家路"),
    ],
)
def test_one_name_has_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("建义路", "建文路", True),
        ("建义路", "建义", True),
        ("建义路", "建义东路", True),
        ("建义路", "义建路", True),
        ("建义路", "建义路", True),
        ("建义路", "建文道", False),
        ("建义路", "路义建", False),
        ("建义路", "义路建", False),
    ],
)
def test_one_character_away(one: str, other: str, near: bool) -> None:
    assert one_away(one, other) is near


_names = st.text("建义文路道", min_size=3, max_size=6)


@given(_names, _names)
def test_what_is_one_away_shares_a_form_with_a_character_left_out(one: str, other: str) -> None:
    if one_away(one, other):
        assert set(one_left_out(one)) & set(one_left_out(other))


@given(st.text(max_size=40))
def test_any_text_has_a_key_without_spaces(text: str) -> None:
    assert not any(char.isspace() for char in key(text))
