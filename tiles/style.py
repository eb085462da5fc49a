"""MapLibre styles of one revision: light, dark, choropleth and heat. Pure; imports ``model`` and ``errors``.

Every source of a style is pinned to one revision, and nothing in a style names another host but the city's own
base map: there are no ``glyphs`` and no sprites, since MapLibre then draws all letters from the machine's fonts.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from gridmap.errors import InvalidInput, NotFound
from gridmap.model import CELL_KINDS, CELL_LEVEL, BaseMap, City
from tiles.layers import CELL_LABELS_FROM, TILE_CRS, area_labels_from, layers_of
from tiles.palette import DARK, LIGHT, Palette

Json = dict[str, Any]

NAMES = ("light", "dark", "choropleth", "heat")
COUNTED = ("choropleth", "heat")
LANGUAGES = ("zh", "en")
BASE_MAPS = ("plain", "redrawn", "no")
HIGHEST_ZOOM = 16
_FONTS = ["Noto Sans CJK SC,PingFang SC,Microsoft YaHei,Helvetica,Arial,sans-serif"]

_KIND_LABELS = {
    "basic": ("基础网格", "basic cell"),
    "full_service": ("全科网格", "full-service cell"),
    "special": ("专属网格", "special cell"),
}
# Streets by importance: name, the zoom from which they are drawn, their width at zoom 16, and their classes.
_STREETS: tuple[tuple[str, int, float, tuple[str, ...]], ...] = (
    ("major", 9, 7.0, ("motorway", "trunk", "arterial", "primary")),
    ("secondary", 11, 4.5, ("secondary", "tertiary")),
)
_MINOR_FROM, _MINOR_WIDTH = 13, 2.5
# The zooms from which there is room for the names of listed streets, and of the others.
_STREET_NAMES_FROM, _MINOR_NAMES_FROM = 15, 16
_SERIES = (1, 2, 5, 10, 20, 50)
# GCJ-02 and BD-09 lie up to so far from WGS 84; the bounds of shifted tiles are widened by it.
_LARGEST_SHIFT_DEGREES = 0.02


@dataclass(frozen=True)
class Counts:
    """Which counts a choropleth or heat style shows: the query of ``/v1/heatmap``, and where colours begin.

    ``released`` are the months whose releases are shown, none before the first release, None: counts are live.
    ``least`` is the smallest count but 0 that shows.
    """

    query: Mapping[str, str] = field(default_factory=dict)
    breaks: tuple[float, ...] = ()
    released: tuple[str, ...] | None = None
    least: int = 1

    def __post_init__(self) -> None:
        if any(not math.isfinite(value) for value in self.breaks) or list(self.breaks) != sorted(set(self.breaks)):
            raise InvalidInput("breaks", self.breaks, "must be finite numbers, each larger than the one before")


@dataclass(frozen=True)
class Ground:
    """What a style is made over: a city's grid at one revision, and where clients reach it.

    ``base`` is an address without a slash at its end; ``bounds`` are west, south, east, north in degrees WGS 84.
    """

    city: City
    revision: int
    base: str
    bounds: tuple[float, float, float, float]
    language: str = "zh"
    crs: str = "wgs84"
    base_map: str = "plain"
    """plain: the city's, where any MapLibre can draw it under tiles of this crs; redrawn: as
    ``web/src/base_map.ts`` moves it to where it belongs; no: none."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """What pins the layers that are no function of the revision, by name: ``v`` in their tiles' addresses."""
    data_as_of: datetime | None = None
    """How old the data are that this is made from, while the database is away; None: it is there."""


