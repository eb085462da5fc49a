"""The snippets for other map libraries, run from another origin as they are: all draw, nothing is foreign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SNIPPETS = Path(__file__).parents[3] / "api" / "web" / "snippets"
# What each asks the service for, so that what is drawn is ours.
ASKED = {
    "maplibre": ("/styles/light.json", "/v1/events", "/tiles/1/cells/"),
    "leaflet": ("/tiles/cells.json", "/tiles/1/cells/"),
    "deckgl": ("/tiles/cells.json", "/tiles/1/cells/", "/v1/heatmap"),
    "echarts": ("/v1/areas?level=street&f=geojson",),
    "openlayers": ("/tiles/cells.json", "/tiles/1/cells/"),
}


def test_every_snippet_is_tried() -> None:
    assert {path.stem for path in SNIPPETS.glob("*.html")} == set(ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_a_snippet_draws(
    live: Any,
    open_page: Callable[..., Any],
    beside: Callable[[str], str],
    colours: Callable[..., Any],
    pictures: Path,
    name: str,
) -> None:
    page = (SNIPPETS / f"{name}.html").read_text(encoding="utf-8")
    assert page.count("http://127.0.0.1:8000") == 1
    origin = beside(page.replace("http://127.0.0.1:8000", live.url))
    watched = open_page(origin)
    count = 0
    for _ in range(30):
        watched.page.wait_for_timeout(500)
        picture = watched.page.locator("#map").screenshot(path=pictures / f"snippet_{name}.png")
        share, count = colours(watched.page, picture)
        asked = {part for part in ASKED[name] for url in watched.requests if url.startswith(live.url + part)}
        if share < 0.9 and count > 40 and asked == set(ASKED[name]):
            break
    assert asked == set(ASKED[name]), (watched.complaints, watched.requests[-12:])
    assert count > 40, f"nothing was drawn: {watched.complaints}"
    assert [
        url for url in watched.requests if not url.startswith((origin, live.url + "/", "blob:", "data:"))
    ] == []
    assert watched.complaints == []
    assert "虚构" in watched.page.inner_text("body")
