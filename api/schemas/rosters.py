"""The roster of a cell or an area."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.coverage import RungOut, TurnOut
from api.schemas.duty import PostOut, ShiftOut


class RosterPost(PostOut):
    """A post with its rules and who is on duty; a ``gap`` is that somebody must be and nobody is."""

    shifts: list[ShiftOut]
    on_duty: list[TurnOut]
    gap: bool


class RosterReleased(BaseModel):
    """What the newest release says of the place, by subject, null where it is hidden; its month and its grid."""

    period: str
    revision: int
    counts: dict[str, int | None]


class RosterOut(BaseModel):
    """Who is posted at a cell or an area; live counts for the territory's staff, ``released`` ones for others.

    ``to_hand_over``: open incidents that the posts here still have after a redraw, and that lie in other cells
    now.
    """

    revision: int
    as_of: datetime
    level: str
    code: str
    name: str
    posts: list[RosterPost]
    ladder: list[RungOut] = Field(min_length=1)
    elements: dict[str, int] | None
    open_incidents: int | None
    to_hand_over: int | None
    released: RosterReleased | None
    counts: Literal["staff", "released", "not released"]
