"""Incidents: written row by row by those whose territory it is, listed for its staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import ActorDep, CategoryQuery, Moment, ServiceDep, city_time
from api.errors import problem_responses
from api.listing import MOST_LISTED, AfterQuery, AreaQuery, LimitQuery, cell_codes, page_of
from api.schemas.subjects import IncidentOut, IncidentsIn, IncidentsOut, RowsOut, rows_out
from gridmap.access import Action
from gridmap.actions.rows import incidents_section, save_rows
from gridmap.store.listing import list_incidents

router = APIRouter(prefix="/v1/incidents", tags=["incidents"], responses=problem_responses(401, 403, 422, 503))


@router.get("", response_model=IncidentsOut, responses=problem_responses(404))
def get_incidents(
    service: ServiceDep,
    actor: ActorDep,
    category: CategoryQuery = None,
    area: AreaQuery = None,
    since: Annotated[Moment | None, Query(description="happened at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="happened before this time")] = None,
    after: AfterQuery = 0,
    limit: LimitQuery = MOST_LISTED,
) -> IncidentsOut:
    """Incidents for the staff of an area, by the time they happened."""
    snapshot = service.state.ready
    page = page_of(snapshot, actor, Action.READ_INCIDENTS, area, category, after, limit)
    begins, ends = (
        None if moment is None else city_time(name, moment, snapshot.city)
        for name, moment in (("since", since), ("until", until))
    )
    with service.database.begin(actor, Action.READ_INCIDENTS) as connection:
        rows = list_incidents(connection, page, begins, ends)
    codes = cell_codes(snapshot)
    incidents = [IncidentOut(**row, cell=codes.get(row["cell_id"])) for row in rows[:limit]]
    following = incidents[-1].id if len(rows) > limit else None
    return IncidentsOut(revision=page.revision, incidents=incidents, next=following)


@router.post("", response_model=RowsOut, responses=problem_responses(400, 404, 409))
def post_incidents(service: ServiceDep, actor: ActorDep, body: IncidentsIn) -> RowsOut:
    """Insert or update up to 10,000 incidents of one source; each row is answered by itself.

    The same row again is unchanged; to close an incident send it again with its ``closed_at``.
    """
    snapshot = service.state.ready
    rows = [row.model_dump() for row in body.incidents]
    section = incidents_section(body.crs, body.source)
    return rows_out(save_rows(service.database, actor, section, rows, snapshot.grid, snapshot.city))
