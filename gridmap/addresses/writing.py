"""How a name is written: width, traditional forms, numerals, and what is one character away.

Imports nothing of GridMap.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from opencc import OpenCC

_DIGIT = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TEN = {"十": 10, "百": 100, "千": 1000}
_NUMERALS = re.compile(f"[{''.join(_DIGIT)}{''.join(_TEN)}]+")
_SPACE = re.compile(r"\s+")
_NO_PART_OF_A_NAME = re.compile(r"[\s()（）\[\]【】《》<>「」“”\"'’,，。.、;；:：!！?？·•_~*—]+")


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


def simplified(text: str) -> str:
    """Half width, simplified, lower case, single spaces.

    >>> simplified("濱江道１２３號")
    '滨江道123号'
    """
    shown = "".join(char for char in text if unicodedata.category(char)[0] != "C" or char in "\t\n")
    narrow = unicodedata.normalize("NFKC", shown)
    return _SPACE.sub(" ", str(_converter().convert(narrow)).lower()).strip()


def arabic(text: str) -> str:
    """Chinese numerals as digits, wherever they stand: names are compared in this form on both sides.

    >>> arabic("一百二十三号"), arabic("二〇五号"), arabic("八一路十二号")
    ('123号', '205号', '81路12号')
    """
    return _NUMERALS.sub(lambda found: _value(found.group()), text)


def _value(numeral: str) -> str:
    if not any(char in _TEN for char in numeral):
        return "".join(str(_DIGIT[char]) for char in numeral)
    total, pending = 0, None
    for char in numeral:
        if char in _TEN:
            total += (1 if pending is None else pending) * _TEN[char]
            pending = None
        else:
            pending = _DIGIT[char] if pending is None else pending * 10 + _DIGIT[char]
    return str(total + (pending or 0))


@lru_cache(maxsize=65_536)
def key(name: str) -> str:
    """The form in which two writings of one name are equal.

    >>> key("第三大街") == key("第 3 大街")
    True
    """
    return arabic(_NO_PART_OF_A_NAME.sub("", simplified(name)))


def one_left_out(form: str) -> list[str]:
    """The form itself and each with one character left out.

    Two forms share one of these whenever one substitution, insertion, deletion or swap of neighbours leads from
    one to the other: an index over these finds typing errors without comparing with every name.
    """
    if len(form) < 3:
        return [form]
    return list(dict.fromkeys([form, *(form[:i] + form[i + 1 :] for i in range(len(form)))]))


def one_away(one: str, other: str) -> bool:
    """Whether one substitution, insertion, deletion or swap of neighbours leads from one form to the other.

    >>> one_away("建义路", "建文路"), one_away("建义路", "义建路"), one_away("建义路", "义路建")
    (True, True, False)
    """
    begin = 0
    while begin < min(len(one), len(other)) and one[begin] == other[begin]:
        begin += 1
    end = 0
    while end < min(len(one), len(other)) - begin and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[begin : len(one) - end], other[begin : len(other) - end]
    return (len(left) <= 1 and len(right) <= 1) or (len(left) == len(right) == 2 and left == right[::-1])
