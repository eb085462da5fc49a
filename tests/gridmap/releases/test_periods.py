"""Months in city time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gridmap.errors import InvalidInput
from gridmap.releases.periods import Month, months_between

SHANGHAI, LONDON = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/London")


def test_a_month_is_the_citys() -> None:
    october = Month.parse("2026-10")
    assert str(october) == "2026-10"
    assert october.begins(SHANGHAI) == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert october.ends(SHANGHAI) == datetime(2026, 10, 31, 16, tzinfo=UTC)
    # begins in summer time and ends in winter time
    assert october.begins(LONDON) == datetime(2026, 9, 30, 23, tzinfo=UTC)
    assert october.ends(LONDON) == datetime(2026, 11, 1, tzinfo=UTC)
    assert Month.of(datetime(2026, 9, 30, 15, 59, tzinfo=UTC), SHANGHAI) == Month(2026, 9)
    assert Month.of(datetime(2026, 9, 30, 16, 0, tzinfo=UTC), SHANGHAI) == october


def test_months_follow_each_other() -> None:
    assert Month(2026, 12).following == Month(2027, 1)
    between = months_between(Month(2025, 11), Month(2026, 2))
    assert [str(month) for month in between] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert months_between(Month(2026, 2), Month(2025, 11)) == []


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-1", "2026-00", "2026-13", "26-10", "2026-10-01", "２026-10", "\0"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="period: must be a month such as 2026-10"):
        Month.parse(text)


@pytest.mark.parametrize("text", ["0000-01", "1899-12", "2999-01", "9999-12"])
def test_nor_is_one_that_nobody_can_mean(text: str) -> None:
    with pytest.raises(InvalidInput, match="since: the year must lie in 1900 to 2998"):
        Month.parse(text, "since")
