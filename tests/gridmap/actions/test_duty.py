"""Writing posts, shifts and exceptions: by whom, for which place, and nothing half done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.duty import end_shift, save_exceptions, save_post, save_shifts
from gridmap.errors import InvalidInput, NotAllowed, NotFound, NotIdentified, RuleBroken
from gridmap.model import PUBLIC, Actor, Holder, Post, Shift, ShiftException, WeeklyHours
from gridmap.store.database import Database
from gridmap.store.duty import list_posts, read_duty

DISPATCHER = Actor("d", "dispatcher", ("120101",))
ELSEWHERE = Actor("e", "dispatcher", ("120102",))
POST = Post("new-desk", "duty_desk", "Desk", "district", "120101", "022-00007777")
(HOURS,) = WeeklyHours.parse("1-7 00:00-24:00")
SHIFT = Shift("120101-desk", "N1", HOURS, date(2026, 1, 1))
AWAY = ShiftException(
    "120101-desk", "extra", datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC), None, "N1"
)
PEOPLE = [Holder("N1", "New one")]


def found(database: Database, code: str) -> list[Post]:
    with database.begin(OPERATOR) as connection:
        return list_posts(connection, datetime.now(UTC), code=code)


def count(database: Database, table: str) -> int:
    with database.begin(OPERATOR) as connection:
        return int(
            connection.execute(text(f"SELECT count(*) FROM {table} WHERE upper_inf(recorded)")).scalar_one()
        )


def test_a_post_is_made_then_changed_in_the_actors_territory(heping_copy: Database) -> None:
    assert save_post(heping_copy, DISPATCHER, POST) is False
    assert found(heping_copy, POST.code) == [POST]
    required = replace(
        POST, required=WeeklyHours.parse("1-5 08:00-20:00; 6,7 09:00-12:00"), categories=('a"b', "c,d")
    )
    assert save_post(heping_copy, DISPATCHER, required) is True
    assert found(heping_copy, POST.code) == [required]


def test_a_post_may_stand_at_a_cell_an_overlay_or_the_city(heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        cell = connection.execute(text("SELECT min(code) FROM cell")).scalar_one()
        overlay = connection.execute(text("SELECT min(code) FROM overlay")).scalar_one()
    for level, territory in (("cell", cell), ("overlay", overlay)):
        assert (
            save_post(heping_copy, DISPATCHER, replace(POST, code=level, level=level, territory=territory))
            is False
        )
    city = replace(POST, code="city", level="city", territory="120000")
    with pytest.raises(NotAllowed, match="outside your territories"):
        save_post(heping_copy, DISPATCHER, city)
    assert save_post(heping_copy, Actor("c", "dispatcher", ("120000",)), city) is False


@pytest.mark.parametrize(
    ("actor", "error"),
    [(PUBLIC, NotIdentified), (Actor("v", "viewer", ("120101",)), NotAllowed), (ELSEWHERE, NotAllowed)],
)
def test_who_may_not_changes_nothing(heping: Database, actor: Actor, error: type[Exception]) -> None:
    before = [count(heping, table) for table in ("post", "shift", "shift_exception")]
    with pytest.raises(error):
        save_post(heping, actor, POST)
    with pytest.raises(error):
        save_shifts(heping, actor, [SHIFT], PEOPLE)
    with pytest.raises(error):
        save_exceptions(heping, actor, [AWAY], PEOPLE)
    with pytest.raises(error):
        end_shift(heping, actor, 1)
    assert [count(heping, table) for table in ("post", "shift", "shift_exception")] == before


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"territory": "120199"}, NotFound, "no district '120199' in the current revision"),
        ({"level": "cell"}, NotFound, "no cell '120101'"),
        ({"level": "overlay"}, NotFound, "no overlay '120101'"),
        ({"level": "borough"}, InvalidInput, "level: must be one of"),
        ({"kind": "informer"}, RuleBroken, "ck_post_kind"),
        ({"title": "a\0b"}, InvalidInput, "NUL"),
    ],
)
def test_a_wrong_post_is_refused(
    heping: Database, changed: dict[str, str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        save_post(heping, DISPATCHER, replace(POST, **changed))  # type: ignore[arg-type]


def test_shifts_are_recorded_and_ended_and_what_was_stays_known(heping_copy: Database) -> None:
    (shift_id,) = save_shifts(heping_copy, DISPATCHER, [SHIFT], PEOPLE)
    between = datetime.now(UTC)
    end_shift(heping_copy, DISPATCHER, shift_id)
    later = datetime.now(UTC)

    def holders(known_at: datetime) -> set[str]:
        with heping_copy.begin(OPERATOR) as connection:
            duty = read_duty(connection, later, later + timedelta(hours=1), known_at, ["120101"])
        return {shift.holder for shift in duty.shifts}

    assert "N1" in holders(between)
    assert "N1" not in holders(later)
    with pytest.raises(NotFound, match=f"no shift {shift_id}"):
        end_shift(heping_copy, DISPATCHER, shift_id)


def test_a_shift_of_a_holder_nobody_knows_is_refused_as_a_whole(heping: Database) -> None:
    before = count(heping, "shift")
    stranger = replace(SHIFT, backup="stranger")
    with pytest.raises(RuleBroken, match="fk_shift_backup"):
        save_shifts(heping, DISPATCHER, [SHIFT, stranger], PEOPLE)
    assert count(heping, "shift") == before
    with pytest.raises(NotFound, match="no post 'nowhere'"):
        save_shifts(heping, DISPATCHER, [replace(SHIFT, post="nowhere")], PEOPLE)


def test_exceptions_are_recorded_and_wrong_ones_refused(heping_copy: Database) -> None:
    (recorded,) = save_exceptions(heping_copy, DISPATCHER, [AWAY], PEOPLE)
    assert recorded > 0
    with pytest.raises(RuleBroken, match="ck_shift_exception_who"):
        save_exceptions(heping_copy, DISPATCHER, [replace(AWAY, kind="swap")], PEOPLE)
    with pytest.raises(RuleBroken, match="ck_shift_exception_during"):
        save_exceptions(heping_copy, DISPATCHER, [replace(AWAY, ends=AWAY.begins)], PEOPLE)
    with pytest.raises(NotFound, match="no shift 999999"):
        end_shift(heping_copy, DISPATCHER, 999_999)
