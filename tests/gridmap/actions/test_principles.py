"""The five principles of a city in PostGIS: measured once, by revision, and for whom."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions import principles
from gridmap.actions.principles import Measured, measure, read_every_offender, read_offenders
from gridmap.actions.publish import publish
from gridmap.errors import InvalidInput, NotAllowed, NotFound, NotIdentified, Unavailable
from gridmap.model import PUBLIC, Actor
from gridmap.redraw.change import GridChange
from gridmap.redraw.principles.finding import Finding
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tests.gridmap.actions.test_publish import a_merge, a_split

STAFF = Actor("p", "planner", ("120000",))


def of(found: Measured, key: str) -> Finding:
    return next(each for each in found.findings if each.key == key)


def test_heping_is_measured_and_what_it_lacks_is_not_measured(heping_copy: Database) -> None:
    found = measure(heping_copy, STAFF)
    assert [each.key for each in found.findings] == ["territory", "streets", "size", "seamless", "fixed"]
    # the demo has outlines of districts, none of communities, and one revision
    assert "no outlines of the level community" in str(of(found, "territory").not_measured)
    assert of(found, "territory").figures == {}
    assert of(found, "fixed").not_measured is not None
    assert of(found, "seamless").passes is True
    assert of(found, "seamless").figures["overlap_m2"] == 0.0
    streets = of(found, "streets").figures
    assert 0.5 < float(str(streets["share_15_m"])) <= 1.0
    assert float(str(streets["random_share_15_m"])) < 0.3
    with heping_copy.begin(OPERATOR) as connection:
        households = connection.execute(text("SELECT sum(households) FROM building")).scalar_one()
        cells = connection.execute(text("SELECT count(*) FROM cell")).scalar_one()
    assert float(str(of(found, "size").figures["mean"])) == pytest.approx(households / cells)


def test_households_are_for_staff_of_the_whole_city(heping_copy: Database) -> None:
    staff, public = measure(heping_copy, STAFF), measure(heping_copy, PUBLIC)
    district = measure(heping_copy, Actor("d", "planner", ("120101",)))
    assert "share_in_band" in of(staff, "size").figures
    for found in (public, district):
        assert set(of(found, "size").figures) == {"compactness_mean", "compactness_median", "compactness_least"}
        assert found.offenders["size"] is None
        assert found.offenders["streets"] == staff.offenders["streets"]
    with pytest.raises(NotIdentified):
        read_offenders(heping_copy, PUBLIC, public, "size", 0, 10)
    with pytest.raises(NotAllowed):
        read_offenders(heping_copy, Actor("d", "planner", ("120101",)), district, "size", 0, 10)
    assert {key for key, _ in read_every_offender(heping_copy, PUBLIC, public)} <= {"streets", "seamless"}


def test_it_is_measured_once_and_again_when_asked_or_when_settings_change(heping_copy: Database) -> None:
    first = measure(heping_copy, STAFF)
    assert measure(heping_copy, PUBLIC).measured_at == first.measured_at
    again = measure(heping_copy, STAFF, again=True)
    assert again.measured_at > first.measured_at
    assert again.findings == first.findings
    with heping_copy.begin(OPERATOR) as connection:
        bands = '{"basic": [0, 100000], "full_service": [0, 100000], "special": [0, 100000]}'
        connection.execute(
            text("UPDATE city SET settings = settings || CAST(:band AS jsonb)"),
            {"band": f'{{"principles": {{"bands": {bands}}}}}'},
        )
    wider = measure(heping_copy, STAFF)
    assert of(wider, "size").figures["share_in_band"] == 1.0
    assert wider.offenders["size"] == 0
    with pytest.raises(NotIdentified):
        measure(heping_copy, PUBLIC, again=True)
    with pytest.raises(NotFound):
        measure(heping_copy, STAFF, 2)


def test_who_asks_while_it_is_measured_does_not_wait_in_a_queue(heping_copy: Database) -> None:
    with principles._measuring, pytest.raises(Unavailable, match="being measured now"):
        measure(heping_copy, PUBLIC)
    found = measure(heping_copy, PUBLIC)
    with principles._measuring:
        assert measure(heping_copy, PUBLIC).measured_at == found.measured_at


def test_size_may_be_told_by_workload(heping_copy: Database) -> None:
    asked = '{"size_of": "workload", "workload": {"households": 1, "place": 0.5, "open_incidents": 2}}'
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(
            text("UPDATE city SET settings = settings || CAST(:asked AS jsonb)"),
            {"asked": f'{{"principles": {asked}}}'},
        )
        total = connection.execute(
            text(
                "SELECT (SELECT sum(households) FROM building) + 0.5 * (SELECT count(*) FROM element "
                "JOIN element_placement ON element_id = id WHERE class = 'place' AND cell_id IS NOT NULL) "
                "+ 2 * (SELECT count(*) FROM incident JOIN incident_placement ON incident_id = id "
                "WHERE closed_at IS NULL AND cell_id IS NOT NULL)"
            )
        ).scalar_one()
        cells = connection.execute(text("SELECT count(*) FROM cell")).scalar_one()
    figures = of(measure(heping_copy, STAFF), "size").figures
    assert figures["mean"] == pytest.approx(float(total) / cells)
    assert figures["measured_by"] == "1·households + 0.5·place + 2·open_incidents"


def test_a_published_change_is_measured_against_the_revision_before(heping_copy: Database) -> None:
    rng = np.random.default_rng(3)
    began = datetime(2026, 11, 2, tzinfo=UTC)
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        grid = read_grid(connection, read_city(connection))
    split, merge = a_split(grid, rng, "s"), a_merge(grid, rng, "m")
    change = GridChange(split.ended | merge.ended, {**split.drawn, **merge.drawn})
    publish(heping_copy, OPERATOR, 1, change, began, "", lambda _: None)
    found = measure(heping_copy, STAFF)
    assert found.revision == 2
    fixed = of(found, "fixed")
    gone = [grid.by_code[code] for code in change.ended]
    areas = np.array([each.area for each in grid.index.degrees])
    assert fixed.figures["area_share_that_changed_cell"] == pytest.approx(
        areas[gone].sum() / areas.sum(), rel=1e-3
    )
    assert 0.99 < float(str(fixed.figures["jaccard"])) < 1.0
    assert fixed.figures["most_changes_of_a_cell_12_months"] == 1
    assert {one.cell for one in read_offenders(heping_copy, PUBLIC, found, "fixed", 0, 10)} == set(change.drawn)
    assert of(found, "territory").passes is True
    assert of(found, "territory").figures["outlines"] == "the unions of revision 1"
    assert measure(heping_copy, STAFF, 1).revision == 1


def test_offenders_come_in_pages(heping_copy: Database) -> None:
    found = measure(heping_copy, STAFF)
    count = found.offenders["streets"]
    assert count is not None
    assert count > 3
    first, rest = (read_offenders(heping_copy, PUBLIC, found, "streets", at, count) for at in (0, 3))
    assert [one.shape.wkb for one in first[3:]] == [one.shape.wkb for one in rest]
    assert [one.value for one in first] == sorted((one.value for one in first), reverse=True)
    with pytest.raises(InvalidInput, match="beauty"):
        read_offenders(heping_copy, PUBLIC, found, "beauty", 0, 1)
