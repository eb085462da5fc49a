"""Duty against a slow oracle that walks the clock step by step, and the laws of the ladder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.duty import DutyBook, Place
from gridmap.errors import InvalidInput, NotFound
from gridmap.model import POST_KINDS, City, Holder, Post, Shift, ShiftException, WeeklyHours

CITY = City(
    code="120000",
    name="Testburg",
    levels=("city", "district", "community"),
    code_pattern="{community}{sequence:03d}",
    metric_crs="EPSG:4548",
    timezone="Asia/Shanghai",
    emergency=("110", "119"),
    attribution="",
    stale_after_days=180,
    emergency_categories=("fire",),
)
LONDON = replace(CITY, timezone="Europe/London")
PLACES: list[Place] = [
    ("cell", "c1"),
    ("overlay", "o1"),
    ("community", "m1"),
    ("district", "d1"),
    ("city", "120000"),
]
HOLDERS = tuple(Holder(code, f"Holder {code.upper()}") for code in "abcd")
VERIFIED = datetime(2026, 10, 1, tzinfo=UTC)
SUNDAY_NIGHT = datetime(2026, 11, 22, 23, 0, tzinfo=CITY.zone)
STEP = timedelta(minutes=15)


def post(code: str, kind: str = "grid_worker", place: Place = PLACES[0], **fields: object) -> Post:
    given_fields = {"title": code, "phone": f"phone of {code}", **fields}
    return Post(code=code, kind=kind, level=place[0], territory=place[1], **given_fields)  # type: ignore[arg-type]


def shifts(post_code: str, holder: str, hours: str, **fields: object) -> list[Shift]:
    given_fields = {"valid_from": date(2026, 1, 1), "verified_at": VERIFIED, **fields}
    return [
        Shift(post=post_code, holder=holder, hours=rule, **given_fields)  # type: ignore[arg-type]
        for rule in WeeklyHours.parse(hours)
    ]


def book(
    posts: Iterable[Post],
    rules: Iterable[Shift] = (),
    exceptions: Iterable[ShiftException] = (),
    city: City = CITY,
) -> DutyBook:
    return DutyBook(posts, HOLDERS, rules, exceptions, city)


def on(duty: DutyBook, at: datetime) -> list[tuple[str, str]]:
    return [(turn.post.code, turn.holder_code) for turn in duty.on_duty(PLACES, at)]


def local(text: str, city: City = CITY) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=city.zone)


# The oracle: one walk over the instants, one rule at a time, no intervals.


class Oracle:
    def __init__(
        self,
        rules: list[Shift],
        exceptions: list[ShiftException],
        begins: datetime,
        ends: datetime,
        zone: ZoneInfo,
    ) -> None:
        self.rules = rules
        self.exceptions = exceptions
        self.clock: dict[datetime, datetime] = {}
        instant, shown = begins - timedelta(days=2), datetime.fromisoformat("0001-01-01")
        while instant < ends + timedelta(days=2):
            shown = max(shown, instant.astimezone(zone).replace(tzinfo=None))
            self.clock[instant] = shown
            instant += STEP

    def in_hours(self, hours: WeeklyHours, instant: datetime, first: date, last: date) -> bool:
        shown = self.clock[instant]
        for back in (0, 1):
            midnight = datetime.combine(shown.date() - timedelta(days=back), datetime.min.time())
            begins = midnight + timedelta(minutes=hours.starts)
            if (
                hours.weekdays & 1 << midnight.weekday()
                and first <= midnight.date() <= last
                and begins <= shown < begins + timedelta(minutes=hours.minutes)
            ):
                return True
        return False

    def by_rules(self, instant: datetime) -> list[Shift]:
        return [
            rule
            for rule in self.rules
            if self.in_hours(rule.hours, instant, rule.valid_from, rule.valid_until or date.max)
        ]

    def present(self, holder: str, backup: str | None, instant: datetime) -> str | None:
        now = [each for each in self.exceptions if each.begins <= instant < each.ends]
        for each in reversed(now):
            if each.kind == "swap" and each.holder == holder:
                holder = str(each.substitute)
                break
        return self.not_away(holder, backup, now, frozenset())

    def not_away(
        self, holder: str | None, backup: str | None, now: list[ShiftException], away: frozenset[str]
    ) -> str | None:
        if holder is None or holder in away:
            return None
        leave = [each for each in now if each.kind == "leave" and each.holder == holder]
        if not leave:
            return holder
        away |= {holder}
        coming = leave[-1].substitute
        return self.not_away(coming if coming is not None and coming not in away else backup, backup, now, away)

    def on_duty(self, instant: datetime) -> set[str]:
        plans = [(rule.holder, rule.backup) for rule in self.by_rules(instant)]
        for each in self.exceptions:
            if each.kind == "extra" and each.begins <= instant < each.ends:
                plans.append((str(each.substitute), None))
        return {holder for plan in plans if (holder := self.present(*plan, instant)) is not None}


NIGHTS = {
    "Europe/London": (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 10, 3, 3, tzinfo=UTC), datetime(2026, 4, 4, 3, tzinfo=UTC)),
    "America/Havana": (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 10, 31, 12, tzinfo=UTC)),
    "Asia/Shanghai": (datetime(2026, 11, 22, 0, tzinfo=UTC),),
}
STEPS_IN_WINDOW = 36 * 4

quarter_hours = st.builds(
    WeeklyHours,
    weekdays=st.integers(1, 127),
    starts=st.integers(0, 95).map(lambda quarter: quarter * 15),
    minutes=st.integers(1, 96).map(lambda quarter: quarter * 15),
)
holder_codes = st.sampled_from("abcd")


@st.composite
def rosters(draw: st.DrawFn) -> tuple[City, Post, list[Shift], list[ShiftException], datetime]:
    zone = draw(st.sampled_from(sorted(NIGHTS)))
    begins = draw(st.sampled_from(NIGHTS[zone]))
    day = begins.date()
    rules = st.builds(
        Shift,
        post=st.just("p"),
        holder=holder_codes,
        hours=quarter_hours,
        valid_from=st.integers(-3, 1).map(lambda days: day + timedelta(days=days)),
        valid_until=st.none() | st.integers(1, 3).map(lambda days: day + timedelta(days=days)),
        backup=st.none() | holder_codes,
    )
    exceptions = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["leave", "swap", "extra"]))
        low = draw(st.integers(-20, STEPS_IN_WINDOW))
        high = draw(st.integers(low + 1, STEPS_IN_WINDOW + 30))
        away = None if kind == "extra" else draw(holder_codes)
        comes = draw(st.none() | holder_codes) if kind == "leave" else draw(holder_codes)
        exceptions.append(ShiftException("p", kind, begins + low * STEP, begins + high * STEP, away, comes))
    city = replace(CITY, timezone=zone)
    required = tuple(draw(st.lists(quarter_hours, max_size=2)))
    return city, post("p", required=required), draw(st.lists(rules, max_size=4)), exceptions, begins


@settings(max_examples=150, deadline=None)
@given(rosters())
def test_on_duty_agrees_with_a_walk_through_the_clock(
    roster: tuple[City, Post, list[Shift], list[ShiftException], datetime],
) -> None:
    city, one, rules, exceptions, begins = roster
    ends = begins + STEPS_IN_WINDOW * STEP
    duty = book([one], rules, exceptions, city)
    oracle = Oracle(rules, exceptions, begins, ends, city.zone)
    for number in range(STEPS_IN_WINDOW):
        at = begins + number * STEP
        turns = duty.on_duty([PLACES[0]], at)
        assert len({turn.holder_code for turn in turns}) == len(turns)
        assert {turn.holder_code for turn in turns} == oracle.on_duty(at)
        for turn in turns:
            assert turn.begins <= at < turn.ends
            for moment in (turn.begins, turn.ends - STEP):
                if begins - timedelta(days=1) <= moment < ends + timedelta(days=1):
                    assert turn.holder_code in oracle.on_duty(moment.astimezone(UTC))


@settings(max_examples=150, deadline=None)
@given(rosters())
def test_voids_and_overlaps_agree_with_a_walk_through_the_clock(
    roster: tuple[City, Post, list[Shift], list[ShiftException], datetime],
) -> None:
    city, one, rules, exceptions, begins = roster
    ends = begins + STEPS_IN_WINDOW * STEP
    duty = book([one], rules, exceptions, city)
    oracle = Oracle(rules, exceptions, begins, ends, city.zone)
    voids = duty.voids(None, begins, ends)
    overlaps = duty.overlaps(["p"], begins, ends)
    assert all(begins <= gap.begins < gap.ends <= ends for gap in (*voids, *overlaps))
    for number in range(STEPS_IN_WINDOW):
        at = begins + number * STEP
        wanted = any(oracle.in_hours(hours, at, date.min, date.max) for hours in one.required)
        missing = wanted and not oracle.on_duty(at)
        assert sum(gap.begins <= at < gap.ends for gap in voids) == missing
        keepers = sorted({rule.holder for rule in oracle.by_rules(at)})
        pairs = {(a, b) for a in keepers for b in keepers if a < b}
        found = [tuple(sorted(each.holders)) for each in overlaps if each.begins <= at < each.ends]
        assert sorted(found) == sorted(pairs)


@given(
    rules=st.lists(st.tuples(st.integers(0, 14), quarter_hours), max_size=8),
    kinds=st.lists(st.tuples(st.sampled_from(POST_KINDS), st.sampled_from(PLACES)), max_size=15),
    phones=st.lists(st.sampled_from(["", "1", "2", "3"]), min_size=15, max_size=15),
    at=st.integers(0, 480_000).map(lambda minutes: VERIFIED + timedelta(minutes=minutes - 300_000)),
    places=st.lists(st.sampled_from(PLACES)),
    category=st.sampled_from([None, "fire", "noise"]),
)
def test_a_ladder_is_never_empty_and_calls_no_number_twice_before_the_last_resort(
    rules: list[tuple[int, WeeklyHours]],
    kinds: list[tuple[str, Place]],
    phones: list[str],
    at: datetime,
    places: list[Place],
    category: str | None,
) -> None:
    posts = [
        post(f"p{number}", kind, place, phone=phone)
        for number, ((kind, place), phone) in enumerate(zip(kinds, phones, strict=False))
    ]
    duty = book(posts, [Shift(f"p{number}", "a", hours, date(2026, 1, 1)) for number, hours in rules])
    ladder = duty.ladder(places, at, category)
    assert ladder
    assert all(rung.phone for rung in ladder)
    called = [rung.phone for rung in ladder if not rung.assumed and rung.level != "city"]
    assert len(called) == len(set(called))
    assert not any(rung.kind == "department_liaison" for rung in ladder)
    if any(one.kind == "duty_desk" and one.level == "city" and one.phone for one in posts):
        desks = [rung for rung in ladder if rung.kind == "duty_desk"]
        assert desks
        assert sum(rung.assumed for rung in ladder) in (0, len(desks))


@pytest.mark.parametrize("first", ["2026-03-28T20:00", "2026-10-24T20:00"])
def test_on_the_nights_when_clocks_change_nobody_vanishes_or_doubles(first: str) -> None:
    rules = [
        *shifts("p", "a", "1-7 20:00-01:30"),
        *shifts("p", "b", "1-7 01:30-01:45"),
        *shifts("p", "c", "1-7 01:45-08:00"),
    ]
    every_night = post("p", required=WeeklyHours.parse("1-7 20:00-08:00"))
    duty = book([every_night], rules, city=LONDON)
    begins = local(first, LONDON).astimezone(UTC)
    ends = local(f"{(begins + timedelta(days=1)).date()}T08:00", LONDON).astimezone(UTC)
    hours = (ends - begins) / timedelta(hours=1)
    assert hours == (11 if begins.month == 3 else 13)
    at = begins
    seen: set[str] = set()
    while at < ends:
        turns = duty.on_duty(PLACES, at)
        assert len(turns) == 1, at
        assert turns[0].begins <= at < turns[0].ends
        seen.add(turns[0].holder_code)
        at += timedelta(minutes=1)
    assert seen == ({"a", "c"} if begins.month == 3 else {"a", "b", "c"})
    assert duty.on_duty(PLACES, ends) == ()
    assert duty.voids(None, begins, ends) == ()
    assert duty.overlaps(None, begins, ends) == ()


def test_turns_on_a_night_that_falls_back_have_true_lengths() -> None:
    duty = book([post("p")], shifts("p", "a", "6 20:00-08:00"), city=LONDON)
    (turn,) = duty.on_duty(PLACES, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    assert turn.ends - turn.begins == timedelta(hours=13)
    assert turn.begins.isoformat() == "2026-10-24T20:00:00+01:00"
    assert turn.ends.isoformat() == "2026-10-25T08:00:00+00:00"


def test_a_night_shift_of_sunday_runs_into_monday() -> None:
    duty = book([post("p")], shifts("p", "a", "7 20:00-08:00"))
    assert on(duty, SUNDAY_NIGHT) == [("p", "a")]
    (turn,) = duty.on_duty(PLACES, SUNDAY_NIGHT + timedelta(hours=8, minutes=59))
    assert turn.begins.isoformat() == "2026-11-22T20:00:00+08:00"
    assert turn.ends.isoformat() == "2026-11-23T08:00:00+08:00"
    assert on(duty, SUNDAY_NIGHT + timedelta(hours=9)) == []
    assert on(duty, SUNDAY_NIGHT + timedelta(days=1)) == []


def test_validity_bounds_the_day_on_which_a_turn_starts() -> None:
    rules = shifts("p", "a", "1-7 20:00-08:00", valid_from=date(2026, 11, 20), valid_until=date(2026, 11, 22))
    duty = book([post("p")], rules)
    assert on(duty, local("2026-11-20T07:00")) == []
    assert on(duty, local("2026-11-20T20:00")) == [("p", "a")]
    assert on(duty, local("2026-11-23T07:59")) == [("p", "a")]
    assert on(duty, local("2026-11-23T20:00")) == []


def leave(begins: str, ends: str, holder: str = "a", substitute: str | None = None) -> ShiftException:
    return ShiftException("p", "leave", local(begins), local(ends), holder, substitute)


def test_leave_cuts_the_turn_and_names_whom_the_substitute_stands_in_for() -> None:
    away = leave("2026-11-23T10:00", "2026-11-23T12:00", substitute="b")
    duty = book([post("p")], shifts("p", "a", "1 08:00-18:00", backup="c"), [away])
    spans = []
    for hour in (9, 11, 13):
        (turn,) = duty.on_duty(PLACES, local(f"2026-11-23T{hour:02d}:00"))
        spans.append((turn.begins.hour, turn.ends.hour, turn.holder, turn.stands_in_for, turn.backup))
    assert spans == [
        (8, 10, "Holder A", None, "Holder C"),
        (10, 12, "Holder B", "Holder A", "Holder C"),
        (12, 18, "Holder A", None, "Holder C"),
    ]


def test_leave_without_a_substitute_falls_to_the_backup_or_to_nobody() -> None:
    away = leave("2026-11-23T00:00", "2026-11-24T00:00")
    at = local("2026-11-23T09:00")
    (turn,) = book([post("p")], shifts("p", "a", "1 08:00-18:00", backup="c"), [away]).on_duty(PLACES, at)
    assert (turn.holder_code, turn.stands_in_for, turn.backup) == ("c", "Holder A", None)
    alone = book(
        [post("p", required=WeeklyHours.parse("1 08:00-18:00"))], shifts("p", "a", "1 08:00-18:00"), [away]
    )
    assert on(alone, at) == []
    (gap,) = alone.voids(["p"], at, at + timedelta(days=7))
    assert (gap.begins, gap.ends) == (at, local("2026-11-23T18:00"))


def test_two_who_swap_take_each_others_turns_and_an_extra_comes_besides() -> None:
    day = (local("2026-11-23T00:00"), local("2026-11-24T00:00"))
    rules = [*shifts("p", "a", "1 08:00-14:00"), *shifts("p", "b", "1 14:00-20:00")]
    swap = [ShiftException("p", "swap", *day, "a", "b"), ShiftException("p", "swap", *day, "b", "a")]
    extra = ShiftException("p", "extra", local("2026-11-23T15:00"), local("2026-11-23T16:00"), None, "d")
    duty = book([post("p")], rules, [*swap, extra])
    assert on(duty, local("2026-11-23T09:00")) == [("p", "b")]
    assert on(duty, local("2026-11-23T14:30")) == [("p", "a")]
    assert on(duty, local("2026-11-23T15:30")) == [("p", "d"), ("p", "a")]
    assert on(duty, local("2026-11-30T09:00")) == [("p", "a")]
    assert on(duty, local("2026-11-23T16:00")) == [("p", "a")]
    assert on(duty, local("2026-11-23T15:00")) == [("p", "d"), ("p", "a")]


def test_a_turn_is_stale_when_it_was_never_or_too_long_ago_verified() -> None:
    rules = shifts("p", "a", "1-7 00:00-24:00") + shifts("q", "b", "1-7 00:00-24:00", verified_at=None)
    again = replace(leave("2026-11-23T00:00", "2027-11-23T00:00", substitute="c"), verified_at=SUNDAY_NIGHT)
    duty = book([post("p"), post("q")], rules)
    fresh = {turn.post.code: turn.stale for turn in duty.on_duty(PLACES, VERIFIED + timedelta(days=180))}
    assert fresh == {"p": False, "q": True}
    late = duty.on_duty(PLACES, VERIFIED + timedelta(days=180, seconds=1))
    assert [turn.stale for turn in late] == [True, True]
    (turn,) = book([post("p")], rules, [again]).on_duty(PLACES, VERIFIED + timedelta(days=200))
    assert (turn.verified_at, turn.stale) == (SUNDAY_NIGHT, False)


def staffed(*posts: Post, hours: str = "1-7 00:00-24:00") -> DutyBook:
    return book(posts, [rule for one in posts for rule in shifts(one.code, "a", hours)])


def test_the_ladder_climbs_from_the_cell_to_the_city() -> None:
    kinds = ("first_responsible", "duty_desk", "grid_captain", "grid_worker", "department_liaison")
    posts = [post(f"{level}-{kind}", kind, (level, code)) for level, code in PLACES for kind in kinds]
    rungs = staffed(*posts).ladder(PLACES, SUNDAY_NIGHT)
    order = ("grid_worker", "grid_captain", "duty_desk", "first_responsible")
    assert [rung.post for rung in rungs] == [f"{level}-{kind}" for level, _ in PLACES for kind in order]
    assert {(rung.holder, rung.assumed) for rung in rungs} == {("Holder A", False)}


def test_an_empty_desk_is_left_out_and_the_next_levels_desk_follows() -> None:
    desks = [post(f"desk {level}", "duty_desk", (level, code)) for level, code in PLACES[2:]]
    rules = shifts("desk community", "a", "1-7 07:00-22:00") + shifts("desk district", "b", "1-7 00:00-24:00")
    duty = book(desks, rules)
    noon = [(rung.post, rung.assumed) for rung in duty.ladder(PLACES, local("2026-11-22T12:00"))]
    night = [(rung.post, rung.assumed) for rung in duty.ladder(PLACES, SUNDAY_NIGHT)]
    assert noon == [("desk community", False), ("desk district", False)]
    assert night == [("desk district", False)]


@pytest.mark.parametrize("places", [PLACES, PLACES[:1], []])
def test_without_any_desk_on_shift_the_citys_desk_is_assumed(places: list[Place]) -> None:
    duty = book([post("desk", "duty_desk", PLACES[-1]), post("p")])
    (rung,) = duty.ladder(places, SUNDAY_NIGHT)
    assert (rung.post, rung.phone, rung.holder, rung.assumed) == ("desk", "phone of desk", None, True)


def test_the_citys_desk_is_not_assumed_when_somebody_is_there() -> None:
    (rung,) = staffed(post("desk", "duty_desk", PLACES[-1])).ladder([], SUNDAY_NIGHT)
    assert (rung.holder, rung.assumed) == ("Holder A", False)


def test_a_city_without_a_desk_has_its_emergency_numbers_and_a_city_without_both_is_refused() -> None:
    assert [rung.phone for rung in book([]).ladder(PLACES, SUNDAY_NIGHT)] == ["110", "119"]
    with pytest.raises(InvalidInput, match="emergency"):
        book([], city=replace(CITY, emergency=()))


def test_emergencies_come_first_for_their_categories_only() -> None:
    duty = staffed(post("desk", "duty_desk", PLACES[-1]))
    assert [rung.phone for rung in duty.ladder(PLACES, SUNDAY_NIGHT, "fire")] == ["110", "119", "phone of desk"]
    assert [rung.phone for rung in duty.ladder(PLACES, SUNDAY_NIGHT, "noise")] == ["phone of desk"]


def test_a_phone_is_called_once() -> None:
    same = staffed(post("p", phone="1"), post("q", "grid_captain", PLACES[2], phone="1"), post("r", phone="2"))
    assert [rung.post for rung in same.ladder(PLACES, SUNDAY_NIGHT)] == ["p", "r"]


def test_departments_are_the_liaisons_for_the_category_nearest_first() -> None:
    far = post("far", "department_liaison", PLACES[3], categories=("noise", "water"), department="Water")
    near = post("near", "department_liaison", PLACES[2], categories=("noise",))
    duty = book([far, near], shifts("far", "b", "1-7 00:00-24:00"))

    def called(category: str | None) -> list[tuple[str, str | None]]:
        return [(one.post.code, one.holder) for one in duty.departments(PLACES, SUNDAY_NIGHT, category)]

    assert called("noise") == [("near", None), ("far", "Holder B")]
    assert called("water") == [("far", "Holder B")]
    assert called("fire") == []
    assert len(called(None)) == 2


def test_posts_with_the_same_hours_have_the_same_gaps_under_their_own_names() -> None:
    required = WeeklyHours.parse("1-5 08:00-18:00")
    posts = [post(code, required=required) for code in ("p", "q", "r")]
    rules = [
        *(rule for code in "pq" for rule in shifts(code, "a", "1-4 08:00-18:00")),
        *shifts("r", "a", "1-5 08:00-18:00"),
        *shifts("r", "b", "5 12:00-20:00"),
    ]
    duty = book(posts, rules)
    week = (local("2026-11-23T00:00"), local("2026-11-30T00:00"))
    gaps = [(gap.post, gap.begins, gap.ends) for gap in duty.voids(None, *week)]
    friday = (local("2026-11-27T08:00"), local("2026-11-27T18:00"))
    assert gaps == [("p", *friday), ("q", *friday)]
    (both,) = duty.overlaps(None, *week)
    assert (both.post, both.holders) == ("r", ("a", "b"))
    assert (both.begins.hour, both.ends.hour) == (12, 18)


def test_posts_that_require_other_hours_have_other_gaps() -> None:
    posts = [
        post("p", required=WeeklyHours.parse("1 08:00-10:00")),
        post("q", required=WeeklyHours.parse("1 08:00-12:00")),
    ]
    week = (local("2026-11-23T00:00"), local("2026-11-30T00:00"))
    gaps = book(posts).voids(None, *week)
    assert [(gap.post, gap.ends.hour) for gap in gaps] == [("p", 10), ("q", 12)]


def test_of_two_city_desks_the_staffed_one_ends_the_ladder() -> None:
    desks = [post(code, "duty_desk", PLACES[-1]) for code in ("asleep", "awake")]
    duty = book(desks, shifts("awake", "a", "1-7 00:00-24:00"))
    assert [(rung.post, rung.assumed) for rung in duty.ladder([], SUNDAY_NIGHT)] == [("awake", False)]


def test_wrong_questions_are_refused_by_name() -> None:
    duty = book([post("p")])
    naive = datetime(2026, 11, 22)  # noqa: DTZ001
    for ask in (duty.on_duty, duty.ladder, duty.departments):
        with pytest.raises(InvalidInput, match="at: needs an offset"):
            ask(PLACES, naive)
    with pytest.raises(InvalidInput, match="the year must lie"):
        duty.on_duty(PLACES, datetime.max.replace(tzinfo=UTC))
    with pytest.raises(InvalidInput, match="ends: must be after"):
        duty.voids(None, SUNDAY_NIGHT, SUNDAY_NIGHT)
    with pytest.raises(NotFound, match="'x'"):
        duty.overlaps(["x"], SUNDAY_NIGHT, SUNDAY_NIGHT + STEP)


def test_wrong_rows_are_refused_by_name() -> None:
    day = (local("2026-11-23T00:00"), local("2026-11-24T00:00"))
    with pytest.raises(InvalidInput, match="each post is given once, got 'p'"):
        book([post("p"), post("p")])
    with pytest.raises(InvalidInput, match=r"kind: must be one of .*'mayor'"):
        book([post("p", "mayor")])
    with pytest.raises(InvalidInput, match="known holders, got 'z'"):
        book([post("p")], shifts("p", "a", "1 08:00-09:00", backup="z"))
    with pytest.raises(InvalidInput, match="verified_at: needs an offset"):
        book([post("p")], shifts("p", "a", "1 08:00-09:00", verified_at=VERIFIED.replace(tzinfo=None)))
    for wrong, reason in [
        (ShiftException("p", "holiday", *day, "a", "b"), "kind: must be one of leave, swap, extra"),
        (ShiftException("p", "leave", *reversed(day), "a", "b"), "ends: must be after"),
        (ShiftException("p", "leave", *day, None, "b"), "must name who is away"),
        (ShiftException("p", "swap", *day, "a", None), "must name who comes"),
        (ShiftException("p", "leave", *day, "z", None), "known holders, got 'z'"),
        (ShiftException("p", "leave", day[0].replace(tzinfo=None), day[1], "a"), "begins: needs an offset"),
    ]:
        with pytest.raises(InvalidInput, match=reason):
            book([post("p")], exceptions=[wrong])


def test_rows_of_a_closed_post_are_left_out() -> None:
    duty = book(
        [post("p")],
        shifts("closed", "z", "1-7 00:00-24:00"),
        [replace(leave("2026-01-01", "2027-01-01"), post="closed")],
    )
    assert duty.shifts_of("closed") == ()
    assert duty.exceptions_of("closed") == ()
