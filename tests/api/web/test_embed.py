"""The page /embed in Chromium: every style draws, nothing comes from elsewhere, no frame mixes revisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.actions.sessions import open_session
from gridmap.model import Actor
from gridmap.releases.periods import Month
from gridmap.store.database import Database
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next

pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops:DeprecationWarning")

Open = Callable[..., Any]

# Notes, frame by frame, how many maps can be seen and the revisions of everything that is drawn on the one.
NOTE_FRAMES = """
() => {
  window.noted = [];
  const note = () => {
    const boxes = [...document.querySelectorAll(".surface")];
    const visible = boxes.filter((box) => getComputedStyle(box).visibility === "visible");
    const { map } = window.gridmap;
    const drawn = new Set(map.queryRenderedFeatures().map((each) => each.properties.revision).filter(Boolean));
    window.noted.push([visible.length, visible[0]?.contains(map.getCanvas()), [...drawn].sort()]);
    map.panBy([window.noted.length % 40 < 20 ? 25 : -25, 0], { duration: 0 });
    window.noting = requestAnimationFrame(note);
  };
  note();
}
"""


def wait_until_drawn(page: Any, revision: int = 1) -> None:
    """Waits for the page's own word; a function of ours it may not run, by its content security policy."""
    page.wait_for_selector(f"html[data-revision='{revision}'] #stage:not([aria-busy])", timeout=180_000)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("style=light&language=zh", ("图例", "全科网格", "第 1 版网格", "虚构")),
        ("style=dark&language=en", ("Legend", "full-service cell", "Grid revision 1", "Made up")),
        ("style=choropleth&language=zh", ("图例", "尚未发布任何数量", "虚构")),
        ("style=heat&language=en&theme=dark", ("Legend", "No counts have been released yet", "Made up")),
        ("area=120101001&language=en&layer=street,cells", ("Legend", "special cell")),
    ],
)
def test_every_style_draws(
    live: Any, open_page: Open, colours: Callable[..., Any], pictures: Path, query: str, words: tuple[str, ...]
) -> None:
    watched = open_page(f"{live.url}/embed?{query}")
    page = watched.page
    wait_until_drawn(page)
    picture = page.locator(".surface canvas").screenshot(path=pictures / f"{query.replace('&', '_')}.png")
    assert page.evaluate("window.gridmap.map.queryRenderedFeatures().length") > 50
    labels = page.evaluate(
        "window.gridmap.map.queryRenderedFeatures().filter((each) => each.layer.type === 'symbol').length"
    )
    assert labels > 3
    share, count = colours(page, picture)
    assert share < 0.9, "the map is one colour"
    assert count > 20
    shown = page.inner_text("body")
    for word in words:
        assert word in shown
    watched.assert_quiet(live.url)


