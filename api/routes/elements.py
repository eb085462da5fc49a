"""Elements: written row by row by those whose territory it is, listed for its staff."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.deps import ActorDep, CategoryQuery, ServiceDep
from api.errors import problem_responses
from api.listing import MOST_LISTED, AfterQuery, AreaQuery, LimitQuery, cell_codes, page_of
from api.schemas.subjects import ElementOut, ElementsIn, ElementsOut, RowsOut, rows_out
from gridmap.access import Action
from gridmap.actions.rows import elements_section, save_rows
from gridmap.errors import NotAllowed
from gridmap.store.listing import list_elements

router = APIRouter(prefix="/v1/elements", tags=["elements"], responses=problem_responses(401, 403, 422, 503))


@router.get("", response_model=ElementsOut, responses=problem_responses(404))
def get_elements(
    service: ServiceDep,
    actor: ActorDep,
    class_: Annotated[Literal["person", "place", "object", "organization"] | None, Query(alias="class")] = None,
    category: CategoryQuery = None,
    area: AreaQuery = None,
    after: AfterQuery = 0,
    limit: LimitQuery = MOST_LISTED,
) -> ElementsOut:
    """Places, objects and organizations for the staff of an area. Persons are not listed yet."""
    snapshot = service.state.ready
    page = page_of(snapshot, actor, Action.READ_ELEMENTS, area, category, after, limit)
    if class_ == "person":
        raise NotAllowed("person elements are not listed: that needs a purpose and an audit, which are not built")
    with service.database.begin(actor, Action.READ_ELEMENTS) as connection:
        rows = list_elements(connection, page, class_)
    codes = cell_codes(snapshot)
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
