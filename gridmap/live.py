"""Live counts are made in memory, where no policy reaches: so the database is asked first, as the actor.

Whatever tells live counts takes its facts from here. With PostGIS away nobody can say what its policies let an
actor see, and live counts wait. Imports ``recount`` and below.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gridmap.errors import NotAllowed
from gridmap.heatmap.answer import may_count
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.places import Places
from gridmap.heatmap.question import Question
from gridmap.model import Actor
from gridmap.recount import Recounts
from gridmap.store.database import Database
from gridmap.store.live_counts import may_count_in


def live_facts(database: Database, actor: Actor, facts: Facts, question: Question) -> Facts | None:
    """The facts from which an actor may be told what is asked; None for who is no staff of all of it.

    NotFound for an area that there is not, NotAllowed when the policies say otherwise than the roles, DatabaseGone
    when they cannot be asked.
    """
    if not may_count(facts, actor, question):
        return None
    confirm(database, actor, _cells(facts.places, question.area))
    return facts


def live_facts_at(
    database: Database, actor: Actor, recounts: Recounts, facts: Facts, revision: int, question: Question
) -> Facts | None:
    """The same in the cells of another revision; None for who is no staff of that place then and now."""
    place = facts.places.city.code if question.area is None else question.area
    today = recounts.staff_cells(database, actor, facts, revision, place)
    if today is None:
        return None
    then = recounts.facts(database, facts, revision)
    cells = _cells(then.places, question.area)
    confirm(database, actor, None if cells is None else {*cells, *today})
    return then


def confirm(database: Database, actor: Actor, cell_ids: Collection[int] | None) -> None:
    """NotAllowed unless the policies let the actor count in all of these cells; None: in the whole city."""
    with database.begin(actor) as connection:
        allowed = may_count_in(connection, None if cell_ids is None else sorted(cell_ids))
    if not allowed:
        raise NotAllowed("the database's own rules do not let you count there")


def _cells(places: Places, code: str | None) -> list[int] | None:
    """The ids of the cells of a place; None for the city, to which belongs what lies outside."""
    if code is None or code == places.city.code:
        return None
    return [places.grid.cells[at].id for at in np.flatnonzero(places.within(code)).tolist()]
