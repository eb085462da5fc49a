"""Posts, shifts and exceptions over HTTP: what is written shows at once, and what was is not forgotten."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Service
from gridmap.coverage.snapshot import load

Points = list[tuple[str, float, float]]
Headers = dict[str, str]

ALWAYS = "1-7 00:00-24:00"
FIRST_DAY = "2025-10-01"
WORKER = {"code": "T-A", "display_name": "甲（试）"}
BACKUP = {"code": "T-B", "display_name": "乙（试）"}
OTHER = {"code": "T-C", "display_name": "丙（试）"}


class Desk:
    """One client with a key, one new post at one cell, and a way to see who is on duty at it.

    A new post is valid from now on, so the tests ask for times to come.
    """

    def __init__(self, client: TestClient, headers: Headers, place: tuple[str, float, float], post: str) -> None:
        self.client, self.headers, self.post = client, headers, post
        self.cell, self.lon, self.lat = place
        created = self.write("/v1/posts", self.post_body())
        assert created == {"code": self.post, "replaced": False}

    def post_body(self, **more: object) -> dict[str, object]:
        body = {"code": self.post, "kind": "grid_worker", "title": "夜班网格员", "level": "cell"}
        return {**body, "territory": self.cell, "phone": "022-00999999", **more}

    def write(self, path: str, body: dict[str, object], status: int = 201) -> dict[str, Any]:
        response = self.client.post(path, json=body, headers=self.headers)
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def shift(self, hours: str, holder: object = WORKER, **more: object) -> int:
        body = {"post": self.post, "holder": holder, "hours": hours, "valid_from": FIRST_DAY, **more}
        (shift_id,) = self.write("/v1/shifts", body)["ids"]
        return int(shift_id)

    def exception(self, kind: str, begins: str, ends: str, **more: object) -> int:
        body = {"post": self.post, "kind": kind, "begins": begins, "ends": ends, **more}
        (exception_id,) = self.write("/v1/shift-exceptions", body)["ids"]
        return int(exception_id)

    def exceptions(self) -> list[dict[str, Any]]:
        answer = self.client.get("/v1/shift-exceptions", params={"post": self.post}, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["exceptions"]
        return found

    def coverage(self, **more: object) -> dict[str, Any]:
        place = {"lon": self.lon, "lat": self.lat, "crs": "wgs84"}
        response = self.client.get("/v1/coverage", params={**place, **more})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def turns(self, **more: object) -> list[dict[str, Any]]:
        return [turn for turn in self.coverage(**more)["on_duty"] if turn["post"] == self.post]


@pytest.fixture(scope="module")
def office(serve: Callable[..., Any], make_copy: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a copy of Heping that all tests of this module write to, each to a post of its own."""
    with make_copy("heping_office") as database, serve(database) as running:
        yield running


@pytest.fixture
def desk(
    office: TestClient, key_for: Callable[..., Headers], inner_points: Points, request: pytest.FixtureRequest
) -> Desk:
    post = f"T-{hashlib.sha256(request.node.name.encode()).hexdigest()[:8]}"
    return Desk(office, key_for(office, "dispatcher", "120101"), inner_points[5], post)


def test_a_shift_shows_in_the_very_next_answer(desk: Desk) -> None:
    assert desk.turns() == []
    desk.shift(ALWAYS, backup=BACKUP)
    (turn,) = desk.turns()
    assert turn["holder"] == "甲（试）"
    assert turn["backup"] == {"holder": "乙（试）"}
    assert turn["phone"] == "022-00999999"
    assert turn["stale"] is False, "what was just written counts as verified"
    assert "022-00999999" in {rung["phone"] for rung in desk.coverage()["ladder"] if rung["level"] == "cell"}


def test_a_shift_over_midnight_belongs_to_the_night_it_began_in(desk: Desk) -> None:
    desk.shift("5 22:00-06:00")
    # 2030-11-08 is a Friday.
    for at, on_duty in {
        "2030-11-08T03:00:00": False,
        "2030-11-08T21:59:59": False,
        "2030-11-08T22:00:00": True,
        "2030-11-09T00:00:00": True,
        "2030-11-09T05:59:59": True,
        "2030-11-09T06:00:00": False,
        "2030-11-09T22:30:00": False,
    }.items():
        turns = desk.turns(at=at)
        assert bool(turns) is on_duty, at
        for turn in turns:
            assert turn["from"] == "2030-11-08T22:00:00+08:00"
            assert turn["until"] == "2030-11-09T06:00:00+08:00"


