"""What those who are not staff of a territory get: releases, in the heatmap's own form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from api.asked import Asked
from api.deps import Service
from gridmap.errors import NotAllowed, NotFound, NotIdentified
from gridmap.heatmap.answer import Heatmap
from gridmap.heatmap.places import Places
from gridmap.heatmap.question import Question
from gridmap.model import PUBLIC, Actor
from gridmap.released_heatmap import read_heatmap
from gridmap.store.city import read_city


def released_heatmap(service: Service, asked: Asked, question: Question) -> tuple[Heatmap, Places]:
    """The rows of the releases that answer a heatmap's question, and the grid that they were counted on.

    NotAllowed, with what may be asked, when no release answers it; NotFound for an unknown category.
    """
    facts = service.state.facts
    with service.database.begin(PUBLIC) as connection:
        city = read_city(connection)
        current = None if facts is None else facts.places
        return read_heatmap(connection, city, question, asked.period, service.trees, service.places_at, current)


@contextmanager
def refusing(actor: Actor) -> Iterator[None]:
    """What the public may not see it may see with a key: NotIdentified in place of NotAllowed."""
    try:
        yield
    except NotAllowed as error:
        if actor.role != PUBLIC.role:
            raise
        raise NotIdentified(f"{error}; live counts need a key: send Authorization: Bearer …") from error


def check_revision(asked: int | None, made_on: int, counts: str) -> None:
    """NotFound for a grid that the counts are not of: others are not recounted."""
    if asked not in (None, made_on):
        raise NotFound(f"{counts} counts are of revision {made_on} only, not of {asked}")
