"""Elements and incidents and where they are placed: bulk inserts of what was read and located."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, func, select

from gridmap.coverage.index import HOW
from gridmap.crs import Floats
from gridmap.store import tables
from gridmap.store.copy import copy_rows, point_column, reserve_ids

OUTSIDE_TOP = "outside"


@dataclass(frozen=True)
class Placed:
    """Where n points are at one revision: cell ids (0 outside), leading codes, how, metres to the edge (NaN)."""

    cell_ids: NDArray[np.int64]
    tops: NDArray[np.object_]
    how: NDArray[np.uint8]
    edge_distances_m: Floats
    hexes: NDArray[np.int64]


def insert_elements(
    connection: Connection, source: str, crs: str, rows: pd.DataFrame, placed: Placed, revision: int
) -> list[int]:
    """Elements with their placements; ``rows`` has id, class, category, name, building and the point.

    Returns the new elements' ids.
    """
    ids = reserve_ids(connection, tables.element, len(rows))
    columns = _point_columns(ids, source, crs, rows, placed)
    for name in ("class", "category", "name", "building"):
        columns[name] = _text(rows[name])
    copy_rows(connection, tables.element, pa.table(columns))
    _insert_placements(connection, tables.element_placement, "element_id", ids, placed, revision)
    return ids


def insert_buildings(
    connection: Connection, source: str, crs: str, rows: pd.DataFrame, placed: Placed, revision: int
) -> None:
    """Buildings: places of category ``building`` with address and households."""
    building = rows.assign(**{"class": "place", "category": "building", "name": None, "building": None})
    ids = insert_elements(connection, source, crs, building, placed, revision)
    details: dict[str, pa.Array] = {"element_id": pa.array(ids, pa.int64())}
    for name in ("street", "number", "block", "estate", "counted_by"):
        details[name] = _text(rows[name])
    for name in ("households", "expected_households"):
        details[name] = pa.array(rows[name].astype("float64"), from_pandas=True).cast(pa.int32())
    details["counted_on"] = pa.array(rows["counted_on"], pa.timestamp("us"), from_pandas=True).cast(pa.date32())
    copy_rows(connection, tables.building, pa.table(details))


def insert_incidents(
    connection: Connection, source: str, crs: str, rows: pd.DataFrame, placed: Placed, revision: int
) -> None:
    """Incidents with their placements; ``rows``: id, category, times, reporter, stated_cell and the point."""
    ids = reserve_ids(connection, tables.incident, len(rows))
    columns = _point_columns(ids, source, crs, rows, placed)
    for name in ("category", "reporter", "stated_cell"):
        columns[name] = _text(rows[name])
    for name in ("happened_at", "reported_at", "closed_at"):
        columns[name] = pa.array(rows[name], pa.timestamp("us", "UTC"), from_pandas=True)
    copy_rows(connection, tables.incident, pa.table(columns))
    _insert_placements(connection, tables.incident_placement, "incident_id", ids, placed, revision)


def known_elements(connection: Connection, source: str, ids: Sequence[str]) -> set[str]:
    """Which of these external ids the source has among the elements already."""
    return _known(connection, tables.element, source, ids)


def known_incidents(connection: Connection, source: str, ids: Sequence[str]) -> set[str]:
    """Which of these external ids the source has among the incidents already."""
    return _known(connection, tables.incident, source, ids)


def _known(connection: Connection, table: Table, source: str, ids: Sequence[str]) -> set[str]:
    known = select(table.c.external_id).where(table.c.source == source)
    if connection.execute(known.limit(1)).one_or_none() is None:
        return set()
    return set(connection.execute(known.where(table.c.external_id == func.any(list(ids)))).scalars())


def _point_columns(
    ids: list[int], source: str, crs: str, rows: pd.DataFrame, placed: Placed
) -> dict[str, pa.Array]:
    lon, lat = rows["lon"].to_numpy(np.float64), rows["lat"].to_numpy(np.float64)
    return {
        "id": pa.array(ids, pa.int64()),
        "source": pa.array([source] * len(rows)),
        "external_id": _text(rows["id"]),
        "given_crs": pa.array([crs] * len(rows)),
        "given_x": pa.array(rows["given_x"].to_numpy(np.float64)),
        "given_y": pa.array(rows["given_y"].to_numpy(np.float64)),
        "accuracy_m": pa.array(rows["accuracy_m"].astype("float64"), from_pandas=True),
        "hex": pa.array(placed.hexes),
        "geom": point_column(lon, lat),
    }


def _text(values: pd.Series) -> pa.Array:
    return pa.array(values.astype(object).where(values.notna(), None), pa.string())


def _insert_placements(
    connection: Connection, table: Table, subject: str, ids: list[int], placed: Placed, revision: int
) -> None:
    outside = placed.cell_ids == 0
    columns = {
        "top": pa.array(placed.tops),
        subject: pa.array(ids, pa.int64()),
        "first_revision": pa.array(np.full(len(ids), revision, np.int32)),
        "cell_id": pa.array(placed.cell_ids.astype(np.int32), mask=outside),
        "how": pa.array(np.array(HOW)[placed.how]),
        "edge_distance_m": pa.array(placed.edge_distances_m, from_pandas=True),
    }
    copy_rows(connection, table, pa.table(columns))
