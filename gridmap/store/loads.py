"""What was loaded: counts that add up, and the rejected rows with line and reason, for 30 days."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pyarrow as pa
from sqlalchemy import ARRAY, Connection, Table, cast, delete, func, insert, select, text, tuple_, update

from gridmap.errors import NotFound
from gridmap.model import Actor, Load, LoadCounts, RejectedRow
from gridmap.store import tables
from gridmap.store.copy import copy_rows

_COUNTS = tuple(asdict(LoadCounts()))
_NOT_EXPIRED = tables.rejected_row.c.expires_at > func.now()


def insert_load(connection: Connection, actor: Actor, what: str, source: str, file: str) -> int:
    """Begin a load's record and return its id; what has expired of earlier ones goes."""
    connection.execute(delete(tables.rejected_row).where(~_NOT_EXPIRED))
    values = {"what": what, "source": source, "file": file, "actor": actor.id}
    counts = dict.fromkeys(_COUNTS, 0)
    territories = list(actor.territories)
    returning = insert(tables.load).values(**values, **counts, territories=territories).returning(tables.load.c.id)
    return int(connection.execute(returning).scalar_one())


def finish_load(connection: Connection, load_id: int, counts: LoadCounts) -> None:
    """Write the counts; the table refuses counts that do not add up to the rows."""
    connection.execute(update(tables.load).where(tables.load.c.id == load_id).values(**asdict(counts)))


def insert_rejected(connection: Connection, load_id: int, rejected: Sequence[RejectedRow]) -> None:
    """Keep the rejected rows of a batch."""
    if not rejected:
        return
    rows = {
        "load_id": pa.array([load_id] * len(rejected), pa.int32()),
        "file": [row.file for row in rejected],
        "line": [row.line for row in rejected],
        "reason": [row.reason for row in rejected],
        "columns": [json.dumps(dict(row.columns), ensure_ascii=False) for row in rejected],
    }
    copy_rows(connection, tables.rejected_row, pa.table(rows))


def list_loads(
    connection: Connection, *, before: int | None, limit: int, within: Sequence[str] | None = None
) -> list[Load]:
    """The newest loads first; those with an id below ``before``, whose actor's territories are all ``within``."""
    query = select(*tables.load.c).order_by(tables.load.c.id.desc()).limit(limit)
    if within is not None:
        codes = cast(list(within), ARRAY(tables.Code))
        query = query.where(tables.load.c.territories.op("<@")(codes))
    if before is not None:
        query = query.where(tables.load.c.id < before)
    return [_load(row._mapping) for row in connection.execute(query)]


def read_load(connection: Connection, load_id: int) -> Load:
    """One load; NotFound when there is none."""
    row = connection.execute(select(*tables.load.c).where(tables.load.c.id == load_id)).one_or_none()
    if row is None:
        raise NotFound(f"no load {load_id}")
    return _load(row._mapping)


def read_rejected(
    connection: Connection, load_id: int, after: tuple[str, int] = ("", 0), limit: int | None = None
) -> Iterator[RejectedRow]:
    """The rejected rows of a load that have not expired, by file and line, those after one only."""
    table = tables.rejected_row
    query = (
        select(table.c.file, table.c.line, table.c.reason, table.c.columns)
        .where(table.c.load_id == load_id, _NOT_EXPIRED, tuple_(table.c.file, table.c.line) > tuple_(*after))
        .order_by(table.c.file, table.c.line)
        .limit(limit)
        .execution_options(yield_per=10_000)
    )
    for row in connection.execute(query):
        yield RejectedRow(*row)


def rejected_columns(connection: Connection, load_id: int) -> list[str]:
    """The names of the columns that are kept of a load's rejected rows."""
    table = tables.rejected_row
    names = func.jsonb_object_keys(table.c.columns).label("name")
    kept = select(names).distinct().where(table.c.load_id == load_id, _NOT_EXPIRED)
    return sorted(connection.execute(kept).scalars())


def latest_rejected(connection: Connection) -> int:
    """The newest load that has rejected rows; NotFound when there is none."""
    newest = select(func.max(tables.rejected_row.c.load_id)).where(_NOT_EXPIRED)
    found = connection.execute(newest).scalar_one()
    if found is None:
        raise NotFound("no row is rejected, or what was rejected is older than 30 days")
    return int(found)


def analyze(connection: Connection, chosen: Sequence[Table] = tables.metadata.sorted_tables) -> None:
    """Let the planner know what a bulk load has put there, before anybody asks."""
    for table in chosen:
        connection.execute(text(f'ANALYZE "{table.name}"'))


def _load(row: object) -> Load:
    values = dict(row)  # type: ignore[call-overload]
    counts = LoadCounts(**{name: values.pop(name) for name in _COUNTS})
    return Load(**{**values, "territories": tuple(values["territories"])}, counts=counts)
