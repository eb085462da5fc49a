"""Tianjin's administrative areas as committed in ``areas.csv``; imports only the standard library and errors."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from gridmap.errors import LoadRefused

LEVELS = ("city", "district", "street", "community")
AREAS_FILE = Path(__file__).with_name("areas.csv")

_VILLAGE_WORDS = ("村委会", "村民委员会")
_CAMPUS_WORDS = ("大学", "学院", "学校")
_COMMITTEE_WORDS = ("村民委员会", "居民委员会", "居委会", "村委会")


@dataclass(frozen=True, slots=True)
class Area:
    """One administrative area: ``level`` is one of LEVELS, ``parent`` the code above (empty for the city)."""

    level: str
    code: str
    name: str
    parent: str

    @property
    def virtual(self) -> bool:
        """A development zone that the statistics office counts as a community."""
        return "虚拟" in self.name

    @property
    def village(self) -> bool:
        """A community led by a village committee, by its name."""
        return self.name.endswith(_VILLAGE_WORDS)

    @property
    def campus(self) -> bool:
        """A community that is a university or a school, by its name: 南开大学社区, which has no committee."""
        return self.name.endswith("社区") and any(word in self.name for word in _CAMPUS_WORDS)

    @property
    def short_name(self) -> str:
        """The name without its committee: 花园路社区居委会 -> 花园路社区."""
        for word in _COMMITTEE_WORDS:
            if self.name.endswith(word) and len(self.name) > len(word):
                return self.name.removesuffix(word)
        return self.name


def read_areas(path: Path = AREAS_FILE) -> list[Area]:
    """Read the areas: the city, 16 districts, 299 streets and 5,617 communities, codes ascending per level.

    Raises LoadRefused for an unknown level, a repeated code or a parent that is not there.
    """
    with path.open(encoding="utf-8", newline="") as file:
        areas = [Area(row["level"], row["code"], row["name"], row["parent"]) for row in csv.DictReader(file)]
    by_code = {area.code: area for area in areas}
    if len(by_code) != len(areas):
        raise LoadRefused(f"{path.name}: a code stands there twice")
    for area in areas:
        if area.level not in LEVELS:
            raise LoadRefused(f"{path.name}: {area.code}: level must be one of {LEVELS}, got {area.level!r}")
        depth = LEVELS.index(area.level)
        if depth and (area.parent not in by_code or by_code[area.parent].level != LEVELS[depth - 1]):
            raise LoadRefused(
                f"{path.name}: {area.code}: parent must be a {LEVELS[depth - 1]}, got {area.parent!r}"
            )
    return areas
