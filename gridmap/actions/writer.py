"""Writes batches of one source's points in an open transaction: what is new, what differs, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from gridmap.access import Action, may
from gridmap.actions.duplicates import SeenIds
from gridmap.actions.extents import Extents, settle, write_shares
from gridmap.actions.placing import Placing
from gridmap.actions.sections import Categories, Kind, check, complete
from gridmap.coverage.index import OUTSIDE
from gridmap.ingest.description import Points
from gridmap.ingest.points import PointBatch
from gridmap.ingest.privacy import mask
from gridmap.model import Actor, LoadCounts, RejectedRow
from gridmap.store.database import Connection
from gridmap.store.forgetting import Forgotten
from gridmap.store.staged import Compared, compare, confirm_persons, stage, update_changed
from gridmap.store.subjects import ELEMENT, Placed, as_columns, insert_new

INSERTED, UPDATED, UNCHANGED, REFUSED = range(4)
FATES = ("inserted", "updated", "unchanged", "rejected")
_FORGOTTEN = "id: this person was forgotten and is kept out"


@dataclass(frozen=True)
class Prepared:
    """A batch that is checked and placed and has not met the database yet."""

    file: str
    read: int
    rows: pd.DataFrame
    rejected: list[RejectedRow]
    duplicates: int
    placed: Placed
    columns: pa.Table
    extents: Extents | None


@dataclass(frozen=True)
class Written:
    """What became of a batch: the fate of each prepared row, and all that was rejected."""

    fates: NDArray[np.uint8]
    rejected: list[RejectedRow]
    counts: LoadCounts


class PointWriter:
    """One source's rows at one revision. ``prepare`` needs no database and may run ahead in another thread."""

    def __init__(
        self,
        placing: Placing,
        actor: Actor,
        kind: Kind,
        section: Points,
        categories: Categories,
        seen: SeenIds,
        forgotten: Forgotten,
        *,
        is_new: bool,
    ) -> None:
        """``seen``: the ids of the source that this load has met; ``is_new``: the database had none before it."""
        self._placing = placing
        self._kind = kind
        self._section = section
        self._categories = categories
        self._seen = seen
        self._forgotten = forgotten
        self._writable = placing.writable(actor)
        self._takes_persons = may(actor, Action.WRITE_PERSONS)
        self._is_new = is_new

    def prepare(self, batch: PointBatch) -> Prepared:
        """Check a batch's rows by the rules and against the ids that came before, and place what is left."""
        rows = complete(self._kind, batch.accepted)
        repeated = self._seen.meet(batch.file, rows["id"], rows["line"].to_numpy(np.int64))
        reasons = pd.Series("", index=rows.index, dtype=object)

        def reject(wrong: pd.Series[bool], reason: str) -> None:
            reasons[wrong] = reason

        check(self._kind, rows, self._categories, reject)
        if not self._takes_persons and "class" in rows:
            reject(rows["class"] == "person", "class: persons are written by caseworkers")
        for row, (file, line) in repeated.items():
            where = f"line {line}" if file == batch.file else f"line {line} of {file}"
            reasons.iloc[row] = f"id: is a duplicate, got {mask(str(rows['id'].iloc[row]))!r} as in {where}"
        if "class" in rows:
            reject(
                (rows["class"] == "person") & self._forgotten.marks(self._section.source, rows["id"]), _FORGOTTEN
            )
        wrong = (reasons != "").to_numpy()
        refused = [*batch.rejected, *_rejected(batch.file, rows[wrong], reasons[wrong].tolist())]
        rejected = [self._without_forgotten(row) for row in refused]
        kept = rows[~wrong].reset_index(drop=True)
        kept, extents = settle(kept, self._placing, self._section.crs)
        placed = self._placing.place(kept)
        columns = as_columns(self._kind.subject, self._section.source, self._section.crs, kept, placed)
        duplicates = sum(row.reason.startswith("id: is a duplicate") for row in rejected)
        return Prepared(batch.file, batch.rows, kept, rejected, duplicates, placed, columns, extents)

    def write(self, connection: Connection, prepared: Prepared) -> Written:
        """Insert what is new, update what differs, leave what is the same; refuse what is not the actor's."""
        subject, revision = self._kind.subject, self._placing.grid.revision.number
        count = len(prepared.rows)
        allowed = self._writable[prepared.placed.positions]
        if self._is_new or not count:
            compared = _nothing(count)
        else:
            stage(connection, subject, prepared.columns)
            compared = compare(connection, subject, count)
            known = compared.ids > 0
            stood = self._placing.positions_of(compared.cell_ids[known])
            allowed[known] &= self._writable[stood]
        known = compared.ids > 0
        changed = known & compared.differs & allowed
        update_changed(connection, subject, compared, changed, revision)
        if "class" in prepared.rows:
            same = known & ~compared.differs & allowed & (prepared.rows["class"] == "person").to_numpy()
            confirm_persons(connection, compared.ids[same].tolist())
        insert_new(connection, subject, prepared.columns.filter(pa.array(~known & allowed)), revision)
        fates = np.where(known, np.where(compared.differs, UPDATED, UNCHANGED), INSERTED).astype(np.uint8)
        fates[~allowed] = REFUSED
        if prepared.extents is not None and self._kind.subject.table is ELEMENT.table:
            source, extents = self._section.source, prepared.extents
            reshaped = write_shares(connection, source, prepared.rows, allowed, extents, self._placing)
            fates[reshaped[fates[reshaped] == UNCHANGED]] = UPDATED
        rejected = [*prepared.rejected, *self._not_theirs(prepared, allowed)]
        outside = (prepared.placed.positions == OUTSIDE) & allowed
        counts = LoadCounts(
            rows=prepared.read,
            placed=int(allowed.sum() - outside.sum()),
            outside=int(outside.sum()),
            rejected=len(rejected),
            inserted=int((fates == INSERTED).sum()),
            updated=int((fates == UPDATED).sum()),
            moved=int((changed & compared.moved).sum()),
            unchanged=int((fates == UNCHANGED).sum()),
            duplicates=prepared.duplicates,
        )
        return Written(fates, rejected, counts)

    def _without_forgotten(self, row: RejectedRow) -> RejectedRow:
        """The row as it may be kept: of who was forgotten only its line."""
        known = any(self._forgotten.knows(self._section.source, value) for value in row.columns.values())
        return RejectedRow(row.file, row.line, _FORGOTTEN, {}) if known else row

    def _not_theirs(self, prepared: Prepared, allowed: NDArray[np.bool_]) -> list[RejectedRow]:
        """Rows that lie, or lay until now, where the actor may not write."""
        wrong = np.flatnonzero(~allowed)
        reasons = []
        for row in wrong:
            position = int(prepared.placed.positions[row])
            if self._writable[position]:  # whoever sends another's id does not learn where that one is
                reasons.append("id: is one that stands outside your territories")
            else:
                reasons.append(f"lon, lat: outside your territories, got {self._placing.name(position)!r}")
        return _rejected(prepared.file, prepared.rows.iloc[wrong], reasons)


def _nothing(count: int) -> Compared:
    none = np.zeros(count, np.int64)
    return Compared(none, none, np.zeros(count, bool), np.zeros(count, bool))


# What is kept of a rejected row, by its name in a batch and by the field's own.
_KEPT: Mapping[str, str] = {
    "id": "id",
    "given_x": "lon",
    "given_y": "lat",
    "class": "class",
    "category": "category",
    "happened_at": "happened_at",
}


def _rejected(file: str, rows: pd.DataFrame, reasons: list[str]) -> list[RejectedRow]:
    kept = rows[[name for name in _KEPT if name in rows]].rename(columns=dict(_KEPT)).astype(str)
    texts = kept.to_dict("records")
    return [
        RejectedRow(file, int(line), reason, {name: mask(value) for name, value in text.items()})
        for line, reason, text in zip(rows["line"], reasons, texts, strict=True)
    ]
