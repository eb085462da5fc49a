"""Heavy requests take turns, and one that takes too long is answered without being waited for."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import heavy
from api.heavy import HEAVY, Turns, is_heavy

SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


class _Work:
    """An application that works until it is let go, and counts how many of it work at once."""

    def __init__(self) -> None:
        self.at_work = self.most = self.done = 0
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        await self.go.wait()
        self.at_work -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"made"})
        self.done += 1


async def _status(turns: Turns) -> int:
    messages: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        messages.append(message)

    await turns(SCOPE, _receive, send)
    assert [message["type"] for message in messages] == ["http.response.start", "http.response.body"]
    status: int = messages[0]["status"]
    return status


def test_no_more_than_allowed_work_at_once_and_all_are_answered() -> None:
    async def run() -> None:
        work = _Work()
        turns = Turns(work, 2, 60)
        asked = [asyncio.create_task(_status(turns)) for _ in range(9)]
        await asyncio.sleep(0.05)
        assert work.at_work == 2
        work.go.set()
        assert await asyncio.gather(*asked) == [200] * 9
        assert work.most == 2

    asyncio.run(run())


def test_who_comes_when_too_many_wait_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "_MOST_WAITING", 3)

    async def run() -> None:
        work = _Work()
        turns = Turns(work, 1, 60)
        asked = [asyncio.create_task(_status(turns)) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert await _status(turns) == 503
        work.go.set()
        assert await asyncio.gather(*asked) == [200] * 4

    asyncio.run(run())


def test_who_waits_too_long_for_a_turn_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "_LONGEST_WAIT_S", 0.05)

    async def run() -> None:
        work = _Work()
        turns = Turns(work, 1, 60)
        first = asyncio.create_task(_status(turns))
        await asyncio.sleep(0.01)
        assert await _status(turns) == 503
        work.go.set()
        assert await first == 200

    asyncio.run(run())


def test_what_takes_too_long_is_given_up_but_keeps_its_turn_to_its_end() -> None:
    async def run() -> None:
        work = _Work()
        turns = Turns(work, 1, 0.05)
        assert await _status(turns) == 503
        assert work.at_work == 1, "a thread cannot be stopped"
        second = asyncio.create_task(_status(turns))
        await asyncio.sleep(0.02)
        assert work.most == 1, "the second one has no turn yet"
        work.go.set()
        assert await second == 200
        assert work.done == 2

    asyncio.run(run())


def test_a_defect_comes_through_and_frees_the_turn() -> None:
    async def run() -> None:
        async def broken(scope: Any, receive: Any, send: Any) -> None:
            raise ZeroDivisionError

        turns = Turns(broken, 1, 60)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await _status(turns)

    asyncio.run(run())


def test_who_reads_slowly_keeps_nobody_waiting() -> None:
    async def run() -> None:
        work = _Work()
        work.go.set()
        turns = Turns(work, 1, 60)
        reading = asyncio.Event()

        async def slowly(message: Any) -> None:
            if message["type"] == "http.response.body":
                await reading.wait()

        slow = asyncio.create_task(turns(SCOPE, _receive, slowly))
        await asyncio.sleep(0.02)
        assert await _status(turns) == 200
        reading.set()
        await slow

    asyncio.run(run())


def test_every_route_that_makes_a_file_is_heavy_and_every_pattern_is_a_route(client: TestClient) -> None:
    paths = [path for path, methods in client.get("/openapi.json").json()["paths"].items() if "get" in methods]
    for pattern, parts in HEAVY:
        assert any(re.fullmatch(pattern, path.replace("{suffix}", "pdf")) for path in paths), pattern
        assert all("=" in part for part in parts)
    made = [path for path in paths if "{suffix}" in path]
    assert len(made) >= 5
    for path in made:
        assert is_heavy(path.replace("{suffix}", "pdf"), b""), path
    assert is_heavy("/v1/heatmap", b"of=incidents&f=png")
    assert not is_heavy("/v1/heatmap", b"of=incidents")
    assert not is_heavy("/v1/coverage", b"")
