"""Broken glass, and the needs of a cell by building."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.deps import CODE_PATTERN
from api.schemas.texts import Strict
from gridmap.actions.needs import CellNeeds, Opened
from gridmap.model import City
from gridmap.store.needs import Grant


class BreakGlassIn(Strict):
    """Which cell is opened, and why."""

    cell: str = Field(pattern=CODE_PATTERN)
    reason: Literal["fire", "evacuation"]


class GrantOut(BaseModel):
    """One breaking of the glass: by whom, why, which cell, and until when it is open to them."""

    id: int
    actor: str
    role: str
    reason: str
    cell: str
    opened_at: datetime
    expires_at: datetime


class OpenedOut(GrantOut):
    """What was opened; ``neighbours`` touch it and stay shut: each is opened by itself."""

    neighbours: list[str]


class GrantsOut(BaseModel):
    """Who opened what, the newest first; ``next`` goes on."""

    grants: list[GrantOut]
    next: int | None


class BuildingNeedsOut(BaseModel):
    """How many persons of which need a building has; ``references`` in an evacuation only."""

    building: str | None
    address: str | None
    lon: float
    lat: float
    needs: dict[str, int]
    references: list[str] | None


class NeedsOut(BaseModel):
    """The needs of a cell. ``until``: when the glass that opened them closes again; null with a purpose."""

    cell: str
    purpose: str | None
    reason: str | None
    until: datetime | None
    buildings: list[BuildingNeedsOut]
    neighbours: list[str]


def grant_out(grant: Grant, city: City) -> GrantOut:
    """A grant in the city's time."""
    return GrantOut(
        id=grant.id,
        actor=grant.actor,
        role=grant.role,
        reason=grant.reason,
        cell=grant.cell,
        opened_at=grant.opened_at.astimezone(city.zone),
        expires_at=grant.expires_at.astimezone(city.zone),
    )


def opened_out(opened: Opened, city: City) -> OpenedOut:
    """A grant that was just given."""
    shown = dict(grant_out(opened.grant, city))
    return OpenedOut(**shown, neighbours=list(opened.neighbours))


def needs_out(found: CellNeeds, purpose: str | None, city: City) -> NeedsOut:
    """The needs of a cell."""
    return NeedsOut(
        cell=found.cell,
        purpose=None if found.grant else purpose,
        reason=found.grant.reason if found.grant else None,
        until=found.grant.expires_at.astimezone(city.zone) if found.grant else None,
        buildings=[
            BuildingNeedsOut(
                building=each.building,
                address=each.address,
                lon=each.lon,
                lat=each.lat,
                needs=dict(each.needs),
                references=each.references,
            )
            for each in found.buildings
        ],
        neighbours=list(found.neighbours),
    )
