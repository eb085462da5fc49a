"""The roster of a cell or an area."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.coverage import RungOut, TurnOut
from api.schemas.duty import PostOut, ShiftOut


class RosterPost(PostOut):
    """A post with its rules and who is on duty."""

    shifts: list[ShiftOut]
    on_duty: list[TurnOut]


class RosterOut(BaseModel):
    """Who is posted at a cell or an area; counts for the territory's staff only.

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
    counts: Literal["staff", "not released"]
