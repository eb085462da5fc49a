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
}

# The scope that a narrowed key needs for an action; what is in neither list writes.
_READING = frozenset(
    {
        Action.VERIFY,
        Action.READ_AUTHORS,
        Action.READ_ON_THE_MAP,
        Action.READ_COUNTS,
        Action.READ_LOADS,
        Action.READ_DRAFTS,
        Action.READ_DOSSIERS,
    }
)
_OTHER_SCOPES = {Action.PUBLISH: "publish", Action.MAKE_RELEASES: "publish", Action.GIVE_KEYS: "keys"}

# The roles whose keys a role may give out; these three only by a system admin, or on the machine.
_GIVEN_ABOVE = frozenset({"key_admin", "auditor", "system_admin"})
GIVES: dict[str, frozenset[str]] = {
    "key_admin": frozenset(ROLES) - _GIVEN_ABOVE,
    "system_admin": frozenset(ROLES),
}

# Roles that one person never has both of, not even one after the other: nobody audits their own deeds.
APART = frozenset({"auditor", "system_admin"})

# The territory of whoever acts for the whole city, whatever its code.
EVERYWHERE = "*"

# Commands run by whoever may run them on the machine act as this.
OPERATOR = Actor(id="operator", role="system_admin", territories=(EVERYWHERE,))


def may(actor: Actor, action: Action) -> bool:
    """Whether the actor's role and scopes allow the action at all; the territory is asked for besides."""
    return actor.role in ALLOWED[action] and (not actor.scopes or scope_of(action) in actor.scopes)


def scope_of(action: Action) -> str:
    """The scope that an actor with scopes needs for the action."""
    return "read" if action in _READING else _OTHER_SCOPES.get(action, "write")


def covers(actor: Actor, places: Iterable[str]) -> bool:
    """Whether one of the actor's territories is among ``places``: a cell's or area's code and those above it."""
    return not set(actor.territories).isdisjoint((EVERYWHERE, *places))


def require(actor: Actor, action: Action) -> None:
    """NotIdentified for the public, NotAllowed for a role that may not."""
    if may(actor, action):
        return
    if actor.role == PUBLIC.role:
        raise NotIdentified(f"to {action.value} needs a key: send Authorization: Bearer …")
    if actor.role in ALLOWED[action]:
        given = ", ".join(actor.scopes)
        raise NotAllowed(f"to {action.value} needs the scope {scope_of(action)}; this key has {given}")
    raise NotAllowed(f"the role {actor.role} may not {action.value}")


def is_staff(actor: Actor, places: Iterable[str]) -> bool:
    """DESIGN's staff: a role that covers the territory in question."""
    return may(actor, Action.READ_COUNTS) and covers(actor, places)
