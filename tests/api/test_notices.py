"""Notices and handing over: for the staff of the territories before and after, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.actions.publish import publish
from gridmap.store.database import Database
from tests.api.redrawn import get
from tests.gridmap.actions.test_handing_over import a_split_of_a_busy_cell
from tests.gridmap.actions.test_publish import grid_of

KeyFor = Callable[..., dict[str, str]]


@pytest.fixture
def split(
    writer: TestClient, heping_copy: Database, service_of: Callable[[TestClient], Service]
) -> tuple[str, str, str]:
    """The code of a cell that was split, its larger and its smaller part; both have open incidents."""
    grid = grid_of(heping_copy)
    change = a_split_of_a_busy_cell(heping_copy, grid, np.random.default_rng(5))
    begins = grid.revision.valid_from + timedelta(days=1)
    publish(heping_copy, OPERATOR, 1, change, begins, "two caretakers", lambda _: None, grid)
    service_of(writer).current.refresh()
    (old,) = change.ended
    large, small = sorted(change.drawn, key=lambda code: -change.drawn[code].shape.area)
    return old, large, small


def test_a_post_is_told_and_hands_over(writer: TestClient, key_for: KeyFor, split: tuple[str, str, str]) -> None:
    old, large, small = split
    staff = key_for(writer, "dispatcher", "120101")
    for territory in (old, large, "120101", "120000"):
        found = get(writer, "/v1/notices", staff, territory=territory)
        (notice,) = found["notices"]
        assert notice["post"] == f"{old}-worker"
        assert (notice["territory"], notice["territory_now"]) == (old, large)
        assert notice["became"] == sorted((large, small))
        assert notice["note"] == "two caretakers"
        assert notice["open_incidents"] == notice["still_open"] == len(found["incidents"]) > 0
        assert {each["cell"] for each in found["incidents"]} == {small}
    listed = get(writer, "/v1/incidents", staff, area=small)["incidents"]
    assert {each["handler"] for each in listed if each["closed_at"] is None} == {f"{old}-worker"}
    roster = get(writer, f"/v1/cells/{large}/roster", staff)
    assert roster["to_hand_over"] == len(found["incidents"])
    assert get(writer, f"/v1/cells/{large}/roster")["to_hand_over"] is None
    for each in found["incidents"]:
        done = writer.post(f"/v1/incidents/{each['id']}/handover", headers=staff)
        assert (done.status_code, done.json()["cell"]) == (200, small)
        assert writer.post(f"/v1/incidents/{each['id']}/handover", headers=staff).status_code == 409
    after = get(writer, "/v1/notices", staff, territory=old)
    assert after["incidents"] == []
    assert (after["notices"][0]["open_incidents"] > 0, after["notices"][0]["still_open"]) == (True, 0)
    assert get(writer, f"/v1/cells/{large}/roster", staff)["to_hand_over"] == 0
    assert get(writer, "/v1/notices", staff, territory=old, since=2)["notices"] == []


def test_nobody_else_is_told(writer: TestClient, key_for: KeyFor, split: tuple[str, str, str]) -> None:
    old, _, _ = split
    path, given = "/v1/notices", {"territory": old}
    assert writer.get(path, params=given).status_code == 401
    assert writer.get(path, params=given, headers=key_for(writer, "system_admin", "*")).status_code == 403
    stranger = key_for(writer, "dispatcher", "120102")
    assert writer.get(path, params=given, headers=stranger).status_code == 403
    assert writer.get(path, params={"territory": "999"}, headers=stranger).status_code == 404
    staff = key_for(writer, "dispatcher", "120101")
    (one, *_) = get(writer, path, staff, territory=old)["incidents"]
    hand_over = f"/v1/incidents/{one['id']}/handover"
    assert writer.post(hand_over).status_code == 401
    assert writer.post(hand_over, headers=stranger).status_code == 404
    assert writer.post(hand_over, headers=key_for(writer, "planner", "120101")).status_code == 403
    assert writer.post("/v1/incidents/999999999/handover", headers=staff).status_code == 404


def test_the_sheet_for_handing_over_can_be_printed(
    writer: TestClient, key_for: KeyFor, split: tuple[str, str, str]
) -> None:
    old, large, _ = split
    staff = key_for(writer, "dispatcher", "120101")
    found = get(writer, "/v1/notices", staff, territory=old)
    sheet = writer.get("/v1/notices", params={"territory": old, "f": "html"}, headers=staff)
    assert sheet.headers["content-type"].startswith("text/html")
    assert sheet.headers["cache-control"].startswith("private")
    for shown in (old, large, "交接单", *(each["external_id"] for each in found["incidents"])):
        assert shown in sheet.text
