"""TileJSON 3.0 of a layer, and what an archive's metadata shares with it. Pure."""

from __future__ import annotations

from typing import Any

from gridmap.coverage.bands import moved_box
from gridmap.model import City
from tiles.address import Box, box_in_mercator, degrees_of
from tiles.layers import Layer

VERSION = "3.0.0"


def vector_layers(layer: Layer) -> list[dict[str, Any]]:
    """The description of a layer's properties, as TileJSON and PMTiles write it."""
    return [
        {
            "id": layer.name,
            "description": layer.description,
            "minzoom": layer.lowest_zoom,
            "maxzoom": layer.highest_zoom,
            "fields": dict(layer.fields),
        }
    ]


def attribution(city: City) -> str:
    """Whom the data are from, and the plain statement of what is made up: it travels with every map."""
    notices = (city.notice.get(language, "") for language in ("zh", "en"))
    return " ".join(part for part in (city.attribution, *notices) if part)


def bounds_in(crs: str, bounds: Box) -> Box:
    """Bounds in degrees WGS 84 as tiles in ``crs`` have them."""
    return bounds if crs == "wgs84" else degrees_of(moved_box(crs, box_in_mercator(bounds)))


def tilejson(
    city: City,
    layer: Layer,
    revision: int,
    bounds: Box,
    url: str,
    crs: str = "wgs84",
) -> dict[str, Any]:
    """The document of a layer at a revision; ``url`` names its tiles with {z}, {x} and {y}.

    ``bounds`` are west, south, east, north in degrees of ``crs``, as the tiles are.
    """
    west, south, east, north = bounds
    return {
        "tilejson": VERSION,
        "name": f"{city.name} {layer.name}",
        "description": layer.description,
        "version": f"{revision}.0.0",
        "scheme": "xyz",
        "tiles": [url],
        "minzoom": layer.lowest_zoom,
        "maxzoom": layer.highest_zoom,
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2, max(layer.lowest_zoom, 10)],
        "attribution": attribution(city),
        "vector_layers": vector_layers(layer),
        "revision": revision,
        "crs": crs,
        "notice": dict(city.notice),
    }
