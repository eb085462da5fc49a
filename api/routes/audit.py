"""The trace, for auditors."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import ActorDep, Moment, ServiceDep, city_time
from api.errors import problem_responses
from api.schemas.audit import AuditEntryOut, AuditOut
from gridmap.actions.audit import search_audit
from gridmap.store.audit import Found, Sought

router = APIRouter(prefix="/v1", tags=["audit"], responses=problem_responses(401, 403, 422, 503))

_MOST = 500
_TEXT = r"^[^\x00-\x1f\x7f]{1,200}$"
_TextQuery = Annotated[str | None, Query(pattern=_TEXT)]


@router.get("/audit", response_model=AuditOut)
def get_audit(
    service: ServiceDep,
    actor: ActorDep,
    response: Response,
    since: Annotated[Moment | None, Query(description="done at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="done before this time")] = None,
    by: Annotated[str | None, Query(pattern=_TEXT, description="who did it: the id of a key or user")] = None,
    action: _TextQuery = None,
    ref: Annotated[str | None, Query(pattern=_TEXT, description="a person's reference")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="entries before this one")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> AuditOut:
    """Who did what, to which rows, for what purpose, from where and when; within an auditor's territories.

    Reading it leaves a trace, too.
    """
    city = service.state.ready.city
    sought = Sought(
        since=None if since is None else city_time("since", since, city),
        until=None if until is None else city_time("until", until, city),
        actor=by,
        action=action,
        ref=ref,
        before=before,
        most=limit + 1,
    )
    found = search_audit(service.database, actor, sought)
    response.headers["Cache-Control"] = "private, no-store"
    entries = [_entry(each) for each in found[:limit]]
    return AuditOut(entries=entries, next=entries[-1].seq if len(found) > limit else None)


def _entry(found: Found) -> AuditEntryOut:
    body = found.body
    details = {"refs": found.details.get("ref", ()), "origin": found.details.get("from", ())}
    optional = dict.fromkeys(("purpose", "read", "changes", "refused"))
    return AuditEntryOut.model_validate({"action": "database", **optional, **body, **details, "seq": found.seq})
