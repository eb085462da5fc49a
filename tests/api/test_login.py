"""Log-ins of the pages: with a key, at a provider; their cookies, their end, and what a change must carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.keys import give_key, revoke_key
from gridmap.actions.sessions import open_session
from gridmap.model import Actor
from gridmap.store.database import Database
from tests.api.test_identity import bearer, give, service_of
from tests.identity_provider import identity_provider

OWN = {"Origin": "http://testserver"}
DESK = Actor("desk", "dispatcher", ("120101",))
WRITE = "/v1/posts"


@pytest.fixture(scope="module")
def database(make_copy: Callable[..., Any]) -> Iterator[Database]:
    with make_copy("heping_login") as copied:
        yield copied


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any], database: Database) -> Iterator[TestClient]:
    with serve(database) as running:
        running.follow_redirects = False
        yield running


def log_in(client: TestClient, key: str, **fields: str) -> tuple[Any, dict[str, str]]:
    """The answer, and the header that carries the session's cookie."""
    answer = client.post("/login", data={"key": key, **fields}, headers=OWN)
    client.cookies.clear()
    found = SimpleCookie(answer.headers.get("set-cookie", ""))
    return answer, {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in found.items())}


def me(client: TestClient, headers: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/me", headers=headers).json()
    return found


def test_a_key_begins_a_session(served: TestClient, database: Database) -> None:
    _, key = give(served, DESK)
    answer, cookie = log_in(served, key, next="/embed?area=120101")
    assert (answer.status_code, answer.headers["location"]) == (303, "/embed?area=120101")
    assert re.fullmatch(r"gridmap=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", answer.headers["set-cookie"])
    mine = me(served, cookie)
    assert (mine["id"], mine["role"], mine["how"]) == ("desk", "dispatcher", "session")
    assert datetime.fromisoformat(mine["until"]) - datetime.now(UTC) < timedelta(hours=12)
    with database.begin(OPERATOR) as connection:
        stored = str(connection.execute(text("SELECT * FROM session")).all())
    assert cookie["Cookie"].partition("=")[2] not in stored
    assert key not in stored
    assert served.get("/v1/areas/120101/roster", headers=cookie).json()["counts"] == "staff"


def test_what_is_no_key_begins_none(served: TestClient) -> None:
    _, publishable = give(served, Actor("map", "public"), "https://maps.example")
    for key in ("gm_nobody", "", publishable, "x" * 199):
        answer, _ = log_in(served, key)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert 'role="alert"' in answer.text
        assert not key or key not in answer.text
    assert served.post("/login", json={"key": "x"}, headers=OWN).status_code == 422
    assert served.post("/login", data={"key": "x" * 20_000}, headers=OWN).status_code == 422


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://testserver.evil.example"])
def test_another_page_may_not_log_anybody_in(served: TestClient, origin: str | None) -> None:
    _, key = give(served, DESK)
    headers = {} if origin is None else {"Origin": origin}
    assert served.post("/login", data={"key": key}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb", "javascript:alert(1)"],
)
def test_the_way_on_stays_here(served: TestClient, wanted: str) -> None:
    _, key = give(served, DESK)
    answer, _ = log_in(served, key, next=wanted)
    assert answer.headers["location"] == "/"
    page = served.get("/login", params={"next": wanted})
    assert 'name="next" value="/"' in page.text


def test_the_page_runs_nothing_and_is_framed_by_nobody(served: TestClient) -> None:
    page = served.get("/login")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert {"登录", "Log in"} <= set(re.findall(r"登录|Log in", page.text))
    assert page.headers["cache-control"] == "no-store"
    assert "login/provider" not in page.text, "no provider is set"
    assert served.get("/login/provider").status_code == 404


def test_a_change_needs_the_token_and_our_own_page(served: TestClient) -> None:
    _, key = give(served, DESK)
    _, cookie = log_in(served, key)
    _, other = log_in(served, key)
    token, foreign = (me(served, each)["csrf_token"] for each in (cookie, other))
    body = {"code": "T-1", "kind": "grid_worker", "title": "t", "level": "district", "territory": "120101"}
    body |= {"phone": "022-00000000"}
    same_site = {"Sec-Fetch-Site": "same-origin"}
    refused: list[dict[str, str]] = [
        {},
        OWN,
        {"X-CSRF-Token": token},
        {"X-CSRF-Token": foreign, **OWN},
        {"X-CSRF-Token": "", **OWN},
        {"X-CSRF-Token": token, "Origin": "https://evil.example"},
        {"X-CSRF-Token": token, "Origin": "null", **same_site},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-site"},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "none"},
        {"X-CSRF-Token": token, "Referer": "http://testserver/"},
    ]
    for headers in refused:
        answer = served.post(WRITE, json=body, headers={**headers, **cookie})
        assert answer.status_code == 403, headers
        assert "change with a log-in" in answer.json()["detail"]
    for headers in ({"X-CSRF-Token": token, **OWN}, {"X-CSRF-Token": token, **same_site}):
        assert served.post(WRITE, json=body, headers={**headers, **cookie}).status_code == 201
    assert served.post(WRITE, json=body, headers=bearer(key)).status_code == 201, "a bearer needs none"
    assert served.post(WRITE, json=body, headers={**bearer(key), **cookie}).status_code == 201


def test_logging_out_ends_it_here_and_everywhere(served: TestClient, serve: Callable[..., Any]) -> None:
    _, key = give(served, DESK)
    _, cookie = log_in(served, key)
    csrf = {"csrf": me(served, cookie)["csrf_token"]}
    page = served.get("/login", headers=cookie)
    assert csrf["csrf"] in page.text
    assert "desk" in page.text
    assert served.post("/logout", data={}, headers={**cookie, **OWN}).status_code == 403
    assert (
        served.post("/logout", data=csrf, headers={**cookie, "Origin": "https://evil.example"}).status_code == 403
    )
    service = service_of(served)
    with serve(service.database) as second:
        assert me(second, cookie)["role"] == "dispatcher"
        answer = served.post("/logout", data=csrf, headers={**cookie, **OWN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert 'gridmap=""' in answer.headers["set-cookie"]
        for worker in (served, second):
            service_of(worker).current.refresh()
            assert me(worker, cookie)["role"] == "public"


def test_a_new_log_in_ends_the_old_session(served: TestClient) -> None:
    _, key = give(served, DESK)
    _, before = log_in(served, key)
    served.post("/login", data={"key": key}, headers={**OWN, **before})
    served.cookies.clear()
    service_of(served).current.refresh()
    assert me(served, before)["role"] == "public"


def test_a_session_ends_with_its_key_when_idle_and_in_any_case(served: TestClient, database: Database) -> None:
    key_id, key = give(served, DESK)
    current = service_of(served).current
    cookies = [log_in(served, key)[1] for _ in range(3)]
    current.refresh()
    assert [me(served, each)["role"] for each in cookies] == ["dispatcher"] * 3
    service_of(served).uses.tell(database, service_of(served).idle)
    oldest_first = "(SELECT sha256 FROM session ORDER BY seen_at, sha256 {} LIMIT 1)"
    with database.begin(OPERATOR) as connection:
        connection.execute(text("DELETE FROM session WHERE key_id IS DISTINCT FROM :key"), {"key": key_id})
        late = text(f"UPDATE session SET expires_at = now() WHERE sha256 = {oldest_first.format('')}")
        assert connection.execute(late).rowcount == 1
        idle = "sha256 = (SELECT min(sha256) FROM session WHERE expires_at > now())"
        connection.execute(text(f"UPDATE session SET seen_at = now() - interval '121 minutes' WHERE {idle}"))
    current.refresh()
    assert sorted(me(served, each)["role"] for each in cookies) == ["dispatcher", "public", "public"]
    service_of(served).uses.tell(database, service_of(served).idle)
    with database.begin(OPERATOR) as connection:
        assert connection.execute(text("SELECT count(*) FROM session")).scalar_one() == 1, "what ended is gone"
    revoke_key(database, OPERATOR, key_id)
    current.refresh()
    assert {me(served, each)["role"] for each in cookies} == {"public"}


def test_made_up_cookies_are_the_public(served: TestClient) -> None:
    for value in ("", "x", "a" * 43, "é", '"; DROP TABLE session'):
        assert me(served, {"Cookie": f"gridmap={value}".encode()})["role"] == "public"


@pytest.mark.parametrize(
    ("public", "name", "attributes"),
    [
        ("https://grid.example", "__Host-gridmap", "HttpOnly; Path=/; SameSite=lax; Secure"),
        ("https://city.example/grid", "__Secure-gridmap", "HttpOnly; Path=/grid; SameSite=lax; Secure"),
        ("http://city.example/grid", "gridmap", "HttpOnly; Path=/grid; SameSite=lax"),
    ],
)
def test_cookies_promise_what_the_address_allows(
    serve: Callable[..., Any], database: Database, public: str, name: str, attributes: str
) -> None:
    record, key = give_key(database, OPERATOR, DESK, "a desk")
    parts = urlsplit(public)
    own = {"Origin": f"{parts.scheme}://{parts.netloc}"}
    with serve(database, public_url=public) as client:
        client.follow_redirects = False
        answer = client.post(f"{parts.path}/login", data={"key": key}, headers=own)
        assert answer.headers["location"] == f"{parts.path}/"
        assert re.fullmatch(rf"{name}=[\w-]+; {attributes}", answer.headers["set-cookie"])
        client.cookies.clear()
        cookie = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
        assert me(client, cookie)["role"] == "dispatcher"
        assert client.post(f"{parts.path}/login", data={"key": key}, headers=OWN).status_code == 403
        token = me(client, cookie)["csrf_token"]
        out = client.post(f"{parts.path}/logout", data={"csrf": token}, headers={**cookie, **own})
        assert out.headers["location"] == f"{parts.path}/login"
    revoke_key(database, OPERATOR, record.id)


def test_a_log_in_at_the_provider(serve: Callable[..., Any], database: Database) -> None:
    with identity_provider() as provider:
        provider.let_in("u-17", roles=["planner"], territories=["120101"])
        provider.let_in("u-18", roles=["king"])
        given = {"oidc_issuer": provider.issuer, "oidc_audience": "api", "oidc_client_id": "pages"}
        with serve(database, **given, oidc_client_secret="s3cret") as client:
            client.follow_redirects = False
            assert 'href="login/provider?next=/embed' in client.get("/login?next=/embed").text
            _at_the_provider(client, provider)
            token = provider.token("u-17", "api")
            mine = me(client, bearer(token))
            assert (mine["id"], mine["role"], mine["how"]) == ("oidc:u-17", "planner", "token")
            wrong = client.get("/v1/me", headers=bearer(provider.token("u-17", "pages")))
            assert (wrong.status_code, wrong.json()["detail"]) == (401, "the token is made for another audience")
            provider.stop()
            assert me(client, bearer(token))["role"] == "planner", "the keys are known"
            client.app.state.service.tokens.provider._described = None
            assert client.get("/login/provider").status_code == 503


def _at_the_provider(client: TestClient, provider: Any) -> None:
    def begin() -> tuple[str, str, str]:
        client.cookies.clear()
        answer = client.get("/login/provider?next=/embed")
        assert answer.status_code == 303
        assert "Max-Age=600" in answer.headers["set-cookie"]
        assert "HttpOnly" in answer.headers["set-cookie"]
        return answer.headers["location"], answer.headers["set-cookie"].split(";")[0], "/embed"

    there, cookie, wanted = begin()
    asked = {name: value[0] for name, value in parse_qs(urlsplit(there).query).items()}
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == (
        "code",
        "pages",
        "S256",
    )
    assert asked["redirect_uri"] == "http://testserver/login/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    back = urlsplit(provider.approve(there, "u-17"))
    client.cookies.clear()
    # Another browser, which did not begin it, is not let in; nor is a changed state.
    for headers, query in (({}, back.query), ({"Cookie": cookie}, back.query.replace("state=", "state=x"))):
        refused = client.get(f"/login/callback?{query}", headers=headers)
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
    done = client.get(f"/login/callback?{back.query}", headers={"Cookie": cookie})
    assert (done.status_code, done.headers["location"]) == (303, wanted)
    session = re.search(r"gridmap=[\w-]{43}", done.headers["set-cookie"])
    assert session is not None
    client.cookies.clear()
    mine = me(client, {"Cookie": session[0]})
    assert (mine["id"], mine["role"], mine["how"]) == ("oidc:u-17", "planner", "session")
    # The code is used up; a nonce of another log-in does not fit; a role that is none is refused.
    assert client.get(f"/login/callback?{back.query}", headers={"Cookie": cookie}).status_code == 401
    there, cookie, _ = begin()
    back = urlsplit(provider.approve(there, "u-17"))
    state, _, rest = cookie.partition(".")
    _, _, rest = rest.partition(".")
    client.cookies.clear()
    other_nonce = client.get(f"/login/callback?{back.query}", headers={"Cookie": f"{state}.another.{rest}"})
    assert (other_nonce.status_code, "another log-in" in other_nonce.text) == (401, True)
    there, cookie, _ = begin()
    back = urlsplit(provider.approve(there, "u-18"))
    client.cookies.clear()
    no_role = client.get(f"/login/callback?{back.query}", headers={"Cookie": cookie})
    assert (no_role.status_code, "exactly one role" in no_role.text) == (401, True)


def test_a_session_is_not_told_to_other_origins(served: TestClient, database: Database) -> None:
    cookie = open_session(database, DESK, datetime.now(UTC) + timedelta(hours=1))
    answer = served.get("/v1/me", headers={"Cookie": f"gridmap={cookie}", "Origin": "https://evil.example"})
    assert answer.headers["access-control-allow-origin"] == "*", "which browsers refuse to whoever sends cookies"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
