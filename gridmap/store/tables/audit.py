"""The trace: what waits to be chained, the chain, what may be forgotten of it, and kept answers."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ARRAY, BigInteger, Column, Identity, Index, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from gridmap.store.tables.columns import Code, metadata, moment

# What changes by itself or with every change, so that an entry would say nothing. All other tables are watched.
UNWATCHED: Mapping[str, str] = {
    "data_version": "triggers raise it with every change of another table, which is watched",
    "fact_change": "triggers write it with every change of an element or incident, which are watched",
    "session": "is the server's own book of who is logged in, renewed while pages are used",
    "worker": "each server renews its lease every two seconds",
    "audit_pending": "is the trace itself",
    "audit_entry": "is the trace itself: triggers refuse every change",
    "audit_batch": "is the trace itself: triggers refuse every change",
    "kept_answer": "is the trace itself: written by the spool, removed by the rule of days that is audited",
}

audit_pending = Table(
    "audit_pending",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("entry", UUID, nullable=False),
    Column("about", Text, nullable=False),
    Column("change", Text),
    Index("ix_audit_pending_entry", "entry"),
    comment="Written in the transaction that it tells of; the next batch takes it into the chain.",
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", UUID, nullable=False, unique=True),
    Column("batch", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("link", Text, nullable=False),
    Index("ix_audit_entry_batch", "batch"),
    comment="The chain: link is the SHA-256 of the link before, seq, id and body, a line each.",
)

audit_batch = Table(
    "audit_batch",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("sealed_at", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("hash", Text, nullable=False),
    comment="hash is the SHA-256 of the hash before, number, first, last, sealed_at, last link, a line each.",
)

audit_detail = Table(
    "audit_detail",
    metadata,
    Column("entry", UUID, primary_key=True),
    Column("proof", Text, primary_key=True),
    Column("what", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("salt", Text, nullable=False),
    moment("at"),
    Index("ix_audit_detail_value", "value"),
    comment="What may be forgotten of an entry, which holds only its proof: the SHA-256 of salt and value.",
)

kept_answer = Table(
    "kept_answer",
    metadata,
    Column("id", UUID, primary_key=True),
    moment("at"),
    Column("codes", ARRAY(Code), nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_kept_answer_at", "at"),
    comment="What staff was told of who covers a place; codes: its cell and the areas above.",
)
