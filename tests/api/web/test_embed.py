"""The page /embed in Chromium: every style draws, in both languages, and nothing comes from another host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

def wait_until_drawn(page: Any) -> None:
    """Waits for the page's own word; a function of ours it may not run, by its content security policy."""
    page.wait_for_selector("html[data-revision] #stage:not([aria-busy])", timeout=60_000)


@pytest.mark.parametrize(
    "query",
    [
        "style=light&language=zh",
        "style=dark&language=en",
        "style=choropleth&language=zh&by=cell",
        "style=heat&language=en&theme=dark",
        "area=120101001&language=en",
    ],
)
def test_every_style_draws(live: Any, open_page: Callable[..., Any], pictures: Path, query: str) -> None:
    watched = open_page(f"{live.url}/embed?{query}")
    page = watched.page
    wait_until_drawn(page)
    page.screenshot(path=pictures / f"{query.replace('&', '_')}.png")
    found = page.evaluate("window.gridmap.map.queryRenderedFeatures().length")
    assert found > 50
    watched.assert_quiet(live.url)
