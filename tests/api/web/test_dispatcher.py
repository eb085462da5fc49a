"""The dispatcher's desk in Chromium: every way to ask, both languages, by keyboard, and without the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from playwright.sync_api import Page
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.crs import from_wgs84
from gridmap.model import Actor
from gridmap.store.database import Database
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next

pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops:DeprecationWarning")

WEB = Path(__file__).parents[3] / "api" / "web"
WAIT_MS = 60_000
MOST_FIRST_BYTES = 1_000_000
# A place well inside Heping.
LON, LAT = 117.1950, 39.1180

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def desk(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """Heping with the service's own tiles; one test writes an incident, none publishes."""
    with make_copy("heping_desk") as database, live_server(database) as running:
        yield running


def answered(page: Page, code: str | None = None) -> str:
    """What the answer says, once it is there."""
    page.wait_for_selector("#found", timeout=WAIT_MS)
    if code is not None:
        page.wait_for_selector(f".answer .code:text-is('{code}')", timeout=WAIT_MS)
    return page.inner_text(".found")


def drawn(page: Page, revision: int = 1) -> None:
    page.wait_for_selector(f".map-stage[data-revision='{revision}']:not([aria-busy])", timeout=WAIT_MS)


def cell_at(running: Any, lon: float, lat: float) -> Any:
    grid = running.service.state.ready.grid
    return grid.cells[grid.index.locate(lon, lat)[0]]


def quiet(watched: Any, origin: str) -> None:
    """Nothing from elsewhere, and no complaint."""
    watched.assert_quiet(origin)


def ask(page: Page, text: str) -> None:
    page.fill("#box", text)
    page.press("#box", "Enter")


def test_a_click_answers_in_both_languages(desk: Any, open_page: Open) -> None:
    watched = open_page(f"{desk.url}/dispatcher", viewport={"width": 1280, "height": 800})
    page = watched.page
    drawn(page)
    page.mouse.click(800, 400)
    answered(page)
    lon, lat = (float(each) for each in re.findall(r"(?:lon|lat)=([\d.]+)", page.url))
    cell = cell_at(desk, lon, lat)
    shown = answered(page, cell.code)
    for word in ("现在拨打", "依次拨打", "紧急电话", "110", "距边界", "022-0", "网格公示牌"):
        assert word in shown
    page.click("#language")
    shown = answered(page, cell.code)
    for word in ("Call now", "Whom to call, in this order", "Emergency", "from the edge", "duty desk"):
        assert word in shown
    assert page.get_attribute("html", "lang") == "en-GB"
    page.reload()
    assert "Call now" in answered(page, cell.code), "the place is in the address, the language is kept"
    drawn(page)
    quiet(watched, desk.url)


@pytest.fixture(scope="module")
def home(desk: Any) -> tuple[str, float, float]:
    """An address of the demo city that nothing else sounds like, in a street of many cells, and its point."""
    query = text(
        "SELECT name.name || address.number || '号', ST_X(geom), ST_Y(geom) FROM address "
        "JOIN address_name name ON name.id = name_id WHERE address.kind = 'number' AND number > 2 AND NOT EXISTS ("
        "SELECT FROM address_name other WHERE other.sound = name.sound AND other.id <> name.id) "
        "ORDER BY count(*) OVER (PARTITION BY name_id) DESC, 1 LIMIT 1"
    )
    with desk.service.database.begin(OPERATOR) as connection:
        return tuple(connection.execute(query).one())  # type: ignore[return-value]


def test_an_address_finds_one_place_and_a_vague_one_what_to_ask(
    desk: Any, open_page: Open, home: tuple[str, float, float]
) -> None:
    address, lon, lat = home
    watched = open_page(f"{desk.url}/")
    page = watched.page
    ask(page, address)  # the way in has the box, too
    cell = cell_at(desk, lon, lat)
    assert address in answered(page, cell.code)
    page.select_option("#category", "noise")
    page.wait_for_selector("h3:text-is('对口部门')", timeout=WAIT_MS)
    assert "category=noise" in page.url

    ask(page, address.rstrip("0123456789号"))
    page.wait_for_selector("h2:text-is('可能是几处，请问来电人')", timeout=WAIT_MS)
    before = page.locator(".candidate").count()
    assert before > 1
    assert page.locator(".group h3 a[href^='tel:']").count() > 1
    page.locator(".questions button").first.click()
    page.wait_for_function("n => document.querySelectorAll('.candidate').length < n", arg=before, timeout=WAIT_MS)
    page.locator(".candidate").first.click()
    page.wait_for_selector(".answer .calls", timeout=WAIT_MS)
    drawn(page)
    quiet(watched, desk.url)


