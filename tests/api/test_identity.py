"""Who a request comes from: keys and their scopes, keys in addresses and their pages; all workers follow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.bench import bench_identity
from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.actions.keys import give_key, read_key, revoke_key
from gridmap.model import Actor
from tiles.address import Address

PAGE = "https://maps.example"
ROSTER = "/v1/areas/120101/roster"
TILE = "/tiles/1/cells/14/13525/6254.mvt"
POINT = "/v1/coverage?lon=117.195&lat=39.118&crs=wgs84"


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any], make_copy: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a copy of Heping."""
    with make_copy("heping_identity") as database, serve(database) as running:
        yield running


def service_of(client: TestClient) -> Service:
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    return service


def give(client: TestClient, holder: Actor, *origins: str) -> tuple[str, str]:
    """A key's id and its text, known to the worker."""
    service = service_of(client)
    record, text = give_key(service.database, OPERATOR, holder, "a test's key", None, origins)
    service.current.refresh()
    return record.id, text


@pytest.fixture(scope="module")
def publishable(served: TestClient) -> str:
    return give(served, Actor("map", "public"), PAGE, "http://127.0.0.1:5173")[1]


@pytest.fixture(scope="module")
def secret(served: TestClient) -> str:
    return give(served, Actor("desk", "dispatcher", ("120101",)))[1]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_me_says_who_i_am(served: TestClient, secret: str) -> None:
    public = served.get("/v1/me")
    assert public.headers["cache-control"] == "no-store"
    assert public.json() == {
        "id": "public",
        "role": "public",
        "territories": [],
        "scopes": [],
        "how": "public",
        "until": None,
        "csrf_token": None,
    }
    mine = served.get("/v1/me", headers=bearer(secret)).json()
    assert (mine["id"], mine["role"], mine["territories"], mine["how"]) == (
        "desk",
        "dispatcher",
        ["120101"],
        "key",
    )
    assert served.get("/v1/me", headers=bearer("gm_nobody")).status_code == 401


def test_a_scope_narrows_what_routes_allow(served: TestClient) -> None:
    _, text = give(served, Actor("reader", "dispatcher", ("120101",), ("read",)))
    assert served.get(ROSTER, headers=bearer(text)).json()["counts"] == "staff"
    one = {"id": "1", "lon": 117.195, "lat": 39.118, "category": "noise", "happened_at": "2026-11-02T03:00:00"}
    body = {"crs": "wgs84", "source": "t", "incidents": [one]}
    refused = served.post("/v1/incidents", json=body, headers=bearer(text))
    assert refused.status_code == 403
    assert "needs the scope write; this key has read" in refused.json()["detail"]


