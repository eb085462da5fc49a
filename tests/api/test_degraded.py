"""PostgreSQL really stopped: who covers a place is still answered, also by a service that starts anew."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.actions.draft_edits import edit_draft
from gridmap.actions.draft_publish import recall_draft, schedule_draft
from gridmap.actions.draft_review import submit_draft, waive_check
from gridmap.actions.drafts import create_draft
from gridmap.actions.workbench import Workbench
from gridmap.cluster import APPLICATION, Cluster
from gridmap.ingest.description import read_description
from gridmap.model import WAIVABLE
from gridmap.store.database import Database
from gridmap.store.migrate import upgrade

Serve = Callable[..., AbstractContextManager[TestClient]]
Points = list[tuple[str, float, float]]
RECOVERY_S = 20


@pytest.fixture(scope="module")
def server(heping_files: Path) -> Iterator[Cluster]:
    """A PostgreSQL of this module's own, with Heping in it, that may be stopped."""
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "cluster")
    try:
        cluster.up()
        cluster.create_database("heping")
        database = Database(cluster.url("heping"))
        with database.begin(OPERATOR, long_work=True) as connection:
            upgrade(connection)
        load_city(database, OPERATOR, read_description(heping_files / "CITY.toml"), heping_files, lambda _: None)
        database.dispose()
        yield cluster
    finally:
        cluster.down()
        shutil.rmtree(folder)


@pytest.fixture
def stopped(server: Cluster) -> Iterator[Cluster]:
    """The server, which runs again after the test."""
    server.up()
    yield server
    server.up()


def place(point: tuple[str, float, float], **more: object) -> dict[str, object]:
    return {"lon": point[1], "lat": point[2], "crs": "wgs84", **more}


def ask(client: TestClient, point: tuple[str, float, float], **more: object) -> dict[str, Any]:
    response = client.get("/v1/coverage", params=place(point, **more))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def wait_until(client: TestClient, *, degraded: bool) -> dict[str, Any]:
    """Ask whether the service is ready until it says what is waited for; it finds out by itself."""
    deadline = time.monotonic() + RECOVERY_S
    while True:
        response = client.get("/readyz")
        assert response.status_code == 200, "ready all the time"
        ready: dict[str, Any] = response.json()
        if bool(ready["degraded"]) is degraded:
            return ready
        assert time.monotonic() < deadline, ready
        time.sleep(0.1)


def without_time(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("id", "as_of", "degraded")}


def test_the_database_goes_and_comes_back_under_a_running_service(
    serve: Serve, stopped: Cluster, inner_points: Points
) -> None:
    began = datetime.now(UTC)
    with serve(Database(stopped.url("heping"))) as client:
        before = [ask(client, point) for point in inner_points]
        assert all(answer["degraded"] is None for answer in before)
        stopped.down()
        wait_until(client, degraded=True)
        for point, known in zip(inner_points, before, strict=True):
            answer = ask(client, point)
            since = datetime.fromisoformat(answer["degraded"]["since"])
            data_as_of = datetime.fromisoformat(answer["degraded"]["data_as_of"])
            assert began < data_as_of < since < datetime.now(UTC)
            assert answer["cell"]["code"] == point[0]
            assert without_time(answer).keys() == without_time(known).keys()
            assert answer["ladder"][-1]["kind"] == "duty_desk"
        assert "gridmap_degraded 1.0" in client.get("/metrics").text
        stopped.up()
        assert wait_until(client, degraded=False)["status"] == "ready"
        assert ask(client, inner_points[0])["degraded"] is None
        assert client.get("/v1/areas", params={"level": "district"}).status_code == 200


