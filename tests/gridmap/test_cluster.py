"""The private cluster, with real servers: what it makes, survives and refuses."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from gridmap.cluster import Cluster
from gridmap.cluster_folder import ClusterFolder
from gridmap.errors import ClusterError, InvalidInput
from gridmap.programs import server_account

CHECKOUT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def open_folder() -> Path:
    """A folder in a place that every user may enter, which pytest's own tmp_path is not."""
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    folder.chmod(0o755)
    return folder


def postmaster(cluster: Cluster) -> int:
    return int((cluster.folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def socket_file(cluster: Cluster) -> Path:
    return ClusterFolder(cluster.folder).socket_file()


def rows(cluster: Cluster, sql: str, database: str, role: str = "gridmap_owner") -> list[tuple[object, ...]]:
    engine = sqlalchemy.create_engine(cluster.url(database, role), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sqlalchemy.text(sql))
        return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for one test; servers left in it are stopped."""
    folder = open_folder()
    yield folder
    for marker in folder.rglob("gridmap-cluster.json"):
        if marker.stat().st_uid != server_account().uid:
            continue  # the ordinary user's, who stopped it
        cluster = Cluster(marker.parent)
        socket_folder = socket_file(cluster).parent
        cluster.down()
        if socket_folder != cluster.folder:
            shutil.rmtree(socket_folder, ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def reused() -> Iterator[Cluster]:
    """A cluster with the database ``demo`` that one test after the other maltreats: making one takes seconds."""
    folder = open_folder()
    cluster = Cluster(folder / "cluster")
    cluster.up()
    cluster.create_database("demo")
    yield cluster
    shutil.rmtree(folder)


@pytest.fixture
def cluster(reused: Cluster) -> Iterator[Cluster]:
    """The reused cluster, stopped; a test leaves it so that it can be started."""
    reused.down()
    yield reused
    reused.down()


@pytest.fixture(scope="module")
def served() -> Iterator[Cluster]:
    """One running cluster with the database ``demo``, for the tests that leave it as it is."""
    folder = open_folder()
    cluster = Cluster(folder / "cluster")
    try:
        cluster.up()
        cluster.create_database("demo")
        yield cluster
    finally:
        cluster.down()
        shutil.rmtree(folder)


def test_up_and_down_do_what_is_left_to_do_and_keep_the_data(place: Path) -> None:
    cluster = Cluster(place / "cluster")
    assert not cluster.running()
    assert cluster.down() is False
    cluster.folder.mkdir()
    (cluster.folder / "gridmap-cluster.json.new").touch()  # a crash left it before it was the marker

    told: list[str] = []
    assert cluster.up(told.append) is True
    assert len(told) == 2
    assert cluster.running()
    first = postmaster(cluster)
    assert cluster.up() is False
    assert postmaster(cluster) == first

    cluster.create_database("demo")
    rows(cluster, "CREATE TABLE kept AS SELECT 7 AS number", "demo")
    assert cluster.down() is True
    assert not cluster.running()
    assert cluster.down() is False
    assert cluster.up() is True
    assert rows(cluster, "SELECT number FROM kept", "demo") == [(7,)]


def test_only_its_user_gets_in_and_only_by_the_socket(served: Cluster) -> None:
    status = served.folder.stat()
    assert status.st_mode & 0o777 == 0o700
    assert status.st_uid == server_account().uid
    assert rows(served, "SHOW listen_addresses", "demo") == [("",)]
    socket = next(served.folder.glob(".s.PGSQL.*[0-9]"))
    assert socket.stat().st_mode & 0o077 == 0


def test_the_server_is_durable_and_its_log_holds_no_statement(served: Cluster) -> None:
    wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on"}
    wanted |= {"max_wal_size": "2GB", "log_min_error_statement": "panic", "log_error_verbosity": "terse"}
    for setting, value in wanted.items():
        assert rows(served, f"SHOW {setting}", "demo") == [(value,)], setting
    with pytest.raises(sqlalchemy.exc.ProgrammingError):
        rows(served, "SELECT 'lon 117.2 lat 39.1' FROM nowhere", "demo")
    log = (served.folder / "server.log").read_text()
    assert "nowhere" in log
    assert "117.2" not in log


@pytest.mark.parametrize("role", ["gridmap_owner", "gridmap_app"])
def test_roles_have_no_power_over_the_server(served: Cluster, role: str) -> None:
    powers = "rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb"
    sql = f"SELECT {powers} FROM pg_roles WHERE rolname = current_user"
    assert rows(served, sql, "demo", role) == [(role, False, False, False, False)]


def test_a_database_belongs_to_the_owner_and_has_the_extensions(served: Cluster) -> None:
    owner = "SELECT pg_get_userbyid(datdba), datcollate FROM pg_database WHERE datname = 'demo'"
    assert rows(served, owner, "demo") == [("gridmap_owner", "C")]
    names = {row[0] for row in rows(served, "SELECT extname FROM pg_extension", "demo")}
    assert names >= {"postgis", "btree_gist", "pg_trgm"}
    assert rows(served, "SELECT ST_AsText(ST_Point(117.2, 39.1))", "demo") == [("POINT(117.2 39.1)",)]


def test_chinese_addresses_have_trigrams(served: Cluster) -> None:
    assert rows(served, "SELECT cardinality(show_trgm('滨江道')) > 0", "demo") == [(True,)]


def test_databases_are_made_completed_and_dropped(served: Cluster) -> None:
    served.create_database("other")
    rows(served, "CREATE TABLE kept (number int)", "other")
    served.create_database("other")
    assert rows(served, "SELECT count(*) FROM kept", "other") == [(0,)]
    assert served.databases() == ["demo", "other"]
    served.drop_database("other")
    served.drop_database("other")
    assert served.databases() == ["demo"]


@pytest.mark.parametrize("name", ["", "Demo", "1st", 'a"b', "a b", "postgres", "template1", "x" * 64, "a\0b"])
def test_database_names_that_sql_could_misread_are_refused(served: Cluster, name: str) -> None:
    for action in (served.create_database, served.drop_database, served.url):
        with pytest.raises(InvalidInput, match="database"):
            action(name)
    assert served.databases() == ["demo"]


def test_the_callers_pg_variables_do_not_matter(served: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = {"PGHOST": "/nowhere", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "none", "PGDATA": "/nowhere"}
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    assert rows(served, "SELECT current_database()", "demo") == [("demo",)]
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGSERVICE", "none")
    assert served.databases() == ["demo"]
    assert served.up() is False


def test_a_killed_server_starts_again_with_its_data(cluster: Cluster) -> None:
    cluster.up()
    rows(cluster, "CREATE TABLE kept AS SELECT 7 AS number", "demo")
    killed = postmaster(cluster)
    os.kill(killed, signal.SIGKILL)
    while Path(f"/proc/{killed}").exists() and "Z" not in Path(f"/proc/{killed}/stat").read_text().split(")")[1]:
        time.sleep(0.01)
    assert not cluster.running()
    assert cluster.up() is True
    assert postmaster(cluster) != killed
    assert rows(cluster, "SELECT number FROM kept", "demo") == [(7,)]


def test_a_pid_file_from_before_a_reboot_is_no_obstacle(cluster: Cluster) -> None:
    cluster.up()
    pid_file = cluster.folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    cluster.down()
    account = server_account()
    # Another program of the same user got the old number: PostgreSQL by itself would not start.
    stranger = subprocess.Popen(
        ["/bin/sleep", "60"],
        user=account.uid if account.switched else None,
        group=account.gid if account.switched else None,
    )
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        os.chown(pid_file, account.uid, account.gid)
        assert not cluster.running()
        assert cluster.down() is False
        assert cluster.up() is True
        assert postmaster(cluster) != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_cut_short_by_a_crash_is_no_obstacle(cluster: Cluster) -> None:
    (cluster.folder / "data" / "postmaster.pid").touch()
    assert cluster.up() is True


def test_down_never_stops_another_server(cluster: Cluster, served: Cluster) -> None:
    pid_file = cluster.folder / "data" / "postmaster.pid"
    shutil.copy(served.folder / "data" / "postmaster.pid", pid_file)
    assert cluster.down() is False
    assert served.running()
    pid_file.unlink()


def test_a_folder_of_somebody_else_is_refused_and_left_alone(place: Path) -> None:
    (place / "letter.txt").write_text("mine")
    before = place.stat()
    for action in (Cluster(place).up, Cluster(place).down):
        with pytest.raises(ClusterError, match="did not make"):
            action()
    assert [path.name for path in place.iterdir()] == ["letter.txt"]
    after = place.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)


def test_addresses_are_not_known_before_the_first_up(place: Path) -> None:
    with pytest.raises(ClusterError, match="gridmap up"):
        Cluster(place / "cluster").url("demo")


def test_a_damaged_marker_is_named_and_says_how_to_mend_it(cluster: Cluster) -> None:
    marker = cluster.folder / "gridmap-cluster.json"
    marker.write_text("{")
    with pytest.raises(ClusterError, match=r"gridmap-cluster\.json is damaged") as caught:
        cluster.up()
    marker.write_text(re.search(r"{.*}", str(caught.value))[0])
    assert cluster.up() is True


def test_of_several_at_the_same_moment_one_starts_it(place: Path) -> None:
    script = "import sys, pathlib, gridmap.cluster as c; print(c.Cluster(pathlib.Path(sys.argv[1])).up())"
    command = [sys.executable, "-c", script, str(place / "deep" / "cluster")]
    started = [subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate(timeout=60)[0].strip() for process in started]
    assert sorted(answers) == ["False", "False", "False", "True"]


@pytest.mark.parametrize("name", ["x" * 120, "a b,c$HOME`id`\"'é"], ids=["long", "odd characters"])
def test_any_path_will_do(cluster: Cluster, place: Path, name: str, request: pytest.FixtureRequest) -> None:
    usual = cluster.folder
    cluster = Cluster(usual.rename(place / name))

    def put_back() -> None:
        cluster.down()
        shutil.rmtree(socket_file(cluster).parent)
        cluster.folder.rename(usual)

    request.addfinalizer(put_back)
    cluster.up()
    socket_folder = socket_file(cluster).parent
    assert socket_folder != cluster.folder
    assert socket_folder.stat().st_mode & 0o777 == 0o700
    assert rows(cluster, "SELECT 1", "demo") == [(1,)]
    # The short folder is remembered, and replaced when a reboot has swept it away.
    cluster.down()
    cluster.up()
    assert socket_file(cluster).parent == socket_folder
    cluster.down()
    shutil.rmtree(socket_folder)
    cluster.up()
    assert rows(cluster, "SELECT 1", "demo") == [(1,)]


def test_a_server_without_its_socket_is_started_again(cluster: Cluster) -> None:
    cluster.up()
    socket_file(cluster).unlink()
    assert cluster.up() is True
    assert cluster.databases() == ["demo"]


def test_half_made_data_are_made_again(cluster: Cluster, place: Path) -> None:
    half_made = place / "cluster"
    half_made.mkdir()
    shutil.copy(cluster.folder / "gridmap-cluster.json", half_made)
    (half_made / "data.new" / "base").mkdir(parents=True)
    account = server_account()
    for path in (half_made, *half_made.rglob("*")):
        os.chown(path, account.uid, account.gid)
    assert Cluster(half_made).up() is True
    assert not (half_made / "data.new").exists()


def test_a_start_that_fails_tells_the_end_of_the_log(cluster: Cluster) -> None:
    settings = cluster.folder / "data" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(f"{good}\nshared_buffers = plenty\n")
    with pytest.raises(ClusterError, match=r'(?s)server\.log.*shared_buffers.*"plenty"'):
        cluster.up()
    assert not cluster.running()
    settings.write_text(good)


def test_a_folder_that_vanished_under_a_running_server_is_made_again(cluster: Cluster, place: Path) -> None:
    cluster.up()
    orphan = postmaster(cluster)
    cluster.folder.rename(place / "away")
    try:
        assert not cluster.running()
        assert cluster.up() is True
        assert cluster.databases() == []
        cluster.down()
        shutil.rmtree(cluster.folder)
    finally:
        os.kill(orphan, signal.SIGQUIT)
        (place / "away").rename(cluster.folder)


@as_root
def test_root_hears_that_postgres_may_not_enter_a_closed_folder(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ClusterError, match=r"postgres may not enter .* GRIDMAP_HOME"):
        Cluster(closed / "cluster").up()


@as_root
def test_a_cluster_of_another_user_is_refused(cluster: Cluster) -> None:
    os.chown(cluster.folder, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(ClusterError, match=r"belongs to user id \d+, not to postgres"):
        cluster.up()
    os.chown(cluster.folder, server_account().uid, -1)


@as_root
def test_an_ordinary_user_runs_a_server_of_their_own(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    package = place / "checkout" / "gridmap"  # the real one may lie under a home folder closed to others
    package.mkdir(parents=True)
    for module in ("__init__", "errors", "programs", "cluster_folder", "cluster"):
        shutil.copy(CHECKOUT / "gridmap" / f"{module}.py", package)
    home = place / "home"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    script = (
        "import os, sys; assert sys.version_info >= (3, 11)\n"
        "from gridmap.cluster import Cluster\n"
        "cluster = Cluster.default()\n"
        "print(cluster.up(), cluster.up(), cluster.folder.stat().st_uid == os.getuid(), cluster.folder.parent)\n"
        "cluster.create_database('demo')\n"
        "print(cluster.databases(), cluster.down())\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    # The interpreter of the tests may lie under root's home; Debian's serves as well, no package is needed.
    for interpreter in (sys.executable, "/usr/bin/python3"):
        try:
            ended = subprocess.run(
                [interpreter, "-c", script], cwd=package.parent, env=environment, capture_output=True, text=True,
                check=False, timeout=120, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
            )  # fmt: skip
            break
        except PermissionError:
            continue
    else:
        pytest.skip("no Python that the user nobody may run")
    assert ended.stderr == ""
    assert ended.stdout == f"True False True {home}/.local/share/gridmap\n['demo'] True\n"


def test_the_default_folder_is_named_after_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Cluster.default("test", tmp_path).folder == tmp_path / "test"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Cluster.default().folder.parent == Path("/var/lib/gridmap")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = Cluster.default("test").folder
    assert folder.parent == tmp_path / "gridmap"
    assert len(folder.name) == len("test-12345678")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Cluster.default("test").folder == tmp_path / ".local/share/gridmap" / folder.name
    with pytest.raises(InvalidInput, match="cluster"):
        Cluster.default("../other", tmp_path)
