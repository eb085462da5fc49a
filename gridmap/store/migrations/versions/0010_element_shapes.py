"""The shapes of elements that are lines or polygons, so that a redraw can share them out again."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    op.create_geospatial_table(
        "element_shape",
        sa.Column("element_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["element_id"], ["element.id"], name=op.f("fk_element_shape_element_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("element_id", name=op.f("pk_element_shape")),
    )
    op.create_table_comment("element_shape", "Elements that are a line or polygon, as they are.")
