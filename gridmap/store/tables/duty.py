"""Posts, who holds them when, and what a redraw tells them."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE, TSTZRANGE, ExcludeConstraint

from gridmap.model import EXCEPTION_KINDS, POST_KINDS
from gridmap.store.tables.columns import Code, metadata, moment, one_of, recorded

notice = Table(
    "notice",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("revision", Integer, ForeignKey("revision.number"), nullable=False),
    Column("post", Code, nullable=False),
    Column("level", Text, nullable=False),
    Column("territory", Code, nullable=False),
    Column("territory_now", Code, nullable=False),
    Column("became", ARRAY(Code), nullable=False),
    Column("took_from", ARRAY(Code), nullable=False),
    # The codes of the territories before and after and of the areas above them: whose staff may read it.
    Column("places", ARRAY(Code), nullable=False),
    Column("open_incidents", Integer, nullable=False),
    UniqueConstraint("revision", "post"),
    Index("ix_notice_places", "places", postgresql_using="gin"),
    comment="What a post is told of a redraw: its territory before and after, and what it has to hand over.",
)


post = Table(
    "post",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("code", Code, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("territory", Code, nullable=False),
    Column("phone", Text, nullable=False),
    Column("required", Text, nullable=False, server_default=""),
    Column("department", Text),
    Column("categories", ARRAY(Text), nullable=False, server_default="{}"),
    Column("valid", TSTZRANGE, nullable=False, server_default=text("tstzrange(NULL, NULL)")),
    recorded(),
    CheckConstraint(one_of("kind", POST_KINDS), name="kind"),
    ExcludeConstraint(("code", "="), ("valid", "&&"), ("recorded", "&&"), name="ex_post_code_once", using="gist"),
    Index("ix_post_territory", "territory"),
)


holder = Table(
    "holder",
    metadata,
    Column("code", Code, primary_key=True),
    Column("display_name", Text, nullable=False),
)


shift = Table(
    "shift",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("post", Code, nullable=False),
    Column("holder", Code, ForeignKey("holder.code"), nullable=False),
    Column("backup", Code, ForeignKey("holder.code")),
    Column("weekdays", SmallInteger, nullable=False),
    Column("starts", SmallInteger, nullable=False),
    Column("minutes", SmallInteger, nullable=False),
    Column("valid", DATERANGE, nullable=False),
    recorded(),
    moment("verified_at", nullable=True),
    CheckConstraint("weekdays BETWEEN 1 AND 127", name="weekdays"),
    CheckConstraint("starts BETWEEN 0 AND 1439 AND minutes BETWEEN 1 AND 1440", name="hours"),
    CheckConstraint("NOT isempty(valid)", name="valid"),
    Index("ix_shift_post", "post"),
    comment="Weekly rules in city time; recorded is closed, never deleted, when a rule is corrected.",
)


shift_exception = Table(
    "shift_exception",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("post", Code, nullable=False),
    Column("kind", Text, nullable=False),
    Column("holder", Code, ForeignKey("holder.code")),
    Column("substitute", Code, ForeignKey("holder.code")),
    Column("during", TSTZRANGE, nullable=False),
    recorded(),
    moment("verified_at", nullable=True),
    CheckConstraint(one_of("kind", EXCEPTION_KINDS), name="kind"),
    CheckConstraint(
        "NOT isempty(during) AND lower(during) IS NOT NULL AND upper(during) IS NOT NULL", name="during"
    ),
    CheckConstraint(
        "(kind = 'extra' OR holder IS NOT NULL) AND (kind = 'leave' OR substitute IS NOT NULL)", name="who"
    ),
    Index("ix_shift_exception_post", "post"),
)
