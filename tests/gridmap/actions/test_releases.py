"""Making releases of Heping: what is refused, that they are frozen, and that they say what was counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.releases import due_months, make_release
from gridmap.errors import InvalidInput, NotAllowed, NotFound, NotIdentified, RuleBroken, Unavailable
from gridmap.model import PUBLIC, Actor
from gridmap.released import Question, Released, Trees, read_released
from gridmap.releases.periods import Month
from gridmap.releases.suppression import HIDDEN, Table
from gridmap.store import releases as store
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.locks import limit_waiting, lock_data, lock_revision


def quiet(_: str) -> None:
    """No progress in tests."""


OCTOBER = Month(2026, 10)
# In the city it is November since four hours, in UTC it is still October.
NOW = datetime(2026, 10, 31, 20, 0, tzinfo=UTC)


def ask(database: Database, **asked: object) -> Released:
    given: dict[str, object] = {"of": "incidents", "period": OCTOBER, "by": "cell", **asked}
    with database.begin(PUBLIC) as connection:
        return read_released(connection, read_city(connection), Question(**given), Trees())  # type: ignore[arg-type]


def true_counts(database: Database, category: str, month: str) -> dict[str, int]:
    query = text(
        "SELECT coalesce(cell.code, 'outside'), count(*) FROM incident "
        "JOIN incident_placement ON incident_id = incident.id AND last_revision IS NULL "
        "LEFT JOIN cell ON cell.id = cell_id AND upper_inf(cell.revisions) WHERE category = :category "
        "AND to_char(happened_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') = :month GROUP BY 1"
    )
    with database.begin(OPERATOR) as connection:
        rows = connection.execute(query, {"category": category, "month": month})
        return {row[0]: row[1] for row in rows}


def everything(database: Database) -> list[object]:
    with database.begin(OPERATOR) as connection:
        return [
            connection.execute(
                text(f"SELECT md5(string_agg(row::text, ',' ORDER BY row::text)) FROM {table} row")
            ).scalar_one()
            for table in ("release", "release_table", "release_row", "release_cell")
        ]


def test_a_release_says_what_was_counted(heping_copy: Database) -> None:
    report = make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    assert (report.period, report.revision, report.elements) == ("2026-10", 1, True)
    for category in ("parking", "noise", "fire"):
        counts = true_counts(heping_copy, category, "2026-10")
        outside = counts.pop("outside", 0)
        found = ask(heping_copy, category=category, by="cell")
        shown = {
            code: count
            for code, count in zip(found.rows.codes, found.rows.counts.tolist(), strict=True)
            if count != HIDDEN
        }
        assert all(counts.get(code, 0) == count for code, count in shown.items())
        assert found.rows.suppressed == len(found.rows.codes) - len(shown)
        assert found.rows.inside in (HIDDEN, sum(counts.values()))
        assert found.rows.outside in (HIDDEN, outside)


def test_shown_rows_and_what_is_hidden_add_up_at_every_level(heping_copy: Database) -> None:
    """Law 5: no level counts more than the one above, and a level that shows entirely counts the same."""
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    for of, category in (("incidents", "parking"), ("person", None), ("place", None), ("object", None)):
        city = ask(heping_copy, of=of, category=category, by="city").rows
        for by, resolution in [("district", None), ("street", None), ("community", None), ("cell", None)] + [
            ("hex", resolution) for resolution in (6, 7, 8, 9)
        ]:
            rows = ask(heping_copy, of=of, category=category, by=by, resolution=resolution).rows
            shown = rows.counts[rows.counts != HIDDEN].sum()
            assert shown <= city.inside
            assert (shown == city.inside) or rows.suppressed > 0
            assert (rows.inside, rows.outside, rows.total) == (city.inside, city.outside, city.total)


def test_nothing_from_one_to_k_shows_and_zeros_do(heping_copy: Database) -> None:
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    with heping_copy.begin(OPERATOR) as connection:
        query = text("SELECT least, count FROM release_row JOIN release_table USING (period, subject, category)")
        rows = connection.execute(query).all()
    assert len(rows) > 500
    assert [row for row in rows if 0 < row.count < row.least] == []
    assert sum(row.count == 0 for row in rows) > 10


@pytest.mark.parametrize(
    ("month", "error", "words"),
    [
        (Month(2026, 11), RuleBroken, "can be released from 2026-12-01T00:00:00+08:00 on"),
        (Month(2999, 1), RuleBroken, "not over"),
        (Month(2019, 1), NotFound, "before the month of revision 1"),
    ],
)
def test_what_is_not_over_or_before_the_grid_is_refused(
    heping_copy: Database, month: Month, error: type[Exception], words: str
) -> None:
    before = everything(heping_copy)
    with pytest.raises(error, match=re.escape(words)):
        make_release(heping_copy, OPERATOR, month, NOW, quiet)
    assert everything(heping_copy) == before


def test_a_month_is_over_in_city_time(heping_copy: Database) -> None:
    with pytest.raises(RuleBroken, match="not over"):
        make_release(heping_copy, OPERATOR, OCTOBER, datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), quiet)
    make_release(heping_copy, OPERATOR, OCTOBER, datetime(2026, 10, 31, 16, 0, tzinfo=UTC), quiet)


def test_who_may_make_one(heping_copy: Database) -> None:
    with pytest.raises(NotIdentified):
        make_release(heping_copy, PUBLIC, OCTOBER, NOW, quiet)
    with pytest.raises(NotAllowed, match="make releases"):
        make_release(heping_copy, Actor("a", "planner", ("120000",)), OCTOBER, NOW, quiet)
    with pytest.raises(NotAllowed, match="whole city"):
        make_release(heping_copy, Actor("a", "publisher", ("120101",)), OCTOBER, NOW, quiet)
    make_release(heping_copy, Actor("a", "publisher", ("120000",)), OCTOBER, NOW, quiet)


def test_a_release_is_made_once_and_never_changes(heping_copy: Database) -> None:
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    before, asked = everything(heping_copy), ask(heping_copy, category="parking")
    with heping_copy.begin(OPERATOR) as connection:  # incidents that come late, and some that change
        connection.execute(
            text(
                "WITH late AS (INSERT INTO incident (source, external_id, category, happened_at, reported_at, "
                "given_crs, given_x, given_y, hex, geom) SELECT 'late', external_id, category, happened_at, "
                "reported_at, given_crs, given_x, given_y, hex, geom FROM incident RETURNING id, external_id) "
                "INSERT INTO incident_placement (top, incident_id, first_revision, cell_id, how) "
                "SELECT top, late.id, 1, cell_id, how FROM late JOIN incident ON incident.external_id = "
                "late.external_id AND incident.source <> 'late' "
                "JOIN incident_placement ON incident_id = incident.id"
            )
        )
        connection.execute(text("DELETE FROM element WHERE class = 'person'"))
    with pytest.raises(RuleBroken, match="released already"):
        make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    after = ask(heping_copy, category="parking")
    assert everything(heping_copy) == before
    assert after.rows.counts.tolist() == asked.rows.counts.tolist()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE release_row SET count = count + 1",
        "DELETE FROM release_row",
        "DELETE FROM release_table",
        "UPDATE release SET revision = 1",
        "TRUNCATE release_row",
        "DELETE FROM release_cell",
    ],
)
def test_the_database_refuses_to_change_one(heping_copy: Database, change: str) -> None:
    with pytest.raises(RuleBroken, match="frozen"), heping_copy.begin(OPERATOR) as connection:
        connection.execute(text(change))


def test_what_is_due_is_made_once(heping_copy: Database) -> None:
    due = due_months(heping_copy, OPERATOR, NOW)
    assert due[-1] == OCTOBER
    assert due == sorted(due)
    for month in due:
        make_release(heping_copy, OPERATOR, month, NOW, quiet)
    assert due_months(heping_copy, OPERATOR, NOW) == []
    later = datetime(2026, 12, 2, tzinfo=UTC)
    assert due_months(heping_copy, OPERATOR, later) == [Month(2026, 11)]
    with heping_copy.begin(OPERATOR) as connection:
        counted = [release.period for release in store.list_releases(connection) if release.last_element]
    assert counted == ["2026-10"]  # elements are counted when the newest month is released


def test_persons_are_counted_in_one_release_only(heping_copy: Database) -> None:
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    with heping_copy.begin(OPERATOR) as connection:
        persons = connection.execute(text("SELECT count(*) FROM element WHERE class = 'person'")).scalar_one()
        places = connection.execute(text("SELECT count(*) FROM element WHERE class = 'place'")).scalar_one()
        # some move, which writes them anew, and 40 come to one cell
        connection.execute(text("UPDATE element SET recorded_at = now() WHERE class = 'person' AND id % 3 = 0"))
        connection.execute(
            text(
                "WITH new AS (INSERT INTO element (source, external_id, class, category, given_crs, given_x, "
                "given_y, hex, geom) SELECT 'new', number, 'person', 'resident', given_crs, given_x, given_y, "
                "hex, geom FROM (SELECT * FROM element WHERE class = 'person' ORDER BY id LIMIT 1) AS one, "
                "generate_series(1, 40) AS number RETURNING id) "
                "INSERT INTO element_placement (top, element_id, first_revision, cell_id, how) "
                "SELECT '120101', new.id, 1, (SELECT cell_id FROM element_placement JOIN element ON element_id = "
                "element.id WHERE class = 'person' ORDER BY element.id LIMIT 1), 'inside' FROM new"
            )
        )
    november = Month(2026, 11)
    make_release(heping_copy, OPERATOR, november, datetime(2026, 12, 2, tzinfo=UTC), quiet)
    assert ask(heping_copy, of="person", by="city").rows.total == persons
    assert ask(heping_copy, of="person", by="city", period=november).rows.total == 40
    both = ask(heping_copy, of="person", by="city", period=november, since=OCTOBER)
    assert both.rows.total == persons + 40
    assert ask(heping_copy, of="place", by="city", period=november).rows.total == places
    with pytest.raises(InvalidInput, match="since"):
        ask(heping_copy, of="place", by="city", period=november, since=OCTOBER)


def test_windows_and_all_categories_are_sums_where_all_show(heping_copy: Database) -> None:
    september = Month(2026, 9)
    for month in (september, OCTOBER):
        make_release(heping_copy, OPERATOR, month, NOW, quiet)
    for by, resolution in (("street", None), ("cell", None), ("hex", 8)):
        asked = {"category": "parking", "by": by, "resolution": resolution}
        one, two = ask(heping_copy, **asked).rows.counts, ask(heping_copy, period=september, **asked).rows.counts
        window = ask(heping_copy, since=september, **asked).rows.counts
        expected = np.where((one == HIDDEN) | (two == HIDDEN), HIDDEN, one + two)
        assert window.tolist() == expected.tolist()
        asked.pop("category")
        every = ask(heping_copy, **asked).rows.counts
        with heping_copy.begin(OPERATOR) as connection:
            categories = [head.category for head in store.list_tables(connection, "2026-10", "incidents")]
        parts = np.array([ask(heping_copy, category=each, **asked).rows.counts for each in categories])
        assert every.tolist() == np.where((parts == HIDDEN).any(axis=0), HIDDEN, parts.sum(axis=0)).tolist()
    with pytest.raises(NotFound, match="no release of 2026-08"):
        ask(heping_copy, since=Month(2026, 8))
    with pytest.raises(NotFound, match="no person are counted in the release of 2026-09"):
        ask(heping_copy, of="person", period=september)
    with pytest.raises(NotFound, match="no category 'witchcraft'"):
        ask(heping_copy, category="witchcraft")


def test_a_box_leaves_rows_out_and_sums_nothing(heping_copy: Database) -> None:
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    for by in ("street", "cell", "hex"):
        whole = ask(heping_copy, category="parking", by=by).rows
        part = ask(heping_copy, category="parking", by=by, bbox=(117.19, 39.11, 117.20, 39.12)).rows
        known = dict(zip(whole.codes.tolist(), whole.counts.tolist(), strict=True))
        assert 0 < len(part.codes) < len(whole.codes)
        assert all(known[code] == count for code, count in zip(part.codes, part.counts.tolist(), strict=True))
        assert (part.total, part.outside, part.suppressed) == (whole.total, whole.outside, whole.suppressed)


def test_a_table_comes_back_from_its_rows(heping_copy: Database) -> None:
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    with heping_copy.begin(OPERATOR) as connection:
        city = read_city(connection)
        tree = store.read_tree(connection, 1, city.levels)
        cells = connection.execute(text("SELECT count(*) FROM cell")).scalar_one()
        assert len(tree.codes[-1]) == cells > 500
        for head in store.list_tables(connection, "2026-10"):
            table: Table = store.read_table(connection, "2026-10", head, tree)
            assert table.inside == (HIDDEN if head.inside is None else head.inside)
            if head.least == 1:
                assert all((counts >= 0).all() for counts in table.counts)
                assert [int(counts.sum()) for counts in table.counts] == [head.inside] * len(table.counts)


_REDRAW = """
INSERT INTO revision (number, valid_from, actor) VALUES (2, '2026-10-15', 'test');
CREATE TEMPORARY TABLE pair ON COMMIT DROP AS
  SELECT one.id AS gone, other.id AS grown, ST_Union(one.geom, other.geom) AS geom
  FROM cell AS one JOIN cell AS other ON one.community = other.community AND one.id < other.id
    AND ST_Touches(one.geom, other.geom) AND ST_Dimension(ST_Intersection(one.geom, other.geom)) = 1
  ORDER BY one.code LIMIT 1;