def test_a_code_and_what_is_not_found(desk: Any, open_page: Open) -> None:
    watched = open_page(f"{desk.url}/dispatcher")
    page = watched.page
    ask(page, "120101001001001")
    answered(page, "120101001001001")
    ask(page, "120101001")
    page.wait_for_selector("text=这是一个区域", timeout=WAIT_MS)
    ask(page, "120101999999999")
    page.wait_for_selector(".problem:has-text('没有找到')", timeout=WAIT_MS)
    ask(page, "qqqqqq 77")
    page.wait_for_selector("h2:text-is('没有找到这个地址')", timeout=WAIT_MS)
    assert page.locator(".next a[href^='tel:']").count() == 1
    ask(page, "GPS 116.2, 39.9")
    page.wait_for_selector("h2:text-is('不在本市范围内')", timeout=WAIT_MS)
    shown = page.inner_text(".found")
    assert "最近的网格" in shown
    assert "022-0" in shown
    ask(page, "WGS84 95 185")
    page.wait_for_selector("h2:text-is('没有找到这个地址')", timeout=WAIT_MS)


def test_a_pasted_pair_asks_for_its_system_and_shows_each(desk: Any, open_page: Open) -> None:
    watched = open_page(f"{desk.url}/dispatcher", viewport={"width": 1280, "height": 800})
    page = watched.page
    drawn(page)
    (x,), (y,) = from_wgs84("gcj02", [LON], [LAT])
    ask(page, f"{y:.6f}，{x:.6f}")
    shown = answered(page)
    for word in ("哪种坐标系", "GCJ-02", "BD-09", "CGCS2000", "纬度在前"):
        assert word in shown
    assert page.locator(".map-stage .choice").all_inner_texts() == ["GPS", "高德 腾讯", "百度"]
    page.locator(".choices button", has_text="GCJ-02").click()
    shown = answered(page, cell_at(desk, LON, LAT).code)
    assert "按 GCJ-02" in shown
    assert "crs=gcj02" in page.url
    page.go_back()
    page.wait_for_selector(".choices", timeout=WAIT_MS)
    quiet(watched, desk.url)


def test_near_an_edge_both_desks_are_given(desk: Any, open_page: Open) -> None:
    grid = desk.service.state.ready.grid
    shape = grid.index.degrees[grid.by_code["120101001001001"]]
    ring = shapely.get_coordinates(shapely.get_exterior_ring(shapely.get_parts(shape)[0]))
    inner = np.array(shapely.point_on_surface(shape).coords[0])
    on_edge = (ring[0] + ring[1]) / 2
    lon, lat = on_edge + (inner - on_edge) / np.hypot(*(inner - on_edge)) * 0.00004
    page = open_page(f"{desk.url}/dispatcher#lon={lon}&lat={lat}&crs=wgs84").page
    answered(page, cell_at(desk, lon, lat).code)
    page.wait_for_selector(".across .other a[href^='tel:'], .banner:has-text('靠近边界')", timeout=WAIT_MS)
    codes = set(page.locator(".across .code").all_inner_texts())
    near = {each.code for each in desk.service.state.ready.grid.cells} - {"120101001001001"}
    assert codes
    assert codes <= near


def test_another_time_is_never_taken_for_now(desk: Any, open_page: Open) -> None:
    page = open_page(f"{desk.url}/dispatcher#lon={LON}&lat={LAT}&crs=wgs84").page
    answered(page)
    then = desk.service.state.ready.grid.revision.valid_from.astimezone(desk.service.state.ready.city.zone)
    page.fill("#at", f"{then:%Y-%m-%d}T23:30")
    page.dispatch_event("#at", "change")
    page.wait_for_selector(".banner.then:has-text('不是现在')", timeout=WAIT_MS)
    answered(page)
    assert page.locator(".report").count() == 0, "nobody reports into the past"
    page.fill("#at", "2001-01-01T00:00")
    page.dispatch_event("#at", "change")
    page.wait_for_selector(".problem:has-text('没有找到')", timeout=WAIT_MS)
    page.click("#now")
    answered(page)
    assert page.locator(".banner.then").count() == 0


def test_an_incident_is_reported_from_here(desk: Any, open_page: Open) -> None:
    key = create_key(desk.service.database, OPERATOR, Actor("desk-key", "dispatcher", ("120101",)), "a test", None)
    desk.service.current.refresh()
    page = open_page(f"{desk.url}/dispatcher#lon={LON}&lat={LAT}&crs=wgs84&category=noise").page
    answered(page)
    page.click(".report summary")
    page.fill(".report input[name=key]", "gm_nobody_knows_this_one")
    page.fill(".report input[name=reporter]", "T-1")
    page.click(".report button")
    page.wait_for_selector(".report .problem:has-text('身份不被认可')", timeout=WAIT_MS)
    page.fill(".report input[name=key]", key)
    page.click(".report button")
    page.wait_for_selector(f".report .good:has-text('{cell_at(desk, LON, LAT).code}')", timeout=WAIT_MS)
    with desk.service.database.begin(OPERATOR) as connection:
        query = text("SELECT category, reporter, external_id FROM incident WHERE source = 'dispatcher'")
        (row,) = connection.execute(query).all()
    assert (row.category, row.reporter) == ("noise", "T-1")
    assert row.external_id in page.inner_text(".report .good"), "the caller is told the number"
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert key not in kept, "the key stays in the page's memory"


