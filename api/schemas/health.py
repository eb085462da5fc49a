"""Alive, and able to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from api.schemas.coverage import Degraded


class Health(BaseModel):
    """Alive."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Able to answer, from which revision, degraded or not."""

    status: Literal["ready", "not ready"]
    revision: int | None
    data_as_of: datetime | None
    degraded: Degraded | None
