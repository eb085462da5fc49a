"""What a command works on: the city's database, wherever it is, and the folder of its state."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from gridmap.access import OPERATOR
from gridmap.acting import coming_from
from gridmap.actions.bands import add_missing_bands
from gridmap.cluster import APPLICATION, OWNER, Cluster
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.programs import install_packages
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.store.migrate import is_up_to_date, newest, standing, upgrade
from gridmap.store.roles import check_application
from gridmap.trail import seal_now, set_aside, trail_folder

# Progress goes to standard error, results to standard output.
progress = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A line of progress."""
    progress.print(text, style="dim", soft_wrap=True, markup=False)


def cluster_of(settings: Settings) -> Cluster:
    """The private cluster."""
    # libpq would let these win over the socket's address
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    return Cluster.default("cluster", home=settings.home)


def database_name(settings: Settings) -> str:
    """The name of the city's database on the private cluster."""
    return f"city_{settings.city}"


def state_folder(settings: Settings) -> Path:
    """Where the city's snapshot and keys are kept: beside the private cluster, or where that would be."""
    cluster = Cluster.default("state", home=settings.home).folder
    return cluster / settings.city


def snapshot_folder(settings: Settings) -> Path:
    """Where the city's server keeps its snapshot."""
    return state_folder(settings) / "snapshot"


def trail_of(database: Database, settings: Settings) -> Path:
    """Where the spool and the anchors of the database lie."""
    return trail_folder(snapshot_folder(settings), database.url.database)


@contextmanager
def open_database(settings: Settings, *, as_owner: bool = False, stop_after: bool = False) -> Iterator[Database]:
    """The city's database, on the server of the settings or on the private cluster, started if it is stopped.

    As the application's role, which policies bind, or as the owner of the tables, who migrates and loads.
    ``stop_after`` stops the private cluster at the end if it was started here.
    """
    if settings.database_url is not None:
        with _pool(*_address(settings, as_owner=as_owner)) as database, _traced(database, settings):
            yield database
        return
    cluster = cluster_of(settings)
    install_packages(say)
    started = cluster.up(say)
    name = database_name(settings)
    try:
        if name not in cluster.databases():
            cluster.create_database(name)
            set_aside(trail_folder(snapshot_folder(settings), name))
        url = cluster.url(name, OWNER if as_owner else APPLICATION)
        with _pool(url) as database, _traced(database, settings):
            yield database
    finally:
        if started and stop_after:
            say("stopping PostgreSQL")
            cluster.down()


def _address(settings: Settings, *, as_owner: bool) -> tuple[str, str]:
    """The address of a server of one's own and the variable that it comes from."""
    assert settings.database_url is not None
    if not as_owner:
        return settings.database_url, "GRIDMAP_DATABASE_URL"
    if settings.owner_database_url is None:
        raise InvalidInput(
            "GRIDMAP_OWNER_DATABASE_URL",
            None,
            "must be set beside GRIDMAP_DATABASE_URL: this command works as the owner of the tables",
        )
    return settings.owner_database_url, "GRIDMAP_OWNER_DATABASE_URL"


@contextmanager
def _traced(database: Database, settings: Settings) -> Iterator[None]:
    """What a command does comes from a user of this machine, and is chained at its end."""
    with coming_from(f"{getpass.getuser()} on this machine"):
        yield
    if is_migrated(database):
        seal_now(database, trail_of(database, settings), say)


@contextmanager
def _pool(url: str, variable: str = "GRIDMAP_DATABASE_URL") -> Iterator[Database]:
    if not re.match(r"postgresql(\+psycopg2)?://", url):  # not shown: it may hold a password
        rule = "must look like postgresql+psycopg2://user@host/database"
        raise InvalidInput(variable, "…", rule)
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()


def bring_up_to_date(database: Database, settings: Settings) -> str:
    """Run the missing migrations as the owner, and give the application's role its rights; returns the newest."""
    with database.begin(OPERATOR, long_work=True) as connection:
        if standing(connection) != newest():
            say(f"migrating the database to {newest()}")
        upgrade(connection, _application(settings))
    add_missing_bands(database, OPERATOR, say)
    return newest()


def _application(settings: Settings) -> str:
    """The role that the server runs as."""
    if settings.database_url is None:
        return APPLICATION
    named = Database(settings.database_url).url.username
    if named is None:
        raise InvalidInput("GRIDMAP_DATABASE_URL", "…", "must name the role that the server runs as")
    return named


def check_migrated(database: Database) -> None:
    """RuleBroken when the database lacks migrations, for commands that do not run them by themselves."""
    if not is_migrated(database):
        raise RuleBroken("the database is not at the newest migration: run gridmap migrate")


def is_migrated(database: Database) -> bool:
    """Whether the database is at the newest migration."""
    with database.begin(OPERATOR) as connection:
        return is_up_to_date(connection)


def check_role(database: Database) -> None:
    """RuleBroken when the server would run as a role that policies do not bind."""
    with database.begin(OPERATOR) as connection:
        check_application(connection)
