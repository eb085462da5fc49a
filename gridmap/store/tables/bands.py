"""The grid as zoom bands show it, and where a redraw changed the map. Derived."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.schema import SchemaItem

from gridmap.store.tables.columns import MERCATOR_SRID, Code, geometry, metadata


def _band_rows() -> list[SchemaItem]:
    """A polygon as a zoom band shows it, in Web Mercator, and the point at which its name stands."""
    return [
        Column("last_revision", Integer),
        Column("geom", geometry("MULTIPOLYGON", MERCATOR_SRID), nullable=False),
        Column("label", geometry("POINT", MERCATOR_SRID), nullable=False),
        CheckConstraint("last_revision >= first_revision", name="revisions"),
    ]


cell_band = Table(
    "cell_band",
    metadata,
    Column("cell_id", Integer, primary_key=True, autoincrement=False),
    Column("band", SmallInteger, primary_key=True, autoincrement=False),
    Column("first_revision", Integer, primary_key=True, autoincrement=False),
    *_band_rows(),
    Index("ix_cell_band_band_geom", "band", "geom", postgresql_using="gist"),
    comment="Derived: the whole coverage simplified at once for a band of zooms. Publishing writes it, verify "
    "recomputes it.",
)


area_band = Table(
    "area_band",
    metadata,
    Column("code", Code, primary_key=True),
    Column("band", SmallInteger, primary_key=True, autoincrement=False),
    Column("first_revision", Integer, primary_key=True, autoincrement=False),
    Column("level", Text, nullable=False),
    *_band_rows(),
    Index("ix_area_band_level_band_geom", "level", "band", "geom", postgresql_using="gist"),
    comment="Derived: the union of an area's cells as a band of zooms shows them.",
)


redrawn_box = Table(
    "redrawn_box",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("revision", Integer, ForeignKey("revision.number"), nullable=False),
    *(Column(name, Float(53), nullable=False) for name in ("west", "south", "east", "north")),
    Index("ix_redrawn_box_revision", "revision"),
    comment="Where a revision after the first shows another map than the one before, in Web Mercator metres.",
)
