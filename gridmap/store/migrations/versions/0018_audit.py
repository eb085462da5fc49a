"""The trace: every write is noted in its own transaction, and a chain of hashes is made of the notes."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"

_CODE = sa.Text(collation="C")

# Tables that are not watched; gridmap.store.tables.audit says why.
_UNWATCHED = {"alembic_version", "spatial_ref_sys", "data_version", "fact_change", "worker", "session"}
# What is derived from watched rows, or comes by the million with them: that it changed is noted, not which rows.
_WITHOUT_ROWS = {
    "area_band", "area_shape", "cell_band", "cell_id", "element_placement", "element_share", "hex_cover",
    "incident_placement", "line", "outline", "principle_figure", "principle_finding", "principle_offender",
    "redrawn_box", "release_cell", "release_row", "territory_cell",
}  # fmt: skip
# What a row is called by, where it is not by its primary key.
_KEYS = {"cell": "code", "area": "code", "draft_certificate": "concat_ws('/', draft, version)"}
# Columns that the server writes by itself: a change of these alone is not noted.
_ASIDE = {"api_key": "last_used_on"}


def upgrade() -> None:
    before = sa.inspect(op.get_bind()).get_table_names()
    op.create_table(
        "audit_pending",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entry", postgresql.UUID(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_pending")),
        comment="Written in the transaction that it tells of; the next batch takes it into the chain.",
    )
    op.create_index("ix_audit_pending_entry", "audit_pending", ["entry"])
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", postgresql.UUID(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_entry_id")),
        comment="The chain: link is the SHA-256 of the link before, seq, id and body, a line each.",
    )
    op.create_index("ix_audit_entry_batch", "audit_entry", ["batch"])
    op.create_table(
        "audit_batch",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_batch")),
        comment="hash is the SHA-256 of the hash before, number, first, last, sealed_at, last link, a line each.",
    )
    op.create_table(
        "audit_detail",
        sa.Column("entry", postgresql.UUID(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("entry", "proof", name=op.f("pk_audit_detail")),
        comment="What may be forgotten of an entry, which holds only its proof: the SHA-256 of salt and value.",
    )
    op.create_index("ix_audit_detail_value", "audit_detail", ["value"])
    op.create_table(
        "kept_answer",
        sa.Column("id", postgresql.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("codes", sa.ARRAY(_CODE), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answer")),
        comment="What staff was told of who covers a place; codes: its cell and the areas above.",
    )
    op.create_index("ix_kept_answer_at", "kept_answer", ["at"])
    connection = op.get_bind()
    functions = Path(__file__).with_name("0018_audit.sql").read_text(encoding="utf-8")
    connection.exec_driver_sql(functions, execution_options={"no_parameters": True})
    inspector = sa.inspect(connection)
    for table in sorted({*before, "audit_detail"} - _UNWATCHED):
        columns = inspector.get_pk_constraint(table)["constrained_columns"]
        key = "" if table in _WITHOUT_ROWS else _KEYS.get(table) or _joined(columns)
        values = {"table": table, "key": key, "aside": _ASIDE.get(table)}
        connection.execute(sa.text("SELECT audit_watch(:table, :key, :aside)"), values)


def _joined(columns: list[str]) -> str:
    quoted = [f'"{column}"' for column in columns]
    return quoted[0] if len(quoted) == 1 else f"concat_ws('/', {', '.join(quoted)})" if quoted else ""
