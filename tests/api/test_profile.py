"""Profiles over HTTP: by month, day, hour of the week and category they add up to what heatmaps say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR

KeyFor = Callable[..., dict[str, str]]
PATH = "/v1/heatmap/profile"
DISTRICT, STREET, CELL = "120101", "120101001", "120101001001001"


@pytest.fixture(scope="module")
def staff(client: TestClient, key_for: KeyFor) -> dict[str, str]:
    return key_for(client, "viewer", "120000")


def ask(client: TestClient, headers: dict[str, str], path: str = PATH, **given: object) -> dict[str, Any]:
    response = client.get(path, params={"of": "incidents", **given}, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def total(client: TestClient, headers: dict[str, str], **given: object) -> int:
    found: int = ask(client, headers, "/v1/heatmap", by="district", **given)["total"]
    return found


@pytest.mark.parametrize("area", [None, DISTRICT, STREET, CELL])
def test_all_ways_to_group_add_up_to_the_heatmap(
    client: TestClient, staff: dict[str, str], area: str | None
) -> None:
    given = {} if area is None else {"area": area}
    expected = total(client, staff, **given)
    assert expected > 0
    for by in ("month", "day", "week_hour", "category"):
        answer = ask(client, staff, by=by, **given)
        assert answer["total"] == sum(row["count"] for row in answer["rows"]) == expected, by
        assert (answer["by"], answer["revision"], answer["degraded"]) == (by, 1, None)


def test_months_and_days_are_those_of_the_citys_clock(client: TestClient, staff: dict[str, str]) -> None:
    months = ask(client, staff, by="month")["rows"]
    for row in months[:2] + months[-2:]:
        assert total(client, staff, period=row["key"]) == row["count"], row
    days = ask(client, staff, by="day", **{"from": "2026-10-01", "to": "2026-11-01"})["rows"]
    assert [row["key"] for row in days] == [f"2026-10-{day:02d}" for day in range(1, 32)]
    one = {"from": "2026-10-14", "to": "2026-10-15"}
    assert total(client, staff, **one) == days[13]["count"]
    half = ask(client, staff, by="month", **{"from": "2026-10-14T12:00:00", "to": "2026-11-02"})["rows"]
    assert [row["key"] for row in half] == ["2026-10", "2026-11"]
    assert sum(row["count"] for row in half) == total(
        client, staff, **{"from": "2026-10-14T12:00:00", "to": "2026-11-02"}
    )


def test_hours_of_the_week(client: TestClient, staff: dict[str, str]) -> None:
    rows = ask(client, staff, by="week_hour", area=STREET, category="noise")["rows"]
    assert [(row["weekday"], row["hour"]) for row in rows] == [(d, h) for d in range(1, 8) for h in range(24)]
    for at in (0, 30, 167):
        day, hour = rows[at]["weekday"], rows[at]["hour"]
        asked = {"weekdays": str(day), "hours": f"{hour}-{hour + 1}", "area": STREET, "category": "noise"}
        assert total(client, staff, **asked) == rows[at]["count"]


def test_categories_of_incidents_and_of_elements(client: TestClient, staff: dict[str, str]) -> None:
    rows = ask(client, staff, by="category", area=STREET, hours="22-6")["rows"]
    assert len(rows) > 3
    for row in rows[:3]:
        assert total(client, staff, area=STREET, hours="22-6", category=row["key"]) == row["count"]
    kinds = ask(client, staff, of="elements", by="category", **{"class": "object"})
    assert kinds["total"] == total(client, staff, of="elements", **{"class": "object"})
    assert all(row["count"] > 0 for row in kinds["rows"])


def test_who_is_not_staff_there_is_refused(client: TestClient, key_for: KeyFor) -> None:
    given = {"of": "incidents", "by": "month", "area": STREET}
    assert client.get(PATH, params=given).status_code == 401
    elsewhere = key_for(client, "viewer", "120102")
    assert client.get(PATH, params=given, headers=elsewhere).status_code == 403
    there = key_for(client, "viewer", STREET)
    assert client.get(PATH, params=given, headers=there).status_code == 200
    assert client.get(PATH, params={**given, "area": DISTRICT}, headers=there).status_code == 403


def test_what_is_refused(client: TestClient, staff: dict[str, str]) -> None:
    for given in (
        {"of": "elements", "by": "month"},
        {"of": "incidents", "by": "year"},
        {"of": "incidents", "by": "day", "from": "1990-01-01", "to": "2026-01-01"},
        {"of": "elements", "by": "category", "period": "2026-10"},
    ):
        assert client.get(PATH, params=given, headers=staff).status_code == 422, given
    unknown = {"of": "incidents", "by": "month", "area": "nowhere"}
    assert client.get(PATH, params=unknown, headers=staff).status_code == 404


def test_it_follows_what_is_written(writer: TestClient, key_for: KeyFor) -> None:
    caseworker = key_for(writer, "caseworker", "120000")
    before = ask(writer, caseworker, by="week_hour")
    row = {"id": "p", "lon": 117.195, "lat": 39.118, "category": "noise", "happened_at": "2026-10-14T03:30:00"}
    body = {"crs": "wgs84", "source": "profile", "incidents": [row]}
    assert writer.post("/v1/incidents", json=body, headers=caseworker).json()["rows"][0]["status"] == "placed"
    writer.app.state.service.current.refresh()  # type: ignore[attr-defined]
    after = ask(writer, caseworker, by="week_hour")
    grown = [a["key"] for a, b in zip(after["rows"], before["rows"], strict=True) if a["count"] != b["count"]]
    assert grown == [str(2 * 24 + 3)], "14 October 2026 is a Wednesday"
    with writer.app.state.service.database.begin(OPERATOR) as connection:  # type: ignore[attr-defined]
        query = text("SELECT count(*) FROM incident WHERE source = 'profile'")
        assert connection.execute(query).scalar_one() == 1
