"""The categories of elements and incidents that the city declares."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from gridmap.model import Category
from gridmap.store import tables


def insert_categories(connection: Connection, categories: Sequence[Category]) -> None:
    """Put categories into a city that has none yet."""
    rows = [
        {
            "what": each.what,
            "code": each.code,
            "label": each.label,
            "label_en": each.label_en,
            "class": each.class_,
            "emergency": each.emergency,
        }
        for each in categories
    ]
    if rows:
        connection.execute(insert(tables.category), rows)


def read_categories(connection: Connection, what: str) -> dict[str, Category]:
    """Code -> category of ``element`` or ``incident``; empty when the city declares none."""
    query = select(*tables.category.c).where(tables.category.c.what == what).order_by(tables.category.c.code)
    return {row.code: Category(*row) for row in connection.execute(query)}
