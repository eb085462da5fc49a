"""Brings a database to the newest migration and the roles of the code, and says where it stands."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gridmap.access import rights
from gridmap.errors import RuleBroken
from gridmap.store.roles import APPLICATION, grant_application, read_rights, write_rights


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, application: str = APPLICATION) -> None:
    """Run every missing migration in the caller's transaction, as the owner; nothing happens when there is none.

    Then the policies know the roles' rights of this code, and the ``application`` role has what the server needs.
    """
    command.upgrade(_config(connection), "head")
    write_rights(connection, rights())
    grant_application(connection, application)


def is_up_to_date(connection: Connection) -> bool:
    """Whether the database is at the newest migration, and its policies go by this code's table of rights."""
    return standing(connection) == newest() and read_rights(connection) == rights()


def newest() -> str:
    """The newest migration that this version of GridMap knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuleBroken("this installation of GridMap carries no migrations")
    return head


def standing(connection: Connection) -> str | None:
    """The migration at which the database stands, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()