def test_what_is_to_come_is_told_without_the_database_too(
    serve: Serve, stopped: Cluster, inner_points: Points, tmp_path: Path
) -> None:
    point, at = inner_points[0], datetime.now(UTC) + timedelta(hours=1)
    database, bench = Database(stopped.url("heping")), Workbench()
    draft, other = create_draft(database, OPERATOR, "to come").id, f"{point[0][:-3]}999"
    edit_draft(database, OPERATOR, bench, draft, {"op": "change", "cell": point[0], "code": other})
    submit_draft(database, OPERATOR, bench, draft)
    for check in WAIVABLE:
        waive_check(database, OPERATOR, draft, check, "Li, planning office", "a test")
    schedule_draft(database, OPERATOR, bench, draft, at)
    with serve(database, tmp_path) as client:
        known = ask(client, point)["upcoming"]
        assert (known["revision"], datetime.fromisoformat(known["from"]), known["cell"]) == (2, at, other)
        stopped.down()
        wait_until(client, degraded=True)
        assert ask(client, point)["upcoming"] == known
    with serve(Database(stopped.url("heping")), tmp_path) as client:
        answer = ask(client, point)
        assert answer["degraded"] is not None
        assert answer["upcoming"] == known, "after a start without the database"
        assert ask(client, inner_points[1])["upcoming"] is None
    stopped.up()
    recall_draft(Database(stopped.url("heping")), OPERATOR, draft)


def test_keys_and_log_ins_go_on_without_the_database(
    serve: Serve, stopped: Cluster, key_for: Callable[..., dict[str, str]]
) -> None:
    with serve(Database(stopped.url("heping"))) as client:
        key = key_for(client, "dispatcher", "120101")
        form, own = {"key": key["Authorization"].removeprefix("Bearer ")}, {"Origin": "http://testserver"}
        assert client.post("/login", data=form, headers=own, follow_redirects=False).status_code == 303
        client.app.state.service.current.refresh()  # type: ignore[attr-defined]
        stopped.down()
        wait_until(client, degraded=True)
        mine = client.get("/v1/me").json()
        assert (mine["how"], mine["role"]) == ("session", "dispatcher")
        client.cookies.clear()
        assert client.get("/v1/me", headers=key).json()["role"] == "dispatcher"
        assert client.get("/v1/me", headers={"Cookie": "gridmap=made-up"}).json()["role"] == "public"
        assert client.post("/login", data=form, headers=own).status_code == 503


def test_a_service_that_starts_without_the_database_answers_from_the_disk(
    serve: Serve, stopped: Cluster, inner_points: Points, tmp_path: Path, key_for: Callable[..., dict[str, str]]
) -> None:
    with serve(Database(stopped.url("heping")), tmp_path) as client:
        key = key_for(client, "dispatcher", "120101")
        at = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        before = [ask(client, point, at=at) for point in inner_points]
    stopped.down()
    with serve(Database(stopped.url("heping")), tmp_path) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["revision"] == 1
        assert ready.json()["degraded"]["data_as_of"] == ready.json()["data_as_of"]
        for point, known in zip(inner_points, before, strict=True):
            answer = ask(client, point, at=at)
            assert answer["degraded"] is not None
            from_memory, from_postgis = without_time(answer), without_time(known)
            edge_m = from_postgis.pop("edge_distance_m")
            assert from_memory.pop("edge_distance_m") == pytest.approx(edge_m, abs=1e-3)
            assert from_memory == from_postgis, "the same cell, duty and ladder"
        outside = ask(client, ("", 0.0, 0.0))
        assert outside["status"] == "outside"
        assert outside["ladder"]
        assert client.get("/v1/city").json()["code"] == "120000"
        assert client.get("/healthz").status_code == 200
        # Who stands behind a key is known from memory too; what needs the tables says so.
        roster = "/v1/areas/120101/roster"
        assert client.get(roster, headers=key).status_code == 503
        assert client.get(roster, headers={"Authorization": "Bearer gm_nobody"}).status_code == 401
        stopped.up()
        wait_until(client, degraded=False)
        assert client.get(roster, headers=key).json()["counts"] == "staff"


