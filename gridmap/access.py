"""Who may do what: roles and the actions they may take. Pure; imports ``model`` and ``errors``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from gridmap.errors import NotAllowed, NotIdentified
from gridmap.model import PUBLIC, ROLES, Actor


class Action(Enum):
    """What needs a role. Reading what a city posts on the wall needs none."""

    START_CITY = "start or load a city"
    VERIFY = "verify a city"
    REBUILD_HEXES = "rebuild a hex cover"
    REBUILD_BANDS = "rebuild the zoom bands"
    PUBLISH = "publish a revision"
    READ_AUTHORS = "read who published a revision"
    GIVE_KEYS = "give out keys"
    WRITE_DUTY = "write posts and shifts"
    READ_ON_THE_MAP = "read how much has a cell"
    READ_COUNTS = "read counts of people and incidents"
    WRITE_ELEMENTS = "write elements"
    WRITE_INCIDENTS = "write incidents"
    READ_LOADS = "read loads and their rejected rows"
    MAKE_RELEASES = "make releases"
    READ_DRAFTS = "read drafts"
    DRAW = "draw drafts"
    REVIEW = "approve or return drafts"
    MEASURE = "measure a revision again"
    READ_DOSSIERS = "read dossiers"
    LIST_PERSONS = "list persons"
    READ_AUDIT = "read and verify the audit"
    PRUNE_AUDIT = "remove what the audit no longer keeps"
    EXPLAIN = "explain an answer"


ALLOWED: dict[Action, frozenset[str]] = {
    Action.START_CITY: frozenset({"system_admin"}),
    Action.VERIFY: frozenset({"auditor", "system_admin"}),
    Action.REBUILD_HEXES: frozenset({"publisher", "system_admin"}),
    Action.REBUILD_BANDS: frozenset({"publisher", "system_admin"}),
    Action.PUBLISH: frozenset({"publisher", "system_admin"}),
    Action.READ_AUTHORS: frozenset(set(ROLES) - {"public", "key_admin"}),
    Action.GIVE_KEYS: frozenset({"key_admin", "system_admin"}),
    Action.WRITE_DUTY: frozenset({"dispatcher", "publisher", "system_admin"}),
    Action.READ_ON_THE_MAP: frozenset(set(ROLES) - {"public", "key_admin"}),
    Action.READ_COUNTS: frozenset(set(ROLES) - {"public", "key_admin", "system_admin", "auditor"}),
    Action.WRITE_ELEMENTS: frozenset({"caseworker", "planner", "system_admin"}),
    Action.WRITE_INCIDENTS: frozenset({"caseworker", "dispatcher", "system_admin"}),
    Action.READ_LOADS: frozenset({"caseworker", "dispatcher", "planner", "auditor", "system_admin"}),
    Action.MAKE_RELEASES: frozenset({"publisher", "system_admin"}),
    Action.READ_DRAFTS: frozenset({"planner", "approver", "publisher", "system_admin"}),
    Action.DRAW: frozenset({"planner", "system_admin"}),
    Action.REVIEW: frozenset({"approver", "system_admin"}),
    Action.MEASURE: frozenset({"planner", "publisher", "system_admin"}),
    Action.READ_DOSSIERS: frozenset(set(ROLES) - {"public", "key_admin"}),
    Action.LIST_PERSONS: frozenset({"caseworker"}),
    Action.READ_AUDIT: frozenset({"auditor"}),
    Action.PRUNE_AUDIT: frozenset({"system_admin"}),
    # Who supervises a desk; what was answered is public, when and for which point it was asked is not.
    Action.EXPLAIN: frozenset({"dispatcher", "approver", "auditor"}),
}

# The territory of whoever acts for the whole city, whatever its code.
EVERYWHERE = "*"

# Commands run by whoever may run them on the machine act as this.
OPERATOR = Actor(id="operator", role="system_admin", territories=(EVERYWHERE,))

# Whoever reads the audit on the machine acts as this: nobody is both who runs the system and who audits it.
AUDITOR = Actor(id="operator", role="auditor", territories=(EVERYWHERE,))


def may(actor: Actor, action: Action) -> bool:
    """Whether the actor's role allows the action at all; the territory is asked for besides."""
    return actor.role in ALLOWED[action]


def covers(actor: Actor, places: Iterable[str]) -> bool:
    """Whether one of the actor's territories is among ``places``: a cell's or area's code and those above it."""
    return not set(actor.territories).isdisjoint((EVERYWHERE, *places))


def require(actor: Actor, action: Action) -> None:
    """NotIdentified for the public, NotAllowed for a role that may not."""
    if may(actor, action):
        return
    if actor.role == PUBLIC.role:
        raise NotIdentified(f"to {action.value} needs a key: send Authorization: Bearer …")
    raise NotAllowed(f"the role {actor.role} may not {action.value}")


def is_staff(actor: Actor, places: Iterable[str]) -> bool:
    """DESIGN's staff: a role that covers the territory in question."""
    return may(actor, Action.READ_COUNTS) and covers(actor, places)