@pytest.mark.parametrize("path", [ROSTER, TILE, "/v1/areas?level=street", "/v1/me", "/styles/light.json"])
def test_a_publishable_key_is_for_its_pages(served: TestClient, publishable: str, path: str) -> None:
    joint = "&" if "?" in path else "?"
    for headers in ({"Origin": PAGE}, {"Referer": f"{PAGE}/some/page"}, {"Origin": "http://127.0.0.1:5173"}):
        answer = served.get(f"{path}{joint}key={publishable}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers.get("access-control-allow-origin") == headers.get("Origin")
        assert "Origin" in answer.headers["vary"]
    others = ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Referer": "https://evil.example/"})
    tricks = (
        {"Origin": f"{PAGE}.evil.example"},
        {"Referer": "http://["},
        {"Origin": PAGE.replace("https", "http")},
    )
    for headers in others + tricks:
        answer = served.get(f"{path}{joint}key={publishable}", headers=headers)
        assert answer.status_code == 403
        assert f"is for pages of {PAGE}" in answer.json()["detail"]
        assert publishable not in answer.text


def test_our_own_pages_may_use_it_and_only_its_pages_frame_them(served: TestClient, publishable: str) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    assert served.get("/v1/me", headers=own | bearer(publishable)).json()["how"] == "key"
    assert served.get("/v1/me", headers=bearer(publishable)).status_code == 403
    framed = served.get(f"/embed?key={publishable}").headers["content-security-policy"]
    assert f"frame-ancestors 'self' {PAGE} http://127.0.0.1:5173" in framed
    assert "frame-ancestors *" in served.get("/embed").headers["content-security-policy"]


@pytest.mark.parametrize("path", [ROSTER, TILE, "/v1/areas?level=street", "/v1/keys", "/embed", "/healthz"])
def test_no_other_key_may_stand_in_an_address(
    served: TestClient, secret: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    joint = "&" if "?" in path else "?"
    answer = served.get(f"{path}{joint}key={secret}", headers={"Origin": PAGE})
    assert answer.status_code == 403
    assert "may not stand in an address" in answer.json()["detail"]
    for text in ("gm_nobody", "pk_nobody", "%ff"):
        assert served.get(f"{path}{joint}key={text}").status_code == 401
    told = answer.text + "".join(record.getMessage() for record in caplog.records if record.name != "httpx2")
    assert secret not in told


def test_coverage_is_never_refused(served: TestClient, secret: str) -> None:
    for more in (f"&key={secret}", "&key=gm_nobody", "&key=a&key=b"):
        assert served.get(f"{POINT}{more}", headers=bearer("gm_nobody")).json()["status"] == "covered"


def test_a_bearer_goes_before_a_key_in_the_address(served: TestClient, publishable: str, secret: str) -> None:
    answer = served.get(f"/v1/me?key={publishable}", headers={"Origin": PAGE, **bearer(secret)})
    assert answer.json()["id"] == "desk"
    assert served.get(f"/v1/me?key={publishable}&key={publishable}", headers={"Origin": PAGE}).status_code == 403


def test_a_revoked_key_stops_within_a_second_in_all_workers(served: TestClient, serve: Callable[..., Any]) -> None:
    key_id, text = give(served, Actor("gone", "viewer", ("120101",)))
    database = service_of(served).database
    with serve(database) as second:
        workers = (served, second)
        for worker in workers:
            service_of(worker).current.refresh()
            assert worker.get("/v1/me", headers=bearer(text)).status_code == 200
        revoke_key(database, OPERATOR, key_id)
        until = time.monotonic() + 60  # a busy machine may be slow; how long it took is told below
        began = time.monotonic()
        while any(worker.get("/v1/me", headers=bearer(text)).status_code == 200 for worker in workers):
            assert time.monotonic() < until, "a worker goes on with a revoked key"
            time.sleep(0.05)
        print(f"revoked in all workers after {time.monotonic() - began:.2f} s")


def test_the_day_of_the_last_use_is_written(served: TestClient) -> None:
    key_id, text = give(served, Actor("used", "viewer", ("120101",)))
    service = service_of(served)
    assert read_key(service.database, OPERATOR, key_id).last_used_on is None
    served.get("/v1/me", headers=bearer(text))
    service.uses.tell(service.database, service.idle)
    assert read_key(service.database, OPERATOR, key_id).last_used_on == datetime.now(UTC).date()


def test_keys_over_http(served: TestClient) -> None:
    _, admin = give(served, Actor("ka", "key_admin", ("120101",)))
    wanted = {"holder": "new-desk", "role": "dispatcher", "label": "the night desk", "territories": ["120101001"]}
    given = served.post("/v1/keys", json={**wanted, "scopes": ["read"]}, headers=bearer(admin))
    assert given.status_code == 201
    assert given.headers["cache-control"] == "no-store"
    key = given.json()
    service_of(served).current.refresh()
    assert served.get("/v1/me", headers=bearer(key["key"])).json()["scopes"] == ["read"]
    listed = served.get("/v1/keys", headers=bearer(admin))
    assert {each["id"] for each in listed.json()["keys"]} >= {key["id"]}
    assert key["key"] not in listed.text
    assert served.post("/v1/keys", json={**wanted, "role": "auditor"}, headers=bearer(admin)).status_code == 403
    assert (
        served.post("/v1/keys", json={**wanted, "territories": ["120000"]}, headers=bearer(admin)).status_code
        == 403
    )
    wrong = served.post("/v1/keys", json={**wanted, "scopes": ["all"]}, headers=bearer(admin))
    assert wrong.status_code == 422
    assert "scopes" in wrong.json()["faults"][0]["where"]
    assert served.post(f"/v1/keys/{key['id']}/revoke", headers=bearer(admin)).json()["state"] == "revoked"
    assert served.post("/v1/keys/nobody/revoke", headers=bearer(admin)).status_code == 404
    for headers, status in (({}, 401), (bearer(key["key"]), 401)):
        service_of(served).current.refresh()
        assert served.get("/v1/keys", headers=headers).status_code == status


def test_the_bench_asks_as_everybody(served: TestClient, serve: Callable[..., Any]) -> None:
    with serve(service_of(served).database) as other:
        report = bench_identity(service_of(other), 117.195, 39.118, Address(14, 13525, 6254), 1)
    assert set(report.lookups_per_s) == {"nobody", "key", "token", "session"}
    for rates in report.requests_per_s.values():
        assert set(rates) == {"before", *report.lookups_per_s, "key in address"}
        assert min(rates.values()) > 0
