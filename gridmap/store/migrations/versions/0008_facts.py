"""What changed of elements, incidents and their placements, in the order of commits: for counts kept in memory."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

# An update of more rows than this is noted as one span from the lowest to the highest id.
_MOST_NOTED = 10_000
# Who has missed more changes than this reads everything anew.
_KEPT = 10_000

_KEYS = {
    "element": ("element", "id", ("UPDATE", "DELETE")),
    "incident": ("incident", "id", ("UPDATE", "DELETE")),
    # nothing counts before it is placed, so inserting a subject itself is no event
    "element_placement": ("element", "element_id", ("INSERT", "UPDATE", "DELETE")),
    "incident_placement": ("incident", "incident_id", ("INSERT", "UPDATE", "DELETE")),
}


def upgrade() -> None:
    op.create_table(
        "fact_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("ids", postgresql.INT8MULTIRANGE(), nullable=True),
        sa.CheckConstraint("what IN ('element', 'incident')", name=op.f("ck_fact_change_what")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_change")),
        comment="Which elements and incidents a statement touched (null: all); numbered as transactions commit.",
    )
    op.create_index("ix_fact_change_version", "fact_change", ["version"], unique=False)
    op.execute("INSERT INTO data_version (part, version) SELECT 'facts', floor(random() * 1e15)")
    _note_statements()
    _number_at_commit()


def _note_statements() -> None:
    op.execute(
        f"""
        CREATE FUNCTION note_fact_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            rows bigint; lowest bigint; highest bigint; spans int8multirange;
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                INSERT INTO fact_change (what) VALUES (TG_ARGV[0]);
                RETURN NULL;
            END IF;
            EXECUTE format('SELECT count(*), min(%1$I), max(%1$I) FROM changed', TG_ARGV[1]) INTO rows, lowest, highest;
            IF rows = 0 THEN
                RETURN NULL;
            END IF;
            IF rows <= {_MOST_NOTED} AND rows < highest - lowest + 1 THEN
                EXECUTE format('SELECT range_agg(int8range(%1$I, %1$I, ''[]'')) FROM changed', TG_ARGV[1]) INTO spans;
            ELSE
                spans := int8multirange(int8range(lowest, highest, '[]'));
            END IF;
            INSERT INTO fact_change (what, ids) VALUES (TG_ARGV[0], spans);
            RETURN NULL;
        END $$
        """
    )
    for table, (what, key, events) in _KEYS.items():
        for event in events:
            transition = "OLD" if event == "DELETE" else "NEW"
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_is_noted AFTER {event} ON {table} "
                f"REFERENCING {transition} TABLE AS changed FOR EACH STATEMENT "
                f"EXECUTE FUNCTION note_fact_change('{what}', '{key}')"
            )
        op.execute(
            f"CREATE TRIGGER {table}_truncate_is_noted AFTER TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION note_fact_change('{what}', '{key}')"
        )


def _number_at_commit() -> None:
    """The version's row is locked only while a transaction commits, so a long load keeps nobody from writing."""
    op.execute(
        f"""
        CREATE FUNCTION number_fact_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            newest bigint;
        BEGIN
            UPDATE data_version SET version = data_version.version + 1 WHERE part = 'facts'
            RETURNING data_version.version INTO newest;
            UPDATE fact_change SET version = newest WHERE id = NEW.id;
            DELETE FROM fact_change WHERE version <= newest - {_KEPT};
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER fact_change_is_numbered AFTER INSERT ON fact_change "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number_fact_change()"
    )
