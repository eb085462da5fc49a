"""The first schema: grid with history, duty, elements, incidents, placements, loads and keys."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    for extension in ("postgis", "btree_gist", "pg_trgm"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.execute("CREATE SEQUENCE cell_id AS integer")
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("territories", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('public', 'viewer', 'dispatcher', 'caseworker', 'planner', 'approver', 'publisher', 'auditor', 'key_admin', 'system_admin')",
            name=op.f("ck_api_key_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_key_sha256")),
    )
    op.create_table(
        "area",
        sa.Column("version", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("revisions", postgresql.INT4RANGE(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(collation="C"), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="), (sa.column("revisions"), "&&"), using="gist", name="ex_area_code_once"
        ),
        sa.CheckConstraint("NOT isempty(revisions) AND lower(revisions) >= 1", name=op.f("ck_area_revisions")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_area")),
    )
    op.create_index("ix_area_level", "area", ["level", "code"], unique=False)
    op.create_index("ix_area_parent", "area", ["parent"], unique=False)
    op.create_geospatial_table(
        "area_shape",
        sa.Column("version", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("revisions", postgresql.INT4RANGE(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="),
            (sa.column("revisions"), "&&"),
            using="gist",
            name="ex_area_shape_code_once",
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_area_shape")),
    )
    op.create_geospatial_index(
        "ix_area_shape_geom", "area_shape", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index("ix_area_shape_level", "area_shape", ["level"], unique=False)
    op.create_geospatial_table(
        "cell",
        sa.Column("version", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Integer(), server_default=sa.text("nextval('cell_id')"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("revisions", postgresql.INT4RANGE(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("services", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="), (sa.column("revisions"), "&&"), using="gist", name="ex_cell_code_once"
        ),
        postgresql.ExcludeConstraint(
            (sa.column("id"), "="), (sa.column("revisions"), "&&"), using="gist", name="ex_cell_id_once"
        ),
        sa.CheckConstraint("GeometryType(geom) IN ('POLYGON', 'MULTIPOLYGON')", name=op.f("ck_cell_polygon")),
        sa.CheckConstraint("kind IN ('basic', 'full_service', 'special')", name=op.f("ck_cell_kind")),
        sa.CheckConstraint("NOT isempty(revisions) AND lower(revisions) >= 1", name=op.f("ck_cell_revisions")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_cell")),
    )
    op.create_index("ix_cell_community", "cell", ["community"], unique=False)
    op.create_geospatial_index(
        "ix_cell_geom", "cell", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "city",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_city_one_city")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_city")),
        sa.UniqueConstraint("single", name=op.f("uq_city_single")),
    )
    op.create_table(
        "data_version",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_data_version")),
        comment="Raised by triggers when a part of the coverage snapshot changes.",
    )
    op.create_geospatial_table(
        "element",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("given_crs", sa.Text(), nullable=False),
        sa.Column("given_x", sa.Float(precision=53), nullable=False),
        sa.Column("given_y", sa.Float(precision=53), nullable=False),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        sa.Column("hex", sa.BigInteger(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "class <> 'person' OR (name IS NULL AND category IN ('resident', 'elderly_living_alone', 'mobility_help', 'child'))",
            name=op.f("ck_element_person"),
        ),
        sa.CheckConstraint(
            "class IN ('person', 'place', 'object', 'organization')", name=op.f("ck_element_class")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_element")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_element_source_external_id")),
    )
    op.create_index("ix_element_class_category", "element", ["class", "category"], unique=False)
    op.create_index("ix_element_hex", "element", ["hex"], unique=False)
    op.create_table(
        "element_placement",
        sa.Column("top", sa.Text(collation="C"), nullable=False),
        sa.Column("element_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_revision", sa.Integer(), nullable=True),
        sa.Column("cell_id", sa.Integer(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("edge_distance_m", sa.REAL(), nullable=True),
        sa.CheckConstraint(
            "(how = 'outside') = (cell_id IS NULL) AND (how = 'outside') = (top = 'outside')",
            name=op.f("ck_element_placement_outside"),
        ),
        sa.CheckConstraint("how IN ('inside', 'edge', 'outside')", name=op.f("ck_element_placement_how")),
        sa.CheckConstraint("last_revision >= first_revision", name=op.f("ck_element_placement_revisions")),
        sa.PrimaryKeyConstraint("element_id", "first_revision", name=op.f("pk_element_placement")),
    )
    op.create_index("ix_element_placement_top", "element_placement", ["top", "cell_id"], unique=False)
    op.create_table(
        "holder",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_holder")),
    )
    op.create_geospatial_table(
        "incident",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reporter", sa.Text(), nullable=True),
        sa.Column("stated_cell", sa.Text(collation="C"), nullable=True),
        sa.Column("given_crs", sa.Text(), nullable=False),
        sa.Column("given_x", sa.Float(precision=53), nullable=False),
        sa.Column("given_y", sa.Float(precision=53), nullable=False),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        sa.Column("hex", sa.BigInteger(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_incident_source_external_id")),
    )
    op.create_index("ix_incident_happened_at", "incident", ["happened_at"], unique=False)
    op.create_index("ix_incident_hex", "incident", ["hex"], unique=False)
    op.create_table(
        "incident_placement",
        sa.Column("top", sa.Text(collation="C"), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_revision", sa.Integer(), nullable=True),
        sa.Column("cell_id", sa.Integer(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("edge_distance_m", sa.REAL(), nullable=True),
        sa.CheckConstraint(
            "(how = 'outside') = (cell_id IS NULL) AND (how = 'outside') = (top = 'outside')",
            name=op.f("ck_incident_placement_outside"),
        ),
        sa.CheckConstraint("how IN ('inside', 'edge', 'outside')", name=op.f("ck_incident_placement_how")),
        sa.CheckConstraint("last_revision >= first_revision", name=op.f("ck_incident_placement_revisions")),
        sa.PrimaryKeyConstraint("incident_id", "first_revision", name=op.f("pk_incident_placement")),
    )
    op.create_index("ix_incident_placement_top", "incident_placement", ["top", "cell_id"], unique=False)
    op.create_geospatial_table(
        "line",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("road_class", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('street', 'water', 'wall')", name=op.f("ck_line_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line")),
    )
    op.create_geospatial_index(
        "ix_line_geom", "line", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "load",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("placed", sa.BigInteger(), nullable=False),
        sa.Column("outside", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rows = placed + outside + rejected", name=op.f("ck_load_nothing_lost")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load")),
    )
    op.create_geospatial_table(
        "outline",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outline")),
        sa.UniqueConstraint(
            "level",
            "code",
            "source",
            "dated",
            name=op.f("uq_outline_level_code_source_dated"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_geospatial_table(
        "overlay",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "valid", postgresql.TSTZRANGE(), server_default=sa.text("tstzrange(NULL, NULL)"), nullable=False
        ),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="), (sa.column("valid"), "&&"), using="gist", name="ex_overlay_code_once"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overlay")),
    )
    op.create_geospatial_index(
        "ix_overlay_geom", "overlay", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "post",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("territory", sa.Text(collation="C"), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("required", sa.Text(), server_default="", nullable=False),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("categories", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "valid", postgresql.TSTZRANGE(), server_default=sa.text("tstzrange(NULL, NULL)"), nullable=False
        ),
        sa.Column(
            "recorded",
            postgresql.TSTZRANGE(),
            server_default=sa.text("tstzrange(clock_timestamp(), NULL)"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="),
            (sa.column("valid"), "&&"),
            (sa.column("recorded"), "&&"),
            using="gist",
            name="ex_post_code_once",
        ),
        sa.CheckConstraint(
            "kind IN ('first_responsible', 'grid_captain', 'grid_worker', 'duty_desk', 'department_liaison')",
            name=op.f("ck_post_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
    )
    op.create_index("ix_post_territory", "post", ["territory"], unique=False)
    op.create_table(
        "revision",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_revision_from_one")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_revision")),
        sa.UniqueConstraint("valid_from", name=op.f("uq_revision_valid_from")),
    )
    op.create_table(
        "building",
        sa.Column("element_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("block", sa.Text(), nullable=True),
        sa.Column("estate", sa.Text(), nullable=True),
        sa.Column("households", sa.Integer(), nullable=True),
        sa.Column("expected_households", sa.Integer(), nullable=True),
        sa.Column("counted_on", sa.Date(), nullable=True),
        sa.Column("counted_by", sa.Text(), nullable=True),
        sa.CheckConstraint("households >= 0 AND expected_households >= 0", name=op.f("ck_building_households")),
        sa.ForeignKeyConstraint(
            ["element_id"], ["element.id"], name=op.f("fk_building_element_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("element_id", name=op.f("pk_building")),
        comment="What a place that is a building carries besides: its address and its households.",
    )
    op.create_table(
        "lineage",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("area_share", sa.Float(), nullable=False),
        sa.Column("element_share", sa.Float(), nullable=True),
        sa.CheckConstraint("area_share >= 0 AND area_share <= 1", name=op.f("ck_lineage_area_share")),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_lineage_revision")),
        sa.PrimaryKeyConstraint("revision", "from_id", "to_id", name=op.f("pk_lineage")),
        comment="Old cell to new cell at the revision that made the step; shares are of the old cell.",
    )
    op.create_index("ix_lineage_to_id", "lineage", ["to_id"], unique=False)
    op.create_table(
        "rejected_row",
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp() + interval '30 days'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["load_id"], ["load.id"], name=op.f("fk_rejected_row_load_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("load_id", "file", "line", name=op.f("pk_rejected_row")),
    )
    op.create_index("ix_rejected_row_expires_at", "rejected_row", ["expires_at"], unique=False)
    op.create_table(
        "shift",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("post", sa.Text(collation="C"), nullable=False),
        sa.Column("holder", sa.Text(collation="C"), nullable=False),
        sa.Column("backup", sa.Text(collation="C"), nullable=True),
        sa.Column("weekdays", sa.SmallInteger(), nullable=False),
        sa.Column("starts", sa.SmallInteger(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column(
            "recorded",
            postgresql.TSTZRANGE(),
            server_default=sa.text("tstzrange(clock_timestamp(), NULL)"),
            nullable=False,
        ),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_shift_valid")),
        sa.CheckConstraint(
            "starts BETWEEN 0 AND 1439 AND minutes BETWEEN 1 AND 1440", name=op.f("ck_shift_hours")
        ),
        sa.CheckConstraint("weekdays BETWEEN 1 AND 127", name=op.f("ck_shift_weekdays")),
        sa.ForeignKeyConstraint(["backup"], ["holder.code"], name=op.f("fk_shift_backup")),
        sa.ForeignKeyConstraint(["holder"], ["holder.code"], name=op.f("fk_shift_holder")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
        comment="Weekly rules in city time; recorded is closed, never deleted, when a rule is corrected.",
    )
    op.create_index("ix_shift_post", "shift", ["post"], unique=False)
    op.create_table(
        "shift_exception",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("post", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(collation="C"), nullable=True),
        sa.Column("substitute", sa.Text(collation="C"), nullable=True),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column(
            "recorded",
            postgresql.TSTZRANGE(),
            server_default=sa.text("tstzrange(clock_timestamp(), NULL)"),
            nullable=False,
        ),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('leave', 'swap', 'extra')", name=op.f("ck_shift_exception_kind")),
        sa.CheckConstraint(
            "NOT isempty(during) AND lower(during) IS NOT NULL AND upper(during) IS NOT NULL",
            name=op.f("ck_shift_exception_during"),
        ),
        sa.CheckConstraint(
            "(kind = 'extra' OR holder IS NOT NULL) AND (kind = 'leave' OR substitute IS NOT NULL)",
            name=op.f("ck_shift_exception_who"),
        ),
        sa.ForeignKeyConstraint(["holder"], ["holder.code"], name=op.f("fk_shift_exception_holder")),
        sa.ForeignKeyConstraint(["substitute"], ["holder.code"], name=op.f("fk_shift_exception_substitute")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_exception")),
    )
    op.create_index("ix_shift_exception_post", "shift_exception", ["post"], unique=False)
    for table, comment in COMMENTS.items():
        op.create_table_comment(table, comment)
    _watch_parts()


COMMENTS = {
    "cell": "Cells with their history: one row per id and range of revisions in which nothing of it changed.",
    "area_shape": "Derived: the union of an area's cells. Publishing writes it, verify recomputes it.",
    "line": "Street, water and wall centre lines: what boundaries follow, never used to place anything.",
}


PARTS = {
    "grid": ("city", "revision", "cell", "area"),
    "overlays": ("overlay",),
    "duty": ("post", "holder", "shift", "shift_exception"),
    "keys": ("api_key",),
}


def _watch_parts() -> None:
    """Statement triggers: a change raises its part's version."""
    op.execute(
        """
        CREATE FUNCTION raise_data_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE data_version SET version = version + 1 WHERE part = TG_ARGV[0];
            RETURN NULL;
        END $$
        """
    )
    for part, tables in PARTS.items():
        # From a random number on: a database made anew never passes for the one that a snapshot was read from.
        op.execute(f"INSERT INTO data_version (part, version) SELECT '{part}', floor(random() * 1e15)")
        for table in tables:
            op.execute(
                f"CREATE TRIGGER {table}_raises_{part} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION raise_data_version('{part}')"
            )
