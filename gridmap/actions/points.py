"""Placing point rows and putting them into the store: the part of a load that elements and incidents share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from gridmap.coverage.grid import Grid, top_code
from gridmap.hexes import hexes_of
from gridmap.ingest.description import Buildings, Elements, Incidents, Points
from gridmap.ingest.points import Field, PointBatch, read_points
from gridmap.ingest.privacy import mask
from gridmap.model import ELEMENT_CLASSES, PERSON_CATEGORIES, Actor, City, LoadCounts, RejectedRow
from gridmap.store.database import Connection
from gridmap.store.loads import finish_load, insert_load, insert_rejected
from gridmap.store.subjects import (
    OUTSIDE_TOP,
    Placed,
    insert_buildings,
    insert_elements,
    insert_incidents,
    known_elements,
    known_incidents,
)

Progress = Callable[[str], None]
Known = Callable[[Connection, str, list[str]], set[str]]
Insert = Callable[[Connection, str, str, pd.DataFrame, Placed, int], object]

_MOST_HOUSEHOLDS = 2**31 - 1  # what the column holds

# How far a point lies from the cell that its publisher states, in metres: less than the first, less than …
STATED_WITHIN_M = (1.0, 10.0, 100.0, 1000.0)


@dataclass
class Stated:
    """How placements compare with the cells that the publisher states for the same rows."""

    compared: int = 0
    agree: int = 0
    not_in_this_grid: int = 0
    without_statement: int = 0
    off_by_m: dict[str, int] = field(default_factory=dict)


@dataclass
class PointReport:
    """What became of one description's rows."""

    what: str
    source: str
    load_id: int
    counts: LoadCounts
    reasons: dict[str, int] = field(default_factory=dict)
    stated: Stated | None = None


