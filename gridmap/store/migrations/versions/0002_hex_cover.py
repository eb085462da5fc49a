"""The hex cover of each revision."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "hex_cover",
        sa.Column("begins", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_revision", sa.Integer(), nullable=True),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("hex", sa.BigInteger(), nullable=False),
        sa.Column("cell_id", sa.Integer(), nullable=True),
        sa.Column("candidates", sa.ARRAY(sa.Integer()), nullable=True),
        sa.CheckConstraint(
            "(cell_id IS NULL) <> (candidates IS NULL)", name=op.f("ck_hex_cover_inside_or_candidates")
        ),
        sa.CheckConstraint("last_revision >= first_revision", name=op.f("ck_hex_cover_revisions")),
        sa.CheckConstraint("begins <= ends", name=op.f("ck_hex_cover_descendants")),
        sa.PrimaryKeyConstraint("begins", "first_revision", name=op.f("pk_hex_cover")),
        comment="Derived: hexes wholly in cell_id, or straddling candidates (0 outside). Points whose hex is from begins to ends lie in one. Publishing writes it, verify recomputes it.",
    )
