"""What is read of people leaves a trace, kept answers are explained, and the public is asked nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.routes.elements import PurposeQuery
from gridmap.model import PERSON_CATEGORIES, PERSON_PURPOSES
from tests.api.conftest import KeyFor, MakeCopy, Serve

STREET, DISTRICT, CELL = "120101001", "120101", "120101001001001"
PLACE = {"lon": 117.195, "lat": 39.118, "crs": "wgs84"}
Headers = dict[str, str]


@pytest.fixture(scope="module")
def client(serve: Serve, make_copy: MakeCopy) -> Iterator[TestClient]:
    """A client of this module's own copy, whose trace nobody else writes to."""
    with make_copy("heping_audited") as database, serve(database) as running:
        yield running


@pytest.fixture(scope="module")
def caseworker(client: TestClient, key_for: KeyFor) -> Headers:
    return key_for(client, "caseworker", STREET)


@pytest.fixture(scope="module")
def auditor(client: TestClient, key_for: KeyFor) -> Headers:
    return key_for(client, "auditor", DISTRICT)


def entries(client: TestClient, auditor: Headers, **query: Any) -> list[dict[str, Any]]:
    """What the trace says, once all is in it that was done."""
    client.app.state.service.trail.work()  # type: ignore[attr-defined]
    answer = client.get("/v1/audit", params=query, headers=auditor)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


