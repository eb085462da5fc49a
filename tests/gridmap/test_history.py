"""Law 6: the grid and the duty of another time or revision, and codes that are no longer issued."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.coverage.answer import Question
from gridmap.errors import NotFound
from gridmap.history import Successor, cover, revision_for, successors
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.duty import list_posts, read_duty, replace_post
from gridmap.store.grid import read_cells
from gridmap.store.registry import read_areas, read_cell
from gridmap.store.registry import read_cells as list_cells
from gridmap.store.revisions import (
    find_current,
    insert_revision,
    list_revisions,
    read_revision,
    revision_valid_at,
)

# Now stands after everything that the load has recorded.
NOW = datetime.now(UTC) + timedelta(hours=1)
SWITCH = datetime(2026, 6, 1, tzinfo=UTC)


def test_before_revision_one_nothing_was_valid(connection: Connection) -> None:
    first = read_revision(connection, 1)
    assert revision_valid_at(connection, first.valid_from) == first
    with pytest.raises(NotFound, match="before revision 1"):
        revision_valid_at(connection, first.valid_from - timedelta(microseconds=1))
    early = Question(117.2, 39.11, first.valid_from - timedelta(days=400))
    with pytest.raises(NotFound, match="before revision 1"):
        cover(connection, read_city(connection), early, None, None)


@pytest.mark.parametrize("number", [0, 2, -1, 10**12])
def test_an_unknown_revision_is_not_found(connection: Connection, number: int) -> None:
    with pytest.raises(NotFound, match=f"no revision {number}"):
        revision_for(connection, None, number)


@dataclass
class Redrawn:
    """A second revision: ``grown`` has swallowed ``gone``; a point of the latter, and both cells' ids."""

    connection: Connection
    grown: str
    gone: str
    point: shapely.Point


@pytest.fixture
def redrawn(connection: Connection) -> Redrawn:
    """Two neighbours of one community become one from SWITCH on, as publishing will write it."""
    cells, shapes = read_cells(connection, 1)
    here, there = next(
        (i, j)
        for i in range(len(cells))
        for j in range(len(cells))
        if i != j
        and cells[i].community == cells[j].community
        and shapely.intersection(shapes[i], shapes[j]).length > 0
    )
    insert_revision(connection, OPERATOR, 2, SWITCH, "merged")
    ids = {"ids": [cells[here].id, cells[there].id]}
    connection.execute(text("UPDATE cell SET revisions = '[1,2)' WHERE id = ANY(:ids)"), ids)
    insert = text(
        "INSERT INTO cell (id, code, revisions, name, kind, community, geom) "
        "SELECT id, code, '[2,)', 'grown', kind, community, ST_GeomFromText(:wkt, 4326) FROM cell WHERE id = :id"
    )
    merged = shapely.coverage_union_all([shapes[here], shapes[there]])
    connection.execute(insert, {"wkt": merged.wkt, "id": cells[here].id})
    lineage = text("INSERT INTO lineage VALUES (2, :gone, :grown, 1, 1)")
    connection.execute(lineage, {"gone": cells[there].id, "grown": cells[here].id})
    return Redrawn(connection, cells[here].code, cells[there].code, shapes[there].representative_point())


def covered(redrawn: Redrawn, at: datetime, revision: int | None) -> tuple[int, str]:
    city = read_city(redrawn.connection)
    question = Question(redrawn.point.x, redrawn.point.y, at)
    where = cover(redrawn.connection, city, question, NOW, revision)[0].where
    assert where.cell is not None
    return where.revision.number, where.cell.code


def test_each_time_and_each_revision_has_its_grid(redrawn: Redrawn) -> None:
    assert covered(redrawn, NOW, None) == (2, redrawn.grown)
    assert covered(redrawn, SWITCH, None) == (2, redrawn.grown)
    assert covered(redrawn, SWITCH - timedelta(microseconds=1), None) == (1, redrawn.gone)
    assert covered(redrawn, NOW, 1) == (1, redrawn.gone)
    assert covered(redrawn, SWITCH - timedelta(days=1), 2) == (2, redrawn.grown)


