"""The trace and explained answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class AuditEntryOut(BaseModel):
    """One entry of the trace. ``refs`` and ``origin`` are what has not been forgotten or removed of it."""

    seq: int
    at: datetime
    actor: str
    role: str
    territories: list[str]
    action: str = Field(description="the function that did it; `database` for somebody who wrote past GridMap")
    purpose: str | None
    read: dict[str, Any] | None
    changes: list[dict[str, Any]] | None
    refused: str | None
    refs: list[str]
    origin: list[str]


class AuditOut(BaseModel):
    """Entries, the newest first; ``next`` is what to give as ``before`` for those that come before."""

    entries: list[AuditEntryOut]
    next: int | None


class CalledOut(BaseModel):
    """Somebody to call."""

    level: str
    title: str
    phone: str
    post: str | None
    holder: str | None


class SideOut(BaseModel):
    """Who covered the place, as one side knows it."""

    revision: int
    cell: str | None
    on_duty: list[CalledOut]
    ladder: list[CalledOut]


class NowDifferentOut(BaseModel):
    """What two sides say differently: `answered and recorded`, or `recorded and now`."""

    between: str
    what: str
    before: Any
    after: Any


class ExplainedOut(BaseModel):
    """What was answered, what was recorded then, and what is known now of the same moment."""

    id: str
    at: datetime
    by: str
    question: dict[str, Any]
    degraded: dict[str, Any] | None
    answered: SideOut
    recorded: SideOut | None
    now: SideOut | None
    differences: list[NowDifferentOut]
    why_en: str
    why_zh: str
