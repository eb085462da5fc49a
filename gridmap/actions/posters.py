"""Posters of cells: what a city posts on the wall of a cell, as the grid and the posts are now."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import shapely

from gridmap.errors import NotFound
from gridmap.model import CELL_LEVEL, City, Revision
from gridmap.papers.parts import MapPart, around
from gridmap.papers.poster import Poster, PosterPost
from gridmap.store import registry
from gridmap.store.centre_lines import read_centre_lines
from gridmap.store.city import read_city
from gridmap.store.database import Connection
from gridmap.store.duty import read_duty
from gridmap.store.map_parts import read_cell_box, read_map_part

# In the order in which they stand on a poster; a department's liaison is called by category, not from the wall.
_ON_THE_WALL = ("first_responsible", "grid_captain", "grid_worker", "duty_desk")
_EVERY_CELL = 10_000_000


def cells_of(connection: Connection, revision: Revision, code: str) -> list[str]:
    """The codes of the cells of a cell's or an area's code; NotFound when the revision has neither."""
    lowest = read_city(connection).lowest_level
    below = registry.read_cells(connection, revision.number, lowest, area=code, limit=_EVERY_CELL)
    return [cell.code for cell in below] or [_cell_now(connection, revision, code)]


def read_poster(connection: Connection, revision: Revision, code: str, address: str, now: datetime) -> Poster:
    """The poster of a cell of a revision, with the posts and holders that are recorded now.

    ``address`` is what its QR code says. NotFound for a code that the revision has not, also for a retired one.
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
        raise NotFound(
            f"cell {code!r} ended with revision {found.last}; GET /v1/cells/{code} names its successors"
        )
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
