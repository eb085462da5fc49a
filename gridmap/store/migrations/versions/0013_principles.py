"""The five principles of a revision, measured once."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0013"
down_revision = "0012"


def _of_measure(name: str) -> "list[sa.schema.SchemaItem]":
    return [
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("principle", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["revision"], ["principle_measure.revision"], name=op.f(f"fk_{name}_revision"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("revision", "principle", "number", name=op.f(f"pk_{name}")),
    ]


def upgrade() -> None:
    op.create_table(
        "principle_measure",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column(
            "measured_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_principle_measure_revision")),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_principle_measure")),
        comment="Derived: that a revision was measured, and by which measures and settings: its mark.",
    )
    op.create_table(
        "principle_finding",
        *_of_measure("principle_finding"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("passes", sa.Boolean(), nullable=True),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.Column("not_measured", sa.Text(), nullable=True),
        sa.Column("offenders_of_people", sa.Boolean(), nullable=False),
        comment="Derived: each principle of a measured revision, in their order.",
    )
    op.create_table(
        "principle_figure",
        *_of_measure("principle_figure"),
        sa.Column("figure", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("of_people", sa.Boolean(), nullable=False),
        sa.CheckConstraint("value IS NULL OR said IS NULL", name=op.f("ck_principle_figure_value_or_said")),
        comment="Derived: the figures of each principle, numbers (whole ones are marked) or words.",
    )
    op.create_geospatial_table(
        "principle_offender",
        *_of_measure("principle_offender"),
        sa.Column("cell", sa.Text(collation="C"), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False),
    )
    op.create_table_comment(
        "principle_offender", "Derived: where a principle does not hold, the first number first."
    )
