"""Elements and incidents as a load writes them: which tables and columns they have, and rows that are new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, exists, func, select

from gridmap.coverage.index import HOW
from gridmap.crs import Floats
from gridmap.store import tables
from gridmap.store.copy import reserve_ids
from gridmap.store.packed import copy_packed, point_octets, read_packed

OUTSIDE_TOP = "outside"

GIVEN = ("given_crs", "given_x", "given_y", "accuracy_m", "hex", "geom")
WHERE = ("top", "cell_id", "how", "edge_distance_m")
_REALS = ("accuracy_m", "edge_distance_m")


@dataclass(frozen=True)
class Subject:
    """What is placed: its table, that of its placements, the column that joins them, and its own columns.

    ``details`` is a table of one row for each subject besides, by ``element_id``.
    """

    table: Table
    placement: Table
    key: str
    own: tuple[str, ...]
    details: Table | None = None

    @property
    def detail_names(self) -> tuple[str, ...]:
        """The columns of ``details`` without its key."""
        return () if self.details is None else tuple(column.name for column in self.details.c)[1:]


_ELEMENT_COLUMNS = ("class", "category", "name", "building")
_INCIDENT_COLUMNS = ("category", "happened_at", "reported_at", "closed_at", "reporter", "stated_cell")

ELEMENT = Subject(tables.element, tables.element_placement, "element_id", _ELEMENT_COLUMNS)
BUILDING = Subject(tables.element, tables.element_placement, "element_id", _ELEMENT_COLUMNS, tables.building)
INCIDENT = Subject(tables.incident, tables.incident_placement, "incident_id", _INCIDENT_COLUMNS)


@dataclass(frozen=True)
class Placed:
    """Where n points are at one revision; outside is position -1, cell id 0 and distance NaN."""

    positions: NDArray[np.int32]
    cell_ids: NDArray[np.int64]
    tops: pa.Array
    how: NDArray[np.uint8]
    edge_distances_m: Floats
    hexes: NDArray[np.int64]


def as_columns(subject: Subject, source: str, crs: str, rows: pd.DataFrame, placed: Placed) -> pa.Table:
    """Rows and their places as the columns of the subject, of its details and of its placement, but for ids."""
    lon, lat = rows["lon"].to_numpy(np.float64), rows["lat"].to_numpy(np.float64)
    columns = {
        "source": _same(source, len(rows)),
        "external_id": _text(rows["id"]),
        "given_crs": _same(crs, len(rows)),
        "given_x": pa.array(rows["given_x"].to_numpy(np.float64)),
        "given_y": pa.array(rows["given_y"].to_numpy(np.float64)),
        "accuracy_m": pa.array(rows["accuracy_m"].astype("float64"), pa.float32(), from_pandas=True),
        "hex": pa.array(placed.hexes),
        "geom": point_octets(lon, lat, tables.SRID),
        "top": placed.tops,
        "cell_id": pa.array(placed.cell_ids.astype(np.int32), mask=placed.cell_ids == 0),
        "how": pa.DictionaryArray.from_arrays(pa.array(placed.how.astype(np.int8)), HOW).cast(pa.string()),
        "edge_distance_m": pa.array(placed.edge_distances_m, pa.float32(), from_pandas=True),
    }
    for name in (*subject.own, *subject.detail_names):
        columns[name] = _column(name, rows[name])
    return pa.table(columns)


def has_source(connection: Connection, subject: Subject, source: str) -> bool:
    """Whether anything of this source is there already."""
    return bool(connection.execute(select(exists().where(subject.table.c.source == source))).scalar_one())


def element_ids(connection: Connection, source: str, external_ids: Sequence[str]) -> dict[str, int]:
    """The ids of a source's elements by their external ids, as far as they are there."""
    table = tables.element
    query = select(table.c.external_id, table.c.id).where(
        table.c.source == source, table.c.external_id == func.any(list(external_ids))
    )
    return {str(row.external_id): int(row.id) for row in connection.execute(query)}


def read_building_points(connection: Connection) -> tuple[Floats, Floats]:
    """lon, lat of all buildings."""
    query = (
        "SELECT ST_X(element.geom), ST_Y(element.geom) FROM building "
        "JOIN element ON element.id = building.element_id"
    )
    found = read_packed(connection, query, {"lon": ">f8", "lat": ">f8"})
    return found["lon"].astype(np.float64), found["lat"].astype(np.float64)


def insert_new(connection: Connection, subject: Subject, rows: pa.Table, revision: int) -> None:
    """Rows of :func:`as_columns` whose source and id nobody has yet, with their placements at a revision."""
    if not rows.num_rows:
        return
    arrays = {name: rows.column(name).combine_chunks() for name in rows.column_names}
    ids = pa.array(reserve_ids(connection, subject.table, rows.num_rows), pa.int64())
    names = ("source", "external_id", *subject.own, *GIVEN)
    own = {"id": ids, "cell_now": arrays["cell_id"], **{name: arrays[name] for name in names}}
    copy_packed(connection, subject.table.name, own)
    if subject.details is not None:
        details = {name: arrays[name] for name in subject.detail_names}
        copy_packed(connection, subject.details.name, {"element_id": ids, **details})
    since = pa.array(np.full(len(ids), revision, np.int32))
    where = {name: arrays[name] for name in WHERE}
    copy_packed(connection, subject.placement.name, {subject.key: ids, "first_revision": since, **where})


def _column(name: str, values: pd.Series) -> pa.Array:
    if name.endswith("_at"):
        return pa.array(values, pa.timestamp("us", "UTC"), from_pandas=True)
    if name.endswith("_on"):
        return pa.array(values, pa.timestamp("us"), from_pandas=True).cast(pa.date32())
    if name.endswith("households"):
        return pa.array(values.astype("float64"), from_pandas=True).cast(pa.int32())
    return _text(values)


def _same(value: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), [value]).cast(pa.string())


def _text(values: pd.Series) -> pa.Array:
    return pa.array(values.astype(object).where(values.notna(), None), pa.string())