UPDATE cell SET revisions = '[1,2)' WHERE id IN (SELECT unnest(ARRAY[gone, grown]) FROM pair);
INSERT INTO cell (id, code, revisions, name, kind, services, community, geom)
  SELECT id, code, '[2,)', name, kind, services, community, pair.geom FROM cell JOIN pair ON id = grown;
INSERT INTO incident_placement (top, incident_id, first_revision, cell_id, how)
  SELECT top, incident_id, 2, grown, how FROM incident_placement JOIN pair ON cell_id = gone;
UPDATE incident_placement SET last_revision = 1 WHERE first_revision = 1 AND cell_id = (SELECT gone FROM pair)
"""


def test_a_redraw_changes_no_release_and_the_next_is_of_the_new_grid(heping_copy: Database) -> None:
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    before = [ask(heping_copy, category="parking", by=by).rows for by in ("cell", "community", "hex")]
    frozen = everything(heping_copy)[1:3]
    with heping_copy.begin(OPERATOR) as connection:
        for statement in _REDRAW.split(";\n"):
            connection.execute(text(statement))
        codes = text("SELECT code FROM cell WHERE id NOT IN (SELECT id FROM cell WHERE revisions @> 2)")
        (gone,) = connection.execute(codes).scalars()
    for rows, by in zip(before, ("cell", "community", "hex"), strict=True):
        again = ask(heping_copy, category="parking", by=by).rows
        assert (again.codes.tolist(), again.counts.tolist()) == (rows.codes.tolist(), rows.counts.tolist())
    assert everything(heping_copy)[1:3] == frozen
    september = Month(2026, 9)
    assert make_release(heping_copy, OPERATOR, september, NOW, quiet).revision == 2
    new = ask(heping_copy, category="parking", period=september).rows
    assert set(before[0].codes) - set(new.codes) == {gone}
    window = ask(heping_copy, category="parking", since=september)
    assert [release.revision for release in window.releases] == [2, 1]
    counts = dict(zip(window.rows.codes.tolist(), window.rows.counts.tolist(), strict=True))
    assert counts[gone] == HIDDEN


def takes(database: Database, lock: Callable[[Connection], None]) -> bool:
    """Whether another transaction gets the lock within a second."""
    try:
        with database.begin(OPERATOR) as connection:
            limit_waiting(connection, 1)
            lock(connection)
    except Unavailable:
        return False
    return True


def test_a_release_waits_for_a_load_and_a_load_for_a_release(heping_copy: Database) -> None:
    """So that no element gets an id that the release has passed by."""
    with heping_copy.begin(OPERATOR) as loading:
        lock_revision(loading)
        assert takes(heping_copy, lock_revision)
        assert not takes(heping_copy, lock_data)
    with heping_copy.begin(OPERATOR) as making:
        lock_data(making)
        assert not takes(heping_copy, lock_revision)
        assert ask_nothing(heping_copy) == 1
    assert takes(heping_copy, lock_data)


def ask_nothing(database: Database) -> int:
    """A read that no lock holds up."""
    with database.begin(OPERATOR) as connection:
        return int(connection.execute(text("SELECT count(*) FROM revision")).scalar_one())


def test_trees_are_read_once_and_only_the_last_ones_kept(heping_copy: Database) -> None:
    make_release(heping_copy, OPERATOR, OCTOBER, NOW, quiet)
    trees = Trees(most=2)
    with heping_copy.begin(OPERATOR) as connection:
        city = read_city(connection)
        first = trees.of(connection, 1, city)
        assert trees.of(connection, 1, city) is first
        trees.of(connection, 1, city)
    with heping_copy.begin(OPERATOR) as connection:
        for statement in _REDRAW.split(";\n"):
            connection.execute(text(statement))
    for month in (Month(2026, 9), Month(2026, 8)):
        make_release(heping_copy, OPERATOR, month, NOW, quiet)
    with heping_copy.begin(OPERATOR) as connection:
        second = trees.of(connection, 2, city)
        assert len(second.codes[-1]) == len(first.codes[-1]) - 1
        assert (trees.of(connection, 1, city) is first, trees.of(connection, 2, city) is second) == (True, True)
