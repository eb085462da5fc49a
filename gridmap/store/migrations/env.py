"""The environment Alembic runs migrations in: always on a connection that ``gridmap.store.migrate`` hands over."""

from alembic import context
from geoalchemy2 import alembic_helpers

from gridmap.store.tables import metadata

EXTENSIONS_TABLES = {"spatial_ref_sys"}


def _include(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    if kind == "table" and name in EXTENSIONS_TABLES:
        return False
    return bool(alembic_helpers.include_object(obj, name, kind, reflected, compare_to))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=_include,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
    compare_server_default=False,
)
context.run_migrations()
