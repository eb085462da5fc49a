"""Heatmaps over HTTP: who may ask, what comes back in which form, that it follows, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import h3
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.crs import from_wgs84
from gridmap.store.database import Database

KeyFor = Callable[..., dict[str, str]]
PATH = "/v1/heatmap"
HERE = {"lon": 117.1950, "lat": 39.1180}


@pytest.fixture(scope="module")
def staff(client: TestClient, key_for: KeyFor) -> dict[str, str]:
    return key_for(client, "viewer", "120000")


def ask(client: TestClient, headers: dict[str, str], **given: object) -> dict[str, Any]:
    response = client.get(PATH, params={"of": "incidents", **given}, headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_contract(client: TestClient, staff: dict[str, str]) -> None:
    answer = ask(client, staff, by="hex", resolution=8)
    assert {"revision", "data_version", "by", "resolution", "total", "outside", "suppressed", "rows"} <= set(
        answer
    )
    assert (answer["revision"], answer["by"], answer["resolution"], answer["suppressed"]) == (1, "hex", 8, 0)
    assert sum(row["count"] for row in answer["rows"]) + answer["outside"] == answer["total"] > 1000
    assert set(answer["rows"][0]) == {"hex", "count"}
    assert all(h3.get_resolution(row["hex"]) == 8 for row in answer["rows"])
    assert answer["attribution"]
    assert "虚构" in answer["notice"]["zh"]
    assert answer["degraded"] is None
    cells = ask(client, staff, by="cell")
    assert set(cells["rows"][0]) == {"code", "count"}
    districts = ask(client, staff, by="district")
    assert districts["rows"] == [
        {"code": "120101", "name": "和平区", "count": districts["total"] - districts["outside"]}
    ]
    assert {cells["total"], districts["total"]} == {answer["total"]}


def test_who_may_ask(client: TestClient, key_for: KeyFor, staff: dict[str, str]) -> None:
    def status(headers: dict[str, str], **given: str) -> tuple[int, str]:
        response = client.get(PATH, params={"of": "incidents", "by": "cell", **given}, headers=headers)
        return response.status_code, response.json().get("detail", "")

    street = key_for(client, "caseworker", "120101001")
    assert status(street, area="120101001")[0] == 200
    assert status(street, area="120101001001001")[0] == 200
    code, detail = status(street)
    assert code == 403
    assert "only as releases" in detail
    assert status(street, area="120101003")[0] == 403
    code, detail = status({})
    assert code == 401
    assert "release" in detail
    for role in ("system_admin", "auditor", "key_admin"):
        assert status(key_for(client, role, "120000"))[0] == 403, role
    assert status(street, area="120101999") == (404, "no area or cell '120101999' in revision 1")
    # people are counted for staff of the territory, and for nobody else
    person = {"of": "elements", "class": "person"}
    assert status(staff, **person)[0] == 200
    assert status({}, **person)[0] == 401


def test_a_box_does_not_widen_an_area(client: TestClient, key_for: KeyFor) -> None:
    street = key_for(client, "caseworker", "120101001")
    answer = ask(client, street, by="cell", area="120101001", bbox="116,38,118,41")
    assert {row["code"][:9] for row in answer["rows"]} == {"120101001"}
    assert answer["outside"] == 0


def test_it_follows_what_is_written(
    writer: TestClient, heping_copy: Database, key_for: KeyFor, service_of: Callable[..., Any]
) -> None:
    key = key_for(writer, "dispatcher", "120000")
    before = ask(writer, key, by="cell")
    row = {"id": "1", **HERE, "category": "noise", "happened_at": "2026-11-02T03:00:00"}
    far = {**row, "id": "2", "lon": 118.9}
    body = {"crs": "wgs84", "source": "hotline", "incidents": [row, far]}
    cell = writer.post("/v1/incidents", json=body, headers=key).json()["rows"][0]["cell"]
    service_of(writer).current.refresh()
    after = ask(writer, key, by="cell")
    assert after["data_version"] != before["data_version"]
    counts = [{each["code"]: each["count"] for each in answer["rows"]} for answer in (before, after)]
    assert counts[1][cell] == counts[0].get(cell, 0) + 1
    assert after["outside"] == before["outside"] + 1
    assert after["total"] == before["total"] + 2
    one_second = {"from": "2026-11-02T03:00:00", "to": "2026-11-02T03:00:01"}
    assert ask(writer, key, by="city", **one_second)["total"] == 2
    assert (
        ask(writer, key, by="city", **{**one_second, "from": "2026-11-02T02:00:00", "to": "2026-11-02T03:00:00"})[
            "total"
        ]
        == 0
    ), "the window's end does not count"
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(
            text("DELETE FROM incident_placement USING incident WHERE id = incident_id AND source = 'hotline'")
        )
        connection.execute(text("DELETE FROM incident WHERE source = 'hotline'"))
    service_of(writer).current.refresh()
    again = ask(writer, key, by="cell")
    assert again["rows"] == before["rows"]


def test_rates_per_1000_people_where_everybody_is_listed(
    writer: TestClient, key_for: KeyFor, service_of: Callable[..., Any]
) -> None:
    key = key_for(writer, "viewer", "120000")
    refused = writer.get(PATH, params={"of": "incidents", "by": "cell", "measure": "per_1000"}, headers=key)
    assert refused.status_code == 404
    assert "not measured" in refused.json()["detail"]
    with service_of(writer).database.begin(OPERATOR) as connection:
        statement = (
            "WITH new AS (INSERT INTO element (source, external_id, class, category, building, given_crs, "
            "given_x, "
            "given_y, hex, geom) SELECT 't', n::text, 'person', 'resident', 'b', 'wgs84', 0, 0, hex, geom FROM "
            "(SELECT * FROM incident WHERE id IN (SELECT incident_id FROM incident_placement WHERE cell_id = "
            "(SELECT min(cell_id) FROM incident_placement)) LIMIT 1) AS one, generate_series(1, 40) AS n "
            "RETURNING id) "
            "INSERT INTO element_placement (top, element_id, first_revision, cell_id, how) SELECT '120101', id, "
            "1, "
            "(SELECT min(cell_id) FROM incident_placement), 'inside' FROM new"
        )
        connection.execute(text(statement))
        code = connection.execute(
            text("SELECT code FROM cell WHERE id = (SELECT min(cell_id) FROM incident_placement)")
        ).scalar_one()
        known = connection.execute(
            text(
                "SELECT count(*) FROM element JOIN element_placement ON id = element_id JOIN cell ON cell.id = "
                "cell_id "
                "WHERE class = 'person' AND code = :code"
            ),
            {"code": code},
        ).scalar_one()
    service_of(writer).current.refresh()
    answer = ask(writer, key, by="cell", measure="per_1000", zeros="true")
    rows = {row["code"]: row for row in answer["rows"]}
    assert rows[code]["per_1000"] == pytest.approx(1000 * rows[code]["count"] / known, abs=1e-3)
    assert any(row["per_1000"] is None for row in answer["rows"]), "where nobody lives there is no rate, not 0"


def test_csv(client: TestClient, staff: dict[str, str]) -> None:
    given = {"of": "incidents", "by": "street", "from": "2026-01-01", "to": "2026-07-01", "f": "csv"}
    response = client.get(
        PATH, params={**given, "compare_from": "2025-11-01", "compare_to": "2026-01-01"}, headers=staff
    )
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == (
        'attachment; filename="heatmap-incidents-street-r1-20260101-20260701.csv"'
    )
    assert response.content.startswith(b'"code","name","count","earlier","change","relative_change"\r\n')
    frame = pd.read_csv(io.BytesIO(response.content), dtype={"code": str})
    whole = ask(client, staff, **{**given, "f": "json"})
    assert frame["count"].sum() == whole["total"]
    assert frame["code"].tolist() == [*(row["code"] for row in whole["rows"]), "outside"]
    assert (frame["change"] == frame["count"] - frame["earlier"]).all()


def test_text_that_begins_like_a_formula_is_none(
    writer: TestClient, key_for: KeyFor, service_of: Callable[..., Any]
) -> None:
    key = key_for(writer, "viewer", "120000")
    with service_of(writer).database.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE cell SET name = '=1+1' WHERE code = '120101001001001'"))
        connection.execute(text("UPDATE cell SET name = '@SUM(A1)' WHERE code = '120101001001002'"))
    service_of(writer).current.refresh()
    given = {"of": "incidents", "by": "cell", "zeros": "true", "area": "120101001001"}
    content = writer.get(PATH, params={**given, "f": "csv"}, headers=key).text
    names = [row["name"] for row in csv.DictReader(io.StringIO(content))]
    assert names[:2] == ["'=1+1", "'@SUM(A1)"]
    book = openpyxl.load_workbook(io.BytesIO(writer.get(PATH, params={**given, "f": "xlsx"}, headers=key).content))
    cell = book["heatmap"]["B2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_xlsx(client: TestClient, staff: dict[str, str]) -> None:
    response = client.get(PATH, params={"of": "incidents", "by": "cell", "f": "xlsx"}, headers=staff)
    book = openpyxl.load_workbook(io.BytesIO(response.content))
    rows = list(book["heatmap"].values)
    answer = ask(client, staff, by="cell")
    assert rows[0] == ("code", "name", "count")
    assert [(row[0], row[2]) for row in rows[1:-1]] == [(row["code"], row["count"]) for row in answer["rows"]]
    assert (rows[-1][0], rows[-1][2]) == ("outside", answer["outside"])
    code = book["heatmap"]["A2"]
    assert (code.data_type, code.number_format) == ("s", "@")
    about = dict(book["about"].values)
    assert (about["revision"], about["total"], about["data_version"]) == (
        1,
        answer["total"],
        answer["data_version"],
    )
    assert "虚构" in about["notice"]


def test_arrow(client: TestClient, staff: dict[str, str]) -> None:
    response = client.get(PATH, params={"of": "incidents", "measure": "per_km2", "f": "arrow"}, headers=staff)
    table = pa.ipc.open_stream(response.content).read_all()
    answer = ask(client, staff, measure="per_km2")
    assert table.to_pylist() == answer["rows"]
    said = json.loads(table.schema.metadata[b"gridmap"])
    assert {name: said[name] for name in said} == {name: answer[name] for name in said}


@pytest.mark.parametrize("by", ["hex", "cell", "street", "city"])
def test_geojson(client: TestClient, staff: dict[str, str], by: str) -> None:
    response = client.get(PATH, params={"of": "incidents", "by": by, "f": "geojson"}, headers=staff)
    assert response.headers["content-type"] == "application/geo+json"
    frame = gpd.read_file(io.BytesIO(response.content))
    answer = ask(client, staff, by=by)
    assert frame["count"].tolist() == [row["count"] for row in answer["rows"]]
    assert frame.geometry.is_valid.all()
    if by == "hex":
        for key, shape in zip(frame["hex"], frame.geometry, strict=True):
            assert h3.latlng_to_cell(shape.centroid.y, shape.centroid.x, 8) == key
    else:
        assert shapely.coverage_is_valid(frame.geometry.to_numpy())
        with_all = client.get(
            PATH, params={"of": "incidents", "by": by, "f": "geojson", "zeros": "true"}, headers=staff
        )
        whole = gpd.read_file(io.BytesIO(with_all.content)).to_crs("EPSG:4548")
        assert whole.geometry.area.sum() / 1e6 == pytest.approx(9.97, rel=0.02)


@pytest.mark.parametrize("crs", ["gcj02", "bd09", "EPSG:4548", "cgcs2000"])
def test_geojson_in_another_crs(client: TestClient, staff: dict[str, str], crs: str) -> None:
    given = {"of": "incidents", "resolution": 9, "f": "geojson"}
    plain, turned = (
        client.get(PATH, params={**given, **more}, headers=staff).json() for more in ({}, {"crs": crs})
    )
    assert turned["crs"] == crs
    lon, lat = plain["features"][0]["geometry"]["coordinates"][0][0]
    x, y = turned["features"][0]["geometry"]["coordinates"][0][0]
    expected = tuple(float(value[0]) for value in from_wgs84(crs, [lon], [lat]))
    assert (x, y) == pytest.approx(expected, abs=1e-9 if abs(x) < 180 else 1e-4)


def test_nothing_has_changed(client: TestClient, staff: dict[str, str], key_for: KeyFor) -> None:
    first = client.get(PATH, params={"of": "incidents"}, headers=staff)
    assert first.headers["cache-control"] == "private, no-cache"
    tag = {"If-None-Match": first.headers["etag"]}
    again = client.get(PATH, params={"of": "incidents"}, headers={**staff, **tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(PATH, params={"of": "elements"}, headers={**staff, **tag}).status_code == 200
    assert client.get(PATH, params={"of": "incidents"}, headers=tag).status_code == 401


def test_live_counts_need_the_databases_word_and_say_how_old_they_are(
    serve: Callable[..., AbstractContextManager[TestClient]],
    heping_copy: Database,
    key_for: KeyFor,
    service_of: Callable[..., Any],
    tmp_path: Path,
) -> None:
    with serve(heping_copy, tmp_path) as running:
        key = key_for(running, "viewer", "120000")
        before = ask(running, key, by="cell")
        gone = Database(f"postgresql+psycopg2://gridmap_owner@/demo?host={tmp_path}&port=5432")
        service_of(running).current._database = gone
        service_of(running).current.refresh()
        after = ask(running, key, by="cell")
        assert after["degraded"]["since"]
        assert after["rows"] == before["rows"]
    with serve(gone, tmp_path) as again:
        assert service_of(again).state.facts is not None
        refused = again.get(PATH, params={"of": "incidents", "by": "cell"}, headers=key)
        assert refused.status_code == 503, "nobody can say what its policies let the actor count"


def test_facts_of_another_revision_are_not_counted(
    client: TestClient, staff: dict[str, str], service_of: Callable[..., Any]
) -> None:
    current = service_of(client).current
    state = current.state
    try:
        current._state = replace(state, facts=None)
        response = client.get(PATH, params={"of": "incidents"}, headers=staff)
        assert response.status_code == 503
        assert "cannot count" in response.json()["detail"]
    finally:
        current._state = state


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"of": "people"}, "of"),
        ({"by": "borough"}, "must be hex, cell, city, district, street, community"),
        ({"by": "hex\x00"}, "by"),
        ({"resolution": "12"}, "resolution"),
        ({"by": "cell", "resolution": "8"}, "belongs to by=hex"),
        ({"class": "person"}, "belongs to elements"),
        ({"of": "elements", "from": "2026-01-01"}, "belong to incidents"),
        ({"of": "elements", "hours": "8-18"}, "belong to incidents"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from must lie before to"),
        ({"compare_from": "2026-02-01", "compare_to": "2026-02-01"}, "compare_from must lie before compare_to"),
        ({"from": "0001-01-01"}, "the year must lie in"),
        ({"to": "9999-12-31T23:59:59"}, "the year must lie in"),
        ({"hours": "8-25"}, "hours"),
        ({"hours": "8"}, "hours"),
        ({"hours": "٨-١٨"}, "hours"),
        ({"weekdays": "0-5"}, "weekdays"),
        ({"weekdays": "1,,2"}, "weekdays"),
        ({"bbox": "39.1,117.1,39.2,117.2"}, "look swapped"),
        ({"bbox": "nan,39,118,40"}, "bbox"),
        ({"bbox": "117,39,118"}, "must be west,south,east,north"),
        ({"bbox": "1e400,39,118,40"}, "bbox"),
        ({"area": "a/b"}, "area"),
        ({"category": "no\x00ise"}, "category"),
        ({"measure": "per_head"}, "measure"),
        ({"zeros": "true"}, "hexes without any are not listed"),
        ({"f": "pdf"}, "f"),
        ({"f": "geojson", "crs": "mars"}, "mars"),
        ({"f": "png", "width": "100000"}, "width"),
    ],
)
def test_what_is_refused(client: TestClient, staff: dict[str, str], given: dict[str, str], said: str) -> None:
    response = client.get(PATH, params={"of": "incidents", **given}, headers=staff)
    assert response.status_code == 422, response.text
    assert said in response.text


def test_a_parameter_that_comes_twice_is_refused(client: TestClient, staff: dict[str, str]) -> None:
    response = client.get(PATH, params={"of": "incidents", "resolution": ["7", "8"]}, headers=staff)
    assert response.status_code == 422
    assert "resolution: must be given once, got ['7', '8']" in response.json()["detail"]


def test_several_categories(client: TestClient, staff: dict[str, str]) -> None:
    each = [ask(client, staff, category=name)["total"] for name in ("noise", "fire")]
    both = ask(client, staff, category=["noise", "fire"])
    assert both["total"] == sum(each)
    assert both["category"] == ["fire", "noise"]


def test_another_revision_is_not_counted_as_this_one(client: TestClient, staff: dict[str, str]) -> None:
    given = {"of": "incidents", "by": "district"}
    now = client.get(PATH, params=given, headers=staff).json()
    assert client.get(PATH, params={**given, "revision": 1}, headers=staff).json()["rows"] == now["rows"]
    other = client.get(PATH, params={**given, "revision": 2}, headers=staff)
    assert other.status_code == 404
    assert "no revision 2" in other.json()["detail"]
