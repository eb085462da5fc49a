"""Maps that load nothing from another host: Leaflet and deck.gl come from installed packages, inside the page."""

from __future__ import annotations

import base64
import html
import math
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, ClassVar

import folium
import pydeck
from branca.colormap import LinearColormap


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
        self.fit_bounds([[south, west], [north, east]], padding_bottom_right=(0, 70))  # the notice stands there
        page = self.get_root()
        page.header.add_child(folium.Element("<style>div.leaflet-container { background: #fff; }</style>"))
        style = "position:absolute;bottom:0;left:0;z-index:999;max-width:80%;font:11px sans-serif;background:#fffc"
        page.html.add_child(folium.Element(f'<div style="{style}">{notice}</div>'))

    def explain(self, colours: LinearColormap, caption: str) -> None:
        """A legend; branca's own loads a library from another host."""
        shown = ", ".join(colours.rgb_hex_str(colours.vmin + (colours.vmax - colours.vmin) * at / 8) for at in range(9))
        bar = f"height:10px;width:220px;background:linear-gradient(to right, {shown})"
        style = "position:absolute;top:8px;right:8px;z-index:999;padding:4px;font:11px sans-serif;background:#fffc"
        ends = f"<span>{colours.vmin:,.4g}</span><span style='float:right'>{colours.vmax:,.4g}</span>"
        legend = f'<div style="{style}">{caption}<div style="{bar}"></div>{ends}</div>'
        self.get_root().html.add_child(folium.Element(legend))


@dataclass(frozen=True)
class Framed:
    """A page of its own within a notebook."""

    page: str

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{html.escape(self.page)}" style="width:100%;height:500px;border:0"></iframe>'


def deck_map(layers: list[pydeck.Layer], bounds: tuple[float, float, float, float], notice: str) -> Framed:
    """A deck.gl map; pydeck's own page names style sheets on other hosts even when it is asked for offline."""
    west, south, east, north = bounds
    # the whole of the bounds on a map some 500 pixels high, 512 of which are the world at zoom 0
    zoom = math.log2(360 / max(east - west, 1.4 * (north - south)))
    view = pydeck.ViewState(longitude=(west + east) / 2, latitude=(south + north) / 2, zoom=zoom)
    deck = pydeck.Deck(layers, initial_view_state=view, map_provider=None, map_style=None)
    bundle = Path(pydeck.__file__).with_name("nbextension") / "static" / "index.js"
    page = f"""<!DOCTYPE html><meta charset="utf-8"><style>
        body {{ margin: 0; font: 11px sans-serif }} #map {{ position: absolute; inset: 0 0 70px }}
        #notice {{ position: absolute; bottom: 0; max-width: 80% }}
        </style><div id="map"></div><div id="notice">{notice}</div>
        <script>{bundle.read_text(encoding="utf-8")}</script>
        <script>createDeck({{container: document.getElementById("map"), jsonInput: {deck.to_json()},
            tooltip: true}})</script>"""
    return Framed(page)