def test_the_keyboard_alone_does_the_whole_job(desk: Any, open_page: Open, home: tuple[str, float, float]) -> None:
    page = open_page(f"{desk.url}/dispatcher").page
    page.wait_for_selector(".empty", timeout=WAIT_MS)
    keys = page.keyboard
    keys.press("Escape")  # from anywhere to the box
    keys.insert_text(home[0])
    keys.press("Enter")
    answered(page, cell_at(desk, *home[1:]).code)
    assert focus(page) == "found"
    first = tab_to(page, "a.call")
    tab_to(page, ".no-answer")
    keys.press("Enter")
    assert focus(page).startswith("tel:")
    assert focus(page) != first, "the next one is at hand at once"
    assert page.locator(".ladder .tried").count() == 1
    tab_to(page, ".ladder input")
    keys.press("Space")
    assert page.locator(".ladder .tried").count() == 0
    tab_to(page, ".report summary")
    keys.press("Enter")
    tab_to(page, ".report select")
    keys.press("Escape")
    assert focus(page) == "box"
    drawn(page)
    tab_to(page, ".map canvas")
    keys.press("Enter")
    page.wait_for_url("**crs=wgs84*", timeout=WAIT_MS)
    answered(page)
    keys.press("Escape")
    keys.insert_text("39.118 117.195")
    keys.press("Enter")
    page.wait_for_selector(".choices", timeout=WAIT_MS)
    tab_to(page, ".choices button")
    keys.press("Enter")
    answered(page, cell_at(desk, LON, LAT).code)


def focus(page: Page) -> str:
    focused: str = page.evaluate("document.activeElement.id || document.activeElement.href || ''")
    return focused


def tab_to(page: Page, selector: str) -> str:
    """Goes on by Tab until what is meant has the focus, which must be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on {selector} cannot be seen"
            return focus(page)
    raise AssertionError(f"no way to {selector} by Tab")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_axe_finds_nothing_serious(
    desk: Any, open_page: Open, home: tuple[str, float, float], scheme: str
) -> None:
    axe = (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page = open_page(f"{desk.url}/", color_scheme=scheme).page
    street = home[0].rstrip("0123456789号")
    page.wait_for_selector(".desks", timeout=WAIT_MS)
    for place in ("", "dispatcher", f"dispatcher#lon={LON}&lat={LAT}&crs=wgs84", "dispatcher#text=39.118+117.195",
                  f"dispatcher#text={street}", "dispatcher#text=120101999999999"):  # fmt: skip
        page.goto("about:blank")
        page.goto(f"{desk.url}/{place}")
        page.wait_for_selector(".desks, .empty, #found, .problem", timeout=WAIT_MS)
        if place.startswith("dispatcher#lon"):
            drawn(page)
            page.click(".report summary")
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        grave = [
            (each["id"], [node["html"] for node in each["nodes"]][:3])
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert grave == [], place
        assert found["violations"] == [] or all(
            each["impact"] in ("minor", "moderate") for each in found["violations"]
        )


def test_a_new_revision_is_there_without_reload(live_server: Any, heping_copy: Database, open_page: Open) -> None:
    with live_server(heping_copy) as running:
        grid = grid_of(heping_copy)
        change = a_split(grid, np.random.default_rng(5), "x")
        (old,) = change.ended
        lon, lat = shapely.point_on_surface(grid.index.degrees[grid.by_code[old]]).coords[0]
        page = open_page(f"{running.url}/dispatcher#lon={lon:.7f}&lat={lat:.7f}&crs=wgs84").page
        answered(page, old)
        drawn(page)
        page.evaluate("window.notReloaded = true")
        publish_next(heping_copy, change, grid)
        page.wait_for_selector(f".answer .code:has-text('{old}x')", timeout=WAIT_MS)
        page.wait_for_selector(".banner:has-text('第 2 版')", timeout=WAIT_MS)
        drawn(page, revision=2)
        assert page.evaluate("window.notReloaded")
        assert cell_at(running, lon, lat).code in page.inner_text(".answer")


class CountedBytes:
    """Counts what is sent besides tiles, by path."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.sent: dict[str, int] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            path = scope["path"]
            if message["type"] == "http.response.body" and not path.endswith(".mvt"):
                self.sent[path] = self.sent.get(path, 0) + len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, counted if scope["type"] == "http" else send)


def test_the_first_load_is_small_and_under_a_path_of_a_proxy_too(
    live_server: Any, heping_served: Database, open_page: Open
) -> None:
    database = Database(heping_served.url)
    with live_server(database, lambda app, service: CountedBytes(app), path="/gridmap") as running:
        watched = open_page(f"{running.url}/gridmap/dispatcher")
        drawn(watched.page)
        sent = running.wrapped.sent
        assert sum(sent.values()) < MOST_FIRST_BYTES, sent
        assert any("maplibre-gl-worker" in path for path in sent), "the map was not loaded"
        watched.page.click(".brand")
        watched.page.wait_for_selector(".desks a", timeout=WAIT_MS)
        assert watched.page.url == f"{running.url}/gridmap/"
        assert all(each.startswith((f"{running.url}/gridmap/", "blob:", "data:")) for each in watched.requests)
