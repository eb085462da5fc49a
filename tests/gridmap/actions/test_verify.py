"""Verify finds what does not hold: each fault made by hand in a copy of the district."""

from __future__ import annotations

import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.verify import VerifyReport, verify_city
from gridmap.errors import NotAllowed, NotFound
from gridmap.model import Actor
from gridmap.store.database import Database


def verified(database: Database) -> VerifyReport:
    return verify_city(database, OPERATOR, lambda _: None)


def change(database: Database, statement: str) -> None:
    with database.begin(OPERATOR) as connection:
        assert connection.execute(text(statement)).rowcount > 0


def test_the_district_holds(heping: Database) -> None:
    report = verified(heping)
    assert report.faults == []
    assert set(report.levels) == {"city", "district", "street", "community"}
    with heping.begin(OPERATOR) as connection:
        assert report.cells == connection.execute(text("SELECT count(*) FROM cell")).scalar_one()
        for subject, counts in (("element", report.elements), ("incident", report.incidents)):
            rows = connection.execute(text(f"SELECT count(*) FROM {subject}")).scalar_one()
            assert counts["placed"] + counts["outside"] == rows > 1000
            assert counts["placed"] > counts["outside"]


def test_a_moved_vertex_is_found_by_its_cell(heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        row = connection.execute(
            text("SELECT version, code, ST_AsText(geom) AS wkt FROM cell ORDER BY code")
        ).first()
        assert row is not None
        ring = shapely.get_coordinates(shapely.from_wkt(row.wkt))
        ring[1] += 1e-6  # ten centimetres
        given = {"wkt": shapely.Polygon(ring).wkt, "version": row.version}
        connection.execute(
            text("UPDATE cell SET geom = ST_GeomFromText(:wkt, 4326) WHERE version = :version"), given
        )
    faults = verified(heping_copy).faults
    assert faults[0].startswith("the cells are not a coverage")
    assert f"{row.code} at {ring[0][0]:.3f}" in faults[0]
    assert "city 120000: the stored shape is not the union of its cells" in faults
    assert "no placement was checked" in faults[-1]


def test_a_deleted_area_shape_is_named(heping_copy: Database) -> None:
    change(heping_copy, "DELETE FROM area_shape WHERE code = '120101' AND level = 'district'")
    assert verified(heping_copy).faults == ["district: stored shapes are missing or too many: 120101"]


def test_an_area_shape_that_is_no_union_is_named(heping_copy: Database) -> None:
    one = "SELECT min(code) FROM area_shape WHERE level = 'community'"
    change(heping_copy, f"UPDATE area_shape SET geom = ST_Multi(ST_Envelope(geom)) WHERE code = ({one})")
    faults = verified(heping_copy).faults
    assert any(fault.endswith("the stored shape is not the union of its cells") for fault in faults)
    assert any("the areas of the level community are not a coverage" in fault for fault in faults)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM cell_band WHERE band = 9 AND cell_id = (SELECT min(id) FROM cell)",
        "UPDATE area_band SET geom = ST_Multi(ST_Envelope(geom)) WHERE band = 13 AND code = '120101'",
    ],
)
def test_a_band_that_is_not_the_cells_is_found(heping_copy: Database, statement: str) -> None:
    change(heping_copy, statement)
    faults = verified(heping_copy).faults
    assert faults == ["1 polygons of the zoom bands are wrong or missing; gridmap bands computes them anew"]


@pytest.mark.parametrize("subject", ["element", "incident"])
def test_a_wrong_placement_is_found(heping_copy: Database, subject: str) -> None:
    one = f"SELECT max({subject}_id) FROM {subject}_placement WHERE cell_id IS NOT NULL"
    other = "SELECT id FROM cell WHERE id <> cell_id LIMIT 1"
    change(heping_copy, f"UPDATE {subject}_placement SET cell_id = ({other}) WHERE {subject}_id = ({one})")
    faults = verified(heping_copy).faults
    assert any(fault.startswith(f"{subject} ") and "wrong cell" in fault for fault in faults)
    assert f"1 {subject}s are placed in the wrong cell" in faults


def test_a_placement_outside_of_what_lies_inside_is_found(heping_copy: Database) -> None:
    one = "SELECT max(incident_id) FROM incident_placement WHERE cell_id IS NOT NULL"
    change(
        heping_copy,
        "UPDATE incident_placement SET cell_id = NULL, how = 'outside', top = 'outside', edge_distance_m = NULL "
        f"WHERE incident_id = ({one})",
    )
    assert "1 incidents are placed in the wrong cell" in verified(heping_copy).faults


@pytest.mark.parametrize("subject", ["element", "incident"])
def test_a_missing_placement_is_found(heping_copy: Database, subject: str) -> None:
    change(heping_copy, f"DELETE FROM {subject}_placement WHERE {subject}_id = (SELECT min(id) FROM {subject})")
    (fault,) = verified(heping_copy).faults
    assert f"{subject}s have" in fault
    assert "placements" in fault


def test_a_missing_placement_does_not_hide_behind_a_double_one(heping_copy: Database) -> None:
    change(heping_copy, "DELETE FROM element_placement WHERE element_id = (SELECT min(id) FROM element)")
    change(
        heping_copy,
        "INSERT INTO element_placement (top, element_id, first_revision, cell_id, how) "
        "SELECT top, element_id, 0, cell_id, how FROM element_placement "
        "WHERE element_id = (SELECT max(id) FROM element)",
    )
    (fault,) = verified(heping_copy).faults
    assert "elements have" in fault


def test_what_policies_go_by_is_compared_with_cells_and_placements(heping_copy: Database) -> None:
    change(
        heping_copy, "DELETE FROM territory_cell WHERE code = '120101001' AND cell_id = (SELECT min(id) FROM cell)"
    )
    change(heping_copy, "INSERT INTO territory_cell (code, cell_id) SELECT '120102', min(id) FROM cell")
    change(heping_copy, "UPDATE incident SET cell_now = NULL WHERE id = (SELECT min(id) FROM incident)")
    assert verified(heping_copy).faults == [
        "2 cells of territories are missing or too many: 120101001, 120102",
        "1 incidents name another cell than their newest placement",
    ]


def test_who_may_verify(heping: Database) -> None:
    assert verify_city(heping, Actor("a", "auditor"), lambda _: None).faults == []
    with pytest.raises(NotAllowed):
        verify_city(heping, Actor("a", "planner", ("*",)), lambda _: None)


def test_without_a_city_there_is_nothing_to_verify(make_database: object) -> None:
    with pytest.raises(NotFound):
        verified(make_database("nothing"))  # type: ignore[operator]
