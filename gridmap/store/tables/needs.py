"""Broken glass, and who was forgotten."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    func,
)

from gridmap.model import BREAK_GLASS_REASONS
from gridmap.store.tables.columns import Code, metadata, moment, one_of

break_glass = Table(
    "break_glass",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cell_id", Integer, nullable=False),
    Column("cell", Code, nullable=False),
    # The codes of the cell and of the areas above it: whose auditors are told.
    Column("places", ARRAY(Code), nullable=False),
    moment("opened_at"),
    moment("expires_at"),
    CheckConstraint(one_of("reason", BREAK_GLASS_REASONS), name="reason"),
    CheckConstraint("expires_at > opened_at AND expires_at <= opened_at + interval '1 hour'", name="an_hour"),
    Index("ix_break_glass_actor", "actor", "expires_at"),
    comment="Who opened the needs of which cell, why, and until when. A row is never changed.",
)


forgotten_salt = Table(
    "forgotten_salt",
    metadata,
    Column("salt", Text, primary_key=True),
    comment="One row: what the hashes of forgotten are made with.",
)


forgotten = Table(
    "forgotten",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("forgotten_on", Date, nullable=False, server_default=func.current_date()),
    comment="Salted hashes of the sources and references of persons who were forgotten and are not to come back.",
)
