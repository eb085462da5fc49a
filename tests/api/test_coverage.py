"""Who covers this place over HTTP: the contract, coordinates, edges, times, revisions and bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient

from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.shapes import Geometries

Points = list[tuple[str, float, float]]

# A Monday and a Thursday night within the demo's year.
MONDAY_NOON = "2026-11-02T12:00:00+08:00"
THURSDAY_NIGHT = "2026-11-05T03:00:00+08:00"

CONTRACT = {
    "id", "revision", "as_of", "degraded", "status", "point", "cell", "areas", "overlays", "edge_distance_m",
    "ambiguous", "candidates", "nearest", "on_duty", "ladder", "departments", "emergency", "upcoming",
}  # fmt: skip


def ask(client: TestClient, lon: object, lat: object, **more: object) -> dict[str, Any]:
    """The answer for a point, WGS 84 unless said."""
    response = client.get("/v1/coverage", params={"crs": "wgs84", "lon": lon, "lat": lat, **more})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def same(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs from request to request."""
    return {name: value for name, value in answer.items() if name not in ("id", "as_of")}


def test_the_contracts_fields_are_all_there(client: TestClient, inner_points: Points) -> None:
    code, lon, lat = inner_points[3]
    answer = ask(client, lon, lat, at=MONDAY_NOON, category="noise")
    assert answer.keys() >= CONTRACT
    assert answer["point"].keys() >= {"lon", "lat", "crs", "given"}
    assert answer["cell"].keys() >= {"code", "name", "kind", "services"}
    assert answer["cell"]["code"] == code
    assert answer["revision"] == 1
    assert answer["degraded"] is None
    assert answer["upcoming"] is None
    assert answer["as_of"] == MONDAY_NOON
    assert [area["level"] for area in answer["areas"]] == ["community", "street", "district", "city"]
    assert [area["code"] for area in answer["areas"]] == [code[:12], code[:9], code[:6], "120000"]
    assert all(area["name"] for area in answer["areas"])
    for turn in answer["on_duty"]:
        assert turn.keys() >= {
            "kind", "title", "holder", "phone", "from", "until", "backup", "verified_at", "stale",
        }  # fmt: skip
    assert answer["ladder"][0].keys() >= {"level", "kind", "title", "phone"}
    assert answer["emergency"] == ["110", "119", "120"]
    assert answer["departments"], "somebody takes noise"
    assert all("noise" in department["categories"] for department in answer["departments"])


def test_ids_of_answers_differ(client: TestClient, inner_points: Points) -> None:
    _, lon, lat = inner_points[0]
    assert ask(client, lon, lat)["id"] != ask(client, lon, lat)["id"]


@pytest.mark.parametrize(
    "crs",
    ["wgs84", "WGS84", "cgcs2000", "gcj02", "bd09", "EPSG:4326", "4490", "EPSG:4548", "EPSG:3857", "epsg:32650"],
)
def test_every_crs_leads_to_the_same_cell(client: TestClient, inner_points: Points, crs: str) -> None:
    for code, lon, lat in inner_points:
        x, y = (float(value[0]) for value in from_wgs84(crs, [lon], [lat]))
        answer = ask(client, repr(x), repr(y), crs=crs)
        assert answer["cell"]["code"] == code
        assert answer["point"]["given"] == [x, y]
        assert answer["point"]["lon"] == pytest.approx(lon, abs=1e-8)
        assert answer["point"]["lat"] == pytest.approx(lat, abs=1e-8)


def test_reading_gcj02_as_wgs84_is_off_by_half_a_kilometre(client: TestClient, inner_points: Points) -> None:
    code, lon, lat = inner_points[15]
    shifted = ask(client, lon, lat, crs="gcj02")
    moved_m = math.hypot(
        (shifted["point"]["lon"] - lon) * 111_320 * math.cos(math.radians(lat)),
        (shifted["point"]["lat"] - lat) * 111_320,
    )
    assert 450 < moved_m < 650
    assert shifted["point"]["given"] == [lon, lat]
    assert shifted["point"]["crs"] == "gcj02"
    assert (shifted["cell"] or {}).get("code") != code


