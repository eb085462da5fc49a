"""Break-glass on the needs of a cell, and the salted hashes of those who were forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0015"

_CODE = sa.Text(collation="C")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "break_glass",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cell_id", sa.Integer(), nullable=False),
        sa.Column("cell", _CODE, nullable=False),
        sa.Column("places", sa.ARRAY(_CODE), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.CheckConstraint("reason IN ('fire', 'evacuation')", name=op.f("ck_break_glass_reason")),
        sa.CheckConstraint(
            "expires_at > opened_at AND expires_at <= opened_at + interval '1 hour'",
            name=op.f("ck_break_glass_an_hour"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass")),
        comment="Who opened the needs of which cell, why, and until when. A row is never changed.",
    )
    op.create_index("ix_break_glass_actor", "break_glass", ["actor", "expires_at"], unique=False)
    op.create_table(
        "forgotten_salt",
        sa.Column("salt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("salt", name=op.f("pk_forgotten_salt")),
        comment="One row: what the hashes of forgotten are made with.",
    )
    op.execute("INSERT INTO forgotten_salt SELECT gen_random_uuid()::text || gen_random_uuid()::text")
    op.create_table(
        "forgotten",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("forgotten_on", sa.Date(), server_default=sa.text("CURRENT_DATE"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_forgotten")),
        comment="Salted hashes of the sources and references of persons who were forgotten and are not to come back.",
    )
    _open_cells()


def _open_cells() -> None:
    """The cells that the transaction's actor has opened and whose hour is not over: persons' policies ask it."""
    op.execute(
        """
        CREATE OR REPLACE FUNCTION opened_cells() RETURNS SETOF integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
            SELECT cell_id FROM break_glass
            WHERE actor = nullif(current_setting('gridmap.actor', true), '')::jsonb ->> 'id'
              AND opened_at <= now() AND now() < expires_at
        $$
        """
    )
