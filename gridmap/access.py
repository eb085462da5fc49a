"""Who may do what: one table of role, action and kind of data, and the bound of each right.

Pure; imports ``model`` and ``errors``. :mod:`gridmap.role_page` shows the table to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from gridmap.errors import NotAllowed, NotIdentified
from gridmap.model import PUBLIC, ROLES, Actor

# Whoever may run commands on the machine: a role that no key and no login has.
MACHINE = "operator"
TABLE_ROLES = (*ROLES, MACHINE)


class Data(Enum):
    """The kinds of data, from what stands on the wall to what must never stand there."""

    WALL = "cells, areas, posts, duty phones, ladders"
    RELEASES = "released counts"
    REVISIONS = "revisions"
    COUNTS = "counts of people and incidents"
    ELEMENTS = "places, objects, organizations"
    INCIDENTS = "incidents"
    PERSONS = "persons"
    NEEDS = "needs of a cell's buildings"
    LOADS = "loads and rejected rows"
    DRAFTS = "drafts"
    KEYS = "keys"
    AUDIT = "audit"
    ANSWERS = "kept answers"
    MACHINE = "the machine"


class Bound(Enum):
    """How far a right reaches."""

    EVERYWHERE = "everywhere"
    TERRITORY = "own territory"
    BESIDE = "own territory and the cells that touch it"
    CITY = "with the whole city as territory"
    SHARED = "own drafts and those shared"
    REVIEW = "own territory, once submitted"


class Action(Enum):
    """What is done; the value is how an error and the page call it."""

    READ_WALL = "read who covers a place"
    READ_RELEASES = "read releases"
    READ_AUTHORS = "read who published a revision"
    READ_COUNTS = "read counts of people and incidents"
    READ_ELEMENTS = "list places, objects and organizations"
    READ_INCIDENTS = "list incidents"
    READ_PERSONS = "list person elements"
    READ_NEEDS = "read needs by building"
    BREAK_GLASS = "break the glass"
    READ_ON_THE_MAP = "read how much has a cell"
    READ_NOTICES = "read what posts are told of redraws"
    READ_LOADS = "read loads and their rejected rows"
    WRITE_DUTY = "write posts and shifts"
    WRITE_ELEMENTS = "write elements"
    WRITE_PERSONS = "write person elements"
    WRITE_INCIDENTS = "write incidents"
    READ_DRAFTS = "read drafts"
    DRAW = "draw drafts"
    REVIEW = "approve or return drafts"
    PUBLISH = "publish a revision"
    READ_DOSSIERS = "read dossiers"
    MEASURE = "measure a revision again"
    MAKE_RELEASES = "make releases"
    GIVE_KEYS = "give out keys"
    READ_AUDIT = "read and verify the audit"
    PRUNE_AUDIT = "remove what the audit no longer keeps"
    EXPLAIN = "explain an answer"
    FORGET = "forget a person"
    RETAIN = "end what is past its retention"
    START_CITY = "start or load a city"
    VERIFY = "verify a city"
    REBUILD_HEXES = "rebuild a hex cover"
    REBUILD_BANDS = "rebuild the zoom bands"


@dataclass(frozen=True)
class Right:
    """One row of the table: an action on a kind of data, and by role how far the right reaches."""

    action: Action
    data: Data
    bounds: Mapping[str, Bound]


def _right(action: Action, data: Data, **roles_by_bound: str) -> Right:
    return Right(
        action, data, {role: Bound[bound] for bound, roles in roles_by_bound.items() for role in roles.split()}
    )


_EVERYBODY = " ".join(TABLE_ROLES)
_STAFF = "viewer dispatcher caseworker planner approver publisher"

# The table. A right that is not here is nobody's. Machine roles run what counts and never see a count; nobody
# reads the audit but auditors, and they read nothing else of people.
# fmt: off
TABLE: tuple[Right, ...] = (
    _right(Action.READ_WALL, Data.WALL, EVERYWHERE=_EVERYBODY),
    _right(Action.READ_RELEASES, Data.RELEASES, EVERYWHERE=_EVERYBODY),
    _right(Action.READ_AUTHORS, Data.REVISIONS, EVERYWHERE=f"{_STAFF} auditor operator"),
    _right(Action.READ_COUNTS, Data.COUNTS, TERRITORY=_STAFF),
    _right(Action.READ_ELEMENTS, Data.ELEMENTS, TERRITORY="dispatcher caseworker planner"),
    _right(Action.READ_INCIDENTS, Data.INCIDENTS, TERRITORY="dispatcher caseworker"),
    _right(Action.READ_PERSONS, Data.PERSONS, TERRITORY="caseworker"),
    _right(Action.READ_NEEDS, Data.NEEDS, TERRITORY="caseworker"),
    _right(Action.BREAK_GLASS, Data.NEEDS, BESIDE="dispatcher caseworker"),
    _right(Action.READ_ON_THE_MAP, Data.LOADS, CITY="caseworker planner publisher", EVERYWHERE="operator"),
    _right(Action.READ_NOTICES, Data.INCIDENTS, TERRITORY="dispatcher caseworker"),
    _right(Action.READ_LOADS, Data.LOADS, TERRITORY="dispatcher caseworker planner", EVERYWHERE="operator"),
    _right(Action.WRITE_DUTY, Data.WALL, TERRITORY="dispatcher publisher", EVERYWHERE="operator"),
    _right(Action.WRITE_ELEMENTS, Data.ELEMENTS, TERRITORY="caseworker planner", EVERYWHERE="operator"),
    _right(Action.WRITE_PERSONS, Data.PERSONS, TERRITORY="caseworker", EVERYWHERE="operator"),
    _right(Action.WRITE_INCIDENTS, Data.INCIDENTS, TERRITORY="dispatcher caseworker", EVERYWHERE="operator"),
    _right(Action.READ_DRAFTS, Data.DRAFTS, SHARED="planner", REVIEW="approver publisher", EVERYWHERE="operator"),
    _right(Action.DRAW, Data.DRAFTS, SHARED="planner", EVERYWHERE="operator"),
    _right(Action.REVIEW, Data.DRAFTS, REVIEW="approver", EVERYWHERE="operator"),
    _right(Action.PUBLISH, Data.REVISIONS, TERRITORY="publisher", EVERYWHERE="operator"),
    _right(Action.READ_DOSSIERS, Data.REVISIONS, TERRITORY=_STAFF, EVERYWHERE="operator"),
    _right(Action.MEASURE, Data.REVISIONS, EVERYWHERE="planner publisher operator"),
    _right(Action.MAKE_RELEASES, Data.RELEASES, CITY="publisher", EVERYWHERE="operator"),
    _right(Action.GIVE_KEYS, Data.KEYS, TERRITORY="key_admin system_admin", EVERYWHERE="operator"),
    _right(Action.READ_AUDIT, Data.AUDIT, TERRITORY="auditor"),
    _right(Action.PRUNE_AUDIT, Data.AUDIT, EVERYWHERE="operator"),
    _right(Action.EXPLAIN, Data.ANSWERS, TERRITORY="dispatcher approver auditor"),
    _right(Action.FORGET, Data.PERSONS, EVERYWHERE="operator"),
    _right(Action.RETAIN, Data.PERSONS, EVERYWHERE="operator"),
    _right(Action.START_CITY, Data.MACHINE, EVERYWHERE="operator"),
    _right(Action.VERIFY, Data.MACHINE, EVERYWHERE="auditor system_admin operator"),
    _right(Action.REBUILD_HEXES, Data.MACHINE, EVERYWHERE="publisher system_admin operator"),
    _right(Action.REBUILD_BANDS, Data.MACHINE, EVERYWHERE="publisher system_admin operator"),
)
# fmt: on

ALLOWED: dict[Action, frozenset[str]] = {right.action: frozenset(right.bounds) for right in TABLE}
_BOUNDS: dict[Action, Mapping[str, Bound]] = {right.action: right.bounds for right in TABLE}

# Scopes narrow a key. What reads needs the scope read, what is not named here write.
_OTHER_SCOPES = {Action.PUBLISH: "publish", Action.MAKE_RELEASES: "publish", Action.GIVE_KEYS: "keys"}

# The roles whose keys a role may give out; these three only by a system admin, or on the machine.
_GIVEN_ABOVE = frozenset({"key_admin", "auditor", "system_admin"})
GIVES: dict[str, frozenset[str]] = {
    "key_admin": frozenset(ROLES) - _GIVEN_ABOVE,
    "system_admin": frozenset(ROLES),
    MACHINE: frozenset(ROLES),
}

# Roles that one person never has both of, not even one after the other: nobody audits their own deeds.
APART = frozenset({"auditor", "system_admin"})

# The territory of whoever acts for the whole city, whatever its code.
EVERYWHERE = "*"

# Commands run by whoever may run them on the machine act as this.
OPERATOR = Actor(id="operator", role=MACHINE, territories=(EVERYWHERE,), unbound=True)

# Whoever reads the audit on the machine acts as this: nobody is both who runs the system and who audits it.
AUDITOR = Actor(id="operator", role="auditor", territories=(EVERYWHERE,))


def rights() -> set[tuple[str, str]]:
    """Every (action's name, role) that is allowed; a migrated database holds the same, for its policies."""
    return {(action.name, role) for action, roles in ALLOWED.items() for role in roles}


def may(actor: Actor, action: Action) -> bool:
    """Whether the actor's role and scopes allow the action at all; the territory is asked for besides."""
    return actor.role in ALLOWED[action] and (not actor.scopes or scope_of(action) in actor.scopes)


def scope_of(action: Action) -> str:
    """The scope that an actor with scopes needs for the action."""
    reads = action.name.startswith("READ_") or action in (Action.VERIFY, Action.EXPLAIN)
    return "read" if reads else _OTHER_SCOPES.get(action, "write")


def bound(actor: Actor, action: Action) -> Bound | None:
    """How far the actor's right to an action reaches; None for who may not at all."""
    return _BOUNDS[action].get(actor.role)


def covers(actor: Actor, places: Iterable[str]) -> bool:
    """Whether one of the actor's territories is among ``places``: a cell's or area's code and those above it."""
    return not set(actor.territories).isdisjoint((EVERYWHERE, *places))


def may_at(actor: Actor, action: Action, places: Iterable[str]) -> bool:
    """Whether the actor may do it in a territory of his: ``places`` as :func:`covers` takes them."""
    return may(actor, action) and covers(actor, places)


def require(actor: Actor, action: Action) -> None:
    """NotAllowed for a role that may not and for a key without the scope, NotIdentified for the public."""
    if may(actor, action):
        return
    if actor.role in ALLOWED[action]:
        given = ", ".join(actor.scopes)
        raise NotAllowed(f"to {action.value} needs the scope {scope_of(action)}; this key has {given}")
    if actor.role == PUBLIC.role:
        raise NotIdentified(f"to {action.value} needs a key: send Authorization: Bearer …")
    raise NotAllowed(f"the role {actor.role} may not {action.value}")


def require_city(actor: Actor, action: Action, city: str) -> None:
    """As :func:`require`; NotAllowed also for who does not act for the whole city, whose code is given."""
    require(actor, action)
    if not covers(actor, (city,)):
        raise NotAllowed(f"to {action.value} the whole city must be your territory")


def is_staff(actor: Actor, places: Iterable[str]) -> bool:
    """DESIGN's staff: a role that covers the territory in question."""
    return may_at(actor, Action.READ_COUNTS, places)
