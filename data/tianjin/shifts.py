"""Who keeps the demo city's posts, and when: made-up staff, weekly rules, and dated exceptions.

Imports draws, names and posts. Staff are a surname and a number of the demo, nobody else has a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from data.tianjin.draws import generator
from data.tianjin.names import display_names
from data.tianjin.posts import ALWAYS, COMMUNITY_DESK_HOURS

SHIFT_COLUMNS = ("post", "holder", "backup", "hours", "valid_from", "valid_until", "verified_at")
EXCEPTION_COLUMNS = ("post", "kind", "holder", "substitute", "begins", "ends")
HISTORY_DAYS = 400  # how long before as_of the first rules begin: with revision 1
ZONE = ZoneInfo("Asia/Shanghai")

# Rules of one duty that join without a hole; each is kept by another member of staff.
_ROUND_THE_CLOCK = ("1-5 00:00-08:00", "1-5 08:00-16:00", "1-5 16:00-24:00", "6-7 00:00-12:00", "6-7 12:00-24:00")
_COMMUNITY_DESK = ("1-5 07:00-15:00", "1-5 15:00-23:00", "6-7 07:00-15:00", "6-7 15:00-23:00")
_OVERLAY_DESK = ("1-5 09:00-22:00", "6-7 09:00-22:00")
_OFFICE = ("1-5 08:30-17:30",)
_CAPTAIN = ("1-6 08:00-20:00",)
_WORKER_DAYS = ("1-5 07:30-17:00", "1-5 08:30-17:30", "1-5 09:00-19:00")


@dataclass
class Roster:
    """The staff hired and the rules they keep, while the roster is made."""

    as_of: date
    rng: np.random.Generator
    holders: list[str] = field(default_factory=list)
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def hire(self) -> str:
        """A new member of staff, by code."""
        self.holders.append(f"H{len(self.holders) + 1:06d}")
        return self.holders[-1]

    def keep(self, post: str, hours: str, holder: str, backup: str | None) -> None:
        """Holder keeps the post at these hours since the first revision and is verified at some time."""
        first = self.as_of - timedelta(days=HISTORY_DAYS)
        self.rows.append((post, holder, backup, hours, first, None, self._verified()))

    def keep_after(self, former: str, post: str, hours: str, holder: str, *, backup: str) -> None:
        """As ``keep``, but ``former`` kept the post until some day of the last year."""
        first = self.as_of - timedelta(days=HISTORY_DAYS)
        change = self.as_of - timedelta(days=int(self.rng.integers(20, 330)))
        verified = datetime.combine(first + timedelta(days=30), time(9), ZONE)
        self.rows.append((post, former, backup, hours, first, change - timedelta(days=1), verified))
        self.rows.append((post, holder, backup, hours, change, None, self._verified(self.as_of - change)))

    def _verified(self, since: timedelta = timedelta(days=HISTORY_DAYS)) -> datetime:
        """Four in five within 90 days, one in seventeen longer ago than the half year after which it is stale."""
        drawn = self.rng.random()
        low, high = (1, 90) if drawn < 0.80 else (90, 180) if drawn < 0.94 else (190, 390)
        days = min(int(self.rng.integers(low, high)), since.days)
        minute = int(self.rng.integers(8 * 60, 18 * 60))
        return datetime.combine(self.as_of - timedelta(days=days), time(minute // 60, minute % 60), ZONE)


def rosters_of(
    posts: pd.DataFrame, cells: pd.DataFrame, seed: int, as_of: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Holders (code, display_name) and shifts (SHIFT_COLUMNS) of all ``posts``.

    ``cells`` has code and community in code order. Some posts of workers and officers stay vacant; desks never.
    """
    roster = Roster(as_of, generator(seed, "rosters"))
    captains: dict[str, str] = {}
    columns = (posts[name].tolist() for name in ("code", "kind", "level", "territory", "required"))
    listed: list[tuple[str, str, str, str, str | None]] = list(zip(*columns, strict=True))
    for code, kind, _, territory, _ in listed:
        if kind == "grid_captain":
            captains[territory] = roster.hire()
            _staff(roster, code, _CAPTAIN, [captains[territory]])
    for code, kind, level, territory, required in listed:
        if kind == "first_responsible" and roster.rng.random() > 0.01:
            # In a community the captain is the first responsible as well.
            _staff(roster, code, _OFFICE, [captains.get(territory) or roster.hire()])
        elif kind in {"duty_desk", "department_liaison"}:
            rules = _rules(required, level)
            _staff(roster, code, rules, [roster.hire() for _ in rules])
    for community, codes in cells.groupby("community", sort=True)["code"]:
        _staff_workers(roster, list(codes), captains[str(community)])
    names = display_names(generator(seed, "holders"), len(roster.holders))
    holders = pd.DataFrame({"code": roster.holders, "display_name": names})
    return holders, pd.DataFrame(roster.rows, columns=list(SHIFT_COLUMNS))


