"""The desks at 200 % zoom on a usual laptop: half as many pixels of CSS each way, and nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gridmap.actions.sessions import open_session
from gridmap.model import Actor
from tests.api.web.test_dispatcher import LAT, LON, WAIT_MS

ZOOMED = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}

# Pages, whom they are for, and what of them must be there.
PAGES = (
    ("", "planner", "main a"),
    ("login", "", "#key"),
    (f"dispatcher#lon={LON}&lat={LAT}&crs=wgs84", "dispatcher", ".answer .phone"),
    ("planner", "planner", ".planner #found"),
    ("planner#revision=1", "planner", ".planner #found"),
    ("dashboard", "viewer", ".cockpit[data-shown]"),
    ("admin#tab=rosters", "dispatcher", "main"),
    ("admin#tab=roles", "key_admin", "table"),
)

# What can be used and lies beyond the window's sides, though nothing that scrolls sideways is around it.
CUT_OFF = """
() => [...document.querySelectorAll("a, button, input, select, summary, textarea")].filter((each) => {
  const { left, right, width } = each.getBoundingClientRect();
  if (width === 0 || !each.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
  if (left >= -1 && right <= innerWidth + 1) return false;
  for (let around = each.parentElement; around !== null; around = around.parentElement) {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(around).overflowX);
    if (scrolls && around.scrollWidth > around.clientWidth) return false;
  }
  return !each.matches(".skip, .skip *");
}).map((each) => each.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def zoomed(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    with make_copy("heping_zoomed") as database, live_server(database) as running:
        yield running


@pytest.mark.parametrize(("address", "role", "there"), PAGES, ids=[each[0] or "front" for each in PAGES])
def test_nothing_is_cut_off(
    zoomed: Any, open_page: Callable[..., Any], pictures: Path, address: str, role: str, there: str
) -> None:
    cookies = []
    if role:
        actor = Actor(f"{role}-1", role, ("120101",))
        cookie = open_session(zoomed.service.database, actor, datetime.now(UTC) + timedelta(hours=1))
        cookies = [{"name": "gridmap", "value": cookie, "domain": "127.0.0.1", "path": "/"}]
    page = open_page(f"{zoomed.url}/{address}", storage_state={"cookies": cookies}, **ZOOMED).page
    page.wait_for_selector(there, timeout=WAIT_MS)
    page.screenshot(path=pictures / f"zoomed-{address.partition('&')[0].replace('#', '-') or 'front'}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= ZOOMED["viewport"]["width"]  # type: ignore[index]
    assert page.evaluate(CUT_OFF) == []
    if address.startswith(("dispatcher", "planner", "dashboard")):
        box = page.locator(".map-stage:visible").first.bounding_box()
        assert box is not None
        assert box["height"] >= 150, "the map can still be looked at"
