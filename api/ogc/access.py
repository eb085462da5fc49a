"""Which collections an actor may see, and which part of them."""

from __future__ import annotations

from collections.abc import Iterable

from gridmap.access import EVERYWHERE, Action, may, require
from gridmap.errors import NotFound
from gridmap.features import Collection, collections_of
from gridmap.model import Actor, City


def visible_collections(city: City, actor: Actor) -> Iterable[Collection]:
    """The collections that the actor may see."""
    for each in collections_of(city).values():
        if not each.staff_only or may(actor, Action.READ_COUNTS):
            yield each


def collection_for(city: City, actor: Actor, name: str) -> Collection:
    """A collection by id. NotFound when there is none; NotIdentified or NotAllowed when it is for staff only."""
    found = collections_of(city).get(name)
    if found is None:
        raise NotFound(f"no collection {name!r}; /ogc/collections lists them")
    if found.staff_only:
        require(actor, Action.READ_COUNTS)
    return found


def territories_of(city: City, actor: Actor) -> tuple[str, ...] | None:
    """The territories whose staff the actor is; None for the whole city and what lies outside it."""
    return None if {EVERYWHERE, city.code} & set(actor.territories) else actor.territories
