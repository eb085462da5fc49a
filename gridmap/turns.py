"""What weekly rules and dated exceptions come to on given days: turns as planned, and who then keeps them.

Pure: imports ``wallclock``, ``model`` and ``errors``. Works on one post's rows; instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gridmap.errors import InvalidInput
from gridmap.model import EXCEPTION_KINDS, Shift, ShiftException, WeeklyHours
from gridmap.wallclock import instant_of

Interval = tuple[datetime, datetime]

DAY = timedelta(days=1)
_DAY_MINUTES = 1440


class Window(NamedTuple):
    """A span of instants and the city days, in order, on which a turn that touches it may start."""

    begins: datetime
    ends: datetime
    days: tuple[date, ...]


class Planned(NamedTuple):
    """A turn as a rule or an ``extra`` plans it, before leave and swaps."""

    holder: str
    backup: str | None
    verified_at: datetime | None
    begins: datetime
    ends: datetime


class Stretch(NamedTuple):
    """A part of a planned turn kept by one holder (None: by nobody); ``by`` is the exception that says so."""

    begins: datetime
    ends: datetime
    holder: str | None
    by: ShiftException | None


def settled(exception: ShiftException) -> ShiftException:
    """The exception with its times in UTC.

    Raises InvalidInput unless its kind is known, its times have offsets, it has a length, and it says who is
    away (leave, swap) and who comes (swap, extra).
    """
    if exception.kind not in EXCEPTION_KINDS:
        raise InvalidInput("kind", exception.kind, f"must be one of {', '.join(EXCEPTION_KINDS)}")
    for name, instant in (("begins", exception.begins), ("ends", exception.ends)):
        if instant.utcoffset() is None:
            raise InvalidInput(name, instant.isoformat(), "needs an offset, such as +08:00")
    begins, ends = exception.begins.astimezone(UTC), exception.ends.astimezone(UTC)
    if begins >= ends:
        raise InvalidInput("ends", exception.ends.isoformat(), f"must be after {exception.begins.isoformat()}")
    if exception.kind != "extra" and exception.holder is None:
        raise InvalidInput("holder", None, f"must name who is away ({exception.kind})")
    if exception.kind != "leave" and exception.substitute is None:
        raise InvalidInput("substitute", None, f"must name who comes ({exception.kind})")
    return replace(exception, begins=begins, ends=ends)


def touches(exception: ShiftException, begins: datetime, ends: datetime) -> bool:
    """Whether the exception has a moment in common with the half-open span."""
    return exception.begins < ends and begins < exception.ends


def turn_interval(hours: WeeklyHours, day: date, zone: ZoneInfo) -> Interval:
    """The turn that a rule starts on ``day``; empty when it falls into an hour that the clocks leave out."""
    wall = datetime.combine(day, time(hours.starts // 60, hours.starts % 60))
    return instant_of(wall, zone), instant_of(wall + timedelta(minutes=hours.minutes), zone)


def planned_at(
    shifts: Sequence[Shift],
    exceptions: Sequence[ShiftException],
    moment: datetime,
    wall: datetime,
    zone: ZoneInfo,
) -> list[Planned]:
    """The turns planned at ``moment``, for which the rules' clock shows ``wall``: rules first, then extras."""
    plans = []
    today = wall.date()
    yesterday = today - DAY
    weekday, minute = today.weekday(), wall.hour * 60 + wall.minute
    for shift in shifts:
        # A turn lasts a day at most, so what is on now started today or yesterday.
        hours = shift.hours
        if hours.starts <= minute < hours.starts + hours.minutes and hours.weekdays >> weekday & 1:
            day = today
        elif minute + _DAY_MINUTES < hours.starts + hours.minutes and hours.weekdays >> (weekday - 1) % 7 & 1:
            day = yesterday
        else:
            continue
        if shift.valid_from <= day and (shift.valid_until is None or day <= shift.valid_until):
            plans.append(Planned(shift.holder, shift.backup, shift.verified_at, *turn_interval(hours, day, zone)))
    for each in exceptions:
        if each.kind == "extra" and each.begins <= moment < each.ends:
            plans.append(_extra(each))
    return plans


def planned_within(
    shifts: Sequence[Shift], exceptions: Sequence[ShiftException], window: Window, zone: ZoneInfo
) -> list[Planned]:
    """The turns that the rules start on the window's days, and every extra."""
    plans = []
    for shift in shifts:
        first, last = shift.valid_from, shift.valid_until or window.days[-1]
        for day in window.days:
            if first <= day <= last and shift.hours.weekdays >> day.weekday() & 1:
                begins, ends = turn_interval(shift.hours, day, zone)
                if begins < ends:
                    plans.append(Planned(shift.holder, shift.backup, shift.verified_at, begins, ends))
    return plans + [_extra(each) for each in exceptions if each.kind == "extra"]


