"""What an address says: names, a number, a block, a crossing. It is read, not looked up; imports ``writing``.

Storeys, entrances and rooms are dropped: nobody's cell depends on them, and they say too much about who calls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from gridmap.addresses.writing import key, simplified

_STREET = "大街|大道|胡同|马路|公路|支路|路|道|街|巷|条|弄"
_STREET_END = re.compile(f"(?:{_STREET})")

# Rooms, entrances and storeys, from the end: 3门501室, 2单元, 五层.
_ROOM = re.compile(
    r"(?:\d+单元|\d+门(?!诊)|\d+[室层]|\d+-\d{3,4}|(?<=[楼栋幢座门])\d{3,4}(?:号|室)?|(?<=单元)\d{3,4}(?:号|室)?)$"
)
# 榆祥北里3-2-501: block, entrance, room.
_DASHED = re.compile(r"(?<=\D)(\d+)-\d+-\d{3,4}$")
_BLOCK = re.compile(r"(?P<block>\d+|[a-z])(?:号楼|号院楼|栋|幢|座|#楼|楼)$")
_NUMBER = re.compile(
    r"(?P<before>[甲乙丙丁])?(?P<number>\d+)(?P<suffix>[甲乙丙丁]|[a-d]|-\d+|附\d+|之\d+)?"
    r"(?:号院|号|#)(?P<after>[甲乙丙丁]|附\d+|之\d+)?(?!楼|线)"
)
_BARE_NUMBER = re.compile(r"(?<=[路道街巷同条弄里])(?P<number>\d+)(?P<suffix>[甲乙丙丁]|[a-d])?$")

_CROSSING_END = re.compile(
    r"(?:的?(?:交叉路口|交叉口|十字路口|丁字路口|交口|交汇处|交汇口|相交处?|拐角处?|转角处?|路口|口))$"
)
_AND = re.compile(r"[与和跟及同交&/+]|、")

# Where, seen from the thing named: 麦当劳旁边. It is near, not at.
_NEAR = re.compile(
    "(?:的?(?:旁边儿?|附近|斜?对面儿?|对过儿?|隔壁|门口儿?|楼下|前面|后面|后身儿?|边上|一带|[那这]边儿?|[那这][儿里]))+$"
)
_FILLER = re.compile(
    r"^(?:我们?在|我家在|住在|就在|位于|地址是?|是|在|嗯+|呃+|那个|就是)+|(?:那个|这个|那家|有个|有一个|上的|的)"
)
_AT_END = re.compile(r"(?:上|里边|里面|这)$")

# What English and pinyin have for the last part of a street's name.
_LATIN_GENERIC = {
    "road": ("lu", "dao"),
    "rd": ("lu", "dao"),
    "street": ("jie", "dao", "dajie", "lu"),
    "st": ("jie", "dao", "dajie", "lu"),
    "avenue": ("dadao", "dajie", "dao", "lu"),
    "ave": ("dadao", "dajie", "dao", "lu"),
    "boulevard": ("dadao", "dajie"),
    "lane": ("xiang", "hutong"),
    "alley": ("hutong", "xiang"),
    "community": ("xiaoqu", "li"),
    "garden": ("huayuan",),
    "gardens": ("huayuan",),
    "square": ("guangchang",),
    "park": ("gongyuan",),
}
_LATIN_NOISE = frozenset(
    {"no", "the", "of", "at", "in", "near", "hao", "tianjin", "shi", "city", "room", "on", "number"}
)
_LATIN_AREA = frozenset({"district", "qu", "jiedao", "subdistrict"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read an address. ``names`` are keys (Latin ones letters), the likeliest first.

    ``crossing`` are the names that each of two streets may have; ``number`` belongs to a street or, said loosely,
    to a block; ``near`` says that the place meant is not the one named. ``areas`` are codes that it names.
    """

    names: tuple[str, ...]
    number: int | None = None
    suffix: str = ""
    block: str | None = None
    crossing: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    near: bool = False
    latin: bool = False
    areas: frozenset[str] = field(default_factory=frozenset)


def is_latin(text: str) -> bool:
    """Whether an address is typed in pinyin or English."""
    return text.isascii() and any(char.isalpha() for char in text)


def tidy(text: str) -> str:
    """The key of a whole address, dashes kept, without what people say before they come to the point."""
    dashed = re.sub(r"(?<=\d)\s*[—–－~]\s*(?=\d)", "-", simplified(text))
    return _FILLER.sub("", key(dashed))


def read(form: str, areas: frozenset[str] = frozenset()) -> Reading:
    """Read a tidy address whose areas are taken off.

    >>> read("建义路123号甲3号楼2门501").names, read("建义路123号甲3号楼2门501").number
    (('建义路',), 123)
    """
    near = _NEAR.search(form)
    form = _AT_END.sub("", _NEAR.sub("", form))
    crossing = _read_crossing(form)
    if crossing is not None:
        one, other = crossing
        return Reading(crossing, crossing=((one,), (other,)), near=near is not None, areas=areas)
    form, block = _read_block(form)
    found = _NUMBER.search(form) or _BARE_NUMBER.search(form)
    number, suffix, rest = None, "", ""
    if found is not None and found.start() > 0:
        parts = found.groupdict()
        number = int(parts["number"])
        suffix = (parts.get("before") or parts.get("suffix") or parts.get("after") or "").strip("-附之")
        form, rest = form[: found.start()], form[found.end() :]
        if block is None:
            rest, block = _read_block(rest)
    names = list(dict.fromkeys(name for whole in (form, rest) for name in _names(whole)))
    return Reading(tuple(names), number, suffix, block, None, near is not None, areas=areas)


