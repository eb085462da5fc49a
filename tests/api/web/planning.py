"""What the tests of the planner's desk do on its page: log in, begin a draft, choose cells, draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shapely
from playwright.sync_api import Page

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.model import Actor
from tests.api.web.test_dispatcher import WAIT_MS

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
    page.wait_for_function("() => window.gridmapPlanner && !window.gridmapPlanner.isMoving()", timeout=WAIT_MS)


def show_in(page: Page, code: str) -> None:
    """Chooses a cell by its code, whether or not the map is there."""
    page.wait_for_selector("#cell-code", timeout=WAIT_MS)
    page.fill("#cell-code", code)
    page.press("#cell-code", "Enter")
    page.wait_for_selector(f".card[data-cell='{code}']", timeout=WAIT_MS)


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


def neighbours(running: Any) -> tuple[str, str, shapely.LineString]:
    """Two cells of one community and the plain line between them."""
    grid = running.service.state.ready.grid
    for at, cell in enumerate(grid.cells):
        for other_at, other in enumerate(grid.cells[at + 1 : at + 6], start=at + 1):
            if cell.community != other.community:
                continue
            shared = shapely.intersection(grid.index.degrees[at], grid.index.degrees[other_at])
            line = shapely.line_merge(shared) if not shared.is_empty else shared
            if line.geom_type == "LineString" and len(line.coords) > 6:
                return cell.code, other.code, line
    raise AssertionError("no neighbours")
