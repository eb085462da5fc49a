"""Revisions over HTTP: who published what, what differs, what became of cells, and going back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

import numpy as np
import openpyxl
import pytest
import shapely
from fastapi.testclient import TestClient
from PIL import Image
from shapely.geometry import shape
from sqlalchemy import text

from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.crs import to_wgs84
from gridmap.store.database import Database
from tests.api.redrawn import NOTES, Story, get, redraw

KeyFor = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def database(make_copy: Callable[..., object]) -> Iterator[Database]:
    with make_copy("heping_story") as copy:  # type: ignore[attr-defined]
        yield copy


@pytest.fixture(scope="module")
def told(serve: Callable[..., object], database: Database) -> Iterator[TestClient]:
    with serve(database) as running:  # type: ignore[attr-defined]
        yield running


@pytest.fixture(scope="module")
def story(told: TestClient, database: Database, service_of: Callable[[TestClient], Service]) -> Story:
    return redraw(database, service_of(told))


@pytest.fixture(scope="module")
def staff(told: TestClient, key_for: KeyFor) -> dict[str, str]:
    return key_for(told, "caseworker", "120000")


@pytest.fixture(scope="module")
def others(told: TestClient, key_for: KeyFor) -> dict[str, str]:
    return key_for(told, "caseworker", "120102")


def test_staff_see_who_published_what_and_everybody_why(
    told: TestClient, story: Story, staff: dict[str, str]
) -> None:
    public, seen = get(told, "/v1/revisions"), get(told, "/v1/revisions", staff)
    assert [each["revision"] for each in seen["revisions"]] == [4, 3, 2, 1]
    assert [each["note"] for each in public["revisions"]][:3] == list(NOTES[:0:-1])
    assert {each["actor"] for each in seen["revisions"]} == {OPERATOR.id}
    assert {each["actor"] for each in public["revisions"]} == {None}
    assert get(told, "/v1/revisions/2", staff)["actor"] == OPERATOR.id
    assert told.get("/v1/revisions/current", headers=staff).headers["cache-control"].startswith("private")


def test_a_difference_lists_the_ground_that_went_from_cell_to_cell(told: TestClient, story: Story) -> None:
    found = get(told, "/v1/revisions/1/diff/2")
    assert (found["from"], found["to"], found["areas"], found["next"]) == (1, 2, [], None)
    assert {each["from"] for each in found["cells"]} == {story.split}
    assert {each["to"] for each in found["cells"]} == set(story.changes[0].drawn)
    assert sum(each["area_share"] for each in found["cells"]) == pytest.approx(1.0)
    assert {each["changes"] for each in found["cells"]} == {"code shape"}
    metric = found["cells"][0]["area_m2"] / found["cells"][0]["area_share"]
    grid = story.grids[0]
    whole = grid.index.degrees[grid.by_code[story.split]].area * 111_195**2 * np.cos(np.radians(39.12))
    assert metric == pytest.approx(whole, rel=0.01)
    back = get(told, "/v1/revisions/2/diff/1")
    assert {(each["to"], each["area_share"]) for each in back["cells"]} == {(story.split, 1.0)}
    coded = get(told, "/v1/revisions/2/diff/3")
    old, new = story.recoded
    assert {(each["code"], each["change"]) for each in coded["areas"]} == {(old, "ended"), (new, "begun")}
    assert {each["changes"] for each in coded["cells"]} == {"code community"}
    assert get(told, "/v1/revisions/3/diff/3")["cells"] == []


def test_numbers_are_for_the_staff_of_both_ends(
    told: TestClient, story: Story, staff: dict[str, str], others: dict[str, str], database: Database
) -> None:
    counted = ("elements", "people", "open_incidents")
    for headers in ({}, others):
        for each in get(told, "/v1/revisions/1/diff/4", headers)["cells"]:
            assert [each[name] for name in counted] == [None] * 3
    seen = get(told, "/v1/revisions/1/diff/2", staff)["cells"]
    query = (
        "SELECT cell.code, count(*) FILTER (WHERE class <> 'person'), count(*) FILTER (WHERE class = 'person') "
        "FROM element_placement JOIN element ON element.id = element_id JOIN cell ON cell.id = cell_id "
        "AND cell.revisions @> 2 WHERE first_revision <= 2 AND coalesce(last_revision, 2) >= 2 GROUP BY 1"
    )
    with database.begin(OPERATOR) as connection:
        placed = {row[0]: (row[1], row[2]) for row in connection.execute(text(query))}
    assert {each["to"]: (each["elements"], each["people"]) for each in seen} == {
        code: placed.get(code, (0, 0)) for code in story.changes[0].drawn
    }
    whole = sum(each["elements"] for each in seen)
    public = get(told, "/v1/revisions/1/diff/2")["cells"]
    for mine, theirs in zip(seen, public, strict=True):
        assert mine["element_share"] == pytest.approx(mine["elements"] / whole)
        assert theirs["element_share"] == (mine["element_share"] if whole >= 10 else None)


def test_shapes_before_and_after_and_what_moved(told: TestClient, story: Story) -> None:
    found = get(told, "/v1/revisions/1/diff/2", f="geojson")
    sides: dict[str, list[dict]] = {}  # type: ignore[type-arg]
    for each in found["features"]:
        sides.setdefault(each["properties"]["side"], []).append(each)
    assert [each["properties"]["code"] for each in sides["before"]] == [story.split]
    assert {each["properties"]["code"] for each in sides["after"]} == set(story.changes[0].drawn)
    whole = shape(sides["before"][0]["geometry"])
    moved = [shape(each["geometry"]) for each in sides["moved"]]
    assert shapely.union_all(moved).symmetric_difference(whole).area < 1e-14
    assert len({each["id"] for each in found["features"]}) == len(found["features"])
    shifted = get(told, "/v1/revisions/1/diff/2", f="geojson", crs="gcj02")
    coordinates = np.array(shifted["features"][0]["geometry"]["coordinates"][0])
    lon, lat = to_wgs84("gcj02", coordinates[:, 0], coordinates[:, 1])
    assert np.abs(lon - shapely.get_coordinates(whole)[: len(lon), 0]).max() < 1e-6
    assert np.abs(lat - shapely.get_coordinates(whole)[: len(lat), 1]).max() < 1e-6


def test_a_difference_comes_page_by_page_and_within_a_box(told: TestClient, story: Story) -> None:
    whole = get(told, "/v1/revisions/1/diff/4")["cells"]
    path, pages, seen = "/v1/revisions/1/diff/4?limit=2", 0, []
    while path:
        page = get(told, path)
        seen += page["cells"]
        path, pages = page["next"], pages + 1
    assert seen == whole
    assert pages > 2
    grid = story.grids[0]
    box = ",".join(map(str, shapely.point_on_surface(grid.index.degrees[grid.by_code[story.split]]).bounds))
    assert {each["from"] for each in get(told, "/v1/revisions/1/diff/2", bbox=box)["cells"]} == {story.split}
    assert get(told, "/v1/revisions/1/diff/2", bbox="116,38,116.1,38.1")["cells"] == []


def test_a_difference_as_table_picture_and_page(told: TestClient, story: Story) -> None:
    path = "/v1/revisions/1/diff/4"
    rows = get(told, path)["cells"]
    table = list(csv.DictReader(io.StringIO(told.get(path, params={"f": "csv"}).content.decode("utf-8-sig"))))
    assert [(each["from"], each["to"]) for each in table] == [(each["from"], each["to"]) for each in rows]
    book = openpyxl.load_workbook(io.BytesIO(told.get(path, params={"f": "xlsx"}).content))
    assert [line[0] for line in book["cells"].values][1:] == [each["from"] for each in rows]
    assert len(list(book["areas"].values)) == 1 + len(get(told, path)["areas"])
    picture = told.get("/v1/revisions/1/diff/2", params={"f": "png", "width": 900})
    image = np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"))
    assert image.shape[1] == 900
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20
    page = told.get(path, params={"f": "html"})
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert story.split in page.text
    assert "<script" not in page.text


def test_lineage_multiplies_the_shares_of_steps(told: TestClient, story: Story) -> None:
    last = story.grids[-1]
    direct = {
        each["to"]: each for each in get(told, "/v1/revisions/1/diff/4")["cells"] if each["from"] == story.split
    }
    (row,) = get(told, "/v1/revisions/1/lineage", cell=story.split)["cells"]
    assert row["code"] == story.split
    assert {each["code"] for each in row["became"]} == set(direct) <= set(last.by_code)
    for each in row["became"]:
        assert each["area_share"] == pytest.approx(direct[each["code"]]["area_share"], abs=1e-6)
    halfway = get(told, "/v1/revisions/1/lineage", cell=story.split, to=2)["cells"][0]["became"]
    assert {each["code"] for each in halfway} == set(story.changes[0].drawn)
    old, new = story.recoded
    (area,) = get(told, "/v1/revisions/1/lineage", area=old)["areas"]
    assert area["became"][0]["code"] == new
    assert area["became"][0]["area_share"] == pytest.approx(1.0)
    every = get(told, "/v1/revisions/1/lineage")["cells"]
    assert {each["code"] for each in every} >= {story.split}
    assert told.get("/v1/revisions/4/lineage", params={"cell": story.split}).status_code == 404
    assert told.get("/v1/revisions/4/lineage", params={"to": 1}).status_code == 422
    assert told.get("/v1/revisions/1/lineage", params={"area": "120199"}).status_code == 404


def test_a_retired_code_answers_with_todays_successors(told: TestClient, story: Story) -> None:
    cell = get(told, f"/v1/cells/{story.split}")
    assert (cell["status"], cell["last_revision"]) == ("retired", 1)
    assert cell["ended_at"] == get(told, "/v1/revisions/2")["valid_from"]
    assert {each["code"] for each in cell["successors"]} <= set(story.grids[-1].by_code)
    assert sum(each["area_share"] for each in cell["successors"]) == pytest.approx(1.0)
    then = get(told, f"/v1/cells/{story.split}", revision=1)
    assert (then["status"], then["ended_at"], then["successors"]) == ("current", None, [])


def test_going_back_is_for_publishers(
    told: TestClient, story: Story, key_for: KeyFor, service_of: Callable[[TestClient], Service]
) -> None:
    path = "/v1/revisions/1/restore"
    assert told.post(path).status_code == 401
    assert told.post(path, headers=key_for(told, "planner", "120000")).status_code == 403
    publisher = key_for(told, "publisher", "120000")
    assert told.post("/v1/revisions/99/restore", headers=publisher).status_code == 404
    assert told.post("/v1/revisions/4/restore", headers=publisher).status_code == 409
    done = told.post(path, json={"note": "that was wrong"}, headers=publisher)
    assert done.status_code == 200, done.text
    assert done.json()["revision"] == 5
    assert service_of(told).state.ready.grid.cells == story.grids[0].cells
    assert get(told, "/v1/revisions/current")["note"] == "that was wrong"
    assert get(told, "/v1/revisions/1/diff/5")["cells"] == []
    assert get(told, f"/v1/cells/{story.split}")["status"] == "current"
    assert told.post("/v1/revisions/4/restore", headers=publisher).json()["revision"] == 6
    assert get(told, "/v1/revisions/4/diff/6") == {"from": 4, "to": 6, "cells": [], "areas": [], "next": None}
