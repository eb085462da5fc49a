"""The five principles of a revision, measured once."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "principle_figures",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "measured_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_principle_figures_revision")),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_principle_figures")),
        comment="Derived: the five principles of a revision; mark says by which measures and settings.",
    )
    op.create_geospatial_table(
        "principle_offender",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("principle", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cell", sa.Text(collation="C"), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["revision"],
            ["principle_figures.revision"],
            name=op.f("fk_principle_offender_revision"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("revision", "principle", "number", name=op.f("pk_principle_offender")),
    )
    op.create_table_comment(
        "principle_offender", "Derived: where a principle does not hold, the first number first."
    )
