"""The five principles over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.testclient import TestClient

Headers = dict[str, str]


def test_the_public_sees_four_principles_and_staff_five(
    client: TestClient, key_for: Callable[..., Headers]
) -> None:
    public = client.get("/v1/revisions/current/principles").json()
    staff = client.get("/v1/revisions/1/principles", headers=key_for(client, "planner", "120000")).json()
    assert public["revision"] == staff["revision"] == 1
    seen = {each["key"]: each for each in public["principles"]}
    told = {each["key"]: each for each in staff["principles"]}
    assert list(seen) == ["territory", "streets", "size", "seamless", "fixed"]
    assert seen["streets"] == told["streets"]
    assert seen["territory"]["not_measured"]
    assert "share_in_band" in seen["size"]["staff_only"]
    assert "share_in_band" not in seen["size"]["figures"]
    assert 0 < told["size"]["figures"]["share_in_band"] <= 1
    assert seen["size"]["offenders"] is None
    assert told["size"]["offenders"] > 0


def test_places_where_a_principle_does_not_hold_come_as_features(
    client: TestClient, key_for: Callable[..., Headers]
) -> None:
    path = "/v1/revisions/1/principles"
    first = client.get(path, params={"offenders": "streets", "limit": 2}).json()
    assert [each["id"] for each in first["places"]] == [0, 1]
    assert first["places"][0]["geometry"]["type"] == "MultiLineString"
    assert first["next"] == 2
    second = client.get(path, params={"offenders": "streets", "limit": 2, "after": 2}).json()
    assert second["places"][0]["id"] == 2
    assert client.get(path, params={"offenders": "size"}).status_code == 401
    staff = key_for(client, "planner", "120000")
    cells = client.get(path, params={"offenders": "size"}, headers=staff).json()["places"]
    assert cells[0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert client.get(path, params={"offenders": "beauty"}).status_code == 422
    assert client.get("/v1/revisions/7/principles").status_code == 404
