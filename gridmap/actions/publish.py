"""Publishing a redrawn grid as the next revision: one transaction, of which everybody else sees all or nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import shapely

from gridmap import shapes
from gridmap.access import Action, require
from gridmap.actions.bands import redraw_bands
from gridmap.actions.extents import share_again
from gridmap.actions.hexes import redraw_cover
from gridmap.actions.placing import Placing
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import HOW
from gridmap.errors import RuleBroken, Unavailable
from gridmap.model import Actor, City, Revision
from gridmap.redraw.change import GridChange, Redrawn, area_shares, redrawn
from gridmap.store.bands import insert_boxes
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.grid import (
    end_area_shapes,
    end_cells,
    insert_area_shapes,
    insert_cells,
    read_area_shapes,
    reserve_cell_ids,
)
from gridmap.store.lineage import insert_lineage
from gridmap.store.locks import lock_data
from gridmap.store.replacing import SUBJECTS, Standing, place_from, read_standing
from gridmap.store.revisions import insert_revision, read_current
from gridmap.store.snapshot import read_grid
from gridmap.store.subjects import ELEMENT, Subject
from gridmap.store.workers import LEASE, count_behind

Progress = Callable[[str], None]
Moves = Counter[tuple[int, int]]

_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Published:
    """A revision that was published, and what it changed: cells, and placements of elements and incidents."""

    revision: Revision
    ended: int
    drawn: int
    moved: Mapping[str, int]


def publish(
    database: Database,
    actor: Actor,
    base: int,
    change: GridChange,
    valid_from: datetime,
    note: str,
    progress: Progress,
    grid: Grid | None = None,
) -> Published:
    """Publish a change to revision ``base`` as the next one, valid from a time on.

    ``grid``: that of ``base`` when the caller has it, so that it is not read. RuleBroken when another revision was
    published meanwhile, when the outer line would move, or when the time is not after that of the base;
    LoadRefused when the cells would be no coverage; InvalidInput for codes, kinds and communities that there are
    not. A load under way is waited for. When it returns, no worker that is alive calls the base the current one.

    The newest revision is the current one, so a time that is yet to come is refused.
    """
    require(actor, Action.PUBLISH)
    with database.begin(actor, long_work=True) as connection:
        lock_data(connection)
        city = read_city(connection)
        _check_base(read_current(connection), base, valid_from)
        before = grid if grid is not None and grid.revision.number == base else read_grid(connection, city)
        new = sum(code not in before.by_code for code in change.drawn)
        ids = reserve_cell_ids(connection, new)
        revision = insert_revision(connection, actor, base + 1, valid_from, note)
        result = redrawn(before, change, revision, ids)
        _write_cells(connection, before, result)
        _write_area_shapes(connection, before, result, city)
        progress("hex cover and zoom bands")
        redraw_cover(connection, before, result.grid, result.gone, result.drawn, progress)
        boxes = redraw_bands(connection, before, result.grid, city, result.gone, result.drawn)
        insert_boxes(connection, revision.number, boxes)
        progress("placing what lies in the cells that changed")
        placing = Placing(result.grid, city)
        gone = [before.cells[at].id for at in result.gone.tolist()]
        moves = {subject.table.name: _place_again(connection, gone, placing, subject) for subject in SUBJECTS}
        share_again(connection, gone, placing)
        _write_lineage(connection, before, result, moves[ELEMENT.table.name])
        moved = {name: sum(n for (old, new), n in each.items() if old != new) for name, each in moves.items()}
        progress("committing")
    progress("waiting until all workers serve it")
    _wait_for_workers(database, actor, revision.number)
    return Published(revision, len(change.ended), len(change.drawn), moved)


def _wait_for_workers(database: Database, actor: Actor, revision: int) -> None:
    """Until no worker calls an earlier revision the current one; a dead one is waited for as long as its lease."""
    deadline = time.monotonic() + 2 * LEASE.total_seconds()
    while time.monotonic() < deadline:
        with database.begin(actor) as connection:
            if not count_behind(connection, revision):
                return
        time.sleep(_LOOK_AGAIN_S)
    raise Unavailable(f"revision {revision} is published, but a worker goes on with the one before: restart it")


def _check_base(current: Revision, base: int, valid_from: datetime) -> None:
    if current.number != base:
        raise RuleBroken(f"revision {current.number} was published meanwhile; this change is based on {base}")
    if valid_from <= current.valid_from:
        raise RuleBroken(
            f"a revision must begin after the one before, which began {current.valid_from.isoformat()}"
        )
    if valid_from > datetime.now(UTC):
        raise RuleBroken(f"a revision is current once it is published: {valid_from.isoformat()} is yet to come")


def _write_cells(connection: Connection, before: Grid, result: Redrawn) -> None:
    revision = result.grid.revision.number
    end_cells(connection, revision, [before.cells[at].id for at in result.gone.tolist()])
    cells = [result.grid.cells[at] for at in result.drawn.tolist()]
    insert_cells(connection, revision, cells, result.grid.index.degrees[result.drawn])


def _write_area_shapes(connection: Connection, before: Grid, result: Redrawn, city: City) -> None:
    """The unions above the changed cells, level by level, as far up as they become other ones."""
    after, revision = result.grid, result.grid.revision.number
    touched = {before.cells[at].community for at in result.gone} | {
        after.cells[at].community for at in result.drawn
    }
    positions = [at for at, cell in enumerate(after.cells) if cell.community in touched]
    groups = np.array([after.cells[at].community for at in positions], dtype=object)
    below = after.index.degrees[positions]
    for level in reversed(city.levels):
        names, unions = shapes.unions(below, groups)
        stored_names, stored = read_area_shapes(connection, revision - 1, level, sorted(touched))
        known = dict(zip(stored_names, shapely.normalize(stored), strict=True))
        fresh = [
            at
            for at, (name, union) in enumerate(zip(names, shapely.normalize(unions), strict=True))
            if name not in known or not shapely.equals_exact(known[name], union, 0.0)
        ]
        changed = {names[at] for at in fresh} | (known.keys() - set(names))
        end_area_shapes(connection, revision, sorted(changed))
        insert_area_shapes(connection, revision, level, [names[at] for at in fresh], unions[fresh])
        parents = {grid.areas[code].parent for grid in (before, after) for code in changed if code in grid.areas}
        touched = {code for code in parents if code is not None}
        if not touched:
            return
        children = sorted(area.code for area in after.areas.values() if area.parent in touched)
        codes, below = read_area_shapes(connection, revision, after.areas[children[0]].level, children)
        groups = np.array([after.areas[code].parent for code in codes], dtype=object)


def _place_again(connection: Connection, gone: Sequence[int], placing: Placing, subject: Subject) -> Moves:
    """Place what stands in changed cells; returns how many went from which to which, stayers too."""
    standing = read_standing(connection, subject, gone)
    placed = placing.place_points(standing.lon, standing.lat)
    same = (
        (placed.cell_ids == standing.cell_ids)
        & (placed.how == standing.how)
        & np.isclose(
            placed.edge_distances_m.astype(np.float32), standing.edge_distances_m, 0.0, 0.0, equal_nan=True
        )
    )
    again = np.flatnonzero(~same)
    where = {
        "top": placed.tops.take(pa.array(again)),
        "cell_id": pa.array(placed.cell_ids[again].astype(np.int32), mask=placed.cell_ids[again] == 0),
        "how": pa.DictionaryArray.from_arrays(pa.array(placed.how[again].astype(np.int8)), HOW).cast(pa.string()),
        "edge_distance_m": pa.array(placed.edge_distances_m[again], pa.float32(), from_pandas=True),
    }
    place_from(connection, subject, placing.grid.revision.number, standing.ids[again], where)
    return _moves(standing, placed.cell_ids)


def _moves(standing: Standing, now: np.ndarray) -> Moves:
    pairs, counts = np.unique(np.column_stack([standing.cell_ids, now]), axis=0, return_counts=True)
    return Counter({(int(old), int(new)): int(n) for (old, new), n in zip(pairs, counts, strict=True)})


def _write_lineage(connection: Connection, before: Grid, result: Redrawn, moves: Moves) -> None:
    areas = area_shares(before, result.grid, result.gone, result.drawn)
    standing: Counter[int] = Counter()
    for (old, _), n in moves.items():
        standing[old] += n
    elements = {pair: moves[pair] / standing[pair[0]] if standing[pair[0]] else None for pair in areas}
    insert_lineage(connection, result.grid.revision.number, areas, elements)
