"""Releases over HTTP: for everybody, the same bytes for ever, and nothing below k."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.cluster import OWNER
from gridmap.releases.periods import Month
from gridmap.store.database import Database

NOW = datetime(2026, 11, 2, tzinfo=UTC)
MONTHS = (Month(2026, 9), Month(2026, 10))
POINT = {"lon": 117.195, "lat": 39.118}


@pytest.fixture(scope="module")
def released(serve: Callable[..., Any], make_copy: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a copy of Heping with two releases."""
    with make_copy("heping_released") as database:
        for month in MONTHS:
            make_release(database, OPERATOR, month, NOW, lambda _: None)
        with serve(database) as running:
            yield running


def get(client: TestClient, period: str = "2026-10", **query: object) -> dict[str, Any]:
    response = client.get(f"/v1/releases/{period}", params={"category": "parking", **query})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_list_of_releases_names_their_tables(released: TestClient) -> None:
    listed = released.get("/v1/releases").json()["releases"]
    assert [each["period"] for each in listed] == ["2026-10", "2026-09"]
    assert listed[0]["begins"] == "2026-10-01T00:00:00+08:00"
    assert listed[0]["ends"] == "2026-11-01T00:00:00+08:00"
    assert {each["of"] for each in listed[0]["tables"]} == {
        "incidents",
        "person",
        "place",
        "object",
        "organization",
    }
    assert {each["of"] for each in listed[1]["tables"]} == {"incidents"}
    for table in listed[0]["tables"]:
        assert table["least"] == {"incidents": 3, "person": 10}.get(table["of"], 1)
        assert (table["category"] is None) == (table["of"] != "incidents")


def test_rows_have_a_number_or_null_and_nothing_below_k(released: TestClient) -> None:
    for by in ("city", "district", "street", "community", "cell"):
        found = get(released, by=by)
        counts = [row["count"] for row in found["rows"]]
        assert all(count is None or count == 0 or count >= 3 for count in counts)
        assert found["suppressed"] == counts.count(None)
        assert all(set(row) == {"code", "count"} for row in found["rows"])
    assert get(released, by="city")["rows"] == [{"code": "120000", "count": found["inside"]}]
    for resolution in (6, 7, 8, 9):
        found = get(released, by="hex", resolution=resolution)
        assert found["rows"]
        assert all(set(row) == {"hex", "count"} for row in found["rows"])
        assert all(row["hex"].startswith(f"8{resolution}") for row in found["rows"])
    assert get(released, by="hex")["resolution"] == 8


def test_an_answer_says_what_it_is(released: TestClient) -> None:
    found = get(released, by="street")
    assert (found["revision"], found["least"], found["of"]) == (1, 3, "incidents")
    assert found["measure"] == "happened in these months"
    assert found["attribution"]
    assert "Made up" in found["notice"]["en"]
    people = released.get("/v1/releases/2026-10", params={"of": "person", "by": "street"}).json()
    assert (people["measure"], people["least"]) == ("first counted in these releases", 10)
    window = get(released, by="street", since="2026-09")
    assert [each["period"] for each in window["releases"]] == ["2026-09", "2026-10"]


def test_everybody_gets_the_same_bytes_for_ever(released: TestClient, key_for: Callable[..., Any]) -> None:
    """A poll around a single insert shows nothing, whoever asks."""
    urls = [
        "/v1/releases",
        "/v1/releases/2026-10?category=parking&by=cell",
        "/v1/releases/2026-10?by=street",
        "/v1/releases/2026-10?category=parking&by=hex&resolution=9&since=2026-09",
        "/v1/releases/2026-10?of=person&by=community&bbox=117.18,39.10,117.20,39.13",
    ]
    before = [released.get(url) for url in urls]
    caseworker = key_for(released, "caseworker", "120000")
    incident = {**POINT, "id": "poll", "category": "parking", "happened_at": "2026-10-15T12:00:00"}
    body = {"crs": "wgs84", "source": "poll", "incidents": [incident]}
    answer = released.post("/v1/incidents", json=body, headers=caseworker)
    assert answer.json()["rows"][0]["status"] == "placed", answer.text
    url = released.app.state.service.database.url  # type: ignore[attr-defined]
    owner = Database(url.set(username=OWNER))  # the server's own role removes no facts
    with owner.begin(OPERATOR) as connection:
        connection.execute(text("DELETE FROM element_placement WHERE element_id % 2 = 0"))
    owner.dispose()
    for url, first in zip(urls, before, strict=True):
        for headers in ({}, caseworker):
            again = released.get(url, headers=headers)
            assert again.content == first.content
            assert again.headers["etag"] == first.headers["etag"]
            assert released.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_what_never_changes_says_so(released: TestClient) -> None:
    assert released.get("/v1/releases/2026-10").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert released.get("/v1/releases").headers["cache-control"] == "public, max-age=60"
    assert released.get("/v1/releases/2026-08").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("2026-08", 404, "no release of 2026-08"),
        ("2026-13", 422, "period"),
        ("1066-10", 422, "the year must lie in"),
        ("2026-10%00", 422, "period"),
        ("2026-10?of=dogs", 422, "of"),
        ("2026-10?of=person&category=noise", 422, "category: goes with of=incidents only, got 'noise'"),
        ("2026-10?category=witchcraft", 404, "no category 'witchcraft'"),
        ("2026-10?category=%00", 422, "category"),
        (
            "2026-10?by=planet",
            422,
            "by: must be one of city, district, street, community, cell, hex, got 'planet'",
        ),
        ("2026-10?by=hex&resolution=10", 422, "resolution"),
        ("2026-10?by=cell&resolution=8", 422, "resolution: goes with by=hex only, got 8"),
        ("2026-10?since=2026-11", 422, "since: must not be after 2026-10"),
        ("2026-10?since=2000-01", 404, "no release of 2000-01"),
        ("2026-10?of=place&since=2026-09", 422, "since: goes with incidents and person only"),
        ("2026-10?bbox=39.11,117.19,39.12,117.20", 422, "bbox"),
        ("2026-10?bbox=nan,0,1,1", 422, "bbox"),
        ("2026-09?of=person", 404, "no person are counted in the release of 2026-09"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(released: TestClient, path: str, status: int, words: str) -> None:
    response = released.get(f"/v1/releases/{path}")
    assert (response.status_code, words in response.json()["detail"]) == (status, True), response.text


def test_a_box_filters_and_never_sums(released: TestClient) -> None:
    whole, part = get(released, by="cell"), get(released, by="cell", bbox="117.19,39.11,117.195,39.115")
    assert 0 < len(part["rows"]) < len(whole["rows"])
    assert all(row in whole["rows"] for row in part["rows"])
    for name in ("total", "inside", "outside", "suppressed"):
        assert part[name] == whole[name]