def test_on_leave_the_backup_stands_in(desk: Desk) -> None:
    desk.shift(ALWAYS, backup=BACKUP)
    desk.exception("leave", "2030-11-04T00:00:00", "2030-11-06T00:00:00", holder=WORKER)
    (turn,) = desk.turns(at="2030-11-05T12:00:00")
    assert turn["holder"] == "乙（试）"
    assert turn["stands_in_for"] == "甲（试）"
    for at in ("2030-11-03T23:59:59", "2030-11-06T00:00:00"):
        assert [turn["holder"] for turn in desk.turns(at=at)] == ["甲（试）"]


def test_leave_without_a_backup_leaves_the_post_empty_and_the_ladder_goes_on(desk: Desk) -> None:
    desk.shift(ALWAYS)
    desk.exception("leave", "2030-11-04T00:00:00", "2030-11-06T00:00:00", holder=WORKER)
    assert desk.turns(at="2030-11-05T03:00:00") == []
    kinds = [rung["kind"] for rung in desk.coverage(at="2030-11-05T03:00:00")["ladder"]]
    assert "duty_desk" in kinds


def test_a_roster_says_where_nobody_is_who_must_be(desk: Desk) -> None:
    desk.write("/v1/posts", desk.post_body(required="1-5 09:00-17:00"))
    desk.shift(ALWAYS)
    desk.exception("leave", "2030-11-04T00:00:00", "2030-11-06T00:00:00", holder=WORKER)

    def gap(at: str) -> bool:
        answer = desk.client.get(f"/v1/cells/{desk.cell}/roster", params={"at": at}).json()
        (found,) = [post["gap"] for post in answer["posts"] if post["code"] == desk.post]
        return bool(found)

    assert gap("2030-11-05T12:00:00"), "on leave without a backup"
    assert not gap("2030-11-05T03:00:00"), "nobody is there, and nobody must be"
    assert not gap("2030-11-06T12:00:00"), "back again"


def test_a_swap_and_an_extra_turn(desk: Desk) -> None:
    desk.shift("1-5 08:00-16:00")
    desk.exception("swap", "2030-11-05T00:00:00", "2030-11-06T00:00:00", holder=WORKER, substitute=OTHER)
    desk.exception("extra", "2030-11-09T10:00:00", "2030-11-09T12:00:00", substitute=BACKUP)
    assert [turn["holder"] for turn in desk.turns(at="2030-11-05T09:00:00")] == ["丙（试）"]
    assert [turn["holder"] for turn in desk.turns(at="2030-11-06T09:00:00")] == ["甲（试）"]
    assert [turn["holder"] for turn in desk.turns(at="2030-11-09T11:00:00")] == ["乙（试）"]
    assert desk.turns(at="2030-11-09T12:00:00") == []


def test_a_deleted_shift_is_gone_but_what_was_known_stays(desk: Desk) -> None:
    shift_id = desk.shift(ALWAYS)
    at = "2030-11-05T03:00:00"
    known = datetime.now(UTC).isoformat()
    assert desk.turns(at=at)
    gone = desk.client.delete(f"/v1/shifts/{shift_id}", headers=desk.headers)
    assert (gone.status_code, gone.content) == (204, b"")
    assert desk.turns() == []
    assert desk.turns(at=at) == []
    assert [turn["holder"] for turn in desk.turns(at=at, known_at=known)] == ["甲（试）"]
    assert desk.client.get("/v1/shifts", params={"post": desk.post}).json()["shifts"] == []
    assert desk.client.delete(f"/v1/shifts/{shift_id}", headers=desk.headers).status_code == 404


