"""Who holds which post when: turns on duty, the ladder of posts to call, and the gaps in a roster.

Pure: imports ``turns``, ``wallclock``, ``model`` and ``errors``. Weekly rules are wall-clock time of the city;
every instant handed out is aware with a fixed offset, so that it compares and subtracts by time on any night.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from gridmap.errors import InvalidInput, NotFound
from gridmap.model import City, Holder, Post, Shift, ShiftException
from gridmap.turns import (
    DAY,
    Interval,
    Planned,
    Stretch,
    Window,
    open_hours,
    pattern,
    planned_at,
    settled,
    shared_hours,
    stretches,
    touches,
)
from gridmap.wallclock import local_instant, rule_time

# The order in which the posts of one place are called; liaisons are called by category instead.
LADDER_KINDS = ("grid_worker", "grid_captain", "duty_desk", "first_responsible")
_CALL_ORDER = {kind: order for order, kind in enumerate((*LADDER_KINDS, "department_liaison"))}

# The kind of the rungs that are no posts: the city's emergency numbers.
EMERGENCY_KIND = "emergency"

Place = tuple[str, str]
Dated = TypeVar("Dated", Shift, ShiftException)


@dataclass(frozen=True, slots=True)
class Turn:
    """One holder on duty at one post from ``begins`` to ``ends`` (half open).

    ``backup`` and ``stands_in_for`` are display names; the latter is set when leave or a swap put ``holder``
    in another's turn. Two rules of one holder that follow each other are two turns.
    """

    post: Post
    holder: str
    holder_code: str
    begins: datetime
    ends: datetime
    backup: str | None
    stands_in_for: str | None
    verified_at: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder; ``post`` is a post's code, or None for an emergency number.

    ``assumed`` says that nobody is recorded on shift there now: it is the one number the city has.
    """

    level: str
    kind: str
    title: str
    phone: str
    holder: str | None
    post: str | None
    assumed: bool


@dataclass(frozen=True, slots=True)
class Liaison:
    """A department's liaison for a place, with the display name of who is on duty there now, if anybody."""

    post: Post
    holder: str | None


