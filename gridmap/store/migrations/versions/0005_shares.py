"""The shares of lines and polygons in each cell."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "element_share",
        sa.Column("element_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cell_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("share", sa.Float(precision=53), nullable=False),
        sa.CheckConstraint("share > 0 AND share <= 1", name=op.f("ck_element_share_share")),
        sa.ForeignKeyConstraint(
            ["element_id"], ["element.id"], name=op.f("fk_element_share_element_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("element_id", "first_revision", "cell_id", name=op.f("pk_element_share")),
        comment="Elements that are a line or polygon: how much of each lies in which cell, from a revision on.",
    )
    op.create_index("ix_element_share_cell_id", "element_share", ["cell_id"], unique=False)
