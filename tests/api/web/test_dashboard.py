"""The dashboard in Chromium: drilled from the city to a cell, with the API's numbers, filtered both ways."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.actions.sessions import open_session
from gridmap.model import Actor
from gridmap.releases.periods import Month
from gridmap.store.database import Database
from tests.api.web.test_dispatcher import MOST_FIRST_BYTES, CountedBytes
from tiles.palette import DARK, LIGHT

WEB = Path(__file__).parents[3] / "api" / "web"
WAIT_MS = 60_000
CITY, DISTRICT, STREET, COMMUNITY, CELL = "120000", "120101", "120101001", "120101001001", "120101001001001"
DESKTOP = {"width": 1440, "height": 900}

Open = Callable[..., Any]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def cockpit(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """Heping with a release, on a port, with the service's own tiles."""
    with make_copy("heping_cockpit") as database:
        for month in (9, 10):
            make_release(database, OPERATOR, Month(2026, month), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        with live_server(database) as running:
            yield running


def as_staff(running: Any, *territories: str) -> Json:
    """What the context of a page of a viewer is made with."""
    viewer = Actor(f"cockpit-{'-'.join(territories)}", "viewer", territories)
    cookie = open_session(running.service.database, viewer, datetime.now(UTC) + timedelta(hours=1))
    cookies = [{"name": "gridmap", "value": cookie, "domain": "127.0.0.1", "path": "/"}]
    return {"storage_state": {"cookies": cookies}}


def shown(page: Page, place: str, pick: str = "") -> None:
    """Waits until all numbers of a place are there."""
    page.wait_for_selector(f".cockpit[data-shown='{place} {pick}']", timeout=WAIT_MS)


def until(page: Page, what: str) -> None:
    """Waits until a thing is so; the page's policy lets no test put a function of its own into it."""
    for _ in range(WAIT_MS // 200):
        if page.evaluate(what):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"it was never so: {what}")


def painted(page: Page, what: str) -> None:
    page.wait_for_selector(f".map-stage[data-painted='{what}']:not([aria-busy])", timeout=WAIT_MS)


class Service:
    """The API, asked as the page's user would."""

    def __init__(self, running: Any, headers: dict[str, str]) -> None:
        self.client = httpx.Client(base_url=running.url, headers=headers, timeout=60)

    def __call__(self, path: str, **query: object) -> Json:
        response = self.client.get(path, params={name: str(value) for name, value in query.items()})
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer


def service_for(running: Any, options: Json) -> Service:
    cookies = options.get("storage_state", {}).get("cookies", [])
    return Service(running, {"Cookie": "; ".join(f"{each['name']}={each['value']}" for each in cookies)})


def figures(page: Page) -> dict[str, str]:
    """Every number that the page shows, also those in tables that are folded, by its name."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-figure]')]"
        ".map((each) => [each.dataset.figure, each.textContent]))"
    )
    return found


def said(value: int | None, hidden: str) -> str:
    return hidden if value is None else f"{value:,}"


def live_figures(ask: Service, level: str, code: str, below: str | None, hidden: str) -> dict[str, str]:
    """What the cockpit of a place must show to its staff, asked of the API number by number."""
    kind = "cells" if level == "cell" else "areas"
    place, roster = ask(f"/v1/{kind}/{code}"), ask(f"/v1/{kind}/{code}/roster")
    kinds = {place["kind"]: 1} if level == "cell" else place["kinds"]
    staffing = ask(f"/v1/staffing/{code}")
    counted: Json = {"of": "incidents", "area": code}
    expected: dict[str, int | None] = {
        "cells": 1 if level == "cell" else place["cells"],
        **{f"cells.{each}": kinds.get(each, 0) for each in ("basic", "full_service", "special")},
        "gaps": staffing["gaps"],
        "cells_without_post": staffing["cells_without_post"],
        "open_incidents": roster["open_incidents"],
        **{
            f"elements.{each}": roster["elements"].get(each, 0)
            for each in ("person", "place", "object", "organization")
        },
    }
    for name, by in (("month", "month"), ("week", "week_hour"), ("category", "category")):
        rows = ask("/v1/heatmap/profile", by=by, **counted)["rows"]
        expected |= {f"{name}.{row['key']}": row["count"] for row in rows[-24 if by == "month" else 0 :]}
    if below is not None:
        counts = ask("/v1/heatmap", by=below, zeros=True, **counted)["rows"]
        expected |= {f"part.{row['code']}.count": row["count"] for row in counts}
        expected |= {f"part.{row['code']}.gaps": row["gaps"] for row in staffing["rows"]}
        if below != "cell":
            areas = ask("/v1/areas", parent=code)["areas"]
            expected |= {f"part.{row['code']}.cells": row["cells"] for row in areas}
    return {name: said(value, hidden) for name, value in expected.items()} | whole_city_figures(ask, hidden)


def whole_city_figures(ask: Service, hidden: str) -> dict[str, str]:
    """The in-grid share and the five principles, which are of the whole city."""
    found = {}
    for of in ("incidents", "elements"):
        heatmap = ask("/v1/heatmap", of=of, by="city")
        found[f"in_grid.{of}"] = percent(1 - heatmap["outside"] / heatmap["total"])
    return found | principle_figures(ask, hidden)


def percent(share: float) -> str:
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + "%"


PRINCIPLES = {
    "territory": ("least_nest", "nested_cells"),
    "streets": ("share_15_m", "random_share_15_m"),
    "size": ("share_in_band", "compactness_mean"),
    "seamless": ("overlap_m2", "gap_m2", "spill_m2"),
    "fixed": ("jaccard", "area_share_that_changed_cell", "changes_per_cell_12_months"),
}
NOT_MEASURED = {"未测", "not measured"}
FOR_STAFF = {"仅供工作人员", "for staff"}


def principle_figures(ask: Service, hidden: str) -> dict[str, str]:
    """As the page rounds them; what the API has no figure for is "not measured", or for staff, and never 0."""
    found = {}
    for each in ask("/v1/revisions/current/principles")["principles"]:
        for name in PRINCIPLES[each["key"]]:
            value = each["figures"].get(name)
            key = f"principle.{each['key']}.{name}"
            if value is None:
                chinese = hidden == "不显示"
                staff_only = name in each["staff_only"]
                words = ("仅供工作人员", "for staff") if staff_only else ("未测", "not measured")
                found[key] = words[0] if chinese else words[1]
            elif re.search("share|jaccard|nest$", name):
                found[key] = f"{trimmed(value * 100, 2)} %"
            else:
                found[key] = trimmed(value, 3)
    return found


def trimmed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def assert_equal(page: Page, expected: dict[str, str]) -> None:
    found = figures(page)
    assert {name: found.get(name) for name in expected} == expected
    assert set(found) == set(expected), "a number that nobody compared"


CHAIN = [
    ("city", CITY, "district"),
    ("district", DISTRICT, "street"),
    ("street", STREET, "community"),
    ("community", COMMUNITY, "cell"),
    ("cell", CELL, None),
]


@pytest.mark.parametrize(("locale", "hidden"), [("zh-CN", "不显示"), ("en-GB", "hidden")])
def test_drilled_from_the_city_to_a_cell_every_number_is_the_apis(
    cockpit: Any, open_page: Open, locale: str, hidden: str
) -> None:
    options = as_staff(cockpit, CITY)
    ask = service_for(cockpit, options)
    ask("/v1/revisions/current/principles")  # who asks first waits
    watched = open_page(f"{cockpit.url}/dashboard", viewport=DESKTOP, locale=locale, **options)
    page = watched.page
    for (level, code, below), after in zip(CHAIN, [*CHAIN[1:], None], strict=True):
        shown(page, code)
        page.wait_for_selector("[data-principle='fixed']", timeout=WAIT_MS)
        assert_equal(page, live_figures(ask, level, code, below, hidden))
        if after is not None:  # each level one click from its parent
            page.click(f".parts-table [data-open='{after[1]}']")
    painted(page, f"{CELL} areas ")
    assert "level=cell" in page.url
    page.reload()
    shown(page, CELL)
    for level, code, _ in reversed(CHAIN[:-1]):
        page.click(f".path [data-up='{code}']")
        shown(page, code)
        assert level in page.inner_text("h1") or locale == "zh-CN"
    page.go_back()
    shown(page, DISTRICT)
    watched.assert_quiet(cockpit.url)


@pytest.mark.parametrize(("locale", "hidden"), [("zh-CN", "不显示"), ("en-GB", "hidden")])
def test_the_public_sees_releases_and_what_is_hidden_stays_hidden(
    cockpit: Any, open_page: Open, locale: str, hidden: str
) -> None:
    ask = service_for(cockpit, {})
    ask("/v1/revisions/current/principles")
    watched = open_page(
        f"{cockpit.url}/dashboard#area={DISTRICT}&category=parking", viewport=DESKTOP, locale=locale
    )
    page = watched.page
    shown(page, DISTRICT)
    page.wait_for_selector("[data-principle='fixed']", timeout=WAIT_MS)
    released = {"of": "incidents", "category": "parking"}
    here = ask("/v1/releases/2026-10", by="street", **released)
    counts = {row["code"]: row["count"] for row in here["rows"] if row["code"].startswith(DISTRICT)}
    assert any(counts.values()), "nothing is shown"
    roster = ask(f"/v1/areas/{DISTRICT}/roster")["released"]["counts"]
    staffing, place = ask(f"/v1/staffing/{DISTRICT}"), ask(f"/v1/areas/{DISTRICT}")

    def of_district(period: str, category: str) -> int | None:
        rows = ask(f"/v1/releases/{period}", of="incidents", by="district", category=category)["rows"]
        found: int | None = next(row["count"] for row in rows if row["code"] == DISTRICT)
        return found

    tables = ask("/v1/releases")["releases"][0]["tables"]
    categories = [each["category"] for each in tables if each["of"] == "incidents"]
    inside = {False: 0, True: 0}
    everything: dict[bool, int | None] = {False: 0, True: 0}
    for table in tables:
        of_incidents = table["of"] == "incidents"
        if table["inside"] is None or table["outside"] is None:
            everything[of_incidents] = None
        elif everything[of_incidents] is not None:
            inside[of_incidents] += table["inside"]
            everything[of_incidents] = (everything[of_incidents] or 0) + table["inside"] + table["outside"]
    expected = {
        "cells": said(place["cells"], hidden),
        **{
            f"cells.{kind}": said(place["kinds"].get(kind, 0), hidden)
            for kind in ("basic", "full_service", "special")
        },
        "gaps": said(staffing["gaps"], hidden),
        "cells_without_post": said(staffing["cells_without_post"], hidden),
        **{
            name if name == "incidents" else f"elements.{name}": said(count, hidden)
            for name, count in roster.items()
        },
        **{f"month.{period}": said(of_district(period, "parking"), hidden) for period in ("2026-09", "2026-10")},
        **{f"category.{each}": said(of_district("2026-10", each), hidden) for each in categories},
        **{f"part.{code}.count": said(count, hidden) for code, count in counts.items()},
        **{f"part.{row['code']}.gaps": said(row["gaps"], hidden) for row in staffing["rows"]},
        **{
            f"part.{row['code']}.cells": said(row["cells"], hidden)
            for row in ask("/v1/areas", parent=DISTRICT)["areas"]
        },
        **{
            f"in_grid.{name}": hidden if all_ is None else percent(inside[of] / all_)
            for of, name in ((True, "incidents"), (False, "elements"))
            for all_ in [everything[of]]
        },
        **principle_figures(ask, hidden),
    }
    assert hidden in expected.values(), "nothing is hidden"
    assert_equal(page, expected)
    assert not any(name.startswith("week.") for name in expected)
    painted(page, f"{DISTRICT} areas ")
    watched.assert_quiet(cockpit.url)


def test_map_and_charts_filter_each_other(cockpit: Any, open_page: Open) -> None:
    options = as_staff(cockpit, DISTRICT)
    ask = service_for(cockpit, options)
    watched = open_page(f"{cockpit.url}/dashboard#area={DISTRICT}", viewport=DESKTOP, **options)
    page = watched.page
    shown(page, DISTRICT)
    painted(page, f"{DISTRICT} areas ")
    until(page, "window.gridmapCockpit.loaded()")
    page.locator(".map canvas").click(position={"x": 300, "y": 350})
    page.wait_for_url("**pick=*", timeout=WAIT_MS)
    street = re.findall(r"pick=(\d+)", page.url)[0]
    shown(page, DISTRICT, street)
    months = ask("/v1/heatmap/profile", of="incidents", by="month", area=street)["rows"]
    assert figures(page)["month.2026-10"] == said(next(r["count"] for r in months if r["key"] == "2026-10"), "")
    assert figures(page)["cells"] == said(ask(f"/v1/areas/{street}")["cells"], "")

    page.click(".bar-line[data-key='noise']")
    page.wait_for_url("**category=noise*", timeout=WAIT_MS)
    page.locator(".week rect[data-key='33']").click()
    page.wait_for_url("**weekday=2&hour=9*", timeout=WAIT_MS)
    page.locator(".trend [data-key='2026-08'] .target").click()
    page.wait_for_url("**month=2026-08*", timeout=WAIT_MS)
    shown(page, DISTRICT, street)
    asked = {"of": "incidents", "category": "noise", "period": "2026-08", "weekdays": "2", "hours": "9-10"}
    counts = ask("/v1/heatmap", by="street", area=DISTRICT, zeros=True, **asked)["rows"]
    found = figures(page)
    assert {row["code"]: found[f"part.{row['code']}.count"] for row in counts} == {
        row["code"]: said(row["count"], "") for row in counts
    }
    colours = page.evaluate(
        "JSON.stringify(window.gridmapCockpit.getPaintProperty('cockpit-parts', 'fill-color'))"
    )
    nothing, hidden_colour = "#f1f2ef", "#c4cad0"
    for row in counts:  # the map has the colours of these very counts
        after = colours.partition(f'"{row["code"]}","')[2][:7]
        assert (after == nothing) == (row["count"] == 0), row
    assert colours.endswith(f'"{hidden_colour}"]')
    assert page.locator(".chip").count() == 4

    page.reload()  # the address has all of it
    shown(page, DISTRICT, street)
    assert page.locator(".chip").count() == 4
    page.click(f"[data-enter='{street}']")
    shown(page, street)
    page.click(".chips .link")  # without any filter
    shown(page, street)
    page.click("#layer-hexes")
    painted(page, f"{street} hexes ")
    until(page, "window.gridmapCockpit.getLayer('cockpit-hexes') !== undefined")
    watched.assert_quiet(cockpit.url)


def test_what_is_taken_along_says_the_same(cockpit: Any, open_page: Open) -> None:
    options = as_staff(cockpit, DISTRICT)
    watched = open_page(
        f"{cockpit.url}/dashboard#area={STREET}&category=noise", viewport=DESKTOP, accept_downloads=True, **options
    )
    page = watched.page
    shown(page, STREET)
    page.click(".exports summary")
    taken = {}
    for form in ("png", "csv", "xlsx"):
        with page.expect_download() as download:
            page.click(f"[data-export='{form}']")
        taken[form] = Path(download.value.path()).read_bytes()
    assert taken["png"].startswith(b"\x89PNG")
    assert taken["xlsx"].startswith(b"PK")
    text = taken["csv"].decode("utf-8-sig").splitlines()
    rows = {row["code"]: row["count"] for row in csv.DictReader(text)}
    found = figures(page)
    parts = [code for code in rows if code.startswith(STREET)]
    assert len(parts) > 3
    assert [found[f"part.{code}.count"] for code in parts] == [said(int(rows[code]), "") for code in parts]
    snippet = page.input_value("#snippet")
    assert snippet.startswith(f'<iframe src="{cockpit.url}/embed?')
    frame = open_page(re.findall('src="([^"]+)"', snippet)[0], **options).page
    frame.wait_for_selector("html[data-revision] #stage:not([aria-busy])", timeout=WAIT_MS)
    watched.assert_quiet(cockpit.url)


def test_states_are_said(cockpit: Any, open_page: Open) -> None:
    page = open_page(f"{cockpit.url}/dashboard#area=999999", locale="en-GB").page
    page.wait_for_selector(".problem:has-text('Not found')", timeout=WAIT_MS)
    page.goto("about:blank")
    page.goto(f"{cockpit.url}/dashboard#area={STREET}")
    shown(page, STREET)
    assert "Public counts: release of 2026-10" in page.inner_text(".mode")
    page.context.set_offline(True)
    page.wait_for_selector(".banner.warning:has-text('cannot be reached')", timeout=WAIT_MS)
    assert figures(page)["cells"], "the numbers stay, and say how old they are"
    page.context.set_offline(False)
    page.wait_for_selector(".banner.warning", state="detached", timeout=WAIT_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(cockpit: Any, open_page: Open, scheme: str) -> None:
    axe = (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    options = as_staff(cockpit, CITY)
    page = open_page(f"{cockpit.url}/dashboard", color_scheme=scheme, viewport=DESKTOP, **options).page
    for hash_, place, pick in (
        ("", CITY, ""),
        (f"#area={DISTRICT}&pick={STREET}&category=noise", DISTRICT, STREET),
        (f"#area={CELL}&level=cell", CELL, ""),
    ):
        page.goto("about:blank")
        page.goto(f"{cockpit.url}/dashboard{hash_}")
        shown(page, place, pick)
        page.wait_for_selector("[data-principle='fixed']", timeout=WAIT_MS)
        painted(page, f"{place} areas {pick}")
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == [], hash_


def test_the_keyboard_filters_and_drills(cockpit: Any, open_page: Open) -> None:
    page = open_page(f"{cockpit.url}/dashboard#area={STREET}", viewport=DESKTOP, **as_staff(cockpit, CITY)).page
    shown(page, STREET)
    page.focus("[data-table='trend'] summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # what scrolls
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**month=*", timeout=WAIT_MS)
    until(page, "document.activeElement.getAttribute('aria-pressed') === 'true'")
    page.focus(f"[data-open='{COMMUNITY}']")
    page.keyboard.press("Enter")
    shown(page, COMMUNITY)
    assert page.evaluate("document.activeElement.id") == "found"


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


@pytest.mark.soak
def test_22_000_cells_are_panned_without_a_long_task(
    live_server: Any, tianjin: Database, copy_of: Callable[..., Any], open_page: Open
) -> None:
    """Over the whole city with the cells on, by dragging; no task of the page's takes longer than 200 ms."""
    with copy_of(tianjin, "tianjin_panned") as database, live_server(database) as running:
        Service(running, {})("/v1/revisions/current/principles")
        page = open_page(f"{running.url}/dashboard#layer=kinds", viewport=DESKTOP).page
        shown(page, CITY)
        painted(page, f"{CITY} kinds ")
        soon = page.evaluate("performance.getEntriesByName('gridmap-interactive')[0].startTime")
        bounds = running.service.state.ready.grid.index.bounds
        box = page.locator(".map canvas").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.evaluate(f"window.gridmapCockpit.jumpTo({{ zoom: 10.5, center: [{bounds[0]}, {bounds[3]}] }})")
        page.evaluate(NOTE_LONG_TASKS)
        tasks: list[float] = []
        seen: set[int] = set()
        for down in range(12):  # in furrows over the city
            for _ in range(4):
                until(page, "window.gridmapCockpit.areTilesLoaded()")
                page.evaluate("window.longTasks.length = 0")
                drag(page, (x, y), (-220 if down % 2 == 0 else 220, 0))
                tasks += page.evaluate("window.longTasks")
                cells = "window.gridmapCockpit.queryRenderedFeatures({ layers: ['cells'] }).map((each) => each.id)"
                seen |= set(page.evaluate(cells))
            drag(page, (x, y), (0, -250))
        longest = max(tasks, default=0.0)
        print(
            f"\ninteractive after {soon:,.0f} ms; {len(seen):,} cells panned; of {len(tasks)} tasks over 50 ms ",
            end="",
        )
        print(f"the longest took {longest:.0f} ms")
        assert len(seen) > 15_000
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


def test_the_pages_colours_are_those_of_the_styles() -> None:
    css = (WEB / "src" / "dashboard.css").read_text(encoding="utf-8").splitlines()
    for line, palette in zip(css[:2], (LIGHT, DARK), strict=True):
        values = dict(re.findall(r"(--[\w-]+): (#\w+)", line))
        assert [values[f"--ramp-{step}"] for step in range(7)] == [palette.nothing, *palette.ramp]
        assert values["--hidden"] == palette.hidden
        kinds = (values["--kind-basic"], values["--kind-full"], values["--kind-special"])
        assert kinds == tuple(palette.kinds.values())
