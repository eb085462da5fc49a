"""The planner's desk in Chromium: a draft drawn on the map, read, reviewed and published, and seen at other desks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from playwright.sync_api import Page

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.model import Actor
from gridmap.store.database import Database
from tests.api.web.test_dispatcher import WAIT_MS, answered, cell_at, drawn

pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops:DeprecationWarning")

WEB = Path(__file__).parents[3] / "api" / "web"
HEPING = ("120101",)
WIDE = {"width": 1440, "height": 900}
Open = Callable[..., Any]


def key_of(running: Any, who: str, role: str) -> str:
    """A key of somebody of this role for all of Heping."""
    key = create_key(running.service.database, OPERATOR, Actor(who, role, HEPING), "a test", None)
    running.service.current.refresh()
    return key


def desk_of(running: Any, open_page: Open, who: str, role: str, **options: Any) -> Any:
    """The planner's page with somebody logged in, by the way that its page leads."""
    watched = open_page(f"{running.url}/planner", **{"viewport": WIDE, **options})
    page = watched.page
    page.click("a.button.primary, .switches a[href^='login']")
    page.fill("#key", key_of(running, who, role))
    page.click("form button")
    page.wait_for_selector(".planner #found", timeout=WAIT_MS)
    return watched


def begin(page: Page, name: str) -> int:
    """A new draft; its number."""
    page.wait_for_selector("#draft-name", state="attached", timeout=WAIT_MS)
    if not page.is_visible("#draft-name"):
        page.click(".start summary")
    page.fill("#draft-name", name)
    page.click(".start button.primary")
    page.wait_for_selector("#tool-split", timeout=WAIT_MS)
    return int(page.url.partition("draft=")[2].partition("&")[0])


def ready(page: Page, version: int) -> None:
    """The draft at a version, with its impact measured."""
    page.wait_for_selector(f"#found[data-version='{version}']", timeout=WAIT_MS)
    page.wait_for_selector(f".impact[data-version='{version}']:not([aria-busy])", timeout=WAIT_MS)


def show(page: Page, code: str) -> None:
    """Chooses a cell by its code; the map then shows it as a whole."""
    page.fill("#cell-code", code)
    page.press("#cell-code", "Enter")
    page.wait_for_selector(f".card[data-cell='{code}']", timeout=WAIT_MS)
    page.wait_for_function("window.gridmapPlanner && !window.gridmapPlanner.isMoving()", timeout=WAIT_MS)