def make_style(name: str, ground: Ground, counts: Counts | None = None, dark: bool = False) -> Json:
    """The style called ``name``; NotFound for another name, InvalidInput for a crs without tiles."""
    if name not in NAMES:
        raise NotFound(f"no style {name!r}; there are {', '.join(NAMES)}")
    if ground.crs not in TILE_CRS:
        raise InvalidInput("crs", ground.crs, f"tiles come in {', '.join(TILE_CRS)}")
    dark = dark or name == "dark"
    palette = DARK if dark else LIGHT
    counted = name in COUNTED
    shown = counts or Counts()
    data = _count_sources(name, ground, shown) if counted else {}
    fills = _count_fills(name, ground, shown, palette) if counted else _kind_fills(palette)
    base = _base_map(ground)
    west, south, east, north = ground.bounds
    return {
        "version": 8,
        "name": f"{_named(ground)} {name}",
        "center": [round((west + east) / 2, 5), round((south + north) / 2, 5)],
        "zoom": _fitting_zoom(ground.bounds),
        "metadata": _metadata(name, ground, shown if counted else None, palette, sorted(data), dark),
        "sources": {**base, **_tile_sources(ground), **data},
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": palette.ground}},
            *({"id": source, "type": "raster", "source": source} for source in base),
            *([] if base else [_fill("land", ground.city.levels[0], palette.land)]),
            *fills,
            *_lines(palette, over_base=bool(base)),
            *_overlays(palette),
            *_boundaries(ground.city, palette),
            *([] if base else _street_names(palette)),
            *_labels(ground.city, palette),
        ],
        "transition": {"duration": 0, "delay": 0},
    }


def _named(ground: Ground) -> str:
    city = ground.city
    return city.name_en if ground.language == "en" and city.name_en else city.name


def _tile_sources(ground: Ground) -> Json:
    plain = ground.crs == "wgs84"
    margin = 0 if plain else _LARGEST_SHIFT_DEGREES
    west, south, east, north = ground.bounds
    bounds = [round(each, 6) for each in (west - margin, south - margin, east + margin, north + margin)]
    return {
        name: {
            "type": "vector",
            "tiles": [f"{ground.base}/tiles/{ground.revision}/{name}/{{z}}/{{x}}/{{y}}.mvt{_query(ground, name)}"],
            "minzoom": layer.lowest_zoom,
            "maxzoom": layer.highest_zoom,
            "bounds": bounds,
            "attribution": attribution(ground),
        }
        for name, layer in layers_of(ground.city).items()
    }


def _query(ground: Ground, name: str) -> str:
    given = {"v": ground.marks.get(name), "crs": None if ground.crs == "wgs84" else ground.crs}
    query = urlencode({key: value for key, value in given.items() if value is not None})
    return f"?{query}" if query else ""


def attribution(ground: Ground) -> str:
    """Whose data these are and what in them is made up, as HTML: maps show a source's attribution as such."""
    parts = [ground.city.attribution, ground.city.notice.get(ground.language, "")]
    return " ".join(html.escape(part) for part in parts if part)


def _base_map(ground: Ground) -> Json:
    base = ground.city.base_map
    if base is None or ground.base_map == "no":
        return {}
    fits = base.tile_crs == ground.crs and base.crs != "cgcs2000"
    if not fits and not (ground.base_map == "redrawn" and ground.crs == "wgs84"):
        return {}
    source = {
        "type": "raster",
        "tiles": [base.xyz if fits else _redrawn(base)],
        "tileSize": base.tile_size,
        "minzoom": base.lowest_zoom,
        "maxzoom": base.highest_zoom,
        "attribution": html.escape(_words(base)),
    }
    return {"base_map": source}


def _words(base: BaseMap) -> str:
    return " ".join(part for part in (base.attribution, base.approval_number) if part)


def _base_map_words(ground: Ground) -> str:
    """Whose the base map is and the number under which it was approved; empty where it is not shown."""
    base = ground.city.base_map
    return _words(base) if base is not None and _base_map(ground) else ""


def _redrawn(base: BaseMap) -> str:
    """The address by which ``web/src/base_map.ts`` redraws another grid's tiles as Mercator's over WGS 84."""
    template = base.xyz
    for place in "zxy":
        template = template.replace(f"{{{place}}}", f"[{place}]")
    return f"{base.crs}://{template}#{{z}}/{{x}}/{{y}}"


