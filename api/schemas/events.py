"""What the stream of events says."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from api.schemas.coverage import Degraded


class Announcement(BaseModel):
    """The current revision, and since when the database is away, if it is."""

    revision: int
    cells: int
    published_at: datetime
    degraded: Degraded | None
