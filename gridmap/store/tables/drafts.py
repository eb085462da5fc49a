"""Drafts: edits, comments, approvals, waivers, certificates, and what is to come."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gridmap.model import DRAFT_STATES, WAIVABLE
from gridmap.store.tables.columns import Code, geometry, metadata, moment, one_of

draft = Table(
    "draft",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("base", Integer, ForeignKey("revision.number"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("shared_with", ARRAY(Text), nullable=False, server_default="{}"),
    Column("state", Text, nullable=False, server_default="open"),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("places", ARRAY(Code), nullable=False, server_default="{}"),
    moment("made_at", default_now=True),
    moment("changed_at", default_now=True),
    moment("publish_at", nullable=True),
    Column("publisher", Text),
    Column("revision", Integer, ForeignKey("revision.number"), unique=True),
    Column("problem", Text),
    Column("reason", Text, nullable=False, server_default=""),
    Column("notice_sha256", Text, unique=True),
    CheckConstraint(one_of("state", DRAFT_STATES), name="state"),
    CheckConstraint(
        "(state = 'scheduled') <= (publish_at IS NOT NULL AND publisher IS NOT NULL)", name="scheduled"
    ),
    CheckConstraint("(state = 'published') = (revision IS NOT NULL)", name="published"),
    Index("ix_draft_owner", "owner"),
    Index("ix_draft_places", "places", postgresql_using="gin"),
    comment="Proposed changes to a base revision. owner, shared_with and places say who may see one.",
)


draft_edit = Table(
    "draft_edit",
    metadata,
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("meant", JSONB, nullable=False),
    Column("actor", Text, nullable=False),
    moment("made_at", default_now=True),
    Column("weights", ARRAY(Float(53))),
    Column("undone", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("seq >= 1", name="from_one"),
    comment="Edits as the planner meant them; replayed in their order they make the draft. weights: of a split by "
    "households lon, lat and number of each building in the cell at that time, so that it replays to the same.",
)


draft_comment = Table(
    "draft_comment",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), nullable=False),
    Column("actor", Text, nullable=False),
    moment("made_at", default_now=True),
    Column("text", Text, nullable=False),
    Column("point", geometry("POINT")),
    Column("cell", Code),
    Column("resolved_by", Text),
    Index("ix_draft_comment_draft", "draft"),
)


draft_approval = Table(
    "draft_approval",
    metadata,
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
    Column("area", Code, primary_key=True),
    Column("level", Text, nullable=False),
    Column("actor", Text, nullable=False),
    moment("made_at", default_now=True),
    Column("version", Integer, nullable=False),
)


draft_waiver = Table(
    "draft_waiver",
    metadata,
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
    Column("what", Text, primary_key=True),
    # Who answers for it, as it stands under the paper.
    Column("signed", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    moment("made_at", default_now=True),
    Column("version", Integer, nullable=False),
    CheckConstraint(one_of("what", WAIVABLE), name="waivable"),
    CheckConstraint("signed <> '' AND reason <> ''", name="reasoned"),
)


draft_certificate = Table(
    "draft_certificate",
    metadata,
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("over", Integer, primary_key=True, autoincrement=False),
    moment("made_at", default_now=True),
    Column("passed", Boolean, nullable=False),
    Column("checks", JSONB, nullable=False),
    comment="The newest results of the checks, by version of the draft and the revision it would follow.",
)


upcoming = Table(
    "upcoming",
    metadata,
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    moment("begins"),
    Column("gone", ARRAY(Code), nullable=False),
    comment="Drafts that will be published at a time; gone: the cells that end or change then.",
)


upcoming_cell = Table(
    "upcoming_cell",
    metadata,
    Column(
        "draft",
        Integer,
        ForeignKey("upcoming.draft", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("code", Code, primary_key=True),
    Column("geom", geometry("GEOMETRY"), nullable=False),
    comment="The cells that begin or change then, as the draft was scheduled.",
)