def _rules(required: str | None, level: str) -> tuple[str, ...]:
    if required == ALWAYS:
        return _ROUND_THE_CLOCK
    if required == COMMUNITY_DESK_HOURS:
        return _COMMUNITY_DESK
    return _OVERLAY_DESK if level == "overlay" else _OFFICE


def _staff(roster: Roster, post: str, rules: Sequence[str], staff: Sequence[str]) -> None:
    """One member of staff for each rule; the next one is the backup."""
    for number, (hours, holder) in enumerate(zip(rules, staff, strict=True)):
        backup = staff[(number + 1) % len(staff)]
        roster.keep(post, hours, holder, backup if backup != holder else None)


def _staff_workers(roster: Roster, codes: Sequence[str], captain: str) -> None:
    """The workers of one community: by day each their own cell, at weekends in turns with a neighbour, in some
    cells an evening, in a few a night. Where there is one cell only, the captain is the backup.
    """
    workers = [roster.hire() for _ in codes]
    night_watch = None
    for number, code in enumerate(codes):
        vacant, handed_over, split, weekend, evening, night = roster.rng.random(6)
        if vacant < 0.015:
            continue
        post, worker = f"{code}-worker", workers[number]
        neighbour = workers[(number + 1) % len(codes)] if len(codes) > 1 else captain
        if split < 0.15:
            roster.keep(post, "1-5 07:00-13:00", worker, neighbour)
            roster.keep(post, "1-5 13:00-19:00", neighbour, worker)
        else:
            hours = _WORKER_DAYS[int(roster.rng.integers(len(_WORKER_DAYS)))]
            if handed_over < 0.04:
                roster.keep_after(roster.hire(), post, hours, worker, backup=neighbour)
            else:
                roster.keep(post, hours, worker, neighbour)
        if weekend < 0.6:
            pair = workers[number ^ 1] if number ^ 1 < len(codes) else neighbour
            saturday, sunday = (worker, pair) if number % 2 == 0 else (pair, worker)
            roster.keep(post, "6 09:00-17:00", saturday, sunday)
            roster.keep(post, "7 09:00-17:00", sunday, saturday)
        if evening < 0.2:
            roster.keep(post, "1-5 19:00-22:00", neighbour, worker)
        if night < 0.08:
            night_watch = night_watch or roster.hire()
            roster.keep(post, "1-7 22:00-06:00", night_watch, None)


def exceptions_of(shifts: pd.DataFrame, seed: int, as_of: date, count: int) -> pd.DataFrame:
    """``count`` dated exceptions (EXCEPTION_COLUMNS) of workers' rules, within 30 days of ``as_of``: leave
    (for one half the substitute is named, else the backup stands in), swaps, and extra evenings.
    """
    rng = generator(seed, "exceptions")
    usual = shifts[
        shifts["post"].str.endswith("-worker") & shifts["valid_until"].isna() & shifts["backup"].notna()
    ].drop_duplicates("post")
    chosen = usual.iloc[np.sort(rng.choice(len(usual), size=min(count, len(usual)), replace=False))]
    rows = []
    for shift in chosen.itertuples(index=False):
        drawn = rng.random()
        first = as_of + timedelta(days=int(rng.integers(-30, 24)))
        if drawn < 0.6:
            begins = datetime.combine(first, time(), ZONE)
            ends = begins + timedelta(days=int(rng.integers(1, 8)))
            substitute = shift.backup if drawn < 0.3 else None
            rows.append((shift.post, "leave", shift.holder, substitute, begins, ends))
        elif drawn < 0.85:
            begins = datetime.combine(first, time(), ZONE)
            ends = begins + timedelta(days=1)
            rows.append((shift.post, "swap", shift.holder, shift.backup, begins, ends))
        else:
            begins = datetime.combine(first, time(19), ZONE)
            rows.append((shift.post, "extra", None, shift.holder, begins, begins + timedelta(hours=4)))
    return pd.DataFrame(rows, columns=list(EXCEPTION_COLUMNS))
