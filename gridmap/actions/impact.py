"""The impact of a change: what stands in the cells that it touches is read, nothing is written."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import shapely
from cachetools import TTLCache

from gridmap.access import Action, may, may_at
from gridmap.actions.principles import mark_of, read_ground
from gridmap.coverage.grid import Grid, top_code
from gridmap.model import Actor, City
from gridmap.projecting import Axes, from_stored
from gridmap.redraw.change import Redrawn
from gridmap.redraw.impact import (
    Buildings,
    Downstream,
    Impact,
    MovedPost,
    Principles,
    as_redrawn,
    buildings_at,
    flows_of,
    moved_boundary,
    rows_of,
    successors,
    told,
)
from gridmap.redraw.principles.finding import Compared, Finding, Value
from gridmap.redraw.principles.ground import Ground
from gridmap.redraw.principles.measured import after_change, measured
from gridmap.redraw.principles.numbers import Numbers, numbers_of
from gridmap.store import impact as store
from gridmap.store.database import Connection


@dataclass(frozen=True)
class Base:
    """A revision as drafts are measured against it: made once, in seconds, and then shared by all drafts on it."""

    ground: Ground
    numbers: Numbers
    findings: tuple[Finding, ...]


# An hour old is old enough: loads change households. Bases are large, so only two are kept.
_bases: TTLCache[tuple[str, int, str], Base] = TTLCache(2, 3600)
_making = threading.Lock()


def base_of(connection: Connection, city: City, grid: Grid) -> Base:
    """The base for drafts on a grid; the last two are kept in memory for an hour."""
    rests_on = f"{mark_of(connection, city)} {grid.revision.published_at.isoformat()}"
    key = (str(connection.engine.url), grid.revision.number, rests_on)
    with _making:
        found = _bases.get(key)
        if found is None:
            ground = read_ground(connection, city, grid.revision)
            numbers = numbers_of(grid, ground, grid)
            found = Base(ground, numbers, measured(Compared(ground, numbers)))
            _bases[key] = found
    return found


def impact(
    connection: Connection,
    city: City,
    before: Grid,
    after: Redrawn | Grid,
    actor: Actor,
    base: Base | None = None,
    moved: Collection[str] = frozenset(),
) -> Impact:
    """What a change from ``before`` does, as ``actor`` may see it; with a ``base`` also the five principles.

    Counts of people below the city's k are for the caseworker of all that is touched; others get them hidden, with
    as many others as keep them from being worked out. ``moved``: the communities whose outlines the change
    means to move.
    """
    redrawn = after if isinstance(after, Redrawn) else as_redrawn(before, after)
    rows, now = rows_of(before, redrawn), datetime.now(UTC)
    gone = [before.cells[at] for at in redrawn.gone.tolist()]
    chains = {cell.community: before.chain(cell.community) for cell in gone}
    tops = sorted({top_code(chain, city) for chain in chains.values()})
    ids = [cell.id for cell in gone]
    standing, building_points = store.read_standing_in(connection, before.revision.number, tops, ids)
    everything = all(
        may_at(actor, Action.READ_PERSONS, [cell.code, *(area.code for area in chains[cell.community])])
        for cell in gone
    )
    shown = told(
        city, {what: flows_of(before, redrawn, each) for what, each in standing.items()}, everything=everything
    )
    following = successors(before, redrawn)
    concerned = [*rows.ended, *rows.changed]
    posts = store.read_posts_of(connection, concerned, now, city.timezone)
    area = shapely.union_all(redrawn.grid.index.degrees[redrawn.drawn])
    return Impact(
        before.revision.number,
        rows.ended,
        rows.new,
        rows.changed,
        rows.touched,
        shown.flows,
        shown.moved,
        shown.hidden,
        city.principles.formula,
        shown.workload,
        tuple(MovedPost(*post, following[post[3]]) for post in posts),
        _buildings(connection, city, before, redrawn, ids, np.asarray(building_points)),
        Downstream(
            store.read_overlays_on(connection, shapely.to_wkb(area), now),
            store.read_keys_of(connection, rows.ended) if may(actor, Action.GIVE_KEYS) else None,
            store.read_released_periods(connection, tops, rows.ended),
        ),
        None if base is None else _principles(base, redrawn, moved, everything=everything or not shown.hidden),
    )


def _buildings(
    connection: Connection, city: City, before: Grid, redrawn: Redrawn, ids: list[int], points: np.ndarray
) -> Buildings:
    axes = Axes(city.metric_crs)
    boundary = moved_boundary(before, redrawn, city.metric_crs)
    polygons = store.read_building_polygons(connection, ids)
    return buildings_at(
        boundary, from_stored(axes, points), from_stored(axes, polygons) if len(polygons) else None
    )


def _principles(base: Base, redrawn: Redrawn, moved: Collection[str], *, everything: bool) -> Principles:
    """Before and after. Where counts are hidden, figures that rest on them are coarse: none gives a count away."""
    findings = measured(after_change(base.numbers, redrawn, base.ground, moved))
    if everything:
        return Principles(base.findings, findings)
    return Principles(_coarse(base.findings), _coarse(findings))


def _coarse(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(
        replace(
            each,
            figures={name: _rounded(value, hide=name in each.of_people) for name, value in each.figures.items()},
            offenders=() if each.offenders_of_people else each.offenders,
        )
        for each in findings
    )


def _rounded(value: Value, *, hide: bool) -> Value:
    return (
        round(value, 2)
        if hide and isinstance(value, float)
        else None
        if hide and isinstance(value, int)
        else value
    )
