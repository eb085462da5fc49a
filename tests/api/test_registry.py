"""The registry over HTTP: areas, cells and overlays of every revision, paged, and with shapes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient
from shapely.geometry import shape
from sqlalchemy import text

from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.coverage.grid import Grid
from gridmap.crs import to_wgs84
from gridmap.store.database import Database

Points = list[tuple[str, float, float]]


def get(client: TestClient, path: str, **query: object) -> dict[str, Any]:
    # An empty dictionary would take the query off a link.
    response = client.get(path, params=query or None)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_current_revision(client: TestClient, grid: Grid) -> None:
    current = get(client, "/v1/revisions/current")
    kinds = Counter(cell.kind for cell in grid.cells)
    assert current.keys() >= {"revision", "published_at", "cells", "kinds"}
    assert current["revision"] == 1
    assert current["cells"] == len(grid.cells) == sum(current["kinds"].values())
    assert current["kinds"] == {kind: kinds[kind] for kind in ("basic", "full_service", "special")}
    assert get(client, "/v1/revisions") == {"revisions": [current]}
    assert get(client, "/v1/revisions/1") == current


@pytest.mark.parametrize("revision", ["0", "2", "-1", "2147483648", "9" * 30])
def test_an_unknown_revision_is_not_found(client: TestClient, revision: str) -> None:
    assert client.get(f"/v1/revisions/{revision}").status_code == 404


def test_districts_as_the_contract_says(client: TestClient, grid: Grid) -> None:
    answer = get(client, "/v1/areas", level="district")
    assert answer["revision"] == 1
    (district,) = answer["areas"]
    assert district.keys() >= {"code", "name", "cells", "kinds"}
    assert (district["code"], district["name"], district["cells"]) == ("120101", "和平区", len(grid.cells))
    assert district["kinds"] == get(client, "/v1/revisions/current")["kinds"]


def test_every_level_sums_up_to_the_one_above(client: TestClient) -> None:
    city = get(client, "/v1/city")
    by_level = {level: get(client, "/v1/areas", level=level)["areas"] for level in city["levels"]}
    assert [len(by_level[level]) for level in city["levels"]] == [1, 1, 6, len(by_level["community"])]
    for level, below in zip(city["levels"][:-1], city["levels"][1:], strict=True):
        for area in by_level[level]:
            children = [each for each in by_level[below] if each["parent"] == area["code"]]
            assert area["cells"] == sum(each["cells"] for each in children)
            assert get(client, "/v1/areas", parent=area["code"])["areas"] == children
            for kind, count in area["kinds"].items():
                assert count == sum(each["kinds"][kind] for each in children)
    everything = get(client, "/v1/areas")["areas"]
    assert len(everything) == sum(map(len, by_level.values()))


def test_one_area_and_one_cell_with_those_above(client: TestClient, inner_points: Points) -> None:
    code = inner_points[4][0]
    cell = get(client, f"/v1/cells/{code}")
    assert (cell["code"], cell["community"], cell["status"], cell["revision"]) == (code, code[:12], "current", 1)
    assert cell["last_revision"] is None
    assert cell["successors"] == []
    assert [area["code"] for area in cell["areas"]] == [code[:12], code[:9], code[:6], "120000"]
    street = get(client, f"/v1/areas/{code[:9]}")
    assert (street["level"], street["parent"]) == ("street", "120101")
    assert [area["level"] for area in street["areas"]] == ["district", "city"]
    assert get(client, "/v1/areas/120000")["areas"] == []


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"limit": 50}, "cells"),
        ({"limit": 7, "area": "120101002"}, "cells"),
        ({"limit": 1, "kind": "special"}, "cells"),
        ({"limit": 100, "f": "geojson", "crs": "gcj02", "area": "120101001"}, "features"),
        ({"limit": 60, "bbox": "117.18,39.11,117.20,39.12"}, "cells"),
    ],
)
def test_next_leads_through_all_cells_each_once(client: TestClient, query: dict[str, object], key: str) -> None:
    def codes(page: dict[str, Any]) -> list[str]:
        return [each["code"] if key == "cells" else each["properties"]["code"] for each in page[key]]

    whole = codes(get(client, "/v1/cells", **{**query, "limit": 1000}))
    page = get(client, "/v1/cells", **query)
    paged, pages = codes(page), 1
    while page["next"] is not None:
        assert len(codes(page)) == query["limit"]
        assert "revision=1" in page["next"], "the list stays with the revision it began in"
        page = get(client, page["next"])
        paged += codes(page)
        pages += 1
    assert paged == whole == sorted(set(whole))
    assert pages > 1


def test_areas_are_paged_too_and_a_time_becomes_its_revision(client: TestClient) -> None:
    whole = [area["code"] for area in get(client, "/v1/areas", level="community")["areas"]]
    page = get(client, "/v1/areas", level="community", limit=5, at="2026-11-02T03:00:00")
    assert "at=" not in page["next"]
    paged = []
    while True:
        paged += [area["code"] for area in page["areas"]]
        if page["next"] is None:
            break
        page = get(client, page["next"])
    assert paged == whole


def test_cells_of_an_area_of_a_kind_and_in_a_box(client: TestClient, grid: Grid) -> None:
    special = get(client, "/v1/cells", area="120101", kind="special")["cells"]
    assert {cell["code"] for cell in special} == {cell.code for cell in grid.cells if cell.kind == "special"}
    box = (117.19, 39.11, 117.195, 39.115)
    found = get(client, "/v1/cells", bbox=",".join(map(str, box)))["cells"]
    touching = shapely.intersects(grid.index.degrees, shapely.box(*box))
    assert {cell["code"] for cell in found} == {
        cell.code for cell, touches in zip(grid.cells, touching, strict=True) if touches
    }
    assert get(client, "/v1/cells", area="120199")["cells"] == []


@pytest.mark.parametrize("crs", ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4548"])
def test_shapes_come_in_the_crs_asked_for(client: TestClient, grid: Grid, inner_points: Points, crs: str) -> None:
    code = inner_points[2][0]
    collection = get(client, f"/v1/cells/{code}", f="geojson", crs=crs)
    assert (collection["type"], collection["crs"], collection["revision"]) == ("FeatureCollection", crs, 1)
    assert collection["attribution"]
    assert "虚构" in collection["notice"]["zh"], "every map says what is made up"
    (feature,) = collection["features"]
    assert feature["id"] == grid.cell(code).id
    assert feature["properties"]["code"] == code
    stored = grid.index.degrees[grid.by_code[code]]
    found = shapely.transform(
        shape(feature["geometry"]),
        lambda xy: shapely.get_coordinates(shapely.points(*to_wgs84(crs, xy[:, 0], xy[:, 1]))),
    )
    assert shapely.equals_exact(shapely.normalize(found), shapely.normalize(stored), tolerance=1e-8)
    moved = shapely.hausdorff_distance(shape(feature["geometry"]), stored)
    assert bool(moved > 0.001) is (crs not in ("wgs84", "cgcs2000"))


def test_an_areas_shape_is_the_union_of_its_cells(client: TestClient, grid: Grid) -> None:
    for feature in get(client, "/v1/areas", level="street", f="geojson")["features"]:
        code = feature["properties"]["code"]
        cells = [
            one for cell, one in zip(grid.cells, grid.index.degrees, strict=True) if cell.code.startswith(code)
        ]
        assert feature["properties"]["cells"] == len(cells)
        assert shape(feature["geometry"]).equals(shapely.coverage_union_all(cells))
        (alone,) = get(client, f"/v1/areas/{code}", f="geojson")["features"]
        assert alone["geometry"] == feature["geometry"]
        assert alone["id"] == code
        named = get(client, f"/v1/areas/{code}")
        assert {name: alone["properties"][name] for name in named} == named, "the same in both forms"
        (there,) = get(client, f"/v1/areas/{code}", f="geojson", crs="gcj02")["features"]
        assert shape(there["geometry"]).hausdorff_distance(shape(alone["geometry"])) > 0.001


def test_overlays_with_and_without_shapes(client: TestClient) -> None:
    listed = get(client, "/v1/overlays")
    assert [overlay["code"] for overlay in listed["overlays"]] == ["120101-Q01", "120101-Q02"]
    assert listed["overlays"][0] == {"code": "120101-Q01", "name": "滨江道商业区", "kind": "business_district"}
    assert listed["as_of"].endswith("+08:00")
    features = get(client, "/v1/overlays", f="geojson")["features"]
    inside = shape(features[0]["geometry"]).representative_point()
    answer = get(client, "/v1/coverage", lon=inside.x, lat=inside.y, crs="wgs84")
    assert [overlay["name"] for overlay in answer["overlays"]] == ["滨江道商业区"]
    kinds = {post["kind"] for post in answer["overlays"][0]["posts"]}
    assert kinds == {"duty_desk", "first_responsible"}


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/areas?level=village", "level"),
        ("/v1/areas?level=%00", "level"),
        ("/v1/areas?parent=%00", "parent"),
        ("/v1/areas?after=%00", "after"),
        ("/v1/areas?limit=0", "limit"),
        ("/v1/areas?limit=10001", "limit"),
        ("/v1/areas?limit=" + "9" * 400, "limit"),
        ("/v1/areas?f=kml", "f"),
        ("/v1/areas?f=geojson&crs=wgs85", "crs"),
        ("/v1/areas?revision=99999999999", "revision"),
        ("/v1/areas?at=soon", "at"),
        ("/v1/areas/%00", "code"),
        ("/v1/areas/" + "1" * 65, "code"),
        ("/v1/cells?kind=round", "kind"),
        ("/v1/cells?bbox=1,2,3", "bbox"),
        ("/v1/cells?bbox=1,2,3,nan", "bbox"),
        ("/v1/cells?bbox=117,39,116,40", "bbox"),
        ("/v1/cells?bbox=-181,39,116,40", "bbox"),
        ("/v1/cells?bbox=1,2,3,1e400", "bbox"),
        ("/v1/cells?area=%00", "area"),
        ("/v1/cells/a%20b", "code"),
        ("/v1/cells/%00/roster", "code"),
        ("/v1/overlays?at=0001-01-01T00:00:00", "at"),
        ("/v1/revisions/one", "revision"),
        ("/v1/shifts", "post"),
        ("/v1/shifts?post=%00", "post"),
        ("/v1/posts?limit=1001", "limit"),
        ("/v1/posts?after=" + "x" * 65, "after"),
    ],
)
def test_bad_input_is_refused_by_name(client: TestClient, path: str, where: str) -> None:
    response = client.get(path)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["faults"][0]["where"] == where


@pytest.mark.parametrize(
    "code", ["120199", "no-such", "%ED%A0%80", "%F0%9F%98%80", "..", "'; DROP TABLE cell; --"]
)
@pytest.mark.parametrize("path", ["/v1/areas/{}", "/v1/cells/{}", "/v1/cells/{}/roster", "/v1/areas/{}/roster"])
def test_unknown_codes_are_not_found(client: TestClient, path: str, code: str) -> None:
    response = client.get(path.format(code))
    assert response.status_code in ((404, 422) if " " in code else (404,)), response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_before_revision_1_there_is_no_registry(client: TestClient) -> None:
    for path in ("/v1/areas", "/v1/cells", "/v1/areas/120101", "/v1/areas/120101/roster"):
        response = client.get(path, params={"at": "2020-01-01T00:00:00"})
        assert response.status_code == 404, path


_SPLIT = """
    INSERT INTO revision (number, valid_from, actor, note) VALUES (2, :now, 'test', 'one cell in two');
    UPDATE cell SET revisions = int4range(1, 2) WHERE code = :code;
    INSERT INTO cell (code, revisions, name, kind, community, geom)
        SELECT code || part, int4range(2, NULL), name || part, kind, community,
               ST_GeomFromWKB(CASE part WHEN 'w' THEN CAST(:w AS bytea) ELSE CAST(:e AS bytea) END, 4326)
        FROM cell, unnest(ARRAY['w', 'e']) AS part WHERE code = :code;
    INSERT INTO lineage (revision, from_id, to_id, area_share)
        SELECT 2, old.id, new.id, ST_Area(new.geom) / ST_Area(old.geom)
        FROM cell old JOIN cell new ON new.code IN (old.code || 'w', old.code || 'e') WHERE old.code = :code;