def test_kept_tiles_are_sent_on_and_others_refused_while_the_database_is_gone(
    serve: Serve, stopped: Cluster, tmp_path: Path
) -> None:
    kept, other = "/tiles/1/cells/14/13525/6254.mvt", "/tiles/1/cells/14/13525/6255.mvt"

    def check(client: TestClient, content: bytes) -> None:
        wait_until(client, degraded=True)
        answer = client.get(kept)
        assert (answer.status_code, answer.content) == (200, content)
        # nobody knows what is not kept, and whether another revision is the current one by now
        for path in (other, kept.replace("/1/cells", "/cells")):
            refused = client.get(path)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["access-control-allow-origin"] == "*"
        document = client.get("/tiles/cells.json").json()
        assert document["revision"] == 1
        taken_at = client.app.state.service.state.ready.taken_at  # type: ignore[attr-defined]
        assert document["data_as_of"] == taken_at.isoformat(), "no worker that is cut off calls it the current one"
        assert "data_as_of" not in client.get("/tiles/1/cells.json").json()
        assert client.get("/tiles/9/cells/14/1/1.mvt").status_code == 404

    with serve(Database(stopped.url("heping")), tmp_path) as client:
        content = client.get(kept).content
        stopped.down()
        check(client, content)
    # a service that starts without the database has them from its disk
    with serve(Database(stopped.url("heping")), tmp_path) as client:
        check(client, content)
        stopped.up()
        wait_until(client, degraded=False)
        assert client.get(other).status_code == 200


def test_what_memory_does_not_know_is_refused_while_the_database_is_gone(
    serve: Serve, stopped: Cluster, inner_points: Points
) -> None:
    with serve(Database(stopped.url("heping"))) as client:
        stopped.down()
        wait_until(client, degraded=True)
        point = inner_points[3]
        now = datetime.now(UTC)
        assert ask(client, point, revision=1)["degraded"] is not None
        for query in (
            {"at": "2026-01-05T03:00:00"},
            {"at": "2030-01-05T03:00:00"},
            {"known_at": now.isoformat()},
            {"revision": 2},
        ):
            refused = client.get("/v1/coverage", params=place(point, **query))
            assert refused.status_code == 503, query
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["retry-after"] == "1"
        for path in (
            "/v1/areas",
            "/v1/areas/120101",
            "/v1/cells",
            f"/v1/cells/{point[0]}",
            "/v1/overlays",
            "/v1/revisions",
            "/v1/revisions/current",
            "/v1/revisions/1",
            "/v1/posts",
            "/v1/shifts?post=120101-desk",
            f"/v1/cells/{point[0]}/roster",
        ):
            refused = client.get(path)
            assert refused.status_code == 503, path
            assert refused.json()["detail"] == "PostGIS does not answer"
        wrong = client.get("/v1/coverage", params={**place(point), "crs": "wgs85"})
        assert wrong.status_code == 422, "what is wrong is wrong whether the database runs or not"