class Placer:
    """Reads, places and stores point rows in one open transaction."""

    def __init__(self, connection: Connection, actor: Actor, folder: Path, grid: Grid, city: City) -> None:
        self._connection = connection
        self._actor = actor
        self._folder = folder
        self._grid = grid
        self._city = city
        # by position, and one more for OUTSIDE, which is -1
        self._cell_ids = np.array([cell.id for cell in grid.cells] + [0], np.int64)
        tops = [top_code(grid.chain(cell.community), city) for cell in grid.cells]
        self._tops = np.array([*tops, OUTSIDE_TOP], dtype=object)

    def load_buildings(self, section: Buildings, progress: Progress) -> PointReport:
        """Buildings, which are places with an address and households."""
        fields = {
            name: Field(getattr(section, name)) for name in ("street", "number", "block", "estate", "counted_by")
        }
        for name in ("households", "expected_households"):
            fields[name] = Field(getattr(section, name), "count", lowest=0, highest=_MOST_HOUSEHOLDS)
        fields["counted_on"] = Field(section.counted_on, "date")
        return self._load("buildings", section, fields, known_elements, insert_buildings, progress)

    def load_elements(self, section: Elements, progress: Progress) -> PointReport:
        """Elements of the four classes; a person is a reference, a category and a building, or is rejected."""
        fields = {
            "class": Field(section.class_, required=True),
            "category": Field(section.category, required=True),
            "name": Field(section.name),
            "building": Field(section.building),
        }
        return self._load("elements", section, fields, known_elements, insert_elements, progress)

    def load_incidents(self, section: Incidents, progress: Progress) -> PointReport:
        """Incidents; without a time of report, the time they happened counts as it."""
        happened = Field(section.happened_at, "time", required=True)
        reported = Field(section.reported_at, "time") if section.reported_at.column else happened
        fields = {
            "category": Field(section.category, required=True),
            "happened_at": happened,
            "reported_at": reported,
            "closed_at": Field(section.closed_at, "time"),
            "reporter": Field(section.reporter),
            "stated_cell": Field(section.stated_cell),
        }
        return self._load("incidents", section, fields, known_incidents, insert_incidents, progress)

    def _load(
        self,
        what: str,
        section: Points,
        fields: Mapping[str, Field],
        known: Known,
        insert: Insert,
        progress: Progress,
    ) -> PointReport:
        load_id = insert_load(self._connection, self._actor, what, section.source, section.file)
        report = PointReport(what, section.source, load_id, LoadCounts())
        for batch in read_points(self._folder, section, fields, self._city.zone):
            accepted, rejected = self._reject_by_rule(batch, known, section.source)
            placed = self._place(accepted)
            if len(accepted):
                insert(self._connection, section.source, section.crs, accepted, placed, self._grid.revision.number)
            insert_rejected(self._connection, load_id, rejected)
            outside = int((placed.cell_ids == 0).sum())
            report.counts.rows += batch.rows
            report.counts.outside += outside
            report.counts.placed += len(accepted) - outside
            report.counts.rejected += len(rejected)
            for row in rejected:
                reason = row.reason.partition(", got ")[0]
                report.reasons[reason] = report.reasons.get(reason, 0) + 1
            if "stated_cell" in accepted and fields["stated_cell"].source.column is not None:
                report.stated = report.stated or Stated()
                self._compare_stated(accepted, placed, report.stated)
            progress(f"{what}: {report.counts.rows:,} rows read, {report.counts.placed:,} placed")
        finish_load(self._connection, load_id, report.counts)
        return report

    def _reject_by_rule(
        self, batch: PointBatch, known: Known, source: str
    ) -> tuple[pd.DataFrame, list[RejectedRow]]:
        """Rows whose id the source has already, or that break a rule on persons, join the rejected ones."""
        rows, rejected = batch.accepted, list(batch.rejected)
        reasons = pd.Series("", index=rows.index, dtype=object)
        repeated = known(self._connection, source, rows["id"].tolist())
        reasons[rows["id"].isin(repeated)] = "id: the source has it already"
        if "class" in rows:
            unknown = ~rows["class"].isin(ELEMENT_CLASSES)
            reasons[unknown] = f"class: must be one of {', '.join(ELEMENT_CLASSES)}"
            person = rows["class"] == "person"
            closed = person & ~rows["category"].isin(PERSON_CATEGORIES)
            reasons[closed] = f"category: a person's must be one of {', '.join(PERSON_CATEGORIES)}"
            reasons[person & rows["name"].notna()] = "name: a person has none here"
        wrong = reasons != ""
        for index in rows.index[wrong]:
            kept = {"id": mask(str(rows.at[index, "id"]))}
            rejected.append(RejectedRow(batch.file, int(rows.at[index, "line"]), str(reasons[index]), kept))
        return rows[~wrong].reset_index(drop=True), rejected

    def _place(self, rows: pd.DataFrame) -> Placed:
        lon, lat = rows["lon"].to_numpy(np.float64), rows["lat"].to_numpy(np.float64)
        positions, how = self._grid.index.locate_many(lon, lat)
        return Placed(
            cell_ids=self._cell_ids[positions],
            tops=self._tops[positions],
            how=how,
            edge_distances_m=self._grid.index.edge_distances_m(positions, lon, lat),
            hexes=hexes_of(lon, lat),
        )

    def _compare_stated(self, rows: pd.DataFrame, placed: Placed, stated: Stated) -> None:
        """Count how placements agree with the stated cells, and how far off they are where they do not."""
        inside = (placed.cell_ids > 0) | rows["stated_cell"].notna().to_numpy()
        rows, cell_ids = rows[inside], placed.cell_ids[inside]
        given = rows["stated_cell"]
        stated.without_statement += int(given.isna().sum())
        positions = given.map(self._grid.by_code)
        known = positions.notna().to_numpy()
        stated.not_in_this_grid += int((given.notna() & ~known).sum())
        rows, cell_ids = rows[known], cell_ids[known]
        positions = positions[known].astype(np.int64).to_numpy()
        agree = self._cell_ids[positions] == cell_ids
        stated.compared += len(rows)
        stated.agree += int(agree.sum())
        off = rows[~agree]
        distances = self._grid.index.distances_m(positions[~agree], off["lon"].to_numpy(), off["lat"].to_numpy())
        for distance in distances:
            within = next((f"< {limit:g} m" for limit in STATED_WITHIN_M if distance < limit), "farther")
            stated.off_by_m[within] = stated.off_by_m.get(within, 0) + 1
