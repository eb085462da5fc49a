"""The clock that never goes back, against a walk through every minute of nights on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gridmap.wallclock import instant_of, local_instant, rule_time

MINUTE = timedelta(minutes=1)
LONDON = ZoneInfo("Europe/London")

# Forward and back at one o'clock, by half an hour, at midnight, and a day that was left out.
NIGHTS = [
    ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Shanghai", datetime(2026, 3, 29, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize(("name", "change"), NIGHTS)
def test_the_rules_clock_is_the_wall_clock_that_never_goes_back(name: str, change: datetime) -> None:
    zone = ZoneInfo(name)
    shown = datetime.fromisoformat("0001-01-01")
    for number in range(-200, 200):
        instant = change + number * MINUTE
        shown = max(shown, instant.astimezone(zone).replace(tzinfo=None))
        assert rule_time(instant, zone).replace(second=0, microsecond=0) == shown


@pytest.mark.parametrize(("name", "change"), NIGHTS)
def test_a_wall_time_happens_when_the_rules_clock_first_shows_or_passes_it(name: str, change: datetime) -> None:
    zone = ZoneInfo(name)
    moments = [change + number * MINUTE for number in range(-200, 200)]
    walls = [rule_time(moment, zone) for moment in moments]
    first, last = walls[0], walls[-1]
    wall = first
    while wall <= last:
        due = next(moment for moment, shown in zip(moments, walls, strict=True) if shown >= wall)
        assert instant_of(wall, zone) == due
        wall += MINUTE * (17 if last - first < timedelta(days=1) else 60)


def test_an_hour_that_is_left_out_ends_when_it_begins() -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert instant_of(datetime.fromisoformat("2026-03-29T01:00"), LONDON) == change
    assert instant_of(datetime.fromisoformat("2026-03-29T01:59:59.999999"), LONDON) == change
    assert instant_of(datetime.fromisoformat("2026-03-29T02:00"), LONDON) == change


def test_an_instant_shown_locally_subtracts_by_time() -> None:
    before = local_instant(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), LONDON)
    after = local_instant(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), LONDON)
    assert (before.isoformat(), after.isoformat()) == ("2026-10-25T01:30:00+01:00", "2026-10-25T01:30:00+00:00")
    assert after - before == timedelta(hours=1)
    assert before < after
