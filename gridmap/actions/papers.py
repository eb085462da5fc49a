"""Papers of what is published: the dossier of a revision, and posters of cells."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import shapely

from gridmap.access import Action, covers, require
from gridmap.coverage.grid import top_code
from gridmap.errors import NotAllowed, NotFound
from gridmap.model import CELL_LEVEL, Actor, City, Revision
from gridmap.papers.changes import Change, change_between
from gridmap.papers.dossier import Dossier, Subject
from gridmap.papers.parts import MapPart, around
from gridmap.papers.poster import Poster, PosterPost
from gridmap.store import registry
from gridmap.store.centre_lines import read_centre_lines
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.duty import read_duty
from gridmap.store.map_parts import (
    HouseholdMoves,
    read_author,
    read_cell_box,
    read_changed_box,
    read_household_moves,
    read_map_part,
)
from gridmap.store.revisions import read_revision

# In the order in which they stand on a poster; a department's liaison is called by category, not from the wall.
_ON_THE_WALL = ("first_responsible", "grid_captain", "grid_worker", "duty_desk")
_EVERY_CELL = 10_000_000


def revision_dossier(database: Database, actor: Actor, number: int) -> Dossier:
    """What a published revision changed of the one before.

    NotFound for an unknown revision and for the first, which changed nothing; NotAllowed unless a territory of the
    actor covers every cell that changed.
    """
    require(actor, Action.READ_DOSSIERS)
    with database.begin(actor, long_work=True) as connection:
        city = read_city(connection)
        result = read_revision(connection, number)
        if number == 1:
            raise NotFound("revision 1 is the first: it changed nothing")
        base = read_revision(connection, number - 1)
        now = datetime.now(UTC)
        changed = read_changed_box(connection, number)
        if changed is None:
            raise NotFound(f"revision {number} changed no cell")
        box = around(np.array([shapely.box(*changed)], dtype=object), 0.3, 0.004)
        before, after = (read_map_part(connection, each, box) for each in (base.number, number))
        change, moves = _change(connection, city, before, after, base.number, number)
        _check_territory(actor, before, after, change)
        lines = read_centre_lines(connection, city.metric_crs, box)
        author = read_author(connection, number)
    subject = Subject(
        title="",
        draft=None,
        state="published",
        base=base,
        result=result,
        author=author,
        dated=result.published_at,
        reasons=result.note,
    )
    counted = None if moves is None else moves.counted
    return Dossier(city, subject, before, after, change, lines, data_as_of=now, made_at=now, counted=counted)


def _change(
    connection: Connection, city: City, before: MapPart, after: MapPart, base: int, number: int
) -> tuple[Change, HouseholdMoves | None]:
    """The change with households; their places are looked up for the cells that changed only."""
    bare = change_between(before, after, None, city.least_people, city.metric_crs)
    old = {before.cell(code).id: code for code in bare.old}
    new = {after.cell(code).id: code for code in bare.new}
    tops = {top_code(before.chain(code), city) for code in bare.old}
    moves = read_household_moves(connection, base, number, sorted(old), sorted(tops))
    if moves is None:
        return bare, None
    households = {(old[one], new[other]): count for (one, other), count in moves.moves.items() if other in new}
    return change_between(before, after, households, city.least_people, city.metric_crs), moves


def _check_territory(actor: Actor, before: MapPart, after: MapPart, change: Change) -> None:
    for part, codes in ((before, change.old), (after, change.new)):
        for code in codes:
            if not covers(actor, [code, *(area.code for area in part.chain(code))]):
                raise NotAllowed(f"cell {code} changed too, which lies in no territory of yours")


def cells_of(connection: Connection, revision: Revision, code: str) -> list[str]:
    """The codes of the cells of a cell's or an area's code; NotFound when the revision has neither."""
    lowest = read_city(connection).lowest_level
    below = registry.read_cells(connection, revision.number, lowest, area=code, limit=_EVERY_CELL)
    return [cell.code for cell in below] or [_cell_now(connection, revision, code)]


def read_poster(connection: Connection, revision: Revision, code: str, address: str, now: datetime) -> Poster:
    """The poster of a cell of a revision, with the posts and holders that are recorded now.

    ``address`` is what its QR code says. NotFound for a code that the revision has not; a retired one's successors
    are named.
    """
    city = read_city(connection)
    box = read_cell_box(connection, revision.number, _cell_now(connection, revision, code))
    wide = around(np.array([shapely.box(*box)], dtype=object), 0.9, 0.003)
    part = read_map_part(connection, revision.number, wide)
    posts = _posts(connection, city, part, code, now)
    near = (CELL_LEVEL, city.lowest_level)
    return Poster(
        city=city,
        revision=revision,
        part=part,
        lines=read_centre_lines(connection, city.metric_crs, wide),
        code=code,
        posts=[post for kind, post in posts if post.level in near],
        ladder=[post for kind, post in posts if post.level not in near and kind == "duty_desk"],
        address=address,
        made_at=now,
    )


def _cell_now(connection: Connection, revision: Revision, code: str) -> str:
    found = registry.read_cell(connection, revision.number, code)
    if found.last is not None:
        successors = ", ".join(other for other, *_ in found.successors) or "none"
        raise NotFound(f"cell {code!r} ended with revision {found.last}; its successors: {successors}")
    return code


def _posts(
    connection: Connection, city: City, part: MapPart, code: str, now: datetime
) -> list[tuple[str, PosterPost]]:
    """Kind and post, from the cell up to the city: the responsible first, then those who do the work, the desk."""
    places = [(CELL_LEVEL, code), *((area.level, area.code) for area in part.chain(code))]
    duty = read_duty(connection, now, now + timedelta(seconds=1), now, [place for _, place in places])
    names = {holder.code: holder.display_name for holder in duty.holders}
    today = now.astimezone(city.zone).date()
    holders: dict[str, dict[str, None]] = {}
    for shift in duty.shifts:
        if _holds(shift.valid_from, shift.valid_until, today):
            holders.setdefault(shift.post, {})[names[shift.holder]] = None
    order = {place: number for number, place in enumerate(places)}
    shown = [post for post in duty.posts if post.kind in _ON_THE_WALL and (post.level, post.territory) in order]
    shown.sort(key=lambda post: (order[post.level, post.territory], _ON_THE_WALL.index(post.kind), post.code))
    return [
        (post.kind, PosterPost(post.level, post.title, tuple(holders.get(post.code, ())), post.phone))
        for post in shown
    ]


def _holds(begins: date, ends: date | None, today: date) -> bool:
    return begins <= today and (ends is None or today <= ends)