def test_a_time_that_memory_knows_is_answered_while_all_connections_are_busy(
    serve: Serve, heping: Database
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    point = {"lon": 117.195, "lat": 39.118, "crs": "wgs84"}
    busy = Database(heping.url.set(username=APPLICATION), pool_size=1)
    with serve(busy) as client:
        expected = client.get("/v1/coverage", params={**point, "at": soon}).json()
        with busy.begin(OPERATOR):
            answer = client.get("/v1/coverage", params={**point, "at": soon})
            assert client.get("/v1/revisions/current").status_code == 503
    assert answer.status_code == 200, answer.text
    assert expected["degraded"] is None
    assert answer.json()["degraded"] is not None
    for name in ("cell", "ladder", "on_duty"):
        assert answer.json()[name] == expected[name]


def test_writes_are_refused_while_the_database_is_gone(
    serve: Serve, stopped: Cluster, key_for: Callable[..., dict[str, str]]
) -> None:
    with serve(Database(stopped.url("heping"))) as client:
        key = key_for(client, "dispatcher", "120101")
        stopped.down()
        body = {
            "post": "120101-desk",
            "holder": {"code": "T", "display_name": "试"},
            "hours": "1-7 00:00-24:00",
            "valid_from": "2026-01-01",
        }
        assert client.post("/v1/shifts", json=body, headers=key).status_code == 503
        assert client.delete("/v1/shifts/1", headers=key).status_code == 503


def test_nothing_on_disk_and_no_database_is_not_ready(
    serve: Serve, stopped: Cluster, inner_points: Points, service_of: Callable[[TestClient], Service]
) -> None:
    stopped.down()
    with serve(Database(stopped.url("heping"))) as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        refused = client.get("/v1/coverage", params=place(inner_points[0]))
        assert refused.status_code == 503
        assert "no snapshot is on disk" in refused.json()["detail"]
        assert service_of(client).state.gone_since is not None
        stopped.up()
        deadline = time.monotonic() + RECOVERY_S
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert ask(client, inner_points[0])["cell"]["code"] == inner_points[0][0]


@pytest.mark.parametrize("damage", ["manifest.json", "grid-*", "duty-*", "keys-*", "overlays-*"])
def test_a_damaged_snapshot_is_not_believed_and_is_made_whole_again(
    serve: Serve, stopped: Cluster, inner_points: Points, tmp_path: Path, damage: str
) -> None:
    def served() -> AbstractContextManager[TestClient]:
        return serve(Database(stopped.url("heping")), tmp_path)

    with served() as client:
        assert ask(client, inner_points[0])
    for path in tmp_path.glob(damage):
        path.write_bytes(path.read_bytes()[:-20])
    stopped.down()
    with served() as client:
        assert client.get("/readyz").status_code == 503
    stopped.up()
    with served() as client:
        assert ask(client, inner_points[0])["degraded"] is None
    stopped.down()
    with served() as client:
        assert ask(client, inner_points[0])["degraded"] is not None, "answered from the disk again"


def test_what_staff_is_answered_meanwhile_is_in_the_trace_afterwards(
    serve: Serve, stopped: Cluster, inner_points: Points, key_for: Callable[..., dict[str, str]]
) -> None:
    """Look-ups go on and are kept, each once; persons are not listed, and that it was tried is written down."""
    with serve(Database(stopped.url("heping"))) as client:
        trail = client.app.state.service.trail  # type: ignore[attr-defined]
        dispatcher = key_for(client, "dispatcher", "*")
        keys = {role: key_for(client, role, "120101") for role in ("caseworker", "viewer")}
        persons = {"class": "person", "area": "120101001", "purpose": "visit"}
        assert client.get("/v1/elements", params=persons, headers=keys["caseworker"]).status_code == 200
        answers: list[dict[str, Any]] = []

        def ask_all() -> None:
            for point in inner_points:
                answer = client.get("/v1/coverage", params=place(point), headers=dispatcher)
                assert answer.status_code == 200
                answers.append(answer.json())

        ask_all()
        stopped.down()
        ask_all()
        wait_until(client, degraded=True)
        ask_all()
        assert client.get("/v1/elements", params=persons, headers=keys["caseworker"]).status_code == 503
        assert client.get("/v1/elements", params=persons, headers=keys["viewer"]).status_code == 403
        stopped.up()
        wait_until(client, degraded=False)
        ask_all()
        trail.work()
        auditor = key_for(client, "auditor", "*")
        trail.work()
        found = client.get("/v1/audit", params={"action": "persons_for"}, headers=auditor).json()["entries"]
        assert [each["refused"] is None for each in found] == [False, True]
        with Database(stopped.url("heping")).begin(OPERATOR) as connection:
            kept = [str(each) for each in connection.execute(text("SELECT id FROM kept_answer")).scalars()]
        assert sorted(kept) == sorted(answer["id"] for answer in answers)
        degraded = next(answer for answer in answers if answer["degraded"])
        told = client.get(f"/v1/coverage/{degraded['id']}", headers=dispatcher).json()
        assert told["degraded"]["since"] is not None
        assert "database was away" in told["why_en"]
        assert told["answered"]["cell"] == degraded["cell"]["code"] == told["recorded"]["cell"]
