"""The heatmap for those who are not staff of the territory says what releases say, and nothing else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import openpyxl
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.releases.periods import Month
from gridmap.store.database import Database

MONTH = {"from": "2026-10-01", "to": "2026-11-01"}
PATH = "/v1/heatmap"
NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def released(
    serve: Callable[..., AbstractContextManager[TestClient]],
    make_copy: Callable[[str], AbstractContextManager[Database]],
) -> Iterator[TestClient]:
    """A client of a copy of Heping with the releases of two months."""
    with make_copy("heatmap_released") as database:
        for month in ("2026-09", "2026-10"):
            make_release(database, OPERATOR, Month.parse(month), NOW, lambda _: None)
        with serve(database) as client:
            yield client


@pytest.mark.parametrize("by", [{"by": "cell"}, {"by": "street"}, {"by": "hex", "resolution": 8}])
@pytest.mark.parametrize("category", [{}, {"category": "noise"}])
def test_it_has_the_rows_of_the_release_that_show(
    released: TestClient, by: dict[str, object], category: dict[str, str]
) -> None:
    rows = released.get("/v1/releases/2026-10", params={"of": "incidents", **by, **category}).json()
    got = released.get(PATH, params={"of": "incidents", **by, **category, **MONTH})
    assert got.status_code == 200
    answer = got.json()
    name = "hex" if by["by"] == "hex" else "code"
    assert {row[name]: row["count"] for row in answer["rows"]} == {
        row[name]: row["count"] for row in rows["rows"] if row["count"]
    }
    for field in ("total", "outside", "suppressed", "revision", "resolution"):
        assert answer[field] == rows[field], field
    assert answer["released"] == ["2026-10"]
    assert answer["suppressed"] > 0 or by["by"] != "cell"


def test_without_a_window_it_is_the_newest_and_months_add_up(released: TestClient) -> None:
    params = {"of": "incidents", "by": "district", "category": "parking"}
    newest = released.get(PATH, params=params).json()
    assert newest["released"] == ["2026-10"]
    both = released.get(PATH, params={**params, "from": "2026-09-01", "to": "2026-11-01"}).json()
    assert both["released"] == ["2026-09", "2026-10"]
    assert both["rows"][0]["count"] > newest["rows"][0]["count"]
    things = released.get(PATH, params={"of": "elements", "class": "object", "by": "cell", "zeros": True}).json()
    assert min(row["count"] for row in things["rows"]) == 0


@pytest.mark.parametrize(
    "wish",
    [
        {"from": "2026-10-02", "to": "2026-11-01"},
        {"from": "2026-10-01"},
        {"from": "2026-08-01", "to": "2026-10-01"},
        {**MONTH, "hours": "8-18"},
        {**MONTH, "weekdays": "1-5"},
        {**MONTH, "area": "120101"},
        {**MONTH, "measure": "per_km2"},
        {**MONTH, "compare_from": "2026-09-01", "compare_to": "2026-10-01"},
        {**MONTH, "category": ["noise", "fire"]},
        {"of": "elements"},
        {"of": "elements", "class": "object", "category": "bench"},
    ],
)
def test_what_no_release_says_is_refused(
    released: TestClient, key_for: Callable[..., dict[str, str]], wish: dict[str, object]
) -> None:
    params = {"of": "incidents", "by": "cell", **wish}
    refused = released.get(PATH, params=params)
    assert refused.status_code == 401, refused.text
    assert "release" in refused.json()["detail"]
    neighbour = key_for(released, "caseworker", "120102")
    assert released.get(PATH, params=params, headers=neighbour).status_code == 403


@pytest.mark.parametrize("by", [{"by": "cell"}, {"by": "street"}, {"by": "hex", "resolution": "7"}])
def test_every_form_has_the_same_rows_and_says_what_it_is(released: TestClient, by: dict[str, str]) -> None:
    params = {"of": "incidents", **by, "period": "2026-10"}
    rows = released.get(PATH, params=params).json()
    name = "hex" if by["by"] == "hex" else "code"
    wanted = {row[name]: row["count"] for row in rows["rows"]}
    answers = {
        f: released.get(PATH, params={**params, "f": f}) for f in ("geojson", "csv", "xlsx", "arrow", "png")
    }
    for f, answer in answers.items():
        assert answer.status_code == 200, (f, answer.text)
        assert answer.headers["gridmap-data-version"] == rows["data_version"]
    shapes = answers["geojson"].json()
    assert {one["properties"][name]: one["properties"]["count"] for one in shapes["features"]} == wanted
    assert {one["geometry"]["type"] for one in shapes["features"]} <= {"Polygon", "MultiPolygon"}
    for said in (shapes, rows):
        assert (said["released"], said["revision"], said["suppressed"]) == (["2026-10"], 1, rows["suppressed"])
        assert said["attribution"]
        assert "Made up" in said["notice"]["en"]
    listed = list(csv.reader(io.StringIO(answers["csv"].text)))
    assert {row[0]: int(row[-1]) for row in listed[1:-1]} == wanted
    book = openpyxl.load_workbook(io.BytesIO(answers["xlsx"].content))
    assert {row[0].value: row[-1].value for row in list(book["heatmap"].rows)[1:-1]} == wanted
    arrow = pa.ipc.open_stream(answers["arrow"].content).read_all()
    assert dict(zip(arrow[name].to_pylist(), arrow["count"].to_pylist(), strict=True)) == wanted
    assert json.loads(arrow.schema.metadata[b"gridmap"])["released"] == ["2026-10"]
    told = Image.open(io.BytesIO(answers["png"].content)).text["Description"]
    assert "2026-10" in told
    assert ("少于 3 的" in told) or ("below 3" in told)
    assert "released-incidents" in answers["png"].headers["content-disposition"]


def test_a_grid_that_was_not_counted_on_is_refused(released: TestClient) -> None:
    params = {"of": "incidents", "by": "cell", "period": "2026-10"}
    assert released.get(PATH, params={**params, "revision": 1}).status_code == 200
    refused = released.get(PATH, params={**params, "revision": 2})
    assert (refused.status_code, "released counts are of revision 1" in refused.json()["detail"]) == (404, True)


def test_a_month_by_its_name(released: TestClient, key_for: Callable[..., dict[str, str]]) -> None:
    staff = key_for(released, "viewer", "120000")
    live = {"of": "incidents", "by": "street"}
    named = released.get(PATH, params={**live, "period": "2026-09"}, headers=staff).json()
    by_days = {**live, "from": "2026-09-01", "to": "2026-10-01"}
    assert named == released.get(PATH, params=by_days, headers=staff).json()
    things = {"of": "elements", "class": "object", "by": "street"}
    assert released.get(PATH, params={**things, "period": "2026-10"}).json()["released"] == ["2026-10"]
    assert released.get(PATH, params={**things, "period": "2026-09"}).status_code == 401  # counts no elements
    for refused in ({**things, "period": "2026-10"}, {**live, "period": "2026-10", "from": "2026-10-01"}):
        answer = released.get(PATH, params=refused, headers=staff)
        assert (answer.status_code, "period" in answer.json()["detail"]) == (422, True)


def test_a_late_incident_changes_nothing_for_the_public(
    released: TestClient, key_for: Callable[..., dict[str, str]], service_of: Callable[[TestClient], object]
) -> None:
    staff = key_for(released, "viewer", "120000")
    params = {"of": "incidents", "by": "cell", **MONTH}
    before, live = released.get(PATH, params=params), released.get(PATH, params=params, headers=staff).json()
    service = service_of(released)
    with service.database.begin(OPERATOR) as connection:  # type: ignore[attr-defined]
        moved = text(
            "UPDATE incident SET happened_at = '2026-10-15 04:00+00' WHERE id = "
            "(SELECT min(id) FROM incident WHERE happened_at < '2026-06-01')"
        )
        connection.execute(moved)
    service.current.refresh()  # type: ignore[attr-defined]
    after = released.get(PATH, params=params)
    assert after.json() == before.json()
    assert after.headers["GridMap-Data-Version"] == before.headers["GridMap-Data-Version"]
    assert released.get(PATH, params=params, headers=staff).json()["total"] == live["total"] + 1
