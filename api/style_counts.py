"""Which counts a style shows to whom: live ones to the staff of the place, else those of releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from api.asked import Asked, refuse_period
from api.deps import Service
from api.released import refusing
from gridmap.heatmap.question import Question, Window
from gridmap.live import live_facts
from gridmap.model import PUBLIC, Actor
from gridmap.released import least_of, question_of, releases_of, subject_of
from gridmap.store import releases as store
from gridmap.store.city import read_city
from tiles.style import Counts


@dataclass(frozen=True)
class StyleCounts:
    """The counts of a style, and the revision that they are of: None when there are none yet."""

    counts: Counts
    revision: int | None

    @property
    def live(self) -> bool:
        """Whether they are for staff only."""
        return self.counts.released is None


def style_counts(
    service: Service, actor: Actor, asked: Asked, query: Mapping[str, str], breaks: tuple[float, ...]
) -> StyleCounts:
    """What a style shows; ``query`` are the parameters of the heatmap that are not those of releases.

    Who is not staff of ``area`` gets the whole city's releases. NotAllowed or NotIdentified, with what may be
    asked, when no release answers; before the first release there is nothing to show.
    """
    facts = service.state.countable
    question = asked.question(facts.places.city)
    if live_facts(service.database, actor, facts, question) is not None:
        refuse_period(asked, question)
        return StyleCounts(Counts(query, breaks), facts.revision)
    question = replace(question, area=None)
    query = {name: value for name, value in query.items() if name != "area"}
    with service.database.begin(PUBLIC) as connection, refusing(actor):
        if _nothing_yet(store.list_periods(connection, subject_of(question) or ""), asked, question):
            return StyleCounts(Counts(query, breaks, released=()), None)
        city = read_city(connection)
        released = question_of(connection, city, question, asked.period)
        releases = releases_of(connection, released)
        least = least_of(connection, released, releases)
    if released.since is None:  # the month by its name, so that a newer release changes nothing
        query = {name: value for name, value in query.items() if name not in ("from", "to")}
        query["period"] = str(released.period)
    months = tuple(release.period for release in releases)
    return StyleCounts(Counts(query, breaks, months, least), releases[-1].revision)


def _nothing_yet(counted: list[str], asked: Asked, question: Question) -> bool:
    """Whether the newest release of a subject is asked for and there is none."""
    if counted or asked.period is not None or question.window != Window() or subject_of(question) is None:
        return False
    return question == replace(question, hours=frozenset(), weekdays=frozenset(), earlier=None, measure="count")
