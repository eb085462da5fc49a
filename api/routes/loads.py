"""Loads and their rejected rows, for the staff whose territories they lie in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import LARGEST_REVISION, ActorDep, ServiceDep
from api.errors import problem_responses
from api.schemas.loads import LoadOut, LoadsOut, RejectedOut, RejectedRowsOut, load_out
from gridmap.actions.loads import loads_of, open_load
from gridmap.store.audit import note
from gridmap.store.loads import read_rejected

router = APIRouter(prefix="/v1/loads", tags=["loads"], responses=problem_responses(401, 403, 422, 503))

_PAGE = 1000
_LoadId = Annotated[int, Path(ge=1, le=LARGEST_REVISION)]
_LimitQuery = Annotated[int, Query(ge=1, le=_PAGE)]


@router.get("", response_model=LoadsOut)
def get_loads(
    service: ServiceDep,
    actor: ActorDep,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_REVISION)] = None,
    limit: _LimitQuery = 100,
) -> LoadsOut:
    """Loads, the newest first."""
    snapshot = service.state.ready
    loads = loads_of(service.database, actor, snapshot.city, snapshot.grid, before=before, limit=limit + 1)
    following = loads[limit - 1].id if len(loads) > limit else None
    return LoadsOut(loads=[load_out(load) for load in loads[:limit]], next=following)


@router.get("/{load_id}", response_model=LoadOut, responses=problem_responses(404))
def get_load(service: ServiceDep, actor: ActorDep, load_id: _LoadId) -> LoadOut:
    """One load and what became of its rows."""
    snapshot = service.state.ready
    with open_load(service.database, actor, snapshot.city, snapshot.grid, load_id) as (_, load):
        return load_out(load)


@router.get("/{load_id}/rejected", response_model=RejectedRowsOut, responses=problem_responses(404))
def get_rejected(
    service: ServiceDep,
    actor: ActorDep,
    load_id: _LoadId,
    after_file: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    after_line: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: _LimitQuery = _PAGE,
) -> RejectedRowsOut:
    """What was rejected, by file and line, with the reason; it is kept for 30 days.

    To repair it, mend the rows at their source and load that again: what was taken stays as it is.
    """
    snapshot = service.state.ready
    with open_load(service.database, actor, snapshot.city, snapshot.grid, load_id) as (connection, load):
        rows = list(read_rejected(connection, load_id, (after_file, after_line), limit + 1))
        read = {"what": "rejected rows", "load": load_id, "rows": len(rows)}
        note(connection, {"read": read, "codes": list(load.territories)})
    shown = [
        RejectedOut(file=row.file, line=row.line, reason=row.reason, columns=dict(row.columns))
        for row in rows[:limit]
    ]
    return RejectedRowsOut(load=load_id, rows=shown, more=len(rows) > limit)