def _read_block(form: str) -> tuple[str, str | None]:
    """Take rooms and a block off the end."""
    before = ""
    dashed = _DASHED.search(form)
    if dashed is not None:
        return form[: dashed.start()], dashed.group(1)
    while before != form:
        before, form = form, _ROOM.sub("", form)
    found = _BLOCK.search(form)
    if found is None or found.start() == 0:
        return form, None
    return form[: found.start()], found["block"]


def _names(form: str) -> list[str]:
    """A whole name, then its parts where a street's name may end: 滨江道麦当劳 is 滨江道 and 麦当劳 as well."""
    form = form.strip("-#&/+")
    names = [form] if form else []
    if form.endswith("小区") and len(form) > 3:
        names.append(form[:-2])
    for found in _STREET_END.finditer(form):
        street, rest = form[: found.end()], form[found.end() :]
        if rest and len(street) > 1:
            names += [street, rest]
    return names


def _read_crossing(form: str) -> tuple[str, str] | None:
    ended = _CROSSING_END.search(form)
    whole = form[: ended.start()] if ended else form
    joined = [(whole[: joint.start()], whole[joint.end() :]) for joint in _AND.finditer(whole)]
    glued = (
        [(whole[: found.end()], whole[found.end() :]) for found in _STREET_END.finditer(whole)] if ended else []
    )
    pairs = [(one, other) for one, other in joined + glued if len(one) > 1 and len(other) > 1]
    streets = [pair for pair in pairs if _both_streets(*pair)]
    # Without "crossing" only two streets make one; with it their last parts may be missing.
    loose = [pair for pair in pairs if pair in joined] if ended else []
    return next(iter([*streets, *loose]), None)


def _both_streets(one: str, other: str) -> bool:
    return all(re.search(f"(?:{_STREET})$", street) for street in (one, other))


def read_latin(text: str) -> Reading:
    """Read an address in pinyin or English; ``names`` and ``crossing`` are letters to be compared by sound.

    The area that it names, if any, is left to the caller as the last word before ``district`` or ``qu``.
    """
    words = re.findall(r"[a-z']+|\d+[a-d]?|&|/", simplified(text))
    joint = next((i for i, word in enumerate(words) if word in {"and", "&", "/", "yu", "jiao"} and i > 0), None)
    if joint is not None:
        one = _latin_names([word for word in words[:joint] if word not in {"corner", "crossing", "intersection"}])
        other = _latin_names(
            [word for word in words[joint + 1 :] if word not in {"jiaokou", "crossing", "corner"}]
        )
        if one and other:
            return Reading((*one, *other), crossing=(tuple(one), tuple(other)), latin=True)
    number = block = None
    kept: list[str] = []
    for position, word in enumerate(words):
        if word[0].isdigit():
            after = words[position + 1 : position + 3]
            before = words[position - 1] if position else ""
            if before in {"block", "building"} or after[:1] == ["lou"] or after == ["hao", "lou"]:
                block = re.sub(r"\D", "", word)
            elif number is None:
                number = word
        elif word not in {"block", "building", "lou"}:
            kept.append(word)
    digits = re.match(r"(\d+)([a-d]?)", number or "")
    return Reading(
        tuple(_latin_names(kept)),
        int(digits[1]) if digits else None,
        digits[2] if digits else "",
        block,
        latin=True,
    )


def latin_area(text: str) -> str | None:
    """The area that a Latin address names: the word before ``district`` or ``qu``.

    >>> latin_area("123 Jianyi Lu, Heping District")
    'heping'
    """
    words = re.findall(r"[a-z']+", simplified(text))
    pairs = pairwise(words)
    return next((str(word) for word, following in pairs if following in _LATIN_AREA), None)


def _latin_names(words: list[str]) -> list[str]:
    """All that the words may be in pinyin letters: English generic words have several."""
    kept: list[str] = []
    for word in words:
        if word in _LATIN_AREA and kept:
            kept.pop()
        elif word not in _LATIN_NOISE:
            kept.append(word)
    if not kept:
        return []
    head = "".join(word for word in kept[:-1] if word not in _LATIN_GENERIC).replace("'", "")
    last = kept[-1].replace("'", "")
    for position, word in enumerate(kept):
        if word in _LATIN_GENERIC and position:
            stem = "".join(kept[:position]).replace("'", "")
            return [stem + ending for ending in _LATIN_GENERIC[word]]
    return [head + last]


_WRITTEN_NUMBER = re.compile(r"(?P<before>[甲乙丙丁])?(?P<number>\d{1,6})(?P<suffix>.*)")


def written_number(written: str) -> tuple[int, str] | None:
    """The integer and the suffix of a house or block number as a file has it; None when it is none.

    >>> written_number("12号"), written_number("甲12号"), written_number("十二号附3")
    ((12, ''), (12, '甲'), (12, '3'))
    """
    found = _WRITTEN_NUMBER.match(key(written))
    if found is None:
        return None
    rest = re.sub(r"号楼|号院|[号栋幢座楼#附之-]", "", found["suffix"])
    return int(found["number"]), (found["before"] or "") + rest
