"""Folium maps that load nothing from another host: Leaflet comes from the installed package, inside the page."""

from __future__ import annotations

import base64
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, ClassVar

import folium


def _inlined(name: str, kind: str) -> str:
    # by its place on disk: importing the package would ask for Django
    path = distribution("django-leaflet").locate_file(f"leaflet/static/leaflet/{name}")
    content = Path(str(path)).read_bytes()
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


class OfflineMap(folium.Map):
    """A map without a base layer; the attribution and the notice of the data stand on it."""

    default_js: ClassVar = [("leaflet", _inlined("leaflet.js", "text/javascript"))]
    default_css: ClassVar = [("leaflet_css", _inlined("leaflet.css", "text/css"))]

    def __init__(self, bounds: tuple[float, float, float, float], notice: str, **options: Any) -> None:
        west, south, east, north = bounds
        middle = ((south + north) / 2, (west + east) / 2)
        super().__init__(location=middle, tiles=None, attribution_control=False, **options)
        self.fit_bounds([[south, west], [north, east]])
        page = self.get_root()
        page.header.add_child(folium.Element("<style>.leaflet-container { background: #fff; }</style>"))
        style = "position:absolute;bottom:0;left:0;z-index:999;max-width:80%;font:11px sans-serif;background:#fffc"
        page.html.add_child(folium.Element(f'<div style="{style}">{notice}</div>'))