def on_screen(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place lies in the window."""
    box = page.locator(".map-stage").first.bounding_box()
    x, y = page.evaluate(
        "([lon, lat]) => { const at = gridmapPlanner.project([lon, lat]); return [at.x, at.y]; }", [lon, lat]
    )
    assert box is not None
    return box["x"] + x, box["y"] + y


def draw_line(page: Page, *places: tuple[float, float]) -> None:
    """Draws a line by clicks, the last one twice."""
    for lon, lat in (*places, places[-1]):
        x, y = on_screen(page, lon, lat)
        page.mouse.move(x - 3, y - 3)
        page.mouse.move(x, y)
        page.wait_for_timeout(60)
        page.mouse.click(x, y)
        page.wait_for_timeout(350)


def across(shape: shapely.Geometry) -> list[tuple[float, float]]:
    """A line across the middle of a cell, from outside to outside."""
    west, _, east, _ = shape.bounds
    y = shape.representative_point().y
    margin = (east - west) * 0.08
    return [(west - margin, y), (east + margin, y)]


def a_cell(running: Any) -> tuple[str, shapely.Geometry]:
    """A basic cell of Heping that a straight line cuts in two."""
    grid = running.service.state.ready.grid
    for at, cell in enumerate(grid.cells):
        shape = grid.index.degrees[at]
        cut = shapely.LineString(across(shape)).intersection(shape)
        if cell.kind == "basic" and cut.geom_type == "LineString" and 2e-6 > shape.area > 5e-7:
            return cell.code, shape
    raise AssertionError("no cell to split")


@pytest.fixture(scope="module")
def planned(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """Heping for tests that draw and do not publish."""
    with make_copy("heping_planned") as database, live_server(database) as running:
        yield running


def split_drawn(page: Page, code: str, shape: shapely.Geometry) -> list[str]:
    """Splits a cell by a drawn line and reads the impact; the new codes."""
    drawn(page)
    show(page, code)
    page.click("#tool-split")
    page.wait_for_function("gridmapPlanner.getSource('planner-vertices')", timeout=WAIT_MS)
    draw_line(page, *across(shape))
    ready(page, 1)
    impact = page.inner_text(".impact")
    assert f"1 个网格停用 {code}" in impact
    assert "2 个新网格" in impact
    for said in ("属地为主", "街巷定界", "规模适度", "无缝覆盖", "相对固定", "换网格的"):
        assert said in impact
    new = page.locator(".codes.new .code").all_inner_texts()
    assert len(new) == 2
    return new


def undone_and_redone(page: Page) -> None:
    page.click("#undo")
    ready(page, 2)
    assert "还没有改动" in page.inner_text(".impact")
    page.keyboard.press("Control+Shift+Z")
    ready(page, 3)


def handed_in(page: Page) -> None:
    """The certificate leads to the place of what fails; then the draft is handed in."""
    page.click("#tab-check")
    place = page.locator(".certificate .fail[data-check='staffed'] .places button").first
    place.click(timeout=WAIT_MS)
    page.wait_for_selector(".place-pin.wrong", timeout=WAIT_MS)
    page.click("#submit")
    page.wait_for_selector(".pill.submitted", timeout=WAIT_MS)
    assert page.locator("#publish").count() == 0, "a planner does not publish"


def waived(page: Page) -> None:
    """Waives what fails, one check after the other."""
    page.wait_for_selector(".certificate .fail .waiver", timeout=WAIT_MS)
    assert page.is_disabled("#publish")
    fewer = "n => document.querySelectorAll('.waiver').length < n && !document.querySelector('.checks[aria-busy]')"
    while left := page.locator(".waiver").count():
        waiver = page.locator(".waiver").first
        waiver.locator("summary").click()
        for field, said in zip(waiver.locator("input").all(), ("李 规划科", "小区内部"), strict=True):
            field.fill(said)
        waiver.locator("button").click()
        page.wait_for_function(fewer, arg=left, timeout=WAIT_MS)


def test_a_cell_is_split_by_a_line_read_published_and_there_for_the_dispatcher(
    live_server: Any, heping_copy: Database, open_page: Open
) -> None:
    with live_server(heping_copy) as running:
        code, shape = a_cell(running)
        lon, lat = shape.representative_point().x, shape.representative_point().y + 2e-5
        dispatcher = open_page(f"{running.url}/dispatcher#lon={lon:.7f}&lat={lat:.7f}&crs=wgs84").page
        answered(dispatcher, code)
        dispatcher.evaluate("window.notReloaded = true")

        planner = desk_of(running, open_page, "wang", "planner")
        begin(planner.page, "一格拆成两格")
        new = split_drawn(planner.page, code, shape)
        undone_and_redone(planner.page)
        handed_in(planner.page)

        publisher = desk_of(running, open_page, "sun", "publisher")
        page = publisher.page
        page.goto(planner.page.url)
        waived(page)
        page.click("#publish")
        will = page.inner_text("dialog")
        for said in ("发布第 2 版", f"1 个网格停用，编码不再使用：{code}", *new, "换网格", "恢复第 1 版", "豁免"):
            assert said in will
        page.click("#publish-now")
        page.wait_for_selector("#published:has-text('第 2 版')", timeout=WAIT_MS)
        drawn(page, revision=2)

        dispatcher.wait_for_selector(".banner:has-text('第 2 版')", timeout=WAIT_MS)
        now = cell_at(running, lon, lat).code
        assert now in new
        answered(dispatcher, now)
        drawn(dispatcher, revision=2)
        assert dispatcher.evaluate("window.notReloaded")
        page.click("#see-revision")
        page.wait_for_selector("#differences .parts li", timeout=WAIT_MS)
        assert code in page.inner_text("#differences")
        for watched in (planner, publisher):
            watched.assert_quiet(running.url)
