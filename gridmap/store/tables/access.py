"""Who may come in, and what policies go by."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Integer, Table, Text

from gridmap.model import ROLES
from gridmap.store.tables.columns import Code, metadata, moment, one_of

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("territories", ARRAY(Code), nullable=False),
    Column("label", Text, nullable=False),
    moment("created_at", default_now=True),
    moment("expires_at", nullable=True),
    moment("revoked_at", nullable=True),
    CheckConstraint(one_of("role", ROLES), name="role"),
)


role_right = Table(
    "role_right",
    metadata,
    Column("action", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    comment="What roles may do, as policies read it; migrating writes it from gridmap/access.py.",
)


territory_cell = Table(
    "territory_cell",
    metadata,
    Column("code", Code, primary_key=True),
    Column("cell_id", Integer, primary_key=True, autoincrement=False),
    Index("ix_territory_cell_cell_id", "cell_id"),
    comment="Derived: the cells below each code, and a cell's own; of cells that ended as they last were. "
    "Policies read it, publishing writes it, verify recomputes it.",
)
