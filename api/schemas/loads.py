"""Loads and their rejected rows."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from gridmap.model import Load


class Counts(BaseModel):
    """What became of a load's rows: rows = placed + outside + rejected; the others say what was done."""

    rows: int
    placed: int
    outside: int
    rejected: int
    inserted: int
    updated: int
    moved: int
    unchanged: int
    duplicates: int


class LoadOut(BaseModel):
    """One load."""

    id: int
    what: str
    source: str
    file: str
    actor: str
    started_at: datetime
    counts: Counts


class LoadsOut(BaseModel):
    """Loads, the newest first; ``next`` is the id to go on before."""

    loads: list[LoadOut]
    next: int | None


class RejectedOut(BaseModel):
    """A row that was not taken, with what is kept of it; ID- and mobile-shaped strings are masked."""

    file: str
    line: int
    reason: str
    columns: dict[str, str]


class RejectedRowsOut(BaseModel):
    """Rejected rows by file and line, those of the last 30 days; go on after the last one's file and line."""

    load: int
    rows: list[RejectedOut]
    more: bool


def load_out(load: Load) -> LoadOut:
    """The load as an answer."""
    return LoadOut(
        id=load.id,
        what=load.what,
        source=load.source,
        file=load.file,
        actor=load.actor,
        started_at=load.started_at,
        counts=Counts(**vars(load.counts)),
    )