def _metadata(
    name: str, ground: Ground, counts: Counts | None, palette: Palette, data: Sequence[str], dark: bool
) -> Json:
    released = None if counts is None else counts.released
    return {
        "gridmap:revision": ground.revision,
        "gridmap:language": ground.language,
        "gridmap:crs": ground.crs,
        "gridmap:dark": dark,
        "gridmap:data_as_of": None if ground.data_as_of is None else ground.data_as_of.isoformat(),
        "gridmap:attribution": ground.city.attribution,
        "gridmap:notice": ground.city.notice.get(ground.language, ""),
        "gridmap:base_map": _base_map_words(ground),
        "gridmap:data": list(data),
        "gridmap:released": None if released is None else list(released),
        "gridmap:counts": "" if counts is None else _count_words(name, ground, counts),
        "gridmap:legend": _legend(name, ground, counts, palette),
    }


def _any(counts: Counts) -> bool:
    """Whether there are counts to show at all."""
    return counts.released != ()


def _tells_hidden(name: str, counts: Counts) -> bool:
    """Whether what a release hides has a colour of its own: hexes that are hidden are not drawn."""
    return name == "choropleth" and bool(counts.released) and counts.least > 1 and counts.query.get("by") != "hex"


def _count_words(name: str, ground: Ground, counts: Counts) -> str:
    """What the counts are: live, or released for which months and with what left out."""
    chinese = ground.language == "zh"
    if counts.released is None:
        return "实时数量，仅供辖区工作人员" if chinese else "Live counts, for the staff of the territory"
    if not counts.released:
        return "尚未发布任何数量" if chinese else "No counts have been released yet"
    months = "–".join(dict.fromkeys((counts.released[0], counts.released[-1])))
    said = f"{months} 已发布的数量" if chinese else f"Released counts of {months}"
    if counts.least == 1:
        return said
    hidden = (
        f"少于 {counts.least} 的以及可由此推算的不显示"
        if chinese
        else f"counts below {counts.least}, and those that would give them away, are hidden"
    )
    return f"{said}；{hidden}" if chinese else f"{said}; {hidden}"


def _legend(name: str, ground: Ground, counts: Counts | None, palette: Palette) -> list[Json]:
    """What each colour means, from the lowest: the embed page and other clients show it beside the map."""
    chinese = ground.language == "zh"
    if counts is None:
        return [
            {"color": palette.kinds[kind], "label": _KIND_LABELS[kind][0 if chinese else 1]} for kind in CELL_KINDS
        ]
    if not _any(counts):
        return []
    breaks = _breaks(ground, counts)
    none_less = counts.released is not None and breaks[0] <= counts.least  # what lies between does not show
    least = [{"color": palette.nothing, "label": "0" if none_less else f"< {breaks[0]:g}"}]
    ends = [*(f"– {after:g}" for after in breaks[1:]), "≥"]
    steps = [
        {"color": color, "label": f"≥ {value:g}" if end == "≥" else f"{value:g} {end}"}
        for value, end, color in zip(breaks, ends, _colours(palette, len(breaks)), strict=True)
    ]
    hidden = [{"color": palette.hidden, "label": "不显示" if chinese else "hidden"}]
    return [*least, *steps, *(hidden if _tells_hidden(name, counts) else [])]


def _fill(name: str, source: str, color: object, opacity: object = 1, lowest: float = 0) -> Json:
    paint = {"fill-color": color, "fill-opacity": opacity, "fill-antialias": False}
    layer = {"id": name, "type": "fill", "source": source, "source-layer": source, "paint": paint}
    return {**layer, "minzoom": lowest} if lowest else layer


def _kind_fills(palette: Palette) -> list[Json]:
    colours = [part for kind, color in palette.kinds.items() for part in (kind, color)]
    color = ["match", ["get", "kind"], *colours, palette.nothing]
    opacity = ["interpolate", ["linear"], ["zoom"], 10, 0.55, 15, 0.85]
    return [_fill("cells", "cells", color, opacity)]


