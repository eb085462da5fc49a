"""Every answer tells browsers what not to do; pages may do what they need, and only /embed may be framed."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.secure_headers import DATA_POLICY, SecureHeaders, page_policy, script_policy
from gridmap.store.database import Database

CELL = "120101001001001"
# One of each kind of answer: data, pages, files, tiles, scripts, errors of every layer.
ANSWERS = (
    "/healthz",
    "/metrics",
    "/v1/city",
    "/v1/coverage?lon=117.195&lat=39.118&crs=wgs84",
    "/v1/coverage?lon=x",
    "/v1/nothing",
    "/v1/loads",
    f"/v1/cells/{CELL}/poster.html",
    "/v1/download/district.fgb",
    "/tiles/1/cells/14/13525/6254.mvt",
    "/tiles/1/cells/14/0/0.mvt",
    "/tiles/1/nothing/14/0/0.mvt",
    "/styles/light.json",
    "/ogc/?f=html",
    "/ogc/?f=json",
    "/ogc/collections/cells/items?limit=2&f=html",
    "/openapi.json",
    "/",
    "/embed",
    "/web/nothing.js",
    "/v1/city?x=" + "x" * 20_000,
)


def _policy(headers: Any) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in headers["content-security-policy"].split(";")]
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_has_them(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert "geolocation=()" in headers["permissions-policy"]
    assert headers["cross-origin-resource-policy"] in ("cross-origin", "same-origin")
    policy = _policy(headers)
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == ("*" if path == "/embed" else "'none'")
    for rule, allowed in policy.items():
        assert "unsafe-eval" not in allowed
        assert "http:" not in allowed, rule
        assert rule == "style-src" or "unsafe-inline" not in allowed
    assert "strict-transport-security" not in headers, "this service is not reached by https"
    assert "server" not in headers
    page = headers.get("content-type", "").startswith("text/html")
    assert headers.get("cross-origin-opener-policy") == ("same-origin" if page else None)


def test_also_what_a_defect_answers(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("SELECT secret FROM /var/lib/x")

    app: Any = client.app
    monkeypatch.setattr(app.middleware_stack._app, "app", failing)
    answer = TestClient(app, raise_server_exceptions=False).get("/v1/city")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == DATA_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text


def test_what_is_private_is_nobody_elses_picture(
    client: TestClient, key_for: Callable[..., dict[str, str]]
) -> None:
    staff = key_for(client, "viewer", "120000")
    live = client.get("/v1/heatmap?of=incidents&by=hex", headers=staff).headers
    assert live["cache-control"].startswith("private")
    assert live["cross-origin-resource-policy"] == "same-origin"
    assert client.get("/tiles/1/cells/14/13525/6254.mvt").headers["cross-origin-resource-policy"] == "cross-origin"


def test_https_is_kept_to_where_the_public_address_has_it(
    serve: Callable[..., AbstractContextManager[TestClient]], heping_served: Database
) -> None:
    with serve(Database(heping_served.url), public_url="https://grid.example/map") as secure:
        for path in ("/v1/city", "/", "/tiles/1/cells/14/13525/6254.mvt", "/v1/nothing"):
            assert secure.get(path).headers["strict-transport-security"] == "max-age=31536000"


def test_a_worker_of_the_map_may_fetch_what_the_page_may() -> None:
    """A script that runs as a worker keeps the policy that it came with, not that of its page."""
    for policy in (page_policy(connect="https://maps.example"), script_policy("https://maps.example")):
        assert "connect-src 'self' https://maps.example" in policy
        assert "script-src 'self'" in policy


def test_the_scripts_of_the_pages_are_answered_with_it(client: TestClient) -> None:
    page = client.get("/embed").text
    scripts = re.findall(r'src="(web/[^"]+\.js)"', page)
    assert scripts
    policy = _policy(client.get(f"/{scripts[0]}").headers)
    assert (policy["script-src"], policy["connect-src"]) == ("'self'", "'self'")


def test_a_plain_page_is_allowed_its_own_style_and_no_other(client: TestClient) -> None:
    for path in ("/ogc/?f=html", "/ogc/collections/cells/items?limit=2&f=html"):
        answer = client.get(path)
        assert _policy(answer.headers)["style-src"].startswith("'sha256-")
        assert "style=" not in answer.text, "a hash allows no attributes"


def test_what_a_route_says_itself_stays() -> None:
    added = dict(
        SecureHeaders("").missing([(b"Content-Security-Policy", b"sandbox"), (b"Referrer-Policy", b"origin")])
    )
    assert b"content-security-policy" not in added
    assert b"referrer-policy" not in added
