"""What may be asked of a heatmap, checked: which facts, when, where, by what. Imports ``model`` and ``errors``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gridmap.errors import InvalidInput
from gridmap.model import ELEMENT_CLASSES

HEX = "hex"
OF = ("incidents", "elements")
MEASURES = ("count", "per_1000", "per_km2")
FINEST_RESOLUTION = 11
USUAL_RESOLUTION = 8

_HOURS = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")
_WEEKDAYS = re.compile(r"[1-7](-[1-7])?(,[1-7](-[1-7])?)*")

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Window:
    """From ``begins`` until before ``ends``, microseconds since 1970; None is open."""

    begins: int | None = None
    ends: int | None = None

    def __post_init__(self) -> None:
        if self.begins is not None and self.ends is not None and self.begins >= self.ends:
            raise InvalidInput("from, to", (self.begins, self.ends), "from must lie before to")


@dataclass(frozen=True, slots=True)
class Question:
    """One heatmap. ``by`` is hex, cell or a level's key; ``resolution`` belongs to hex alone.

    ``hours`` are hours of the day, 0 to 23, ``weekdays`` ISO days, 1 is Monday, both in city time; empty is all.
    ``box`` is west, south, east, north in WGS 84 degrees, ``area`` the code of a cell or area. ``earlier`` is the
    window to compare with. ``zeros`` lists the cells or areas without any, too.
    """

    of: str
    by: str = HEX
    resolution: int | None = None
    class_: str | None = None
    categories: tuple[str, ...] = ()
    window: Window = Window()
    hours: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    box: Box | None = None
    area: str | None = None
    measure: str = "count"
    earlier: Window | None = None
    zeros: bool = False

    def __post_init__(self) -> None:
        if self.of not in OF:
            raise InvalidInput("of", self.of, f"must be one of {', '.join(OF)}")
        if self.measure not in MEASURES:
            raise InvalidInput("measure", self.measure, f"must be one of {', '.join(MEASURES)}")
        if (self.resolution is None) == (self.by == HEX):
            raise InvalidInput("resolution", self.resolution, "belongs to by=hex, and only to that")
        if self.resolution is not None and not 0 <= self.resolution <= FINEST_RESOLUTION:
            raise InvalidInput("resolution", self.resolution, f"must be 0 to {FINEST_RESOLUTION}")
        if self.zeros and self.by == HEX:
            raise InvalidInput("zeros", self.zeros, "hexes without any are not listed; ask by cell or level")
        self._check_subject()

    def _check_subject(self) -> None:
        if self.of == "incidents" and self.class_ is not None:
            raise InvalidInput("class", self.class_, "belongs to elements; incidents have categories only")
        if self.class_ is not None and self.class_ not in ELEMENT_CLASSES:
            raise InvalidInput("class", self.class_, f"must be one of {', '.join(ELEMENT_CLASSES)}")
        timed = self.window != Window() or self.hours or self.weekdays or self.earlier is not None
        if self.of == "elements" and timed:
            rule = "belong to incidents; elements are there or not, as now known"
            raise InvalidInput("from, to, hours, weekdays, compare_from, compare_to", self.of, rule)

    @property
    def subject(self) -> str:
        """``incident`` or ``element``."""
        return self.of.removesuffix("s")


def parse_hours(text: str) -> frozenset[int]:
    """``8-18`` are the hours from 8:00 until before 18:00, ``22-6`` run past midnight, ``0-24`` are all.

    >>> sorted(parse_hours("22-2"))
    [0, 1, 22, 23]
    """
    match = _HOURS.fullmatch(text)
    first, last = (int(match[1]), int(match[2])) if match else (-1, -1)
    if not (0 <= first <= 23 and 0 <= last <= 24 and first != last):
        raise InvalidInput("hours", text, "must be two different hours such as 8-18, from 0-1 to 0-24")
    return frozenset(range(first, last)) if first < last else frozenset((*range(first, 24), *range(last)))


def parse_weekdays(text: str) -> frozenset[int]:
    """``1-5`` is Monday to Friday, ``6,7`` the weekend, ``6-1`` runs past Sunday.

    >>> sorted(parse_weekdays("6-1,3"))
    [1, 3, 6, 7]
    """
    if not (text.isascii() and _WEEKDAYS.fullmatch(text)):
        raise InvalidInput("weekdays", text, "must be days from 1 (Monday) to 7, such as 1-5 or 1,3,6-7")
    days: set[int] = set()
    for part in text.split(","):
        first, last = int(part[0]), int(part[-1])
        days |= set(range(first, last + 1)) if first <= last else {*range(first, 8), *range(1, last + 1)}
    return frozenset(days)


def parse_box(text: str) -> Box:
    """``west,south,east,north`` in WGS 84 degrees; edges count."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInput("bbox", text, "must be west,south,east,north") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        hint = ""
        if -180 <= south <= north <= 180 and -90 <= west <= east <= 90:
            hint = "; longitude and latitude look swapped"
        rule = f"must be west,south,east,north in degrees, west <= east, south <= north{hint}"
        raise InvalidInput("bbox", text, rule)
    return west, south, east, north
