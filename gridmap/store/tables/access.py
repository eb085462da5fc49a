"""Who may come in."""

from __future__ import annotations

from sqlalchemy import ARRAY, CheckConstraint, Column, Table, Text

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
