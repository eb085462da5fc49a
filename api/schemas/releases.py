"""Releases and their rows."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class ReleaseTableOut(BaseModel):
    """A table of a release: counts ``inside`` the city and ``outside``, null where they are hidden."""

    of: str
    category: str | None
    least: int
    inside: int | None
    outside: int | None


class ReleaseOut(BaseModel):
    """A release: a month, begin and end (half open), the grid it was counted on, when it was made."""

    period: str
    begins: datetime
    ends: datetime
    revision: int
    made_at: datetime


class ReleaseListed(ReleaseOut):
    """A release with its tables."""

    tables: list[ReleaseTableOut]


class ReleasesOut(BaseModel):
    """All releases, the newest month first."""

    releases: list[ReleaseListed]


class ReleasedRow(BaseModel):
    """An area or a cell (``code``) or a hex (``hex``), and its count, null where it is hidden."""

    code: str | None = None
    hex: str | None = None
    count: int | None


class ReleasedOut(BaseModel):
    """The rows of a release, or of several summed where all of them show.

    ``total`` is ``inside`` and ``outside`` together; each is null where it is hidden. ``suppressed`` is the number
    of hidden rows. All four are those of the whole city, whatever the box. ``measure`` says what is counted,
    ``least`` the smallest count but 0 that shows.
    """

    period: str
    since: str | None
    of: str
    category: str | None
    measure: str
    by: str
    resolution: int | None
    revision: int
    least: int
    total: int | None
    inside: int | None
    outside: int | None
    suppressed: int
    rows: list[ReleasedRow]
    releases: list[ReleaseOut]
    attribution: str
    notice: dict[str, str]
