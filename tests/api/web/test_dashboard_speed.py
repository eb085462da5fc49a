"""How large the cockpit's first load is, how soon it is there, and how 22,000 cells are panned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from gridmap.store.database import Database
from tests.api.web.cockpit_figures import CITY, DESKTOP, DISTRICT, Asked, painted, shown, until
from tests.api.web.test_dispatcher import MOST_FIRST_BYTES, CountedBytes

Open = Callable[..., Any]


def test_the_first_load_is_small_soon_there_and_under_a_path_of_a_proxy_too(
    live_server: Any, heping_served: Database, open_page: Open
) -> None:
    database = Database(heping_served.url)
    with live_server(database, lambda app, service: CountedBytes(app), path="/gridmap") as running:
        watched = open_page(f"{running.url}/gridmap/dashboard")
        page = watched.page
        shown(page, CITY)
        painted(page, f"{CITY} areas ")
        sent = sum(running.wrapped.sent.values())
        soon = page.evaluate("performance.getEntriesByName('gridmap-interactive')[0].startTime")
        print(f"\nfirst load of the dashboard: {sent:,} bytes besides tiles, interactive after {soon:,.0f} ms")
        assert sent < MOST_FIRST_BYTES, running.wrapped.sent
        assert any("maplibre-gl-worker" in path for path in running.wrapped.sent), "the map was not loaded"
        page.click(f"[data-open='{DISTRICT}']")
        shown(page, DISTRICT)
        assert all(each.startswith((f"{running.url}/gridmap/", "blob:", "data:")) for each in watched.requests)


# Notes what kept the page's thread for longer than 50 ms, and what kept it from the next frame.
NOTE_LONG_TASKS = """
(() => {
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask" });
})()
"""


# From here on the map draws cells, all that are in view.
CELLS_ZOOM = 10


@pytest.mark.soak
def test_22_000_cells_are_panned_without_a_long_task(
    live_server: Any, tianjin: Database, copy_of: Callable[..., Any], open_page: Open
) -> None:
    """Over the whole city with the cells on, by dragging; no task of the page's takes longer than 200 ms."""
    with copy_of(tianjin, "tianjin_panned") as database, live_server(database) as running:
        Asked(running, {})("/v1/revisions/current/principles")
        page = open_page(f"{running.url}/dashboard#layer=kinds", viewport=DESKTOP).page
        shown(page, CITY)
        painted(page, f"{CITY} kinds ")
        soon = page.evaluate("performance.getEntriesByName('gridmap-interactive')[0].startTime")
        west, south, east, north = running.service.state.ready.grid.index.bounds
        box = page.locator(".map canvas").bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.evaluate(f"window.gridmapCockpit.jumpTo({{ zoom: {CELLS_ZOOM}, center: [{west}, {north}] }})")
        until(page, "window.gridmapCockpit.loaded()")  # with the glyphs of the first names, which are drawn once
        page.evaluate(NOTE_LONG_TASKS)
        tasks: list[float] = []
        seen: set[int] = set()
        right, aside, down = True, box["width"] * 0.4, box["height"] * 0.4
        while True:  # in furrows over the city, a screen's height apart
            until(page, "window.gridmapCockpit.areTilesLoaded()")
            page.wait_for_timeout(200)  # so that what looking takes is told before it is forgotten
            page.evaluate("window.longTasks.length = 0")
            lon, lat = page.evaluate("window.gridmapCockpit.getCenter().toArray()")
            ended = lon > east if right else lon < west
            if ended and lat < south:
                break
            drag(page, middle, (0, -down) if ended else (-aside if right else aside, 0))
            right ^= ended
            page.wait_for_timeout(200)
            tasks += page.evaluate("window.longTasks")
            cells = "window.gridmapCockpit.queryRenderedFeatures({ layers: ['cells'] }).map((each) => each.id)"
            seen |= set(page.evaluate(cells))
        longest = max(tasks, default=0.0)
        print(
            f"\ninteractive after {soon:,.0f} ms; {len(seen):,} cells panned; of {len(tasks)} tasks over 50 ms ",
            end="",
        )
        print(f"the longest took {longest:.0f} ms")
        assert len(seen) > 21_000
        assert longest <= 200


def drag(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    """With the mouse, as a hand does, in half a second."""
    (x, y), (right, down) = start, by
    page.mouse.move(x - right / 2, y - down / 2)
    page.mouse.down()
    for step in range(1, 16):
        page.mouse.move(x - right / 2 + right * step / 15, y - down / 2 + down * step / 15)
        page.wait_for_timeout(33)
    page.mouse.up()
