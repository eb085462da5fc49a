"""``GET /v1/coverage?address=``: who answers for an address, and what is not said about it anywhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.deps import Service
from gridmap.errors import DatabaseGone
from gridmap.store.database import Database


@pytest.fixture(scope="module")
def home(heping_served: Database) -> tuple[str, float, float]:
    """An address of the demo city that nothing else sounds like, and its point."""
    query = text(
        "SELECT name.name || address.number || '号', ST_X(geom), ST_Y(geom) FROM address "
        "JOIN address_name name ON name.id = name_id WHERE address.kind = 'number' AND number > 2 AND NOT EXISTS ("
        "SELECT FROM address_name other WHERE other.sound = name.sound AND other.id <> name.id) ORDER BY 1 LIMIT 1"
    )
    with heping_served.engine.connect() as connection:
        return tuple(connection.execute(query).one())  # type: ignore[return-value]


def ask(client: TestClient, **parameters: object) -> dict[str, Any]:
    response = client.get("/v1/coverage", params=parameters)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_an_exact_address_has_the_coverage_of_its_point(
    client: TestClient, home: tuple[str, float, float]
) -> None:
    address, lon, lat = home
    found = ask(client, address=address)
    assert found["status"] == "exact"
    assert found["address"] == address
    there = ask(client, lon=lon, lat=lat, crs="wgs84")
    for name in ("revision", "cell", "areas", "ladder", "status"):
        assert found["coverage"][name] == there[name]
    (group,) = found["groups"]
    (candidate,) = group["candidates"]
    assert candidate["text"].startswith(address)
    assert candidate["score"] == 1.0
    assert candidate["reasons"] == {"exact_name": 1.0, "exact_number": 1.0}
    assert candidate["cell"] == there["cell"]
    assert candidate["call_first"] == there["ladder"][0]
    assert found["desk"] in there["ladder"]


def test_the_district_narrows_it_down(client: TestClient, home: tuple[str, float, float]) -> None:
    for district in ("和平区", "120101", "Heping District"):
        found = ask(client, address=home[0], district=district)
        assert "area_agrees" in found["groups"][0]["candidates"][0]["reasons"]


def test_a_street_is_never_one_place(client: TestClient, home: tuple[str, float, float]) -> None:
    found = ask(client, address=home[0].rstrip("0123456789号"))
    assert found["status"] in {"same_desk", "several_desks"}
    assert found["coverage"] is None
    assert bool(found["ask"]) == (found["status"] == "several_desks")


def test_nothing_found_is_still_answered(client: TestClient) -> None:
    found = ask(client, address="qqqqqq 77")
    assert found["status"] == "not_found"
    assert found["groups"] == []
    assert found["common_area"]["level"] == "city"
    assert found["ladder"]
    assert found["desk"]["phone"]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "lon, lat, crs"),
        ({"lon": 117.2}, "lat, crs"),
        ({"lon": 117.2, "lat": 39.1}, "crs"),
        ({"address": "建义路1号", "lon": 117.2}, "lon"),
        ({"address": "建义路1号", "crs": "wgs84"}, "crs"),
        ({"address": "建义路1号", "revision": 1}, "revision"),
        ({"address": "建义路1号", "at": "2020-01-01T00:00:00Z"}, "at"),
        ({"address": "，"}, "address"),
        ({"address": ""}, "address"),
        ({"address": "路" * 201}, "address"),
        ({"address": "建义路1号", "district": "火星区"}, "district"),
        ({"lon": 117.2, "lat": 39.1, "crs": "wgs84", "district": "和平区"}, "district"),
    ],
)
def test_a_point_or_an_address(client: TestClient, parameters: dict[str, object], field: str) -> None:
    response = client.get("/v1/coverage", params=parameters)
    assert response.status_code == 422
    problem = response.json()
    assert field in problem["detail"] or field in str(problem["faults"])


def test_without_the_database_coordinates_still_work_and_it_says_so(
    client: TestClient, service_of: Callable[[TestClient], Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> object:
        raise DatabaseGone("PostGIS does not answer")

    monkeypatch.setattr(service_of(client).database, "begin", gone)
    response = client.get("/v1/coverage", params={"address": "建义路1号"})
    assert response.status_code == 503
    assert "coordinates still" in response.json()["detail"]
    assert "建义路" not in response.text
    assert client.get("/v1/coverage", params={"lon": 117.19, "lat": 39.11, "crs": "wgs84"}).status_code == 200


def test_no_log_holds_the_address(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="gridmap"), caplog.at_level(logging.DEBUG, logger="api"):
        for address in ("建义路1号", "不存在的地方", "，"):
            client.get("/v1/coverage", params={"address": address})
    ours = [
        record for record in caplog.records if record.name.partition(".")[0] in {"gridmap", "api", "sqlalchemy"}
    ]
    assert not any("建义" in record.getMessage() or "地方" in record.getMessage() for record in ours)
    metrics = client.get("/metrics").text
    assert "建义" not in metrics
    assert "%E5%BB%BA" not in metrics
