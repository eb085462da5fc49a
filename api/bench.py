"""``gridmap bench identity``: what it costs to know who asks, in seconds of this process's own processor time.

The application is asked in this process, in turns with one that does not look for who asks, so that only its own
work counts.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from starlette.requests import HTTPConnection

from api.app import create_app
from api.deps import Service
from api.identity import identify
from api.key_in_address import KeyInAddress
from gridmap.coverage.snapshot import Key
from gridmap.errors import Unavailable
from gridmap.model import PUBLIC, Actor
from gridmap.provider import Provider
from gridmap.sessions import Session
from gridmap.store.keys import key_hash
from gridmap.tokens import Rules, Tokens
from tiles.address import Address

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_ISSUER, _AUDIENCE, _PAGE = "https://bench.example", "bench", "https://maps.example"
_ROUNDS = 9


@dataclass(frozen=True)
class IdentityBench:
    """Look-ups a second by who comes; requests a second by route and who comes; ``before`` looks for nobody."""

    lookups_per_s: Mapping[str, int]
    requests_per_s: Mapping[str, Mapping[str, int]]
    lost_percent: Mapping[str, Mapping[str, float]]


class _Here(Provider):
    """A provider whose one key is known."""

    def __init__(self, key: Mapping[str, Any]) -> None:
        super().__init__(_ISSUER, 3600.0)
        self._one = key

    def keys(self, kid: str | None, *, again: bool = False) -> Sequence[Mapping[str, Any]]:
        return [self._one]


@dataclass(frozen=True)
class _Comer:
    headers: Mapping[str, str]
    query: str = ""


def bench_identity(service: Service, lon: float, lat: float, tile: Address, count: int) -> IdentityBench:
    """Ask who covers a point and for a tile, ``count`` times a round; ``service`` has read its snapshot."""
    comers, revision = _comers(service), service.state.ready.grid.revision.number
    routes = {
        "coverage": ("/v1/coverage", f"lon={lon}&lat={lat}&crs=wgs84"),
        "tile": (f"/tiles/{revision}/cells/{tile.z}/{tile.x}/{tile.y}.mvt", ""),
        "me": ("/v1/me", ""),
    }
    app, before = create_app(service), create_app(service)
    names = [getattr(each.cls, "__name__", "") for each in before.user_middleware]
    del before.user_middleware[names.index(KeyInAddress.__name__)]
    return asyncio.run(_measure(service, app, before, routes, comers, count))


def _comers(service: Service) -> dict[str, _Comer]:
    """One of each kind, known to the worker."""
    now = datetime.now(UTC)
    bench = Actor("bench", "viewer", (service.state.ready.city.code,))
    secret, publishable, cookie = (f"{kind}_{secrets.token_urlsafe(32)}" for kind in ("gm", "pk", "session"))
    known = service.current.comers
    given = (Key(key_hash(secret), bench), Key(key_hash(publishable), PUBLIC, None, "bench", (_PAGE,)))
    known.keys = {key.sha256: key for key in given}
    sha256 = key_hash(cookie)
    known.sessions = {sha256: Session(sha256, bench, key_hash(secret), now, now + timedelta(hours=1))}
    return {
        "nobody": _Comer({}),
        "key": _Comer({"authorization": f"Bearer {secret}"}),
        "token": _Comer({"authorization": f"Bearer {_token(service)}"}),
        "session": _Comer({"cookie": f"gridmap={cookie}"}),
        "key in address": _Comer({"origin": _PAGE}, f"key={publishable}"),
    }


def _token(service: Service) -> str:
    """A provider's token, which the service then takes."""
    pair = generate_private_key(65537, 2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(pair.public_key(), as_dict=True)
    rules = Rules(_ISSUER, _AUDIENCE)
    service.__dict__["tokens"] = Tokens(rules, _Here(public))
    claims = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": "bench", "exp": time.time() + 3600, "roles": "viewer"}
    return jwt.encode(claims, pair, algorithm="RS256")


async def _measure(
    service: Service,
    app: ASGIApp,
    before: ASGIApp,
    routes: Mapping[str, tuple[str, str]],
    comers: Mapping[str, _Comer],
    count: int,
) -> IdentityBench:
    lookups = {}
    for name, comer in comers.items():
        if not comer.query:
            lookups[name] = await _rate(lambda comer=comer: _look_up(service, comer), count)  # type: ignore[misc]
    requests: dict[str, dict[str, int]] = {}
    lost: dict[str, dict[str, float]] = {}
    for route, (path, query) in routes.items():
        asked: dict[str, Callable[[], Awaitable[None]]] = {
            "before": _asking(before, path, query, comers["nobody"])
        }
        asked |= {name: _asking(app, path, query, comer) for name, comer in comers.items()}
        times: dict[str, list[float]] = {name: [] for name in asked}
        for ask in asked.values():
            await ask()
        for _ in range(_ROUNDS):
            for name, ask in asked.items():
                times[name].append(await _seconds(ask, count))
        requests[route] = {name: round(count / min(each)) for name, each in times.items()}
        least = {name: min(each) for name, each in times.items()}
        lost[route] = {
            name: round(100 * (1 - least["before"] / each), 1) for name, each in least.items() if name != "before"
        }
    return IdentityBench(lookups, requests, lost)


async def _look_up(service: Service, comer: _Comer) -> None:
    request = HTTPConnection(_scope("/v1/me", "", comer))
    bearer = comer.headers.get("authorization")
    await identify(service, request, None if bearer is None else bearer.removeprefix("Bearer "))


def _asking(app: ASGIApp, path: str, query: str, comer: _Comer) -> Callable[[], Awaitable[None]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] not in (200, 204):
            raise Unavailable(f"{path} answered {message['status']}")

    async def ask() -> None:
        await app(_scope(path, query, comer), receive, send)

    return ask


def _scope(path: str, query: str, comer: _Comer) -> dict[str, Any]:
    headers = {"host": "bench.example", "accept-encoding": "gzip", **comer.headers}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": "&".join(part for part in (query, comer.query) if part).encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def _rate(ask: Callable[[], Awaitable[None]], count: int) -> int:
    await ask()
    return round(count / min([await _seconds(ask, count) for _ in range(_ROUNDS)]))


async def _seconds(ask: Callable[[], Awaitable[None]], count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        await ask()
    return time.process_time() - began
