"""The desk without its server: what was looked at still answers, says since when, and recovers by itself."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely

from gridmap.actions.sessions import open_session
from gridmap.cluster import Cluster
from gridmap.model import Actor
from gridmap.store.database import Database
from tests.conftest import as_superuser
from tests.gridmap.actions.test_publish import grid_of

WAIT_MS = 90_000
LON, LAT = 117.1950, 39.1180


class Served:
    """``gridmap serve`` on one port, which may be stopped and started again."""

    def __init__(self, database: Database, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "GRIDMAP_DATABASE_URL": database.url.set(username="gridmap_app").render_as_string(hide_password=False),
            "GRIDMAP_HOME": str(home),
            "GRIDMAP_PORT": str(self.port),
            "PATH": "/usr/bin:/bin",
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("gridmap")), "serve"]
        self.process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("ready")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=30)
            self.process = None


@pytest.fixture
def served(heping_served: Database, tmp_path: Path) -> Iterator[Served]:
    server = Served(heping_served, tmp_path)
    server.start()
    yield server
    server.stop()


def test_what_was_looked_at_answers_without_the_server(
    served: Served, heping_served: Database, open_page: Callable[..., Any]
) -> None:
    grid = grid_of(heping_served)
    here = grid.cells[grid.index.locate(LON, LAT)[0]]
    page = open_page(f"{served.url}/dispatcher#lon={LON}&lat={LAT}&crs=wgs84").page
    page.wait_for_selector(f".answer .code:text-is('{here.code}')", timeout=WAIT_MS)
    page.wait_for_selector(".map-stage[data-revision]:not([aria-busy])", timeout=WAIT_MS)
    page.wait_for_selector(".desk:not([data-kept='0'])", timeout=WAIT_MS)
    page.evaluate(WHEN_KEPT)

    served.stop()
    page.wait_for_selector(".banner:has-text('服务器自')", timeout=WAIT_MS)
    neighbour = near(grid, here)
    lon, lat = shapely.point_on_surface(grid.index.degrees[grid.by_code[neighbour]]).coords[0]
    page.fill("#box", f"WGS84 {lon:.6f}, {lat:.6f}")
    page.press("#box", "Enter")
    page.wait_for_selector(f".answer .code:text-is('{neighbour}')", timeout=WAIT_MS)
    said = page.inner_text(".found")
    assert "保存的结果" in said
    assert "022-0" in said
    assert page.locator(".report").count() == 0, "nothing can be reported now"

    page.reload()
    page.wait_for_selector(f".answer .code:text-is('{neighbour}')", timeout=WAIT_MS)
    assert "保存的结果" in page.inner_text(".found")
    page.fill("#box", "WGS84 117.0, 39.0")
    page.press("#box", "Enter")
    page.wait_for_selector(".problem:has-text('服务器连不上')", timeout=WAIT_MS)
    page.go_back()
    page.wait_for_selector(f".answer .code:text-is('{neighbour}')", timeout=WAIT_MS)

    served.start()
    page.wait_for_selector(".banner:has-text('服务器自')", state="detached", timeout=WAIT_MS)
    page.wait_for_selector(".answer:not(:has-text('保存的结果'))", timeout=WAIT_MS)
    assert neighbour in page.inner_text(".answer")


@pytest.fixture
def drafting(make_copy: Callable[..., Any], tmp_path: Path) -> Iterator[tuple[Served, Database]]:
    """A server of a copy of Heping of its own, in which drafts may be made."""
    with make_copy("heping_drafting") as database:
        server = Served(database, tmp_path)
        server.start()
        yield server, database
        server.stop()


def test_the_planners_desk_says_what_is_away_and_goes_on_where_it_was(
    drafting: tuple[Served, Database], postgis: Cluster, open_page: Callable[..., Any]
) -> None:
    served, database = drafting
    cookie = open_session(database, Actor("zhao", "planner", ("120101",)), datetime.now(UTC) + timedelta(hours=1))
    cookies = [{"name": "gridmap", "value": cookie, "domain": "127.0.0.1", "path": "/"}]
    page = open_page(f"{served.url}/planner", storage_state={"cookies": cookies}).page
    page.wait_for_selector("#draft-name", state="attached", timeout=WAIT_MS)
    if not page.is_visible("#draft-name"):
        page.click(".start summary")
    page.fill("#draft-name", "河沿调整")

    served.stop()
    page.wait_for_selector(".banner:has-text('恢复后会自动接续')", timeout=WAIT_MS)
    page.click(".start button.primary")
    page.wait_for_selector(".problem:has-text('没有记入')", timeout=WAIT_MS)
    assert page.input_value("#draft-name") == "河沿调整", "nothing that was typed is lost"
    served.start()
    page.wait_for_selector(".banner:has-text('恢复后会自动接续')", state="detached", timeout=WAIT_MS)

    name = database.url.database
    database.dispose()
    as_superuser(postgis, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        as_superuser(postgis, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        page.wait_for_selector(".banner:has-text('数据库自')", timeout=WAIT_MS)
        page.click(".start button.primary")
        page.wait_for_selector(".problem", timeout=WAIT_MS)
        assert page.input_value("#draft-name") == "河沿调整"
    finally:
        as_superuser(postgis, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    page.wait_for_selector(".banner:has-text('数据库自')", state="detached", timeout=WAIT_MS)
    page.click(".start button.primary")
    page.wait_for_selector("#tool-split", timeout=WAIT_MS)
    assert "河沿调整" in page.inner_text(".panel")


# The page's own scripts are kept by the service worker once it is there.
WHEN_KEPT = """
async () => {
  await navigator.serviceWorker.ready;
  for (let turn = 0; turn < 200; turn++) {
    const kept = (await (await caches.open("gridmap-1")).keys()).map((each) => each.url);
    if (kept.some((each) => /dispatcher$/.test(each)) && kept.some((each) => /assets.dispatcher-.*js$/.test(each))
        && kept.some((each) => /styles/.test(each))) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the service worker kept nothing");
}
"""


def near(grid: Any, here: Any) -> str:
    """The cell with most of its edge along another one's."""
    shape = grid.index.degrees[grid.by_code[here.code]]
    others = [each.code for each in grid.cells if each.community == here.community and each.code != here.code]
    return max(others, key=lambda code: shapely.intersection(shape, grid.index.degrees[grid.by_code[code]]).length)
