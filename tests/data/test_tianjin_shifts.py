from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.tianjin.posts import posts_of
from data.tianjin.shifts import HISTORY_DAYS, ZONE, exceptions_of, rosters_of
from gridmap.model import EXCEPTION_KINDS, WeeklyHours

AS_OF = date(2026, 3, 2)
WEEK = 7 * 1440


def minutes(rules: list[str]) -> np.ndarray:
    """How many of the rules hold in every minute of a week from Monday."""
    held = np.zeros(WEEK, dtype=int)
    for text in rules:
        (rule,) = WeeklyHours.parse(text)
        for day in range(7):
            if rule.weekdays >> day & 1:
                first = day * 1440 + rule.starts
                held[np.arange(first, first + rule.minutes) % WEEK] += 1
    return held


@pytest.fixture(scope="module")
def roster() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    communities = [f"120101001{number:03d}" for number in range(1, 41)]
    cells = [f"{community}{cell:03d}" for community in communities for cell in range(1, 12)] + ["120101001041001"]
    communities.append("120101001041")
    areas = [("city", "120000"), ("district", "120101"), ("street", "120101001")]
    areas += [("community", code) for code in communities]
    posts = posts_of(pd.DataFrame(areas, columns=["level", "code"]), cells, ["120101-Q01"])
    table = pd.DataFrame({"code": cells, "community": [code[:12] for code in cells]})
    return posts, *rosters_of(posts, table, 1, AS_OF)


def test_shifts_lead_to_posts_and_holders(roster: tuple) -> None:
    posts, holders, shifts = roster
    assert holders["code"].is_unique
    assert holders["display_name"].str.fullmatch(r".（演示\d{6}号）").all()
    assert set(shifts["post"]) <= set(posts["code"])
    assert set(shifts["holder"]) | set(shifts["backup"].dropna()) == set(holders["code"])
    assert (shifts["holder"] != shifts["backup"]).all()


def test_desks_are_kept_without_a_hole(roster: tuple) -> None:
    posts, _, shifts = roster
    desks = posts[posts["required"].notna() & ~posts["kind"].eq("grid_worker")]
    assert len(desks) > 45
    for post, level, required in zip(desks["code"], desks["level"], desks["required"], strict=True):
        rules = shifts.loc[(shifts["post"] == post) & shifts["valid_until"].isna(), "hours"].tolist()
        assert np.array_equal(minutes(rules), minutes([required])), (post, level)


def test_nearly_all_workers_are_there_by_day_and_few_at_night(roster: tuple) -> None:
    posts, _, shifts = roster
    workers = posts.loc[posts["kind"] == "grid_worker", "code"]
    by_day = by_night = vacant = 0
    for post in workers:
        held = minutes(shifts.loc[(shifts["post"] == post) & shifts["valid_until"].isna(), "hours"].tolist())
        by_day += held[2 * 1440 + 600 : 2 * 1440 + 960].all()
        by_night += held[2 * 1440 + 180] > 0
        vacant += held.max() == 0
    assert by_day + vacant == len(workers)
    assert 0 < vacant < 0.05 * len(workers)
    assert 0.02 < by_night / len(workers) < 0.2


def test_a_handover_leaves_no_day_between(roster: tuple) -> None:
    _, _, shifts = roster
    ended = shifts[shifts["valid_until"].notna()]
    assert len(ended) > 3
    for former in ended.itertuples(index=False):
        after = shifts[(shifts["post"] == former.post) & (shifts["valid_from"] > former.valid_from)]
        assert after["valid_from"].tolist() == [former.valid_until + timedelta(days=1)]
        assert after["holder"].tolist() != [former.holder]
        assert (after["verified_at"].iloc[0]).date() >= after["valid_from"].iloc[0]
    first = AS_OF - timedelta(days=HISTORY_DAYS)
    assert shifts.groupby(["post", "hours"])["valid_from"].min().eq(first).all()


def test_most_are_verified_lately_and_some_long_ago(roster: tuple) -> None:
    _, _, shifts = roster
    now = datetime(2026, 3, 2, tzinfo=ZONE)
    age = np.array([(now - verified).days for verified in shifts["verified_at"]])
    assert age.min() >= 0
    assert (age <= 90).mean() > 0.7
    assert 0.02 < (age > 180).mean() < 0.12


def test_exceptions_are_the_models_and_lie_around_as_of(roster: tuple) -> None:
    posts, holders, shifts = roster
    exceptions = exceptions_of(shifts, 1, AS_OF, 120)
    assert len(exceptions) == 120
    assert exceptions["post"].is_unique
    assert set(exceptions["post"]) <= set(posts.loc[posts["kind"] == "grid_worker", "code"])
    assert set(exceptions["kind"]) == set(EXCEPTION_KINDS)
    named = pd.concat([exceptions["holder"], exceptions["substitute"]]).dropna()
    assert set(named) <= set(holders["code"])
    assert exceptions["holder"].isna().equals(exceptions["kind"] == "extra")
    assert exceptions.loc[exceptions["kind"] != "leave", "substitute"].notna().all()
    assert exceptions.loc[exceptions["kind"] == "leave", "substitute"].isna().mean() == pytest.approx(0.5, abs=0.2)
    now = datetime(2026, 3, 2, tzinfo=ZONE)
    assert (exceptions["begins"] < exceptions["ends"]).all()
    assert exceptions["begins"].min() >= now - timedelta(days=30)
    assert exceptions["ends"].max() <= now + timedelta(days=31)
