"""The planner's desk in Chromium: a draft drawn on the map, read, reviewed and published; the grid's history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from playwright.sync_api import Page

from gridmap.store.database import Database
from tests.api.web.planning import (
    WIDE,
    Open,
    a_cell,
    across,
    begin,
    desk_of,
    draw_line,
    ready,
    show,
    show_in,
)
from tests.api.web.test_dispatcher import WAIT_MS, answered, cell_at, drawn
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next

pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops:DeprecationWarning")


def split_drawn(page: Page, code: str, shape: shapely.Geometry) -> list[str]:
    """Splits a cell by a drawn line and reads the impact; the new codes."""
    drawn(page)
    show(page, code)
    page.click("#tool-split")
    page.wait_for_function("() => gridmapPlanner.getSource('planner-vertices')", timeout=WAIT_MS)
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
        page.click("#tab-papers")
        page.click("#open-notice")
        link = page.get_attribute("#notice-link a", "href", timeout=WAIT_MS)
        read = open_page(link, viewport=WIDE).page  # by whoever has the link
        read.wait_for_selector("h1:has-text('一格拆成两格')", timeout=WAIT_MS)
        assert all(each in read.inner_text(".content") for each in (code, *new, "街巷定界"))
        page.click("#see-revision")
        page.wait_for_selector("#differences .parts li", timeout=WAIT_MS)
        assert code in page.inner_text("#differences")
        for watched in (planner, publisher):
            watched.assert_quiet(running.url)


@pytest.mark.soak
def test_a_draft_that_another_revision_overtook_shows_both_changes_and_history_goes_back(
    live_server: Any, heping_copy: Database, open_page: Open
) -> None:
    with live_server(heping_copy) as running:
        grid = grid_of(heping_copy)
        change = a_split(grid, np.random.default_rng(5), "x")
        (old,) = change.ended
        page = desk_of(running, open_page, "wang", "planner").page
        begin(page, "被赶超的草案")
        show_in(page, old)
        page.click("#split-into")
        ready(page, 1)
        publish_next(heping_copy, change, grid)
        page.wait_for_selector(".banner:has-text('第 2 版')", timeout=WAIT_MS)
        page.click("#tab-check")
        page.reload()
        page.wait_for_selector(f".problem .places button:has-text('{old}')", timeout=WAIT_MS)
        assert "撤销这里的改动" in page.inner_text(".problem")
        drawn(page)
        page.click(f".problem .places button:has-text('{old}')")
        page.wait_for_selector(f".place-pin:has-text('{old}')", timeout=WAIT_MS)

        watched = desk_of(running, open_page, "sun", "publisher")
        page = watched.page
        page.click("#to-history")
        page.wait_for_selector(f"#differences:has-text('{old}')", timeout=WAIT_MS)
        page.wait_for_selector(".map-stage.earlier[data-revision='1']:not([aria-busy])", timeout=WAIT_MS)
        drawn(page, revision=2)
        page.focus("#swipe")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert "99%" in page.locator(".earlier").evaluate("each => each.style.clipPath")
        page.focus("#revision")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("section[data-revision='1']", timeout=WAIT_MS)
        assert "revision=1" in page.url
        assert page.is_hidden(".earlier"), "there is nothing before the first"
        page.click("#restore")
        assert "第 3 版会与第 1 版划分相同" in page.inner_text("dialog")
        page.click("#restore-now")
        page.wait_for_selector(".banner.good:has-text('已发布为第 3 版')", timeout=WAIT_MS)
        drawn(page, revision=3)
        assert grid_of(heping_copy).by_code.keys() == grid.by_code.keys()
        watched.assert_quiet(running.url)
