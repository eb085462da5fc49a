"""Giving out keys, showing them, and ending them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from gridmap.access import APART, EVERYWHERE, GIVES, OPERATOR, Action, covers, require
from gridmap.errors import InvalidInput, NotAllowed, NotFound, RuleBroken
from gridmap.ingest.privacy import looks_personal
from gridmap.model import PUBLIC, ROLES, SCOPES, WORKER, Actor
from gridmap.store import keys as store
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database, set_actor

# Whom a key stands for: the name of a desk or an account, an opaque reference. A colon parts the ids of those who
# come by a provider of tokens from all others.
_HOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
_MOST_ORIGINS, _MOST_TERRITORIES, _LONGEST_LABEL = 20, 200, 200

# Whom the service itself calls so.
_RESERVED = frozenset({PUBLIC.id, OPERATOR.id, "worker"})

SECRET, PUBLISHABLE = "gm_", "pk_"


def create_key(
    database: Database,
    actor: Actor,
    holder: Actor,
    label: str,
    expires_at: datetime | None = None,
    origins: Sequence[str] = (),
) -> str:
    """Make a key that stands for ``holder`` and return its text, which is kept nowhere.

    A holder of the role public gets a publishable key, for pages of ``origins``. NotAllowed for roles and
    territories that the actor may not give; RuleBroken when the holder is, or was, what the role must be apart
    from.
    """
    return give_key(database, actor, holder, label, expires_at, origins)[1]


def give_key(
    database: Database,
    actor: Actor,
    holder: Actor,
    label: str,
    expires_at: datetime | None = None,
    origins: Sequence[str] = (),
) -> tuple[store.KeyRecord, str]:
    """As :func:`create_key`, with all that is kept of the key before its text."""
    require(actor, Action.GIVE_KEYS)
    _check_holder(holder)
    _check_origins(holder, origins)
    _check_times_and_label(label, expires_at)
    if holder.role not in GIVES.get(actor.role, frozenset()):
        raise NotAllowed(f"the role {actor.role} may not give keys of the role {holder.role}")
    if holder.id == actor.id and holder.role != actor.role:
        raise NotAllowed(f"{actor.id} may give no key of another role to itself")
    publishable = holder.role == PUBLIC.role
    text = f"{PUBLISHABLE if publishable else SECRET}{secrets.token_urlsafe(32)}"
    key_id = f"{holder.id}-{secrets.token_hex(4)}"
    with database.begin(actor) as connection:
        _check_territories(connection, actor, holder.territories)
        store.lock_holder(connection, holder.id)
        _check_apart(connection, actor, holder)
        store.insert_key(connection, key_id, text, holder, label, expires_at, origins, actor.id)
        record = store.find_key(connection, key_id)
    assert record is not None
    return record, text


def _check_holder(holder: Actor) -> None:
    if holder.id in _RESERVED or not _HOLDER.fullmatch(holder.id) or looks_personal(holder.id):
        rule = f"must be 1 to 64 of A-Z a-z 0-9 . _ @ -, no person's number, not {', '.join(sorted(_RESERVED))}"
        raise InvalidInput("holder", holder.id, rule)
    if holder.role not in ROLES:
        raise InvalidInput("role", holder.role, f"must be one of {', '.join(ROLES)}")
    for scope in holder.scopes:
        if scope not in SCOPES:
            raise InvalidInput("scopes", scope, f"must be of {', '.join(SCOPES)}")
    if len(set(holder.scopes)) < len(holder.scopes):
        raise InvalidInput("scopes", holder.scopes, "must name each scope once")
    if len(set(holder.territories)) < len(holder.territories):
        raise InvalidInput("territories", holder.territories, "must name each territory once")
    if holder.role == PUBLIC.role:
        if holder.territories or holder.scopes:
            raise InvalidInput("role", holder.role, "has neither territories nor scopes")
    elif not 1 <= len(holder.territories) <= _MOST_TERRITORIES:
        rule = f"must be 1 to {_MOST_TERRITORIES} codes of areas or cells"
        raise InvalidInput("territories", holder.territories, rule)


def _check_origins(holder: Actor, origins: Sequence[str]) -> None:
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            rule = "must be a scheme, a host in small letters and perhaps a port, such as https://maps.example"
            raise InvalidInput("origins", origin, rule)
    if holder.role != PUBLIC.role and origins:
        raise InvalidInput(
            "origins", list(origins), "are for keys of the role public, which pages show to everybody"
        )
    if holder.role == PUBLIC.role and not 1 <= len(origins) <= _MOST_ORIGINS:
        rule = f"a key of the role public needs 1 to {_MOST_ORIGINS}: the pages that it is for"
        raise InvalidInput("origins", list(origins), rule)


def _check_times_and_label(label: str, expires_at: datetime | None) -> None:
    if not 1 <= len(label) <= _LONGEST_LABEL or not label.isprintable() or looks_personal(label):
        rule = f"must say in 1 to {_LONGEST_LABEL} characters what the key is for, without numbers of persons"
        raise InvalidInput("label", label, rule)
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidInput("expires_at", expires_at.isoformat(), "must lie ahead")


def _check_territories(connection: Connection, actor: Actor, territories: Sequence[str]) -> None:
    """Each must be there, and be the actor's own or lie in one that is."""
    for code in territories:
        chain = [] if code == EVERYWHERE else store.place_chain(connection, code)
        if not covers(actor, chain):
            raise NotAllowed(f"{code} is outside your territories")
        if code != EVERYWHERE and not chain:
            raise InvalidInput("territories", code, "must be the code of an area or cell that there is")


