"""Posts follow their territories, open incidents stay with their post until handed over, and posts are told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.duty import save_post
from gridmap.actions.handing_over import hand_over_incident
from gridmap.actions.publish import Published, publish
from gridmap.actions.restore import restore
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, NotFound, NotIdentified, RuleBroken
from gridmap.model import PUBLIC, Actor, Post
from gridmap.redraw.change import GridChange
from gridmap.store.database import Database
from gridmap.store.duty import list_posts
from gridmap.store.notices import read_handled, read_notices
from tests.gridmap.actions.area_changes import a_new_code
from tests.gridmap.actions.test_publish import a_merge, a_split, grid_of, quiet, shape_of

Rng = np.random.Generator


def publish_next(database: Database, change: GridChange, grid: Grid, posts: Mapping[str, str]) -> Published:
    begins = grid.revision.valid_from + timedelta(days=1)
    return publish(database, OPERATOR, grid.revision.number, change, begins, "why", quiet, posts=posts)


def territories(database: Database, at: datetime, known_at: datetime | None = None) -> dict[str, str]:
    with database.begin(OPERATOR) as connection:
        posts = list_posts(connection, at, known_at=known_at or datetime.now(UTC))
    return {post.code: post.territory for post in posts}


def of(standing: Mapping[str, str], territory: str) -> set[str]:
    return {code for code, each in standing.items() if each == territory}


def a_split_of_a_busy_cell(database: Database, grid: Grid, rng: Rng) -> GridChange:
    """A split after which open incidents lie in both parts."""
    query = "SELECT cell_id, ST_X(geom), ST_Y(geom) FROM incident JOIN incident_placement ON incident_id = id"
    with database.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE incident SET closed_at = NULL"))
        found = connection.execute(text(f"{query} WHERE cell_id IS NOT NULL")).all()
    points: dict[int, list[tuple[float, float]]] = {}
    for cell, lon, lat in found:
        points.setdefault(cell, []).append((lon, lat))
    while True:
        change = a_split(grid, rng, "x")
        (old,) = change.ended
        mine = points.get(grid.cell(old).id, [])
        points_in = shapely.points(np.array(mine).reshape(-1, 2))
        counts = [int(shapely.covers(cell.shape, points_in).sum()) for cell in change.drawn.values()]
        if min(counts) > 0:
            return change


def test_posts_go_to_the_largest_part_and_the_others_are_named(heping_copy: Database, rng: Rng) -> None:
    grid, before = grid_of(heping_copy), territories(heping_copy, datetime.now(UTC))
    known = datetime.now(UTC)
    change = a_split(grid, rng, "x")
    (old,) = change.ended
    large = max(change.drawn, key=lambda code: change.drawn[code].shape.area)
    (small,) = change.drawn.keys() - {large}
    published = publish_next(heping_copy, change, grid, {})
    posts = of(before, old)
    assert posts
    assert published.posts == dict.fromkeys(posts, large)
    assert published.unstaffed == (small,)
    begins = published.revision.valid_from
    moment = timedelta(microseconds=1)
    assert of(territories(heping_copy, begins), large) == posts
    assert of(territories(heping_copy, begins), old) == set()
    assert of(territories(heping_copy, begins - moment), old) == posts
    assert of(territories(heping_copy, begins, known_at=known), old) == posts
    now = territories(heping_copy, datetime.now(UTC))
    assert len(now) == len(before)
    assert {code for code in now if now[code] != before[code]} == posts


def test_the_planner_says_where_posts_go(heping_copy: Database, rng: Rng) -> None:
    grid = grid_of(heping_copy)
    change = a_split(grid, rng, "x")
    (old,) = change.ended
    save_post(heping_copy, OPERATOR, Post("second", "grid_worker", "网格员", "cell", old, "022-00000000"))
    before = territories(heping_copy, datetime.now(UTC))
    large = max(change.drawn, key=lambda code: change.drawn[code].shape.area)
    (small,) = change.drawn.keys() - {large}
    one, *others = sorted(of(before, old))
    assert others
    for stated, words in (({"nobody": small}, "nobody"), ({old: "nowhere"}, "nowhere"), ({one: old}, old)):
        with pytest.raises(InvalidInput, match=words):
            publish_next(heping_copy, change, grid, stated)
    published = publish_next(heping_copy, change, grid, {old: small, one: large})
    assert published.posts == {one: large, **dict.fromkeys(others, small)}
    assert published.unstaffed == ()


def test_another_code_keeps_its_posts(heping_copy: Database, rng: Rng) -> None:
    grid, before = grid_of(heping_copy), territories(heping_copy, datetime.now(UTC))
    change = a_new_code(grid, rng, "1")
    published = publish_next(heping_copy, change, grid, {})
    assert published.unstaffed == ()
    after = territories(heping_copy, datetime.now(UTC))
    for new, cell in change.drawn.items():
        (old,) = {code for code in change.ended if shape_of(grid, code).equals_exact(cell.shape, 0.0)}
        assert of(after, new) == of(before, old) != set()
    (old_area,), (new_area,) = change.areas_ended, change.areas_drawn
    assert of(after, new_area) == of(before, old_area)


def test_open_incidents_stay_with_their_post_until_handed_over(heping_copy: Database, rng: Rng) -> None:
    grid, before = grid_of(heping_copy), territories(heping_copy, datetime.now(UTC))
    change = a_split_of_a_busy_cell(heping_copy, grid, rng)
    (old,) = change.ended
    with heping_copy.begin(OPERATOR) as connection:
        one = connection.execute(
            text("SELECT min(incident_id) FROM incident_placement WHERE cell_id = :id"), {"id": grid.cell(old).id}
        ).scalar_one()
        connection.execute(text("UPDATE incident SET closed_at = now() WHERE id = :id"), {"id": one})
    published = publish_next(heping_copy, change, grid, {})
    large = next(iter(published.posts.values()))
    (small,) = change.drawn.keys() - {large}
    with heping_copy.begin(OPERATOR) as connection:
        handled = read_handled(connection, sorted(of(before, old)))
        expected = connection.execute(
            text(
                "SELECT incident_id FROM incident_placement JOIN incident ON id = incident_id JOIN cell "
                "ON cell.id = cell_id WHERE code = :code AND last_revision IS NULL "
                "AND closed_at IS NULL ORDER BY 1"
            ),
            {"code": small},
        )
        assert sorted(row["id"] for row in handled) == list(expected.scalars()) != []
        found = [each.notice for each in read_notices(connection, old, datetime.now(UTC), 0, 100)]
        (notice,) = (each for each in found if each.open_incidents)
        told = read_notices(connection, "120101", datetime.now(UTC), 0, 100)
    assert {row["handler"] for row in handled} == {f"{old}-worker"} == {notice.post}
    assert {row["cell"] for row in handled} == {small}
    assert (notice.territory, notice.territory_now) == (old, large)
    assert notice.became == tuple(sorted(change.drawn))
    assert notice.took_from == (old,)
    assert notice.open_incidents == len(handled)
    assert {each.notice.post for each in told} == of(before, old)
    assert {each.note for each in told} == {"why"}
    incident = handled[0]["id"]
    with pytest.raises(NotIdentified):
        hand_over_incident(heping_copy, PUBLIC, incident)
    with pytest.raises(NotFound):  # as if it were not there
        hand_over_incident(heping_copy, Actor("d", "dispatcher", ("120102",)), incident)
    with pytest.raises(NotFound):
        hand_over_incident(heping_copy, OPERATOR, 10**9)
    done = hand_over_incident(heping_copy, Actor("d", "dispatcher", (small,)), incident)
    assert (done.incident, done.handler, done.cell) == (incident, f"{old}-worker", small)
    with pytest.raises(RuleBroken, match="nobody has to"):
        hand_over_incident(heping_copy, OPERATOR, incident)
    with heping_copy.begin(OPERATOR) as connection:
        assert len(read_handled(connection, [f"{old}-worker"])) == len(handled) - 1
    restore(heping_copy, OPERATOR, 1, published.revision.valid_from + timedelta(days=1), "", quiet)
    with heping_copy.begin(OPERATOR) as connection:
        assert read_handled(connection, sorted(of(before, old))) == []  # they are home again


def test_a_merged_cell_has_the_posts_of_both_and_hands_nothing_over(heping_copy: Database, rng: Rng) -> None:
    grid, before = grid_of(heping_copy), territories(heping_copy, datetime.now(UTC))
    change = a_merge(grid, rng, "x")
    (new,) = change.drawn
    publish_next(heping_copy, change, grid, {})
    assert of(territories(heping_copy, datetime.now(UTC)), new) == {
        post for old in change.ended for post in of(before, old)
    }
    with heping_copy.begin(OPERATOR) as connection:
        handled = text("SELECT count(*) FROM incident WHERE handler IS NOT NULL")
        assert connection.execute(handled).scalar_one() == 0
        told = read_notices(connection, new, datetime.now(UTC), 0, 100)
    assert {each.notice.territory for each in told} == set(change.ended)
    assert {each.notice.took_from for each in told} == {tuple(sorted(change.ended))}
