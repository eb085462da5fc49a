"""Loads that may be repeated: what became of each row, whose load it was, and the city's categories."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("inserted", "updated", "moved", "unchanged", "duplicates"):
        op.add_column("load", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    territories = sa.ARRAY(sa.Text(collation="C"))
    op.add_column("load", sa.Column("territories", territories, server_default="{*}", nullable=False))
    # Loads before this migration inserted all that they did not reject.
    op.execute("UPDATE load SET inserted = placed + outside WHERE what <> 'roster'")
    op.create_check_constraint(
        op.f("ck_load_every_row_has_a_fate"), "load", "inserted + updated + unchanged IN (0, placed + outside)"
    )
    op.create_check_constraint(op.f("ck_load_parts"), "load", "moved <= updated AND duplicates <= rejected")
    op.create_index("ix_load_source", "load", ["source"])
    op.create_table_comment(
        "load", "territories: those of the actor, who may write nowhere else; * is the whole city."
    )
    op.create_table(
        "category",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=True),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.CheckConstraint("what IN ('element', 'incident')", name=op.f("ck_category_what")),
        sa.CheckConstraint(
            "class IS NULL OR what = 'element' AND class IN ('person', 'place', 'object', 'organization')",
            name=op.f("ck_category_class"),
        ),
        sa.PrimaryKeyConstraint("what", "code", name=op.f("pk_category")),
        comment="The categories that the city declares; a city that declares none takes any.",
    )
