"""Rosters over HTTP: posts, rules, ladder, and counts for the territory's staff alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.model import WORKER
from gridmap.store.database import Database

Headers = dict[str, str]
Points = list[tuple[str, float, float]]
MONDAY = "2026-11-02T10:00:00"


def roster(client: TestClient, path: str, headers: Headers | None = None, **query: object) -> dict[str, Any]:
    response = client.get(f"{path}/roster", params=query, headers=headers or {})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def counted(database: Database, prefix: str) -> tuple[dict[str, int], int]:
    """Elements by class and open incidents below a code, straight from the tables."""
    with database.begin(WORKER) as connection:
        elements = connection.execute(
            text(
                "SELECT class, count(*) FROM element e JOIN element_placement p ON p.element_id = e.id "
                "JOIN cell c ON c.id = p.cell_id WHERE c.code LIKE :prefix GROUP BY class"
            ),
            {"prefix": f"{prefix}%"},
        )
        by_class = {row[0]: row[1] for row in elements}
        incidents = connection.execute(
            text(
                "SELECT count(*) FROM incident i JOIN incident_placement p ON p.incident_id = i.id "
                "JOIN cell c ON c.id = p.cell_id WHERE c.code LIKE :prefix AND i.closed_at IS NULL"
            ),
            {"prefix": f"{prefix}%"},
        )
        return by_class, int(incidents.scalar_one())


@pytest.mark.parametrize("length", [6, 9, 12, 15])
def test_a_roster_has_its_posts_its_ladder_and_for_staff_its_counts(
    client: TestClient,
    key_for: Callable[..., Headers],
    heping_served: Database,
    inner_points: Points,
    length: int,
) -> None:
    code = inner_points[6][0][:length]
    path = f"/v1/cells/{code}" if length == 15 else f"/v1/areas/{code}"
    public = roster(client, path, at=MONDAY)
    assert (public["code"], public["revision"], public["as_of"]) == (code, 1, f"{MONDAY}+08:00")
    assert public["elements"] is public["open_incidents"] is None
    assert public["counts"] == "not released"
    posts = client.get("/v1/posts", params={"territory": code}).json()["posts"]
    assert {post["code"] for post in public["posts"]} == {post["code"] for post in posts}
    assert any(post["shifts"] for post in public["posts"])
    assert any(post["on_duty"] for post in public["posts"])
    levels = [rung["level"] for rung in public["ladder"]]
    order = ["cell", "community", "street", "district", "city"]
    assert levels == sorted(levels, key=order.index)
    assert public["ladder"][-1]["kind"] == "duty_desk"

    staff = roster(client, path, key_for(client, "caseworker", code), at=MONDAY)
    elements, incidents = counted(heping_served, code)
    assert staff["counts"] == "staff"
    assert staff["elements"] == {
        each: elements.get(each, 0) for each in ("person", "place", "object", "organization")
    }
    assert staff["open_incidents"] == incidents
    assert staff["to_hand_over"] == 0
    hidden = dict.fromkeys(("elements", "open_incidents", "to_hand_over"))
    assert {**staff, **hidden, "counts": "not released"} == public


def test_the_citys_roster_counts_all_that_is_placed(
    client: TestClient, key_for: Callable[..., Headers], heping_served: Database
) -> None:
    city = roster(client, "/v1/areas/120000", key_for(client, "viewer", "120000"))
    elements, incidents = counted(heping_served, "")
    assert city["elements"] == elements
    assert city["open_incidents"] == incidents > 0


@pytest.mark.parametrize(
    ("role", "territory"),
    [
        ("dispatcher", "120102"),
        ("viewer", "120101001"),
        ("system_admin", "*"),
        ("auditor", "120101"),
        ("key_admin", "*"),
    ],
)
def test_counts_are_not_for_other_territories_or_other_roles(
    client: TestClient, key_for: Callable[..., Headers], role: str, territory: str
) -> None:
    answer = roster(client, "/v1/areas/120101", key_for(client, role, territory))
    assert answer["counts"] == "not released"
    assert answer["elements"] is None
    assert answer["open_incidents"] is None


def test_the_hour_decides(client: TestClient, inner_points: Points) -> None:
    community = inner_points[6][0][:12]
    by_day = roster(client, f"/v1/areas/{community}", at=MONDAY)
    by_night = roster(client, f"/v1/areas/{community}", at="2026-11-05T03:00:00")
    captain = f"{community}-captain"
    on_duty = {post["code"]: post["on_duty"] for post in by_day["posts"]}
    (turn,) = on_duty[captain]
    assert turn["kind"] == "grid_captain"
    assert {post["code"]: post["on_duty"] for post in by_night["posts"]}[captain] == []
    assert not any(post["gap"] for post in by_night["posts"] if post["code"] == captain), "nobody must be there"
    assert [rung["level"] for rung in by_night["ladder"]] == ["street", "district", "city"]


def test_a_cell_is_no_area_and_an_area_no_cell(client: TestClient, inner_points: Points) -> None:
    code = inner_points[0][0]
    assert client.get(f"/v1/areas/{code}/roster").status_code == 404
    assert client.get(f"/v1/cells/{code[:12]}/roster").status_code == 404
    assert client.get(f"/v1/cells/{code}/roster", params={"revision": 2}).status_code == 404
    assert client.get(f"/v1/cells/{code}/roster", params={"revision": 2**31}).status_code == 422
    assert client.get(f"/v1/cells/{code}/roster", params={"at": "nine"}).status_code == 422
