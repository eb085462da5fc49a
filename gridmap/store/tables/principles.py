"""The five principles as they were measured for a revision. Derived."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Float, ForeignKey, Integer, Table, Text

from gridmap.store.tables.columns import Code, geometry, metadata, moment

principle_measure = Table(
    "principle_measure",
    metadata,
    Column("revision", Integer, ForeignKey("revision.number"), primary_key=True),
    Column("mark", Text, nullable=False),
    moment("measured_at", default_now=True),
    comment="Derived: that a revision was measured, and by which measures and settings: its mark.",
)


def _of_measure() -> list[Column[object]]:
    """What leads the rows of a measured revision; they go when it is measured anew."""
    measured = ForeignKey("principle_measure.revision", ondelete="CASCADE")
    return [
        Column("revision", Integer, measured, primary_key=True),
        Column("principle", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
    ]


principle_finding = Table(
    "principle_finding",
    metadata,
    *_of_measure(),
    Column("title", Text, nullable=False),
    Column("passes", Boolean),
    Column("blocks", Boolean, nullable=False),
    Column("not_measured", Text),
    Column("offenders_of_people", Boolean, nullable=False),
    comment="Derived: each principle of a measured revision, in their order.",
)


principle_figure = Table(
    "principle_figure",
    metadata,
    *_of_measure(),
    Column("figure", Text, nullable=False),
    Column("value", Float(53)),
    Column("whole", Boolean, nullable=False),
    Column("said", Text),
    Column("of_people", Boolean, nullable=False),
    CheckConstraint("value IS NULL OR said IS NULL", name="value_or_said"),
    comment="Derived: the figures of each principle, numbers (whole ones are marked) or words.",
)


principle_offender = Table(
    "principle_offender",
    metadata,
    *_of_measure(),
    Column("cell", Code),
    Column("what", Text, nullable=False),
    Column("value", Float(53), nullable=False),
    Column("geom", geometry("GEOMETRY"), nullable=False),
    comment="Derived: where a principle does not hold, the first number first.",
)
