"""The folder of a private cluster: made, marked, locked, and with a place for the server's socket.

Imports only gridmap.errors and gridmap.programs.
"""

import fcntl
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridmap.errors import ClusterError
from gridmap.programs import Account, ProgramError, run

PORT = 5432  # only names the socket: the server does not listen on any address

_MARKER = "gridmap-cluster.json"
_SOCKET_PATH_BYTES = 107  # sun_path of unix(7) has 108 bytes, the last one is NUL
_LOCK_TIMEOUT_S = 300.0


class ClusterFolder:
    """A folder that GridMap made for one server; only that server's user and root may enter it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder and its missing parents."""
        try:
            missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
            for path in reversed(missing):
                path.mkdir(exist_ok=True)
                path.chmod(0o700 if path == self.path else 0o755)  # whatever the umask says
        except OSError as error:
            raise ClusterError(
                f"cannot make {self.path}: {error.strerror}; set GRIDMAP_HOME to a folder of your own"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder itself, so that a folder of somebody else gets no lock file from us."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise ClusterError(f"cannot open {self.path}: {error.strerror}") from error
        try:
            deadline = time.monotonic() + _LOCK_TIMEOUT_S
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise ClusterError(
                            f"another process has held {self.path} for {_LOCK_TIMEOUT_S:.0f} s"
                        ) from error
                    time.sleep(0.1)
            yield
        finally:
            os.close(handle)

    def claim(self, account: Account) -> None:
        """Mark an empty folder as ours; refuse any other folder without the marker."""
        # A marker's draft alone is ours too: a crash came before it got its name.
        if all(path.name == f"{_MARKER}.new" for path in self.path.iterdir()):
            self._remember(None, account)
            os.chown(self.path, account.uid, account.gid)
            self.path.chmod(0o700)
        self.check_ours(account)
        try:
            run(["/bin/ls", "-d", f"{self.path}/."], account, cwd=Path("/"))
        except ProgramError as error:
            raise ClusterError(
                f"the server's user {account.name} may not enter {self.path}; "
                "set GRIDMAP_HOME to a folder that it may enter"
            ) from error

    def exists(self) -> bool:
        """Whether there is such a folder; ClusterError if this user may not even know."""
        try:
            self.path.stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ClusterError(f"cannot look at {self.path}: {error.strerror}") from error
        return True

    def check_ours(self, account: Account) -> None:
        """Refuse a folder that GridMap did not make, or made for another user."""
        if not (self.path / _MARKER).exists():
            raise ClusterError(f"{self.path} holds files that GridMap did not make: name another folder")
        uid = self.path.stat().st_uid
        if uid != account.uid:
            raise ClusterError(
                f"{self.path} belongs to user id {uid}, not to {account.name} ({account.uid}): "
                "run as the user who made it, or set GRIDMAP_HOME"
            )

    def _remember(self, socket_folder: Path | None, account: Account) -> None:
        """Write the marker: this folder is ours, and its socket is here or in ``socket_folder``."""
        fresh = self.path / f"{_MARKER}.new"
        fresh.unlink(missing_ok=True)
        text = json.dumps({"socket_folder": str(socket_folder) if socket_folder else None})
        # O_EXCL: root writes in a folder of another user and must not follow a link laid there.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            os.fchown(file.fileno(), account.uid, account.gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self.path / _MARKER)

    def socket_file(self) -> Path:
        """Where the server's socket is or would be; ClusterError before the first up()."""
        marker = self.path / _MARKER
        try:
            elsewhere = json.loads(marker.read_text())["socket_folder"]
        except OSError as error:
            raise ClusterError(f"no cluster in {self.path} ({error.strerror}): run `gridmap up`") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterError(f'{marker} is damaged: write {{"socket_folder": null}} into it') from error
        return Path(elsewhere or self.path) / f".s.PGSQL.{PORT}"

    def prepare_socket_folder(self, account: Account) -> Path:
        """The folder for the socket: ours, or a short private one where the path is too long for a socket."""
        remembered = self.socket_file().parent
        plain = re.fullmatch(r"[\w./+-]+", str(self.path), re.ASCII)  # libpq splits hosts at commas
        if plain and len(os.fsencode(self.path / f".s.PGSQL.{PORT}.lock")) <= _SOCKET_PATH_BYTES:
            if remembered != self.path:  # the folder was moved here from a longer path
                self._remember(None, account)
            return self.path
        if remembered != self.path and _private(remembered, account):
            return remembered
        parent = "/run" if account.switched else "/tmp"  # noqa: S108 - mkdtemp makes it private
        short = Path(tempfile.mkdtemp(prefix="gridmap-", dir=parent))
        os.chown(short, account.uid, account.gid)
        self._remember(short, account)
        return short


def _private(folder: Path, account: Account) -> bool:
    """Whether this is a real folder that only the server's user may enter."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077
