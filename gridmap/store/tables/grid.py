"""The grid with its history: the city, revisions, cells, areas, their descent, and what it is drawn along."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import INT4RANGE, JSONB, TSTZRANGE, ExcludeConstraint

from gridmap.model import CELL_KINDS
from gridmap.store.tables.columns import Code, geometry, metadata, moment, one_of

city = Table(
    "city",
    metadata,
    Column("code", Code, primary_key=True),
    Column("settings", JSONB, nullable=False),
    # One database holds one city.
    Column("single", Boolean, nullable=False, server_default=text("true"), unique=True),
    CheckConstraint("single", name="one_city"),
)


data_version = Table(
    "data_version",
    metadata,
    Column("part", Text, primary_key=True),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    comment="Raised by triggers when a part of the coverage snapshot changes.",
)


revision = Table(
    "revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("valid_from", DateTime(timezone=True), nullable=False, unique=True),
    moment("published_at", default_now=True),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    CheckConstraint("number >= 1", name="from_one"),
)


cell_id = Sequence("cell_id", metadata=metadata)


cell = Table(
    "cell",
    metadata,
    Column("version", Integer, Identity(), primary_key=True),
    Column("id", Integer, cell_id, nullable=False, server_default=cell_id.next_value()),
    Column("code", Code, nullable=False),
    Column("revisions", INT4RANGE, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("services", ARRAY(Text), nullable=False, server_default="{}"),
    Column("community", Code, nullable=False),
    Column("geom", geometry("GEOMETRY"), nullable=False),
    CheckConstraint(one_of("kind", CELL_KINDS), name="kind"),
    CheckConstraint("GeometryType(geom) IN ('POLYGON', 'MULTIPOLYGON')", name="polygon"),
    CheckConstraint("NOT isempty(revisions) AND lower(revisions) >= 1", name="revisions"),
    ExcludeConstraint(("code", "="), ("revisions", "&&"), name="ex_cell_code_once", using="gist"),
    ExcludeConstraint(("id", "="), ("revisions", "&&"), name="ex_cell_id_once", using="gist"),
    Index("ix_cell_geom", "geom", postgresql_using="gist"),
    Index("ix_cell_community", "community"),
    # Found ten times as fast as by the exclusion constraint's index; an expression, so that no other is taken.
    Index("ix_cell_id_alone", text("(id + 0)")),
    comment="Cells with their history: one row per id and range of revisions in which nothing of it changed.",
)


area = Table(
    "area",
    metadata,
    Column("version", Integer, Identity(), primary_key=True),
    Column("code", Code, nullable=False),
    Column("level", Text, nullable=False),
    Column("revisions", INT4RANGE, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent", Code),
    CheckConstraint("NOT isempty(revisions) AND lower(revisions) >= 1", name="revisions"),
    ExcludeConstraint(("code", "="), ("revisions", "&&"), name="ex_area_code_once", using="gist"),
    Index("ix_area_level", "level", "code"),
    Index("ix_area_parent", "parent"),
    Index("ix_area_code_alone", text("(code || '')")),
)


area_shape = Table(
    "area_shape",
    metadata,
    Column("version", Integer, Identity(), primary_key=True),
    Column("code", Code, nullable=False),
    Column("level", Text, nullable=False),
    Column("revisions", INT4RANGE, nullable=False),
    Column("geom", geometry("MULTIPOLYGON"), nullable=False),
    ExcludeConstraint(("code", "="), ("revisions", "&&"), name="ex_area_shape_code_once", using="gist"),
    Index("ix_area_shape_geom", "geom", postgresql_using="gist"),
    Index("ix_area_shape_level", "level"),
    comment="Derived: the union of an area's cells. Publishing writes it, verify recomputes it.",
)


hex_cover = Table(
    "hex_cover",
    metadata,
    Column("begins", BigInteger, primary_key=True, autoincrement=False),
    Column("first_revision", Integer, primary_key=True, autoincrement=False),
    Column("last_revision", Integer),
    Column("ends", BigInteger, nullable=False),
    Column("hex", BigInteger, nullable=False),
    Column("cell_id", Integer),
    Column("candidates", ARRAY(Integer)),
    CheckConstraint("(cell_id IS NULL) <> (candidates IS NULL)", name="inside_or_candidates"),
    CheckConstraint("last_revision >= first_revision", name="revisions"),
    CheckConstraint("begins <= ends", name="descendants"),
    comment="Derived: hexes wholly in cell_id, or straddling candidates (0 outside). Points whose hex is from "
    "begins to ends lie in one. Publishing writes it, verify recomputes it.",
)


lineage = Table(
    "lineage",
    metadata,
    Column("revision", Integer, ForeignKey("revision.number"), primary_key=True),
    Column("from_id", Integer, primary_key=True),
    Column("to_id", Integer, primary_key=True),
    Column("area_share", Float, nullable=False),
    Column("element_share", Float),
    CheckConstraint("area_share >= 0 AND area_share <= 1", name="area_share"),
    Index("ix_lineage_to_id", "to_id"),
    Index("ix_lineage_from_id", "from_id"),
    comment="Old cell to new cell at the revision that made the step; shares are of the old cell.",
)


area_lineage = Table(
    "area_lineage",
    metadata,
    Column("revision", Integer, ForeignKey("revision.number"), primary_key=True),
    Column("level", Text, nullable=False),
    Column("from_code", Code, primary_key=True),
    Column("to_code", Code, primary_key=True),
    Column("area_share", Float, nullable=False),
    Column("element_share", Float),
    CheckConstraint("area_share >= 0 AND area_share <= 1", name="area_share"),
    Index("ix_area_lineage_from_code", "from_code"),
    comment="Old area to new area of a level at the revision that made the step; shares are of the old area.",
)


outline = Table(
    "outline",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("level", Text, nullable=False),
    Column("code", Code, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("dated", Date),
    Column("geom", geometry("MULTIPOLYGON"), nullable=False),
    UniqueConstraint("level", "code", "source", "dated", postgresql_nulls_not_distinct=True),
)


line = Table(
    "line",
    metadata,
    Column("id", Code, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("road_class", Text),
    Column("name", Text),
    Column("geom", geometry("LINESTRING"), nullable=False),
    CheckConstraint("kind IN ('street', 'water', 'wall')", name="kind"),
    Index("ix_line_geom", "geom", postgresql_using="gist"),
    comment="Street, water and wall centre lines: what boundaries follow, never used to place anything.",
)


overlay = Table(
    "overlay",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("code", Code, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("valid", TSTZRANGE, nullable=False, server_default=text("tstzrange(NULL, NULL)")),
    Column("geom", geometry("MULTIPOLYGON"), nullable=False),
    ExcludeConstraint(("code", "="), ("valid", "&&"), name="ex_overlay_code_once", using="gist"),
    Index("ix_overlay_geom", "geom", postgresql_using="gist"),
)


worker = Table(
    "worker",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    moment("seen_at"),
    comment="Servers that run now and the revision that each calls the current one; publishing waits for them.",
)
