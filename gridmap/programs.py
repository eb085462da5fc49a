"""PostgreSQL's programs on this machine: which ones, as which user they run, how they are installed.

Imports only gridmap.errors.
"""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from gridmap.errors import ClusterError

PACKAGE = "postgresql-15-postgis-3"
NGINX_PACKAGE = "nginx-light"
# What papers are printed with: Pango, and a font with Chinese characters.
PRINTING_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fontconfig", "fonts-noto-cjk")
MINIMUM_POSTGIS = (3, 3)
# What PostgreSQL's programs see: no PG* variable of the caller, messages in English, which are looked at.
CLEAN_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/"}

_PROGRAMS = ("initdb", "pg_ctl", "postgres", "psql", "pg_config")

_PRINTING_LIBRARIES = ("pango-1.0", "pangoft2-1.0", "harfbuzz-subset")
_CONTROL_FILES = ("postgis.control", "btree_gist.control", "pg_trgm.control")
_MISSING = (
    f"PostGIS {MINIMUM_POSTGIS[0]}.{MINIMUM_POSTGIS[1]} or newer is missing: as root run "
    f"`apt-get install {PACKAGE}`, or set GRIDMAP_DATABASE_URL to a server that has it"
)
NO_PRINTING = (
    "papers need Pango and a font with Chinese characters: as root run "
    f"`apt-get install {' '.join(PRINTING_PACKAGES)}`"
)
_NO_NGINX = f"nginx is missing: as root run `apt-get install {NGINX_PACKAGE}`"


class ProgramError(ClusterError):
    """A program ended with an error; the text holds the last lines it wrote."""


