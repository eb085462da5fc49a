"""Kept answers: what staff was told of who covers a place. The spool brings them; see ``audit_take``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """``by`` asked ``at``; ``codes`` are those of the cell and the areas above, ``answer`` what was answered."""

    id: str
    at: datetime
    codes: tuple[str, ...]
    by: str
    role: str
    question: Mapping[str, Any]
    versions: Mapping[str, int]
    answer: Mapping[str, Any]


def read_answer(connection: Connection, answer_id: str) -> KeptAnswer | None:
    """The answer with an id, None when none is kept."""
    query = text("SELECT id::text, at, codes, body FROM kept_answer WHERE id = CAST(:id AS uuid)")
    row = connection.execute(query, {"id": answer_id}).first()
    if row is None:
        return None
    body = json.loads(row.body)
    names = ("by", "role", "question", "versions", "answer")
    return KeptAnswer(row.id, row.at, tuple(row.codes), **{name: body[name] for name in names})
