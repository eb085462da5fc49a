"""Released counts as OGC collections: what the releases say, with the shapes of their own revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from shapely.geometry import box, shape
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.coverage.grid import Grid
from gridmap.releases.periods import Month
from gridmap.store.database import Database
from tests.api.test_ogc_features import codes, follow, get
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next

SUBJECTS = ("incidents", "person", "place", "object", "organization")
MONTHS = ("2026-09", "2026-10")
NOW = datetime(2026, 11, 2, tzinfo=UTC)
CELLS = "/ogc/collections/released_cells/items"
LEVELS = {"released_cells": "cell", "released_street": "street", "released_city": "city"}


def release_one_category(database: Database) -> None:
    """Release two months in which all incidents are of one category: a sum over all shows where every one does."""
    with database.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE incident SET category = 'parking'"))
    for month in MONTHS:
        make_release(database, OPERATOR, Month.parse(month), NOW, lambda _: None)


@pytest.fixture(scope="module")
def database(make_copy: Callable[..., Any]) -> Iterator[Database]:
    """A copy of Heping with two releases on revision 1, and a cell that revision 2 splits."""
    with make_copy("ogc_released") as copied:
        release_one_category(copied)
        grid = grid_of(copied)
        publish_next(copied, a_split(grid, np.random.default_rng(3), "x"), grid)
        yield copied


@pytest.fixture(scope="module")
def released(serve: Callable[..., Any], database: Database) -> Iterator[TestClient]:
    with serve(database) as running:
        yield running


def rows(client: TestClient, of: str, by: str, period: str = "2026-10") -> dict[str, int | None]:
    found = get(client, f"/v1/releases/{period}", of=of, by=by)["rows"]
    return {row["code"]: row["count"] for row in found}


@pytest.mark.parametrize(("name", "by"), LEVELS.items())
def test_features_say_what_the_release_says(released: TestClient, grid: Grid, name: str, by: str) -> None:
    first = get(released, f"/ogc/collections/{name}/items", limit=150)
    features = follow(released, first)
    for of in SUBJECTS:
        found = {one["properties"]["code"]: one["properties"][of] for one in features}
        assert found == rows(released, of, by)
    assert [one["id"] for one in features] == sorted(f"2026-10.{code}" for code in codes(features))
    assert first["numberMatched"] == len(features)
    assert {(one["properties"]["period"], one["properties"]["grid_revision"]) for one in features} == {
        ("2026-10", 1)
    }
    assert first["revision"] == 1, "that of the release, not the current one"
    (told,) = first["releases"]
    assert (told["period"], told["revision"], told["least"]["incidents"], told["least"]["person"]) == (
        "2026-10", 1, 3, 10,
    )  # fmt: skip
    if by == "cell":
        assert any(one["properties"]["person"] is None for one in features), "something is hidden"
        for one in features:
            stored = grid.index.degrees[grid.by_code[one["properties"]["code"]]]
            assert shape(one["geometry"]).equals_exact(stored, 0), "the shapes of revision 1"


@pytest.mark.parametrize(
    ("said", "months"),
    [
        (None, ["2026-10"]),
        ("2026-09", ["2026-09"]),
        ("2026-09-30T23:59:59", ["2026-09"]),
        ("2026-09-30T16:00:00Z", ["2026-10"]),  # midnight in the city
        ("2026-09/2026-10", ["2026-09", "2026-10"]),
        ("../2026-09-15T00:00:00Z", ["2026-09"]),
        ("2026-10-02T00:00:00Z/..", ["2026-10"]),
        ("2025-01/2026-08", []),
    ],
)
def test_a_time_chooses_months(released: TestClient, said: str | None, months: list[str]) -> None:
    query = {} if said is None else {"datetime": said}
    first = get(released, CELLS, limit=400, **query)
    features = follow(released, first)
    assert sorted({one["properties"]["period"] for one in features}) == months
    assert [one["id"] for one in features] == sorted({one["id"] for one in features})
    assert first["numberMatched"] == len(features) == len(months) * len(rows(released, "place", "cell"))
    for month in months:
        found = {
            one["properties"]["code"]: one["properties"]["incidents"]
            for one in features
            if one["properties"]["period"] == month
        }
        assert found == rows(released, "incidents", "cell", month)


def test_what_an_earlier_release_does_not_count_is_null(released: TestClient) -> None:
    page = get(released, "/ogc/collections/released_street/items", datetime="2026-09")
    assert "person" not in page["releases"][0]["least"]
    assert {one["properties"]["person"] for one in page["features"]} == {None}


FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "object >= 4": lambda one: one["object"] >= 4,
    "person IS NULL AND organization = 0": lambda one: one["person"] is None and one["organization"] == 0,
    "NOT (person > 0)": lambda one: one["person"] == 0,
    "incidents >= 0 OR object = 6": lambda one: one["incidents"] is not None or one["object"] == 6,
    "place BETWEEN 1 AND 3 AND kind = 'basic'": lambda one: 1 <= one["place"] <= 3 and one["kind"] == "basic",
    "grid_revision = 1 AND code LIKE '120101001%'": lambda one: one["code"].startswith("120101001"),
    "T_AFTER(TIMESTAMP('2026-10-01T00:00:00Z'), TIMESTAMP('2026-09-01T00:00:00Z'))": lambda one: True,
}


@pytest.mark.parametrize("filter_", FILTERS)
def test_filters_know_the_counts(released: TestClient, filter_: str) -> None:
    everything = follow(released, get(released, CELLS, limit=1000))
    expected = {one["properties"]["code"] for one in everything if FILTERS[filter_](one["properties"])}
    page = get(released, CELLS, filter=filter_, limit=50)
    assert codes(follow(released, page)) == expected
    assert page["numberMatched"] == len(expected) > 0


def test_filters_are_asked_of_each_month(released: TestClient) -> None:
    path = "/ogc/collections/released_street/items"
    both = get(released, path, datetime="2026-09/2026-10")["features"]
    middle = sorted(one["properties"]["incidents"] for one in both)[len(both) // 2]
    found = follow(released, get(released, path, datetime="2026-09/..", filter=f"incidents >= {middle}", limit=1))
    assert {one["id"] for one in found} == {one["id"] for one in both if one["properties"]["incidents"] >= middle}
    assert {one["properties"]["period"] for one in found} == set(MONTHS)


def test_boxes_and_properties(released: TestClient) -> None:
    bounds = (117.19, 39.11, 117.20, 39.12)
    everything = follow(released, get(released, CELLS, limit=1000))
    inside = {one["id"] for one in everything if shape(one["geometry"]).intersects(box(*bounds))}
    found = follow(released, get(released, CELLS, bbox=",".join(map(str, bounds)), limit=20))
    assert {one["id"] for one in found} == inside
    none = get(released, CELLS, person=0, limit=1000)["features"]
    assert len(none) == sum(one["properties"]["person"] == 0 for one in everything) > 0


def test_one_feature_by_its_month_and_code(released: TestClient) -> None:
    code, count = next(
        (code, count) for code, count in rows(released, "incidents", "cell", "2026-09").items() if count
    )
    one = get(released, f"{CELLS}/2026-09.{code}")
    assert (one["properties"]["incidents"], one["releases"][0]["period"]) == (count, "2026-09")
    for wrong in ("2026-08." + code, "2026-09.nothing", code, "x"):
        assert released.get(f"{CELLS}/{wrong}").status_code == 404
    assert released.get(f"{CELLS}/2026-09.{code}", params={"datetime": "2026-10"}).status_code == 404


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"revision": 1}, "they have a datetime"),
        ({"since": 1}, "they have a datetime"),
        ({"datetime": "2026-13"}, "a month such as"),
        ({"filter": "incidents = 'x'"}, "cannot compare"),
        ({"filter": "households > 1"}, "no property here"),
    ],
)
def test_wrong_parameters(released: TestClient, query: dict[str, Any], said: str) -> None:
    answer = released.get(CELLS, params=query)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True), answer.text


def test_too_many_months_at_once_are_refused(released: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridmap.released_features.MOST_RELEASES", 1)
    answer = released.get(CELLS, params={"datetime": "2026-09/2026-10"})
    assert (answer.status_code, "at most 1" in answer.json()["detail"]) == (400, True)


def test_a_list_stays_in_the_month_it_began_in(
    serve: Callable[..., Any], heping_copy: Database, grid: Grid
) -> None:
    """Also before the first release, when there is nothing, and for the next page after a newer one."""
    with serve(heping_copy) as client:
        assert get(client, CELLS)["numberMatched"] == 0
        assert "no features" in client.get(CELLS, params={"f": "html"}).text
        make_release(heping_copy, OPERATOR, Month.parse("2026-09"), NOW, lambda _: None)
        first = get(client, CELLS, limit=300)
        make_release(heping_copy, OPERATOR, Month.parse("2026-10"), NOW, lambda _: None)
        features = follow(client, first)
        assert {one["properties"]["period"] for one in features} == {"2026-09"}
        assert len(features) == len(grid.cells)
        page = client.get(CELLS, params={"f": "html", "limit": 5}).text
        assert page.count("<tr>") == 6
        assert "/items/2026-10." in page


def test_they_have_no_tiles_and_no_files_by_these_names(released: TestClient) -> None:
    collection = get(released, "/ogc/collections/released_street")
    assert not [link for link in collection["links"] if "tilesets" in link["rel"]]
    assert released.get("/ogc/collections/released_street/tiles").status_code == 404
    assert released.get("/v1/download/released_street.gpkg").status_code == 404
    assert released.get("/v1/releases/2026-10/released_street.gpkg").status_code == 404