def test_exceptions_are_listed_until_they_are_over_and_can_be_withdrawn(desk: Desk) -> None:
    desk.shift(ALWAYS, backup=BACKUP)
    begins, ends = "2030-11-04T00:00:00", "2030-11-06T00:00:00"
    away = desk.exception("leave", begins, ends, holder=WORKER)
    desk.exception("extra", "2025-11-09T10:00:00", "2025-11-09T12:00:00", substitute=BACKUP)  # over
    (listed,) = desk.exceptions()
    assert listed.pop("verified_at") is not None
    assert listed == {
        "id": away,
        "kind": "leave",
        "begins": f"{begins}+08:00",
        "ends": f"{ends}+08:00",
        "holder": "甲（试）",
        "holder_code": WORKER["code"],
        "substitute": None,
        "substitute_code": None,
    }
    known = datetime.now(UTC).isoformat()
    gone = desk.client.delete(f"/v1/shift-exceptions/{away}", headers=desk.headers)
    assert (gone.status_code, gone.content) == (204, b"")
    assert desk.exceptions() == []
    at = "2030-11-05T12:00:00"
    assert [turn["holder"] for turn in desk.turns(at=at)] == ["甲（试）"]
    assert [turn["holder"] for turn in desk.turns(at=at, known_at=known)] == ["乙（试）"]
    assert desk.client.delete(f"/v1/shift-exceptions/{away}", headers=desk.headers).status_code == 404


def test_a_shift_ends_with_its_last_day(desk: Desk) -> None:
    desk.shift(ALWAYS, valid_until="2030-11-04")
    assert desk.turns(at="2030-11-04T23:59:59")
    assert desk.turns(at="2030-11-05T00:00:00") == []


@pytest.mark.parametrize(
    "days",
    [
        {"valid_until": "9999-12-31"},
        {"valid_from": "0001-01-01"},
        {"valid_from": "9999-12-31"},
    ],
)
def test_the_first_and_last_days_of_the_calendar_can_be_named(desk: Desk, days: dict[str, str]) -> None:
    desk.shift(ALWAYS, **days)
    (rule,) = desk.client.get("/v1/shifts", params={"post": desk.post}).json()["shifts"]
    assert days.items() <= rule.items()
    assert bool(desk.turns()) is (days != {"valid_from": "9999-12-31"})


def test_hours_of_two_parts_become_two_rules_that_can_be_listed(desk: Desk) -> None:
    body = {
        "post": desk.post,
        "holder": WORKER,
        "hours": "1-5 22:00-06:00; 6 00:00-12:00",
        "valid_from": FIRST_DAY,
    }
    ids = desk.write("/v1/shifts", body)["ids"]
    shifts = desk.client.get("/v1/shifts", params={"post": desk.post}).json()["shifts"]
    assert [shift["id"] for shift in shifts] == ids
    assert [shift["hours"] for shift in shifts] == ["1-5 22:00-06:00", "6 00:00-12:00"]
    assert {shift["holder"] for shift in shifts} == {"甲（试）"}


def test_a_changed_post_changes_the_next_answer_and_keeps_its_shifts(desk: Desk) -> None:
    desk.shift(ALWAYS)
    known = datetime.now(UTC).isoformat()
    changed = desk.write("/v1/posts", desk.post_body(phone="022-00888888"))
    assert changed == {"code": desk.post, "replaced": True}
    assert [turn["phone"] for turn in desk.turns()] == ["022-00888888"]
    assert [turn["phone"] for turn in desk.turns(at=known)] == ["022-00999999"], "it was so then"
    listed = desk.client.get("/v1/posts", params={"territory": desk.cell}).json()["posts"]
    assert [post["phone"] for post in listed if post["code"] == desk.post] == ["022-00888888"]


def test_the_citys_desk_can_move_and_even_close_and_the_ladder_is_not_empty(
    writer: TestClient, key_for: Callable[..., Headers], inner_points: Points
) -> None:
    desk = Desk(writer, key_for(writer, "publisher", "120000"), inner_points[5], "T-moves")
    body = {"code": "120000-desk", "kind": "duty_desk", "title": "值班室", "level": "city", "territory": "120000"}
    desk.write("/v1/posts", {**body, "phone": "022-00777777"})
    last = desk.coverage()["ladder"][-1]
    assert (last["level"], last["kind"], last["phone"]) == ("city", "duty_desk", "022-00777777")
    desk.write("/v1/posts", {**body, "kind": "department_liaison", "phone": "022-00777777"})
    assert desk.coverage()["ladder"][-1]["level"] == "district"
    outside = writer.get("/v1/coverage", params={"lon": 0, "lat": 0, "crs": "wgs84"}).json()
    assert [rung["phone"] for rung in outside["ladder"]] == ["110", "119", "120"]


