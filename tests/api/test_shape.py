"""From the domain's nouns to answers, without database or request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from api import shape
from api.schemas.coverage import Degraded, PointOut
from gridmap.coverage.answer import Answer, Candidate, Whereabouts
from gridmap.current import State
from gridmap.duty import DutyBook, Liaison
from gridmap.model import Area, Cell, City, Holder, Overlay, Post, Revision, Shift, WeeklyHours

NOON = datetime(2026, 11, 2, 4, tzinfo=UTC)
CITY = City(
    "1", "城", ("city", "community"), "{community}{sequence:03d}", "EPSG:4548", "Asia/Shanghai", ("110",), "x"
)
DESK = Post("1-desk", "duty_desk", "值班室", "city", "1", "022-1", WeeklyHours.parse("1-7 00:00-24:00"))
SERVICE = Post("q-desk", "duty_desk", "服务台", "overlay", "q", "022-2")
FIRE = Post("1-fire", "department_liaison", "消防联络员", "city", "1", "022-3", (), None, ("fire",))
ALWAYS = WeeklyHours.parse("1-7 00:00-24:00")[0]
SHIFTS = [
    Shift("1-desk", "a", ALWAYS, date(2026, 1, 1), None, "b", NOON - timedelta(days=400)),
    Shift("q-desk", "b", ALWAYS, date(2026, 1, 1)),
]
BOOK = DutyBook([DESK, SERVICE, FIRE], [Holder("a", "甲"), Holder("b", "乙")], SHIFTS, [], CITY)
OVERLAY = Overlay("q", "商业区", "business_district")
WHERE = Whereabouts(
    revision=Revision(7, NOON, NOON),
    how="inside",
    cell=Cell(1, "11001", "一格", "full_service", "11", ("a", "b")),
    areas=(Area("11", "community", "社区", "1"), Area("1", "city", "城", None)),
    overlays=(OVERLAY,),
    edge_distance_m=12.5,
    ambiguous=False,
    candidates=(Candidate("11001", 0.0),),
    nearest=None,
)
POINT = PointOut(lon=117.2, lat=39.1, crs="wgs84", given=[117.2, 39.1])
HERE = State(None, None)


def answered(where: Whereabouts) -> dict[str, Any]:
    places = where.places(CITY)
    found = Answer(
        where=where,
        at=NOON,
        on_duty=BOOK.on_duty(places, NOON),
        ladder=BOOK.ladder(places, NOON),
        departments=BOOK.departments(places, NOON, "fire"),
        overlay_posts=tuple((each, (SERVICE,)) for each in where.overlays),
    )
    return shape.coverage(found, POINT, CITY, HERE, BOOK).model_dump(mode="json")


def test_an_answer_inside_a_cell() -> None:
    answer = answered(WHERE)
    assert answer["status"] == "covered"
    assert answer["revision"] == 7
    assert answer["as_of"] == "2026-11-02T12:00:00+08:00", "in the city's time"
    assert answer["cell"] == {"code": "11001", "name": "一格", "kind": "full_service", "services": ["a", "b"]}
    assert answer["areas"] == [
        {"level": "community", "code": "11", "name": "社区"},
        {"level": "city", "code": "1", "name": "城"},
    ]
    assert answer["overlays"][0]["posts"] == [
        {"kind": "duty_desk", "title": "服务台", "phone": "022-2", "holder": "乙"}
    ]
    assert [(turn["post"], turn["holder"]) for turn in answer["on_duty"]] == [("q-desk", "乙"), ("1-desk", "甲")]
    desk = answer["on_duty"][1]
    assert (desk["from"], desk["until"]) == ("2026-11-02T00:00:00+08:00", "2026-11-03T00:00:00+08:00")
    assert desk["backup"] == {"holder": "乙"}
    assert desk["stale"] is True
    assert [rung["phone"] for rung in answer["ladder"]] == ["022-2", "022-1"]
    assert answer["departments"] == [
        {
            "department": "消防联络员",
            "title": "消防联络员",
            "phone": "022-3",
            "categories": ["fire"],
            "holder": None,
            "level": "city",
        }
    ]


def test_an_answer_outside() -> None:
    outside = replace(
        WHERE,
        how="outside",
        cell=None,
        areas=(),
        overlays=(),
        edge_distance_m=None,
        nearest=Candidate("11001", 80.0),
    )
    answer = answered(outside)
    assert answer["status"] == answer["how"] == "outside"
    assert answer["cell"] is None
    assert answer["nearest"] == {"code": "11001", "distance_m": 80.0}
    assert [rung["phone"] for rung in answer["ladder"]] == ["022-1"]


def test_degraded_says_since_when_and_how_old() -> None:
    snapshot: Any = SimpleNamespace(taken_at=NOON)
    since = NOON + timedelta(minutes=5)
    assert shape.degraded(State(snapshot, None)) is None
    assert shape.degraded(State(None, since)) is None
    assert shape.degraded(State(snapshot, since)) == Degraded(since=since, data_as_of=NOON)


def test_posts_and_rules_in_words() -> None:
    post = shape.post(replace(DESK, required=WeeklyHours.parse("1-5 08:00-20:00; 6 00:00-24:00")))
    assert WeeklyHours.parse(post.required) == WeeklyHours.parse("1-5 08:00-20:00; 6 00:00-24:00")
    rule = shape.shift(SHIFTS[0], "甲", "乙", 9)
    assert (rule.id, rule.holder, rule.backup) == (9, "甲", "乙")
    assert WeeklyHours.parse(rule.hours) == (ALWAYS,)


def test_a_liaison_with_a_department_is_named_by_it() -> None:
    named = replace(FIRE, department="消防")
    (found,) = shape.departments([Liaison(named, "甲")])
    assert (found.department, found.holder) == ("消防", "甲")
