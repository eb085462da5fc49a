"""Every table, as SQLAlchemy + GeoAlchemy2 metadata; ``migrations/`` creates exactly these.

Three kinds of time: ``revisions`` (int4range) for what a publish changes as a whole, ``valid`` for when a
post or shift holds, ``recorded`` for when we knew it. Codes compare by bytes (``COLLATE "C"``), as law 1 asks.
"""

from __future__ import annotations

from geoalchemy2 import Geometry
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
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import (
    DATERANGE,
    INT4RANGE,
    INT8MULTIRANGE,
    JSONB,
    REAL,
    TSTZRANGE,
    ExcludeConstraint,
)
from sqlalchemy.schema import SchemaItem

from gridmap.model import (
    ADDRESS_KINDS,
    CELL_KINDS,
    DRAFT_STATES,
    ELEMENT_CLASSES,
    EXCEPTION_KINDS,
    NAME_KINDS,
    PERSON_CATEGORIES,
    POST_KINDS,
    RELEASE_SUBJECTS,
    ROLES,
    WAIVABLE,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SRID = 4326
MERCATOR_SRID = 3857
Code = Text(collation="C")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _geometry(kind: str, srid: int = SRID) -> Geometry:
    return Geometry(kind, srid=srid, spatial_index=False)


def _moment(name: str, *, default_now: bool = False, nullable: bool = False) -> Column[object]:
    default = func.clock_timestamp() if default_now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def _recorded() -> Column[object]:
    return Column("recorded", TSTZRANGE, nullable=False, server_default=text("tstzrange(clock_timestamp(), NULL)"))


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
    _moment("published_at", default_now=True),
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
    Column("geom", _geometry("GEOMETRY"), nullable=False),
    CheckConstraint(_one_of("kind", CELL_KINDS), name="kind"),
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
    Column("geom", _geometry("MULTIPOLYGON"), nullable=False),
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


def _band_rows() -> list[SchemaItem]:
    """A polygon as a zoom band shows it, in Web Mercator, and the point at which its name stands."""
    return [
        Column("last_revision", Integer),
        Column("geom", _geometry("MULTIPOLYGON", MERCATOR_SRID), nullable=False),
        Column("label", _geometry("POINT", MERCATOR_SRID), nullable=False),
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

worker = Table(
    "worker",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    _moment("seen_at"),
    comment="Servers that run now and the revision that each calls the current one; publishing waits for them.",
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

principle_measure = Table(
    "principle_measure",
    metadata,
    Column("revision", Integer, ForeignKey("revision.number"), primary_key=True),
    Column("mark", Text, nullable=False),
    _moment("measured_at", default_now=True),
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
    Column("geom", _geometry("GEOMETRY"), nullable=False),
    comment="Derived: where a principle does not hold, the first number first.",
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
    Column("geom", _geometry("MULTIPOLYGON"), nullable=False),
    UniqueConstraint("level", "code", "source", "dated", postgresql_nulls_not_distinct=True),
)

line = Table(
    "line",
    metadata,
    Column("id", Code, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("road_class", Text),
    Column("name", Text),
    Column("geom", _geometry("LINESTRING"), nullable=False),
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
    Column("geom", _geometry("MULTIPOLYGON"), nullable=False),
    ExcludeConstraint(("code", "="), ("valid", "&&"), name="ex_overlay_code_once", using="gist"),
    Index("ix_overlay_geom", "geom", postgresql_using="gist"),
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
    _recorded(),
    CheckConstraint(_one_of("kind", POST_KINDS), name="kind"),
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
    _recorded(),
    _moment("verified_at", nullable=True),
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
    _recorded(),
    _moment("verified_at", nullable=True),
    CheckConstraint(_one_of("kind", EXCEPTION_KINDS), name="kind"),
    CheckConstraint(
        "NOT isempty(during) AND lower(during) IS NOT NULL AND upper(during) IS NOT NULL", name="during"
    ),
    CheckConstraint(
        "(kind = 'extra' OR holder IS NOT NULL) AND (kind = 'leave' OR substitute IS NOT NULL)", name="who"
    ),
    Index("ix_shift_exception_post", "post"),
)


def _given() -> list[Column[object]]:
    """The point as it came: the pair in its own crs, and how far off it may be."""
    return [
        Column("given_crs", Text, nullable=False),
        Column("given_x", Float(53), nullable=False),
        Column("given_y", Float(53), nullable=False),
        Column("accuracy_m", REAL),
        Column("hex", BigInteger, nullable=False),
        Column("geom", _geometry("POINT"), nullable=False),
    ]


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
    _moment("recorded_at", default_now=True),
    CheckConstraint(_one_of("class", ELEMENT_CLASSES), name="class"),
    # DESIGN's Privacy: a person is a reference, a category from the closed list and a building.
    CheckConstraint(
        f"class <> 'person' OR (name IS NULL AND {_one_of('category', PERSON_CATEGORIES)})", name="person"
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
    _moment("happened_at"),
    _moment("reported_at"),
    _moment("closed_at", nullable=True),
    # A ticket reference of the hotline, never a person.
    Column("reporter", Text),
    # The cell that the publisher states, kept as evidence; placement never reads it.
    Column("stated_cell", Code),
    *_given(),
    _moment("recorded_at", default_now=True),
    # The post that goes on with it after a redraw, until it is handed over to those of the cell it is in now.
    Column("handler", Code),
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
    Column("geom", _geometry("GEOMETRY"), nullable=False),
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
    CheckConstraint(_one_of("what", ("element", "incident")), name="what"),
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
    _moment("started_at", default_now=True),
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
    CheckConstraint(f"class IS NULL OR what = 'element' AND {_one_of('class', ELEMENT_CLASSES)}", name="class"),
    comment="The categories that the city declares; a city that declares none takes any.",
)

release = Table(
    "release",
    metadata,
    Column("period", Code, primary_key=True),
    Column("begins", DateTime(timezone=True), nullable=False),
    Column("ends", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, ForeignKey("revision.number"), nullable=False),
    _moment("made_at", default_now=True),
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
    CheckConstraint(_one_of("subject", RELEASE_SUBJECTS), name="subject"),
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
    CheckConstraint(_one_of("kind", NAME_KINDS), name="kind"),
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
    Column("geom", _geometry("GEOMETRY"), nullable=False),
    CheckConstraint(_one_of("kind", ADDRESS_KINDS), name="kind"),
    CheckConstraint("(kind = 'street') = (GeometryType(geom) <> 'POINT')", name="point"),
    Index("ix_address_name_id", "name_id", "kind", "number"),
    Index("ix_address_other_id", "other_id"),
    Index("ix_address_code", "code", postgresql_where=text("code IS NOT NULL")),
    comment="Derived: what has an address, as points (streets as lines). The cell comes from the index.",
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("territories", ARRAY(Code), nullable=False),
    Column("label", Text, nullable=False),
    _moment("created_at", default_now=True),
    _moment("expires_at", nullable=True),
    _moment("revoked_at", nullable=True),
    CheckConstraint(_one_of("role", ROLES), name="role"),
)

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
    _moment("made_at", default_now=True),
    _moment("changed_at", default_now=True),
    _moment("publish_at", nullable=True),
    Column("publisher", Text),
    Column("revision", Integer, ForeignKey("revision.number"), unique=True),
    Column("problem", Text),
    Column("reason", Text, nullable=False, server_default=""),
    Column("notice_sha256", Text, unique=True),
    CheckConstraint(_one_of("state", DRAFT_STATES), name="state"),
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
    _moment("made_at", default_now=True),
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
    _moment("made_at", default_now=True),
    Column("text", Text, nullable=False),
    Column("point", _geometry("POINT")),
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
    _moment("made_at", default_now=True),
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
    _moment("made_at", default_now=True),
    Column("version", Integer, nullable=False),
    CheckConstraint(_one_of("what", WAIVABLE), name="waivable"),
    CheckConstraint("signed <> '' AND reason <> ''", name="reasoned"),
)

draft_certificate = Table(
    "draft_certificate",
    metadata,
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("over", Integer, primary_key=True, autoincrement=False),
    _moment("made_at", default_now=True),
    Column("passed", Boolean, nullable=False),
    Column("checks", JSONB, nullable=False),
    comment="The newest results of the checks, by version of the draft and the revision it would follow.",
)

upcoming = Table(
    "upcoming",
    metadata,
    Column("draft", Integer, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    _moment("begins"),
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
    Column("geom", _geometry("GEOMETRY"), nullable=False),
    comment="The cells that begin or change then, as the draft was scheduled.",
)