def corners(grid: Grid, count: int) -> list[tuple[float, float]]:
    """Vertices at which at least three cells meet."""
    coordinates = shapely.get_coordinates(grid.index.degrees)
    vertices, times = np.unique(coordinates, axis=0, return_counts=True)
    # A ring names its first vertex twice, so four mentions are at least three cells.
    return [(float(x), float(y)) for x, y in vertices[times >= 4][:: max(1, int((times >= 4).sum()) // count)]]


def covering(grid: Grid, lon: float, lat: float) -> list[str]:
    """The codes of all cells that touch a point, found one by one."""
    point = shapely.Point(lon, lat)
    return sorted(
        cell.code for cell, shape in zip(grid.cells, grid.index.degrees, strict=True) if shape.intersects(point)
    )


def test_on_a_corner_the_lowest_code_wins(client: TestClient, grid: Grid) -> None:
    tried = corners(grid, 25)
    assert len(tried) >= 25
    for lon, lat in tried:
        codes = covering(grid, lon, lat)
        assert len(codes) >= 3
        answer = ask(client, repr(lon), repr(lat))
        assert answer["status"] == "covered"
        assert answer["how"] == "edge"
        assert answer["cell"]["code"] == codes[0]
        assert answer["ambiguous"] is True
        assert answer["edge_distance_m"] == 0.0
        assert {one["code"] for one in answer["candidates"]} >= set(codes)
        assert answer["candidates"][0] == {"code": codes[0], "distance_m": 0.0}


def test_at_a_vertex_of_two_cells_the_lower_one_wins_from_memory_and_from_postgis(
    client: TestClient, grid: Grid
) -> None:
    coordinates = shapely.get_coordinates(grid.index.degrees[::20])
    for lon, lat in coordinates[::400].tolist():
        codes = covering(grid, lon, lat)
        from_memory, from_postgis = (
            ask(client, repr(lon), repr(lat)),
            ask(client, repr(lon), repr(lat), revision=1),
        )
        assert from_memory["cell"]["code"] == from_postgis["cell"]["code"] == codes[0]
        assert from_memory["how"] == from_postgis["how"] == "edge"


def test_near_a_border_both_desks_are_given(client: TestClient, grid: Grid) -> None:
    """As of each side by itself; from memory and from PostGIS."""
    districts = np.array([cell.code[:9] for cell in grid.cells])
    first, second = (grid.index.degrees[districts == code] for code in ("120101001", "120101002"))
    border = shapely.intersection(shapely.union_all(first), shapely.union_all(second))
    lon, lat = shapely.get_coordinates(border)[0].tolist()
    near = ask(client, lon, lat, accuracy_m=5)
    assert {code[:9] for desk in near["desks"] for code in desk["cells"]} >= {"120101001", "120101002"}
    assert len({desk["desk"]["post"] for desk in near["desks"]}) >= 2
    assert near["desks"] == ask(client, lon, lat, accuracy_m=5, revision=1, at=near["as_of"])["desks"]
    of_cells = {code: desk["desk"] for desk in near["desks"] for code in desk["cells"]}
    assert of_cells.keys() == {each["code"] for each in near["candidates"]}
    for code, desk in of_cells.items():
        inside = shapely.point_on_surface(grid.index.degrees[grid.by_code[code]])
        ladder = ask(client, inside.x, inside.y, at=near["as_of"])["ladder"]
        assert desk == next((rung for rung in ladder if rung["kind"] == "duty_desk"), ladder[0])
        assert ask(client, inside.x, inside.y)["desks"] == [], "in the middle there is one desk"


def test_accuracy_that_reaches_over_an_edge_makes_the_answer_ambiguous(
    client: TestClient, inner_points: Points, grid: Grid, metric_cells: Geometries
) -> None:
    for code, lon, lat in inner_points[:10]:
        alone = ask(client, lon, lat)
        edge_m = alone["edge_distance_m"]
        assert alone["ambiguous"] is False
        assert alone["candidates"] == [{"code": code, "distance_m": 0.0}]
        assert ask(client, lon, lat, accuracy_m=edge_m * 0.99)["ambiguous"] is False
        wide = ask(client, lon, lat, accuracy_m=edge_m + 30)
        assert wide["ambiguous"] is True
        assert wide["cell"]["code"] == code
        assert wide["candidates"][0]["code"] == code
        x, y = (float(value[0]) for value in from_wgs84("EPSG:4548", [lon], [lat]))
        distances = shapely.distance(metric_cells, shapely.Point(x, y))
        within = {grid.cells[i].code for i in np.flatnonzero(distances <= edge_m + 30)}
        assert {one["code"] for one in wide["candidates"]} == within
        assert [one["distance_m"] for one in wide["candidates"]] == sorted(
            one["distance_m"] for one in wide["candidates"]
        )


def test_memory_and_postgis_give_the_same_answer(client: TestClient, inner_points: Points) -> None:
    at = datetime.now().astimezone().isoformat()
    for _, lon, lat in inner_points[:8]:
        from_memory = same(ask(client, lon, lat, accuracy_m=50))
        from_postgis = same(ask(client, lon, lat, accuracy_m=50, revision=1, at=at))
        for one, other in zip(from_memory["candidates"], from_postgis["candidates"], strict=True):
            assert one["code"] == other["code"]
            assert one["distance_m"] == pytest.approx(other["distance_m"], abs=1e-3)
        assert from_memory.pop("edge_distance_m") == pytest.approx(from_postgis.pop("edge_distance_m"), abs=1e-3)
        del from_memory["candidates"], from_postgis["candidates"]
        assert from_memory == from_postgis


@pytest.mark.parametrize("more", [{}, {"revision": 1}])
def test_outside_names_the_nearest_cell_and_the_citys_desk(
    client: TestClient, grid: Grid, metric_cells: Geometries, more: dict[str, object]
) -> None:
    west, south, east, north = grid.index.bounds
    for lon, lat in ((west - 0.006, south), (east + 0.01, north + 0.01), ((west + east) / 2, south - 0.002)):
        answer = ask(client, lon, lat, **more)
        x, y = (float(value[0]) for value in from_wgs84("EPSG:4548", [lon], [lat]))
        distances = shapely.distance(metric_cells, shapely.Point(x, y))
        assert answer["status"] == answer["how"] == "outside"
        assert answer["cell"] is None
        assert answer["areas"] == []
        assert answer["edge_distance_m"] is None
        assert answer["ambiguous"] is False
        assert answer["nearest"]["code"] == grid.cells[int(distances.argmin())].code
        assert answer["nearest"]["distance_m"] == pytest.approx(float(distances.min()), abs=0.01)
        assert [rung["level"] for rung in answer["ladder"]] == ["city"]
        assert answer["ladder"][0]["kind"] == "duty_desk"


def test_outside_within_the_accuracy_is_ambiguous(client: TestClient, grid: Grid) -> None:
    west, south, _, _ = grid.index.bounds
    far = ask(client, west - 0.006, south)
    answer = ask(client, west - 0.006, south, accuracy_m=far["nearest"]["distance_m"] + 1)
    assert answer["status"] == "outside"
    assert answer["ambiguous"] is True
    assert answer["candidates"][0] == answer["nearest"]


@pytest.mark.parametrize(("lon", "lat"), [(0, 0), (-180, -90), (180, 90), (-62.8, -39.1)])
def test_the_far_end_of_the_world_is_outside_too(client: TestClient, lon: float, lat: float) -> None:
    answer = ask(client, lon, lat)
    assert answer["status"] == "outside"
    assert 5_000_000 < answer["nearest"]["distance_m"] < 20_100_000
    assert answer["ladder"]


def test_times_with_and_without_offset_and_with_a_spoilt_plus_are_one(
    client: TestClient, inner_points: Points
) -> None:
    _, lon, lat = inner_points[7]
    expected = ask(client, lon, lat, at=THURSDAY_NIGHT)
    assert expected["as_of"] == THURSDAY_NIGHT
    for at in (
        "2026-11-05T03:00:00",
        "2026-11-04T19:00:00Z",
        "2026-11-04T14:00:00-05:00",
        "2026-11-05T03:00+0800",
    ):
        answer = ask(client, lon, lat, at=at)
        assert answer["as_of"] == THURSDAY_NIGHT
        assert same(answer) == same(expected)
    for at in ("2026-11-05T03:00:00+08:00", "2026-11-05T03:00:00.000+0800", "2026-11-05T03:00+08:00"):
        spoilt = client.get(f"/v1/coverage?crs=wgs84&lon={lon}&lat={lat}&at={at}")
        assert spoilt.status_code == 200, spoilt.text
        assert same(spoilt.json()) == same(expected)
        assert spoilt.json()["as_of"] == THURSDAY_NIGHT


def test_the_hour_decides_who_is_on_duty(client: TestClient, inner_points: Points) -> None:
    _, lon, lat = inner_points[7]
    noon, night = ask(client, lon, lat, at=MONDAY_NOON), ask(client, lon, lat, at=THURSDAY_NIGHT)
    assert "grid_captain" in {turn["kind"] for turn in noon["on_duty"]}
    assert "grid_captain" not in {turn["kind"] for turn in night["on_duty"]}
    assert [turn["level"] for turn in night["on_duty"] if turn["kind"] == "duty_desk"] == [
        "street", "district", "city",
    ]  # fmt: skip
    for answer in (noon, night):
        at = datetime.fromisoformat(answer["as_of"])
        for turn in answer["on_duty"]:
            assert datetime.fromisoformat(turn["from"]) <= at < datetime.fromisoformat(turn["until"])
            assert turn["from"].endswith("+08:00")


def test_an_emergency_has_its_numbers_first(client: TestClient, inner_points: Points) -> None:
    _, lon, lat = inner_points[7]
    ladder = ask(client, lon, lat, category="fire")["ladder"]
    assert [rung["phone"] for rung in ladder[:3]] == ["110", "119", "120"]
    assert ladder[3:] == ask(client, lon, lat, category="noise")["ladder"]


def test_before_revision_1_there_is_no_grid(client: TestClient, inner_points: Points) -> None:
    _, lon, lat = inner_points[0]
    place = {"crs": "wgs84", "lon": lon, "lat": lat}
    begins = datetime.fromisoformat(client.get("/v1/revisions/1").json()["valid_from"])
    before = (begins - timedelta(seconds=1)).isoformat()
    refused = client.get("/v1/coverage", params={**place, "at": before})
    assert refused.status_code == 404
    assert "before revision 1" in refused.json()["detail"]
    assert client.get("/v1/coverage", params={**place, "at": begins.isoformat()}).status_code == 200
    # The grid of the one, the duty of the other.
    both = client.get("/v1/coverage", params={**place, "at": before, "revision": 1})
    assert both.status_code == 200
    assert datetime.fromisoformat(both.json()["as_of"]) == begins - timedelta(seconds=1)


def test_a_revision_can_be_named_and_must_exist(client: TestClient, inner_points: Points) -> None:
    code, lon, lat = inner_points[0]
    place = {"crs": "wgs84", "lon": lon, "lat": lat}
    assert ask(client, lon, lat, revision=1)["cell"]["code"] == code
    missing = client.get("/v1/coverage", params={**place, "revision": 2})
    assert missing.status_code == 404
    assert "no revision 2" in missing.json()["detail"]
    for wrong in (0, -1, 2**31, 10**30, "one", "1.5", ""):
        refused = client.get("/v1/coverage", params={**place, "revision": wrong})
        assert refused.status_code == 422
        assert refused.json()["faults"][0]["where"] == "revision"


def test_what_was_not_known_then_does_not_count(
    writer: TestClient, key_for: Callable[..., dict[str, str]], inner_points: Points
) -> None:
    _, lon, lat = inner_points[3]
    key = key_for(writer, "dispatcher", "120000")
    before = datetime.now().astimezone()
    body = {
        "post": "120101-desk",
        "holder": {"code": "T1", "display_name": "值班员（试）"},
        "hours": "1-7 00:00-24:00",
        "valid_from": "2025-10-01",
    }
    assert writer.post("/v1/shifts", json=body, headers=key).status_code == 201

    def holders(**more: object) -> set[str]:
        return {turn["holder"] for turn in ask(writer, lon, lat, at=MONDAY_NOON, **more)["on_duty"]}

    assert "值班员（试）" in holders()
    assert "值班员（试）" in holders(known_at=datetime.now().astimezone().isoformat())
    assert "值班员（试）" not in holders(known_at=before.isoformat())


def refused(client: TestClient, query: str) -> dict[str, Any]:
    """The one fault of a refused question."""
    response = client.get(f"/v1/coverage?{query}")
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == 422
    assert problem["title"]
    fault: dict[str, Any] = problem["faults"][0]
    assert fault["where"] in problem["detail"]
    assert fault["rule"] in problem["detail"]
    return fault


@pytest.mark.parametrize("crs", ["wgs84", "gcj02", "bd09", "cgcs2000", "EPSG:4326"])
def test_swapped_longitude_and_latitude_are_noticed(client: TestClient, crs: str) -> None:
    fault = refused(client, f"crs={crs}&lon=39.11&lat=117.20")
    assert fault["where"] == "lon, lat"
    assert "swapped" in fault["rule"]
    assert fault["value"] == "(39.11, 117.2)"


def test_swapped_northing_and_easting_are_noticed(client: TestClient) -> None:
    x, y = (float(value[0]) for value in from_wgs84("EPSG:4548", [117.195], [39.118]))
    assert "swapped" in refused(client, f"crs=EPSG:4548&lon={y}&lat={x}")["rule"]


@pytest.mark.parametrize(
    ("query", "where", "value"),
    [
        ("lon=117.2&lat=39.1", "crs", None),
        ("lon=117.2&lat=39.1&crs=", "crs", "''"),
        ("lon=117.2&lat=39.1&crs=wgs85", "crs", "'wgs85'"),
        ("lon=117.2&lat=39.1&crs=EPSG:9999", "crs", "'EPSG:9999'"),
        ("lon=117.2&lat=39.1&crs=EPSG:5773", "crs", "'EPSG:5773'"),
        ("lon=117.2&lat=39.1&crs=EPSG:999999", "crs", "'EPSG:999999'"),
        ("lon=117.2&lat=39.1&crs=%00", "crs", r"'\x00'"),
        ("lon=117.2&lat=39.1&crs=" + "w" * 5000, "crs", None),
        ("lat=39.1&crs=wgs84", "lon", None),
        ("lon=&lat=39.1&crs=wgs84", "lon", "''"),
        ("lon=east&lat=39.1&crs=wgs84", "lon", "'east'"),
        ("lon=117.2&lat=NaN&crs=wgs84", "lon, lat", "(117.2, nan)"),
        ("lon=inf&lat=39.1&crs=wgs84", "lon, lat", "(inf, 39.1)"),
        ("lon=-inf&lat=39.1&crs=EPSG:4548", "lon, lat", "(-inf, 39.1)"),
        ("lon=1e400&lat=39.1&crs=gcj02", "lon, lat", "(inf, 39.1)"),
        ("lon=" + "9" * 400 + "&lat=39.1&crs=wgs84", "lon, lat", "(inf, 39.1)"),
        ("lon=181&lat=39.1&crs=wgs84", "lon, lat", "(181.0, 39.1)"),
        ("lon=117.2&lat=-90.01&crs=bd09", "lon, lat", "(117.2, -90.01)"),
        ("lon=1e300&lat=1e300&crs=EPSG:4548", "lon, lat", "(1e+300, 1e+300)"),
        ("lon=117.2&lat=39.1&crs=wgs84&accuracy_m=-1", "accuracy_m", "'-1'"),
        ("lon=117.2&lat=39.1&crs=wgs84&accuracy_m=5001", "accuracy_m", "'5001'"),
        ("lon=117.2&lat=39.1&crs=wgs84&accuracy_m=nan", "accuracy_m", "'nan'"),
        ("lon=117.2&lat=39.1&crs=wgs84&accuracy_m=1e400", "accuracy_m", "'1e400'"),
        ("lon=117.2&lat=39.1&crs=wgs84&at=yesterday", "at", "'yesterday'"),
        ("lon=117.2&lat=39.1&crs=wgs84&at=0001-01-01T00:00:00", "at", None),
        ("lon=117.2&lat=39.1&crs=wgs84&at=9999-12-31T23:59:59-12:00", "at", None),
        ("lon=117.2&lat=39.1&crs=wgs84&at=1e400", "at", "'1e400'"),
        ("lon=117.2&lat=39.1&crs=wgs84&at=" + "9" * 300, "at", None),
        ("lon=117.2&lat=39.1&crs=wgs84&known_at=9999-12-31T23:59:59Z", "known_at", None),
        ("lon=117.2&lat=39.1&crs=wgs84&known_at=%00", "known_at", r"'\x00'"),
        ("lon=117.2&lat=39.1&crs=wgs84&category=%00", "category", r"'\x00'"),
        ("lon=117.2&lat=39.1&crs=wgs84&category=" + "x" * 65, "category", None),
        ("lon=117.2&lat=39.1&crs=wgs84&category=a/b", "category", "'a/b'"),
    ],
)
def test_bad_input_is_refused_with_its_name_and_value(
    client: TestClient, query: str, where: str, value: str | None
) -> None:
    fault = refused(client, query)
    assert fault["where"] == where
    if value is not None:
        assert fault["value"] == value
    assert len(fault["value"]) <= 123, "what was sent is shown, but not all of a long text"


@pytest.mark.parametrize("spoilt", ["%ED%A0%80", "%FF%FE", "%F0%9F%98%80", "%E2%80%AE"])
def test_text_that_is_no_category_finds_no_department(client: TestClient, spoilt: str) -> None:
    response = client.get(f"/v1/coverage?lon=117.195&lat=39.118&crs=wgs84&category={spoilt}")
    assert response.status_code == 200
    assert response.json()["departments"] == []
    assert response.json()["ladder"]


def test_the_last_moments_that_can_be_asked_for_are_answered(client: TestClient) -> None:
    for at in ("2999-12-31T23:59:59-23:59", "2999-12-31T23:59:59+23:59", "2999-12-31"):
        response = client.get("/v1/coverage", params={"lon": 117.195, "lat": 39.118, "crs": "wgs84", "at": at})
        assert response.status_code == 200, response.text
        assert response.json()["ladder"][-1]["kind"] == "duty_desk"
    for at in ("1900-01-01T00:00:00+23:59", "1900-01-01"):
        response = client.get("/v1/coverage", params={"lon": 117.195, "lat": 39.118, "crs": "wgs84", "at": at})
        assert response.status_code == 404, response.text
