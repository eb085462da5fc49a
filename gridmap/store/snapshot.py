"""Reads the coverage snapshot from the database, part by part, only what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from gridmap.coverage.grid import Grid, OverlayMap, by_code
from gridmap.coverage.index import CoverageIndex
from gridmap.coverage.snapshot import Snapshot
from gridmap.model import Area, Cell, City, Revision
from gridmap.shapes import Geometries
from gridmap.store import tables
from gridmap.store.city import read_city
from gridmap.store.duty import next_change, read_duty
from gridmap.store.grid import read_areas, read_cells
from gridmap.store.keys import read_keys
from gridmap.store.overlays import read_overlays
from gridmap.store.revisions import read_current

FACTS = "facts"
# Posts and rules are read again at least this often, since the days that the snapshot knows move on.
FRESH_FOR = timedelta(hours=1)
# How far ahead and back a snapshot knows who is on shift; the rules read reach further back than this.
DUTY_BEHIND = timedelta(hours=1)
DUTY_AHEAD = timedelta(days=7, hours=2)


def read_versions(connection: Connection) -> Mapping[str, int]:
    """Part -> data version; a part whose version is the same has not changed. Facts are read by themselves."""
    table = tables.data_version
    rows = connection.execute(select(table.c.part, table.c.version).where(table.c.part != FACTS))
    return {row.part: row.version for row in rows}


def read_snapshot(connection: Connection, now: datetime, before: Snapshot | None) -> Snapshot:
    """The state now. Parts whose version is that of ``before`` are taken from it; duty is always read.

    NotFound before the first revision.
    """
    versions = read_versions(connection)

    def same(part: str) -> bool:
        return before is not None and before.versions.get(part) == versions[part]

    city = before.city if before is not None and same("grid") else read_city(connection)
    grid = before.grid if before is not None and same("grid") else read_grid(connection, city)
    overlays = (
        before.overlays if before is not None and same("overlays") else OverlayMap(*read_overlays(connection, now))
    )
    keys = (
        before.keys if before is not None and same("keys") else {key.sha256: key for key in read_keys(connection)}
    )
    duty = replace(read_duty(connection, now, now + DUTY_AHEAD, known_at=now), begins=now - DUTY_BEHIND)
    fresh_until = min(now + FRESH_FOR, next_change(connection, now) or now + FRESH_FOR)
    return Snapshot(city, grid, overlays, duty, keys, versions, now, fresh_until)


def read_grid(connection: Connection, city: City) -> Grid:
    """The current revision's grid, ready for lookups. LoadRefused when its cells are not a coverage."""
    revision, cells, shapes, areas = read_cells_and_areas(connection)
    return Grid(
        revision, cells, areas, CoverageIndex.build(shapes, city.metric_crs, [cell.code for cell in cells])
    )


def read_cells_and_areas(
    connection: Connection,
) -> tuple[Revision, tuple[Cell, ...], Geometries, Mapping[str, Area]]:
    """The current revision, its cells by code with their polygons, and its areas; whatever state they are in."""
    revision = read_current(connection)
    cells, shapes = by_code(*read_cells(connection, revision.number))
    return revision, cells, shapes, {area.code: area for area in read_areas(connection, revision.number)}