def _lines(palette: Palette, *, over_base: bool) -> list[Json]:
    """Water, walls and streets; a base map has its own streets."""
    layers = [
        _line("water", "lines", palette.water, [9, 0.6, 16, 5], ["==", ["get", "kind"], "water"]),
        _line("walls", "lines", palette.wall, [13, 0.6, 16, 2.5], ["==", ["get", "kind"], "wall"], lowest=13),
    ]
    if over_base:
        return layers
    widths = [_MINOR_FROM, 0.5, 16, _MINOR_WIDTH]
    layers.append(_line("streets_minor", "lines", palette.street, widths, _streets(), lowest=_MINOR_FROM))
    for name, lowest, widest, classes in reversed(_STREETS):
        widths = [lowest, 0.5, 16, widest]
        layers.append(_line(f"streets_{name}", "lines", palette.street, widths, _streets(classes), lowest=lowest))
    return layers


def _streets(classes: Sequence[str] = ()) -> list[Any]:
    """Which lines are streets of these classes; without any, of those that are not listed."""
    listed = classes or [name for *_, each in _STREETS for name in each]
    among = ["in", ["get", "road_class"], ["literal", list(listed)]]
    return ["all", ["==", ["get", "kind"], "street"], among if classes else ["!", among]]


def _street_names(palette: Palette) -> list[Json]:
    """Names along streets, those of larger ones on top and from further away."""
    layers = []
    named = [(name, classes, _STREET_NAMES_FROM) for name, *_, classes in reversed(_STREETS)]
    for name, classes, lowest in [("minor", (), _MINOR_NAMES_FROM), *named]:
        layers.append(
            {
                "id": f"streets_{name}_label",
                "type": "symbol",
                "source": "lines",
                "source-layer": "lines",
                "minzoom": lowest,
                "filter": _streets(classes),
                "layout": {
                    "symbol-placement": "line",
                    "text-field": ["get", "name"],
                    "text-font": _FONTS,
                    "text-size": 11,
                    "text-padding": 8,
                },
                "paint": {"text-color": palette.ink, "text-halo-color": palette.halo, "text-halo-width": 1.2},
            }
        )
    return layers


def _line(
    name: str, source: str, color: str, widths: Sequence[float], wanted: object = None, lowest: float = 0
) -> Json:
    layer: Json = {
        "id": name,
        "type": "line",
        "source": source,
        "source-layer": source,
        "layout": {"line-join": "round", "line-cap": "round"},
        "paint": {"line-color": color, "line-width": ["interpolate", ["exponential", 1.4], ["zoom"], *widths]},
    }
    if wanted is not None:
        layer["filter"] = wanted
    return {**layer, "minzoom": lowest} if lowest else layer


def _overlays(palette: Palette) -> list[Json]:
    dashed = _line("overlays_line", "overlays", palette.overlay, [9, 1, 16, 3])
    dashed["paint"]["line-dasharray"] = [3, 2]
    return [_fill("overlays", "overlays", palette.overlay, 0.12), dashed]


def _boundaries(city: City, palette: Palette) -> list[Json]:
    """Lines of cells and areas, the higher the level the broader, the highest on top."""
    layers = [_line("cells_line", "cells", palette.cell_line, [11, 0.3, 16, 1.4], lowest=11)]
    for position, level in enumerate(reversed(city.levels)):
        lowest = layers_of(city)[level].lowest_zoom
        width = 0.5 + 0.35 * position
        color = palette.city_line if level == city.levels[0] else palette.area_line
        layers.append(_line(f"{level}_line", level, color, [lowest, width, 16, width * 3]))
    return layers


def _labels(city: City, palette: Palette) -> list[Json]:
    """Names, each level from the zoom at which its areas have room for them; a cell's is its number too."""
    layers = []
    zooms = {CELL_LEVEL: CELL_LABELS_FROM, **dict(reversed(area_labels_from(city)))}
    for position, (level, lowest) in enumerate(zooms.items()):
        layer = {
            "id": f"{level}_label",
            "type": "symbol",
            "source": "labels",
            "source-layer": "labels",
            "minzoom": lowest,
            "filter": ["==", ["get", "level"], level],
            "layout": {
                "text-field": ["get", "name"],
                "text-font": _FONTS,
                "text-size": ["interpolate", ["linear"], ["zoom"], lowest, 10 + position, 16, 12 + 1.5 * position],
                "text-max-width": 8,
                "text-padding": 4,
            },
            "paint": {"text-color": palette.ink, "text-halo-color": palette.halo, "text-halo-width": 1.4},
        }
        if position > 1:  # what is seen as one place needs no name any more
            layer["maxzoom"] = min(lowest + 6, 16)
        layers.append(layer)
    return layers


