"""The planner's desk in Chromium: its tools, by keyboard too, who may see what, remarks, proposals, axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gridmap.store.database import Database
from tests.api.web.planning import (
    WIDE,
    Open,
    a_cell,
    begin,
    desk_of,
    key_of,
    neighbours,
    on_screen,
    ready,
    show,
    show_in,
)
from tests.api.web.test_dispatcher import MOST_FIRST_BYTES, WAIT_MS, CountedBytes, drawn

WEB = Path(__file__).parents[3] / "api" / "web"


@pytest.fixture(scope="module")
def planned(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """Heping for tests that draw and do not publish."""
    with make_copy("heping_planned") as database, live_server(database) as running:
        yield running


def test_an_edge_is_dragged_cells_merge_and_get_names(planned: Any, open_page: Open) -> None:
    one, other, line = neighbours(planned)
    grid = planned.service.state.ready.grid
    watched = desk_of(planned, open_page, "zhang", "planner")
    page = watched.page
    begin(page, "移边界")
    drawn(page)
    show(page, one)
    page.click("#tool-edge")
    inside = grid.index.degrees[grid.by_code[other]].representative_point()
    page.wait_for_timeout(300)
    page.mouse.click(*on_screen(page, inside.x, inside.y))
    page.wait_for_selector("#move-now", timeout=WAIT_MS)
    lon, lat = line.coords[len(line.coords) // 2]
    x, y = on_screen(page, lon, lat)
    to_x, to_y = on_screen(page, inside.x, inside.y)
    page.mouse.move(x, y)
    page.wait_for_timeout(150)
    page.mouse.down()
    page.mouse.move(x + (to_x - x) * 0.2, y + (to_y - y) * 0.2, steps=6)
    page.mouse.up()
    page.wait_for_timeout(200)
    page.click("#move-now")
    ready(page, 1)
    assert page.locator(".codes.changed .code").all_inner_texts() == sorted((one, other)), "both cells go along"

    page.click("#tool-choose")
    show(page, one)
    page.click(".card summary")
    page.fill("#cell-name", "新名网格")
    page.select_option("#cell-kind", "special")
    page.click("#change-now")
    page.wait_for_selector(".card h3:has-text('新名网格')", timeout=WAIT_MS)
    ready(page, 2)
    page.click("#tool-merge")
    page.wait_for_timeout(300)
    page.mouse.click(*on_screen(page, inside.x, inside.y))
    page.wait_for_selector("#merge-now:has-text('2')", timeout=WAIT_MS)
    page.click("#merge-now")
    ready(page, 3)
    impact = page.inner_text(".changes")
    assert "2 个网格停用" in impact
    assert "1 个新网格" in impact
    page.click("#tab-papers")
    assert page.locator(".edits b").all_inner_texts() == ["移动共边", "改说明", "合并"]
    watched.assert_quiet(planned.url)


def test_who_may_see_no_drafts_is_told_and_comes_back_after_the_log_in(planned: Any, open_page: Open) -> None:
    owner = desk_of(planned, open_page, "qian", "planner").page
    number = begin(owner, "寄给同事")
    page = open_page(f"{planned.url}/planner#draft={number}", viewport=WIDE).page
    page.wait_for_selector("a.button.primary:has-text('登录')", timeout=WAIT_MS)
    page.wait_for_selector("#to-history", timeout=WAIT_MS)  # the history is for everybody
    page.click("a.button.primary")
    page.fill("#key", key_of(planned, "feng", "dispatcher"))
    page.click("form button")
    page.wait_for_selector(".banner:has-text('调度员看不到草案')", timeout=WAIT_MS)
    page.click("a:has-text('换一个身份')")
    page.click("form button")  # out
    page.goto(f"{planned.url}/login?next=/planner")
    page.fill("#key", key_of(planned, "qian2", "planner"))
    page.click("form button")
    page.wait_for_selector(".problem:has-text('没有找到')", timeout=WAIT_MS)
    assert f"draft={number}" in page.url, "whoever was sent a draft comes to it after the log-in"


def test_two_who_draw_one_draft_overwrite_nothing(planned: Any, open_page: Open) -> None:
    code, _ = a_cell(planned)
    page = desk_of(planned, open_page, "sun1", "planner").page
    number = begin(page, "两人同画")
    show(page, code)
    again = page.context.new_page()
    again.goto(f"{planned.url}/planner#draft={number}")
    show_in(again, code)
    again.click("#split-into")
    again.wait_for_selector("#found[data-version='1']", timeout=WAIT_MS)
    page.click("#split-into")
    page.wait_for_selector(".problem:has-text('没有盖掉别人的')", timeout=WAIT_MS)
    assert "split_into by sun1" in page.inner_text(".problem")
    page.click(".problem button")
    ready(page, 1)
    assert page.locator(".problem").count() == 0


def test_a_cell_is_split_by_keyboard_alone_in_english(planned: Any, open_page: Open) -> None:
    code, _ = a_cell(planned)
    page = desk_of(planned, open_page, "zhao1", "planner", locale="en-GB").page
    begin(page, "By keyboard")
    drawn(page)
    show(page, code)
    page.focus("#tool-split")
    page.keyboard.press("Enter")  # the map has the focus now
    page.wait_for_function("() => document.activeElement.classList.contains('maplibregl-canvas')", timeout=WAIT_MS)
    page.wait_for_function("() => gridmapPlanner.getSource('planner-keyed')", timeout=WAIT_MS)
    page.wait_for_timeout(500)
    for keys in (["ArrowLeft"] * 4, ["ArrowRight"] * 8):
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_function("() => !gridmapPlanner.isMoving()", timeout=WAIT_MS)
            page.wait_for_timeout(60)
        page.keyboard.press(" ")
    page.keyboard.press("Enter")
    ready(page, 1)
    assert f"Ending (1): {code}" in page.inner_text(".impact")
    page.keyboard.press("Escape")
    assert page.get_attribute("#tool-choose", "aria-pressed") == "true"


@pytest.mark.soak
def test_remarks_and_proposals(planned: Any, open_page: Open) -> None:
    code, _ = a_cell(planned)
    watched = desk_of(planned, open_page, "li1", "planner")
    page = watched.page
    begin(page, "比方案")
    drawn(page)
    show(page, code)
    page.click("#tab-talk")
    page.fill("#remark-text", "市场北门归哪边？")
    page.select_option("#remark-pin", "point")
    page.click("#remark-now")
    page.wait_for_selector(".remarks li:has-text('市场北门')", timeout=WAIT_MS)
    assert page.input_value("#remark-text") == ""
    page.wait_for_selector(".place-pin.remark", timeout=WAIT_MS)
    page.click(".remarks button:has-text('已处理')")
    page.wait_for_selector("summary:has-text('已处理（1）')", timeout=WAIT_MS)
    page.click("#tab-propose")
    page.click("#propose-now")  # for the chosen cell's community
    page.wait_for_selector(".tries li", timeout=WAIT_MS)
    assert page.locator(".proposals tbody tr").count() == 6
    page.click("#take-1")
    page.wait_for_selector("#found[data-version='1']", timeout=WAIT_MS)
    page.click("#tab-papers")
    assert page.locator(".edits b").all_inner_texts() == ["重划社区"]
    watched.assert_quiet(planned.url)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_axe_finds_nothing_serious(planned: Any, open_page: Open, scheme: str) -> None:
    axe = (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page = desk_of(planned, open_page, f"axe-{scheme}", "planner", color_scheme=scheme).page
    code, _ = a_cell(planned)
    page.evaluate(axe)

    def grave() -> list[Any]:
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            (each["id"], [node["html"] for node in each["nodes"]][:3])
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    assert grave() == [], "the list"
    begin(page, "无障碍")
    show_in(page, code)
    page.click("#split-into")
    ready(page, 1)
    drawn(page)
    page.click("#tool-split")
    for tab in ("impact", "check", "talk", "propose", "papers") if scheme == "light" else ("impact", "check"):
        page.click(f"#tab-{tab}")
        page.wait_for_selector(".tab > :not([aria-busy])", timeout=WAIT_MS)
        assert grave() == [], tab
    page.click("#to-list")
    page.click("#to-history")
    page.wait_for_selector("#revision", timeout=WAIT_MS)
    drawn(page)
    assert grave() == [], "the history"


def test_the_first_load_is_small_and_under_a_path_of_a_proxy_too(
    live_server: Any, heping_served: Database, open_page: Open
) -> None:
    database = Database(heping_served.url)
    with live_server(database, lambda app, service: CountedBytes(app), path="/gridmap") as running:
        watched = open_page(f"{running.url}/gridmap/planner")
        drawn(watched.page)
        assert sum(running.wrapped.sent.values()) < MOST_FIRST_BYTES, running.wrapped.sent
        watched.page.click("#to-history")
        watched.page.wait_for_selector("section[data-revision='1']", timeout=WAIT_MS)
        assert watched.page.url.startswith(f"{running.url}/gridmap/planner#")
        assert watched.page.is_hidden(".earlier"), "there is nothing before the first"
        assert all(each.startswith((f"{running.url}/gridmap/", "blob:", "data:")) for each in watched.requests)
        assert watched.complaints == []
