"""Drafts over HTTP, from the first edit to the revision and its public notice."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.cluster import OWNER
from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.scheduled import Scheduled
from gridmap.store.database import Database
from tests.gridmap.actions.test_drafts import merge, pairs, rename

KeyFor = Callable[..., dict[str, str]]
ServiceOf = Callable[[TestClient], Any]
BASE = "/v1/drafts"


@pytest.fixture
def city(writer: TestClient, service_of: ServiceOf) -> Grid:
    grid: Grid = service_of(writer).state.ready.grid
    return grid


@pytest.fixture
def planner(writer: TestClient, key_for: KeyFor) -> dict[str, str]:
    return key_for(writer, "planner", "120101")


@pytest.fixture
def publisher(writer: TestClient, key_for: KeyFor) -> dict[str, str]:
    return key_for(writer, "publisher", "120000")


def ask(client: TestClient, method: str, path: str, key: dict[str, str], status: int = 200, **more: Any) -> Any:
    response = client.request(method, f"{BASE}{path}", headers=key, **more)
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def started(client: TestClient, key: dict[str, str], *edits: dict[str, Any]) -> int:
    answer = ask(client, "POST", "", key, 201, json={"name": "合并两个网格"})
    assert answer["base"] == 1
    for edit in edits:
        ask(client, "POST", f"/{answer['draft']}/edits", key, json=edit)
    number: int = answer["draft"]
    return number


def submitted(client: TestClient, planner: dict[str, str], publisher: dict[str, str], number: int) -> None:
    ask(client, "POST", f"/{number}/submit", planner)
    for check in ("size_band", "street_share", "staffed"):
        body = {"check": check, "name": "Li, planning office", "reason": "a test"}
        ask(client, "POST", f"/{number}/waivers", publisher, json=body)


def test_from_the_first_edit_to_the_revision(
    writer: TestClient, city: Grid, planner: dict[str, str], publisher: dict[str, str]
) -> None:
    one, two = pairs(city)[:2]
    number = started(writer, planner)
    shown = ask(writer, "POST", f"/{number}/edits", planner, json=merge(one), params={"preview": True})
    assert (shown["preview"], shown["version"]) == (True, 0)
    done = ask(writer, "POST", f"/{number}/edits", planner, json=merge(one), params={"crs": "gcj02"})
    assert (done["version"], done["ended"], done["minted"]) == (1, sorted(one), shown["minted"])
    (feature,) = done["cells"]["features"]
    assert (feature["id"], feature["properties"]["change"], done["cells"]["crs"]) == (
        done["minted"][0],
        "new",
        "gcj02",
    )
    corner = shapely.get_coordinates(shapely.geometry.shape(shown["cells"]["features"][0]["geometry"]))[0]
    there = shapely.get_coordinates(shapely.geometry.shape(feature["geometry"]))[0]
    assert there == pytest.approx(
        [float(each[0]) for each in from_wgs84("gcj02", [corner[0]], [corner[1]])], abs=1e-9
    )
    ask(writer, "POST", f"/{number}/edits", planner, json=rename(two[0], "新名"), params={"expects": 1})
    undone = ask(writer, "POST", f"/{number}/undo", planner)
    assert [each["properties"]["name"] for each in undone["cells"]["features"]] == [city.cell(two[0]).name]
    assert ask(writer, "POST", f"/{number}/redo", planner)["version"] == 4
    change = ask(writer, "GET", f"/{number}/change", planner)
    assert [each["id"] for each in change["before"]["features"]] == sorted([*one, two[0]])
    assert {each["id"]: each["properties"]["change"] for each in change["after"]["features"]} == {
        done["minted"][0]: "new",
        two[0]: "changed",
    }
    whole = ask(writer, "GET", f"/{number}", planner)
    assert [each["edit"]["op"] for each in whole["edits"]] == ["merge", "change"]
    certificate = ask(writer, "GET", f"/{number}/certificate", planner)
    results = {each["check"]: each["result"] for each in certificate["checks"]}
    assert {name for name, result in results.items() if result == "fail"} <= {"size_band", "street_share"}
    assert results["coverage"] == results["outer_line"] == results["exactly_one"] == results["codes"] == "pass"
    ask(writer, "POST", f"/{number}/publish", planner, 403)
    ask(writer, "POST", f"/{number}/publish", publisher, 404)  # not handed in yet: it is not there for others
    submitted(writer, planner, publisher, number)
    assert ask(writer, "POST", f"/{number}/publish", publisher)["revision"] == 2
    assert writer.get("/v1/revisions/current").json()["revision"] == 2
    assert writer.get(f"/v1/cells/{done['minted'][0]}").json()["status"] == "current"
    assert ask(writer, "GET", f"/{number}", planner)["state"] == "published"


def test_a_draft_that_changes_nothing_has_no_certificate(writer: TestClient, planner: dict[str, str]) -> None:
    number = ask(writer, "POST", "", planner, 201, json={"name": "empty"})["draft"]
    for method, path in (("GET", "certificate"), ("POST", "submit"), ("GET", "dossier.html")):
        assert (
            ask(writer, method, f"/{number}/{path}", planner, 409)["detail"] == f"draft {number} changes nothing"
        )


def test_strangers_see_no_draft(writer: TestClient, city: Grid, planner: dict[str, str], key_for: KeyFor) -> None:
    number = started(writer, planner, merge(pairs(city)[0]))
    other = key_for(writer, "planner", "120101")
    for path in (f"/{number}", f"/{number}/change", f"/{number}/certificate"):
        ask(writer, "GET", path, {}, 401)
        ask(writer, "GET", path, key_for(writer, "viewer", "120000"), 403)
        problem = ask(writer, "GET", path, other, 404)
        assert problem["detail"] == ask(writer, "GET", f"/{number + 100}", other, 404)["detail"].replace(
            str(number + 100), str(number)
        )
    for path, body in (("edits", merge(pairs(city)[1])), ("submit", None), ("undo", None), ("publish", None)):
        ask(writer, "POST", f"/{number}/{path}", {}, 401, json=body)
        ask(writer, "POST", f"/{number}/{path}", other, 404 if path != "publish" else 403, json=body)
    assert ask(writer, "GET", "", other)["drafts"] == []
    assert [each["draft"] for each in ask(writer, "GET", "", planner, params={"own": True})["drafts"]] == [number]


def test_who_saw_another_version_is_told(writer: TestClient, city: Grid, planner: dict[str, str]) -> None:
    one, two, three = pairs(city)[:3]
    number = started(writer, planner, merge(one))
    path = f"{BASE}/{number}/edits"
    answer = writer.post(path, json=merge(two), headers={**planner, "If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    for params, headers in (({"expects": 1}, {}), ({}, {"If-Match": '"1"'})):
        answer = writer.post(path, json=merge(three), params=params, headers={**planner, **headers})
        assert answer.status_code == 409
        assert "is at version 2, not 1" in answer.json()["detail"]
    assert writer.post(path, json=merge(three), headers={**planner, "If-Match": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("edit", "status", "says"),
    [
        ({"op": "melt"}, 422, "op"),
        ({"op": "merge", "cells": ["120101001001001"]}, 422, "cells"),
        ({"op": "merge", "cells": ["120101001001001", "nowhere"]}, 404, "nowhere"),
        ({"op": "split", "cell": "120101001001001", "line": [[117.1, 39.1], [117.2, 39.2]]}, 422, "crs"),
        ({"op": "change", "cell": "120101001001001", "colour": "red"}, 422, "colour"),
    ],
)
def test_what_cannot_be_done_is_said(
    writer: TestClient, planner: dict[str, str], edit: dict[str, Any], status: int, says: str
) -> None:
    number = started(writer, planner)
    answer = ask(writer, "POST", f"/{number}/edits", planner, status, json=edit)
    assert says in answer["detail"]
    assert ask(writer, "GET", f"/{number}", planner)["version"] == 0


def test_overlapping_drafts_are_told_apart_by_code_and_place(
    writer: TestClient, city: Grid, planner: dict[str, str], publisher: dict[str, str]
) -> None:
    pair = pairs(city)[0]
    early, late = started(writer, planner, merge(pair)), started(writer, planner, rename(pair[1], "mine"))
    for number in (early, late):
        submitted(writer, planner, publisher, number)
    ask(writer, "POST", f"/{early}/publish", publisher)
    for method, path in (("POST", "publish"), ("GET", "certificate")):
        problem = ask(writer, method, f"/{late}/{path}", publisher, 409)
        (fault,) = problem["faults"]
        assert fault["where"] == pair[1]
        lon, lat = map(float, fault["value"].split())
        assert city.index.degrees[city.by_code[pair[1]]].contains(shapely.Point(lon, lat))
        assert "based on revision 1, and revision 2 by test-publisher" in fault["rule"]


def test_review_over_http(writer: TestClient, city: Grid, planner: dict[str, str], key_for: KeyFor) -> None:
    number = started(writer, planner, merge(pairs(city)[0]))
    approver = key_for(writer, "approver", "120101")
    ask(writer, "POST", f"/{number}/submit", planner)
    point = list(from_wgs84("gcj02", [117.195], [39.118]))
    body = {"text": "学校应留在原网格", "point": [float(each[0]) for each in point], "crs": "gcj02"}
    ask(writer, "POST", f"/{number}/return", approver, json={"comments": [body]})
    (comment,) = ask(writer, "GET", f"/{number}", planner)["comments"]
    assert comment["point"] == pytest.approx([117.195, 39.118], abs=1e-6)
    ask(writer, "POST", f"/{number}/comments/{comment['id']}/resolve", planner, 204)
    ask(writer, "POST", f"/{number}/comments", planner, 422, json={"text": "where?", "point": [117.2, 39.1]})
    saved = ask(writer, "POST", f"/{number}/comments", planner, 201, json={"text": "done"})
    assert saved["comment"] == comment["id"] + 1
    ask(writer, "POST", f"/{number}/submit", planner)
    assert ask(writer, "POST", f"/{number}/approve", approver)["state"] == "approved"
    (approval,) = ask(writer, "GET", f"/{number}", approver)["approvals"]
    assert (approval["level"], approval["area"], approval["counts"]) == ("district", "120101", True)


def test_a_notice_is_read_by_its_link_without_a_key(
    writer: TestClient, city: Grid, planner: dict[str, str], publisher: dict[str, str]
) -> None:
    number = started(writer, planner, merge(pairs(city)[0]))
    submitted(writer, planner, publisher, number)
    path = ask(writer, "POST", f"/{number}/notice", publisher, 201)["path"]
    shown = writer.get(path, params={"crs": "gcj02"})
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "private, no-store"
    answer = shown.json()
    assert (answer["name"], answer["cells_before"], answer["cells_after"]) == ("合并两个网格", 2, 1)
    assert not {"owner", "comments", "edits"} & answer.keys()
    assert writer.get(f"{path}x").status_code == 404
    ask(writer, "DELETE", f"/{number}/notice", publisher, 204)
    assert writer.get(path).status_code == 404


def test_what_is_scheduled_is_told_and_then_published_by_the_server(
    writer: TestClient, city: Grid, planner: dict[str, str], publisher: dict[str, str], service_of: ServiceOf
) -> None:
    pair = pairs(city)[0]
    number = started(writer, planner, merge(pair))
    submitted(writer, planner, publisher, number)
    ask(writer, "POST", f"/{number}/publish", publisher, 422, json={"at": "2020-01-01T00:00:00"})
    at = datetime.now(UTC) + timedelta(hours=2)
    waiting = ask(writer, "POST", f"/{number}/publish", publisher, json={"at": at.isoformat()})
    assert waiting["revision"] is None
    assert datetime.fromisoformat(waiting["publish_at"]) == at

    def coverage(code: str) -> Any:
        point = shapely.point_on_surface(city.index.degrees[city.by_code[code]])
        return writer.get("/v1/coverage", params={"lon": point.x, "lat": point.y, "crs": "wgs84"}).json()

    (minted,) = [each["id"] for each in ask(writer, "GET", f"/{number}/change", planner)["after"]["features"]]
    for code in pair:
        upcoming = coverage(code)["upcoming"]
        assert (upcoming["revision"], upcoming["cell"]) == (2, minted)
        assert datetime.fromisoformat(upcoming["from"]) == at
    other = next(cell.code for cell in city.cells if cell.code not in pair)
    assert coverage(other)["upcoming"] is None
    service = service_of(writer)
    with Database(service.database.url.set(username=OWNER)).begin(OPERATOR) as connection:
        now = datetime.now(UTC)
        connection.execute(text("UPDATE draft SET publish_at = :now"), {"now": now})
        connection.execute(text("UPDATE upcoming SET begins = :now"), {"now": now})
    until = time.monotonic() + 60
    while writer.get("/v1/revisions/current").json()["revision"] == 1:
        assert time.monotonic() < until, "the server did not publish it"
        time.sleep(0.2)
    service.current.refresh()
    for code in pair:
        answer = coverage(code)
        assert (answer["revision"], answer["cell"]["code"], answer["upcoming"]) == (2, minted, None)
    Scheduled(service.database, service.bench, lambda: service.state.snapshot).look()  # nothing is due any more
    assert writer.get("/v1/revisions/current").json()["revision"] == 2


def test_a_recalled_draft_is_told_no_more(
    writer: TestClient, city: Grid, planner: dict[str, str], publisher: dict[str, str]
) -> None:
    pair = pairs(city)[0]
    number = started(writer, planner, merge(pair))
    submitted(writer, planner, publisher, number)
    at = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    ask(writer, "POST", f"/{number}/publish", publisher, json={"at": at})
    assert ask(writer, "POST", f"/{number}/recall", publisher)["state"] == "approved"
    point = shapely.point_on_surface(city.index.degrees[city.by_code[pair[0]]])
    answer = writer.get("/v1/coverage", params={"lon": point.x, "lat": point.y, "crs": "wgs84"}).json()
    assert answer["upcoming"] is None
