"""The plans that a worker keeps ready: made from a draft's edits once, then carried on edit by edit."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cachetools import LRUCache

from gridmap.actions.impact import Base as Measured
from gridmap.actions.impact import base_of
from gridmap.coverage.grid import Grid
from gridmap.model import City
from gridmap.redraw.draft import Draft, RecordedEdit
from gridmap.redraw.edits import parse
from gridmap.redraw.plan import Plan
from gridmap.redraw.state import Base
from gridmap.redraw.weighed import replayed
from gridmap.store.city import read_city
from gridmap.store.database import Connection
from gridmap.store.drafts import read_edits
from gridmap.store.plan_base import read_base
from gridmap.store.revisions import read_current, read_revision
from gridmap.store.snapshot import read_grid, read_grid_from

# A base is a grid with its streets and households; a plan shares it, and is as large as what it changes.
_MOST_BASES = 3
_MOST_PLANS = 64


class Workbench:
    """Bases by revision and plans by draft and version; safe for threads. Nothing in it is ever changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bases: LRUCache[int, Base] = LRUCache(_MOST_BASES)
        self._plans: LRUCache[tuple[int, int], Plan] = LRUCache(_MOST_PLANS)

    def base(self, connection: Connection, number: int, known: Grid | None = None) -> Base:
        """What plans on a revision stand on. ``known``: a grid that the caller has, so that less is read."""
        city = read_city(connection)
        revision = read_revision(connection, number)
        with self._lock:
            found = self._bases.get(number)
        if found is not None and found.grid.revision == revision and found.city == city:
            return found
        base = read_base(connection, self._grid(connection, city, number, known), city)
        with self._lock:
            self._bases[number] = base
        return base

    def _grid(self, connection: Connection, city: City, number: int, known: Grid | None) -> Grid:
        revision = read_revision(connection, number)
        if known is None or known.revision.number > read_current(connection).number:
            with self._lock:
                known = next((base.grid for base in self._bases.values()), None)
        if known is None:
            known = read_grid(connection, city)
        return known if known.revision == revision else read_grid_from(connection, known, revision)

    def measured(self, connection: Connection, base: Base) -> Measured:
        """What drafts on a base are measured against: seconds of a whole city, so made once."""
        return base_of(connection, base.city, base.grid)

    def plan(
        self, connection: Connection, draft: Draft, known: Grid | None = None, edits: Sequence[RecordedEdit] = ()
    ) -> Plan:
        """The draft's plan on its base. ``edits``: all that are recorded, when the caller has read them."""
        base = self.base(connection, draft.base, known)
        with self._lock:
            found = self._plans.get((draft.id, draft.version))
        if found is not None and found.base is base:
            return found
        recorded = edits or read_edits(connection, draft.id)
        plan = replayed(base, [(parse(edit.meant), edit.weights) for edit in recorded if not edit.undone])
        self.keep(draft, plan)
        return plan

    def keep(self, draft: Draft, plan: Plan) -> None:
        """Have the plan of a version ready."""
        with self._lock:
            self._plans[draft.id, draft.version] = plan
