"""Into cells and onto the map: counts that add up to what was loaded, and every failure in its place."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gridmap.access import EVERYWHERE, OPERATOR
from gridmap.actions.on_the_map import current_grid, report_on_the_map
from gridmap.errors import NotAllowed, NotIdentified
from gridmap.model import PUBLIC, Actor
from gridmap.store.database import Database

# A building without address, a landmark in the sea, and a rejected row that waits.
SPOIL = (
    "UPDATE building SET street = NULL, estate = NULL WHERE element_id = (SELECT min(element_id) FROM building)",
    "UPDATE address SET geom = ST_SetSRID(ST_MakePoint(0, 0), 4326) "
    "WHERE id = (SELECT min(id) FROM address WHERE kind = 'landmark')",
    "INSERT INTO load (what, source, file, actor, rows, placed, outside, rejected) "
    "VALUES ('incidents', 'hotline', 'calls.csv', 'a', 1, 0, 0, 1)",
    "INSERT INTO rejected_row (load_id, file, line, reason, columns) "
    "SELECT max(id), 'calls.csv', 7, 'lon: missing', '{}' FROM load",
)


def scalar(database: Database, query: str) -> int:
    with database.begin(OPERATOR) as connection:
        return int(connection.execute(text(query)).scalar_one())


def test_the_figure_adds_up_to_what_there_is(heping: Database) -> None:
    report = report_on_the_map(heping, OPERATOR, current_grid(heping, OPERATOR))
    by_what = {what: [one for one in report.sources if one.what == what] for what in ("elements", "incidents")}
    for what, table in (("elements", "element"), ("incidents", "incident")):
        assert sum(one.placed + one.outside for one in by_what[what]) == scalar(
            heping, f"SELECT count(*) FROM {table}"
        )
        outside = scalar(heping, f"SELECT count(*) FROM {table}_placement WHERE how = 'outside'")
        assert sum(one.outside for one in by_what[what]) == outside > 0
    points = "SELECT count(*) FROM address WHERE kind IN ('number', 'block', 'landmark', 'crossing')"
    assert sum(one.rows for one in report.sources if one.what == "addresses") == scalar(heping, points)
    for one in report.sources:
        assert one.rows == one.placed + one.outside + one.rejected
        assert one.share == pytest.approx(one.placed / one.rows, abs=1e-6)
    listed = [one for one in report.failures if one.what == "incidents"]
    assert len(listed) == min(100, sum(one.outside for one in by_what["incidents"]))


def test_what_has_no_cell_is_listed(heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        for statement in SPOIL:
            connection.execute(text(statement))
    report = report_on_the_map(heping_copy, OPERATOR, current_grid(heping_copy, OPERATOR))
    hotline = next(one for one in report.sources if one.source == "hotline")
    assert (hotline.rows, hotline.rejected, hotline.share) == (1, 1, 0.0)
    found = {(one.what, one.reason) for one in report.failures}
    assert ("incidents", "lon: missing") in found
    assert ("addresses", "outside") in found
    assert ("addresses", "a building without street and estate") in found
    assert any(one.which == "calls.csv line 7" for one in report.failures)


def test_persons_are_counted_and_not_listed(heping_copy: Database) -> None:
    person = "(SELECT id FROM element WHERE class = 'person' ORDER BY id LIMIT 1)"
    with heping_copy.begin(OPERATOR) as connection:
        reference = connection.execute(text(f"SELECT external_id FROM element WHERE id = {person}")).scalar_one()
        connection.execute(
            text(
                "UPDATE element_placement SET how = 'outside', cell_id = NULL, top = 'outside', "
                f"edge_distance_m = NULL WHERE element_id = {person}"
            )
        )
    report = report_on_the_map(heping_copy, OPERATOR, current_grid(heping_copy, OPERATOR))
    assert all(one.which != reference for one in report.failures)


@pytest.mark.parametrize(
    ("actor", "error"),
    [
        (PUBLIC, NotIdentified),
        (Actor("k", "key_admin", (EVERYWHERE,)), NotAllowed),
        (Actor("v", "viewer", ("120000",)), NotAllowed),
        (Actor("p", "planner", ("120101",)), NotAllowed),
    ],
)
def test_it_is_for_the_staff_of_the_whole_city(heping: Database, actor: Actor, error: type[Exception]) -> None:
    with pytest.raises(error, match="has a cell"):
        report_on_the_map(heping, actor, current_grid(heping, OPERATOR))


def test_a_planner_of_the_whole_city_may(heping: Database) -> None:
    planner = Actor("p", "planner", ("120000",))
    assert report_on_the_map(heping, planner, current_grid(heping, OPERATOR), most=0).failures == []
