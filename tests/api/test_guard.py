"""What the guard refuses: what is too long, too large, too many, too slow or too often; and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import guard
from api.guard import LONGEST_ADDRESS_BYTES, MOST_HEADER_BYTES, MOST_PARAMETERS
from gridmap.store.database import Database
from tests.api.test_login import log_in

JSON = "application/json"
STRANGER = ("203.0.113.7", 4711)
LOOK_UP = "/v1/coverage?lon=117.195&lat=39.118&crs=wgs84"
Serve = Callable[..., AbstractContextManager[TestClient]]


def _from(client: TestClient, host: str = STRANGER[0]) -> TestClient:
    """The same service, asked from an address; without a start or an end of its own."""
    return TestClient(client.app, client=(host, STRANGER[1]))


@pytest.fixture(scope="module")
def narrow(serve: Serve, heping_served: Database) -> Iterator[TestClient]:
    """A service with small buckets."""
    rates = {"rate_address": 5, "rate_key": 8, "rate_tiles": 6, "rate_heavy": 2, "rate_look_ups": 50}
    with serve(Database(heping_served.url), body_mb=1, **rates) as running:
        yield running


def _answered(client: TestClient, path: str, most: int = 200, **sent: Any) -> int:
    """How many requests are answered before one is refused; ``most`` when none is."""
    for number in range(most):
        answer = client.get(path, **sent)
        if answer.status_code == 429:
            return number
        assert answer.status_code == 200, answer.text
    return most


# A bucket fills while a test takes its time: at least so many, and few more.
def _about(count: int, answered: int) -> bool:
    return count <= answered <= 2 * count + 2


def test_an_address_that_asks_too_often_is_told_when_it_may_again(narrow: TestClient) -> None:
    asking = _from(narrow)
    assert _about(5, _answered(asking, "/v1/city"))
    answer = asking.get("/v1/city")
    assert answer.status_code == 429
    seconds = int(answer.headers["retry-after"])
    assert 1 <= seconds <= 12, "five a minute"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == f"too many requests; the next one may come in {seconds} s"
    assert _answered(_from(narrow, "203.0.113.8"), "/v1/city", 1) == 1, "another address"
    assert _answered(narrow, "/v1/city", 30) == 30, "this machine itself"


def test_a_flood_takes_nothing_from_look_ups_tiles_and_papers(narrow: TestClient) -> None:
    asking = _from(narrow, "203.0.113.20")
    assert _about(5, _answered(asking, "/v1/city"))
    assert _about(6, _answered(asking, "/tiles/1/cells/14/13525/6254.mvt"))
    assert _about(2, _answered(asking, "/v1/cells/120101001001001/poster.html"))
    assert _answered(asking, LOOK_UP) >= 50, "the dispatcher's bucket was full until now"
    assert _answered(asking, "/healthz", 30) == 30, "whoever watches is always answered"


def test_a_known_key_has_a_bucket_of_its_own_and_a_made_up_one_has_not(
    narrow: TestClient, key_for: Callable[..., dict[str, str]]
) -> None:
    key = key_for(narrow, "viewer", "120101")
    asking = _from(narrow, "203.0.113.30")
    assert _about(5, _answered(asking, "/v1/city"))
    assert _about(8, _answered(asking, "/v1/city", headers=key))
    made_up = [{"Authorization": f"Bearer made-up-{number}"} for number in range(20)]
    assert sum(_answered(asking, "/v1/city", 1, headers=each) for each in made_up) <= 5
    assert asking.get(LOOK_UP, headers=key).status_code == 200


def test_a_log_in_has_a_bucket_of_its_own_and_a_made_up_cookie_has_not(
    narrow: TestClient, key_for: Callable[..., dict[str, str]], service_of: Callable[[TestClient], Any]
) -> None:
    key = key_for(narrow, "viewer", "120101")["Authorization"].removeprefix("Bearer ")
    narrow.follow_redirects = False
    _, cookie = log_in(narrow, key)
    service_of(narrow).current.comers.refresh()
    asking = _from(narrow, "203.0.113.31")
    assert _about(5, _answered(asking, "/v1/city"))
    assert _about(8, _answered(asking, "/v1/city", headers=cookie))
    made_up = [{"Cookie": f"gridmap=made-up-{number}"} for number in range(20)]
    assert sum(_answered(asking, "/v1/city", 1, headers=each) for each in made_up) <= 5


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(narrow: TestClient) -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    answers = _ask(narrow, receive, {"content-length": str(2**40), "content-type": "text/csv"})
    assert (answers[0]["status"], read) == (413, 0)


def test_a_body_in_pieces_is_refused_when_it_has_become_too_large(narrow: TestClient) -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 2**16, "more_body": True}

    for path in ("/v1/coverage", "/v1/drafts"):
        read = 0
        answers = _ask(narrow, receive, {"content-type": JSON}, path)
        assert answers[0]["status"] == 413, answers
        assert (
            json.loads(answers[1]["body"])["detail"]
            == "the body must be at most 1,048,576 bytes: send it in parts"
        )
        assert read == 17, "16 pieces are a megabyte"


def test_a_body_that_does_not_come_is_not_waited_for(narrow: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        raise AssertionError

    assert _ask(narrow, receive, {"content-type": "text/csv"})[0]["status"] == 408


def test_a_worker_holds_so_much_of_what_comes_in_and_lets_it_go(
    narrow: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_HELD_BYTES", 2**19)
    body = json.dumps({"crs": "wgs84", "points": [[117.195, 39.118]]})
    for _ in range(3):
        answer = narrow.post(
            "/v1/coverage", content=body + " " * 2**19, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
    assert (
        narrow.post("/v1/coverage", content=body, headers={"content-type": "application/json"}).status_code == 200
    )


def _ask(
    client: TestClient, receive: Any, headers: dict[str, str], path: str = "/v1/coverage"
) -> list[dict[str, Any]]:
    """What the application sends for a POST whose body comes from ``receive``."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"crs=wgs84",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": ("testserver", 80),
    }
    assert client.portal is not None
    client.portal.call(client.app, scope, receive, send)  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/city?x=" + "x" * LONGEST_ADDRESS_BYTES, {}, 414),
        ("/v1/city?" + "x&" * MOST_PARAMETERS, {}, 414),
        ("/v1/city?" + "x&" * (MOST_PARAMETERS - 1), {}, 200),
        ("/v1/city", {"x-large": "x" * MOST_HEADER_BYTES}, 431),
        ("/v1/city", {f"x-{number}": "x" * 100 for number in range(200)}, 431),
        ("/v1/city", {"x-fits": "x" * (MOST_HEADER_BYTES - 500)}, 200),
        ("/tiles/1/cells/14/13525/6254.mvt?v=" + "x" * LONGEST_ADDRESS_BYTES, {}, 414),
    ],
)
def test_addresses_and_headers_have_an_end(
    client: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert status == 200 or answer.headers["content-type"] == "application/problem+json"


def test_the_statuses_of_the_guard_are_described_on_every_route(client: TestClient) -> None:
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            wanted = {"414", "429", "431"} | ({"408", "413"} if "requestBody" in operation else set())
            assert wanted <= operation["responses"].keys(), path