def _count_sources(name: str, ground: Ground, counts: Counts) -> Json:
    """The counts as GeoJSON, of the style's revision; heat has fewer and larger hexes when seen from afar."""
    if not _any(counts):
        return {}
    queries = {"counts": dict(counts.query)}
    if name == "heat":
        queries = {"counts": {"resolution": "8", **counts.query, "by": "hex"}}
        if "resolution" not in counts.query:
            queries["counts_far"] = {**counts.query, "by": "hex", "resolution": "7"}
    elif counts.released and counts.query.get("by") != "hex":
        queries["counts"]["zeros"] = "true"  # what is 0 is told from what is hidden
    asked = {"f": "geojson", "revision": str(ground.revision), "crs": ground.crs}
    return {
        source: {
            "type": "geojson",
            "data": f"{ground.base}/v1/heatmap?{urlencode({'of': 'incidents', 'by': 'cell', **query, **asked})}",
            "attribution": attribution(ground),
        }
        for source, query in queries.items()
    }


def _count_fills(name: str, ground: Ground, counts: Counts, palette: Palette) -> list[Json]:
    if not _any(counts):
        return []
    breaks = _breaks(ground, counts)
    colours = _colours(palette, len(breaks))
    measure = ["coalesce", ["get", counts.query.get("measure", "count")], 0]
    if name == "choropleth":
        steps = [part for pair in zip(breaks, colours, strict=True) for part in pair]
        color = ["step", measure, palette.nothing, *steps]
        under = [_fill("hidden", ground.city.levels[0], palette.hidden)] if _tells_hidden(name, counts) else []
        return [*under, _counted("counts", color, 0.85 if not under else 1)]
    scale = [part for pair in zip(breaks, colours, strict=True) for part in pair]
    color = ["interpolate", ["linear"], measure, 0, palette.nothing, *scale]
    if "resolution" in counts.query:
        return [_counted("counts", color, 0.75)]
    far = {**_counted("counts_far", color, 0.75), "maxzoom": 11}
    return [far, {**_counted("counts", color, 0.75), "minzoom": 11}]


def _counted(source: str, color: object, opacity: float) -> Json:
    paint = {"fill-color": color, "fill-opacity": opacity, "fill-outline-color": "rgba(0,0,0,0.12)"}
    return {"id": source, "type": "fill", "source": source, "paint": paint}


def _breaks(ground: Ground, counts: Counts) -> tuple[float, ...]:
    """Given ones, else the series 1, 2, 5 … begun higher for larger areas, so that two maps of a city compare.

    Of releases it begins with the smallest count but 0 that shows.
    """
    if counts.breaks:
        return counts.breaks
    upwards = [CELL_LEVEL, *reversed(ground.city.levels)]
    by = counts.query.get("by", CELL_LEVEL)
    factors = (1, 5, 50, 1000, 10_000)
    factor = factors[min(upwards.index(by), len(factors) - 1)] if by in upwards else 1
    breaks = tuple(float(step * factor) for step in _SERIES)
    if breaks[0] >= counts.least:
        return breaks
    return (float(counts.least), *(each for each in breaks if each > counts.least))


def _colours(palette: Palette, count: int) -> list[str]:
    """``count`` colours of the ramp, evenly spread and with both of its ends."""
    last = len(palette.ramp) - 1
    return [palette.ramp[round(i * last / max(count - 1, 1))] for i in range(count)]


def _fitting_zoom(bounds: tuple[float, float, float, float]) -> float:
    """The zoom at which the bounds fill a map of some 600 by 500 pixels."""
    west, south, east, north = bounds

    def down(lat: float) -> float:
        return math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))

    wide = max(east - west, 1e-6) / 360
    high = max(down(north) - down(south), 1e-9) / (2 * math.pi)
    return round(min(math.log2(600 / 512 / wide), math.log2(500 / 512 / high), HIGHEST_ZOOM), 2)
