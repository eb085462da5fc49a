"""Twenty identities on a pool of four: not one row of another's territory, whatever goes wrong in between."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.cluster import APPLICATION
from gridmap.errors import GridMapError
from gridmap.model import PUBLIC, Actor
from gridmap.store.database import Database

KeyFor = Callable[..., dict[str, str]]

_IDENTITIES, _REQUESTS, _THREADS, _POOL = 20, 1000, 8, 4
_WHO = text("SELECT current_setting('gridmap.actor', true)")
_CODES = text(
    "SELECT DISTINCT left(cell.code, :digits) FROM element JOIN cell ON cell.id = cell_now WHERE class <> 'person'"
)


@pytest.fixture(scope="module")
def pooled(
    serve: Callable[..., object], make_copy: Callable[[str], object], monkeypatch_module: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A service whose pool has four connections."""
    made = Database.__init__

    def small(self: Database, url: object, pool_size: int = _POOL) -> None:
        made(self, url, min(pool_size, _POOL))  # type: ignore[arg-type]

    monkeypatch_module.setattr(Database, "__init__", small)
    with make_copy("pooled") as database, serve(database) as client:  # type: ignore[attr-defined]
        yield client


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def _spoil(database: Database, actor: Actor, how: int) -> None:
    """Let a transaction of an actor end in an error, a timeout, or a statement that was cancelled."""
    with database.begin(actor) as connection:
        if how == 0:
            connection.execute(text("SELECT 1 / 0"))
        elif how == 1:
            connection.execute(text("SET LOCAL statement_timeout = 20"))
            connection.execute(text("SELECT pg_sleep(5)"))
        else:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            threading.Timer(0.05, _cancel, (database, pid)).start()
            connection.execute(text("SELECT pg_sleep(5)"))


def _cancel(database: Database, pid: int) -> None:
    one = Database(database.url, pool_size=1)
    with one.begin(PUBLIC) as connection:
        connection.execute(text("SELECT pg_cancel_backend(:pid)"), {"pid": pid})
    one.dispose()


def test_a_thousand_requests_of_twenty_identities_on_four_connections(
    pooled: TestClient, key_for: KeyFor, service_of: Callable[[TestClient], object]
) -> None:
    service = service_of(pooled)
    database: Database = service.database  # type: ignore[attr-defined]
    grid = service.state.ready.grid  # type: ignore[attr-defined]
    communities = sorted({cell.community for cell in grid.cells})[:_IDENTITIES]
    assert len(communities) == _IDENTITIES
    codes_of = {
        community: {cell.code for cell in grid.cells if cell.community == community} for community in communities
    }
    keys = {community: key_for(pooled, "caseworker", community) for community in communities}
    listed: dict[str, int] = dict.fromkeys(communities, 0)

    def ask(number: int) -> None:
        draw = random.Random(number)
        community = draw.choice(communities)
        if number % 25 == 0:
            with pytest.raises((GridMapError, Exception)):
                _spoil(database, Actor("x", "caseworker", (communities[0],)), draw.randrange(3))
        kind = draw.choice(("elements", "incidents", "items", "raw", "glance", "roster"))
        if kind == "raw":  # what a query without any condition would give
            with database.begin(Actor("x", "viewer", (community,))) as connection:
                found = set(connection.execute(_CODES, {"digits": len(community)}).scalars())
            assert found <= {community}
        elif kind == "glance":
            with database.glance() as connection:
                assert not connection.execute(_WHO).scalar_one()
                assert connection.execute(_CODES, {"digits": 12}).all() == []
        elif kind == "roster":
            answer = pooled.get(f"/v1/areas/{community}/roster", headers=keys[community])
            assert answer.json()["counts"] == "staff"
        else:
            path = (
                f"/v1/{kind}?area={community}&limit=100"
                if kind != "items"
                else "/ogc/collections/elements/items?limit=100"
            )
            answer = pooled.get(path, headers=keys[community])
            assert answer.status_code == 200, answer.text
            body = answer.json()
            rows = [each["properties"] for each in body["features"]] if kind == "items" else body[kind]
            assert {row["cell"] for row in rows} <= codes_of[community]
            listed[community] += len(rows)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(ask, range(_REQUESTS)))
    assert sum(listed.values()) > 1000
    assert all(listed.values())


def test_nothing_of_an_actor_is_left_on_a_connection(
    pooled: TestClient, service_of: Callable[[TestClient], object]
) -> None:
    url = service_of(pooled).database.url  # type: ignore[attr-defined]
    assert url.username == APPLICATION
    one = Database(url, pool_size=1)
    pids = set()
    for how in (None, 0, 1, 2):
        if how is None:
            with one.begin(Actor("me", "system_admin", ("*",), unbound=True)) as connection:
                assert connection.execute(text("SELECT count(*) > 0 FROM element")).scalar_one()
        else:
            with pytest.raises((GridMapError, Exception)):
                _spoil(one, Actor("me", "system_admin", ("*",), unbound=True), how)
        with one.engine.connect() as connection:
            assert not connection.execute(_WHO).scalar_one()
            assert connection.execute(text("SELECT count(*) FROM element")).scalar_one() == 0
            pids.add(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        with one.glance() as connection:
            assert not connection.execute(_WHO).scalar_one()
    assert len(pids) == 1, "it was the same session throughout"
    one.dispose()
