"""Break-glass: one cell's needs, for an hour, for who opened it; the auditor is told, and it ends by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.cluster import OWNER
from gridmap.coverage.grid import Grid
from gridmap.store.database import Database

KeyFor = Callable[..., dict[str, str]]
STREET, NEXT_STREET = "120101001", "120101002"


@pytest.fixture(scope="module")
def desk(
    serve: Callable[..., AbstractContextManager[TestClient]],
    make_copy: Callable[[str], AbstractContextManager[Database]],
) -> Iterator[TestClient]:
    with make_copy("heping_needs") as database, serve(database) as running:
        yield running


def sql(client: TestClient, query: str, **given: object) -> list[Any]:
    """As the owner of the tables: the server may not change a grant."""
    owner = Database(client.app.state.service.database.url.set(username=OWNER))  # type: ignore[attr-defined]
    try:
        with owner.begin(OPERATOR) as connection:
            result = connection.execute(text(query), given)
            return list(result) if result.returns_rows else []
    finally:
        owner.dispose()


@pytest.fixture(scope="module")
def cell(desk: TestClient) -> str:
    """The cell of the street with most persons."""
    ((code,),) = sql(
        desk,
        "SELECT cell.code FROM element "
        "JOIN element_placement ON element_id = element.id AND last_revision IS NULL "
        "JOIN cell ON cell.id = cell_id WHERE class = 'person' AND cell.code LIKE '120101001%' "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    )
    return str(code)


def persons_of(client: TestClient, code: str) -> Counter[tuple[str, str]]:
    """(building, category) of the persons in a cell."""
    rows = sql(
        client,
        "SELECT building, category FROM element JOIN element_placement ON element_id = element.id "
        "AND last_revision IS NULL JOIN cell ON cell.id = cell_id WHERE class = 'person' AND cell.code = :code",
        code=code,
    )
    return Counter((building, category) for building, category in rows)


def told(answer: dict[str, Any]) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for each in answer["buildings"]:
        counted.update({(each["building"], category): count for category, count in each["needs"].items()})
    return counted


def opened(client: TestClient, key: dict[str, str], cell: str, reason: str = "fire") -> dict[str, Any]:
    answer = client.post("/v1/break-glass", json={"cell": cell, "reason": reason}, headers=key)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def listed(client: TestClient, key: dict[str, str]) -> list[dict[str, Any]]:
    answer = client.get("/v1/break-glass", headers=key)
    assert answer.status_code == 200, answer.text
    grants: list[dict[str, Any]] = answer.json()["grants"]
    return grants


def test_a_dispatcher_opens_one_cell_and_the_auditor_is_told(desk: TestClient, cell: str, key_for: KeyFor) -> None:
    dispatcher, colleague = key_for(desk, "dispatcher", "120101"), key_for(desk, "dispatcher", "120101")
    needs = f"/v1/cells/{cell}/needs"
    assert desk.get(needs, headers=dispatcher).status_code == 403
    grant = opened(desk, dispatcher, cell)
    answer = desk.get(needs, headers=dispatcher)
    assert answer.headers["cache-control"] == "private, no-store"
    found = answer.json()
    assert told(found) == persons_of(desk, cell)
    assert sum(told(found).values()) > 0
    assert {each["references"] for each in found["buildings"]} == {None}, "a fire crew needs no references"
    assert all(each["address"] for each in found["buildings"])
    assert (found["reason"], found["until"]) == ("fire", grant["expires_at"])
    assert desk.get(needs, headers=colleague).status_code == 403, "who did not open it"
    for beside in grant["neighbours"][:2]:
        assert desk.get(f"/v1/cells/{beside}/needs", headers=dispatcher).status_code == 403, "one cell only"
    district, street = key_for(desk, "auditor", "120101"), key_for(desk, "auditor", NEXT_STREET)
    assert listed(desk, district)[0] == {name: grant[name] for name in grant if name != "neighbours"}
    assert listed(desk, street) == [], "another territory's auditor"
    for role in ("dispatcher", "caseworker", "system_admin", "viewer"):
        assert desk.get("/v1/break-glass", headers=key_for(desk, role, "120101")).status_code == 403


def test_an_evacuation_tells_references_with_their_buildings(desk: TestClient, cell: str, key_for: KeyFor) -> None:
    dispatcher = key_for(desk, "dispatcher", "120101")
    opened(desk, dispatcher, cell, "evacuation")
    found = desk.get(f"/v1/cells/{cell}/needs", headers=dispatcher).json()
    references = {reference: each["building"] for each in found["buildings"] for reference in each["references"]}
    rows = sql(desk, "SELECT external_id, building FROM element WHERE external_id = ANY(:ids)", ids=[*references])
    assert references == dict(map(tuple, rows))
    assert len(references) == sum(told(found).values())


def test_each_reading_stands_in_the_trace_by_reference(desk: TestClient, cell: str, key_for: KeyFor) -> None:
    dispatcher, auditor = key_for(desk, "dispatcher", "120101"), key_for(desk, "auditor", STREET)
    grant = opened(desk, dispatcher, cell, "evacuation")
    found = desk.get(f"/v1/cells/{cell}/needs", headers=dispatcher).json()
    desk.app.state.service.trail.work()  # type: ignore[attr-defined]
    asked: dict[str, str | int] = {"action": "read_needs", "limit": 1}
    (entry,) = desk.get("/v1/audit", params=asked, headers=auditor).json()["entries"]
    references = [reference for each in found["buildings"] for reference in each["references"]]
    assert sorted(entry["refs"]) == sorted(references)
    assert entry["read"] == {"what": "needs", "rows": len(references), "cell": cell, "break_glass": grant["id"]}
    far = key_for(desk, "auditor", NEXT_STREET)
    assert desk.get("/v1/audit", params=asked, headers=far).json()["entries"] == []
    whole = key_for(desk, "auditor", "120101")  # a change is its actor's territories'
    (entry,) = desk.get("/v1/audit", params={**asked, "action": "break_glass"}, headers=whole).json()["entries"]
    assert [change["table"] for change in entry["changes"]] == ["break_glass"]


def test_it_ends_by_itself_and_is_not_renewed_silently(desk: TestClient, cell: str, key_for: KeyFor) -> None:
    dispatcher, auditor = key_for(desk, "dispatcher", "120101"), key_for(desk, "auditor", "120101")
    first = opened(desk, dispatcher, cell)
    second = opened(desk, dispatcher, cell)
    assert [each["id"] for each in listed(desk, auditor)[:2]] == [second["id"], first["id"]], "another is an entry"
    back = "opened_at = opened_at - interval '61 minutes', expires_at = expires_at - interval '61 minutes'"
    sql(desk, f"UPDATE break_glass SET {back} WHERE id = ANY(:ids)", ids=[first["id"], second["id"]])
    assert desk.get(f"/v1/cells/{cell}/needs", headers=dispatcher).status_code == 403
    assert {each["id"] for each in listed(desk, auditor)} >= {first["id"], second["id"]}
    opened(desk, dispatcher, cell)
    assert desk.get(f"/v1/cells/{cell}/needs", headers=dispatcher).status_code == 200


def test_an_hour_is_the_longest_that_the_database_takes(desk: TestClient, cell: str, key_for: KeyFor) -> None:
    grant = opened(desk, key_for(desk, "dispatcher", "120101"), cell)
    with pytest.raises(Exception, match="an_hour"):
        sql(desk, "UPDATE break_glass SET expires_at = expires_at + interval '1 s' WHERE id = :id", id=grant["id"])


def test_beside_the_own_territory_and_no_further(desk: TestClient, key_for: KeyFor, grid: Grid, cell: str) -> None:
    """A fire at the border is the business of both desks."""
    mine = [at for at, each in enumerate(grid.cells) if each.code.startswith(STREET)]
    union = shapely.union_all(grid.index.degrees[mine])
    others = [at for at, each in enumerate(grid.cells) if not each.code.startswith(STREET)]
    touching = [at for at in others if shapely.intersects(union, grid.index.degrees[at])]
    far = next(at for at in others if at not in set(touching))
    dispatcher = key_for(desk, "dispatcher", STREET)
    grant = opened(desk, dispatcher, grid.cells[touching[0]].code)
    assert any(code.startswith(STREET) for code in grant["neighbours"])
    body = {"cell": grid.cells[far].code, "reason": "fire"}
    assert desk.post("/v1/break-glass", json=body, headers=dispatcher).status_code == 403
    own = desk.post("/v1/break-glass", json={**body, "cell": cell}, headers=dispatcher).json()
    (at,) = [at for at, each in enumerate(grid.cells) if each.code == cell]
    near = shapely.intersects(grid.index.degrees, grid.index.degrees[at])
    assert set(own["neighbours"]) == {
        each.code for each, is_near in zip(grid.cells, near, strict=True) if is_near
    } - {cell}


def test_a_caseworker_reads_with_a_purpose_what_it_is_for(desk: TestClient, cell: str, key_for: KeyFor) -> None:
    caseworker = key_for(desk, "caseworker", STREET)
    path = f"/v1/cells/{cell}/needs"
    for purpose in (None, "curiosity"):
        answer = desk.get(path, params={} if purpose is None else {"purpose": purpose}, headers=caseworker)
        assert answer.status_code == 422
        assert "visit" in answer.text
    errand = desk.get(path, params={"purpose": "errand"}, headers=caseworker).json()
    expected = {key: count for key, count in persons_of(desk, cell).items() if key[1] == "mobility_help"}
    assert told(errand) == expected
    assert {each["references"] for each in errand["buildings"]} <= {None}
    everybody = desk.get(path, params={"purpose": "evacuation"}, headers=caseworker).json()
    assert told(everybody) == persons_of(desk, cell)
    elsewhere = key_for(desk, "caseworker", NEXT_STREET)
    assert desk.get(path, params={"purpose": "errand"}, headers=elsewhere).status_code == 403


def test_wrong_requests_are_named(desk: TestClient, cell: str, key_for: KeyFor) -> None:
    dispatcher = key_for(desk, "dispatcher", "120101")
    for body, status in (
        ({"cell": cell, "reason": "curiosity"}, 422),
        ({"cell": cell}, 422),
        ({"cell": "120101999999999", "reason": "fire"}, 404),
        ({"cell": STREET, "reason": "fire"}, 404),  # a street is no cell
        ({"cell": cell, "reason": "fire", "hours": 5}, 422),
    ):
        assert desk.post("/v1/break-glass", json=body, headers=dispatcher).status_code == status, body
