"""Places the same rows by PostGIS as well and settles what differs in rational arithmetic. Imports ``store``."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gridmap.access import OPERATOR
from gridmap.bulk.pipeline import Piece
from gridmap.coverage import rational
from gridmap.coverage.grid import Grid
from gridmap.coverage.placing import NOWHERE_CODE
from gridmap.store.database import Database
from gridmap.store.placing import lowest_covering

# Disputes beyond these are counted, not settled: something is wrong as a whole then.
MOST_SETTLED = 1_000


@dataclass(frozen=True, slots=True)
class Dispute:
    """A row that index and PostGIS place differently, and its cell by exact arithmetic (None: outside)."""

    file: str
    row: int
    gridmap: str | None
    postgis: str | None
    exact: str | None

    @property
    def who_errs(self) -> str:
        """``postgis``, ``gridmap`` or ``both``."""
        wrong = [name for name in ("gridmap", "postgis") if getattr(self, name) != self.exact]
        return "both" if len(wrong) == 2 else wrong[0]


@dataclass
class Check:
    """Compares every piece that it sees."""

    database: Database
    grid: Grid
    compared: int = 0
    differing: int = 0
    disputes: list[Dispute] = field(default_factory=list)

    @property
    def unsettled(self) -> int:
        """Rows that differ beyond those settled."""
        return self.differing - len(self.disputes)

    @property
    def wrong(self) -> int:
        """Rows whose placement here is wrong, or differs and was not settled."""
        return self.unsettled + sum(one.who_errs != "postgis" for one in self.disputes)

    def see(self, piece: Piece) -> None:
        """Place a piece's rows by PostGIS and keep what differs."""
        usable = np.flatnonzero(piece.placed.how != NOWHERE_CODE)
        lon, lat = piece.lon[usable], piece.lat[usable]
        with self.database.begin(OPERATOR, long_work=True) as connection:
            theirs = lowest_covering(connection, self.grid.revision.number, lon, lat)
        self.compared += len(usable)
        for i, position in enumerate(piece.placed.positions[usable].tolist()):
            ours = self._code(position)
            if ours == theirs[i]:
                continue
            self.differing += 1
            if len(self.disputes) < MOST_SETTLED:
                exact = rational.lowest_covering(self.grid.index.degrees, float(lon[i]), float(lat[i]))
                row = piece.first_row + int(usable[i])
                self.disputes.append(Dispute(piece.file, row, ours, theirs[i], self._code(exact)))

    def _code(self, position: int) -> str | None:
        return None if position < 0 else self.grid.cells[position].code
