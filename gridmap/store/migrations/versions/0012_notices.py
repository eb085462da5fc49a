"""What became of areas, who handles an incident until it is handed over, and what posts are told of a redraw."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_CODE = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "area_lineage",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("from_code", _CODE, nullable=False),
        sa.Column("to_code", _CODE, nullable=False),
        sa.Column("area_share", sa.Float(), nullable=False),
        sa.Column("element_share", sa.Float(), nullable=True),
        sa.CheckConstraint("area_share >= 0 AND area_share <= 1", name=op.f("ck_area_lineage_area_share")),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_area_lineage_revision")),
        sa.PrimaryKeyConstraint("revision", "from_code", "to_code", name=op.f("pk_area_lineage")),
        comment="Old area to new area of a level at the revision that made the step; shares are of the old area.",
    )
    op.create_index("ix_area_lineage_from_code", "area_lineage", ["from_code"], unique=False)
    op.create_index("ix_lineage_from_id", "lineage", ["from_id"], unique=False)
    op.create_index(
        "ix_address_code", "address", ["code"], unique=False, postgresql_where=sa.text("code IS NOT NULL")
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("post", _CODE, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("territory", _CODE, nullable=False),
        sa.Column("territory_now", _CODE, nullable=False),
        sa.Column("became", sa.ARRAY(_CODE), nullable=False),
        sa.Column("took_from", sa.ARRAY(_CODE), nullable=False),
        sa.Column("places", sa.ARRAY(_CODE), nullable=False),
        sa.Column("open_incidents", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_notice_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("revision", "post", name=op.f("uq_notice_revision_post")),
        comment="What a post is told of a redraw: its territory before and after, and what it has to hand over.",
    )
    op.create_index("ix_notice_places", "notice", ["places"], unique=False, postgresql_using="gin")
    op.add_column("incident", sa.Column("handler", _CODE, nullable=True))
    op.create_index(
        "ix_incident_handler",
        "incident",
        ["handler"],
        unique=False,
        postgresql_where=sa.text("handler IS NOT NULL"),
    )
