"""The five principles of a revision, as numbers, and where they do not hold."""

from __future__ import annotations

import json
from typing import Annotated

import shapely
from fastapi import APIRouter, Query
from fastapi import Path as InPath

from api.deps import LARGEST_REVISION, ActorDep, Service, ServiceDep
from api.errors import problem_responses
from api.schemas.principles import PrincipleOut, PrinciplesOut
from api.schemas.registry import Feature
from gridmap.actions.principles import measure, read_offenders
from gridmap.model import Actor

router = APIRouter(prefix="/v1", tags=["principles"], responses=problem_responses(401, 403, 404, 422, 503))

_LARGEST_PAGE = 1000

OffendersQuery = Annotated[
    str | None,
    Query(
        max_length=20, pattern="^[a-z]+$", description="a principle's key: with the places where it does not hold"
    ),
]
AfterQuery = Annotated[int, Query(ge=0, le=LARGEST_REVISION, description="places from this number on")]
LimitQuery = Annotated[int, Query(ge=1, le=_LARGEST_PAGE, description="at most so many places")]
RevisionPath = Annotated[int, InPath(ge=1, le=LARGEST_REVISION)]


@router.get("/revisions/current/principles", response_model=PrinciplesOut)
def get_current_principles(
    service: ServiceDep,
    actor: ActorDep,
    offenders: OffendersQuery = None,
    after: AfterQuery = 0,
    limit: LimitQuery = 100,
) -> PrinciplesOut:
    """The current revision by the city's five principles. Who asks first waits while it is measured."""
    return _answer(service, actor, None, offenders, after, limit)


@router.get("/revisions/{revision}/principles", response_model=PrinciplesOut)
def get_principles(
    service: ServiceDep,
    actor: ActorDep,
    revision: RevisionPath,
    offenders: OffendersQuery = None,
    after: AfterQuery = 0,
    limit: LimitQuery = 100,
) -> PrinciplesOut:
    """A revision by the city's five principles. Who asks first waits while it is measured."""
    return _answer(service, actor, revision, offenders, after, limit)


def _answer(
    service: Service, actor: Actor, revision: int | None, offenders: str | None, after: int, limit: int
) -> PrinciplesOut:
    snapshot = service.state.snapshot
    found = measure(service.database, actor, revision, None if snapshot is None else snapshot.grid)
    places: list[Feature] = []
    following = None
    if offenders is not None:
        rows = read_offenders(service.database, actor, found, offenders, after, limit + 1)
        following = after + limit if len(rows) > limit else None
        for number, one in enumerate(rows[:limit], after):
            shape = json.loads(str(shapely.to_geojson(one.shape)))
            properties = {"cell": one.cell, "what": one.what, "value": one.value}
            places.append(Feature(id=number, geometry=shape, properties=properties))
    return PrinciplesOut(
        revision=found.revision,
        measured_at=found.measured_at,
        principles=[
            PrincipleOut(
                key=each.key,
                title=each.title,
                passes=each.passes,
                blocks=each.blocks,
                not_measured=each.not_measured,
                figures=dict(each.figures),
                staff_only=sorted(each.of_people),
                offenders=found.offenders[each.key],
            )
            for each in found.findings
        ],
        places=places,
        next=following,
    )