def _check_apart(connection: Connection, actor: Actor, holder: Actor) -> None:
    set_actor(connection, WORKER)  # keys of other territories, too
    others = (store.roles_of(connection, holder.id) & APART) - {holder.role}
    set_actor(connection, actor)
    if holder.role in APART and others:
        raise RuleBroken(f"{holder.id} has or had a key as {others.pop()}: nobody is both that and {holder.role}")


def list_keys(database: Database, actor: Actor) -> list[store.KeyRecord]:
    """The keys that the actor could give out, the newest first."""
    require(actor, Action.GIVE_KEYS)
    with database.begin(actor) as connection:
        return [key for key in store.list_keys(connection) if _may_give(connection, actor, key)]


def read_key(database: Database, actor: Actor, key_id: str) -> store.KeyRecord:
    """One key; NotFound for one that there is not, or that the actor could not give out."""
    require(actor, Action.GIVE_KEYS)
    with database.begin(actor) as connection:
        return _find(connection, actor, key_id)


def revoke_key(database: Database, actor: Actor, key_id: str) -> store.KeyRecord:
    """End a key, and the sessions that were begun with it; one that has ended stays as it is."""
    require(actor, Action.GIVE_KEYS)
    with database.begin(actor) as connection:
        _find(connection, actor, key_id)
        store.revoke(connection, key_id, actor.id)
        return _find(connection, actor, key_id)


def _find(connection: Connection, actor: Actor, key_id: str) -> store.KeyRecord:
    key = store.find_key(connection, key_id)
    if key is None or not _may_give(connection, actor, key):
        raise NotFound(f"no key {key_id!r} of your territories")
    return key


def _may_give(connection: Connection, actor: Actor, key: store.KeyRecord) -> bool:
    """Whether the actor could give out such a key. What ended since lies in nobody's territory but the city's."""
    if key.holder.role not in GIVES[actor.role]:
        return False
    if not key.holder.territories:  # publishable keys are for the whole city
        return key.created_by == actor.id or covers(actor, [read_city(connection).code])
    return all(
        covers(actor, [code]) or covers(actor, store.place_chain(connection, code))
        for code in key.holder.territories
    )
