"""Server-sent events: a new revision is announced, so that maps can follow it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.errors import problem_responses
from api.events import Events
from api.schemas.coverage import Degraded
from api.schemas.events import Announcement

router = APIRouter(prefix="/v1", tags=["maps"])

_RETRY_MS = 3000


def _seat(request: Request) -> Iterator[Events]:
    """A place among the clients, given back when the response has ended; nothing in it is to be committed."""
    events: Events = request.app.state.events
    with events.seat():
        yield events


@router.get("/events", response_class=EventSourceResponse, responses=problem_responses(422, 503))
async def get_events(
    events: Annotated[Events, Depends(_seat)],
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """A stream that says which revision is current, at once and whenever that changes.

    Each event is called `revision` and carries the revision as its id; `degraded` is set while the database is
    away. A comment comes every 15 seconds. 503 when too many clients follow: ask `/readyz` now and then instead.
    """
    async for notice in events.notices(last_event_id):
        announcement = Announcement(
            revision=notice.revision,
            cells=notice.cells,
            published_at=notice.published_at,
            degraded=None
            if notice.gone_since is None or notice.data_as_of is None
            else Degraded(since=notice.gone_since, data_as_of=notice.data_as_of),
        )
        yield ServerSentEvent(data=announcement, event="revision", id=notice.id, retry=_RETRY_MS)
