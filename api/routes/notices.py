"""What posts are told of redraws, the sheet for handing over, and handing over itself; for staff."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from api.deps import CODE_PATTERN, ActorDep, ServiceDep
from api.differences import MEDIA, table
from api.errors import problem_responses
from api.schemas.revisions import HandedOverOut, HandledOut, NoticeOut, NoticesOut
from gridmap.access import Action, covers, require
from gridmap.actions.handing_over import hand_over_incident
from gridmap.errors import NotAllowed, NotFound
from gridmap.model import CELL_LEVEL, Actor, City
from gridmap.store.city import read_city
from gridmap.store.codes import read_issued
from gridmap.store.database import Connection
from gridmap.store.notices import DatedNotice, read_handled, read_notices
from gridmap.store.places import territory_chain

router = APIRouter(prefix="/v1", tags=["notices"], responses=problem_responses(401, 403, 404, 422, 503))

_MOST_NOTICES = 1000
_NOTICE_COLUMNS = tuple(NoticeOut.model_fields)
_INCIDENT_COLUMNS = tuple(HandledOut.model_fields)
_LARGEST_ID = 2**62


@router.get(
    "/notices",
    response_model=NoticesOut,
    responses={200: {"description": "Successful Response", "content": {"text/html": {}}}},
)
def get_notices(
    service: ServiceDep,
    actor: ActorDep,
    territory: Annotated[str, Query(pattern=CODE_PATTERN, description="a cell or area, also one that has ended")],
    since: Annotated[int, Query(ge=0, le=2**31 - 1, description="of revisions after this one")] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_NOTICES)] = _MOST_NOTICES,
    f: Annotated[Literal["json", "html"], Query(description="html is the sheet for handing over")] = "json",
) -> Response:
    """What the posts of a territory were told of redraws, and the open incidents that they have to hand over."""
    require(actor, Action.READ_NOTICES)
    with service.database.begin(actor, Action.READ_NOTICES) as connection:
        city = read_city(connection)
        if territory not in read_issued(connection, [territory]):
            raise NotFound(f"no area or cell {territory!r}")
        _check(connection, actor, territory)
        found = [
            each
            for each in read_notices(connection, territory, datetime.now(UTC), since, limit)
            if covers(actor, each.notice.places)
        ]
        handled = read_handled(connection, sorted({each.notice.post for each in found}))
    notices = [_notice(each) for each in found]
    incidents = [HandledOut.model_validate(dict(each)) for each in handled]
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if f == "html":
        return Response(_sheet(city, territory, notices, incidents), media_type=MEDIA["html"], headers=headers)
    body = NoticesOut(territory=territory, notices=notices, incidents=incidents)
    return Response(body.model_dump_json(), media_type=MEDIA["json"], headers=headers)


def _check(connection: Connection, actor: Actor, territory: str) -> None:
    """NotAllowed unless the territory is the actor's: as it lies today, or lay when a post there was told."""
    chain = territory_chain(connection, CELL_LEVEL, territory) or territory_chain(connection, "", territory)
    told = read_notices(connection, territory, datetime.now(UTC), 0, _MOST_NOTICES)
    if not any(covers(actor, places) for places in ([territory, *chain], *(each.notice.places for each in told))):
        raise NotAllowed(f"{territory} is outside your territories")


def _notice(each: DatedNotice) -> NoticeOut:
    notice = dataclasses.asdict(each.notice)
    del notice["places"]
    own = {
        name: getattr(each, name)
        for name in ("id", "revision", "valid_from", "note", "title", "phone", "still_open")
    }
    return NoticeOut.model_validate({**notice, **own})


def _sheet(city: City, territory: str, notices: Sequence[NoticeOut], incidents: Sequence[HandledOut]) -> bytes:
    """A page to print and sign."""
    told = table(_NOTICE_COLUMNS, [_shown(each.model_dump()) for each in notices])
    open_ = table(_INCIDENT_COLUMNS, [_shown(each.model_dump()) for each in incidents])
    title = f"{html.escape(city.name)} {html.escape(territory)} 交接单 hand-over sheet"
    return f"""<!doctype html>
<html lang="zh"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:13px sans-serif;margin:1rem}}table{{border-collapse:collapse;margin:1rem 0}}
td,th{{border:1px solid #bbb;padding:.2rem .5rem;text-align:left}}</style>
<h1>{title}</h1>
<h2>变化 What changed</h2>{told or "<p>无 none</p>"}
<h2>待移交事件 Open incidents to hand over</h2>{open_ or "<p>无 none</p>"}
<p>移交 handed over: ____________________ 接收 taken over: ____________________ 日期 date: ____________</p></html>
""".encode()


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    return {name: " ".join(value) if isinstance(value, list) else value for name, value in values.items()}


@router.post(
    "/incidents/{incident}/handover",
    response_model=HandedOverOut,
    responses=problem_responses(409),
)
def post_handover(
    service: ServiceDep, actor: ActorDep, incident: Annotated[int, Path(ge=1, le=_LARGEST_ID)]
) -> HandedOverOut:
    """Say that an incident was handed over: the posts of the cell that it is in go on with it."""
    done = hand_over_incident(service.database, actor, incident)
    return HandedOverOut(incident=done.incident, handler=done.handler, cell=done.cell)
