"""Break-glass on the needs of a cell, and the salted hashes of those who were forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

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
    _protect()
    # Of who was forgotten not even the hash is noted.
    for table, key in (("break_glass", "id"), ("forgotten", ""), ("forgotten_salt", "")):
        op.execute(f"SELECT audit_watch('{table}', '{key}')")


def _open_cells() -> None:
    """The cells that the transaction's actor has opened and whose hour is not over: persons' policies ask it."""
    op.execute(
        """
        CREATE OR REPLACE FUNCTION opened_cells() RETURNS SETOF integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
            SELECT cell_id FROM break_glass
            WHERE actor = actor_value('id') AND opened_at <= now() AND now() < expires_at
        $$
        """
    )


def _protect() -> None:
    """Grants are their actor's and the auditor's; an open cell shows its persons, its buildings and where they are."""
    op.execute("ALTER TABLE break_glass ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    unbound, own = "(SELECT actor_is_unbound())", "actor = (SELECT actor_value('id'))"
    audits = "(SELECT actor_may('READ_AUDIT')) AND ((SELECT actor_is_everywhere()) OR places && (SELECT actor_territories()))"
    # In the own territory, or touching a cell of it.
    near = (
        "(SELECT actor_is_everywhere()) OR EXISTS (SELECT FROM cell AS wanted JOIN cell AS own "
        "ON ST_Intersects(own.geom, wanted.geom) JOIN territory_cell ON territory_cell.cell_id = own.id "
        "WHERE wanted.id = break_glass.cell_id AND upper_inf(wanted.revisions) AND upper_inf(own.revisions) "
        "AND territory_cell.code = ANY (actor_territories()))"
    )
    breaks = f"(SELECT actor_may('BREAK_GLASS')) AND ({near})"
    for name, clauses in (
        ("told", f"FOR SELECT USING ({own} OR {audits})"),
        ("broken_by_its_actor", f"FOR INSERT WITH CHECK ({breaks} AND {own})"),
        ("the_servers_own", f"FOR ALL USING ({unbound}) WITH CHECK ({unbound})"),
    ):
        op.execute(f"CREATE POLICY {name} ON break_glass {clauses}")
    opened = "(SELECT actor_does('BREAK_GLASS')) AND {} IN (SELECT opened_cells())"
    op.execute(
        f"CREATE POLICY opened ON element FOR SELECT USING ({opened.format('cell_now')} AND class IN ('person', 'place'))"
    )
    op.execute(f"CREATE POLICY opened ON element_placement FOR SELECT USING ({opened.format('cell_id')})")
    here = "{} IN (SELECT own.cell_id FROM territory_cell AS own WHERE own.code = ANY (actor_territories()))"
    needs = "(SELECT actor_does('READ_NEEDS')) AND ((SELECT actor_is_everywhere()) OR {})"
    for table, column in (("element", "cell_now"), ("element_placement", "cell_id")):
        op.execute(f"CREATE POLICY needs ON {table} FOR SELECT USING ({needs.format(here.format(column))})")
    for table in ("forgotten", "forgotten_salt"):
        op.execute(
            f"CREATE TRIGGER {table}_is_written_by_few BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_roles('FORGET')"
        )
