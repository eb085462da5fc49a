"""What tiles need: a data version of street, water and wall lines, and plain indexes of cells and areas."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # From a random number on: a database made anew never passes for the one that tiles were kept of.
    op.execute("INSERT INTO data_version (part, version) SELECT 'lines', floor(random() * 1e15)")
    op.execute(
        "CREATE TRIGGER line_raises_lines AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON line "
        "FOR EACH STATEMENT EXECUTE FUNCTION raise_data_version('lines')"
    )
    op.execute("CREATE INDEX ix_cell_id_alone ON cell ((id + 0))")
    op.execute("CREATE INDEX ix_area_code_alone ON area ((code || ''))")
