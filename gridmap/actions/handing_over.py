"""What a redraw means for posts: those of territories that end go elsewhere, and each that is touched is told.

Open incidents stay with the post that had them until they are handed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gridmap.access import Action, covers, require
from gridmap.actions.placing_again import Moved
from gridmap.coverage.grid import Grid
from gridmap.errors import NotAllowed, NotFound, RuleBroken
from gridmap.model import CELL_LEVEL, Actor, Post
from gridmap.redraw.change import Redrawn
from gridmap.redraw.posts import Ground, Territories, first_post, grounds, moves_of, territories
from gridmap.redraw.steps import AreaStep, Shares
from gridmap.store.database import Connection, Database
from gridmap.store.notices import (
    Notice,
    clear_handler,
    clear_handlers,
    count_handled,
    insert_notices,
    read_handler,
    set_handlers,
)
from gridmap.store.post_moves import move_posts, posts_at
from gridmap.store.registry import read_cell_by_id
from gridmap.store.revisions import read_current
from gridmap.store.whereabouts import read_chain


@dataclass(frozen=True)
class Staffing:
    """By post's code the territory that it went to, and the new territories that have no post."""

    moves: Mapping[str, str]
    unstaffed: tuple[str, ...]


def hand_over(
    connection: Connection,
    before: Grid,
    result: Redrawn,
    areas: Shares,
    steps: Sequence[AreaStep],
    incidents: Moved,
    stated: Mapping[str, str],
    *,
    as_far_as_there: bool = False,
) -> Staffing:
    """Move posts, let open incidents go on with those that had them, and write the notices of a revision.

    ``stated``: as :func:`moves_of` takes it; ``as_far_as_there`` passes over posts that stand somewhere else now.
    """
    revision, now = result.grid.revision, datetime.now(UTC)
    ended = territories(before, result, areas, steps)
    became, took_from = grounds(before, result, areas, steps)
    touched = sorted({code for _, code in (*became, *took_from)})
    posts = {
        (post.level, post.code): post
        for at in (now, revision.valid_from)
        for post in posts_at(connection, touched, at, now)
    }
    standing = list(posts.values())
    if as_far_as_there:
        here = {post.code for post in standing}
        stated = {code: place for code, place in stated.items() if code in here}
    moves = moves_of(standing, ended, result.grid, stated)
    move_posts(connection, moves, revision.valid_from, now)
    _keep_handlers(connection, before, result.grid, incidents, standing, moves)
    _tell(connection, before, result.grid, standing, moves, became, took_from)
    return Staffing(moves, _unstaffed(ended, moves, standing))


def _unstaffed(ended: Territories, moves: Mapping[str, str], posts: Sequence[Post]) -> tuple[str, ...]:
    staffed = {(post.level, moves[post.code]) for post in posts if post.code in moves}
    return tuple(sorted(code for level, code in ended.begun if (level, code) not in staffed))


def _keep_handlers(
    connection: Connection,
    before: Grid,
    after: Grid,
    incidents: Moved,
    posts: Sequence[Post],
    moves: Mapping[str, str],
) -> None:
    """An incident whose post is not that of its new cell stays with it; one that comes to its handler is home."""
    if not incidents.count:
        return
    was = {cell.id: cell.code for cell in before.cells}
    now = {cell.id: cell.code for cell in after.cells}
    at_cell: dict[str, list[Post]] = defaultdict(list)
    for post in posts:
        if post.level == CELL_LEVEL:
            at_cell[post.territory].append(post)
    first = {code: first_post(each) for code, each in at_cell.items()}
    ids, cells, handlers = incidents.ids.tolist(), [], []
    for old, new in zip(incidents.old.tolist(), incidents.new.tolist(), strict=True):
        had = first.get(was[old])
        cells.append(now.get(new, ""))
        stays = had is None or moves.get(had.code, had.territory) == cells[-1]
        handlers.append(None if had is None or stays else had.code)
    set_handlers(connection, ids, handlers)
    clear_handlers(connection, ids, cells, after.revision.valid_from)


def _tell(
    connection: Connection,
    before: Grid,
    after: Grid,
    posts: Sequence[Post],
    moves: Mapping[str, str],
    became: Ground,
    took_from: Ground,
) -> None:
    """One notice for each post that stood at a place that changed."""
    handled = count_handled(connection, [post.code for post in posts])
    notices = []
    for post in sorted(posts, key=lambda post: post.code):
        place, now = (post.level, post.territory), moves.get(post.code, post.territory)
        if place not in became and place not in took_from:
            continue
        places = (*_chain(before, *place), *_chain(after, post.level, now))
        notices.append(
            Notice(
                post=post.code,
                level=post.level,
                territory=post.territory,
                territory_now=now,
                became=became.get(place, (now,)),
                took_from=took_from.get((post.level, now), (post.territory,)),
                places=tuple(sorted(set(places))),
                open_incidents=handled.get(post.code, 0),
            )
        )
    insert_notices(connection, after.revision.number, notices)


def _chain(grid: Grid, level: str, code: str) -> list[str]:
    if level == CELL_LEVEL:
        return (
            [code, *(area.code for area in grid.chain(grid.cell(code).community))] if code in grid.by_code else []
        )
    return [area.code for area in grid.chain(code)] if code in grid.areas else []


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An incident that the posts of its cell go on with; ``handler`` is the post that had it."""

    incident: int
    handler: str
    cell: str


def hand_over_incident(database: Database, actor: Actor, incident: int) -> HandedOver:
    """Say that an incident was handed over to the posts of the cell that it is in.

    NotFound without such an incident, as for one outside the actor's territories, RuleBroken when nobody has to
    hand it over.
    """
    require(actor, Action.WRITE_INCIDENTS)
    with database.begin(actor, Action.WRITE_INCIDENTS) as connection:
        found = read_handler(connection, incident)
        if found is None:
            raise NotFound(f"no incident {incident}")
        revision = read_current(connection)
        cell = None if found["cell_id"] is None else read_cell_by_id(connection, revision.number, found["cell_id"])
        chain = (
            []
            if cell is None
            else [cell.code, *(one.code for one in read_chain(connection, revision, cell.community))]
        )
        if not covers(actor, chain):
            raise NotAllowed(f"incident {incident} is outside your territories")
        if found["handler"] is None or cell is None:
            raise RuleBroken(f"nobody has to hand over incident {incident}: its cell's own posts have it")
        clear_handler(connection, incident)
    return HandedOver(incident, found["handler"], cell.code)
