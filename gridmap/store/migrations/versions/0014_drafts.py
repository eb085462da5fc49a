"""Drafts: their edits, review, waivers and certificates, and what is known of those that have a time."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

_NOW = sa.text("clock_timestamp()")


def _code() -> sa.Text:
    return sa.Text(collation="C")


def _made_at() -> sa.Column[object]:
    return sa.Column("made_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False)


def _of_draft(table: str, ondelete: str = "CASCADE", target: str = "draft.id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["draft"], [target], name=f"fk_{table}_draft", ondelete=ondelete)


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("shared_with", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("places", sa.ARRAY(_code()), server_default="{}", nullable=False),
        _made_at(),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publisher", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("notice_sha256", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'submitted', 'returned', 'approved', 'scheduled', 'published', 'discarded')",
            name=op.f("ck_draft_state"),
        ),
        sa.CheckConstraint(
            "(state = 'scheduled') <= (publish_at IS NOT NULL AND publisher IS NOT NULL)",
            name=op.f("ck_draft_scheduled"),
        ),
        sa.CheckConstraint("(state = 'published') = (revision IS NOT NULL)", name=op.f("ck_draft_published")),
        sa.ForeignKeyConstraint(["base"], ["revision.number"], name="fk_draft_base"),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name="fk_draft_revision"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("revision", name="uq_draft_revision"),
        sa.UniqueConstraint("notice_sha256", name="uq_draft_notice_sha256"),
        comment="Proposed changes to a base revision. owner, shared_with and places say who may see one.",
    )
    op.create_index("ix_draft_owner", "draft", ["owner"])
    op.create_index("ix_draft_places", "draft", ["places"], postgresql_using="gin")
    op.create_table(
        "draft_edit",
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("meant", postgresql.JSONB(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        _made_at(),
        sa.Column("weights", sa.ARRAY(sa.Float(53)), nullable=True),
        sa.Column("undone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_draft_edit_from_one")),
        _of_draft("draft_edit"),
        sa.PrimaryKeyConstraint("draft", "seq", name=op.f("pk_draft_edit")),
        comment="Edits as the planner meant them; replayed in their order they make the draft. weights: of a split by "
        "households lon, lat and number of each building in the cell at that time, so that it replays to the same.",
    )
    op.create_table(
        "draft_comment",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        _made_at(),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("point", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("cell", _code(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        _of_draft("draft_comment"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_comment")),
    )
    op.create_index("ix_draft_comment_draft", "draft_comment", ["draft"])
    op.create_table(
        "draft_approval",
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("area", _code(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        _made_at(),
        sa.Column("version", sa.Integer(), nullable=False),
        _of_draft("draft_approval"),
        sa.PrimaryKeyConstraint("draft", "area", name=op.f("pk_draft_approval")),
    )
    op.create_table(
        "draft_waiver",
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        _made_at(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "what IN ('size_band', 'street_share', 'staffed')", name=op.f("ck_draft_waiver_waivable")
        ),
        sa.CheckConstraint("signed <> '' AND reason <> ''", name=op.f("ck_draft_waiver_reasoned")),
        _of_draft("draft_waiver"),
        sa.PrimaryKeyConstraint("draft", "what", name=op.f("pk_draft_waiver")),
    )
    op.create_table(
        "draft_certificate",
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("over", sa.Integer(), nullable=False),
        _made_at(),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("checks", postgresql.JSONB(), nullable=False),
        _of_draft("draft_certificate"),
        sa.PrimaryKeyConstraint("draft", "version", "over", name=op.f("pk_draft_certificate")),
        comment="The newest results of the checks, by version of the draft and the revision it would follow.",
    )
    _create_upcoming()


def _create_upcoming() -> None:
    """What look-ups tell of drafts that have a time; its data version lets workers read it anew."""
    op.create_table(
        "upcoming",
        sa.Column("draft", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("begins", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone", sa.ARRAY(_code()), nullable=False),
        _of_draft("upcoming"),
        sa.PrimaryKeyConstraint("draft", name=op.f("pk_upcoming")),
        comment="Drafts that will be published at a time; gone: the cells that end or change then.",
    )
    op.create_table(
        "upcoming_cell",
        sa.Column("draft", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", _code(), nullable=False),
        sa.Column("geom", Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False),
        _of_draft("upcoming_cell", target="upcoming.draft"),
        sa.PrimaryKeyConstraint("draft", "code", name=op.f("pk_upcoming_cell")),
        comment="The cells that begin or change then, as the draft was scheduled.",
    )
    op.execute("INSERT INTO data_version (part, version) SELECT 'upcoming', floor(random() * 1e15)")
    for table in ("upcoming", "upcoming_cell"):
        op.execute(
            f"CREATE TRIGGER {table}_raises_upcoming AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION raise_data_version('upcoming')"
        )
