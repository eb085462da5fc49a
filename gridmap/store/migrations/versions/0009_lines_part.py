"""Street, water and wall lines get a data version, so that their tiles are known to have changed."""

from alembic import op

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    # From a random number on: a database made anew never passes for the one that tiles were kept of.
    op.execute("INSERT INTO data_version (part, version) SELECT 'lines', floor(random() * 1e15)")
    op.execute(
        "CREATE TRIGGER line_raises_lines AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON line "
        "FOR EACH STATEMENT EXECUTE FUNCTION raise_data_version('lines')"
    )
