"""What a roster would change, and the gaps it would leave, before it is loaded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gridmap.duty import DutyBook
from gridmap.errors import InvalidInput
from gridmap.ingest.roster import Roster
from gridmap.ingest.roster_preview import EndedShift, RosterPreview, preview
from gridmap.model import City, Holder, Post, Shift, ShiftException, WeeklyHours

CITY = City("120000", "Testburg", ("city",), "", "EPSG:4548", "Asia/Shanghai", ("110",), "", stale_after_days=30)
REQUIRED = WeeklyHours.parse("1-7 08:00-20:00")
POSTS = [
    Post(code, "grid_worker", code, "cell", code, f"phone of {code}", REQUIRED) for code in ("p", "q", "untouched")
]
BEGINS = datetime(2026, 11, 23, tzinfo=CITY.zone)
ENDS = datetime(2026, 11, 30, tzinfo=CITY.zone)
VERIFIED = datetime(2026, 11, 20, tzinfo=UTC)


def shift(post: str, holder: str, hours: str, begins: str = "2026-01-01", **fields: object) -> Shift:
    (rule,) = WeeklyHours.parse(hours)
    given = {"verified_at": VERIFIED, **fields}
    return Shift(post, holder, rule, date.fromisoformat(begins), **given)  # type: ignore[arg-type]


OLD = shift("p", "a", "1-7 08:00-20:00")
AWAY = ShiftException(
    "p", "leave", datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC), "a", "b", VERIFIED
)


def book(*shifts: Shift, exceptions: tuple[ShiftException, ...] = ()) -> DutyBook:
    return DutyBook(POSTS, [Holder("a", "A"), Holder("b", "B")], shifts, exceptions, CITY)


def seen(duty: DutyBook, *shifts: Shift, exceptions: tuple[ShiftException, ...] = ()) -> RosterPreview:
    roster = Roster(
        shifts=shifts,
        exceptions=exceptions,
        holders=(Holder("c", "C"),),
        rejected=(),
        rows=len(shifts) + len(exceptions),
        headings=(),
        ignored_columns=(),
        encoding=None,
    )
    return preview(duty, roster, BEGINS, ENDS)


def test_the_same_roster_again_changes_nothing_but_what_was_verified() -> None:
    again = replace(OLD, verified_at=datetime(2026, 11, 22, tzinfo=UTC))
    result = seen(book(OLD, exceptions=(AWAY,)), again, exceptions=(replace(AWAY, verified_at=None),))
    assert result.changes.unchanged == (again,)
    assert (result.changes.added, result.changes.ended, result.changes.added_exceptions) == ((), (), ())
    assert len(result.changes.unchanged_exceptions) == 1
    assert (result.voids, result.overlaps, result.stale) == ((), (), ())


def test_an_older_verification_does_not_undo_a_newer_one() -> None:
    result = seen(book(OLD), replace(OLD, verified_at=None))
    assert result.changes.unchanged == (OLD,)


def test_what_the_roster_no_longer_names_ends_the_day_before_its_new_rows() -> None:
    past = shift("p", "b", "1-7 20:00-22:00", valid_until=date(2026, 2, 1))
    future = shift("p", "b", "1-7 08:00-09:00", "2027-01-01")
    new = shift("p", "c", "1-5 08:00-20:00", "2026-11-25")
    result = seen(book(past, OLD, future), new)
    assert result.changes.added == (new,)
    assert result.changes.kept == (past,)
    assert result.changes.ended == (EndedShift(OLD, date(2026, 11, 24)), EndedShift(future, None))
    weekend = [(gap.post, gap.begins.isoformat(), gap.ends.isoformat()) for gap in result.voids]
    assert weekend == [
        ("p", "2026-11-28T08:00:00+08:00", "2026-11-28T20:00:00+08:00"),
        ("p", "2026-11-29T08:00:00+08:00", "2026-11-29T20:00:00+08:00"),
    ]
    assert result.overlaps == ()


def test_a_row_left_out_without_new_rows_ends_yesterday() -> None:
    other = shift("p", "b", "1-7 20:00-22:00")
    result = seen(book(OLD, other), OLD)
    assert result.changes.ended == (EndedShift(other, date(2026, 11, 22)),)


def test_overlaps_within_the_roster_show_and_other_posts_do_not() -> None:
    result = seen(book(), shift("p", "a", "1-7 08:00-20:00"), shift("p", "b", "1 18:00-22:00"))
    (both,) = result.overlaps
    assert (both.holders, both.begins.hour, both.ends.hour) == (("a", "b"), 18, 20)
    assert {gap.post for gap in result.voids} == set()


def test_a_roster_of_exceptions_alone_keeps_the_shifts() -> None:
    away = replace(AWAY, substitute=None)
    result = seen(book(OLD), exceptions=(away,))
    assert result.changes.added_exceptions == (away,)
    assert result.changes.ended == ()
    spans = [(gap.begins.isoformat(), gap.ends.isoformat()) for gap in result.voids]
    assert spans == [
        ("2026-11-25T08:00:00+08:00", "2026-11-25T20:00:00+08:00"),
    ]


def test_unknown_posts_and_holders_are_named() -> None:
    result = seen(
        book(OLD), shift("nowhere", "c", "1-7 08:00-20:00"), shift("q", "z", "1-7 08:00-20:00", backup="c")
    )
    assert result.unknown_posts == ("nowhere",)
    assert result.unknown_holders == ("z",)
    assert [one.post for one in result.changes.added] == ["q"]
    assert result.voids == ()


def test_shifts_in_force_that_nobody_verified_lately_are_stale() -> None:
    never = shift("p", "a", "1-7 08:00-20:00", "2026-11-01", verified_at=None)
    late = shift("q", "a", "1-7 08:00-20:00", "2026-11-01", verified_at=datetime(2026, 10, 1, tzinfo=UTC))
    later = shift("q", "b", "1-7 08:00-20:00", "2027-01-01", verified_at=None)
    assert seen(book(), never, late, later, shift("p", "b", "1 20:00-21:00")).stale == (never, late)


def test_a_span_without_offset_is_refused() -> None:
    roster = Roster((), (), (), (), 0, (), (), None)
    with pytest.raises(InvalidInput, match="begins: needs an offset"):
        preview(book(), roster, BEGINS.replace(tzinfo=None), ENDS)
