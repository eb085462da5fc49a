"""What papers say, in Chinese and in English: ``templates/zh.toml`` and ``en.toml``.

Imports ``bounds`` and ``model``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gridmap.errors import InvalidInput
from gridmap.model import Cell, City
from gridmap.papers.bounds import SIDES, Bounds, Stretch

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Words:
    """One language. ``texts`` are phrases by name, some with places to fill; the same names in every language."""

    language: str
    texts: Mapping[str, str]
    kinds: Mapping[str, str]
    levels: Mapping[str, str]
    states: Mapping[str, str]
    attributes: Mapping[str, str]
    steps: Mapping[str, str]
    checks: Mapping[str, str]
    principles: Mapping[str, str]
    figures: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.texts[name]

    def listed(self, names: Sequence[str]) -> str:
        """Names one after the other."""
        return self["comma"].join(names)

    def named(self, cell: Cell) -> str:
        """A cell's name and code."""
        return self["named"].format(name=cell.name, code=cell.code)

    def level(self, level: str) -> str:
        """An area's level, as its own key where the city has one that is not known here."""
        return self.levels.get(level, level)

    def city(self, city: City) -> str:
        """The city's name."""
        return city.name if self.language == "zh" or not city.name_en else city.name_en

    def notices(self, city: City) -> list[str]:
        """What the city says of its data in this language; all it says when it has none in this one."""
        found = city.notice.get(self.language)
        return list(city.notice.values()) if found is None else [found]

    def bounds(self, bounds: Bounds, name: Callable[[str], str]) -> str:
        """All four sides in one sentence; ``name`` gives a neighbour's name by its code."""
        sides = []
        for side in SIDES:
            stretches: tuple[Stretch, ...] = getattr(bounds, side)
            sides.append(self[f"side_{side}"].format(self._side(stretches, name)))
        return self["sides"].join(sides) + self["stop"]

    def _side(self, stretches: Sequence[Stretch], name: Callable[[str], str]) -> str:
        told = [self._stretch(each, name) for each in stretches]
        return self.listed(list(dict.fromkeys(told)))

    def _stretch(self, stretch: Stretch, name: Callable[[str], str]) -> str:
        if stretch.name is not None:
            return stretch.name
        if stretch.beyond is None:
            return self["bound_outside" if stretch.kind == "outside" else f"unnamed_{stretch.kind}"]
        if stretch.kind == "cell":
            return self["bound_cell"].format(name(stretch.beyond))
        return self["bound_unnamed"].format(self[f"unnamed_{stretch.kind}"], name(stretch.beyond))


@cache
def words_in(language: str) -> Words:
    """The words of a language; InvalidInput for one there is not."""
    if language not in LANGUAGES:
        raise InvalidInput("lang", language, f"must be one of {', '.join(LANGUAGES)}")
    path = files("gridmap.papers") / "templates" / f"{language}.toml"
    return Words(language=language, **tomllib.loads(path.read_text(encoding="utf-8")))