def test_what_was_written_is_in_the_snapshot_on_disk(desk: Desk, service_of: Callable[..., Service]) -> None:
    desk.shift(ALWAYS)
    saved = load(service_of(desk.client).current._folder)
    assert saved is not None
    assert desk.post in {shift.post for shift in saved.duty.shifts}
    assert desk.post in saved.book.posts


def test_posts_are_listed_page_by_page_each_once(client: TestClient) -> None:
    whole = [post["code"] for post in client.get("/v1/posts").json()["posts"]]
    paged, after = [], ""
    while after is not None:
        page = client.get("/v1/posts", params={"after": after, "limit": 97}).json()
        paged += [post["code"] for post in page["posts"]]
        after = page["next"]
    assert paged == whole == sorted(set(whole))
    assert len(whole) > 600
    desks = client.get("/v1/posts", params={"kind": "duty_desk", "level": "street"}).json()["posts"]
    assert len(desks) == 6
    assert all(post["kind"] == "duty_desk" and post["level"] == "street" for post in desks)


# Every way to write, with a body that would do.
def writes(cell: str) -> list[tuple[str, str, dict[str, object] | None]]:
    post, begins = f"{cell}-worker", datetime.now(UTC)
    ends = (begins + timedelta(hours=1)).isoformat()
    new = {"code": f"{cell}-x", "kind": "grid_worker", "title": "t", "level": "cell"}
    extra = {"post": post, "kind": "extra", "begins": begins.isoformat(), "ends": ends, "substitute": OTHER}
    return [
        ("POST", "/v1/posts", {**new, "territory": cell, "phone": "022-00000000"}),
        ("POST", "/v1/shifts", {"post": post, "holder": WORKER, "hours": ALWAYS, "valid_from": FIRST_DAY}),
        ("POST", "/v1/shift-exceptions", extra),
    ]


def test_who_may_write(
    writer: TestClient, key_for: Callable[..., Headers], inner_points: Points, service_of: Callable[..., Service]
) -> None:
    cell = inner_points[5][0]
    now = datetime.now(UTC)
    elsewhere = next(code for code, _, _ in inner_points if code[:9] != cell[:9])
    keys: list[tuple[Headers, int]] = [
        ({}, 401),
        ({"Authorization": "Bearer gm_nobody"}, 401),
        (key_for(writer, "dispatcher", "120101", expires_at=now - timedelta(seconds=1)), 401),
        (key_for(writer, "viewer", "120101"), 403),
        (key_for(writer, "key_admin", "*"), 403),
        (key_for(writer, "auditor", "120000"), 403),
        (key_for(writer, "dispatcher", elsewhere[:9]), 403),
        (key_for(writer, "dispatcher"), 403),
        (key_for(writer, "dispatcher", cell), 201),
        (key_for(writer, "publisher", cell[:12]), 201),
        (key_for(writer, "system_admin", "*"), 403),
    ]
    for headers, status in keys:
        for method, path, body in writes(cell):
            response = writer.request(method, path, json=body, headers=headers)
            assert response.status_code == status, (path, response.text)
            if status == 401:
                assert response.headers["www-authenticate"] == "Bearer"
    (shift_id, *_) = [
        shift["id"] for shift in writer.get("/v1/shifts", params={"post": f"{cell}-worker"}).json()["shifts"]
    ]
    mine = {"post": f"{cell}-worker"}
    reader = next(headers for headers, status in keys if status == 201)
    exceptions = writer.get("/v1/shift-exceptions", params=mine, headers=reader).json()["exceptions"]
    for headers, status in keys:
        read = writer.get("/v1/shift-exceptions", params=mine, headers=headers)
        assert read.status_code == (200 if status == 201 else status)
    for headers, status in keys[:-3]:
        assert writer.delete(f"/v1/shifts/{shift_id}", headers=headers).status_code == status
        path = f"/v1/shift-exceptions/{exceptions[0]['id']}"
        assert writer.delete(path, headers=headers).status_code == status


