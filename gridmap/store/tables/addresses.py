"""Names and addresses, in the forms in which they are looked up."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gridmap.model import ADDRESS_KINDS, NAME_KINDS
from gridmap.store.tables.columns import Code, geometry, metadata, one_of

address_alias = Table(
    "address_alias",
    metadata,
    Column("alias", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("note", Text, nullable=False, server_default=""),
    comment="Former and other names of streets, estates and landmarks, from the city's files.",
)


address_name = Table(
    "address_name",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Code, nullable=False),
    Column("sound", Code, nullable=False),
    Column("left_out", ARRAY(Code), nullable=False),
    Column("stands_for", Code),
    CheckConstraint(one_of("kind", NAME_KINDS), name="kind"),
    CheckConstraint("(kind = 'alias') = (stands_for IS NOT NULL)", name="alias"),
    UniqueConstraint("kind", "name", "stands_for", postgresql_nulls_not_distinct=True),
    Index("ix_address_name_key", "key"),
    Index("ix_address_name_sound", "sound"),
    Index("ix_address_name_left_out", "left_out", postgresql_using="gin"),
    Index("ix_address_name_key_trgm", "key", postgresql_using="gin", postgresql_ops={"key": "gin_trgm_ops"}),
    Index("ix_address_name_sound_trgm", "sound", postgresql_using="gin", postgresql_ops={"sound": "gin_trgm_ops"}),
    comment="Derived: every name that an address may begin with, in the forms in which it is looked up.",
)


address = Table(
    "address",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name_id", Integer, nullable=False),
    # Of a crossing the other street, of a number its building's estate, of a block its street.
    Column("other_id", Integer),
    Column("number", Integer),
    Column("suffix", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False),
    Column("code", Code),
    Column("source", Code, nullable=False),
    Column("hex", BigInteger),
    Column("geom", geometry("GEOMETRY"), nullable=False),
    CheckConstraint(one_of("kind", ADDRESS_KINDS), name="kind"),
    CheckConstraint("(kind = 'street') = (GeometryType(geom) <> 'POINT')", name="point"),
    Index("ix_address_name_id", "name_id", "kind", "number"),
    Index("ix_address_other_id", "other_id"),
    Index("ix_address_code", "code", postgresql_where=text("code IS NOT NULL")),
    comment="Derived: what has an address, as points (streets as lines). The cell comes from the index.",
)
