"""Elements: written row by row by those whose territory it is, listed for its staff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.deps import ActorDep, CategoryQuery, Service, ServiceDep
from api.errors import problem_responses
from api.listing import MOST_LISTED, AfterQuery, AreaQuery, LimitQuery, cell_codes, page_of, places_of
from api.schemas.subjects import ElementOut, ElementsIn, ElementsOut, RowsOut, rows_out
from gridmap.access import Action
from gridmap.actions.persons import MOST_PERSONS, persons_for
from gridmap.actions.rows import elements_section, save_rows
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.model import PUBLIC, Actor
from gridmap.store.listing import Page, RowMapping, list_elements

PurposeQuery = Annotated[
    Literal["visit", "heat_cold_power", "evacuation", "errand", "care_and_school", "correction"] | None,
    Query(description="what persons are listed for; decides which categories are"),
]

router = APIRouter(prefix="/v1/elements", tags=["elements"], responses=problem_responses(401, 403, 422, 503))


@router.get("", response_model=ElementsOut, responses=problem_responses(404))
def get_elements(
    service: ServiceDep,
    actor: ActorDep,
    response: Response,
    class_: Annotated[Literal["person", "place", "object", "organization"] | None, Query(alias="class")] = None,
    category: CategoryQuery = None,
    area: AreaQuery = None,
    after: AfterQuery = 0,
    limit: LimitQuery = MOST_LISTED,
    purpose: PurposeQuery = None,
) -> ElementsOut:
    """Places, objects and organizations for the staff of an area; persons for its caseworkers, for a purpose.

    Persons are listed with ``class=person`` and ``purpose`` only, 200 on a page; that they were is written down
    before the answer leaves.
    """
    snapshot = service.state.ready
    response.headers["Cache-Control"] = "private, no-store"
    if class_ == "person":
        return _persons(service, actor, area, category, after, min(limit, MOST_PERSONS), purpose)
    if purpose is not None:
        raise InvalidInput("purpose", purpose, "goes with class=person only")
    page = page_of(snapshot, actor, Action.READ_ELEMENTS, area, category, after, limit)
    with service.database.begin(actor, Action.READ_ELEMENTS) as connection:
        rows = list_elements(connection, page, class_)
    return _shown(service, page, rows)


def _persons(
    service: Service,
    actor: Actor,
    area: str | None,
    category: str | None,
    after: int,
    limit: int,
    purpose: str | None,
) -> ElementsOut:
    snapshot = service.state.ready
    try:
        page = page_of(snapshot, actor, Action.READ_PERSONS, area, category, after, limit)
        rows = persons_for(service.database, actor, page, purpose, places_of(snapshot, area))
    except NotAllowed as error:
        if actor.role != PUBLIC.role:
            asked = {"what": "persons", "area": area, "purpose": purpose}
            service.trail.note(actor, "actions.persons.persons_for", {"refused": str(error), "read": asked})
        raise
    return _shown(service, page, rows)


def _shown(service: Service, page: Page, rows: Sequence[RowMapping]) -> ElementsOut:
    codes = cell_codes(service.state.ready)
    limit = page.limit - 1
    elements = [ElementOut(**row, cell=codes.get(row["cell_id"])) for row in rows[:limit]]
    following = elements[-1].id if len(rows) > limit else None
    return ElementsOut(revision=page.revision, elements=elements, next=following)


@router.post("", response_model=RowsOut, responses=problem_responses(400, 404, 409))
def post_elements(service: ServiceDep, actor: ActorDep, body: ElementsIn) -> RowsOut:
    """Insert or update up to 10,000 elements of one source; each row is answered by itself.

    The same row again is unchanged. A row outside your territories is rejected by name.
    """
    snapshot = service.state.ready
    rows = [row.model_dump(by_alias=True) for row in body.elements]
    section = elements_section(body.crs, body.source)
    return rows_out(save_rows(service.database, actor, section, rows, snapshot.grid, snapshot.city))