"""


def halves(cell: shapely.Polygon) -> tuple[shapely.Polygon, shapely.Polygon]:
    """The cell cut from vertex to vertex, so that its neighbours need not change."""
    ring = shapely.get_coordinates(cell.exterior)[:-1]
    for first, last in itertools.combinations(range(len(ring)), 2):
        if last - first < 2 or len(ring) - (last - first) < 2:
            continue
        one, other = shapely.Polygon(ring[first : last + 1]), shapely.Polygon([*ring[last:], *ring[: first + 1]])
        if min(one.area, other.area) > cell.area / 4 and shapely.coverage_is_valid([one, other]):
            return one, other
    raise AssertionError("no two vertices cut the cell")


def split_cell(database: Database, grid: Grid, position: int) -> tuple[str, datetime]:
    """Make revision 2, in which one cell becomes two; its code and when that was."""
    code, now = grid.cells[position].code, datetime.now(UTC)
    west, east = halves(grid.index.degrees[position])
    given = {"code": code, "now": now, "w": shapely.to_wkb(west), "e": shapely.to_wkb(east)}
    with database.begin(OPERATOR) as connection:
        for statement in _SPLIT.split(";\n")[:-1]:
            connection.execute(text(statement), given)
    return code, now


@pytest.fixture
def split(writer: TestClient, heping_copy: Database, service_of: Callable[..., Service]) -> tuple[str, datetime]:
    """Revision 2, in which one cell became two: its code and when that was."""
    when = split_cell(heping_copy, service_of(writer).state.ready.grid, 200)
    service_of(writer).current.refresh()
    return when


def test_a_retired_code_answers_with_its_last_shape_and_its_successors(
    writer: TestClient, split: tuple[str, datetime]
) -> None:
    code, _ = split
    cell = get(writer, f"/v1/cells/{code}")
    assert (cell["status"], cell["revision"], cell["last_revision"]) == ("retired", 2, 1)
    assert {each["code"] for each in cell["successors"]} == {f"{code}w", f"{code}e"}
    assert sum(each["area_share"] for each in cell["successors"]) == pytest.approx(1)
    assert [area["level"] for area in cell["areas"]] == ["community", "street", "district", "city"]
    (feature,) = get(writer, f"/v1/cells/{code}", f="geojson")["features"]
    parts = [get(writer, f"/v1/cells/{code}{part}", f="geojson")["features"][0] for part in "we"]
    whole = shapely.union_all([shape(part["geometry"]) for part in parts])
    assert shape(feature["geometry"]).symmetric_difference(whole).area < 1e-12
    assert code not in {each["code"] for each in get(writer, "/v1/cells")["cells"]}
    assert get(writer, f"/v1/cells/{code}/roster")["posts"], "the posts of a retired cell can still be looked up"


def test_every_answer_keeps_to_one_revision(writer: TestClient, split: tuple[str, datetime]) -> None:
    code, when = split
    before = (when - timedelta(seconds=1)).isoformat()
    for query, number, count in (({}, 2, 536), ({"revision": 1}, 1, 535), ({"at": before}, 1, 535)):
        cells = get(writer, "/v1/cells", **query)
        assert cells["revision"] == number
        assert len(cells["cells"]) == count
        assert get(writer, "/v1/areas/120101", **query)["cells"] == count
        assert get(writer, "/v1/areas/120101", **query)["revision"] == number
    assert get(writer, f"/v1/cells/{code}", revision=1)["status"] == "current"
    assert writer.get(f"/v1/cells/{code}w", params={"revision": 1}).status_code == 404
    assert [each["revision"] for each in get(writer, "/v1/revisions")["revisions"]] == [2, 1]
    assert get(writer, "/readyz")["revision"] == 2


def test_coverage_follows_the_revision(writer: TestClient, split: tuple[str, datetime]) -> None:
    code, when = split
    west = shape(get(writer, f"/v1/cells/{code}w", f="geojson")["features"][0]["geometry"])
    place = {"lon": west.representative_point().x, "lat": west.representative_point().y, "crs": "wgs84"}
    before = (when - timedelta(seconds=1)).isoformat()
    for query, number, expected in (
        ({}, 2, f"{code}w"),
        ({"at": when.isoformat()}, 2, f"{code}w"),
        ({"at": before}, 1, code),
        ({"revision": 1}, 1, code),
        ({"revision": 2, "at": before}, 2, f"{code}w"),
    ):
        answer = get(writer, "/v1/coverage", **place, **query)
        assert (answer["revision"], answer["cell"]["code"]) == (number, expected), query


def test_a_list_that_was_begun_goes_on_in_its_revision(
    client: TestClient, writer: TestClient, heping_copy: Database, service_of: Callable[..., Service]
) -> None:
    page = get(writer, "/v1/cells", limit=300)
    code, _ = split_cell(heping_copy, service_of(writer).state.ready.grid, 500)
    rest = get(writer, page["next"])
    assert rest["revision"] == 1
    assert len(page["cells"]) + len(rest["cells"]) == get(client, "/v1/revisions/current")["cells"]
    assert code in {cell["code"] for cell in rest["cells"]}
