"""Drafts as their planners keep them: started, named, shared, discarded; and who may see one."""

from __future__ import annotations

from collections.abc import Sequence

from gridmap.access import Action, require
from gridmap.errors import InvalidInput, NotAllowed, NotFound, RuleBroken
from gridmap.model import DRAFT_STATES, Actor
from gridmap.redraw.draft import Draft, Step, check_step, is_drawing, may_see, may_share
from gridmap.store.database import Connection, Database
from gridmap.store.drafts import find_draft, insert_draft, update_draft
from gridmap.store.drafts import list_drafts as read_drafts
from gridmap.store.revisions import read_current

_LONGEST_NAME = 200
_LONGEST_REASON = 1000
_MOST_SHARED = 100


def create_draft(database: Database, actor: Actor, name: str, base: int | None = None, reason: str = "") -> Draft:
    """Start a draft on the current revision. RuleBroken when ``base`` names another one."""
    require(actor, Action.DRAW)
    with database.begin(actor) as connection:
        current = read_current(connection).number
        if base is not None and base != current:
            raise RuleBroken(f"a draft starts from the current revision {current}, not from {base}")
        return insert_draft(connection, actor, _named(name), current, _reasoned(reason))


def list_drafts(
    connection: Connection, actor: Actor, states: Sequence[str] = DRAFT_STATES, *, own: bool = False
) -> list[Draft]:
    """The drafts that the actor may see, newest first; ``own``: only his and those shared with him."""
    require(actor, Action.READ_DRAFTS)
    for state in states:
        if state not in DRAFT_STATES:
            raise InvalidInput("state", state, f"must be one of {', '.join(DRAFT_STATES)}")
    found = read_drafts(connection, actor.id if own else None, states)
    return [draft for draft in found if may_see(actor, draft)]


def read_draft(connection: Connection, actor: Actor, number: int, *, lock: bool = False) -> Draft:
    """A draft; NotFound also for one that the actor may not see."""
    require(actor, Action.READ_DRAFTS)
    draft = find_draft(connection, number, lock=lock)
    if draft is None or not may_see(actor, draft):
        raise NotFound(f"no draft {number}")
    return draft


def drawing(connection: Connection, actor: Actor, number: int, step: Step) -> Draft:
    """A draft that the actor is about to change, locked. NotAllowed unless he works on it."""
    draft = read_draft(connection, actor, number, lock=True)
    require(actor, Action.DRAW)
    if not is_drawing(actor, draft):
        raise NotAllowed(f"draft {number} is {draft.owner}'s, and not shared with you")
    check_step(draft, step)
    return draft


def change_draft(
    database: Database,
    actor: Actor,
    number: int,
    name: str | None,
    shared_with: Sequence[str] | None,
    reason: str | None = None,
) -> Draft:
    """Rename a draft, say why it is drawn, or share it with these actors and no others, by the ids of their keys.

    RuleBroken for another reason once it is published or discarded.
    """
    with database.begin(actor) as connection:
        draft = read_draft(connection, actor, number, lock=True)
        require(actor, Action.DRAW)
        if not is_drawing(actor, draft):
            raise NotAllowed(f"draft {number} is {draft.owner}'s, and not shared with you")
        values: dict[str, object] = {}
        if name is not None:
            values["name"] = _named(name)
        if reason is not None:
            if draft.state in ("published", "discarded"):
                raise RuleBroken(f"draft {number} is {draft.state}: its reason stays")
            values["reason"] = _reasoned(reason)
        if shared_with is not None:
            if not may_share(actor, draft):
                raise NotAllowed(f"draft {number} is {draft.owner}'s: only the owner shares it")
            values["shared_with"] = _shared(shared_with, draft.owner)
        return update_draft(connection, number, **values) if values else draft


def discard_draft(database: Database, actor: Actor, number: int) -> Draft:
    """Give a draft up; it stays readable to those who worked on it. RuleBroken for a published one."""
    with database.begin(actor) as connection:
        draft = drawing(connection, actor, number, Step.DISCARD)
        if not may_share(actor, draft):
            raise NotAllowed(f"draft {number} is {draft.owner}'s: only the owner discards it")
        return update_draft(connection, number, state="discarded", notice_sha256=None)


def _named(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidInput("name", name, f"must be printable text of 1 to {_LONGEST_NAME} characters")
    return name


def _reasoned(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > _LONGEST_REASON or "\0" in reason:
        raise InvalidInput("reason", reason, f"must be text of at most {_LONGEST_REASON} characters")
    return reason


def _shared(actors: Sequence[str], owner: str) -> list[str]:
    if len(actors) > _MOST_SHARED:
        raise InvalidInput("shared_with", len(actors), f"must be {_MOST_SHARED} actors at most")
    return sorted(set(actors) - {owner})
