"""What the public sees of counts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
)

from gridmap.model import RELEASE_SUBJECTS
from gridmap.store.tables.columns import Code, metadata, moment, one_of

release = Table(
    "release",
    metadata,
    Column("period", Code, primary_key=True),
    Column("begins", DateTime(timezone=True), nullable=False),
    Column("ends", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, ForeignKey("revision.number"), nullable=False),
    moment("made_at", default_now=True),
    Column("actor", Text, nullable=False),
    # Persons up to this id of an element are counted in this release or an earlier one.
    Column("last_element", BigInteger),
    CheckConstraint("begins < ends AND ends <= made_at", name="closed"),
    comment="What the public sees of counts, by period; a release is never changed.",
)


release_table = Table(
    "release_table",
    metadata,
    Column("period", Code, ForeignKey("release.period"), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("category", Code, primary_key=True),
    Column("least", Integer, nullable=False),
    # Counts that do not show are nowhere here.
    Column("inside", BigInteger),
    Column("outside", BigInteger),
    CheckConstraint(one_of("subject", RELEASE_SUBJECTS), name="subject"),
    CheckConstraint("(subject = 'incidents') = (category <> '')", name="category"),
    CheckConstraint("least = 1 OR least >= 3", name="least"),
    CheckConstraint("subject NOT IN ('incidents', 'person') OR least >= 3", name="protected"),
    CheckConstraint("inside = 0 OR inside >= least", name="inside"),
    CheckConstraint("outside = 0 OR outside >= least", name="outside"),
    comment="One subject and category of a release, suppressed below least; each counts points of its own.",
)


release_row = Table(
    "release_row",
    metadata,
    # The area just below the city, as in placements; the city's own row has the city's.
    Column("top", Code, primary_key=True),
    Column("period", Code, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("category", Code, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("code", Code, primary_key=True),
    Column("count", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ("period", "subject", "category"),
        ("release_table.period", "release_table.subject", "release_table.category"),
    ),
    CheckConstraint("count >= 0", name="count"),
    Index("ix_release_row_table", "period", "subject", "category"),
    comment="What shows of a table. What lies below a 0 is 0 and has no row; what else has no row is hidden.",
)


release_cell = Table(
    "release_cell",
    metadata,
    Column("revision", Integer, ForeignKey("revision.number"), primary_key=True),
    Column("cell_id", Integer, primary_key=True, autoincrement=False),
    Column("hex", BigInteger, nullable=False),
    comment="The hex of resolution 9 that a cell's label point lies in, of revisions that releases were made on.",
)
