"""Into cells and onto the map (入格上图), for the staff of the whole city."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.deps import ActorDep, ServiceDep
from api.errors import problem_responses
from gridmap.actions.on_the_map import MOST_FAILURES, report_on_the_map

router = APIRouter(prefix="/v1", tags=["registry"])


class ShareOut(BaseModel):
    """One source: ``rows`` are ``placed`` in a cell, ``outside`` or ``rejected``; ``share`` is placed of rows."""

    what: str
    source: str
    rows: int
    placed: int
    outside: int
    rejected: int
    share: float | None


class FailureOut(BaseModel):
    """What has no cell: which one, and why."""

    what: str
    source: str
    which: str
    reason: str


class OnTheMapOut(BaseModel):
    """The share of addresses, elements and incidents that have a cell, and what has none."""

    revision: int
    sources: list[ShareOut]
    failures: list[FailureOut]


@router.get("/on-the-map", responses=problem_responses(401, 403, 422, 503))
def get_on_the_map(
    service: ServiceDep,
    actor: ActorDep,
    most: Annotated[int, Query(ge=0, le=1_000, description="failures listed of each kind")] = MOST_FAILURES,
) -> OnTheMapOut:
    """How much has a cell, by source. Needs a key for the whole city."""
    report = report_on_the_map(service.database, actor, service.state.ready.grid, most)
    return OnTheMapOut.model_validate(report, from_attributes=True)