def test_a_time_without_a_grid_may_still_ask_for_one_by_number(redrawn: Redrawn) -> None:
    before = read_revision(redrawn.connection, 1).valid_from - timedelta(days=1)
    assert covered(redrawn, before, 1) == (1, redrawn.gone)


def test_the_newest_revision_is_the_current_one(redrawn: Redrawn) -> None:
    current = find_current(redrawn.connection)
    assert current is not None
    assert current.number == 2
    assert [each.number for each in list_revisions(redrawn.connection)] == [2, 1]


def test_a_retired_cell_answers_with_its_last_shape_and_its_successors(redrawn: Redrawn) -> None:
    retired = read_cell(redrawn.connection, 2, redrawn.gone)
    assert retired.last == 1
    found = successors(redrawn.connection, [retired.cell.id], 1, 2)
    assert found[retired.cell.id] == [Successor(redrawn.grown, 1.0, 1.0)]
    assert retired.cell.wkb is not None
    assert shapely.from_wkb(retired.cell.wkb).contains(redrawn.point)
    assert read_cell(redrawn.connection, 1, redrawn.gone).last is None
    assert read_cell(redrawn.connection, 2, redrawn.grown).cell.name == "grown"
    assert read_cell(redrawn.connection, 1, redrawn.grown).cell.name != "grown"
    with pytest.raises(NotFound, match="up to revision 1"):
        read_cell(redrawn.connection, 1, "999")


def test_the_registry_counts_each_revision_on_its_own(redrawn: Redrawn) -> None:
    lowest = read_city(redrawn.connection).lowest_level

    def counted(revision: int) -> tuple[int, int, set[str]]:
        city = read_areas(redrawn.connection, revision, lowest, level="city")[0]
        codes = {cell.code for cell in list_cells(redrawn.connection, revision, lowest)}
        assert city.cells == sum(city.kinds.values()) == len(codes)
        communities = read_areas(redrawn.connection, revision, lowest, level=lowest)
        assert sum(area.cells for area in communities) == city.cells
        return city.cells, len(communities), codes

    (before, areas_before, codes_before), (after, areas_after, codes_after) = counted(1), counted(2)
    assert (after, areas_after) == (before - 1, areas_before)
    assert codes_before - codes_after == {redrawn.gone}


def test_a_replaced_post_answers_as_before_for_an_earlier_time_and_as_known_then(heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        known_before = datetime.now(UTC)
        (old,) = list_posts(connection, known_before, level="city", limit=1, kind="duty_desk")
        changed_at = datetime.now(UTC)
        assert replace_post(connection, replace(old, phone="022-00009999"), changed_at)
        later = datetime.now(UTC)

        def phone(at: datetime, known_at: datetime) -> str:
            return next(
                each.phone
                for each in read_duty(connection, at, at + timedelta(seconds=1), known_at, [old.territory]).posts
                if each.code == old.code
            )

        assert phone(later, later) == "022-00009999"
        assert phone(known_before, later) == old.phone, "valid then, as known now"
        assert phone(later, known_before) == old.phone, "as known then"
        assert phone(changed_at, later) == "022-00009999"
        again = datetime.now(UTC)
        assert replace_post(connection, replace(old, phone="022-00008888"), again)
        assert phone(later, again) == "022-00009999"
        assert phone(known_before, again) == old.phone
        assert phone(again, later) == "022-00009999"


def test_a_post_that_is_new_was_not_there_before(heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        (old,) = list_posts(connection, datetime.now(UTC), limit=1)
        now = datetime.now(UTC)
        assert not replace_post(connection, replace(old, code="a new post"), now)
        assert list_posts(connection, now, code="a new post")
        assert not list_posts(connection, now - timedelta(seconds=1), code="a new post", known_at=now)
