"""``gridmap bench access``: the same questions with row-level security and without, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import shapely

from gridmap.access import Action
from gridmap.coverage.grid import Grid, top_code
from gridmap.features import ELEMENTS, INCIDENTS, collections_of
from gridmap.model import CELL_LEVEL, WORKER, Actor, City
from gridmap.store.city import read_city
from gridmap.store.counts import cells_of, elements_by_class, open_incidents
from gridmap.store.database import Connection, Database
from gridmap.store.duty import read_duty
from gridmap.store.features import Period, Wanted, read_features
from gridmap.store.listing import Page, list_elements, list_incidents
from gridmap.store.notices import count_handled
from gridmap.store.registry import read_cell
from gridmap.store.snapshot import read_grid
from gridmap.store.whereabouts import read_chain

Progress = Callable[[str], None]
Asked = Callable[[Connection], object]

_PAGE = 100
# A box of so many degrees: some streets.
_BOX_DEGREES = 0.01


@dataclass
class Cost:
    """Milliseconds of a question, medians; ``times``: with policies as many times as long as without."""

    without_ms: float
    with_ms: float
    times: float


@dataclass
class AccessBench:
    """By question what policies cost the staff of a district (its code), asked so many ``rounds``."""

    district: str
    rounds: int
    costs: dict[str, Cost] = field(default_factory=dict)


def bench_access(bound: Database, unbound: Database, rounds: int, progress: Progress) -> AccessBench:
    """Ask rosters, pages and boxes as the staff of the largest district.

    ``bound`` connects as a role that policies bind, ``unbound`` to the same database as one that they do not.
    """
    with bound.begin(WORKER, long_work=True) as connection:
        city = read_city(connection)
        grid = read_grid(connection, city)
    chains = {code: grid.chain(code) for code in {cell.community for cell in grid.cells}}
    tops = [top_code(chains[cell.community], city) for cell in grid.cells]
    names, counts = np.unique(np.array(tops), return_counts=True)
    district = str(names[int(np.argmax(counts))])
    actor = Actor("bench", "viewer", (district,))
    report = AccessBench(district, rounds)
    for name, ask in _questions(grid, city, district).items():
        progress(name)
        report.costs[name] = _cost(bound, unbound, actor, ask, rounds)
    return report


def _questions(grid: Grid, city: City, district: str) -> dict[str, Asked]:
    inside = [cell for cell in grid.cells if any(area.code == district for area in grid.chain(cell.community))]
    middle = inside[len(inside) // 2]
    places = [(CELL_LEVEL, middle.code), *((area.level, area.code) for area in grid.chain(middle.community))]
    revision, now = grid.revision.number, datetime.now(UTC)

    def roster(level: str, code: str, connection: Connection) -> object:
        """All that the roster of a place asks."""
        if level == CELL_LEVEL:
            read_cell(connection, revision, code)
        chain = read_chain(connection, grid.revision, middle.community if level == CELL_LEVEL else code)
        codes = [code, *(area.code for area in chain)]
        posts = read_duty(connection, now, now + timedelta(seconds=1), now, codes).posts
        cells = cells_of(connection, revision, level, code)
        elements = elements_by_class(connection, revision, cells, district)
        incidents = open_incidents(connection, revision, cells, district)
        return elements, incidents, count_handled(connection, [post.code for post in posts])

    page = Page(revision, [cell.id for cell in inside], None, 0, _PAGE)
    box = shapely.box(*_around(grid, middle.code))
    wanted = {
        kind: Wanted(collections_of(city)[kind], city.lowest_level, Period(revision, revision), (district,), box)
        for kind in (ELEMENTS, INCIDENTS)
    }
    return {
        **{f"roster of a {level}": partial(roster, level, code) for level, code in places[:-1]},
        "page of elements": lambda connection: list_elements(connection, page, None),
        "page of incidents": lambda connection: list_incidents(connection, page, None, None),
        **{
            f"{kind} in a box": partial(lambda one, connection: read_features(connection, one, None, _PAGE), each)
            for kind, each in wanted.items()
        },
    }


def _around(grid: Grid, code: str) -> tuple[float, float, float, float]:
    at = shapely.point_on_surface(grid.index.degrees[grid.by_code[code]])
    half = _BOX_DEGREES / 2
    return at.x - half, at.y - half, at.x + half, at.y + half


def _cost(bound: Database, unbound: Database, actor: Actor, ask: Asked, rounds: int) -> Cost:
    """Medians of questions that are asked in turns, so that both meet the same machine and the same caches."""
    took: dict[str, list[float]] = {"without": [], "with": []}
    answers = []
    with (
        unbound.begin(actor, Action.READ_COUNTS, long_work=True) as free,
        bound.begin(actor, Action.READ_COUNTS, long_work=True) as held,
    ):
        for connection in (free, held):
            answers.append(ask(connection))  # also warms both up
        assert answers[0] == answers[1], "the staff of a district sees all that lies there"
        for _ in range(rounds):
            for name, connection in (("without", free), ("with", held)):
                began = time.perf_counter()
                ask(connection)
                took[name].append(1000 * (time.perf_counter() - began))
    without_ms, with_ms = (float(np.median(took[name])) for name in ("without", "with"))
    return Cost(round(without_ms, 3), round(with_ms, 3), round(with_ms / without_ms, 2))
