"""Elements, incidents and loads over HTTP: each row by itself, and nobody outside their territories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.verify import verify_city
from gridmap.cluster import OWNER
from gridmap.store.database import Database

KeyFor = Callable[..., dict[str, str]]
HERE, THERE = (117.1950, 39.1180), (117.2010, 39.1250)


def incident(name: str, point: tuple[float, float] = HERE, **other: object) -> dict[str, object]:
    at = {"id": name, "lon": point[0], "lat": point[1]}
    return {**at, "category": "noise", "happened_at": "2026-11-02T03:00:00", **other}


def body(*rows: dict[str, object], crs: str = "wgs84", source: str = "hotline") -> dict[str, object]:
    return {"crs": crs, "source": source, "incidents": list(rows)}


def send(client: TestClient, headers: dict[str, str], *rows: dict[str, object], **other: str) -> dict[str, Any]:
    response = client.post("/v1/incidents", json=body(*rows, **other), headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_each_row_has_its_own_fate(writer: TestClient, key_for: KeyFor, service_of: Callable[..., Any]) -> None:
    key = key_for(writer, "dispatcher", "120000")
    rows = [
        incident("1"),
        incident("2", (118.9, 39.1)),
        incident("3", (39.118, 117.195)),
        incident("1"),
        incident("5", category="dragons"),
        incident("6", happened_at="yesterday"),
        incident("7", reporter="13812345678"),
    ]
    answer = send(writer, key, *rows)
    statuses = [(row["status"], row["change"]) for row in answer["rows"]]
    assert statuses == [("placed", "inserted"), ("outside", "inserted"), *[("rejected", None)] * 5]
    reasons = [row["reason"] for row in answer["rows"]]
    assert "swapped" in reasons[2]
    assert "as in line 1" in reasons[3]
    assert "category" in reasons[4]
    assert "happened_at" in reasons[5]
    assert "13812345678" not in str(answer)
    covers = writer.get("/v1/coverage", params={"lon": HERE[0], "lat": HERE[1], "crs": "wgs84"}).json()
    assert answer["rows"][0]["cell"] == covers["cell"]["code"]
    assert answer["counts"]["rows"] == 7
    again = send(writer, key, *rows)
    assert [row["change"] for row in again["rows"][:2]] == ["unchanged", "unchanged"]
    closed = send(writer, key, incident("1", closed_at="2026-11-02T04:00:00+08:00"))
    assert closed["rows"][0]["change"] == "updated"
    assert closed["counts"]["moved"] == 0
    assert verify_city(service_of(writer).database, OPERATOR, lambda _: None).faults == []


def test_the_crs_is_named_and_heeded(writer: TestClient, key_for: KeyFor) -> None:
    key = key_for(writer, "dispatcher", "120000")
    plain = send(writer, key, incident("a"))["rows"][0]["cell"]
    shifted = send(writer, key, incident("b", (117.2013, 39.1190)), crs="gcj02")["rows"][0]["cell"]
    assert plain == shifted
    without = {name: value for name, value in body(incident("c")).items() if name != "crs"}
    assert writer.post("/v1/incidents", json=without, headers=key).status_code == 422
    refused = writer.post("/v1/incidents", json=body(incident("c"), crs="mars"), headers=key)
    assert refused.status_code == 422
    assert "mars" in refused.json()["detail"]


def test_elements_are_written_and_listed_by_staff(writer: TestClient, key_for: KeyFor) -> None:
    key = key_for(writer, "caseworker", "120101")
    row = {"id": "1", "lon": HERE[0], "lat": HERE[1], "class": "object", "category": "bench", "name": "长椅"}
    person = {**row, "id": "2", "class": "person", "category": "resident"}
    given = {"crs": "wgs84", "source": "walk", "elements": [row, person]}
    answer = writer.post("/v1/elements", json=given, headers=key).json()
    assert [each["status"] for each in answer["rows"]] == ["placed", "rejected"]
    assert "a person has none" in answer["rows"][1]["reason"]
    cell = answer["rows"][0]["cell"]
    listed = writer.get("/v1/elements", params={"area": cell, "category": "bench"}, headers=key).json()
    assert listed["elements"][-1]["external_id"] == "1"
    assert {each["cell"] for each in listed["elements"]} == {cell}
    persons = writer.get("/v1/elements", params={"area": "120101", "class": "person"}, headers=key)
    assert persons.status_code == 422, "there must be a purpose"
    everything = writer.get("/v1/elements", params={"area": "120101"}, headers=key).json()
    assert "person" not in {each["class"] for each in everything["elements"]}


def test_pages_add_up(client: TestClient, key_for: KeyFor) -> None:
    key = key_for(client, "dispatcher", "120101")
    assert client.get("/v1/incidents", headers=key_for(client, "viewer", "120101")).status_code == 403
    params: dict[str, Any] = {"area": "120101001", "limit": 50, "since": "2026-01-01T00:00:00"}
    ids: list[int] = []
    for _ in range(4):
        page = client.get("/v1/incidents", params=params, headers=key).json()
        ids += [each["id"] for each in page["incidents"]]
        assert page["next"] == ids[-1]
        params["after"] = page["next"]
    assert len(set(ids)) == 200
    assert ids == sorted(ids)


def test_nobody_reads_or_writes_elsewhere(writer: TestClient, key_for: KeyFor) -> None:
    city = key_for(writer, "dispatcher", "120000")
    cells = [row["cell"] for row in send(writer, city, incident("1"), incident("2", THERE))["rows"]]
    mine = key_for(writer, "dispatcher", cells[0])
    theirs = send(
        writer, mine, incident("1", closed_at="2026-11-03T00:00:00"), incident("2"), incident("3", THERE)
    )
    assert [row["status"] for row in theirs["rows"]] == ["placed", "rejected", "rejected"]
    assert theirs["rows"][1]["reason"] == "id: is one that stands outside your territories", (
        "it lay there until now"
    )
    assert writer.get("/v1/incidents", headers=mine).status_code == 403
    assert writer.get("/v1/incidents", params={"area": cells[1]}, headers=mine).status_code == 403
    assert writer.get("/v1/incidents", params={"area": cells[0]}, headers=mine).status_code == 200
    seen = [load["id"] for load in writer.get("/v1/loads", headers=mine).json()["loads"]]
    assert seen == [theirs["load"]]
    whole = writer.get("/v1/loads", headers=city).json()["loads"]
    assert len(whole) > 2
    assert writer.get(f"/v1/loads/{whole[-1]['id']}", headers=mine).status_code == 404
    assert writer.get(f"/v1/loads/{theirs['load']}", headers=mine).json()["counts"]["rejected"] == 2
    for path in ("/v1/loads", "/v1/incidents", "/v1/elements"):
        assert writer.get(path).status_code == 401
    assert writer.post("/v1/incidents", json=body(incident("9"))).status_code == 401
    viewer = key_for(writer, "viewer", "120000")
    assert writer.post("/v1/incidents", json=body(incident("9")), headers=viewer).status_code == 403


def test_rejected_rows_are_listed_page_by_page_until_they_expire(
    writer: TestClient, key_for: KeyFor, service_of: Callable[..., Any]
) -> None:
    key = key_for(writer, "dispatcher", "120000")
    load = send(writer, key, *(incident(str(number), category="dragons") for number in range(5)))["load"]
    path = f"/v1/loads/{load}/rejected"
    first = writer.get(path, params={"limit": 3}, headers=key).json()
    assert [row["line"] for row in first["rows"]] == [1, 2, 3]
    assert first["more"]
    last = first["rows"][-1]
    after = {"after_file": last["file"], "after_line": last["line"]}
    rest = writer.get(path, params=after, headers=key).json()
    assert [row["line"] for row in rest["rows"]] == [4, 5]
    assert rest["rows"][0]["columns"]["id"] == "3"
    with Database(service_of(writer).database.url.set(username=OWNER)).begin(OPERATOR) as connection:
        connection.execute(text("UPDATE rejected_row SET expires_at = now() - interval '1 second'"))
    assert writer.get(path, headers=key).json()["rows"] == []
    send(writer, key, incident("later"))
    with service_of(writer).database.begin(OPERATOR) as connection:
        assert connection.execute(text("SELECT count(*) FROM rejected_row")).scalar_one() == 0


@pytest.mark.parametrize("rows", [[], [incident(str(number)) for number in range(10_001)]])
def test_none_and_too_many_rows_are_refused(writer: TestClient, key_for: KeyFor, rows: list[Any]) -> None:
    key = key_for(writer, "dispatcher", "120000")
    assert writer.post("/v1/incidents", json=body(*rows), headers=key).status_code == 422
