"""The counts that tiles are drawn from: released ones for everybody, live ones for the staff of the territory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request

from api.asked import Asked, FilterDep, Of, TileCrsQuery, refuse_period
from api.deps import Service
from api.released import refusing, released_heatmap
from gridmap.errors import NotAllowed
from gridmap.heatmap.answer import count, data_version
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.question import FINEST_RESOLUTION, HEX, Question
from gridmap.live import live_facts as live_facts_of
from gridmap.model import PUBLIC, Actor, City
from gridmap.released import data_version as released_version
from gridmap.released import least_of, question_of, releases_of
from gridmap.store.city import read_city
from gridmap.store.releases import Release
from tiles.baked import FORMAT
from tiles.counts import CountLayer, Plot

_NAMES = {
    *("of", "by", "resolution", "class", "category", "from", "to", "period", "hours", "weekdays", "area"),
    "crs",
}


class TileAsked(Asked):
    """The parameters that say which counts a tile shows, as they came."""

    def __init__(
        self,
        chosen: FilterDep,
        of: Annotated[Of, Query(description="what is counted")] = "incidents",
        by: Annotated[
            str | None, Query(max_length=64, description="cell or the key of a level; by zoom unless said")
        ] = None,
        resolution: Annotated[
            int | None, Query(ge=0, le=FINEST_RESOLUTION, description="of hexes; by zoom unless said")
        ] = None,
        crs: TileCrsQuery = "wgs84",
    ) -> None:
        self.crs: str = crs
        super().__init__(of, chosen)
        self.by, self.resolution = by, resolution

    def grouped(self, city: City, by: str, resolution: int | None) -> Question:
        """The question of a tile that is grouped so; cells and areas are listed with 0, too."""
        self.by, self.resolution = by, resolution
        self._zeros = by != HEX
        return self.question(city)


@dataclass(frozen=True)
class Told:
    """What tiles of some counts are of: revision, data version, and the releases, none for live counts."""

    revision: int
    data_version: str
    releases: tuple[Release, ...] = ()
    least: int = 1

    @property
    def mark(self) -> str:
        """What stands for it in a tile's address as ``v``."""
        return f"{self.data_version}.{self.revision}.{FORMAT}"


def pinned(request: Request, told: Told) -> str:
    """The query that names the same counts again: what was asked, the month of a release, and the mark."""
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name in _NAMES]
    if told.releases and {"from", "to", "period"}.isdisjoint(name for name, _ in pairs):
        pairs.append(("period", told.releases[-1].period))
    return urlencode([*pairs, ("v", told.mark)])


def live_facts(service: Service, actor: Actor, layer: CountLayer, asked: TileAsked) -> Facts:
    """The facts that live tiles are drawn from; NotIdentified or NotAllowed for who is not staff there."""
    known = service.state.countable
    question = asked.question(known.places.city)
    with refusing(actor):
        facts = live_facts_of(service.database, actor, known, question)
        if facts is None:
            raise NotAllowed(
                f"{layer.name} is for the staff of {question.area or 'the whole city'}: name one of yours with "
                f"area=, or take {layer.kind}, which shows releases"
            )
    refuse_period(asked, question)
    return facts


def told_of(facts: Facts) -> Told:
    """What live tiles are of."""
    return Told(facts.revision, data_version(facts))


def told_of_releases(service: Service, actor: Actor, asked: TileAsked) -> Told:
    """What tiles of releases are of; NotAllowed or NotIdentified, with what may be asked, when none has it."""
    with refusing(actor), service.database.begin(PUBLIC) as connection:
        city = read_city(connection)
        question = question_of(connection, city, asked.question(city), asked.period)
        releases = tuple(releases_of(connection, question))
        least = least_of(connection, question, releases)
    return Told(releases[-1].revision, released_version(releases), releases, least)


def live_plot(service: Service, facts: Facts, question: Question) -> Plot:
    """The live rows of a question."""
    key = (question, facts.revision, facts.version)
    return service.plots.get(key, lambda: Plot(count(facts, question), facts.places))


def released_plot(service: Service, actor: Actor, asked: TileAsked, told: Told, question: Question) -> Plot:
    """The rows that releases show of a question."""

    def make() -> Plot:
        with refusing(actor):
            return Plot(*released_heatmap(service, asked, question))

    return service.plots.get((question, told), make)
