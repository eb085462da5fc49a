"""The page behind a poster's QR code, on a phone's screen: complete, and from this server alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_poster_fits_a_phone(live: Any, open_page: Callable[[str], Any], pictures: Path) -> None:
    watched = open_page(f"{live.url}/v1/cells/120101001001001/poster.html")
    page = watched.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    page.screenshot(path=pictures / "poster.png", full_page=True)
    assert watched.complaints == []  # such as of a path of the map that ends half-way
    assert {url.partition("/v1/")[0] for url in watched.requests} == {live.url}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("a[href^='tel:']").count() >= 5
    assert page.locator(".map svg path").count() > 20
