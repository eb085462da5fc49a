"""Every route of the service, asked by strangers before and after one incident and one person: the same bytes.

What a stranger is told may change with a release or a revision only. So each path of the description is asked with
values that find something, as the public and as staff of another district, and nothing may tell that a row came.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import geopandas
import numpy as np
import openpyxl
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.cluster import OWNER
from gridmap.releases.periods import Month
from gridmap.store.database import Database
from tests.api.test_drafts import ask, submitted

Query = dict[str, Any]
Answers = dict[tuple[str, str], tuple[int, bytes, dict[str, str]]]

SPOT = (117.195, 39.118)
CELL, COMMUNITY, STREET, DISTRICT = "120101001001001", "120101001001", "120101001", "120101"
FORMS = ("json", "geojson", "csv", "xlsx", "arrow", "png")
SUBJECTS: list[Query] = [{}, {"of": "elements", "class": "person"}, {"of": "incidents", "category": "parking"}]
RELEASED = ("incidents", "person")
LAYERS = ("cells", "community", "street", "district", "city", "labels", "overlays", "lines")
RELEASED_COLLECTIONS = ("released_cells", "released_community", "released_street", "released_district")
COLLECTIONS = (
    *("cells", "community", "street", "district", "city", "overlays", "elements", "incidents"),
    *RELEASED_COLLECTIONS,
)
TILES = [{"z": z, "x": x, "y": y} for z, x, y in ((10, 845, 390), (12, 3381, 1563), (14, 13525, 6254))]
PLACES: dict[str, list[Query]] = {
    "/v1/cells/{code}": [{"code": CELL}],
    "/v1/areas/{code}": [{"code": code} for code in (COMMUNITY, STREET, DISTRICT, "120000")],
}
FORMED: list[Query] = [{"f": "json"}, {"f": "geojson", "limit": 100}]
COUNTED: list[Query] = [{}, *({"counts": of} for of in RELEASED)]
INSIDE: list[Query] = [{}, {"area": STREET}]
GROUPED: list[Query] = [
    {"by": "hex", "resolution": 9},
    {"by": "hex"},
    {"by": "cell"},
    {"by": "district", "zeros": True},
]
WINDOWS: list[Query] = [
    {},
    {"period": "2026-10"},
    {"from": "2026-10-01", "to": "2026-11-01"},
    {"from": "2026-10-14", "to": "2026-10-16"},
    {"area": CELL},
    {"bbox": "117.19,39.11,117.2,39.12"},
    {"measure": "per_km2"},
    {"hours": "8-18"},
]


def every(*choices: list[Query]) -> list[Query]:
    """All ways to take one of each."""
    return [{name: value for each in chosen for name, value in each.items()} for chosen in product(*choices)]


# What each path is asked with; a name in braces of a path is filled from it. Paths that are not here are asked as
# they are.
ASKED: dict[str, list[Query]] = {
    "/v1/coverage": [{"lon": 117.195, "lat": 39.118, "crs": "wgs84", "accuracy_m": 50}, {"address": "建义路1号"}],
    "/v1/revisions/{revision}": [{"revision": 1}],
    "/v1/revisions/{revision}/diff/{other}": every(
        [{"revision": 1, "other": 2}, {"revision": 2, "other": 1}],
        [{"f": form} for form in ("json", "geojson", "csv", "xlsx", "png", "html")],
    ),
    "/v1/revisions/{revision}/lineage": [{"revision": 2}, {"revision": 1, "to": 2}],
    "/v1/revisions/{revision}/principles": every([{"revision": 1}, {"revision": 2}], [{}, {"offenders": "size"}]),
    "/v1/revisions/current/principles": [{}, {"offenders": "size"}],
    "/v1/notices": [{"territory": DISTRICT}, {"territory": STREET, "f": "html"}],
    "/v1/drafts/{draft}": [{"draft": 1}, {"draft": 2}],
    **{f"/v1/drafts/{{draft}}/{what}": [{"draft": 2}] for what in ("change", "impact", "certificate")},
    "/v1/drafts/{draft}/compare": [{"draft": 1, "with": 2}],
    "/v1/drafts/{draft}/dossier.{suffix}": [{"draft": 2, "suffix": each} for each in ("html", "xlsx")],
    "/v1/revisions/{revision}/dossier.{suffix}": [{"revision": 2, "suffix": each} for each in ("html", "xlsx")],
    "/v1/cells/{code}/poster.{suffix}": [{"code": CELL, "suffix": "html"}],
    "/v1/areas": every([{"level": "street"}, {"level": "community"}], FORMED, COUNTED),
    "/v1/areas/{code}": every(PLACES["/v1/areas/{code}"], [{}, {"f": "geojson"}]),
    "/v1/cells": every([{"area": STREET}, {"bbox": "117.19,39.11,117.2,39.12"}], FORMED),
    "/v1/cells/{code}": every(PLACES["/v1/cells/{code}"], [{}, {"f": "geojson"}]),
    "/v1/cells/{code}/needs": every(PLACES["/v1/cells/{code}"], [{}, {"purpose": "visit"}]),
    "/v1/cells/{code}/roster": PLACES["/v1/cells/{code}"],
    "/v1/areas/{code}/roster": PLACES["/v1/areas/{code}"],
    "/v1/releases/{period}": every(
        [{"period": "2026-10"}], [{"of": of} for of in RELEASED], [{"by": "cell"}, {"by": "hex", "resolution": 9}]
    ),
    "/v1/releases/{period}/{layer}.{suffix}": every(
        [{"period": "2026-10"}], [{"layer": "cells"}, {"layer": "street"}], [{"suffix": "csv"}, {"suffix": "gpkg"}]
    ),
    "/v1/download/{layer}.{suffix}": every(
        [{"layer": layer} for layer in ("cells", "street", "overlays")], [{"suffix": "parquet"}, {"suffix": "fgb"}]
    ),
    "/v1/posts": [{"territory": DISTRICT}],
    "/v1/shifts": [{"post": f"{DISTRICT}-desk"}],
    "/v1/shift-exceptions": [{"post": f"{DISTRICT}-desk"}],
    "/v1/elements": [{}, {"area": STREET}, {"area": DISTRICT, "class": "person", "purpose": "visit"}],
    "/v1/coverage/{answer_id}": [{"answer_id": "00000000-0000-4000-8000-000000000000"}],
    "/v1/incidents": [{}, {"area": STREET}, {"area": CELL}],
    "/v1/loads/{load_id}": [{"load_id": each} for each in (1, 2, 3)],
    "/v1/loads/{load_id}/rejected": [{"load_id": 1}],
    "/v1/heatmap": [
        *every([{"of": "incidents"}, *SUBJECTS[1:]], GROUPED, [{"f": form} for form in FORMS]),
        *every([{"of": "incidents"}], GROUPED, WINDOWS),
    ],
    "/v1/heatmap/profile": [
        {"of": "incidents", "by": by, **inside} for by in ("month", "week_hour", "category") for inside in INSIDE
    ],
    "/v1/staffing/{code}": [{"code": code} for code in (CELL, STREET, "120000")],
    "/ogc/collections/{collection_id}": [{"collection_id": each} for each in COLLECTIONS],
    "/ogc/collections/{collection_id}/queryables": [{"collection_id": each} for each in COLLECTIONS],
    "/ogc/collections/{collection_id}/tiles": [{"collection_id": each} for each in COLLECTIONS],
    "/ogc/collections/{collection_id}/tiles/{matrix_set}": [
        {"collection_id": each, "matrix_set": "WebMercatorQuad"} for each in COLLECTIONS
    ],
    "/ogc/tileMatrixSets/{matrix_set}": [{"matrix_set": "WebMercatorQuad"}],
    "/ogc/collections/{collection_id}/items": [
        *every([{"collection_id": each} for each in COLLECTIONS], [{"limit": 200}, {"f": "html", "limit": 5}]),
        *every(
            [{"collection_id": each} for each in RELEASED_COLLECTIONS],
            [
                {"limit": 10_000, "datetime": "2026-09/2026-10"},
                {"filter": "incidents > 0"},
                {"filter": "person IS NULL"},
            ],
        ),
    ],
    "/ogc/collections/{collection_id}/items/{fid}": [
        *every(
            [{"collection_id": "cells"}, {"collection_id": "incidents"}, {"collection_id": "street"}],
            [{"fid": "1"}, {"fid": STREET}],
        ),
        {"collection_id": "released_cells", "fid": f"2026-10.{CELL}"},
        {"collection_id": "released_street", "fid": f"2026-10.{STREET}"},
    ],
    **{
        f"/tiles/{live}{kind}{rest}": every(SUBJECTS[:: 1 + (kind == "incidents")], more, INSIDE)
        for live in ("", "live_")
        for kind in ("hexes", "counts", "incidents")
        for rest, more in ((".json", [{}]), ("/{z}/{x}/{y}.mvt", TILES))
    },
    "/tiles/{revision}/{layer}/{z}/{x}/{y}.mvt": every([{"revision": 1, "layer": each} for each in LAYERS], TILES),
    "/tiles/{layer}/{z}/{x}/{y}.mvt": every([{"layer": each} for each in LAYERS], TILES),
    "/tiles/{revision}/{layer}.json": [{"revision": 1, "layer": each} for each in LAYERS],
    "/tiles/{layer}.json": [{"layer": each} for each in LAYERS],
    "/styles/{name}.json": every(
        [{"name": "light"}, {"name": "dark"}, *every([{"name": "choropleth"}, {"name": "heat"}], SUBJECTS)],
        [{}, {"area": STREET}],
    ),
}  # fmt: skip
# What does not say anything of rows and is never the same twice, or has no end.
LEFT_OUT = {"/metrics": "counts requests", "/v1/events": "does not end; tests/api/web/test_events.py reads it"}
# What a stranger is refused always.
REFUSED = {
    "/v1/keys",
    "/v1/shift-exceptions",
    "/v1/notices",
    "/v1/break-glass",
    "/v1/cells/{code}/needs",
    "/v1/drafts",
    *(f"/v1/drafts/{{draft}}{what}" for what in ("", "/change", "/impact", "/certificate", "/compare")),
    "/v1/drafts/{draft}/dossier.{suffix}",
    "/v1/revisions/{revision}/dossier.{suffix}",
    "/v1/elements",
    "/v1/incidents",
    "/v1/heatmap/profile",
    "/v1/on-the-map",
    "/v1/audit",
    "/v1/coverage/{answer_id}",
    "/v1/loads",
    "/v1/loads/{load_id}",
    "/v1/loads/{load_id}/rejected",
}
REFUSED |= {
    f"/tiles/live_{kind}{rest}"
    for kind in ("hexes", "counts", "incidents")
    for rest in (".json", "/{z}/{x}/{y}.mvt")
}
# Moments and request numbers, which differ from one answer to the next.
MOMENTS = re.compile(rb'"(?:as_of|id|data_as_of|timeStamp)": ?"[^"]{20,40}"')
KEPT_HEADERS = ("etag", "gridmap-revision", "gridmap-data-version", "cache-control", "content-disposition", "link")


@pytest.fixture(scope="module")
def database(make_copy: Callable[..., Any]) -> Iterator[Database]:
    """A copy of Heping with two releases."""
    with make_copy("heping_walked") as copied:
        for month in ("2026-09", "2026-10"):
            make_release(copied, OPERATOR, Month.parse(month), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        yield copied


@pytest.fixture(scope="module")
def walked(
    serve: Callable[..., Any], database: Database, key_for: Callable[..., dict[str, str]]
) -> Iterator[TestClient]:
    """A client of a revision that merges cells where the rows will come, and a draft at public notice that would
    merge more there.
    """
    with serve(database) as running:
        keys = key_for(running, "planner", "120000"), key_for(running, "publisher", "120000")
        ask(running, "POST", f"/{a_merge(running, *keys)}/publish", keys[1])
        path = ask(running, "POST", f"/{a_merge(running, *keys)}/notice", keys[1], 201)["path"]
        running.app.state.notice = path.rsplit("/", 1)[1]
        yield running


def a_merge(client: TestClient, planner: dict[str, str], publisher: dict[str, str]) -> int:
    """A draft, submitted, that merges the cell in which the rows will come with a neighbour."""
    grid = client.app.state.service.state.ready.grid  # type: ignore[attr-defined]
    (at,) = np.flatnonzero(shapely.contains_xy(grid.index.degrees, *SPOT))
    own, shape = grid.cells[at], grid.index.degrees[at]
    neighbour = max(
        (each for each in grid.cells if each.community == own.community and each is not own),
        key=lambda each: shapely.intersection(shape, grid.index.degrees[grid.by_code[each.code]]).length,
    )
    number: int = ask(client, "POST", "", planner, 201, json={"name": "合并"})["draft"]
    edit = {"op": "merge", "cells": [own.code, neighbour.code]}
    ask(client, "POST", f"/{number}/edits", planner, json=edit)
    submitted(client, planner, publisher, number)
    return number


def content_of(form: object, body: bytes) -> bytes:
    """What an answer says; the time at which a workbook or a GeoPackage was written is not part of it."""
    if form == "xlsx" and body.startswith(b"PK"):
        book = openpyxl.load_workbook(io.BytesIO(body))
        return repr([[list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book]).encode()
    if body.startswith(b"SQLite format 3"):
        frame = geopandas.read_file(io.BytesIO(body))
        return repr([list(frame.columns), *frame.to_wkb().to_numpy().tolist()]).encode()
    return MOMENTS.sub(b"", body)


def walk(client: TestClient, headers: dict[str, str]) -> Answers:
    """Every path that can be read, with all that it is asked."""
    found: Answers = {}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        if "get" not in methods or path in LEFT_OUT:
            continue
        for query in [{"token": client.app.state.notice}] if "{token}" in path else ASKED.get(path, [{}]):  # type: ignore[attr-defined]
            names = set(re.findall(r"{(\w+)}", path))
            rest = {name: value for name, value in query.items() if name not in names}
            answer = client.get(path.format(**query), params=rest, headers=headers)
            kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
            key = (path, repr(sorted(query.items(), key=lambda pair: pair[0])))
            found[key] = (answer.status_code, content_of(query.get("f"), answer.content), kept)
    return found


def insert_one_of_each(client: TestClient, caseworker: dict[str, str], name: str) -> None:
    """An open incident of a released month, and a person, of a name: both in the middle of the district."""
    incident = {
        "id": name,
        "lon": SPOT[0],
        "lat": SPOT[1],
        "category": "parking",
        "happened_at": "2026-10-15T12:00:00",
    }
    body = {"crs": "wgs84", "source": "walk", "incidents": [incident]}
    answer = client.post("/v1/incidents", json=body, headers=caseworker)
    assert answer.json()["rows"][0]["status"] == "placed", answer.text
    service = client.app.state.service  # type: ignore[attr-defined]
    with service.database.begin(OPERATOR) as connection:
        person = text(
            "INSERT INTO element OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(element, "
            "jsonb_build_object('id', (SELECT max(id) + 1 FROM element), 'external_id', CAST(:name AS text)))).* "
            "FROM element WHERE class = 'person' ORDER BY id LIMIT 1 RETURNING id"
        )
        placed = text(
            "INSERT INTO element_placement SELECT (jsonb_populate_record(element_placement, "
            "jsonb_build_object('element_id', CAST(:id AS bigint)))).* FROM element_placement WHERE element_id = "
            "(SELECT min(id) FROM element WHERE class = 'person') AND last_revision IS NULL"
        )
        added = connection.execute(person, {"name": name}).scalar_one()
        assert connection.execute(placed, {"id": added}).rowcount == 1
    service.current.refresh()


def staff_totals(client: TestClient, staff: dict[str, str]) -> list[int]:
    queries = ({"of": "incidents"}, {"of": "elements", "class": "person"})
    return [client.get("/v1/heatmap", params=query, headers=staff).json()["total"] for query in queries]


@pytest.mark.parametrize("who", ["the public", pytest.param("a neighbour", marks=pytest.mark.soak)])
def test_strangers_are_told_the_same_before_and_after(
    walked: TestClient,
    serve: Callable[..., Any],
    database: Database,
    key_for: Callable[..., dict[str, str]],
    who: str,
) -> None:
    """Afterwards another worker is asked, too, which has kept nothing: what is kept could hide a leak."""
    staff, caseworker = key_for(walked, "viewer", "120000"), key_for(walked, "caseworker", "120000")
    headers = {} if who == "the public" else key_for(walked, "caseworker", "120102")
    before = walk(walked, headers)
    totals = staff_totals(walked, staff)
    insert_one_of_each(walked, caseworker, f"walk {who}")
    assert staff_totals(walked, staff) == [total + 1 for total in totals], "the rows did not come"
    with serve(database) as other:
        other.app.state.notice = walked.app.state.notice  # type: ignore[attr-defined]
        for client in (walked, other):
            after = walk(client, headers)
            assert after.keys() == before.keys()
            assert [key for key, answer in after.items() if answer != before[key]] == []
    answered = {path for (path, _), (status, _, _) in before.items() if status in (200, 204)}
    if who == "the public":
        asked = {path for path, _ in before}
        assert asked - answered == REFUSED, "nothing was asked of these that they answer"


def test_the_walk_notices_a_count_that_leaves(walked: TestClient, key_for: Callable[..., dict[str, str]]) -> None:
    """As staff of the place, who may, the walk differs: so it would see it."""
    staff = key_for(walked, "viewer", DISTRICT)
    before = walk(walked, staff)
    url = walked.app.state.service.database.url  # type: ignore[attr-defined]
    owner = Database(url.set(username=OWNER))  # the server's own role removes no facts
    with owner.begin(OPERATOR) as connection:
        connection.execute(
            text("DELETE FROM incident_placement USING incident WHERE id = incident_id AND source = 'walk'")
        )
        connection.execute(text("DELETE FROM incident WHERE source = 'walk'"))
        connection.execute(
            text("DELETE FROM element_placement USING element WHERE id = element_id AND external_id LIKE 'walk %'")
        )
        connection.execute(text("DELETE FROM element WHERE external_id LIKE 'walk %'"))
    owner.dispose()
    walked.app.state.service.current.refresh()  # type: ignore[attr-defined]
    told = {path for (path, query), answer in walk(walked, staff).items() if answer != before[path, query]}
    assert {"/v1/areas/{code}/roster", "/v1/heatmap"} <= told
    assert "/tiles/live_counts/{z}/{x}/{y}.mvt" in told
