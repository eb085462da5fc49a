"""Addresses: the names they begin with, the points they stand for, and other names of the same."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "address_alias",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("alias", "name", name=op.f("pk_address_alias")),
    )
    op.create_table(
        "address_name",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("sound", sa.Text(collation="C"), nullable=False),
        sa.Column("left_out", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("stands_for", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint(
            "kind IN ('street', 'estate', 'landmark', 'overlay', 'area', 'alias')",
            name=op.f("ck_address_name_kind"),
        ),
        sa.CheckConstraint("(kind = 'alias') = (stands_for IS NOT NULL)", name=op.f("ck_address_name_alias")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_name")),
        sa.UniqueConstraint(
            "kind",
            "name",
            "stands_for",
            name=op.f("uq_address_name_kind_name_stands_for"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_address_name_key", "address_name", ["key"], unique=False)
    op.create_index("ix_address_name_sound", "address_name", ["sound"], unique=False)
    op.create_index("ix_address_name_left_out", "address_name", ["left_out"], unique=False, postgresql_using="gin")
    for column in ("key", "sound"):
        op.create_index(
            f"ix_address_name_{column}_trgm",
            "address_name",
            [column],
            unique=False,
            postgresql_using="gin",
            postgresql_ops={column: "gin_trgm_ops"},
        )
    op.create_geospatial_table(
        "address",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("suffix", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=True),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("hex", sa.BigInteger(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('street', 'number', 'block', 'landmark', 'crossing', 'overlay', 'area')",
            name=op.f("ck_address_kind"),
        ),
        sa.CheckConstraint("(kind = 'street') = (GeometryType(geom) <> 'POINT')", name=op.f("ck_address_point")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
    )
    op.create_index("ix_address_name_id", "address", ["name_id", "kind", "number"], unique=False)
    op.create_index("ix_address_other_id", "address", ["other_id"], unique=False)
    for table, comment in COMMENTS.items():
        op.create_table_comment(table, comment)


COMMENTS = {
    "address_alias": "Former and other names of streets, estates and landmarks, from the city's files.",
    "address_name": "Derived: every name that an address may begin with, in the forms in which it is looked up.",
    "address": "Derived: what has an address, as points (streets as lines). The cell comes from the index.",
}
