"""The periods of releases: calendar months in city time. Imports ``errors``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gridmap.errors import InvalidInput

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_YEARS = (1900, 2998)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month; its text is ``2026-10``, and months compare by time."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str, field: str = "period") -> Month:
        """Read the text form; InvalidInput when it is none, or far from any time that can be meant.

        >>> Month.parse("2026-10")
        Month(year=2026, month=10)
        """
        found = _MONTH.fullmatch(text)
        if found is None:
            raise InvalidInput(field, text, "must be a month such as 2026-10")
        year, month = int(found[1]), int(found[2])
        if not _YEARS[0] <= year <= _YEARS[1]:
            raise InvalidInput(field, text, f"the year must lie in {_YEARS[0]} to {_YEARS[1]}")
        return cls(year, month)

    @classmethod
    def of(cls, moment: datetime, zone: ZoneInfo) -> Month:
        """The month that a moment lies in, in city time."""
        there = moment.astimezone(zone)
        return cls(there.year, there.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def following(self) -> Month:
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def begins(self, zone: ZoneInfo) -> datetime:
        """Its first instant, in UTC."""
        return datetime(self.year, self.month, 1, tzinfo=zone).astimezone(UTC)

    def ends(self, zone: ZoneInfo) -> datetime:
        """The first instant after it, in UTC."""
        return self.following.begins(zone)


def months_between(first: Month, last: Month) -> list[Month]:
    """The months from ``first`` to ``last``, both included; none when ``last`` is before ``first``."""
    months = []
    while first <= last:
        months.append(first)
        first = first.following
    return months
