"""The zoom bands that tiles are made of, where revisions change them, and the workers that follow revisions."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0006"
down_revision = "0005"


def _band_table(name: str, key: "sa.Column[object]", *more: "sa.Column[object]", comment: str) -> None:
    op.create_geospatial_table(
        name,
        key,
        sa.Column("band", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("first_revision", sa.Integer(), autoincrement=False, nullable=False),
        *more,
        sa.Column("last_revision", sa.Integer(), nullable=True),
        sa.Column("geom", Geometry("MULTIPOLYGON", srid=3857, spatial_index=False), nullable=False),
        sa.Column("label", Geometry("POINT", srid=3857, spatial_index=False), nullable=False),
        sa.CheckConstraint("last_revision >= first_revision", name=op.f(f"ck_{name}_revisions")),
        sa.PrimaryKeyConstraint(key.name, "band", "first_revision", name=op.f(f"pk_{name}")),
    )
    op.create_table_comment(name, comment)


def upgrade() -> None:
    _band_table(
        "cell_band",
        sa.Column("cell_id", sa.Integer(), autoincrement=False, nullable=False),
        comment="Derived: the whole coverage simplified at once for a band of zooms. Publishing writes it, verify recomputes it.",
    )
    op.create_index("ix_cell_band_band_geom", "cell_band", ["band", "geom"], postgresql_using="gist")
    _band_table(
        "area_band",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        comment="Derived: the union of an area's cells as a band of zooms shows them.",
    )
    op.create_index(
        "ix_area_band_level_band_geom", "area_band", ["level", "band", "geom"], postgresql_using="gist"
    )
    op.create_table(
        "redrawn_box",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Float(precision=53), nullable=False) for name in ("west", "south", "east", "north")),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_redrawn_box_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redrawn_box")),
        comment="Where a revision after the first shows another map than the one before, in Web Mercator metres.",
    )
    op.create_index("ix_redrawn_box_revision", "redrawn_box", ["revision"], unique=False)
    op.create_table(
        "worker",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        comment="Servers that run now and the revision that each calls the current one; publishing waits for them.",
    )
