"""The dashboard in Chromium: drilled from the city to a cell, with the API's numbers, filtered both ways."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.releases.periods import Month
from tests.api.web.cockpit_figures import (
    CELL,
    CITY,
    COMMUNITY,
    DESKTOP,
    DISTRICT,
    STREET,
    WAIT_MS,
    as_staff,
    asked_for,
    assert_equal,
    figures,
    live_figures,
    painted,
    percent,
    principle_figures,
    said,
    shown,
    until,
)
from tiles.palette import DARK, LIGHT

WEB = Path(__file__).parents[3] / "api" / "web"

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def cockpit(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """Heping with a release, on a port, with the service's own tiles."""
    with make_copy("heping_cockpit") as database:
        for month in (9, 10):
            make_release(database, OPERATOR, Month(2026, month), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        with live_server(database) as running:
            yield running


CHAIN = [
    ("city", CITY, "district"),
    ("district", DISTRICT, "street"),
    ("street", STREET, "community"),
    ("community", COMMUNITY, "cell"),
    ("cell", CELL, None),
]


both_languages = pytest.mark.parametrize(
    ("locale", "hidden"), [("zh-CN", "不显示"), pytest.param("en-GB", "hidden", marks=pytest.mark.soak)]
)


@both_languages
def test_drilled_from_the_city_to_a_cell_every_number_is_the_apis(
    cockpit: Any, open_page: Open, locale: str, hidden: str
) -> None:
    options = as_staff(cockpit, CITY)
    ask = asked_for(cockpit, options)
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


@both_languages
def test_the_public_sees_releases_and_what_is_hidden_stays_hidden(
    cockpit: Any, open_page: Open, locale: str, hidden: str
) -> None:
    ask = asked_for(cockpit, {})
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
    ask = asked_for(cockpit, options)
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


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
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


def test_the_pages_colours_are_those_of_the_styles() -> None:
    css = (WEB / "src" / "dashboard" / "page.css").read_text(encoding="utf-8").splitlines()
    for line, palette in zip(css[:2], (LIGHT, DARK), strict=True):
        values = dict(re.findall(r"(--[\w-]+): (#\w+)", line))
        assert [values[f"--ramp-{step}"] for step in range(7)] == [palette.nothing, *palette.ramp]
        assert values["--hidden"] == palette.hidden
        kinds = (values["--kind-basic"], values["--kind-full"], values["--kind-special"])
        assert kinds == tuple(palette.kinds.values())