@pytest.fixture(scope="module")
def counted(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """A copy of Heping with a release, on a port, with the service's own tiles."""
    with make_copy("heping_counted") as database:
        make_release(database, OPERATOR, Month(2026, 10), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        with live_server(database) as running:
            yield running


@pytest.mark.parametrize(
    ("query", "staff", "words"),
    [
        (
            "style=choropleth&language=zh&category=parking",
            False,
            ("2026-10 已发布", "少于 3 的", "3 – 5", "不显示"),
        ),
        (
            "style=choropleth&language=en&theme=dark&of=elements&class=person&by=community",
            False,
            ("below 10", "hidden"),
        ),
        ("style=choropleth&language=en&by=street&of=elements&class=place", False, ("Released counts of 2026-10",)),
        ("style=heat&language=zh&of=elements&class=place", False, ("2026-10 已发布", "≥ 50", "虚构")),
        ("style=heat&language=en&category=parking", True, ("Live counts", "≥ 50", "Made up")),
        ("style=heat&language=zh&theme=dark&area=120101001&resolution=9", True, ("实时数量", "虚构")),
        ("style=choropleth&language=en&area=120101001&category=noise", True, ("Live counts", "≥ 50")),
    ],
)
def test_maps_of_counts_say_what_they_count(
    counted: Any, open_page: Open, colours: Callable[..., Any], pictures: Path, query: str, staff: bool, words: Any
) -> None:
    cookies = []
    if staff:
        viewer = Actor(f"embed-{len(query)}", "viewer", ("120101001" if "area" in query else "120000",))
        cookie = open_session(counted.service.database, viewer, datetime.now(UTC) + timedelta(hours=1))
        cookies = [{"name": "gridmap", "value": cookie, "domain": "127.0.0.1", "path": "/"}]
    watched = open_page(f"{counted.url}/embed?{query}", storage_state={"cookies": cookies})
    page = watched.page
    wait_until_drawn(page)
    page.screenshot(path=pictures / f"counts_{'staff_' if staff else ''}{query.replace('&', '_')}.png")
    shown = page.inner_text("body")
    for word in words:
        assert word in shown
    drawn = "window.gridmap.map.queryRenderedFeatures().filter((each) => each.layer.id.startsWith('counts'))"
    counts = page.evaluate(f"{drawn}.map((each) => each.properties.count)")
    assert len(counts) > 3
    if not staff:
        least = 10 if "person" in query else 1 if "place" in query else 3
        assert all(count == 0 or count >= least for count in counts)
    watched.assert_quiet(counted.url)


def test_a_map_without_any_count_that_shows_says_so(counted: Any, open_page: Open, pictures: Path) -> None:
    page = open_page(f"{counted.url}/embed?style=heat&language=en&category=parking&resolution=9").page
    wait_until_drawn(page)
    page.screenshot(path=pictures / "counts_none.png")
    assert "There is no count to show" in page.inner_text("#legend")


def test_a_click_says_who_covers_the_place(live: Any, open_page: Open, pictures: Path) -> None:
    watched = open_page(f"{live.url}/embed?language=en&area=120101001")
    page = watched.page
    wait_until_drawn(page)
    page.mouse.click(450, 250)
    page.wait_for_selector(".answer table")
    page.screenshot(path=pictures / "popup.png")
    lon, lat = page.evaluate("window.gridmap.map.unproject([450, 250]).toArray()")
    grid = live.service.state.ready.grid
    cell = grid.cells[grid.index.locate(lon, lat)[0]]
    said = page.inner_text(".answer")
    assert cell.code in said
    assert "Whom to call" in said
    assert "022-0" in said
    watched.assert_quiet(live.url)


def test_no_frame_shows_two_revisions(
    live_server: Any, heping_copy: Database, drawn_tiles: Any, open_page: Open, rng: np.random.Generator
) -> None:
    with live_server(heping_copy, drawn_tiles) as running:
        watched = open_page(f"{running.url}/embed?style=light&language=zh")
        page = watched.page
        wait_until_drawn(page)
        page.evaluate(NOTE_FRAMES)
        grid = grid_of(heping_copy)
        publish_next(heping_copy, a_split(grid, rng, "x"), grid)
        wait_until_drawn(page, revision=2)
        page.wait_for_timeout(1500)
        frames = page.evaluate("window.noted")
        kinds = Counter((count, own, tuple(drawn)) for count, own, drawn in frames)
        assert set(kinds) <= {(1, True, (1,)), (1, True, (2,)), (1, True, ())}, kinds
        assert kinds[1, True, (1,)] > 3, kinds
        assert kinds[1, True, (2,)] > 3, kinds
        assert "第 2 版网格" in page.inner_text("#credits")
        watched.assert_quiet(running.url)

        # Replacing the tiles of one source after the other does show two; the notes tell.
        page.evaluate(
            "() => { window.noted.length = 0; const source = window.gridmap.map.getSource('cells');"
            " source.setTiles(source.tiles.map((url) => url.replace('/2/', '/3/'))); }"
        )
        page.wait_for_timeout(3000)
        assert any(len(drawn) == 2 for _, _, drawn in page.evaluate("window.noted"))


@pytest.mark.soak
def test_a_pinned_map_stays(
    live_server: Any, heping_copy: Database, drawn_tiles: Any, open_page: Open, rng: np.random.Generator
) -> None:
    with live_server(heping_copy, drawn_tiles) as running:
        grid = grid_of(heping_copy)
        page = open_page(f"{running.url}/embed?revision=1").page
        wait_until_drawn(page)
        publish_next(heping_copy, a_split(grid, rng, "x"), grid)
        page.wait_for_timeout(3000)
        assert page.get_attribute("html", "data-revision") == "1"
        running.wrapped.asked.clear()
        then = (grid.revision.valid_from + timedelta(hours=1)).isoformat()
        earlier = open_page(f"{running.url}/embed?{urlencode({'at': then})}").page
        wait_until_drawn(earlier)
        assert {path.split("/")[2] for path in running.wrapped.asked} == {"1"}


def test_what_is_wrong_is_said(live: Any, open_page: Open, pictures: Path) -> None:
    for query, words in {
        "style=pink&language=en": "style=pink: light, dark, choropleth, heat",
        "area=nowhere&language=en": "Wrong parameter: no cell 'nowhere'",
        "revision=99&language=zh": "参数有误",
        "style=choropleth&breaks=3,1&language=en": "breaks",
    }.items():
        page = open_page(f"{live.url}/embed?{query}", locale="en-GB").page
        page.wait_for_selector("#state.error")
        assert words in page.inner_text("#state"), query
    page.screenshot(path=pictures / "wrong.png")


def test_a_map_goes_on_when_the_service_is_gone_and_comes_back(
    live_server: Any, heping_served: Database, drawn_tiles: Any, open_page: Open, pictures: Path
) -> None:
    with live_server(Database(heping_served.url), drawn_tiles) as running:
        running.wrapped.broken = True
        page = open_page(f"{running.url}/embed?language=en").page
        page.wait_for_selector("#state.warning")
        assert "cannot be loaded now; trying again" in page.inner_text("#state")
        running.wrapped.broken = False
        wait_until_drawn(page)
        assert page.is_hidden("#state")
        page.context.set_offline(True)
        page.wait_for_selector("#state.warning")
        assert "stays at revision 1" in page.inner_text("#state")
        page.screenshot(path=pictures / "offline.png")
        page.context.set_offline(False)
        page.wait_for_selector("#state", state="hidden")


def test_it_works_in_an_iframe_under_a_path_of_a_proxy(
    live_server: Any, heping_served: Database, drawn_tiles: Any, open_page: Open, beside: Callable[[str], str]
) -> None:
    with live_server(Database(heping_served.url), drawn_tiles, path="/gridmap") as running:
        watched = open_page(f"{running.url}/gridmap/embed?language=en")
        wait_until_drawn(watched.page)
        assert all("/gridmap/" in url for url in watched.requests if "/tiles/" in url)
        watched.assert_quiet(running.url)
        frame = f"<iframe src='{running.url}/gridmap/embed' width=600 height=400></iframe>"
        dashboard = f"<!doctype html><link rel=icon href='data:,'>{frame}"
        outer = open_page(beside(dashboard))
        frame = outer.page.frame_locator("iframe")
        frame.locator("#stage:not([aria-busy])").wait_for(timeout=30_000)
        assert outer.complaints == []


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_the_services_own_tiles_have_what_the_styles_draw(
    live_server: Any, heping_served: Database, open_page: Open, pictures: Path
) -> None:
    with live_server(Database(heping_served.url)) as running:
        watched = open_page(f"{running.url}/embed?language=zh&area=120101001")
        page = watched.page
        wait_until_drawn(page)
        page.evaluate("window.gridmap.map.setZoom(15.2)")
        page.wait_for_timeout(4000)
        page.screenshot(path=pictures / "own_tiles.png")
        drawn = page.evaluate(
            "[...new Set(window.gridmap.map.queryRenderedFeatures().map((each) => each.layer.id))]"
        )
        needed = {"cells", "cells_line", "city_line", "community_line", "cell_label", "community_label", "land"}
        assert needed <= {*drawn, "city_line"}
        assert {"streets_minor", "streets_secondary", "streets_major"} & set(drawn)
        cells = "window.gridmap.map.queryRenderedFeatures({layers: ['cells']})"
        kinds = page.evaluate(f"[...new Set({cells}.map((each) => each.properties.kind))]")
        assert set(kinds) <= {"basic", "full_service", "special"}
        assert len(kinds) > 1
        watched.assert_quiet(running.url)