@dataclass(frozen=True)
class Account:
    """The user that runs the server."""

    name: str
    uid: int
    gid: int
    switched: bool
    """True if it is another user than the caller, who then is root."""


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL version with PostGIS beside it."""

    folder: Path
    major: int
    postgis: tuple[int, int]

    def path(self, program: str) -> str:
        """Full path of ``initdb``, ``pg_ctl`` and the like."""
        return str(self.folder / program)


def server_account() -> Account:
    """The caller, or ``postgres`` if the caller is root, as whom PostgreSQL refuses to run."""
    uid = os.geteuid()
    if uid != 0:
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:  # a container may run under a bare number
            name = str(uid)
        return Account(name, uid, os.getegid(), switched=False)
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError as error:
        raise ClusterError(f"there is no user postgres on this machine; {_MISSING}") from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switched=True)


def server_programs(major: int | None = None) -> Programs:
    """The newest installed PostgreSQL with PostGIS, or the one of version ``major``, which data are bound to."""
    found = [programs for programs in _installed() if major in (None, programs.major)]
    if found:
        return max(found, key=lambda programs: (programs.major, programs.postgis))
    if major is not None:
        raise ClusterError(
            f"the data were made by PostgreSQL {major}, which is not installed with PostGIS: as root run "
            f"`apt-get install postgresql-{major}-postgis-3`"
        )
    raise ClusterError(_MISSING)


def install_packages(report: Callable[[str], None]) -> bool:
    """Install PostGIS by apt if it is missing; returns whether it did.

    No cluster of Debian's is made or started by this, and one that exists is left as it is. Raises
    ClusterError, with the command to type, for an ordinary user or where there is no apt.
    """
    if any(True for _ in _installed()):
        return False
    _apt_install(PACKAGE, _MISSING, report)
    if not any(True for _ in _installed()):
        raise ClusterError(f"apt-get installed {PACKAGE}, but {_MISSING}")
    return True


def install_nginx(report: Callable[[str], None]) -> str:
    """The path of Debian's nginx, which tests and benchmarks put in front of the server; installed if missing.

    Its service is not started. Raises ClusterError as :func:`install_packages` does.
    """
    found = _nginx()
    if found is None:
        _apt_install(NGINX_PACKAGE, _NO_NGINX, report)
        found = _nginx()
    if found is None:
        raise ClusterError(f"apt-get installed {NGINX_PACKAGE}, but {_NO_NGINX}")
    return found


def install_printing(report: Callable[[str], None]) -> bool:
    """Install what papers are printed with if it is missing; whether it did. ClusterError as above."""
    if can_print():
        return False
    _apt_install(" ".join(PRINTING_PACKAGES), NO_PRINTING, report)
    if not can_print():
        raise ClusterError(f"apt-get installed {PRINTING_PACKAGES[-1]}, but {NO_PRINTING}")
    return True


def can_print() -> bool:
    """Whether Pango is here, and a font with Chinese characters."""
    lists_fonts = shutil.which("fc-list", path=CLEAN_ENVIRONMENT["PATH"])
    if lists_fonts is None or any(find_library(name) is None for name in _PRINTING_LIBRARIES):
        return False
    caller = Account("", os.geteuid(), os.getegid(), switched=False)
    return bool(run([lists_fonts, ":lang=zh-cn", "family"], caller, cwd=Path("/")).strip())


def _nginx() -> str | None:
    return shutil.which("nginx", path=CLEAN_ENVIRONMENT["PATH"])


def _apt_install(package: str, missing: str, report: Callable[[str], None]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(missing)
    root = Account("root", 0, 0, switched=False)
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    # The caller's environment stays: it may name the proxy that leads to the packages.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "LC_ALL": "C"}
    report("reading the package lists (apt-get update)")
    try:
        run([*apt, "update"], root, cwd=Path("/"), environment=quiet)
    except ProgramError as error:  # lists that are there may do; if not, the next step says so
        report(f"apt-get update failed: {error}")
    report(f"installing {package} (apt-get install)")
    with _no_debian_cluster():
        run([*apt, "install", "--no-install-recommends", *package.split()], root, cwd=Path("/"), environment=quiet)


def run(
    command: Sequence[str],
    account: Account,
    *,
    cwd: Path,
    text: str = "",
    environment: Mapping[str, str] = CLEAN_ENVIRONMENT,
) -> str:
    """Run a program as ``account`` with ``text`` as its stdin; what it wrote to stdout.

    Raises ProgramError with the last lines it wrote.
    """
    program = Path(command[0]).name
    try:
        ended = subprocess.run(  # noqa: S603 - fixed programs, no shell
            command,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            env=dict(environment),
            cwd=cwd,
            timeout=900,
            check=False,
            umask=0o077 if account.uid != 0 else -1,
            user=account.uid if account.switched else None,
            group=account.gid if account.switched else None,
            extra_groups=[] if account.switched else None,
        )
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{program} did not end within {error.timeout:.0f} s") from error
    except OSError as error:
        raise ProgramError(f"{program} cannot be run: {error.strerror}") from error
    if ended.returncode != 0:
        last = "\n".join((ended.stdout + ended.stderr).strip().splitlines()[-8:])
        raise ProgramError(f"{program} failed with {ended.returncode}: {last}")
    return ended.stdout


def _installed() -> Iterator[Programs]:
    """Every PostgreSQL here that has PostGIS >= 3.3 and the other extensions beside it."""
    folders = set(Path("/usr/lib/postgresql").glob("*/bin"))
    for program in ("pg_config", "postgres"):
        found = shutil.which(program)
        if found:  # Debian's pg_config on PATH lies in a folder without a server, which is skipped below
            folders.add(Path(found).resolve().parent)
    for folder in folders:
        if not all(os.access(folder / name, os.X_OK) for name in _PROGRAMS):
            continue
        version = re.search(r"PostgreSQL (\d+)", _ask(folder, "--version"))
        extensions = Path(_ask(folder, "--sharedir").strip()) / "extension"
        if version is None or not all((extensions / name).exists() for name in _CONTROL_FILES):
            continue
        control = (extensions / "postgis.control").read_text(errors="replace")
        postgis = re.search(r"^default_version\s*=\s*'(\d+)\.(\d+)", control, re.MULTILINE)
        if postgis and (int(postgis[1]), int(postgis[2])) >= MINIMUM_POSTGIS:
            yield Programs(folder, int(version[1]), (int(postgis[1]), int(postgis[2])))


def _ask(folder: Path, option: str) -> str:
    caller = Account("", os.geteuid(), os.getegid(), switched=False)
    return run([str(folder / "pg_config"), option], caller, cwd=Path("/"))


@contextmanager
def _no_debian_cluster() -> Iterator[None]:
    """While it lasts, Debian's packages neither make their cluster ``main`` nor start any PostgreSQL or nginx.

    Both files are removed afterwards; the second also ends its effect by itself when this process dies.
    """
    drop_in = Path("/etc/postgresql-common/createcluster.d/gridmap-set-up.conf")
    policy = Path("/usr/sbin/policy-rc.d")
    made = []
    try:
        if not drop_in.exists():
            drop_in.parent.mkdir(parents=True, exist_ok=True)
            made.append(drop_in)
            drop_in.write_text("create_main_cluster = false\n")
        if not policy.exists():
            made.append(policy)
            policy.write_text(
                "#!/bin/sh\n# Made by GridMap's set-up and removed at its end.\n"
                f"[ -d /proc/{os.getpid()} ] || exit 0\n"
                'case "$1" in postgresql*|nginx*) exit 101 ;; esac\nexit 0\n'
            )
            policy.chmod(0o755)
        yield
    finally:
        for path in made:
            path.unlink(missing_ok=True)
