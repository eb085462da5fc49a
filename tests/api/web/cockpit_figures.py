"""What the cockpit must show, asked of the API number by number; and how tests wait for it and read it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from playwright.sync_api import Page

from gridmap.actions.sessions import open_session
from gridmap.model import Actor

Json = dict[str, Any]

WAIT_MS = 60_000
DESKTOP = {"width": 1440, "height": 900}
CITY, DISTRICT, STREET, COMMUNITY, CELL = "120000", "120101", "120101001", "120101001001", "120101001001001"


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


class Asked:
    """The API, asked as the page's user would."""

    def __init__(self, running: Any, headers: dict[str, str]) -> None:
        self.client = httpx.Client(base_url=running.url, headers=headers, timeout=60)

    def __call__(self, path: str, **query: object) -> Json:
        response = self.client.get(path, params={name: str(value) for name, value in query.items()})
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer


def asked_for(running: Any, options: Json) -> Asked:
    cookies = options.get("storage_state", {}).get("cookies", [])
    return Asked(running, {"Cookie": "; ".join(f"{each['name']}={each['value']}" for each in cookies)})


def figures(page: Page) -> dict[str, str]:
    """Every number that the page shows, also those in tables that are folded, by its name."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-figure]')]"
        ".map((each) => [each.dataset.figure, each.textContent]))"
    )
    return found


def said(value: int | None, hidden: str) -> str:
    return hidden if value is None else f"{value:,}"


def live_figures(ask: Asked, level: str, code: str, below: str | None, hidden: str) -> dict[str, str]:
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


def whole_city_figures(ask: Asked, hidden: str) -> dict[str, str]:
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


def principle_figures(ask: Asked, hidden: str) -> dict[str, str]:
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
