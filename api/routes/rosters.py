"""Rosters: the posts of a cell or an area, who holds them, the ladder, and for its staff the counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from api import shape
from api.deps import ActorDep, AtQuery, CodePath, RevisionQuery, Service, ServiceDep, city_time
from api.errors import problem_responses
from api.schemas.rosters import RosterOut, RosterPost, RosterReleased
from gridmap.access import Action, is_staff
from gridmap.coverage.grid import top_code
from gridmap.duty import DutyBook, Place
from gridmap.history import revision_for
from gridmap.model import CELL_LEVEL, Actor, City
from gridmap.store import counts, registry
from gridmap.store.audit import note
from gridmap.store.city import read_city
from gridmap.store.database import Connection
from gridmap.store.duty import read_duty
from gridmap.store.notices import count_handled
from gridmap.store.whereabouts import read_chain

router = APIRouter(prefix="/v1", tags=["rosters"], responses=problem_responses(401, 404, 422, 503))

# A roster is of one moment, which is a second long.
_MOMENT = timedelta(seconds=1)


@router.get("/cells/{code}/roster", response_model=RosterOut)
def get_cell_roster(
    service: ServiceDep, actor: ActorDep, code: CodePath, at: AtQuery = None, revision: RevisionQuery = None
) -> RosterOut:
    """The posts of a cell, their rules, who is on duty, and the ladder."""
    return _roster(service, actor, code, at, revision, of_cell=True)


@router.get("/areas/{code}/roster", response_model=RosterOut)
def get_area_roster(
    service: ServiceDep, actor: ActorDep, code: CodePath, at: AtQuery = None, revision: RevisionQuery = None
) -> RosterOut:
    """The posts of an area, their rules, who is on duty, and the ladder."""
    return _roster(service, actor, code, at, revision, of_cell=False)


def _roster(
    service: Service, actor: Actor, code: str, at: datetime | None, revision: int | None, *, of_cell: bool
) -> RosterOut:
    with service.database.begin(actor, Action.READ_COUNTS) as connection:
        city = read_city(connection)
        moment = datetime.now(UTC) if at is None else city_time("at", at, city)
        grid = revision_for(connection, moment, revision)
        if of_cell:
            cell = registry.read_cell(connection, grid.number, code).cell
            chain = read_chain(connection, grid, cell.community)
            level, name = CELL_LEVEL, cell.name
            places: list[Place] = [(CELL_LEVEL, code), *((area.level, area.code) for area in chain)]
        else:
            chain = read_chain(connection, grid, code)
            level, name = chain[0].level, chain[0].name
            places = [(area.level, area.code) for area in chain]
        book = _book(connection, city, places, moment)
        staff = is_staff(actor, [place for _, place in places])
        elements = incidents = None
        if staff:
            top = top_code(chain, city) if len(chain) > 1 else None
            all_of_it = not of_cell and len(chain) == 1
            cells = None if all_of_it else counts.cells_of(connection, grid.number, level, code)
            elements = counts.elements_by_class(connection, grid.number, cells, top)
            incidents = counts.open_incidents(connection, grid.number, cells, top)
        here = [post.code for post in book.posts_of(places[:1])]
        handled = sum(count_handled(connection, here).values()) if staff else None
        if staff:
            read = {"what": "roster", "level": level, "code": code, "revision": grid.number}
            note(connection, {"read": read, "codes": [place for _, place in places]})
        released = None if staff else _released(service, connection, city, level, code)
    return RosterOut(
        revision=grid.number,
        as_of=moment.astimezone(city.zone),
        level=level,
        code=code,
        name=name,
        posts=_posts(book, places[0], moment, city),
        ladder=shape.rungs(book.ladder(places, moment)),
        elements=elements,
        open_incidents=incidents,
        to_hand_over=handled,
        released=released,
        counts="staff" if staff else "not released" if released is None else "released",
    )


def _released(
    service: Service, connection: Connection, city: City, level: str, code: str
) -> RosterReleased | None:
    """What the newest release says of a place; None before the first, and of a place that is newer than it."""
    found = service.released_by.newest(connection, city, service.trees, level)
    shown = None if found is None else found.of(code)
    if found is None or shown is None:
        return None
    return RosterReleased(period=found.release.period, revision=found.release.revision, counts=shown)


def _book(connection: Connection, city: City, places: list[Place], moment: datetime) -> DutyBook:
    codes = [code for _, code in places]
    duty = read_duty(connection, moment, moment + _MOMENT, datetime.now(UTC), codes)
    return DutyBook(duty.posts, duty.holders, duty.shifts, duty.exceptions, city)


def _posts(book: DutyBook, place: Place, moment: datetime, city: City) -> list[RosterPost]:
    on_duty, posts = book.on_duty([place], moment), book.posts_of([place])
    gaps = {void.post for void in book.voids([post.code for post in posts], moment, moment + _MOMENT)}
    return [
        RosterPost(
            **shape.post(post).model_dump(),
            shifts=[
                shape.shift(rule, book.holders[rule.holder], book.holders[rule.backup] if rule.backup else None)
                for rule in book.shifts_of(post.code)
            ],
            on_duty=shape.turns([turn for turn in on_duty if turn.post.code == post.code], city),
            gap=post.code in gaps,
        )
        for post in posts
    ]
