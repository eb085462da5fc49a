"""The layers of vector tiles: names, zooms, and the properties that clients may rely on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gridmap.coverage.bands import HIGHEST_ZOOM
from gridmap.errors import NotFound
from gridmap.model import City

Kind = Literal["cells", "areas", "labels", "overlays", "lines"]

# The coordinate systems that tiles come in, each as Web Mercator over it; the first is what is stored and baked.
TILE_CRS = ("wgs84", "gcj02", "bd09")

CELLS_FROM = 10
CELL_LABELS_FROM = 14
_OVERLAYS_FROM = 9
_TOP_FROM = 4
# The zooms from which areas are drawn, from the lowest level up; the top level has its own.
_AREAS_FROM_BELOW = (9, 8, 6, 5)

# The zooms from which streets are drawn, by road class; classes that are not listed come with the last.
ROAD_CLASSES = {
    "motorway": 8,
    "trunk": 8,
    "arterial": 9,
    "primary": 9,
    "secondary": 11,
    "tertiary": 12,
    "residential": 13,
    "local": 13,
}
OTHER_ROADS_FROM = 13
_OTHER_LINES = {"water": 9, "wall": 12}

_CODE = "code of the registry"
_NAME = "name in the city's own language"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of one kind of geometry, drawn from ``lowest_zoom`` to ``highest_zoom``.

    ``level`` is that of the areas. ``fields`` are the documented properties. ``part`` names the data version that
    a layer follows instead of the revision; None: it is a function of the revision alone.
    """

    name: str
    kind: Kind
    description: str
    lowest_zoom: int
    fields: Mapping[str, str]
    level: str | None = None
    part: str | None = None
    highest_zoom: int = HIGHEST_ZOOM

    def draws(self, z: int) -> bool:
        """Whether there are tiles of this zoom."""
        return self.lowest_zoom <= z <= self.highest_zoom


def layers_of(city: City) -> Mapping[str, Layer]:
    """All geometry layers of a city by name: cells, each level of area by its key, labels, overlays, lines."""
    codes = {level: f"code of its {level}" for level in reversed(city.levels)}
    cells = Layer(
        "cells",
        "cells",
        "Cells; the feature's id is the cell's.",
        CELLS_FROM,
        {"code": _CODE, "name": _NAME, "kind": "basic, full_service or special", **codes},
    )
    labels = Layer(
        "labels",
        "labels",
        "A point in each cell and area, to write its name at; ids as in their own layers.",
        min(zoom for _, zoom in area_labels_from(city)),
        {"level": "cell, or the area's level", "code": _CODE, "name": _NAME},
    )
    return {layer.name: layer for layer in (*_area_layers(city), cells, labels, _OVERLAYS, _LINES)}


def layer_of(city: City, name: str) -> Layer:
    """The layer of this name; NotFound, with those that there are, when the city has none."""
    layers = layers_of(city)
    if name not in layers:
        raise NotFound(f"no geometry layer {name!r}; there are {', '.join(layers)}")
    return layers[name]


def area_labels_from(city: City) -> list[tuple[str, int]]:
    """Level and the zoom from which its areas have labels: one after they appear."""
    return [(level, zoom + 1) for level, zoom in _areas_from(city).items()]


def shown_lines(z: int) -> tuple[list[str], list[str], bool]:
    """What of the lines a zoom shows: kinds, classes of streets, and whether streets of other classes, too."""
    kinds = [kind for kind, zoom in _OTHER_LINES.items() if zoom <= z]
    classes = [name for name, zoom in ROAD_CLASSES.items() if zoom <= z]
    return kinds, classes, z >= OTHER_ROADS_FROM


def _areas_from(city: City) -> dict[str, int]:
    """Level -> the zoom from which its areas are drawn, the city first."""
    below = {
        level: _AREAS_FROM_BELOW[min(place, len(_AREAS_FROM_BELOW) - 1)]
        for place, level in enumerate(reversed(city.levels))
    }
    return {level: _TOP_FROM if level == city.levels[0] else below[level] for level in city.levels}


def _area_layers(city: City) -> list[Layer]:
    fields = {"code": _CODE, "name": _NAME, "parent": "code of the area above; the top level has none"}
    described = (
        "Areas of the level {}; the feature's id is made from the code's MD5 (first 13 hexadecimal digits)."
    )
    return [
        Layer(level, "areas", described.format(level), zoom, fields, level=level)
        for level, zoom in _areas_from(city).items()
    ]


_OVERLAYS = Layer(
    "overlays",
    "overlays",
    "Areas with posts of their own that lie over the grid: business districts, scenic areas.",
    _OVERLAYS_FROM,
    {"code": "its own code", "name": _NAME, "kind": "what it is"},
    part="overlays",
)
_LINES = Layer(
    "lines",
    "lines",
    "Centre lines of streets, waters and walls.",
    min(ROAD_CLASSES.values()),
    {"kind": "street, water or wall", "road_class": "class of a street", "name": _NAME},
    part="lines",
)
