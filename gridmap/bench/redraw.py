"""``gridmap bench redraw``: how long previews of splits and merges take, a draft's checks, and publishing.

Everything is done in transactions that are rolled back, but for a draft that previews are asked on through HTTP:
the city stays as it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely

from gridmap.actions.certifying import certify_draft, make_ready
from gridmap.actions.draft_edits import preview_edit
from gridmap.actions.draft_impact import draft_impact
from gridmap.actions.draft_publish import publish_within
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.errors import GridMapError
from gridmap.model import WAIVABLE, Actor
from gridmap.store.counts import elements_by_class
from gridmap.store.database import Connection, Database
from gridmap.store.drafts import append_edit, insert_draft, update_draft
from gridmap.store.locks import lock_data
from gridmap.store.reviews import put_waiver
from gridmap.store.revisions import read_current

Progress = Callable[[str], None]
Ask = Callable[[str, str, bytes | None], bytes]
Edit = dict[str, Any]


@dataclass
class Timing:
    """Milliseconds of the same work at different places."""

    times: int
    p50_ms: float
    p95_ms: float
    slowest_ms: float


@dataclass
class RedrawBench:
    """What ``--json`` prints. ``refused`` counts edits that the ground refused: cuts that leave slivers."""

    revision: int
    cells: int
    elements: int
    ready_s: float
    refused: int = 0
    timings: dict[str, Timing] = field(default_factory=dict)


class _Back(Exception):
    """Ends a transaction that must leave nothing."""


def bench_redraw(
    database: Database, actor: Actor, count: int, publishes: int, seed: int, progress: Progress
) -> RedrawBench:
    """Preview ``count`` splits and merges each at random cells, and publish some of them."""
    rng, bench = np.random.default_rng(seed), Workbench()
    began = time.perf_counter()
    with _rolled_back(database, actor) as connection:
        plan = bench.plan(connection, insert_draft(connection, actor, "bench", read_current(connection).number))
        grid = plan.base.grid
        bench.measured(connection, plan.base)
        elements = sum(elements_by_class(connection, grid.revision.number, None, None).values())
    ready = time.perf_counter() - began
    report = RedrawBench(grid.revision.number, len(grid.cells), elements, round(ready, 2))
    edits = {"split": list(_splits(grid, rng, count)), "merge": list(_merges(grid, rng, count))}
    for name, each in edits.items():
        progress(f"previewing {len(each)} edits: {name}")
        report.timings[f"preview {name}"] = _timed(_previews(database, actor, bench, grid, each, report))
    some = [edit for pair in zip(*edits.values(), strict=False) for edit in pair][: 2 * publishes]
    progress(f"publishing {publishes} drafts, each undone")
    times: dict[str, list[float]] = {"impact": [], "certificate": [], "publish": []}
    for edit in some:
        if len(times["publish"]) < publishes:
            _one_draft(database, actor, bench, grid, edit, times, report)
    report.timings |= {name: _timed(iter(each)) for name, each in times.items()}
    return report


def bench_previews_asked(
    report: RedrawBench, grid: Grid, ask: Ask, count: int, seed: int, progress: Progress
) -> None:
    """The same previews through ``ask``: a method, a path and a body to an answer's body. Discards its draft."""
    rng = np.random.default_rng(seed)
    draft = json.loads(ask("POST", "/v1/drafts", b'{"name": "bench"}'))["draft"]
    for name, edits in {"split": _splits(grid, rng, count), "merge": _merges(grid, rng, count)}.items():
        progress(f"previewing through HTTP: {name}")
        report.timings[f"preview {name} through HTTP"] = _timed(_asked(report, ask, draft, edits))
    ask("DELETE", f"/v1/drafts/{draft}", None)


def _asked(report: RedrawBench, ask: Ask, draft: int, edits: Iterator[Edit]) -> Iterator[float]:
    for number, edit in enumerate(edits):
        body = json.dumps(edit).encode()
        began = time.perf_counter()
        try:
            ask("POST", f"/v1/drafts/{draft}/edits?preview=true", body)
        except GridMapError:
            report.refused += 1
            continue
        if number:  # the first one makes ready what a worker keeps of the city
            yield time.perf_counter() - began


def _previews(
    database: Database, actor: Actor, bench: Workbench, grid: Grid, edits: list[Edit], report: RedrawBench
) -> Iterator[float]:
    with _rolled_back(database, actor) as connection:
        draft = insert_draft(connection, actor, "bench", grid.revision.number)
        for edit in edits:
            began = time.perf_counter()
            try:
                preview_edit(connection, actor, bench, draft.id, edit, grid)
            except GridMapError:
                report.refused += 1
            else:
                yield time.perf_counter() - began


def _one_draft(
    database: Database,
    actor: Actor,
    bench: Workbench,
    grid: Grid,
    edit: Edit,
    times: dict[str, list[float]],
    report: RedrawBench,
) -> None:
    with _rolled_back(database, actor) as connection:
        lock_data(connection)
        draft = insert_draft(connection, actor, "bench", grid.revision.number)
        append_edit(connection, draft.id, actor, edit, None, [])
        for check in WAIVABLE:
            put_waiver(connection, draft.id, check, "bench", "bench", actor, 1)
        draft = update_draft(connection, draft.id, version=1)
        try:
            bench.plan(connection, draft, grid)
        except GridMapError:
            report.refused += 1
            return
        steps: dict[str, Callable[[], object]] = {
            "impact": lambda: draft_impact(connection, actor, bench, draft.id, grid),
            "certificate": lambda: certify_draft(connection, bench, make_ready(connection, bench, draft, grid)),
            "publish": lambda: publish_within(
                connection, actor, bench, draft, None, datetime.now(UTC), lambda _: None, grid
            ),
        }
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - began)


@contextmanager
def _rolled_back(database: Database, actor: Actor) -> Iterator[Connection]:
    try:
        with database.begin(actor, long_work=True) as connection:
            yield connection
            raise _Back
    except _Back:
        return


def _splits(grid: Grid, rng: np.random.Generator, count: int) -> Iterator[Edit]:
    """Cells cut in two through the middle, north to south or west to east."""
    for at in rng.choice(len(grid.cells), count, replace=len(grid.cells) < count).tolist():
        shape = grid.index.degrees[at]
        west, south, east, north = shape.bounds
        middle = shapely.point_on_surface(shape)
        tall = rng.random() < 0.5
        line = [[middle.x, south - 1e-4], [middle.x, north + 1e-4]]
        flat = [[west - 1e-4, middle.y], [east + 1e-4, middle.y]]
        yield {"op": "split", "crs": "wgs84", "cell": grid.cells[at].code, "line": line if tall else flat}


def _merges(grid: Grid, rng: np.random.Generator, count: int) -> Iterator[Edit]:
    """Cells with a neighbour of their community."""
    tree, made = shapely.STRtree(grid.index.degrees), 0
    while made < count:
        at = int(rng.integers(len(grid.cells)))
        shape, cell = grid.index.degrees[at], grid.cells[at]
        for other in tree.query(shape, predicate="intersects").tolist():
            same = other != at and grid.cells[other].community == cell.community
            if same and shapely.relate_pattern(shape, grid.index.degrees[other], "****1****"):
                made += 1
                yield {"op": "merge", "cells": [cell.code, grid.cells[other].code]}
                break


def _timed(seconds: Iterator[float]) -> Timing:
    each = np.fromiter(seconds, np.float64) * 1000
    p50, p95 = (float(value) for value in np.quantile(each, (0.5, 0.95)))
    return Timing(len(each), round(p50, 1), round(p95, 1), round(float(each.max()), 1))
