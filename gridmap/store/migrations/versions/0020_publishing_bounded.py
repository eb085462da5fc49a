"""Publishing and dossiers in the own territory.

A revision changes something in the territory of whoever publishes it, or it is not published. Whoever reads a dossier
no longer reads facts of the whole city for it, but counts where the role counts.
"""

from alembic import op

revision = "0020"
down_revision = "0019"

# What has policies by which some actions read facts of the whole city.
_FACTS = (
    "element", "incident", "element_placement", "incident_placement", "building", "element_share", "element_shape",
)  # fmt: skip


def upgrade() -> None:
    _bound_publishing()
    _bound_dossiers()


def _bound_publishing() -> None:
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


def _bound_dossiers() -> None:
    """Takes the action out of the list of those that read everything, wherever it stands in one."""
    word = "$w$'READ_DOSSIERS'::text, $w$"
    tables = ", ".join(map(repr, _FACTS))
    op.execute(
        f"""
        DO $$
        DECLARE
            each record;
        BEGIN
            FOR each IN
                SELECT tablename, policyname, replace(qual, {word}, '') AS bounded FROM pg_policies
                WHERE schemaname = current_schema() AND tablename IN ({tables}) AND position({word} IN qual) > 0
            LOOP
                EXECUTE format('ALTER POLICY %I ON %I USING (%s)', each.policyname, each.tablename, each.bounded);
            END LOOP;
        END $$
        """
    )
