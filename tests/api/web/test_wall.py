"""The wall screen in Chromium: by a display key, red when stale, there again by itself, without WebGL too."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page
from starlette.responses import Response

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.actions.releases import make_release
from gridmap.model import PUBLIC, Actor
from gridmap.releases.periods import Month
from gridmap.store.database import Database
from tests.api.web.cockpit_figures import CITY, STREET, as_staff, figures, said, until

WEB = Path(__file__).parents[3] / "api" / "web"
WAIT_MS = 60_000
WALL = {"width": 3840, "height": 2160}
# A day of the page's clock, and in how many steps it passes: in each the wall is read anew.
DAY_MS = 24 * 3_600_000
STEPS = 24 * 12

Open = Callable[..., Any]

NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return String(kind).startsWith("webgl") ? null : get.call(this, kind, ...rest);
};
"""


class Stoppable:
    """The service, which can be away: then it answers as a proxy does whose server is gone."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.away = False
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            self.asked.append((scope["path"], headers.get(b"authorization", b"").decode()))
            if self.away:
                await Response(status_code=502)(scope, receive, send)
                return
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def wall(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """Heping with a release, on a port, with the service's own tiles; it can be away."""
    with make_copy("heping_wall") as database:
        make_release(database, OPERATOR, Month(2026, 10), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        with live_server(database, lambda app, service: Stoppable(app)) as running:
            httpx.get(f"{running.url}/v1/revisions/current/principles", timeout=60)  # who asks first waits
            yield running


@pytest.fixture(scope="module")
def key(wall: Any) -> str:
    """A read-only display key: publishable, of the role public, for the service's own page."""
    made = create_key(
        wall.service.database, OPERATOR, Actor("wall", PUBLIC.role, ()), "a wall", None, origins=(wall.url,)
    )
    wall.service.current.refresh()
    return made


def standing(page: Page) -> None:
    """Waits until the wall shows its numbers and the map is painted."""
    page.wait_for_selector("html[data-revision] .wall-cards .card", timeout=WAIT_MS)


def is_stale(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.hasAttribute('data-stale')"))


@pytest.mark.parametrize(("language", "hidden", "scheme"), [("zh", "不显示", "dark"), ("en", "hidden", "light")])
def test_a_wall_by_its_display_key(
    wall: Any, open_page: Open, pictures: Path, key: str, language: str, hidden: str, scheme: str
) -> None:
    wall.wrapped.asked.clear()
    watched = open_page(
        f"{wall.url}/embed?wall=1&language={language}&theme={scheme}&key={key}&area={STREET}&category=parking",
        viewport=WALL,
    )
    page = watched.page
    standing(page)
    page.wait_for_selector(".map-stage[data-painted]:not([aria-busy])", timeout=WAIT_MS)
    page.wait_for_selector("[data-principle='fixed']", timeout=WAIT_MS)
    assert not is_stale(page)
    asked = [header for path, header in wall.wrapped.asked if path.startswith("/v1/") and "events" not in path]
    assert set(asked) == {f"Bearer {key}"}
    found = figures(page)
    staffing = httpx.get(f"{wall.url}/v1/staffing/{STREET}").json()
    assert found["gaps"] == said(staffing["gaps"], "")
    rows = httpx.get(
        f"{wall.url}/v1/releases/2026-10", params={"of": "incidents", "by": "community", "category": "parking"}
    ).json()["rows"]
    for row in rows:
        if row["code"].startswith(STREET):
            assert found[f"part.{row['code']}.count"] == said(row["count"], hidden)
    # Nothing is cut off, nothing scrolls, nobody needs a mouse.
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    cut = page.evaluate(
        "(() => { const end = document.querySelector('.wall-foot').getBoundingClientRect().top;"
        " return [...document.querySelectorAll('.wall-cards .card')]"
        ".filter((each) => each.getBoundingClientRect().bottom > end).map((each) => each.className); })()"
    )
    assert cut == []
    assert page.locator(".wall-cards button, .wall-cards a, .wall-cards [tabindex]").count() == 0
    page.screenshot(path=pictures / f"wall_{language}.png")
    page.evaluate((WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    violations = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in violations] == []
    watched.assert_quiet(wall.url)


def test_it_turns_red_with_its_age_and_recovers_by_itself(wall: Any, open_page: Open, key: str) -> None:
    context = open_page("about:blank", locale="en-GB", viewport=WALL).page.context
    page = context.new_page()
    page.clock.install()
    page.goto(f"{wall.url}/embed?wall=1&language=en&key={key}")
    standing(page)
    page.wait_for_selector(".map-stage[data-painted]", timeout=WAIT_MS)
    page.evaluate("window.notReloaded = true")
    wall.wrapped.away = True
    try:
        page.clock.run_for(40_000)
        page.wait_for_timeout(500)
        assert not is_stale(page), "it was brought up to date half a minute ago"
        page.clock.run_for(140_000)
        page.wait_for_selector("html[data-stale]", timeout=WAIT_MS)
        assert re.search(r"Not updated for [23] min", page.inner_text(".fresh"))
        red, green, blue = map(
            int,
            re.findall(
                r"\d+", page.evaluate("getComputedStyle(document.querySelector('.fresh')).backgroundColor")
            )[:3],
        )
        assert red > 150 > 2 * max(green, blue)
        assert figures(page)["cells"], "the last numbers stay"
        page.clock.run_for(4 * 3_600_000)
        assert "4 h" in page.inner_text(".fresh")
    finally:
        wall.wrapped.away = False
    page.clock.run_for(10_000)
    page.wait_for_selector("html:not([data-stale])", timeout=WAIT_MS)
    assert "updated" in page.inner_text(".fresh")
    assert page.evaluate("window.notReloaded")


def test_it_recovers_after_the_server_was_started_again(
    live_server: Any, make_copy: Callable[..., Any], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind, ports = socket.socket.bind, [0]

    def bind_again(self: socket.socket, address: tuple[str, int]) -> None:
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bind(self, (address[0], address[1] or ports[0]))

    monkeypatch.setattr(socket.socket, "bind", bind_again)
    with make_copy("heping_wall_restarted") as database:
        with live_server(database) as running:
            page = open_page(f"{running.url}/embed?wall=1&language=en", locale="en-GB").page
            standing(page)
            ports[0] = int(running.url.rpartition(":")[2])
        page.evaluate("document.querySelector('.wall-cards').replaceChildren()")  # so that what comes is new
        with live_server(Database(database.url)) as again:
            assert again.url == running.url
            standing(page)
            until(page, "!document.documentElement.hasAttribute('data-stale')")


def test_without_webgl_the_map_is_a_picture(
    wall: Any, open_page: Open, key: str, colours: Callable[..., Any]
) -> None:
    context = open_page("about:blank", viewport={"width": 1920, "height": 1080}).page.context
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.add_init_script(NO_WEBGL)
    wall.wrapped.asked.clear()
    page.goto(f"{wall.url}/embed?wall=1&key={key}&of=place")
    page.wait_for_selector(".map-room[data-picture]", timeout=WAIT_MS)
    assert int(page.get_attribute(".map-room", "data-picture") or 0) == 2400
    assert page.get_attribute(".picture", "alt")
    share, count = colours(page, page.locator(".picture").screenshot())
    assert share < 0.97
    assert count > 10
    assert not any("maplibre" in path for path, _ in wall.wrapped.asked), "a library that is of no use here"
    assert complaints == []


def test_a_key_that_is_not_taken_is_said(wall: Any, open_page: Open) -> None:
    page = open_page(f"{wall.url}/embed?wall=1&language=en&area=nowhere").page
    page.wait_for_selector("html[data-stale]", timeout=WAIT_MS)
    assert "Cannot be shown" in page.inner_text(".fresh")


def test_staff_see_live_counts_on_a_wall(wall: Any, open_page: Open) -> None:
    options = as_staff(wall, CITY)
    page = open_page(f"{wall.url}/embed?wall=1&language=en", viewport=WALL, **options).page
    standing(page)
    assert "Live counts" in page.inner_text(".mode")
    assert figures(page)["open_incidents"].isdigit()
    assert page.locator("svg.week").count() == 1


def heap_bytes(session: Any) -> int:
    """What is held after all that is not was collected."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    return int(session.send("Runtime.getHeapUsage")["usedSize"])


@pytest.mark.soak
@pytest.mark.parametrize("webgl", [True, False])
def test_memory_is_flat_over_a_day(wall: Any, open_page: Open, key: str, webgl: bool) -> None:
    """24 hours by the page's own clock, in steps of five minutes: after each all of it is read and drawn anew."""
    context = open_page("about:blank", viewport={"width": 1280, "height": 720}).page.context
    page = context.new_page()
    if not webgl:
        page.add_init_script(NO_WEBGL)
    page.clock.install()
    page.goto(f"{wall.url}/embed?wall=1&key={key}")
    standing(page)
    page.wait_for_selector(".map-stage[data-painted]" if webgl else ".map-room[data-picture]", timeout=WAIT_MS)
    session = context.new_cdp_session(page)
    wall.wrapped.asked.clear()
    held = []
    for step in range(STEPS):
        page.clock.fast_forward(DAY_MS // STEPS)
        until(page, f"Number(document.documentElement.dataset.read) > {step + 1}")
        if (step + 1) % (STEPS // 24) == 0:
            page.clock.run_for(20_000)  # with every tick
            held.append((heap_bytes(session), session.send("Memory.getDOMCounters")["nodes"]))
            assert not is_stale(page)
    read = sum(path.startswith("/v1/staffing") for path, _ in wall.wrapped.asked)
    megabytes = [f"{heap / 2**20:.1f}" for heap, _ in held]
    nodes = f"{held[0][1]} to {held[-1][1]}"
    print(f"\nwall, a day, webgl {webgl}: read {read} times; DOM nodes {nodes}; heap MB by hour {megabytes}")
    assert read >= STEPS
    early, late = max(heap for heap, _ in held[2:6]), min(heap for heap, _ in held[-4:])
    assert late < early * 1.1 + 2**20, megabytes
    assert held[-1][1] < held[3][1] * 1.2 + 500
