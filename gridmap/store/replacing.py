"""Placements of the cells that a redraw changes: read with their points, closed and written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from gridmap.coverage.index import HOW
from gridmap.crs import Floats
from gridmap.store.packed import copy_packed, read_packed
from gridmap.store.subjects import ELEMENT, INCIDENT, Subject

SUBJECTS = (ELEMENT, INCIDENT)


@dataclass(frozen=True)
class Standing:
    """n subjects with their points and their placements now: cell id, how-code and edge distance (float32)."""

    ids: NDArray[np.int64]
    lon: Floats
    lat: Floats
    cell_ids: NDArray[np.int64]
    how: NDArray[np.uint8]
    edge_distances_m: NDArray[np.float32]


def read_standing(
    connection: Connection,
    subject: Subject,
    tops: Sequence[str],
    cell_ids: Sequence[int],
    neighbours: Sequence[int] = (),
) -> Standing:
    """All subjects whose placement now is in one of some cells, or on the edge of one of their ``neighbours``.

    ``tops``: the codes that lead the placements in all of these.
    """
    codes = " ".join(f"WHEN '{how}' THEN {code}" for code, how in enumerate(HOW))
    query = (
        "SELECT subject.id, ST_X(geom), ST_Y(geom), cell_id, "  # noqa: S608 - the table's own names
        f"CASE how {codes} END, coalesce(edge_distance_m, 'NaN') FROM {subject.placement.name} AS placement "
        f"JOIN {subject.table.name} AS subject ON subject.id = placement.{subject.key} "
        "WHERE last_revision IS NULL AND top = ANY(%(tops)s::text[]) AND cell_id = ANY(%(every)s::int[]) "
        "AND (cell_id = ANY(%(cells)s::int[]) OR how = 'edge')"
    )
    given = {
        "tops": list(tops),
        "every": [*map(int, cell_ids), *map(int, neighbours)],
        "cells": [*map(int, cell_ids)],
    }
    bound = connection.connection.cursor().mogrify(query, given).decode()
    found = read_packed(
        connection,
        bound,
        {"id": ">i8", "lon": ">f8", "lat": ">f8", "cell_id": ">i4", "how": ">i4", "edge": ">f4"},
    )
    return Standing(
        found["id"].astype(np.int64),
        found["lon"].astype(np.float64),
        found["lat"].astype(np.float64),
        found["cell_id"].astype(np.int64),
        found["how"].astype(np.uint8),
        found["edge"].astype(np.float32),
    )


def place_from(
    connection: Connection, subject: Subject, revision: int, ids: NDArray[np.int64], where: dict[str, pa.Array]
) -> None:
    """Close the placements of some subjects before ``revision`` and write new ones from it on.

    ``where``: the columns ``top``, ``cell_id``, ``how`` and ``edge_distance_m``.
    """
    if not len(ids):
        return
    statement = text(
        f"UPDATE {subject.placement.name} SET last_revision = :revision - 1 "  # noqa: S608 - the table's own names
        f"WHERE {subject.key} = ANY(:ids) AND last_revision IS NULL"
    )
    connection.execute(statement, {"revision": revision, "ids": ids.tolist()})
    moved = text(
        f"UPDATE {subject.table.name} AS subject SET cell_now = given.cell "  # noqa: S608 - the table's own names
        "FROM unnest(CAST(:ids AS bigint[]), CAST(:cells AS int[])) AS given (id, cell) "
        "WHERE subject.id = given.id AND subject.cell_now IS DISTINCT FROM given.cell"
    )
    connection.execute(moved, {"ids": ids.tolist(), "cells": where["cell_id"].to_pylist()})
    since = pa.array(np.full(len(ids), revision, np.int32))
    copy_packed(connection, subject.placement.name, {subject.key: pa.array(ids), "first_revision": since, **where})