@dataclass(frozen=True, slots=True)
class Void:
    """Required hours of a post (its code) in which nobody is on shift, half open."""

    post: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two holders (codes) whose weekly rules put both on one post (its code) at once, half open."""

    post: str
    holders: tuple[str, str]
    begins: datetime
    ends: datetime


def desk_of(ladder: Sequence[Rung]) -> Rung:
    """The duty desk that answers: the first on the ladder, or whoever comes first when it has none."""
    return next((rung for rung in ladder if rung.kind == "duty_desk"), ladder[0])


class DutyBook:
    """Posts, holders, shifts and exceptions of one city, indexed by place; never changed after it is built.

    Shifts and exceptions of posts that are not in ``posts`` are left out: a post that was closed has nobody.
    Raises InvalidInput for a post code given twice, a holder nobody knows, an exception that is empty, of an
    unknown kind or does not say who is away or who comes, and for a city with neither a duty desk nor an
    emergency number, since its ladders could be empty.
    """

    def __init__(
        self,
        posts: Iterable[Post],
        holders: Iterable[Holder],
        shifts: Iterable[Shift],
        exceptions: Iterable[ShiftException],
        city: City,
    ) -> None:
        self.city = city
        self._zone = city.zone
        self._fresh_for = timedelta(days=city.stale_after_days)
        self._names = {holder.code: holder.display_name for holder in holders}
        self._posts: dict[str, Post] = {}
        places: defaultdict[Place, list[Post]] = defaultdict(list)
        for post in posts:
            if post.code in self._posts:
                raise InvalidInput("post", post.code, "each post is given once")
            if post.kind not in _CALL_ORDER:
                raise InvalidInput("kind", post.kind, f"must be one of {', '.join(_CALL_ORDER)}")
            self._posts[post.code] = post
            places[post.level, post.territory].append(post)
        self._places = {
            place: tuple(sorted(there, key=lambda post: (_CALL_ORDER[post.kind], post.code)))
            for place, there in places.items()
        }
        self._shifts = self._by_post(shifts)
        self._exceptions = self._by_post(settled(each) for each in exceptions)
        self._check_rows()
        self._desks = tuple(
            post
            for post in self._places.get((city.levels[0], city.code), ())
            if post.kind == "duty_desk" and post.phone
        )
        if not (self._desks or city.emergency):
            raise InvalidInput("emergency", city.emergency, "a city without a duty desk names a number")

    @property
    def posts(self) -> Mapping[str, Post]:
        """The posts by code."""
        return MappingProxyType(self._posts)

    @property
    def holders(self) -> Mapping[str, str]:
        """The holders' display names by code."""
        return MappingProxyType(self._names)

    def posts_of(self, places: Sequence[Place]) -> tuple[Post, ...]:
        """The posts of these (level, code) places, in the order in which they are called."""
        return tuple(post for place in dict.fromkeys(places) for post in self._places.get(place, ()))

    def shifts_of(self, post: str) -> tuple[Shift, ...]:
        """The weekly rules of a post (its code), as given."""
        return self._shifts.get(post, ())

    def exceptions_of(self, post: str) -> tuple[ShiftException, ...]:
        """The dated exceptions of a post (its code), as given."""
        return self._exceptions.get(post, ())

    def is_stale(self, verified_at: datetime | None, at: datetime) -> bool:
        """Whether what was verified then is, at ``at``, older than the city trusts; None always is."""
        return verified_at is None or at - verified_at > self._fresh_for

    def on_duty(self, places: Sequence[Place], at: datetime) -> tuple[Turn, ...]:
        """Everybody on shift at ``at`` on the posts of these (level, code) places.

        In the order of the places, then of ``LADDER_KINDS`` (liaisons last), then by post code; a holder stands
        once per post. Raises InvalidInput when ``at`` has no offset.
        """
        moment, wall = self._moment("at", at)
        return tuple(
            self._turn(post, *kept, moment)
            for post in self.posts_of(places)
            for kept in self._kept(post, moment, wall)
        )

    def ladder(self, places: Sequence[Place], at: datetime, category: str | None = None) -> tuple[Rung, ...]:
        """The posts to call at ``at``, in this order; never empty.

        ``places`` run from the cell up to the city. Of each place come the posts of ``LADDER_KINDS`` that have
        somebody on shift and a phone that no rung before has. When no duty desk is among them the city's own
        ends the ladder, ``assumed`` if nobody is recorded there now; a city without one ends an empty ladder
        with its emergency numbers. For a ``category`` that is an emergency those numbers come first.
        Raises InvalidInput when ``at`` has no offset.
        """
        moment, wall = self._moment("at", at)
        rungs = self._emergency_rungs() if category in self.city.emergency_categories else []
        phones = {rung.phone for rung in rungs}
        desk_found = False
        for post in self.posts_of(places):
            if post.kind not in LADDER_KINDS or not post.phone or post.phone in phones:
                continue
            holder = self._first_holder(post, moment, wall)
            if holder is not None:
                rungs.append(_rung(post, holder))
                phones.add(post.phone)
                desk_found = desk_found or post.kind == "duty_desk"
        if not desk_found:
            desks = [_rung(post, self._first_holder(post, moment, wall)) for post in self._desks]
            rungs += [rung for rung in desks if not rung.assumed] or desks
        return tuple(rungs or self._emergency_rungs())

    def departments(
        self, places: Sequence[Place], at: datetime, category: str | None = None
    ) -> tuple[Liaison, ...]:
        """The department liaisons of these places that take ``category`` (None: all), nearest place first.

        Raises InvalidInput when ``at`` has no offset.
        """
        moment, wall = self._moment("at", at)
        return tuple(
            Liaison(post, self._first_holder(post, moment, wall))
            for post in self.posts_of(places)
            if post.kind == "department_liaison" and (category is None or category in post.categories)
        )

    def voids(self, post_codes: Iterable[str] | None, begins: datetime, ends: datetime) -> tuple[Void, ...]:
        """Required hours between two instants in which nobody is on shift, exceptions counted.

        ``post_codes`` None means every post. Raises NotFound for an unknown post, InvalidInput for a span
        that is empty or has no offset. Posts with the same hours are worked out once.
        """
        window = self._window(begins, ends)
        known: dict[object, list[Interval]] = {}
        found = []
        for post in self._chosen(post_codes):
            if not post.required:
                continue
            shifts, exceptions = self._rows_in(post, window)
            key: object = post.code if exceptions else (post.required, *pattern(shifts, window))
            if key not in known:
                gaps = open_hours(post.required, shifts, exceptions, window, self._zone)
                known[key] = [self._local(gap) for gap in gaps]
            found += [Void(post.code, *gap) for gap in known[key]]
        return tuple(found)

    def overlaps(self, post_codes: Iterable[str] | None, begins: datetime, ends: datetime) -> tuple[Overlap, ...]:
        """Times between two instants at which the weekly rules put two holders on one post.

        Exceptions are not looked at: they are dated corrections of what the rules say. Parameters and errors
        as of :meth:`voids`.
        """
        window = self._window(begins, ends)
        known: dict[object, list[tuple[int, int, Interval]]] = {}
        found = []
        for post in self._chosen(post_codes):
            shifts, _ = self._rows_in(post, window)
            holders = list(dict.fromkeys(shift.holder for shift in shifts))
            if len(holders) < 2:
                continue
            key = (*pattern(shifts, window), *(holders.index(shift.holder) for shift in shifts))
            if key not in known:
                shared = shared_hours(shifts, holders, window, self._zone)
                known[key] = [(one, other, self._local(both)) for one, other, both in shared]
            found += [Overlap(post.code, (holders[i], holders[j]), *both) for i, j, both in known[key]]
        return tuple(found)

    def _by_post(self, rows: Iterable[Dated]) -> dict[str, tuple[Dated, ...]]:
        groups: dict[str, list[Dated]] = {}
        for row in rows:
            if row.post in self._posts:
                groups.setdefault(row.post, []).append(row)
        return {post: tuple(group) for post, group in groups.items()}

    def _check_rows(self) -> None:
        known = {None, *self._names}
        for shift in (shift for group in self._shifts.values() for shift in group):
            if shift.holder not in known or shift.backup not in known:
                unknown = shift.backup if shift.holder in known else shift.holder
                raise InvalidInput("holder", unknown, f"a shift of post {shift.post} must name known holders")
            _check_verified(shift)
        for each in (each for group in self._exceptions.values() for each in group):
            if each.holder not in known or each.substitute not in known:
                unknown = each.substitute if each.holder in known else each.holder
                raise InvalidInput("holder", unknown, f"an exception of post {each.post} must name known holders")
            _check_verified(each)

    def _moment(self, field: str, at: datetime) -> tuple[datetime, datetime]:
        """``at`` as an instant in UTC and as what the rules' clock shows then."""
        if at.utcoffset() is None:
            raise InvalidInput(field, at.isoformat(), "needs an offset, such as +08:00")
        # The day before and the day after must exist too.
        if not MINYEAR < at.year < MAXYEAR:
            raise InvalidInput(field, at.isoformat(), f"the year must lie in {MINYEAR + 1} to {MAXYEAR - 1}")
        moment = at.astimezone(UTC)
        return moment, rule_time(moment, self._zone)

    def _kept(self, post: Post, moment: datetime, wall: datetime) -> list[tuple[Planned, Stretch]]:
        """Who keeps which turn at ``moment``: one turn per holder, own turns before stand-ins."""
        exceptions = self.exceptions_of(post.code)
        kept = [
            (plan, stretch)
            for plan in planned_at(self.shifts_of(post.code), exceptions, moment, wall, self._zone)
            for stretch in stretches(plan, exceptions)
            if stretch.holder is not None and stretch.begins <= moment < stretch.ends
        ]
        if len(kept) < 2:
            return kept
        # A holder's own turn says more than standing in, then the one that lasts longer.
        kept.sort(key=lambda one: one[1].ends, reverse=True)
        kept.sort(key=lambda one: one[1].holder != one[0].holder)
        first: dict[str | None, tuple[Planned, Stretch]] = {}
        for plan, stretch in kept:
            first.setdefault(stretch.holder, (plan, stretch))
        return list(first.values())

    def _first_holder(self, post: Post, moment: datetime, wall: datetime) -> str | None:
        for _, stretch in self._kept(post, moment, wall):
            return self._names[stretch.holder or ""]
        return None

    def _turn(self, post: Post, plan: Planned, stretch: Stretch, moment: datetime) -> Turn:
        assert stretch.holder is not None, "nobody's stretch is nobody's turn"
        verified_at = plan.verified_at
        if stretch.by is not None and stretch.by.verified_at is not None:
            verified_at = stretch.by.verified_at
        backup = plan.backup if plan.backup != stretch.holder else None
        return Turn(
            post=post,
            holder=self._names[stretch.holder],
            holder_code=stretch.holder,
            begins=local_instant(stretch.begins, self._zone),
            ends=local_instant(stretch.ends, self._zone),
            backup=None if backup is None else self._names[backup],
            stands_in_for=None if stretch.holder == plan.holder else self._names[plan.holder],
            verified_at=verified_at,
            stale=self.is_stale(verified_at, moment),
        )

    def _emergency_rungs(self) -> list[Rung]:
        level = self.city.levels[0]
        return [Rung(level, EMERGENCY_KIND, number, number, None, None, False) for number in self.city.emergency]

    def _chosen(self, codes: Iterable[str] | None) -> Iterator[Post]:
        for code in self._posts if codes is None else dict.fromkeys(codes):
            if code not in self._posts:
                raise NotFound(f"post {code!r} is not known")
            yield self._posts[code]

    def _window(self, begins: datetime, ends: datetime) -> Window:
        low, first = self._moment("begins", begins)
        high, last = self._moment("ends", ends)
        if low >= high:
            raise InvalidInput("ends", ends.isoformat(), f"must be after {begins.isoformat()}")
        # A turn lasts a day at most, so one that touches the first day started the day before or later.
        count = (last.date() - first.date()).days + 2
        return Window(low, high, tuple(first.date() + DAY * number for number in range(-1, count - 1)))

    def _rows_in(self, post: Post, window: Window) -> tuple[list[Shift], list[ShiftException]]:
        first, last = window.days[0], window.days[-1]
        shifts = [
            shift
            for shift in self.shifts_of(post.code)
            if shift.valid_from <= last and (shift.valid_until is None or shift.valid_until >= first)
        ]
        exceptions = self.exceptions_of(post.code)
        return shifts, [each for each in exceptions if touches(each, window.begins, window.ends)]

    def _local(self, interval: Interval) -> Interval:
        return local_instant(interval[0], self._zone), local_instant(interval[1], self._zone)


def _check_verified(row: Shift | ShiftException) -> None:
    if row.verified_at is not None and row.verified_at.utcoffset() is None:
        raise InvalidInput("verified_at", row.verified_at.isoformat(), "needs an offset, such as +08:00")


def _rung(post: Post, holder: str | None) -> Rung:
    return Rung(post.level, post.kind, post.title, post.phone, holder, post.code, assumed=holder is None)
