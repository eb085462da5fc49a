"""nginx in front of a server on this machine, as docker-compose.yml has it before its own. Imports ``errors``."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from gridmap.errors import Unavailable

CONFIGURATION = Path(__file__).with_name("nginx.conf")
_STARTS_WITHIN_S = 20.0


def configured(port: int, upstream: str, folder: Path) -> str:
    """The configuration for a port of this machine, a server ``host:port`` and a folder for what nginx writes."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    changed = {
        "pid /tmp/gridmap-nginx.pid;": f"pid {folder}/nginx.pid;",
        "/var/cache/nginx/tiles": f"{folder}/tiles",
        "server gridmap:8000;": f"server {upstream};",
        "listen 8000;": f"listen 127.0.0.1:{port};",
    }
    for ours, here in changed.items():
        if text.count(ours) != 1:
            raise Unavailable(f"{CONFIGURATION} does not say {ours!r} once")
        text = text.replace(ours, here)
    return text


@contextmanager
def nginx_before(program: str, port: int, upstream: str, folder: Path) -> Iterator[int]:
    """Run nginx in the foreground of a process of its own; gives the id of its master process.

    Unavailable when it does not answer in time.
    """
    path = folder / "nginx.conf"
    path.write_text(configured(port, upstream, folder), encoding="utf-8")
    folder.chmod(0o755)  # as root its workers are another user
    command = [program, "-c", str(path), "-p", str(folder), "-e", "stderr", "-g", "daemon off;"]
    with subprocess.Popen(command) as process:  # noqa: S603 - a fixed program, no shell
        try:
            _wait_for(port, process)
            yield process.pid
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            opener.open(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except (URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable("nginx does not answer") from error
            time.sleep(0.05)
        else:
            return
