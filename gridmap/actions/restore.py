"""Going back to an earlier revision: its grid becomes the next one, and nothing that was since is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gridmap.access import Action, covers, require
from gridmap.actions.publish import Published, check_base, wait_for_workers, write_revision
from gridmap.coverage.grid import Grid
from gridmap.errors import NotAllowed, RuleBroken
from gridmap.model import Actor
from gridmap.redraw.change import GridChange, new_codes, redrawn
from gridmap.redraw.restore import change_back, reopened_ids
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.locks import lock_data
from gridmap.store.post_moves import posts_at
from gridmap.store.revisions import insert_revision, read_current, read_revision
from gridmap.store.snapshot import read_grid, read_grid_from

Progress = Callable[[str], None]

# Times have this grain: the last moment before another.
_MOMENT = timedelta(microseconds=1)


def restore(
    database: Database,
    actor: Actor,
    number: int,
    valid_from: datetime,
    note: str,
    progress: Progress,
    grid: Grid | None = None,
) -> Published:
    """Publish the grid of an earlier revision again, as the next one, valid from a time on.

    Codes that ended since are opened again with their ids, on the identical polygons; codes made since end. Posts
    of territories that end go back to where they stood in that revision. ``grid``: the current one when the
    caller has it. NotFound for an unknown revision, RuleBroken for the current one, for one with the same grid,
    and for a time that :func:`publish` would refuse; NotAllowed when what changes is not the actor's.
    """
    require(actor, Action.PUBLISH)
    with database.begin(actor, Action.PUBLISH, long_work=True) as connection:
        lock_data(connection)
        city = read_city(connection)
        current, wanted = read_current(connection), read_revision(connection, number)
        check_base(current, current.number, valid_from)
        now = grid if grid is not None and grid.revision == current else read_grid(connection, city)
        then = read_grid_from(connection, now, wanted)
        change = change_back(now, then)
        if change == GridChange(frozenset(), {}):
            raise RuleBroken(f"the grid of revision {number} is that of the current revision {current.number}")
        _check_territory(actor, now, then, change)
        posts = _posts_back(connection, now, then)
        known = reopened_ids(now, then)
        revision = insert_revision(connection, actor, current.number + 1, valid_from, note)
        result = redrawn(now, change, revision, [known[code] for code in new_codes(now, change)])
        published = write_revision(connection, city, now, result, posts, progress, as_far_as_there=True)
        progress("committing")
    progress("waiting until all workers serve it")
    wait_for_workers(database, actor, revision.number)
    return published


def _check_territory(actor: Actor, now: Grid, then: Grid, change: GridChange) -> None:
    cells, areas = {*change.ended, *change.drawn}, {*change.areas_ended, *change.areas_drawn}
    for grid in (now, then):
        changed = [(code, grid.chain(grid.cell(code).community)) for code in sorted(cells & grid.by_code.keys())]
        changed += [(code, grid.chain(code)) for code in sorted(areas & grid.areas.keys())]
        for code, chain in changed:
            if not covers(actor, [code, *(area.code for area in chain)]):
                raise NotAllowed(f"{code} would change too, which is outside your territories")


def _posts_back(connection: Connection, now: Grid, then: Grid) -> dict[str, str]:
    """By post where it stood while the earlier revision was valid, of territories that are opened again."""
    opened = [*(then.by_code.keys() - now.by_code.keys()), *(then.areas.keys() - now.areas.keys())]
    next_one = read_revision(connection, then.revision.number + 1)
    stood = posts_at(connection, sorted(opened), next_one.valid_from - _MOMENT, datetime.now(UTC))
    return {post.code: post.territory for post in stood}
