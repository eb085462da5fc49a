"""Which collections an actor may see, and which part of them."""

from __future__ import annotations

from collections.abc import Iterable

from gridmap.access import EVERYWHERE, Action, may, require
from gridmap.errors import NotFound
from gridmap.features import ELEMENTS, INCIDENTS, Collection, collections_of
from gridmap.model import Actor, City

# What listing a collection needs; all others are for everybody.
_NEEDS = {ELEMENTS: Action.READ_ELEMENTS, INCIDENTS: Action.READ_INCIDENTS}


def visible_collections(city: City, actor: Actor) -> Iterable[Collection]:
    """The collections that the actor may see."""
    for each in collections_of(city).values():
        if each.id not in _NEEDS or may(actor, _NEEDS[each.id]):
            yield each


def collection_for(city: City, actor: Actor, name: str) -> Collection:
    """A collection by id. NotFound when there is none; NotIdentified or NotAllowed when it is for staff only."""
    found = collections_of(city).get(name)
    if found is None:
        raise NotFound(f"no collection {name!r}; /ogc/collections lists them")
    if name in _NEEDS:
        require(actor, _NEEDS[name])
    return found


def needed_for(collection: Collection) -> tuple[Action, ...]:
    """What reading a collection is, if it is for staff only."""
    return tuple(_NEEDS[each] for each in (collection.id,) if each in _NEEDS)


def territories_of(city: City, actor: Actor) -> tuple[str, ...] | None:
    """The territories whose staff the actor is; None for the whole city and what lies outside it."""
    return None if {EVERYWHERE, city.code} & set(actor.territories) else actor.territories
