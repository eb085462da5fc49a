"""Asks the database whether its policies let the actor be told live counts: those are made in memory."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

_MAY_COUNT = text("SELECT actor_may_count(CAST(:cells AS integer[]))")


def may_count_in(connection: Connection, cell_ids: Sequence[int] | None) -> bool:
    """Whether the transaction's actor may count in all of these cells; None: in the whole city and outside it."""
    cells = None if cell_ids is None else list(cell_ids)
    return bool(connection.execute(_MAY_COUNT, {"cells": cells}).scalar_one())
