"""What sounds alike has one sound, however it is written."""

from __future__ import annotations

import pytest

from gridmap.addresses.sound import aloud_number, blurred, pinyin, sound


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("滨江道", "binjiangdao"),
        ("长江道", "changjiangdao"),
        ("第3大街", "disandajie"),
        ("12经路", "shierjinglu"),
        ("Binjiang Dao", "binjiangdao"),
        ("绿", "lv"),
    ],
)
def test_pinyin(text: str, letters: str) -> None:
    assert pinyin(text) == letters


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("建义路", "建议路"),  # the same
        ("施家道", "司家道"),  # sh, s
        ("张家路", "臧家路"),  # zh, z
        ("晨光路", "岑光路"),  # ch, c
        ("南京路", "兰京路"),  # n, l
        ("金山路", "京山路"),  # in, ing
        ("分水道", "风水道"),  # en, eng
        ("山前路", "上前路"),  # an, ang
        ("建国道", "江国道"),  # an, ang before a g
        ("福安里", "湖安里"),  # f, h
        ("吕家路", "卢家路"),  # ü, u
    ],
)
def test_what_ears_mix_up_sounds_alike(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@pytest.mark.parametrize(("one", "other"), [("建义路", "建安路"), ("南京路", "北京路"), ("滨江道", "滨江路")])
def test_what_is_heard_apart_does_not(one: str, other: str) -> None:
    assert sound(one) != sound(other)


def test_typed_pinyin_sounds_like_the_name() -> None:
    assert blurred("fangandao") == sound("方案道")
    assert blurred("zhangjialu") == sound("张家路")


@pytest.mark.parametrize(
    ("digits", "aloud"),
    [("0", "零"), ("7", "七"), ("10", "十"), ("11", "十一"), ("40", "四十"), ("105", "一零五"), ("007", "零零七")],
)
def test_numbers_in_names_are_read_aloud(digits: str, aloud: str) -> None:
    assert aloud_number(digits) == aloud
