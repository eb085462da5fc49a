"""Names of areas in an address: 天津市和平区劝业场街道… says where, and is no part of a street's name.

Imports ``sound``, ``writing`` and ``model``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from gridmap.addresses.sound import pinyin
from gridmap.addresses.writing import key, simplified
from gridmap.errors import InvalidInput
from gridmap.model import Area

# What is left off an area's official name when it is spoken, and a remark in brackets.
_OFFICIAL = re.compile("(村民委员会|村委会|居民委员会|居委会|[（(].*[）)])$")
_LEVEL_WORD = re.compile(r"(特别行政区|自治区|新区|街道|地区|[省市区县镇乡街])$")
_LATIN_LEVEL = re.compile(r"(shi|qu|xian|jiedao|zhen|xiang|city|district|county|town|township)$")

# A short form is one that has lost its 区 or 街道. It may begin a street's name as well: 和平路.
_SHORTEST = 2


class AreaNames:
    """The areas of one revision by what people call them."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._areas: Mapping[str, Area] = {area.code: area for area in areas}
        self._full: dict[str, list[str]] = {}
        self._short: dict[str, list[str]] = {}
        self._latin: dict[str, list[str]] = {}
        for area in self._areas.values():
            name = key(_OFFICIAL.sub("", area.name))
            for form in dict.fromkeys((key(area.name), name)):
                self._full.setdefault(form, []).append(area.code)
            short = _LEVEL_WORD.sub("", name)
            if short != name and len(short) >= _SHORTEST:
                self._short.setdefault(short, []).append(area.code)
            letters = pinyin(simplified(name))
            for form in dict.fromkeys((letters, _LATIN_LEVEL.sub("", letters))):
                self._latin.setdefault(form, []).append(area.code)
        self._longest = max(map(len, (*self._full, *self._short)), default=0)

    def area(self, code: str) -> Area:
        """The area with this code."""
        return self._areas[code]

    def named(self, name: str) -> frozenset[str]:
        """Codes of the areas that a name or code means; InvalidInput when there is none."""
        form = key(name)
        letters = pinyin(form)
        found = self._full.get(form) or self._short.get(form) or self._latin.get(letters)
        found = found or self._latin.get(_LATIN_LEVEL.sub("", letters))
        if name.strip() in self._areas:
            found = [name.strip()]
        if not found:
            raise InvalidInput("district", name, "must be the name or the code of an area of this city")
        return frozenset(found)

    def taken_off(self, form: str) -> list[tuple[str, frozenset[str]]]:
        """The ways to read the front of a key as areas: what is left, and the codes meant; the form itself last.

        ``天津市和平区建义路1号`` leaves ``建义路1号``. A short form such as 和平 is one reading among
        others, since 和平路 is a street. Codes are those of the smallest areas named that fit one another.
        """
        readings: dict[str, frozenset[str]] = {}
        self._take(form, frozenset(), readings)
        readings.pop(form, None)
        return [*readings.items(), (form, frozenset())]

    def _take(self, rest: str, meant: frozenset[str], readings: dict[str, frozenset[str]]) -> None:
        for length in range(min(self._longest, len(rest)), _SHORTEST - 1, -1):
            head, tail = rest[:length], rest[length:]
            full = self._full.get(head)
            codes = full or self._short.get(head)
            if not codes:
                continue
            within = self.within(frozenset(codes), meant)
            if not within:
                continue
            readings.setdefault(tail, within)
            self._take(tail, within, readings)
            if full:
                return  # a full name is an area; shorter ones inside it are not looked at

    def within(self, codes: frozenset[str], meant: frozenset[str]) -> frozenset[str]:
        """Those of ``codes`` that lie in one of ``meant``, or all when nothing was meant before."""
        if not meant:
            return codes
        return frozenset(code for code in codes if not meant.isdisjoint(self.chain(code)))

    def chain(self, code: str) -> tuple[str, ...]:
        """The code and those above it."""
        codes: list[str] = []
        at: str | None = code
        while at is not None:
            codes.append(at)
            at = self._areas[at].parent
        return tuple(codes)
