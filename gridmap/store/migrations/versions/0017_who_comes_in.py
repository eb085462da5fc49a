"""Keys with a holder, scopes, origins and a day of last use; sessions of the pages."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_CODE = sa.Text(collation="C")
_ROLES = "'public', 'viewer', 'dispatcher', 'caseworker', 'planner', 'approver', 'publisher', 'auditor', 'key_admin', 'system_admin'"
# The day of last use is no change that workers must follow.
_FOLLOWED = "holder, sha256, role, territories, scopes, origins, expires_at, revoked_at"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("holder", sa.Text(), nullable=True))
    op.execute("UPDATE api_key SET holder = id")
    op.alter_column("api_key", "holder", nullable=False)
    for name in ("scopes", "origins"):
        op.add_column("api_key", sa.Column(name, sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("api_key", sa.Column("created_by", sa.Text(), server_default="", nullable=False))
    op.add_column("api_key", sa.Column("last_used_on", sa.Date(), nullable=True))
    op.add_column("api_key", sa.Column("revoked_by", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_api_key_origins"), "api_key", "(role = 'public') = (cardinality(origins) > 0)"
    )
    op.create_index("ix_api_key_holder", "api_key", ["holder"], unique=False)
    op.create_table_comment(
        "api_key", "API keys by the hash of their text; of their use only the last day is kept."
    )
    op.execute("DROP TRIGGER api_key_raises_keys ON api_key")
    op.execute(
        "CREATE TRIGGER api_key_raises_keys AFTER INSERT OR DELETE OR TRUNCATE OR "
        f"UPDATE OF {_FOLLOWED} ON api_key FOR EACH STATEMENT EXECUTE FUNCTION raise_data_version('keys')"
    )
    op.create_table(
        "session",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("territories", sa.ARRAY(_CODE), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"role IN ({_ROLES})", name=op.f("ck_session_role")),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("fk_session_key_id")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_session")),
        comment="Log-ins of the pages that have not ended, by the hash of their cookie; with a key or a provider's.",
    )
    op.execute("INSERT INTO data_version (part, version) SELECT 'sessions', floor(random() * 1e15)")
    op.execute(
        "CREATE TRIGGER session_raises_sessions AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON session "
        "FOR EACH STATEMENT EXECUTE FUNCTION raise_data_version('sessions')"
    )
    # Sessions are the server's own book.
    op.execute("ALTER TABLE session ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    unbound = "(SELECT actor_is_unbound())"
    op.execute(f"CREATE POLICY the_servers_own ON session FOR ALL USING ({unbound}) WITH CHECK ({unbound})")
