"""With the API's own checks switched off the database alone still lets nothing through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridmap.access import ALLOWED, Action
from gridmap.model import ROLES

KeyFor = Callable[..., dict[str, str]]
STREET, CITY, ELSEWHERE = "120101001", "120000", "120102"

# What tells live counts, and how much each answer tells.
LIVE: dict[str, Callable[[Any], int]] = {
    f"/v1/heatmap?of=incidents&by=cell&area={STREET}": lambda body: body["total"],
    "/v1/heatmap?of=elements&class=place&by=street": lambda body: body["total"],
    f"/tiles/live_counts.json?area={STREET}": lambda body: 1,
}
# What lists rows, and how many an answer has.
LISTS: dict[str, tuple[Action, Callable[[Any], int]]] = {
    f"/v1/elements?area={STREET}": (Action.READ_ELEMENTS, lambda body: len(body["elements"])),
    f"/v1/incidents?area={STREET}": (Action.READ_INCIDENTS, lambda body: len(body["incidents"])),
    "/ogc/collections/elements/items?f=json": (Action.READ_ELEMENTS, lambda body: len(body["features"])),
    "/ogc/collections/incidents/items?f=json": (Action.READ_INCIDENTS, lambda body: len(body["features"])),
    f"/v1/areas/{STREET}/roster": (
        Action.READ_COUNTS,
        lambda body: sum((body["elements"] or {}).values()) + (body["open_incidents"] or 0),
    ),
}
COUNTED = sorted(ALLOWED[Action.READ_COUNTS])
OTHERS = sorted({*ROLES} - {*COUNTED, "public"})


@pytest.fixture(scope="module")
def open_door(client: TestClient, unchecked: Callable[[], AbstractContextManager[None]]) -> Iterator[TestClient]:
    """The client of a service whose own checks say yes."""
    with unchecked():
        yield client


@pytest.mark.parametrize("path", LIVE)
def test_live_counts_are_not_told_to_others(open_door: TestClient, key_for: KeyFor, path: str) -> None:
    assert open_door.get(path).status_code in (401, 403)
    for role in OTHERS:
        assert open_door.get(path, headers=key_for(open_door, role, CITY)).status_code == 403, role
    for role in COUNTED:
        assert open_door.get(path, headers=key_for(open_door, role, ELSEWHERE)).status_code == 403, role
    told = open_door.get(path, headers=key_for(open_door, "viewer", CITY))
    assert told.status_code == 200, told.text
    assert LIVE[path](told.json()) > 0


@pytest.mark.parametrize("path", LISTS)
def test_rows_are_not_listed_to_others(open_door: TestClient, key_for: KeyFor, path: str) -> None:
    def found(headers: dict[str, str]) -> int:
        answer = open_door.get(path, headers=headers)
        assert answer.status_code in (200, 401, 403, 404), answer.text
        return count(answer.json()) if answer.status_code == 200 else 0

    action, count = LISTS[path]
    assert found({}) == 0
    for role in sorted({*ROLES} - {"public"}):
        assert found(key_for(open_door, role, ELSEWHERE)) == 0, role
        assert (found(key_for(open_door, role, STREET)) > 0) == (role in ALLOWED[action]), role


def test_a_draft_is_not_there_for_others(open_door: TestClient, key_for: KeyFor) -> None:
    mine = key_for(open_door, "planner", CITY)
    number = open_door.post("/v1/drafts", json={"name": "mine"}, headers=mine).json()["draft"]
    assert open_door.get(f"/v1/drafts/{number}", headers=mine).status_code == 200
    for role in sorted({*ROLES} - {"public"}):
        headers = key_for(open_door, role, CITY)
        assert open_door.get(f"/v1/drafts/{number}", headers=headers).status_code == 404, role
        listed = open_door.get("/v1/drafts", headers=headers).json()["drafts"]
        assert number not in [each["draft"] for each in listed], role
        changed = open_door.patch(f"/v1/drafts/{number}", json={"name": "theirs"}, headers=headers)
        assert changed.status_code in (403, 404, 405), changed.text
