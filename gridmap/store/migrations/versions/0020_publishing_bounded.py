"""A revision changes something in the territory of whoever publishes it, or it is not published."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    # At the end of the transaction, when all that the revision changes is written.
    op.execute(
        """
        CREATE FUNCTION refuse_publishing_elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            ours text[];
        BEGIN
            IF actor_is_everywhere() THEN RETURN NULL; END IF;
            IF EXISTS (
                SELECT FROM territory_cell AS own JOIN cell ON cell.id = own.cell_id
                WHERE own.code = ANY (actor_territories())
                  AND (lower(cell.revisions) = NEW.number OR upper(cell.revisions) = NEW.number)
            ) THEN RETURN NULL; END IF;
            ours := actor_codes();
            IF EXISTS (
                SELECT FROM area WHERE (code = ANY (ours) OR parent = ANY (ours))
                  AND (lower(revisions) = NEW.number OR upper(revisions) = NEW.number)
            ) THEN RETURN NULL; END IF;
            RAISE insufficient_privilege USING MESSAGE = 'nothing of the revision is in the territory of the actor';
        END $$
        """
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER revision_is_of_own_territory AFTER INSERT ON revision "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_publishing_elsewhere()"
    )
