"""What loading a roster would change, and which gaps it would leave: shown before anybody says yes.

Pure: imports ``ingest.roster``, ``duty``, ``model`` and ``errors``. The action that loads a roster applies the
same ``changes``, so that what was shown is what happens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from gridmap.duty import DutyBook, Overlap, Void
from gridmap.ingest.roster import Roster
from gridmap.model import Holder, Shift, ShiftException


@dataclass(frozen=True, slots=True)
class EndedShift:
    """A shift that the roster no longer names; ``last_day`` None means that it never comes into force."""

    shift: Shift
    last_day: date | None


@dataclass(frozen=True, slots=True)
class RosterChanges:
    """Shifts and exceptions by what loading does with them.

    ``unchanged`` shifts stand as the roster has them: only their ``verified_at`` may be newer. ``kept`` are
    those of the same posts that the roster does not touch, since they end before it begins.
    """

    added: tuple[Shift, ...]
    unchanged: tuple[Shift, ...]
    ended: tuple[EndedShift, ...]
    kept: tuple[Shift, ...]
    added_exceptions: tuple[ShiftException, ...]
    unchanged_exceptions: tuple[ShiftException, ...]


@dataclass(frozen=True, slots=True)
class RosterPreview:
    """The changes, what the roster names and nobody knows, and its posts as they would be after loading.

    ``stale`` are shifts in force in the span whose verification is missing or too old when it begins.
    """

    changes: RosterChanges
    unknown_posts: tuple[str, ...]
    unknown_holders: tuple[str, ...]
    voids: tuple[Void, ...]
    overlaps: tuple[Overlap, ...]
    stale: tuple[Shift, ...]


def changes(book: DutyBook, roster: Roster, today: date) -> RosterChanges:
    """What loading ``roster`` does to the posts it has shifts for; rows of unknown posts are left out.

    A roster is the whole plan of the posts it names from the first day of its new rows on (without new rows:
    from ``today``): shifts that it does not repeat end the day before. Exceptions are only ever added.
    """
    new: dict[str, dict[Shift, Shift]] = {}
    for shift in roster.shifts:
        if shift.post in book.posts:
            new.setdefault(shift.post, {}).setdefault(replace(shift, verified_at=None), shift)
    added, unchanged, ended, kept = [], [], [], []
    for post, wanted in new.items():
        old = {replace(shift, verified_at=None): shift for shift in book.shifts_of(post)}
        fresh = [shift for same, shift in wanted.items() if same not in old]
        first = min((shift.valid_from for shift in fresh), default=today)
        added += fresh
        for same, shift in old.items():
            if same in wanted:
                unchanged.append(replace(shift, verified_at=_later(shift.verified_at, wanted[same].verified_at)))
            elif shift.valid_until is not None and shift.valid_until < first:
                kept.append(shift)
            else:
                last_day = first - timedelta(days=1)
                ended.append(EndedShift(shift, last_day if last_day >= shift.valid_from else None))
    exceptions = [each for each in roster.exceptions if each.post in book.posts]
    known = {replace(each, verified_at=None) for each in exceptions for each in book.exceptions_of(each.post)}
    is_known = [replace(each, verified_at=None) in known for each in exceptions]
    return RosterChanges(
        added=tuple(added),
        unchanged=tuple(unchanged),
        ended=tuple(ended),
        kept=tuple(kept),
        added_exceptions=tuple(each for each, old_row in zip(exceptions, is_known, strict=True) if not old_row),
        unchanged_exceptions=tuple(each for each, old_row in zip(exceptions, is_known, strict=True) if old_row),
    )


def preview(book: DutyBook, roster: Roster, begins: datetime, ends: datetime) -> RosterPreview:
    """What loading ``roster`` would change, with the gaps it leaves from ``begins`` to ``ends``.

    Voids, overlaps and stale shifts are those of the posts that the roster names. Raises InvalidInput for a
    span that is empty or has no offset.
    """
    change = changes(book, roster, begins.astimezone(book.city.zone).date())
    named = dict.fromkeys([row.post for row in roster.shifts] + [row.post for row in roster.exceptions])
    known = [post for post in named if post in book.posts]
    unknown_holders = _unknown_holders(book, roster)
    after = _book_after(book, roster, change, known, unknown_holders)
    first, last = begins.astimezone(book.city.zone).date(), ends.astimezone(book.city.zone).date()
    return RosterPreview(
        changes=change,
        unknown_posts=tuple(post for post in named if post not in book.posts),
        unknown_holders=unknown_holders,
        voids=after.voids(known, begins, ends),
        overlaps=after.overlaps(known, begins, ends),
        stale=tuple(
            shift
            for post in known
            for shift in after.shifts_of(post)
            if shift.valid_from <= last
            and (shift.valid_until is None or shift.valid_until >= first)
            and book.is_stale(shift.verified_at, begins)
        ),
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _unknown_holders(book: DutyBook, roster: Roster) -> tuple[str, ...]:
    named: dict[str | None, None] = {}
    for shift in roster.shifts:
        named |= {shift.holder: None, shift.backup: None}
    for each in roster.exceptions:
        named |= {each.holder: None, each.substitute: None}
    known = {*book.holders, *(holder.code for holder in roster.holders)}
    return tuple(code for code in named if code is not None and code not in known)


def _book_after(
    book: DutyBook, roster: Roster, change: RosterChanges, posts: list[str], unknown_holders: tuple[str, ...]
) -> DutyBook:
    """The named posts as they would be; a holder whom nobody knows goes by the code."""
    replanned = {shift.post for shift in roster.shifts}
    shifts = [*change.added, *change.unchanged, *change.kept]
    shifts += [
        replace(each.shift, valid_until=each.last_day) for each in change.ended if each.last_day is not None
    ]
    shifts += [shift for post in posts if post not in replanned for shift in book.shifts_of(post)]
    exceptions = [each for post in posts for each in book.exceptions_of(post)]
    names = {code: code for code in unknown_holders} | dict(book.holders)
    names |= {holder.code: holder.display_name for holder in roster.holders}
    return DutyBook(
        posts=[book.posts[post] for post in posts],
        holders=[Holder(code, name) for code, name in names.items()],
        shifts=shifts,
        exceptions=[*exceptions, *change.added_exceptions],
        city=book.city,
    )