def persons(client: TestClient, headers: Headers, **query: Any) -> dict[str, Any]:
    answer = client.get("/v1/elements", params={"class": "person", **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    return dict(answer.json())


def test_persons_are_listed_for_a_purpose_and_that_is_written_down(
    client: TestClient, caseworker: Headers, auditor: Headers
) -> None:
    listed = persons(client, caseworker, area=STREET, purpose="visit", limit=7)
    rows = listed["elements"]
    assert len(rows) == 7
    assert {row["category"] for row in rows} <= {"elderly_living_alone", "mobility_help"}
    assert all(row["class"] == "person" and row["name"] is None for row in rows)
    assert all(row["cell"].startswith(STREET) for row in rows)
    entry = entries(client, auditor, action="persons_for")[0]
    assert entry["purpose"] == "visit"
    assert (entry["role"], entry["territories"]) == ("caseworker", [STREET])
    assert (entry["read"]["what"], entry["read"]["area"], entry["read"]["rows"]) == ("persons", STREET, 7)
    assert sorted(entry["refs"]) == sorted(row["external_id"] for row in rows)
    assert entry["origin"] == ["testclient"]
    following = persons(client, caseworker, area=STREET, purpose="visit", limit=7, after=listed["next"])
    assert not {row["id"] for row in rows} & {row["id"] for row in following["elements"]}
    (one,) = entries(client, auditor, ref=following["elements"][0]["external_id"])
    assert one["read"]["after"] == listed["next"]
    everything = json.dumps([each["read"] for each in entries(client, auditor, limit=500)])
    assert rows[0]["external_id"] not in everything, "a reference stands only where it can be forgotten"


@pytest.mark.parametrize("purpose", PERSON_PURPOSES)
def test_a_purpose_is_for_its_categories_only(client: TestClient, caseworker: Headers, purpose: str) -> None:
    rows = persons(client, caseworker, area=STREET, purpose=purpose)["elements"]
    assert len(rows) <= 200
    assert {row["category"] for row in rows} <= set(PERSON_PURPOSES[purpose])
    for category in PERSON_CATEGORIES:
        query = {"class": "person", "area": STREET, "purpose": purpose, "category": category}
        answer = client.get("/v1/elements", params=query, headers=caseworker)
        assert answer.status_code == (200 if category in PERSON_PURPOSES[purpose] else 422)
        if answer.status_code == 422:
            assert f"the purpose {purpose} is for" in answer.text


def test_the_purposes_are_a_closed_list() -> None:
    assert str(tuple(PERSON_PURPOSES)).strip("()") in str(PurposeQuery)
    assert {category for each in PERSON_PURPOSES.values() for category in each} == set(PERSON_CATEGORIES)


@pytest.mark.parametrize(
    ("role", "territory", "query", "status"),
    [
        ("caseworker", STREET, {"area": STREET}, 422),
        ("caseworker", STREET, {"area": STREET, "purpose": "curiosity"}, 422),
        ("caseworker", STREET, {"area": DISTRICT, "purpose": "visit"}, 403),
        ("caseworker", STREET, {"purpose": "visit"}, 403),
        ("caseworker", "120102", {"area": STREET, "purpose": "visit"}, 403),
        ("viewer", DISTRICT, {"area": STREET, "purpose": "visit"}, 403),
        ("dispatcher", DISTRICT, {"area": STREET, "purpose": "visit"}, 403),
        ("planner", "*", {"area": STREET, "purpose": "visit"}, 403),
        ("system_admin", "*", {"area": STREET, "purpose": "visit"}, 403),
        ("auditor", "*", {"area": STREET, "purpose": "visit"}, 403),
    ],
)
def test_who_may_not_is_refused_and_that_is_written_down(
    client: TestClient,
    key_for: KeyFor,
    auditor: Headers,
    role: str,
    territory: str,
    query: dict[str, str],
    status: int,
) -> None:
    headers = key_for(client, role, territory)
    answer = client.get("/v1/elements", params={"class": "person", **query}, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 403:
        seen = entries(client, key_for(client, "auditor", "*"), action="persons_for")
        assert seen[0]["refused"]
        assert (seen[0]["role"], seen[0]["territories"]) == (role, [territory])
        assert seen[0]["refs"] == []


def test_a_purpose_goes_with_persons_only_and_strangers_get_none(client: TestClient, caseworker: Headers) -> None:
    query = {"class": "place", "area": STREET, "purpose": "visit"}
    assert client.get("/v1/elements", params=query, headers=caseworker).status_code == 422
    assert client.get("/v1/elements", params={**query, "class": "person"}).status_code == 401
    listed = client.get("/v1/elements", params={"area": STREET}, headers=caseworker).json()["elements"]
    assert {row["class"] for row in listed} & {"place", "object", "organization"}
    assert "person" not in {row["class"] for row in listed}


def test_who_reads_holders_codes_leaves_a_trace_and_who_reads_a_duty_list_none(
    client: TestClient, key_for: KeyFor, auditor: Headers
) -> None:
    post = client.get("/v1/posts", params={"territory": CELL}).json()["posts"][0]["code"]
    before = len(entries(client, auditor, limit=500))
    neighbour = key_for(client, "dispatcher", "120102")
    for headers in ({}, neighbour):
        listed = client.get("/v1/shifts", params={"post": post}, headers=headers).json()["shifts"]
        assert listed
        assert all(each["holder_code"] is None for each in listed)
    writer = key_for(client, "dispatcher", DISTRICT)
    told = client.get("/v1/shifts", params={"post": post}, headers=writer).json()["shifts"]
    assert told[0]["holder_code"]
    client.get("/v1/shift-exceptions", params={"post": post}, headers=writer).raise_for_status()
    found = entries(client, auditor, limit=500)
    read = [each["read"] for each in found[: len(found) - before] if each["read"]["what"] != "audit"]
    assert read == [
        {"what": "shift exceptions", "post": post, "rows": 0},
        {"what": "shifts", "post": post, "rows": len(told)},
    ]


def test_the_staff_part_of_a_roster_leaves_a_trace_and_the_public_part_none(
    client: TestClient, key_for: KeyFor, auditor: Headers
) -> None:
    before = len(entries(client, auditor, action="_roster", limit=500))
    assert client.get(f"/v1/cells/{CELL}/roster").json()["counts"] != "staff"
    neighbour = key_for(client, "viewer", "120102")
    assert client.get(f"/v1/cells/{CELL}/roster", headers=neighbour).json()["counts"] != "staff"
    assert len(entries(client, auditor, action="_roster", limit=500)) == before
    viewer = key_for(client, "viewer", DISTRICT)
    assert client.get(f"/v1/cells/{CELL}/roster", headers=viewer).json()["counts"] == "staff"
    found = entries(client, auditor, action="_roster", limit=500)
    assert len(found) == before + 1
    assert found[0]["read"] == {"what": "roster", "level": "cell", "code": CELL, "revision": 1}


def test_a_write_through_the_service_says_from_where(
    client: TestClient, key_for: KeyFor, auditor: Headers
) -> None:
    post = {"code": "T-api", "kind": "duty_desk", "title": "值班台", "level": "district", "territory": DISTRICT}
    headers = key_for(client, "dispatcher", DISTRICT)
    assert client.post("/v1/posts", json={**post, "phone": "022-00000000"}, headers=headers).status_code < 300
    entry = entries(client, auditor, action="save_post")[0]
    assert entry["origin"] == ["testclient"]
    assert entry["changes"][0]["table"] == "post"


def test_the_trace_is_for_auditors_within_their_territories(
    client: TestClient, caseworker: Headers, key_for: KeyFor
) -> None:
    persons(client, caseworker, area=STREET, purpose="visit", limit=1)
    for territory, sees in ((DISTRICT, True), (STREET, True), ("120102", False), ("120101002", False)):
        found = entries(client, key_for(client, "auditor", territory), action="persons_for")
        listed = [each for each in found if each["refused"] is None]
        assert bool(listed) is sees, territory
    assert client.get("/v1/audit").status_code == 401
    for role in ("viewer", "caseworker", "system_admin", "key_admin", "publisher"):
        assert client.get("/v1/audit", headers=key_for(client, role, "*")).status_code == 403
    whole = key_for(client, "auditor", "*")
    read = entries(client, whole, action="search_audit")
    assert read[0]["read"]["what"] == "audit", "reading it is read of, too"


def test_the_trace_comes_in_pages(client: TestClient, caseworker: Headers, auditor: Headers) -> None:
    for _ in range(3):
        persons(client, caseworker, area=STREET, purpose="visit", limit=1)
    query: dict[str, Any] = {"action": "persons_for", "limit": 2}
    whole = [each["seq"] for each in entries(client, auditor, action="persons_for", limit=500)]
    seen: list[int] = []
    while True:
        page = client.get("/v1/audit", params=query, headers=auditor).json()
        seen += [each["seq"] for each in page["entries"]]
        if page["next"] is None:
            break
        query["before"] = page["next"]
    assert seen == whole
    since = datetime.now(UTC) + timedelta(hours=1)
    assert entries(client, auditor, since=since.isoformat()) == []
    assert entries(client, auditor, until="2026-01-01T00:00:00Z") == []


def ask(client: TestClient, headers: Headers, **more: Any) -> dict[str, Any]:
    answer = client.get("/v1/coverage", params={**PLACE, **more}, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def explained(client: TestClient, headers: Headers, answer_id: str) -> dict[str, Any]:
    client.app.state.service.trail.work()  # type: ignore[attr-defined]
    answer = client.get(f"/v1/coverage/{answer_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_answer_to_staff_is_kept_and_says_what_it_said(client: TestClient, key_for: KeyFor) -> None:
    dispatcher = key_for(client, "dispatcher", DISTRICT)
    answer = ask(client, dispatcher, category="noise")
    public = ask(client, {}, category="noise")
    assert answer.keys() == public.keys()
    same = answer.keys() - {"id", "as_of"}
    assert {name: answer[name] for name in same} == {name: public[name] for name in same}
    found = explained(client, dispatcher, answer["id"])
    assert found["question"]["lon"] == PLACE["lon"]
    assert found["answered"]["cell"] == answer["cell"]["code"]
    assert [each["phone"] for each in found["answered"]["ladder"]] == [each["phone"] for each in answer["ladder"]]
    assert found["answered"] == found["recorded"] == found["now"]
    assert found["differences"] == []
    assert answer["ladder"][0]["title"] in found["why_en"]
    assert answer["cell"]["code"] in found["why_zh"]
    assert datetime.fromisoformat(found["at"]) <= datetime.now(UTC)


def test_what_was_corrected_since_is_shown_beside_what_was_known_then(client: TestClient, key_for: KeyFor) -> None:
    dispatcher = key_for(client, "dispatcher", DISTRICT)
    answer = ask(client, dispatcher)
    first = answer["on_duty"][0]
    time.sleep(0.01)
    begins = datetime.now(UTC) - timedelta(hours=1)
    swap = {
        "post": first["post"],
        "kind": "extra",
        "begins": begins.isoformat(),
        "ends": (begins + timedelta(hours=3)).isoformat(),
        "substitute": {"code": "T-late", "display_name": "补记值班员（试）"},
    }
    written = client.post("/v1/shift-exceptions", json=swap, headers=dispatcher)
    assert written.status_code < 300, written.text
    found = explained(client, dispatcher, answer["id"])
    assert found["answered"] == found["recorded"]
    assert "补记值班员（试）" in json.dumps(found["now"], ensure_ascii=False)
    assert "补记值班员（试）" not in json.dumps(found["recorded"], ensure_ascii=False)
    assert {each["between"] for each in found["differences"]} == {"recorded and now"}
    assert "on_duty" in {each["what"] for each in found["differences"]}
    assert "Known differently now" in found["why_en"]


def test_an_answer_of_another_time_or_of_an_address_is_explained(client: TestClient, key_for: KeyFor) -> None:
    dispatcher = key_for(client, "dispatcher", "*")
    then = ask(client, dispatcher, at="2026-11-02T03:00:00+08:00")
    found = explained(client, dispatcher, then["id"])
    assert found["question"]["at"] == "2026-11-01T19:00:00+00:00"
    assert found["recorded"]["ladder"] == found["now"]["ladder"]
    outside = ask(client, dispatcher, lon=116.0, lat=39.9)
    assert explained(client, dispatcher, outside["id"])["answered"]["cell"] is None
    address = client.get("/v1/coverage", params={"address": "建义路1号"}, headers=dispatcher).json()
    if address["coverage"] is not None:
        kept = explained(client, dispatcher, address["coverage"]["id"])
        assert kept["answered"]["cell"] == address["coverage"]["cell"]["code"]


def test_public_answers_are_not_kept_and_no_key_is_a_reason_to_refuse(client: TestClient, key_for: KeyFor) -> None:
    city = key_for(client, "auditor", "*")
    strangers: list[Headers] = [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic eDp5"}]
    client.app.state.service.trail.work()  # type: ignore[attr-defined]
    for headers in strangers:
        answer = ask(client, headers)
        client.app.state.service.trail.work()  # type: ignore[attr-defined]
        assert client.get(f"/v1/coverage/{answer['id']}", headers=city).status_code == 404


def test_an_explanation_is_for_who_supervises_the_place(
    client: TestClient, key_for: KeyFor, auditor: Headers
) -> None:
    answer = ask(client, key_for(client, "viewer", DISTRICT))
    client.app.state.service.trail.work()  # type: ignore[attr-defined]
    path = f"/v1/coverage/{answer['id']}"
    unknown = client.get("/v1/coverage/00000000-0000-0000-0000-000000000000", headers=auditor)
    assert unknown.status_code == 404
    other = client.get(path, headers=key_for(client, "dispatcher", "120102"))
    assert other.status_code == 404
    assert other.json()["detail"].replace(answer["id"], "") == unknown.json()["detail"].replace(
        "00000000-0000-0000-0000-000000000000", ""
    ), "as if it were not there"
    assert client.get(path).status_code == 401
    assert client.get(path, headers=key_for(client, "viewer", "*")).status_code == 403
    assert client.get(path, headers=auditor).status_code == 200
    read = entries(client, auditor, action="explain")[0]["read"]
    assert read == {"what": "kept answer", "rows": 1, "answer": answer["id"]}


def test_the_thread_takes_what_is_spooled_by_itself(client: TestClient, key_for: KeyFor) -> None:
    headers = key_for(client, "dispatcher", "*")
    answer = ask(client, headers)
    deadline = time.monotonic() + 20
    while client.get(f"/v1/coverage/{answer['id']}", headers=headers).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
