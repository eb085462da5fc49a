"""Counts in the cells of another revision: today's elements and incidents, each where that grid has it; for staff.

What stands in cells that are the same in both grids stays; what stands in the others is placed again by the exact
index of that grid. Imports ``store``, ``redraw``, ``heatmap`` and below.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gridmap.access import Action, is_staff, may
from gridmap.coverage.codes import Change
from gridmap.coverage.grid import Grid, top_code
from gridmap.coverage.index import OUTSIDE
from gridmap.heatmap.columns import STEPS_PER_DEGREE, Columns, Facts, Part
from gridmap.heatmap.places import Places
from gridmap.model import WORKER, Actor
from gridmap.redraw.change import area_shares, neighbours
from gridmap.redraw.restore import change_back
from gridmap.store.database import Connection, Database
from gridmap.store.replacing import SUBJECTS, read_standing
from gridmap.store.revisions import read_revision
from gridmap.store.snapshot import read_grid_from

# So many revisions are kept; each costs four octets for an element or incident.
_MOST_KEPT = 3
# How a cell of the current grid stands to what is not the same in the other one.
_AROUND, _CHANGED = 1, 2

# Subject -> ids, sorted, and the ids of their cells in the other grid.
Moves = Mapping[str, tuple[NDArray[np.int64], NDArray[np.int32]]]


@dataclass(frozen=True)
class _Kept:
    """A revision's places, what of the current grid is not the same there, and the facts made so far.

    ``changed``: ids of current cells that are not the same there; ``around``: of those that touch them; ``tops``:
    the codes that lead the placements in all of these.
    """

    places: Places
    current: Grid
    changed: NDArray[np.int64]
    around: tuple[int, ...]
    tops: tuple[str, ...]
    now_in: Mapping[int, frozenset[int]]
    facts: Facts | None = None
    made_of: Facts | None = None


class Recounts:
    """The facts of a worker in the cells of other revisions, a few of them kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    def facts(self, database: Database, facts: Facts, revision: int) -> Facts:
        """The facts with the cells that ``revision`` has them in; NotFound for an unknown revision.

        Unavailable when PostGIS does not answer and they are not kept.
        """
        return self._of(database, facts, revision)[0]

    def staff_cells(
        self, database: Database, actor: Actor, facts: Facts, revision: int, code: str
    ) -> set[int] | None:
        """The ids of the cells that lie today in a cell or area of that revision.

        None unless the actor is staff of that place, and of all these.

        Ground that went to another territory is that territory's: who stands there today is no longer theirs.
        NotFound for a place that the revision has not.
        """
        if not may(actor, Action.READ_COUNTS):
            return None
        then, kept = self._of(database, facts, revision)
        places, now = then.places, kept.current
        if not is_staff(actor, places.chain(code)):
            return None
        inside = np.flatnonzero(places.within(code)).tolist()
        ids = {places.grid.cells[at].id for at in inside}
        today = {other for cell in ids for other in kept.now_in.get(cell, (cell,))}
        above = {each: [area.code for area in now.chain(each)] for each in {cell.community for cell in now.cells}}
        there = [cell for cell in now.cells if cell.id in today]
        if not all(is_staff(actor, [cell.code, *above[cell.community]]) for cell in there):
            return None
        return {cell.id for cell in there}

    def _of(self, database: Database, facts: Facts, revision: int) -> tuple[Facts, _Kept]:
        """Kept for whoever asks next, so it is read as the server."""
        with self._lock:  # once, however many ask
            kept = self._kept.get(revision)
            if kept is not None and kept.made_of is facts and kept.facts is not None:
                self._kept.move_to_end(revision)
                return kept.facts, kept
            with database.begin(WORKER, one_state=True) as connection:
                if kept is None or kept.current is not facts.places.grid:
                    kept = _prepared(connection, facts, revision)
                moves = _moves(connection, kept)
            made = _recounted(facts, kept, moves)
            self._kept[revision] = replace(kept, facts=made, made_of=facts)
            self._kept.move_to_end(revision)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return made, kept


def _prepared(connection: Connection, facts: Facts, revision: int) -> _Kept:
    current = facts.places.grid
    then = read_grid_from(connection, current, read_revision(connection, revision))
    back = change_back(current, then)
    rows = Change.of(current.index.codes, back.ended, back.drawn)
    changed = np.array([current.cells[at].id for at in rows.gone.tolist()], np.int64)
    now_in: dict[int, set[int]] = {}
    for now, was in area_shares(current, then, rows.gone, rows.drawn):
        now_in.setdefault(was, set()).add(now)
    frozen = {cell: frozenset(each) for cell, each in now_in.items()}
    around = tuple(neighbours(current, rows.gone))
    city, near = facts.places.city, {*changed.tolist(), *around}
    communities = {cell.community for cell in current.cells if cell.id in near}
    tops = tuple(sorted({top_code(current.chain(each), city) for each in communities}))
    return _Kept(Places(then, city), current, changed, around, tops, frozen)


def _moves(connection: Connection, kept: _Kept) -> Moves:
    """The exact points of what stands in changed cells now, placed by the other grid."""
    if not len(kept.changed):
        return {}
    ids = np.array([cell.id for cell in kept.places.grid.cells] + [0], np.int32)
    found = {}
    for subject in SUBJECTS:
        standing = read_standing(connection, subject, kept.tops, kept.changed.tolist(), kept.around)
        positions, _ = kept.places.grid.index.locate_many(standing.lon, standing.lat)
        order = np.argsort(standing.ids)
        found[subject.table.name] = (standing.ids[order], ids[positions][order])
    return found


def _recounted(facts: Facts, kept: _Kept, moves: Moves) -> Facts:
    changed = np.zeros(int(kept.changed.max(initial=0)) + 1, bool)
    changed[kept.changed] = True
    parts = {}
    for subject, part in facts.parts.items():
        columns = (
            _placed(each, kept, changed, moves.get(subject)) for each in (part.base, part.gone, part.recent)
        )
        parts[subject] = Part(*columns)
    return replace(facts, places=kept.places, parts=parts)


def _placed(
    columns: Columns,
    kept: _Kept,
    changed: NDArray[np.bool_],
    moved: tuple[NDArray[np.int64], NDArray[np.int32]] | None,
) -> Columns:
    """The columns with the other grid's cells. A row that changed since it was read has its point of then."""
    if moved is None or not len(columns):
        return columns
    ids, cells_of = moved
    size = max(columns.highest_cell, len(changed), *kept.around, 0) + 1
    near = np.zeros(size, np.int8)
    near[list(kept.around)] = _AROUND
    near[: len(changed)][changed] = _CHANGED
    rows = np.flatnonzero(near[columns.cells])
    wanted = columns.ids[rows]
    at = np.minimum(np.searchsorted(ids, wanted), max(len(ids) - 1, 0))
    there = ids[at] == wanted if len(ids) else np.zeros(len(rows), bool)
    cells = np.array(columns.cells)
    cells[rows[there]] = cells_of[at[there]]
    rest = rows[~there & (near[columns.cells[rows]] == _CHANGED)]
    if len(rest):
        index, grid = kept.places.grid.index, kept.places.grid
        lon, lat = columns.east[rest] / STEPS_PER_DEGREE, columns.north[rest] / STEPS_PER_DEGREE
        positions, _ = index.locate_many(lon, lat)
        own = np.array([cell.id for cell in grid.cells] + [0], np.int32)
        cells[rest] = own[np.where(positions == OUTSIDE, len(grid.cells), positions)]
    return replace(columns, cells=cells)
