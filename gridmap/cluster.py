"""The private PostGIS cluster that GridMap runs when ``GRIDMAP_DATABASE_URL`` is unset.

One folder, known by a marker, holds its data, log and socket. PostgreSQL's own programs do all the work,
as the user ``postgres`` when root asks. Imports only gridmap.cluster_folder, programs, errors.
"""

import hashlib
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import quote

from gridmap.cluster_folder import PORT, ClusterFolder
from gridmap.errors import ClusterError, InvalidInput
from gridmap.programs import (
    CLEAN_ENVIRONMENT,
    Account,
    ProgramError,
    Programs,
    run,
    server_account,
    server_programs,
)

SUPERUSER = "gridmap_superuser"
OWNER = "gridmap_owner"
APPLICATION = "gridmap_app"
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")

_START_TIMEOUT_S = 300  # recovery after a crash replays up to max_wal_size
_ORPHANS_TIMEOUT_S = 20.0
_LOG_LIMIT_BYTES = 10_000_000
# Linux gives no process id above 4,194,304 (PID_MAX_LIMIT), so this one never runs.
_NOBODYS_PID = 2**22 + 1

# The log may not hold what the privacy law keeps out of logs: no statements (they carry coordinates) and
# no DETAIL lines (they carry key values).
_SETTINGS = """
# Written once by GridMap when the cluster was made.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = {memory_mb}MB
maintenance_work_mem = {half_mb}MB
max_wal_size = 2GB
checkpoint_timeout = 15min
fsync = on
full_page_writes = on
synchronous_commit = on
# Compiling the short queries that GridMap asks costs more than it saves.
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_min_error_statement = panic
log_error_verbosity = terse
"""


def _silent(_: str) -> None:
    """Report nothing."""


