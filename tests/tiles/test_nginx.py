"""Debian's nginx with the configuration of docker-compose.yml, in front of a server that really runs."""

from __future__ import annotations

import gzip
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import brotli
import pytest

from gridmap.cli.server import free_port
from gridmap.errors import ClusterError
from gridmap.programs import install_nginx
from gridmap.store.database import Database
from tiles.nginx import CONFIGURATION, configured, nginx_before

HERE = "14/13525/6254"


@pytest.fixture(scope="module")
def program(alone: Callable[[str], AbstractContextManager[None]]) -> str:
    try:
        with alone("apt"):
            return install_nginx(print)
    except ClusterError as error:
        pytest.skip(f"nginx is not here and cannot be installed: {error}")


@dataclass(frozen=True)
class Front:
    """nginx, and the server behind it."""

    port: int
    server: int

    def ask(
        self, path: str, method: str = "GET", *, behind: bool = False, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body as they are sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server if behind else self.port, timeout=30)
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body


@pytest.fixture(scope="module")
def front(program: str, heping: Database) -> Iterator[Front]:
    """nginx before ``gridmap serve`` on Heping."""
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))  # nginx's workers, another user, must come there
    server = free_port("127.0.0.1", 18_200)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))}
    url = heping.url.set(username="gridmap_app").render_as_string(hide_password=False)
    environment |= {"GRIDMAP_DATABASE_URL": url, "GRIDMAP_HOME": str(folder / "home"), "GRIDMAP_PORT": str(server)}
    command = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "ready http://" in process.stdout.readline()
            port = free_port("127.0.0.1", 18_250)
            with nginx_before(program, port, f"127.0.0.1:{server}", folder):
                yield Front(port, server)
        finally:
            process.terminate()
    shutil.rmtree(folder)


def test_debians_nginx_takes_the_configuration(program: str, tmp_path: Path) -> None:
    path = tmp_path / "nginx.conf"
    command = [program, "-t", "-c", str(path), "-p", str(tmp_path), "-e", "stderr"]
    path.write_text(configured(18_100, "127.0.0.1:18101", tmp_path), encoding="utf-8")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    path.write_text(path.read_text(encoding="utf-8").replace("proxy_cache tiles;", "proxy_cache nothing;"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_what_is_logged_holds_no_address() -> None:
    lines = [line.strip() for line in CONFIGURATION.read_text(encoding="utf-8").splitlines()]
    assert "access_log off;" in lines
    assert "error_log stderr emerg;" in lines


def test_a_pinned_tile_is_kept_once_for_each_encoding(front: Front) -> None:
    path = f"/tiles/1/cells/{HERE}.mvt"
    bodies = {}
    for accepted, encoding in (("gzip, deflate, br", "br"), ("gzip", "gzip"), ("", None)):
        status, headers, first = front.ask(path, Accept_Encoding=accepted)
        assert (status, headers.get("content-encoding"), headers["x-cache-status"]) == (200, encoding, "MISS")
        status, headers, second = front.ask(path, Accept_Encoding=accepted)
        assert (status, headers.get("content-encoding"), headers["x-cache-status"]) == (200, encoding, "HIT")
        assert first == second
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["access-control-allow-origin"] == "*"
        assert headers["gridmap-revision"] == "1"
        bodies[encoding] = first
    assert brotli.decompress(bodies["br"]) == gzip.decompress(bodies["gzip"]) == bodies[None]
    # other spellings of the same are answered from the same entries
    for accepted, encoding in (
        ("br;q=1.0, gzip;q=0.8", "br"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0", None),
        ("*", "gzip"),
    ):
        _, headers, body = front.ask(path, Accept_Encoding=accepted)
        assert (headers["x-cache-status"], headers.get("content-encoding")) == ("HIT", encoding), accepted
        assert body == bodies[encoding]


def test_secure_headers_come_through(front: Front) -> None:
    for path in ("/v1/city", f"/tiles/1/cells/{HERE}.mvt", f"/tiles/1/cells/{HERE}.mvt", "/v1/nothing", "/embed"):
        _, headers, _ = front.ask(path)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cross-origin-resource-policy"] == "cross-origin"


def test_where_a_request_comes_from_is_nginxs_own_word() -> None:
    """A client's own word would give it as many buckets as it makes up, or, as this machine, no limit at all."""
    places = CONFIGURATION.read_text(encoding="utf-8").count("proxy_set_header X-Forwarded-For $remote_addr;")
    assert places == 2, "where a header is set again, all are"
    assert "$proxy_add_x_forwarded_for" not in CONFIGURATION.read_text(encoding="utf-8")


def test_head_and_conditions_are_answered_from_what_is_kept(front: Front) -> None:
    path = f"/tiles/1/street/{HERE}.mvt"
    _, got, _ = front.ask(path, Accept_Encoding="gzip")
    status, headers, body = front.ask(path, "HEAD", Accept_Encoding="gzip")
    assert (status, body, headers["content-length"], headers["x-cache-status"]) == (
        200,
        b"",
        got["content-length"],
        "HIT",
    )
    status, headers, body = front.ask(path, Accept_Encoding="gzip", If_None_Match=got["etag"])
    assert (status, body, headers["x-cache-status"]) == (304, b"", "HIT")


def test_an_empty_tile_is_kept_as_nothing(front: Front) -> None:
    kept = [front.ask("/tiles/1/cells/14/0/0.mvt") for _ in range(2)]
    assert [(status, headers["x-cache-status"], body) for status, headers, body in kept] == [
        (204, "MISS", b""),
        (204, "HIT", b""),
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/tiles/cells/{HERE}.mvt", 200),
        (f"/tiles/1/overlays/{HERE}.mvt", 200),  # no version: it may change
        ("/tiles/cells.json", 200),
        ("/v1/city", 200),
        ("/tiles/2/cells/14/1/1.mvt", 404),
        ("/tiles/1/nothing/14/1/1.mvt", 404),
        ("/v1/nowhere", 404),
    ],
)
def test_what_may_change_is_never_kept(front: Front, path: str, status: int) -> None:
    for _ in range(2):
        found, headers, body = front.ask(path)
        assert found == status
        assert headers.get("x-cache-status") != "HIT"
        assert body == front.ask(path, behind=True)[2].replace(b":%d/" % front.server, b":%d/" % front.port)


def test_many_who_ask_at_once_cause_one_request(front: Front) -> None:
    def asked() -> float:
        wanted = 'gridmap_request_seconds_count{route="/tiles/{revision}/{layer}/{z}/{x}/{y}.mvt",status="200"}'
        lines = front.ask("/metrics")[2].decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))

    before = asked()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(front.ask, ["/tiles/1/community/13/6762/3127.mvt"] * 50))
    assert {status for status, _, _ in answers} == {200}
    assert asked() == before + 1
