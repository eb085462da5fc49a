"""When a wall-clock time of a city happens, on the nights when clocks change too.

Pure: imports nothing of ours. Rules are kept on a clock that never goes back: in the hour that comes twice it
stands still the second time, and the hour that is left out passes in no time. So rules that meet on the wall
meet in time, rules that do not overlap there do not overlap in time, and no turn comes twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=65_536)
def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which the clocks of ``zone`` show ``wall`` (naive) or have passed it."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # PEP 495: for a time that is left out, fold 1 lies before the change and fold 0 after it.
    return _change_between(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant, zone)


def rule_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock that never goes back shows at ``instant`` (UTC), naive.

    ``instant_of(wall, zone) <= instant`` holds exactly when ``wall <= rule_time(instant, zone)``.
    """
    local = instant.astimezone(zone)
    if not local.fold:
        return local.replace(tzinfo=None)
    before, after = _offset(local.replace(fold=0)), _offset(local)
    change = _change_between(instant - (before - after), instant, zone)
    return (change + before).replace(tzinfo=None) - timedelta(microseconds=1)


@lru_cache(maxsize=65_536)
def local_instant(instant: datetime, zone: ZoneInfo) -> datetime:
    """The same instant with the offset that ``zone`` has then, as a fixed offset.

    Two datetimes that share a ZoneInfo compare and subtract by the wall; with fixed offsets they do by time.
    """
    local = instant.astimezone(zone)
    return local.replace(tzinfo=timezone(_offset(local)), fold=0)


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None, "a datetime in a ZoneInfo has an offset"
    return offset


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the one change of offset after ``low`` and up to ``high`` (changes fall on whole seconds)."""
    low, high = low.replace(microsecond=0), high.replace(microsecond=0)
    before = _offset(low.astimezone(zone))
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(middle.astimezone(zone)) == before:
            low = middle
        else:
            high = middle
    return high
