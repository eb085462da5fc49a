"""Every earlier revision answers: look-ups, registry, rosters, tiles, OGC, downloads, and recounted series."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.coverage.grid import Grid
from gridmap.crs import Floats, from_wgs84
from gridmap.model import Area
from gridmap.redraw.change import GridChange
from gridmap.store.database import Database
from tests.api.redrawn import Story, get, redraw
from tests.gridmap.actions.area_changes import any_of
from tests.gridmap.actions.test_publish import publish_next
from tests.tiles.decoding import decode
from tiles.address import span_of

KeyFor = Callable[..., dict[str, str]]
REVISIONS = (1, 2, 3, 4)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def database(make_copy: Callable[..., object]) -> Iterator[Database]:
    with make_copy("heping_history") as copy:  # type: ignore[attr-defined]
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


def grid_at(story: Story, revision: int) -> Grid:
    return story.grids[revision - 1]


def during(story: Story, revision: int) -> str:
    return (grid_at(story, revision).revision.valid_from + MINUTE).isoformat()


def places(story: Story) -> list[tuple[float, float]]:
    """Points in every part of what was redrawn, and some elsewhere."""
    changed = [
        grid.index.degrees[grid.by_code[code]]
        for grid, change in zip(story.grids[1:], story.changes, strict=True)
        for code in change.drawn
    ]
    elsewhere = list(story.grids[0].index.degrees[::100])
    return [(each.x, each.y) for each in shapely.point_on_surface(np.array([*changed, *elsewhere], object))]


@pytest.mark.parametrize("revision", REVISIONS)
def test_look_ups_by_time_and_by_revision(told: TestClient, story: Story, revision: int) -> None:
    grid = grid_at(story, revision)
    for lon, lat in places(story):
        at, _ = grid.index.locate(lon, lat)
        cell = grid.cells[at]
        chain = [(area.level, area.code, area.name) for area in grid.chain(cell.community)]
        for query in ({"revision": revision}, {"at": during(story, revision)}):
            found = get(told, "/v1/coverage", lon=lon, lat=lat, crs="wgs84", **query)
            assert found["revision"] == revision
            assert found["cell"]["code"] == cell.code
            assert [(each["level"], each["code"], each["name"]) for each in found["areas"]] == chain
            assert found["ladder"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_registry_and_rosters(told: TestClient, story: Story, revision: int) -> None:
    grid = grid_at(story, revision)
    for query in ({"revision": revision}, {"at": during(story, revision)}):
        cells = get(told, "/v1/cells", **query)["cells"]
        assert [each["code"] for each in cells] == [cell.code for cell in grid.cells]
        areas = get(told, "/v1/areas", level="community", **query)["areas"]
        assert [each["code"] for each in areas] == sorted(
            code for code, area in grid.areas.items() if area.level == "community"
        )
        assert sum(each["cells"] for each in areas) == len(grid.cells)
        for change in story.changes:
            for code in (*change.ended, *change.drawn):
                if code in grid.by_code:
                    roster = get(told, f"/v1/cells/{code}/roster", **query)
                    assert (roster["revision"], roster["code"]) == (revision, code)
                    assert roster["ladder"]
        community = story.recoded[revision > 2]
        assert get(told, f"/v1/areas/{community}/roster", **query)["posts"] or "revision" in query
        assert get(told, f"/v1/areas/{community}", **query)["cells"] > 0
        other = told.get(f"/v1/areas/{story.recoded[revision <= 2]}", params=query)
        assert (other.status_code == 404) == (revision <= 2), "not issued yet, or retired"


def test_posts_of_then_stand_where_they_stood(told: TestClient, story: Story) -> None:
    old, new = story.recoded
    before = get(told, f"/v1/areas/{old}/roster", at=during(story, 2))["posts"]
    after = get(told, f"/v1/areas/{new}/roster", at=during(story, 3))["posts"]
    assert [each["code"] for each in before] == [each["code"] for each in after] != []
    assert {each["territory"] for each in before} == {old}
    assert {each["territory"] for each in after} == {new}
    assert [each["shifts"] for each in before] == [each["shifts"] for each in after]


@pytest.mark.parametrize("revision", REVISIONS)
def test_pinned_tiles(told: TestClient, story: Story, revision: int) -> None:
    grid = grid_at(story, revision)
    west, south, east, north = get(told, f"/tiles/{revision}/cells.json")["bounds"]
    x, y = shapely.get_coordinates(
        shapely.transform(shapely.points([[west, south], [east, north]]), _mercator)
    ).T.tolist()
    codes: set[str] = set()
    for address in span_of((x[0], y[0], x[1], y[1]), 13, 0).addresses():
        tile = told.get(f"/tiles/{revision}/cells/{address.z}/{address.x}/{address.y}.mvt")
        assert tile.status_code in (200, 204)
        if tile.content:
            codes |= {each.properties["code"] for each in decode(tile.content)["cells"]}
    assert codes == set(grid.by_code)


def _mercator(coordinates: Floats) -> Floats:
    return np.column_stack(from_wgs84("EPSG:3857", coordinates[:, 0], coordinates[:, 1]))


@pytest.mark.parametrize("revision", REVISIONS)
def test_ogc_features_and_downloads(told: TestClient, story: Story, revision: int) -> None:
    grid = grid_at(story, revision)
    given = {"datetime": during(story, revision), "limit": 1000, "f": "json"}
    page = get(told, "/ogc/collections/cells/items", **given)
    found = page["features"]
    assert page["numberMatched"] == len(grid.cells) == len(found)
    assert {each["properties"]["code"] for each in found} == set(grid.by_code)
    file = told.get("/v1/download/cells.parquet", params={"revision": revision})
    frame = gpd.read_parquet(io.BytesIO(file.content))
    assert set(frame["code"]) == set(grid.by_code)
    communities = told.get("/v1/download/community.parquet", params={"revision": revision})
    assert set(gpd.read_parquet(io.BytesIO(communities.content))["code"]) == {
        code for code, area in grid.areas.items() if area.level == "community"
    }


@pytest.mark.parametrize("of", ["incidents", "elements"])
@pytest.mark.parametrize("revision", REVISIONS)
def test_todays_points_are_counted_in_the_cells_of_then(
    told: TestClient, story: Story, staff: dict[str, str], database: Database, of: str, revision: int
) -> None:
    grid = grid_at(story, revision)
    table = of.removesuffix("s")
    with database.begin(OPERATOR) as connection:
        points = connection.execute(text(f"SELECT ST_X(geom), ST_Y(geom) FROM {table}")).all()
    lon, lat = np.array(points).T
    positions, _ = grid.index.locate_many(lon, lat)
    expected = np.bincount(positions[positions >= 0], minlength=len(grid.cells))
    for _ in range(2):  # made, then kept
        found = get(told, "/v1/heatmap", staff, of=of, by="cell", revision=revision)
        assert found["revision"] == revision
        assert {each["code"]: each["count"] for each in found["rows"]} == {
            grid.cells[at].code: int(count) for at, count in enumerate(expected) if count
        }
        assert (found["outside"], found["total"]) == (int((positions < 0).sum()), len(points))
    by_area = get(told, "/v1/heatmap", staff, of=of, by="community", revision=revision)
    assert by_area["total"] == len(points)
    assert {each["code"] for each in by_area["rows"]} <= set(grid.areas)
    assert told.get("/v1/heatmap", params={"of": of, "revision": revision if revision < 4 else 1}).status_code in (
        401,
        404,
    )


def test_a_new_incident_is_in_the_recount(
    told: TestClient, story: Story, staff: dict[str, str], service_of: Callable[[TestClient], Service]
) -> None:
    grid = grid_at(story, 1)
    point = shapely.point_on_surface(grid.index.degrees[grid.by_code[story.split]])
    given = {"of": "incidents", "by": "cell", "revision": 1, "area": story.split}
    before = get(told, "/v1/heatmap", staff, **given)["total"]
    row = {"id": "new", "lon": point.x, "lat": point.y, "category": "noise", "happened_at": "2026-10-01T00:00:00"}
    body = {"crs": "wgs84", "source": "test-history", "incidents": [row]}
    assert told.post("/v1/incidents", json=body, headers=staff).status_code == 200
    service_of(told).current.refresh()
    assert get(told, "/v1/heatmap", staff, **given)["total"] == before + 1


def test_ground_that_went_to_others_is_counted_by_those_who_have_both(
    told: TestClient,
    database: Database,
    story: Story,
    key_for: KeyFor,
    service_of: Callable[[TestClient], Service],
) -> None:
    """A street goes to a new district: the old district's staff may not count who lives there today."""
    grid = service_of(told).state.ready.grid
    street = any_of(grid, np.random.default_rng(2), "street")
    new = Area("1201ZZ", "district", "新区", "120000")
    moved = Area(street, "street", grid.areas[street].name, new.code)
    publish_next(database, GridChange(frozenset(), {}, areas_drawn={new.code: new, street: moved}), grid)
    service_of(told).current.refresh()
    given = {"of": "elements", "class": "person", "by": "street", "revision": 1}
    one, both = key_for(told, "caseworker", "120101"), key_for(told, "caseworker", "120101", "1201ZZ")
    refused = told.get("/v1/heatmap", params={**given, "area": "120101"}, headers=one)
    assert refused.status_code == 403
    assert "only as releases" in refused.json()["detail"]
    assert told.get("/v1/heatmap", params={**given, "area": "120101"}, headers=both).status_code == 200
    other = next(area.code for area in grid.areas.values() if area.level == "street" and area.code != street)
    assert told.get("/v1/heatmap", params={**given, "area": other}, headers=one).status_code == 200
    assert told.get("/v1/heatmap", params={**given, "area": "nowhere"}, headers=one).status_code == 404
    assert told.get("/v1/heatmap", params={**given, "revision": 99}, headers=one).status_code == 404
