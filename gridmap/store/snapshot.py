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
from gridmap.store.grid import read_areas, read_cells, read_cells_not_at, read_codes_not_at
from gridmap.store.keys import read_keys
from gridmap.store.overlays import read_overlays
from gridmap.store.redraws import read_redraws
from gridmap.store.revisions import read_current, read_revision
from gridmap.store.sessions import SESSIONS
from gridmap.store.upcoming import read_upcoming

# Parts of the data that are read by themselves.
_BESIDE = ("facts", SESSIONS)
# Posts and rules are read again at least this often, since the days that the snapshot knows move on.
FRESH_FOR = timedelta(hours=1)
# How far ahead and back a snapshot knows who is on shift; the rules read reach further back than this.
DUTY_BEHIND = timedelta(hours=1)
DUTY_AHEAD = timedelta(days=7, hours=2)


def read_versions(connection: Connection) -> Mapping[str, int]:
    """Part -> data version; a part whose version is the same has not changed. Not facts and sessions."""
    table = tables.data_version
    rows = connection.execute(select(table.c.part, table.c.version).where(table.c.part.not_in(_BESIDE)))
    return {row.part: row.version for row in rows}


def read_snapshot(connection: Connection, now: datetime, before: Snapshot | None) -> Snapshot:
    """The state now. What has the version of ``before`` is taken from it; duty is read unless only keys changed.

    NotFound before the first revision.
    """
    versions = read_versions(connection)
    if before is not None and now < before.fresh_until and _changed(before.versions, versions) == {"keys"}:
        return before.with_keys(read_keys(connection), versions)

    def same(part: str) -> bool:
        return before is not None and before.versions.get(part) == versions[part]

    city = before.city if before is not None and same("grid") else read_city(connection)
    grid = _grid(connection, city, before, same("grid"))
    overlays = (
        before.overlays if before is not None and same("overlays") else OverlayMap(*read_overlays(connection, now))
    )
    keys = (
        before.keys if before is not None and same("keys") else {key.sha256: key for key in read_keys(connection)}
    )
    duty = replace(read_duty(connection, now, now + DUTY_AHEAD, known_at=now), begins=now - DUTY_BEHIND)
    fresh_until = min(now + FRESH_FOR, next_change(connection, now) or now + FRESH_FOR)
    upcoming = before.upcoming if before is not None and same("upcoming") else read_upcoming(connection)
    return Snapshot(city, grid, overlays, duty, keys, versions, now, fresh_until, upcoming)


def _changed(before: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    return {part for part in before.keys() | now.keys() if before.get(part) != now.get(part)}


def _grid(connection: Connection, city: City, before: Snapshot | None, same: bool) -> Grid:
    if before is None:
        return read_grid(connection, city)
    return before.grid if same else read_grid_after(connection, city, before.grid)


def read_grid(connection: Connection, city: City) -> Grid:
    """The current revision's grid, ready for lookups. LoadRefused when its cells are not a coverage."""
    revision, cells, shapes, areas = read_cells_and_areas(connection)
    index = CoverageIndex.build(shapes, city.metric_crs, [cell.code for cell in cells])
    return Grid(revision, cells, areas, index, read_redraws(connection))


def read_grid_at(connection: Connection, city: City, revision: int) -> Grid:
    """The grid of any revision, ready for lookups. NotFound without it."""
    record = read_revision(connection, revision)
    cells, shapes = by_code(*read_cells(connection, revision))
    index = CoverageIndex.build(shapes, city.metric_crs, [cell.code for cell in cells])
    return Grid(record, cells, {area.code: area for area in read_areas(connection, revision)}, index)


def read_grid_after(connection: Connection, city: City, before: Grid) -> Grid:
    """The current revision's grid, made from one that was read before: only what changed since is read.

    LoadRefused when the cells are not a coverage.
    """
    revision = read_current(connection)
    if revision.number <= before.revision.number:
        return read_grid(connection, city)
    return replace(read_grid_from(connection, before, revision), redraws=read_redraws(connection))


def read_grid_from(connection: Connection, known: Grid, revision: Revision) -> Grid:
    """The grid of an earlier or later revision, made from a known one: only what differs is read and indexed.

    LoadRefused when the cells are not a coverage.
    """
    if revision == known.revision:
        return known
    number, other = revision.number, known.revision.number
    cells, shapes = by_code(*read_cells_not_at(connection, number, other))
    fresh = {cell.code: (cell, shape) for cell, shape in zip(cells, shapes, strict=True)}
    codes = read_codes_not_at(connection, other, number)
    ended = codes - fresh.keys()
    index = known.index.redrawn(ended, {code: shape for code, (_, shape) in fresh.items()})
    kept = {cell.code: cell for cell in known.cells if cell.code not in codes}
    every = {**kept, **{code: cell for code, (cell, _) in fresh.items()}}
    areas = {area.code: area for area in read_areas(connection, number)}
    in_order = tuple(every[code.decode()] for code in index.codes.tolist())
    return Grid(revision, in_order, areas, index, known.redraws)


def read_cells_and_areas(
    connection: Connection,
) -> tuple[Revision, tuple[Cell, ...], Geometries, Mapping[str, Area]]:
    """The current revision, its cells by code with their polygons, and its areas; whatever state they are in."""
    revision = read_current(connection)
    cells, shapes = by_code(*read_cells(connection, revision.number))
    return revision, cells, shapes, {area.code: area for area in read_areas(connection, revision.number)}