def test_a_key_ends_while_the_service_runs(
    writer: TestClient, key_for: Callable[..., Headers], inner_points: Points
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=5)
    headers = key_for(writer, "dispatcher", "120101", expires_at=soon)
    method, path, body = writes(inner_points[0][0])[0]
    assert writer.request(method, path, json=body, headers=headers).status_code == 201
    while datetime.now(UTC) <= soon:
        time.sleep(0.1)
    assert writer.request(method, path, json=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("path", "change", "status", "where"),
    [
        ("/v1/posts", {"level": "village"}, 422, "level"),
        ("/v1/posts", {"territory": "120101999"}, 404, None),
        ("/v1/posts", {"kind": "boss"}, 422, "kind"),
        ("/v1/posts", {"phone": "call me"}, 422, "phone"),
        ("/v1/posts", {"title": "\x00"}, 422, "title"),
        ("/v1/posts", {"code": "a b"}, 422, "code"),
        ("/v1/posts", {"code": "x" * 65}, 422, "code"),
        ("/v1/posts", {"required": "8-9 08:00-20:00"}, 422, "hours"),
        ("/v1/posts", {"required": "1-5 08:00-25:00"}, 422, "hours"),
        ("/v1/posts", {"colour": "red"}, 422, "colour"),
        ("/v1/posts", {"categories": ["a\x00"]}, 422, "categories.0"),
        ("/v1/shifts", {"post": "nobody"}, 404, None),
        ("/v1/shifts", {"hours": "always"}, 422, "hours"),
        ("/v1/shifts", {"hours": "1-5 08:00"}, 422, "hours"),
        ("/v1/shifts", {"hours": "1-5 08:00-20:00;"}, 422, "hours"),
        ("/v1/shifts", {"valid_from": "2026-02-30"}, 422, "valid_from"),
        ("/v1/shifts", {"valid_until": "2025-09-30"}, 422, "valid_until"),
        ("/v1/shifts", {"holder": None}, 422, "holder"),
        ("/v1/shifts", {"holder": {"code": "T-A"}}, 422, "holder.display_name"),
        ("/v1/shifts", {"holder": {"code": "T-A", "display_name": "\ud800"}}, 422, "holder.display_name"),
        ("/v1/shifts", {"backup": {"code": "T-A", "display_name": "又一个"}}, 422, "backup.code"),
        ("/v1/shift-exceptions", {"kind": "holiday"}, 422, "kind"),
        ("/v1/shift-exceptions", {"kind": "leave"}, 422, "holder"),
        ("/v1/shift-exceptions", {"substitute": None}, 422, "substitute"),
        ("/v1/shift-exceptions", {"ends": "2020-01-01T00:00:00"}, 422, "ends"),
        ("/v1/shift-exceptions", {"begins": "0001-01-01T00:00:00"}, 422, "begins"),
        ("/v1/shift-exceptions", {"begins": 1e400}, 422, "begins"),
        ("/v1/shift-exceptions", {"holder": OTHER}, 422, "substitute.code"),
        ("/v1/shift-exceptions", {"post": "nobody"}, 404, None),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(
    desk: Desk, path: str, change: dict[str, object], status: int, where: str | None
) -> None:
    body = next(body for _, route, body in writes(desk.cell) if route == path)
    # As text, since a client library would not send infinity or half a surrogate pair.
    content = json.dumps({**(body or {}), **change})
    response = desk.client.post(
        path, content=content, headers={**desk.headers, "Content-Type": "application/json"}
    )
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    if where is not None:
        assert response.json()["faults"][0]["where"] == where
    rules = desk.client.get("/v1/shifts", params={"post": f"{desk.cell}-worker"}).json()["shifts"]
    assert "T-A" not in str(rules)
    assert not [rule for rule in rules if rule["hours"] == "1-7 00:00-24:00"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff", b'{"post": ', b"[" * 100_000, b"1e999999"]
)
def test_a_body_that_is_no_json_object_is_refused(
    client: TestClient, key_for: Callable[..., Headers], content: bytes
) -> None:
    headers = {**key_for(client, "publisher", "120000"), "Content-Type": "application/json"}
    for path in ("/v1/posts", "/v1/shifts", "/v1/shift-exceptions"):
        response = client.post(path, content=content, headers=headers)
        assert response.status_code in (400, 422), response.text
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("shift_id", ["0", "-1", "2147483648", "9" * 400, "one", "1.5", "%00"])
def test_a_shift_id_is_a_number_that_can_exist(
    client: TestClient, key_for: Callable[..., Headers], shift_id: str
) -> None:
    response = client.delete(f"/v1/shifts/{shift_id}", headers=key_for(client, "publisher", "120000"))
    assert response.status_code == 422, response.text
