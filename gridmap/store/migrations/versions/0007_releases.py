"""Releases: what the public sees of counts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

CODE = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "release",
        sa.Column("period", CODE, nullable=False),
        sa.Column("begins", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("last_element", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("begins < ends AND ends <= made_at", name=op.f("ck_release_closed")),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_release_revision")),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_release")),
        comment="What the public sees of counts, by period; a release is never changed.",
    )
    op.create_table(
        "release_table",
        sa.Column("period", CODE, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("category", CODE, nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("inside", sa.BigInteger(), nullable=True),
        sa.Column("outside", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "subject IN ('incidents', 'person', 'place', 'object', 'organization')",
            name=op.f("ck_release_table_subject"),
        ),
        sa.CheckConstraint("(subject = 'incidents') = (category <> '')", name=op.f("ck_release_table_category")),
        sa.CheckConstraint("least = 1 OR least >= 3", name=op.f("ck_release_table_least")),
        sa.CheckConstraint(
            "subject NOT IN ('incidents', 'person') OR least >= 3", name=op.f("ck_release_table_protected")
        ),
        sa.CheckConstraint("inside = 0 OR inside >= least", name=op.f("ck_release_table_inside")),
        sa.CheckConstraint("outside = 0 OR outside >= least", name=op.f("ck_release_table_outside")),
        sa.ForeignKeyConstraint(["period"], ["release.period"], name=op.f("fk_release_table_period")),
        sa.PrimaryKeyConstraint("period", "subject", "category", name=op.f("pk_release_table")),
        comment="One subject and category of a release, suppressed below least; each counts points of its own.",
    )
    op.create_table(
        "release_row",
        sa.Column("top", CODE, nullable=False),
        sa.Column("period", CODE, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("category", CODE, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("code", CODE, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count >= 0", name=op.f("ck_release_row_count")),
        sa.ForeignKeyConstraint(
            ["period", "subject", "category"],
            ["release_table.period", "release_table.subject", "release_table.category"],
            name=op.f("fk_release_row_period_subject_category"),
        ),
        sa.PrimaryKeyConstraint(
            "top", "period", "subject", "category", "level", "code", name=op.f("pk_release_row")
        ),
        comment="What shows of a table. What lies below a 0 is 0 and has no row; what else has no row is hidden.",
    )
    op.create_index("ix_release_row_table", "release_row", ["period", "subject", "category"], unique=False)
    op.create_table(
        "release_cell",
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("cell_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hex", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["revision"], ["revision.number"], name=op.f("fk_release_cell_revision")),
        sa.PrimaryKeyConstraint("revision", "cell_id", name=op.f("pk_release_cell")),
        comment="The hex of resolution 9 that a cell's label point lies in, of revisions that releases were made on.",
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a release is never changed' USING ERRCODE = 'check_violation', CONSTRAINT = 'frozen';
        END $$
        """
    )
    for table in ("release", "release_table", "release_row", "release_cell"):
        op.execute(
            f"CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
