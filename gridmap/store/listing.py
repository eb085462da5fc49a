"""Lists of elements and incidents with their places, page by page, for the staff of the territory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select

from gridmap.store import tables
from gridmap.store.subjects import ELEMENT, INCIDENT, Subject

__all__ = ["Page", "RowMapping", "list_elements", "list_incidents", "list_persons"]


@dataclass(frozen=True)
class Page:
    """What part of a list is wanted. ``cell_ids`` None is everything, what lies outside the city too."""

    revision: int
    cell_ids: Sequence[int] | None
    category: str | None
    after: int
    limit: int


def list_elements(connection: Connection, page: Page, class_: str | None) -> Sequence[RowMapping]:
    """Elements by id; never persons: :func:`list_persons`."""
    conditions = [tables.element.c["class"] != "person"]
    if class_ is not None:
        conditions.append(tables.element.c["class"] == class_)
    return _list(connection, ELEMENT, page, conditions)


def list_persons(connection: Connection, page: Page, categories: Sequence[str]) -> Sequence[RowMapping]:
    """Persons of some categories by id, for who has said what for; see ``actions.persons``."""
    person = [tables.element.c["class"] == "person", tables.element.c.category.in_(categories)]
    return _list(connection, ELEMENT, page, person)


def list_incidents(
    connection: Connection, page: Page, since: datetime | None, until: datetime | None
) -> Sequence[RowMapping]:
    """Incidents by id; those that happened from ``since`` until before ``until``."""
    happened = tables.incident.c.happened_at
    bounds = [None if since is None else happened >= since, None if until is None else happened < until]
    return _list(connection, INCIDENT, page, [bound for bound in bounds if bound is not None], ("handler",))


def _list(
    connection: Connection,
    subject: Subject,
    page: Page,
    conditions: Sequence[ColumnElement[bool]],
    more: Sequence[str] = (),
) -> Sequence[RowMapping]:
    table, placement = subject.table, subject.placement
    columns = (
        *(table.c[name] for name in ("id", "source", "external_id", *subject.own, *more)),
        func.ST_X(table.c.geom).label("lon"),
        func.ST_Y(table.c.geom).label("lat"),
        placement.c.cell_id,
        placement.c.how,
    )
    query = (
        select(*columns)
        .join(placement, placement.c[subject.key] == table.c.id)
        .where(
            placement.c.first_revision <= page.revision,
            or_(placement.c.last_revision.is_(None), placement.c.last_revision >= page.revision),
            table.c.id > page.after,
            *conditions,
        )
        .order_by(table.c.id)
        .limit(page.limit)
    )
    if page.cell_ids is not None:
        query = query.where(placement.c.cell_id == func.any(list(page.cell_ids)))
    if page.category is not None:
        query = query.where(table.c.category == page.category)
    return connection.execute(query).mappings().all()
