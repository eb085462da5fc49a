"""Who may come in: keys, and the sessions of the pages; and what policies go by."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, Column, Date, ForeignKey, Index, Integer, Table, Text

from gridmap.model import PUBLIC, ROLES
from gridmap.store.tables.columns import Code, metadata, moment, one_of

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("territories", ARRAY(Code), nullable=False),
    Column("scopes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("origins", ARRAY(Text), nullable=False, server_default="{}"),
    Column("label", Text, nullable=False),
    Column("created_by", Text, nullable=False, server_default=""),
    Column("last_used_on", Date, nullable=True),
    moment("created_at", default_now=True),
    moment("expires_at", nullable=True),
    moment("revoked_at", nullable=True),
    Column("revoked_by", Text, nullable=True),
    CheckConstraint(one_of("role", ROLES), name="role"),
    CheckConstraint(f"(role = '{PUBLIC.role}') = (cardinality(origins) > 0)", name="origins"),
    Index("ix_api_key_holder", "holder"),
    comment="API keys by the hash of their text; of their use only the last day is kept.",
)

session = Table(
    "session",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("key_id", Text, ForeignKey("api_key.id"), nullable=True),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("territories", ARRAY(Code), nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("seen_at", default_now=True),
    moment("expires_at"),
    CheckConstraint(one_of("role", ROLES), name="role"),
    comment="Log-ins of the pages that have not ended, by the hash of their cookie; with a key or a provider's.",
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
