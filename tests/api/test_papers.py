"""Papers over HTTP: posters for everybody, dossiers for those who may see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from tests.gridmap.papers.reading import fonts_of, loads_from, pages_of, qr_codes, size_mm

CODE = "120101001001001"
POSTER = f"/v1/cells/{CODE}/poster"
KeyFor = Callable[..., dict[str, str]]


@pytest.mark.parametrize(("size", "paper"), [("A4", (210, 297)), ("A3", (297, 420))])
def test_a_poster_says_what_the_city_posts_on_the_wall(
    client: TestClient, size: str, paper: tuple[int, int]
) -> None:
    answer = client.get(f"{POSTER}.pdf", params={"size": size})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert size_mm(answer.content) == paper
    assert all(fonts_of(answer.content).values())
    (said,) = pages_of(answer.content)
    roster = client.get(f"/v1/cells/{CODE}/roster").json()
    assert roster["posts"]
    for post in roster["posts"]:
        assert post["title"] in said
        assert post["phone"] in said
        assert all(shift["holder"] in said for shift in post["shifts"])
    desks = [rung for rung in roster["ladder"] if rung["kind"] == "duty_desk"]
    assert len(desks) >= 3
    assert all(rung["phone"] in said for rung in desks)
    city = client.get("/v1/city").json()
    for needed in (CODE, "花园路社区第1网格", "东至建义路", *city["emergency"], "虚构"):
        assert needed in said


def test_its_qr_code_leads_to_the_poster_as_a_page(serve: Callable, make_copy: Callable) -> None:
    with make_copy("heping_posters") as database:
        with serve(database, public_url="https://grid.example/map") as client:
            picture = client.get(f"{POSTER}.png")
            assert picture.headers["content-type"] == "image/png"
            assert qr_codes(picture.content) == [f"https://grid.example/map{POSTER}.html"]
        with serve(database) as client:
            assert qr_codes(client.get(f"{POSTER}.png").content) == [f"http://127.0.0.1:8000{POSTER}.html"]


def test_the_page_of_a_poster_loads_nothing(client: TestClient) -> None:
    answer = client.get(f"{POSTER}.html", params={"lang": "en"})
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert loads_from(answer.text) == []
    assert 'href="tel:022-' in answer.text


def test_a_poster_that_the_client_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get(f"{POSTER}.pdf")
    again = client.get(f"{POSTER}.pdf", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{POSTER}.pdf").content == first.content  # kept, not printed again


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/cells/999/poster.pdf", 404),
        (f"{POSTER}.gif", 422),
        (f"{POSTER}.pdf?size=A0", 422),
        (f"{POSTER}.pdf?lang=fr", 422),
        ("/v1/revisions/1/dossier.pdf", 401),
        ("/v1/drafts/1/dossier.pdf", 401),
    ],
)
def test_what_there_is_not_and_who_may_not(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_first_revision_has_no_dossier_and_an_unknown_draft_neither(
    client: TestClient, key_for: KeyFor
) -> None:
    planner = key_for(client, "planner", "120101")
    assert client.get("/v1/revisions/1/dossier.html", headers=planner).status_code == 404
    assert client.get("/v1/drafts/7/dossier.html", headers=planner).status_code == 404
