"""How a name sounds: pinyin without tones, and the same with what ears and dialects mix up made equal.

Imports nothing of GridMap.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pypinyin import lazy_pinyin

_DIGITS = "零一二三四五六七八九"
_NOT_LETTERS = re.compile(r"[^a-z]+")


@lru_cache(maxsize=65_536)
def pinyin(text: str) -> str:
    """The letters of simplified Chinese or Latin text, lower case, without tones, spaces and marks.

    Numbers are read aloud, so that 3马路 and 三马路 are one.

    >>> pinyin("第3大街")
    'disandajie'
    """
    aloud = re.sub(r"\d+", lambda found: aloud_number(found.group()), text)
    letters = "".join(lazy_pinyin(aloud)).lower().replace("ü", "v")
    return _NOT_LETTERS.sub("", letters)


# Each pair is mixed up over a telephone or in one dialect or another. They work on letters, not on syllables,
# so that typed pinyin, which has no borders between syllables, comes out the same.
_BLURS = (
    (re.compile("([zcs])h"), r"\1"),
    (re.compile("ng+"), "n"),  # more than one g where a syllable ends with one and the next begins with it
    (re.compile("l"), "n"),
    (re.compile("f"), "h"),
    (re.compile("v"), "u"),
)


def blurred(letters: str) -> str:
    """Pinyin with z/zh, c/ch, s/sh, n/l, f/h, -n/-ng and ü/u made one.

    >>> blurred("shilinlu") == blurred("silinglv")
    True
    """
    for pattern, replacement in _BLURS:
        letters = pattern.sub(replacement, letters)
    return letters


def sound(text: str) -> str:
    """What two names that may be taken for each other by ear have in common."""
    return blurred(pinyin(text))


def aloud_number(digits: str) -> str:
    """An Arabic number below a hundred as a name has it; larger ones digit by digit.

    >>> aloud_number("12"), aloud_number("105")
    ('十二', '一零五')
    """
    if len(digits) > 2 or digits.startswith("0"):
        return "".join(_DIGITS[int(digit)] for digit in digits)
    tens, ones = divmod(int(digits), 10)
    ten = "" if tens == 0 else "十" if tens == 1 else f"{_DIGITS[tens]}十"
    return ten + (_DIGITS[ones] if ones or not tens else "")
