"""Elements and incidents, where they are placed, and the loads that brought them."""

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
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, JSONB, REAL

from gridmap.model import ELEMENT_CLASSES, PERSON_CATEGORIES
from gridmap.store.tables.columns import Code, geometry, metadata, moment, one_of


def _given() -> list[Column[object]]:
    """The point as it came: the pair in its own crs, and how far off it may be."""
    return [
        Column("given_crs", Text, nullable=False),
        Column("given_x", Float(53), nullable=False),
        Column("given_y", Float(53), nullable=False),
        Column("accuracy_m", REAL),
        Column("hex", BigInteger, nullable=False),
        Column("geom", geometry("POINT"), nullable=False),
    ]


def _cell_now() -> Column[object]:
    """The cell of the newest placement, null outside: policies go by it, and placements are another table."""
    return Column("cell_now", Integer)


element = Table(
    "element",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("source", Code, nullable=False),
    Column("external_id", Code, nullable=False),
    Column("class", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("name", Text),
    Column("building", Code),
    *_given(),
    moment("recorded_at", default_now=True),
    _cell_now(),
    CheckConstraint(one_of("class", ELEMENT_CLASSES), name="class"),
    # DESIGN's Privacy: a person is a reference, a category from the closed list and a building.
    CheckConstraint(
        f"class <> 'person' OR (name IS NULL AND {one_of('category', PERSON_CATEGORIES)})", name="person"
    ),
    UniqueConstraint("source", "external_id"),
    Index("ix_element_hex", "hex"),
    Index("ix_element_class_category", "class", "category"),
)


building = Table(
    "building",
    metadata,
    Column(
        "element_id",
        BigInteger,
        ForeignKey("element.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("street", Text),
    Column("number", Text),
    Column("block", Text),
    Column("estate", Text),
    Column("households", Integer),
    Column("expected_households", Integer),
    Column("counted_on", Date),
    Column("counted_by", Text),
    CheckConstraint("households >= 0 AND expected_households >= 0", name="households"),
    comment="What a place that is a building carries besides: its address and its households.",
)


incident = Table(
    "incident",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("source", Code, nullable=False),
    Column("external_id", Code, nullable=False),
    Column("category", Text, nullable=False),
    moment("happened_at"),
    moment("reported_at"),
    moment("closed_at", nullable=True),
    # A ticket reference of the hotline, never a person.
    Column("reporter", Text),
    # The cell that the publisher states, kept as evidence; placement never reads it.
    Column("stated_cell", Code),
    *_given(),
    moment("recorded_at", default_now=True),
    # The post that goes on with it after a redraw, until it is handed over to those of the cell it is in now.
    Column("handler", Code),
    _cell_now(),
    UniqueConstraint("source", "external_id"),
    Index("ix_incident_happened_at", "happened_at"),
    Index("ix_incident_hex", "hex"),
    Index("ix_incident_handler", "handler", postgresql_where=text("handler IS NOT NULL")),
)


def _placement(name: str, subject: str) -> Table:
    """Placements of one kind of subject; the district's code leads, so that they can be partitioned by it."""
    return Table(
        name,
        metadata,
        Column("top", Code, nullable=False),
        Column(subject, BigInteger, primary_key=True, autoincrement=False),
        Column("first_revision", Integer, primary_key=True, autoincrement=False),
        Column("last_revision", Integer),
        Column("cell_id", Integer),
        Column("how", Text, nullable=False),
        Column("edge_distance_m", REAL),
        CheckConstraint("how IN ('inside', 'edge', 'outside')", name="how"),
        CheckConstraint(
            "(how = 'outside') = (cell_id IS NULL) AND (how = 'outside') = (top = 'outside')", name="outside"
        ),
        CheckConstraint("last_revision >= first_revision", name="revisions"),
        Index(f"ix_{name}_top", "top", "cell_id"),
    )


element_placement = _placement("element_placement", "element_id")


incident_placement = _placement("incident_placement", "incident_id")


element_share = Table(
    "element_share",
    metadata,
    Column(
        "element_id",
        BigInteger,
        ForeignKey("element.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("first_revision", Integer, primary_key=True, autoincrement=False),
    # 0 is the part in no cell.
    Column("cell_id", Integer, primary_key=True, autoincrement=False),
    Column("share", Float(53), nullable=False),
    CheckConstraint("share > 0 AND share <= 1", name="share"),
    Index("ix_element_share_cell_id", "cell_id"),
    comment="Elements that are a line or polygon: how much of each lies in which cell, from a revision on.",
)


element_shape = Table(
    "element_shape",
    metadata,
    Column(
        "element_id",
        BigInteger,
        ForeignKey("element.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("geom", geometry("GEOMETRY"), nullable=False),
    comment="Elements that are a line or polygon, as they are.",
)


fact_change = Table(
    "fact_change",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # Given when the transaction commits: the order in which others see the changes.
    Column("version", BigInteger),
    Column("what", Text, nullable=False),
    Column("ids", INT8MULTIRANGE),
    CheckConstraint(one_of("what", ("element", "incident")), name="what"),
    Index("ix_fact_change_version", "version"),
    comment="Which elements and incidents a statement touched (null: all); numbered as transactions commit.",
)


load = Table(
    "load",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("what", Text, nullable=False),
    Column("source", Code, nullable=False),
    Column("file", Text, nullable=False),
    Column("actor", Text, nullable=False),
    moment("started_at", default_now=True),
    Column("rows", BigInteger, nullable=False),
    Column("placed", BigInteger, nullable=False),
    Column("outside", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in ("inserted", "updated", "moved", "unchanged", "duplicates")
    ),
    Column("territories", ARRAY(Code), nullable=False, server_default="{*}"),
    CheckConstraint("rows = placed + outside + rejected", name="nothing_lost"),
    # What is no load of points, such as a roster, has no such counts.
    CheckConstraint("inserted + updated + unchanged IN (0, placed + outside)", name="every_row_has_a_fate"),
    CheckConstraint("moved <= updated AND duplicates <= rejected", name="parts"),
    Index("ix_load_source", "source"),
    comment="territories: those of the actor, who may write nowhere else; * is the whole city.",
)


rejected_row = Table(
    "rejected_row",
    metadata,
    Column("load_id", Integer, ForeignKey("load.id", ondelete="CASCADE"), primary_key=True),
    Column("file", Text, primary_key=True),
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("columns", JSONB, nullable=False),
    Column(
        "expires_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp() + interval '30 days'"),
    ),
    Index("ix_rejected_row_expires_at", "expires_at"),
)


category = Table(
    "category",
    metadata,
    Column("what", Text, primary_key=True),
    Column("code", Code, primary_key=True),
    Column("label", Text, nullable=False),
    Column("label_en", Text, nullable=False),
    Column("class", Text),
    Column("emergency", Boolean, nullable=False),
    CheckConstraint("what IN ('element', 'incident')", name="what"),
    CheckConstraint(f"class IS NULL OR what = 'element' AND {one_of('class', ELEMENT_CLASSES)}", name="class"),
    comment="The categories that the city declares; a city that declares none takes any.",
)
