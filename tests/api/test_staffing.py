"""How places are staffed, over HTTP: counted again post by post, and after a post has lost its shift."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from gridmap.model import CELL_LEVEL

Json = dict[str, Any]
CITY, DISTRICT, STREET, COMMUNITY, CELL = "120000", "120101", "120101001", "120101001001", "120101001001001"


def ask(client: TestClient, code: str) -> Json:
    response = client.get(f"/v1/staffing/{code}")
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def test_each_level_adds_up_to_the_one_above(client: TestClient) -> None:
    for code in (CITY, DISTRICT, STREET, COMMUNITY):
        answer = ask(client, code)
        assert answer["cells"] == sum(row["cells"] for row in answer["rows"]) > 0
        bare = sum(row["cells_without_post"] for row in answer["rows"])
        assert answer["cells_without_post"] == bare
        assert answer["posts"] >= sum(row["posts"] for row in answer["rows"])
        assert answer["gaps"] >= sum(row["gaps"] for row in answer["rows"])
        assert answer["rows"] == [
            {name: ask(client, row["code"])[name] for name in row} for row in answer["rows"][:3]
        ] + list(answer["rows"][3:])
    assert ask(client, COMMUNITY)["rows"][0]["level"] == CELL_LEVEL
    assert ask(client, CELL)["rows"] == []
    assert [each["level"] for each in ask(client, CELL)["areas"]] == ["community", "street", "district", "city"]


def test_it_is_what_the_posts_say_one_by_one(client: TestClient) -> None:
    snapshot = client.app.state.service.state.ready  # type: ignore[attr-defined]
    answer = ask(client, STREET)
    at = datetime.fromisoformat(answer["as_of"])
    inside = [post for post in snapshot.book.posts.values() if post.territory.startswith(STREET)]
    assert answer["posts"] == len(inside) > 10
    gaps = [
        post.code
        for post in sorted(inside, key=lambda post: post.code)
        if snapshot.book.voids([post.code], at, at + timedelta(seconds=1))
    ]
    assert answer["gaps"] == len(gaps)
    assert [each["post"] for each in answer["unfilled"]] == gaps[:100]


def test_a_post_that_nobody_holds_is_a_gap(writer: TestClient, key_for: Callable[..., dict[str, str]]) -> None:
    before = ask(writer, CELL)
    post = {
        "code": "bare-post",
        "kind": "grid_worker",
        "title": "网格员",
        "level": "cell",
        "territory": CELL,
        "phone": "022-0",
        "required": "1-7 00:00-24:00",
    }
    assert writer.post("/v1/posts", json=post, headers=key_for(writer, "publisher", CITY)).status_code < 300
    writer.app.state.service.current.refresh()  # type: ignore[attr-defined]
    after = ask(writer, CELL)
    assert (after["posts"], after["gaps"]) == (before["posts"] + 1, before["gaps"] + 1)
    assert "bare-post" in [each["post"] for each in after["unfilled"]]
    assert ask(writer, CITY)["gaps"] >= after["gaps"]
    assert datetime.fromisoformat(after["as_of"]) <= datetime.now(UTC)


def test_an_unknown_place(client: TestClient) -> None:
    assert client.get("/v1/staffing/nowhere").status_code == 404
