"""Proposals over HTTP: asked for, looked at, and one posted as the edits that it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import shapely
from fastapi.testclient import TestClient

from tests.api.test_drafts import ask, started

KeyFor = Callable[..., dict[str, str]]
COMMUNITY = "120101001001"


@pytest.fixture
def planner(writer: TestClient, key_for: KeyFor) -> dict[str, str]:
    return key_for(writer, "planner", "120101")


def test_a_proposal_is_posted_as_its_edits(writer: TestClient, planner: dict[str, str]) -> None:
    number = started(writer, planner)
    path, body = f"/{number}/proposals", {"area": COMMUNITY, "count": 3}
    found = ask(writer, "POST", path, planner, json=body)
    assert (found["version"], found["area"], found["now"]["stays"]) == (0, COMMUNITY, pytest.approx(1.0))
    assert [one["number"] for one in found["proposals"]] == list(range(1, len(found["proposals"]) + 1))
    for one in found["proposals"]:
        assert one["principles"]["crossing_cells"] == 0
        assert one["figures"]["spread"] == round(one["figures"]["spread"], 2)
    first = found["proposals"][0]
    assert first["figures"]["spread"] <= found["now"]["spread"]
    assert first["figures"]["street_share"] >= found["now"]["street_share"] - 1e-9
    shown = ask(writer, "POST", f"/{number}/edits", planner, json=first["edits"][0], params={"preview": True})
    said = {
        each["id"]: each["geometry"]
        for each in first["cells"]["features"]
        if each["properties"]["change"] != "as now"
    }
    drawn = {each["id"]: each["geometry"] for each in shown["cells"]["features"]}
    assert said.keys() <= drawn.keys()
    assert all(said[code] == drawn[code] for code in said)
    for edit in first["edits"]:
        ask(writer, "POST", f"/{number}/edits", planner, json=edit)
    assert ask(writer, "GET", f"/{number}/impact", planner)["changed"] is not None
    again = ask(writer, "POST", path, planner, json={**body, "seed": 2}, params={"crs": "gcj02"})
    assert again["version"] == len(first["edits"])
    moved = shapely.geometry.shape(again["proposals"][0]["cells"]["features"][0]["geometry"])
    assert again["proposals"][0]["cells"]["crs"] == "gcj02"
    whole = shapely.union_all(
        [shapely.geometry.shape(each["geometry"]) for each in found["proposals"][0]["cells"]["features"]]
    )
    assert moved.centroid.distance(whole) > 0.001


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"area": "999"}, 404),
        ({"area": COMMUNITY, "parts": 900}, 422),
        ({"area": COMMUNITY, "band": [500, 150]}, 422),
        ({"area": COMMUNITY, "weigh_by": "cars"}, 422),
        ({"area": COMMUNITY, "locked": ["999"]}, 404),
        ({"area": "120101"}, 422),
    ],
)
def test_what_cannot_be_is_said(
    writer: TestClient, planner: dict[str, str], body: dict[str, object], status: int
) -> None:
    ask(writer, "POST", f"/{started(writer, planner)}/proposals", planner, status, json=body)


def test_others_get_none(writer: TestClient, planner: dict[str, str], key_for: KeyFor) -> None:
    number = started(writer, planner)
    for role, status in (("viewer", 403), ("planner", 404)):
        other = key_for(writer, role, "120101002")
        ask(writer, "POST", f"/{number}/proposals", other, status, json={"area": COMMUNITY})
    assert writer.post(f"/v1/drafts/{number}/proposals", json={"area": COMMUNITY}).status_code == 401