class Cluster:
    """A PostgreSQL server with PostGIS in a folder of its own, reached by a socket only.

    Whoever may enter the folder (its user and root) is trusted as any role; nobody else gets in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._place = ClusterFolder(self.folder)
        self._data = self.folder / "data"
        self._log = self.folder / "server.log"

    @classmethod
    def default(cls, name: str = "demo", home: Path | None = None) -> Self:
        """The cluster of this checkout: in ``home`` if given, else where this user's data belong.

        Without ``home`` the folder's name carries a hash of the checkout's path, so that two checkouts
        on one machine never share a server.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
            raise InvalidInput("cluster", name, "must be 1 to 32 of a-z, 0-9, _ and -, a letter first")
        if home is not None:
            return cls(home / name)
        checkout = Path(__file__).resolve().parents[1]
        folder = f"{name}-{hashlib.sha256(bytes(checkout)).hexdigest()[:8]}"
        if os.geteuid() == 0:
            return cls(Path("/var/lib/gridmap") / folder)
        data_home = Path(os.environ.get("XDG_DATA_HOME", ""))
        if not data_home.is_absolute():  # the XDG specification: a relative path is ignored
            try:
                data_home = Path.home() / ".local/share"
            except RuntimeError as error:
                raise ClusterError("this user has no home folder: set GRIDMAP_HOME") from error
        return cls(data_home / "gridmap" / folder)

    def up(self, report: Callable[[str], None] = _silent) -> bool:
        """Make the cluster if it is missing and start it if it is stopped.

        Returns True if this call started the server, so that a foreground command stops what it started.
        Raises ClusterError, with the last lines of the server's log when it would not start.
        """
        account = server_account()
        self._place.make()
        with self._place.locked():
            self._place.claim(account)
            programs = server_programs(self._major())
            if not self._data.exists():
                report(f"making a PostgreSQL {programs.major} cluster in {self.folder}")
                self._initdb(programs, account)
            if self.running():
                if self._place.socket_file().exists():
                    return False
                report("the server's socket is gone: starting it again")
                self._stop(programs, account)
            report(f"starting PostgreSQL {programs.major} in {self.folder}")
            self._start(programs, account)
        return True

    def down(self) -> bool:
        """Stop the server if it runs; returns whether it did. A folder GridMap did not make is refused."""
        if not self._place.exists():
            return False
        account = server_account()
        with self._place.locked():
            self._place.check_ours(account)
            if not self.running():
                return False
            self._stop(server_programs(self._major()), account)
        return True

    def running(self) -> bool:
        """Whether the postmaster of this folder is alive; no other process counts, whatever its id."""
        return self._postmaster() is not None

    def url(self, database: str, role: str = OWNER) -> str:
        """SQLAlchemy's address of a database of this cluster, as ``role``."""
        _check_name("role", role)
        socket_folder = quote(str(self._place.socket_file().parent), safe="/")
        return (
            f"postgresql+psycopg2://{role}@/{_check_name('database', database)}?host={socket_folder}&port={PORT}"
        )

    def databases(self) -> list[str]:
        """Names of the databases of this running cluster, sorted."""
        rows = self._sql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname")
        return [name for name in rows.splitlines() if name != "postgres"]

    def create_database(self, name: str) -> None:
        """Make a database with GridMap's extensions, owned by ``gridmap_owner``; complete it if it is there."""
        _check_name("database", name)
        with self._place.locked():
            if name not in self.databases():
                self._sql("postgres", f"CREATE DATABASE {name} OWNER {OWNER}")
            for extension in EXTENSIONS:
                self._sql(name, f"CREATE EXTENSION IF NOT EXISTS {extension}")

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, with everybody's connections to it."""
        _check_name("database", name)
        with self._place.locked():
            self._sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _major(self) -> int | None:
        """Major version of the data, None before there are any."""
        version = self._data / "PG_VERSION"
        return int(version.read_text()) if version.exists() else None

    def _initdb(self, programs: Programs, account: Account) -> None:
        """Make the data under another name and rename them when whole, so that half-made data never start."""
        fresh = self.folder / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        # Text sorts by bytes (codes are compared so), but Chinese characters must count as letters:
        # under LC_CTYPE=C pg_trgm finds no trigram in them.
        locale = ["--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8"]
        trust = ["--auth-local=trust", "--auth-host=reject"]
        initdb = [programs.path("initdb"), "-D", str(fresh), "-U", SUPERUSER, "--data-checksums", *locale, *trust]
        run(initdb, account, cwd=self.folder)
        roles = "".join(
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;\n"
            for role in (OWNER, APPLICATION)
        )
        single = [programs.path("postgres"), "--single", "-D", str(fresh), "-c", "exit_on_error=on", "postgres"]
        run(single, account, cwd=self.folder, text=roles)
        memory_mb = min(1024, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20 // 8)
        settings = _SETTINGS.format(memory_mb=memory_mb, half_mb=memory_mb // 2)
        run(["/usr/bin/tee", "-a", str(fresh / "postgresql.conf")], account, cwd=self.folder, text=settings)
        fresh.rename(self._data)

    def _start(self, programs: Programs, account: Account) -> None:
        self._disown_stale_pid(account)
        socket_folder = self._place.prepare_socket_folder(account)
        for leftover in socket_folder.glob(f".s.PGSQL.{PORT}*"):  # its lock file names the old process as well
            leftover.unlink()
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT_BYTES:
            self._log.rename(self._log.with_suffix(".log.old"))
        options = shlex.join(["-D", str(self._data), "-k", str(socket_folder)])
        # pg_ctl puts -D and -l into a shell line in double quotes; PGDATA and a relative log stand any path.
        start = [programs.path("pg_ctl"), "start", "-s", "-w", "-t", str(_START_TIMEOUT_S)]
        start += ["-l", self._log.name, "-o", options]
        deadline = time.monotonic() + _ORPHANS_TIMEOUT_S
        while True:
            told = self._log.stat().st_size if self._log.exists() else 0
            try:
                run(start, account, cwd=self.folder, environment=self._environment())
                return
            except ProgramError as error:
                lines = self._log_lines(told)
                # After a kill -9 of the postmaster its children need a moment to notice and leave.
                orphans = any("shared memory block" in line for line in lines)
                if not orphans or time.monotonic() > deadline:
                    raise ClusterError(
                        f"PostgreSQL did not start in {self.folder}; the end of {self._log.name}:\n"
                        + "\n".join(lines[-8:] or [str(error)])
                    ) from error
                time.sleep(0.5)

    def _stop(self, programs: Programs, account: Account) -> None:
        stop = [programs.path("pg_ctl"), "stop", "-s", "-w", "-t", "120", "-m", "fast"]
        try:
            run(stop, account, cwd=self.folder, environment=self._environment())
        except ProgramError:
            if self.running():  # else it went by itself in this very moment
                raise

    def _environment(self) -> dict[str, str]:
        return {**CLEAN_ENVIRONMENT, "PGDATA": str(self._data)}

    def _log_lines(self, offset: int) -> list[str]:
        if not self._log.exists():
            return []
        with self._log.open("rb") as file:
            file.seek(offset)
            return file.read(100_000).decode(errors="replace").splitlines()

    def _pid_lines(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ClusterError(f"cannot read {self._data}: {error.strerror}") from error

    def _postmaster(self) -> int | None:
        """Process id of the postmaster that serves this very folder, or None."""
        lines = self._pid_lines()
        if not lines or not lines[0].isdecimal():
            return None
        try:
            # Readable for everyone, unlike /proc/PID/cwd, for which root in a container lacks the right.
            arguments = Path(f"/proc/{lines[0]}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return None
        ours = [b"-D", os.fsencode(self._data)]
        return int(lines[0]) if ours in [arguments[at : at + 2] for at in range(len(arguments))] else None

    def _disown_stale_pid(self, account: Account) -> None:
        """Let PostgreSQL take over a pid file whose number now belongs to another process.

        PostgreSQL refuses to start while that process lives (after a reboot it may be anyone's). A number
        that no process can have says "stale" without removing the file, whose shared memory id PostgreSQL
        still needs to see whether children of the old postmaster are alive.
        """
        lines = self._pid_lines()
        path = self._data / "postmaster.pid"
        if not lines or not lines[0].isdecimal():  # emptied by a crash: PostgreSQL would refuse it for ever
            path.unlink(missing_ok=True)
            return
        text = "\n".join([str(_NOBODYS_PID), *lines[1:]]) + "\n"
        run(["/usr/bin/tee", str(path)], account, cwd=self.folder, text=text)

    def _sql(self, database: str, statement: str) -> str:
        """Run one statement as the superuser; rows as lines. psql, since libpq would read the caller's PG*."""
        account = server_account()
        programs = server_programs(self._major())
        socket_folder = str(self._place.socket_file().parent)
        psql = [programs.path("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", socket_folder]
        psql += ["-p", str(PORT), "-U", SUPERUSER, "-d", database, "-c", statement]
        return run(psql, account, cwd=self.folder)


def _check_name(field: str, name: str) -> str:
    """Names go into SQL unquoted, so only plain ones are taken."""
    reserved = {"postgres", "template0", "template1"}
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) or name in reserved:
        raise InvalidInput(field, name, "must be 1 to 63 of a-z, 0-9 and _, a letter first, not PostgreSQL's own")
    return name