def stretches(plan: Planned, exceptions: Sequence[ShiftException]) -> list[Stretch]:
    """The planned turn cut where leave or swaps change who keeps it; neighbours differ in holder or exception."""
    relevant = [each for each in exceptions if each.kind != "extra" and touches(each, plan.begins, plan.ends)]
    if not relevant:
        return [Stretch(plan.begins, plan.ends, plan.holder, None)]
    cuts = {plan.begins, plan.ends}
    for each in relevant:
        cuts.update(cut for cut in (each.begins, each.ends) if plan.begins < cut < plan.ends)
    found: list[Stretch] = []
    for begins, ends in pairwise(sorted(cuts)):
        holder, by = _keeper(plan, [each for each in relevant if touches(each, begins, ends)])
        same = found and (found[-1].holder, found[-1].by) == (holder, by)
        found.append(Stretch(found.pop().begins if same else begins, ends, holder, by))
    return found


def pattern(shifts: Iterable[Shift], window: Window) -> tuple[tuple[WeeklyHours, date, date], ...]:
    """What the shifts come to in the window, whoever holds them: equal patterns have equal gaps."""
    first, last = window.days[0], window.days[-1]
    return tuple(
        (shift.hours, max(shift.valid_from, first), min(shift.valid_until or last, last)) for shift in shifts
    )


def open_hours(
    required: Sequence[WeeklyHours],
    shifts: Sequence[Shift],
    exceptions: Sequence[ShiftException],
    window: Window,
    zone: ZoneInfo,
) -> list[Interval]:
    """The required hours of a post that nobody keeps, within the window."""
    wanted = [
        turn_interval(hours, day, zone)
        for hours in required
        for day in window.days
        if hours.weekdays >> day.weekday() & 1
    ]
    kept = [
        (stretch.begins, stretch.ends)
        for plan in planned_within(shifts, exceptions, window, zone)
        for stretch in stretches(plan, exceptions)
        if stretch.holder is not None
    ]
    return _clipped(without(wanted, kept), window)


def shared_hours(
    shifts: Sequence[Shift], holders: Sequence[str], window: Window, zone: ZoneInfo
) -> list[tuple[int, int, Interval]]:
    """The times at which the rules put two of a post's holders (given by number) on it, within the window."""
    kept: list[list[Interval]] = [[] for _ in holders]
    for plan in planned_within(shifts, (), window, zone):
        kept[holders.index(plan.holder)].append((plan.begins, plan.ends))
    return [
        (one, other, interval)
        for one, other in combinations(range(len(holders)), 2)
        for interval in _clipped(
            union((max(a[0], b[0]), min(a[1], b[1])) for a in kept[one] for b in kept[other]), window
        )
    ]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as disjoint intervals in order; empty ones vanish."""
    merged: list[Interval] = []
    for begins, ends in sorted(each for each in intervals if each[0] < each[1]):
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def without(wanted: Iterable[Interval], covered: Iterable[Interval]) -> Iterator[Interval]:
    """The parts of ``wanted`` that ``covered`` leaves open, disjoint and in order."""
    cover = union(covered)
    for begins, ends in union(wanted):
        open_from = begins
        for low, high in cover:
            if high <= open_from:
                continue
            if low >= ends:
                break
            if open_from < low:
                yield open_from, low
            open_from = high
        if open_from < ends:
            yield open_from, ends


def _clipped(intervals: Iterable[Interval], window: Window) -> list[Interval]:
    cut = ((max(begins, window.begins), min(ends, window.ends)) for begins, ends in intervals)
    return [interval for interval in cut if interval[0] < interval[1]]


def _extra(extra: ShiftException) -> Planned:
    assert extra.substitute is not None, "settled() has seen to it"
    return Planned(extra.substitute, None, extra.verified_at, extra.begins, extra.ends)


def _keeper(plan: Planned, active: Sequence[ShiftException]) -> tuple[str | None, ShiftException | None]:
    """Who keeps the turn while these exceptions hold: one swap at most, then leave, then leave of who came.

    Of two exceptions for one holder the later row counts. Two holders who swap with each other each take the
    other's turn, so a swap is not followed by another; who is on leave never comes back as somebody's stand-in.
    """
    swaps = {each.holder: each for each in active if each.kind == "swap"}
    leaves = {each.holder: each for each in active if each.kind == "leave"}
    by = swaps.get(plan.holder)
    keeper = by.substitute if by else plan.holder
    away: set[str | None] = {None}
    while keeper in leaves and keeper not in away:
        by = leaves[keeper]
        away.add(keeper)
        keeper = plan.backup if by.substitute in away else by.substitute
    return (None if keeper in away else keeper), by
