"""Brings a database to the newest migration, and says where it stands. Imports alembic and ``errors`` only."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gridmap.errors import RuleBroken


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Run every missing migration in the caller's transaction; nothing happens when there is none."""
    command.upgrade(_config(connection), "head")


def newest() -> str:
    """The newest migration that this version of GridMap knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuleBroken("this installation of GridMap carries no migrations")
    return head


def standing(connection: Connection) -> str | None:
    """The migration at which the database stands, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()
