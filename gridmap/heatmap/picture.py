"""A heatmap as a PNG with title, legend, scale bar, attribution and notice. Imports its neighbours."""

from __future__ import annotations

import io
import math
import textwrap
import threading
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path
from pyproj import Geod

from gridmap.crs import is_degrees, to_wgs84
from gridmap.heatmap.answer import Heatmap
from gridmap.heatmap.classes import NO_FILL, Classes, classes_of
from gridmap.heatmap.forms import head, in_crs, shapes_of
from gridmap.heatmap.places import Places
from gridmap.heatmap.words import TEXTS, Texts
from gridmap.shapes import Geometries

SMALLEST_PIXELS, USUAL_PIXELS, LARGEST_PIXELS = 400, 1200, 2400

_DPI = 100.0
_FLATTEST, _TALLEST = 0.4, 1.6  # of the map itself, in widths
_MARGIN = 16.0
_LINE = 19.0
_CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",  # the collection's first face is called so; it has all the characters
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Microsoft YaHei",
)
_LATIN_FONT = "DejaVu Sans"
# Steps of a scale bar, in metres.
_STEPS = [step * 10**power for power in range(1, 7) for step in (1, 2, 5)]
_WGS84 = Geod(ellps="WGS84")
# Fonts are looked up in tables that threads share.
_lock = threading.Lock()


@cache
def chinese_font() -> str | None:
    """The name of an installed font that has Chinese characters; Debian's is in ``fonts-noto-cjk``."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _CJK_FONTS if name in installed), None)


@dataclass(frozen=True)
class _Sheet:
    """What is drawn: texts and fonts, the map's frame in its crs, and sizes in pixels."""

    texts: Texts
    fonts: list[str]
    crs: str
    bounds: tuple[float, float, float, float]
    width: float
    map_height: float
    above: list[str]
    below: list[str]

    @property
    def height(self) -> float:
        """Of the whole picture."""
        return self.map_height + (len(self.above) + len(self.below)) * _LINE + 4 * _MARGIN


def draw(heatmap: Heatmap, places: Places, crs: str | None, width: int, lang: str) -> bytes:
    """The PNG, ``width`` pixels wide, in ``crs`` (the city's metric one unless said).

    Without a font that has Chinese characters it is labelled in English, and says so.
    """
    name = crs or places.city.metric_crs
    shapes = in_crs(shapes_of(heatmap, places), name)
    context = in_crs(_context(heatmap, places), name)
    classes = classes_of(heatmap)
    with _lock:
        bounds = shapely.total_bounds(np.concatenate([context, shapes])).tolist()
        sheet = _sheet(heatmap, places, bounds, name, float(width), lang)
        figure = Figure(figsize=(sheet.width / _DPI, sheet.height / _DPI), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)  # not pyplot, which is no thread's own
        axes = _axes(figure, sheet)
        if len(shapes):
            fills = [classes.colours[number] for number in classes.numbers.tolist()]
            edge = "white" if len(shapes) < 3_000 else "none"
            axes.add_collection(PathCollection(_paths(shapes), facecolors=fills, edgecolors=edge, linewidths=0.2))
        lines = [shapely.get_coordinates(line) for line in shapely.get_parts(shapely.boundary(context))]
        axes.add_collection(LineCollection(lines, colors="#444444", linewidths=0.6))
        _legend(axes, sheet, classes)
        _scale_bar(axes, sheet)
        _write(figure, sheet)
        sink = io.BytesIO()
        described = {"Title": sheet.above[0], "Description": "\n".join(sheet.above + sheet.below)}
        figure.savefig(sink, format="png", metadata=described)
    return sink.getvalue()


def _context(heatmap: Heatmap, places: Places) -> Geometries:
    """The outlines around: of the area asked for, or of all areas just below the city."""
    levels = places.city.levels
    area = heatmap.question.area
    if area is None:
        return places.shapes(levels[min(1, len(levels) - 1)])
    level = "cell" if area in places.grid.by_code else places.grid.areas[area].level
    layer = places.layer(level)
    chosen: Geometries = places.shapes(level)[[code == area for code in layer.codes]]
    return chosen if len(chosen) else places.shapes(levels[0])


def _sheet(heatmap: Heatmap, places: Places, bounds: list[float], crs: str, width: float, lang: str) -> _Sheet:
    font = chinese_font()
    texts = TEXTS[lang if font is not None else "en"]
    map_width = width - 2 * _MARGIN
    frame, shape = _frame(bounds, crs)
    said = head(heatmap, places.city)
    above = texts.title(heatmap, places)
    below = [texts.attribution(places.city), *texts.notices(places.city)]
    if font is None and lang != "en":
        below.append(texts.no_font)
    characters = int(map_width / 7.2)
    return _Sheet(
        texts=texts,
        fonts=[_LATIN_FONT] if font is None else [_LATIN_FONT, font],
        crs=crs,
        bounds=frame,
        width=width,
        map_height=map_width * shape,
        above=[above, *_wrapped(texts.subtitle(heatmap, said), characters)],
        below=[line for text in below for line in _wrapped(text, characters)],
    )


def _frame(bounds: list[float], crs: str) -> tuple[tuple[float, float, float, float], float]:
    """What the map shows, with a rim, and its height in widths; what is too long gets more on its sides."""
    west, south, east, north = bounds
    # a degree of longitude is shorter than one of latitude
    stretch = math.cos(math.radians((south + north) / 2)) if is_degrees(crs) else 1.0
    wide, high = (east - west) * stretch * 1.06, (north - south) * 1.06
    shape = min(max(high / wide, _FLATTEST), _TALLEST)
    wide, high = max(wide, high / shape), max(high, wide * shape)
    x, y = (west + east) / 2, (south + north) / 2
    return (x - wide / stretch / 2, y - high / 2, x + wide / stretch / 2, y + high / 2), shape


def _wrapped(text: str, characters: int) -> list[str]:
    """Lines that fit: Chinese characters are twice as wide and may be parted anywhere."""
    if 4 * sum(map(str.isascii, text)) > 3 * len(text):
        return textwrap.wrap(text, characters, break_on_hyphens=False)
    lines, line, used = [], "", 0
    for character in text:
        size = 1 if character.isascii() else 2
        if used + size > characters:
            lines.append(line)
            line, used = "", 0
        line, used = line + character, used + size
    return [*lines, line]


def _axes(figure: Figure, sheet: _Sheet) -> Axes:
    bottom = (2 * _MARGIN + len(sheet.below) * _LINE) / sheet.height
    left = _MARGIN / sheet.width
    axes = figure.add_axes((left, bottom, 1 - 2 * left, sheet.map_height / sheet.height))
    west, south, east, north = sheet.bounds
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("#f4f4f2")
    return axes


def _paths(shapes: Geometries) -> list[Path]:
    """A path for each polygon, its holes left open."""
    paths = []
    for shape in shapes:
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shape)]
        codes = [np.full(len(ring), Path.LINETO, np.uint8) for ring in rings]
        for code in codes:
            code[0], code[-1] = Path.MOVETO, Path.CLOSEPOLY
        paths.append(Path(np.concatenate(rings), np.concatenate(codes)))
    return paths


def _legend(axes: Axes, sheet: _Sheet, classes: Classes) -> None:
    patches = [
        Patch(facecolor=colour, edgecolor="#777777", linewidth=0.4, label=label)
        for colour, label in zip(classes.colours, classes.labels, strict=True)
        if colour != NO_FILL
    ]
    legend = axes.legend(
        handles=patches,
        title=sheet.texts.measures[classes.measure],
        loc="lower right",
        framealpha=0.9,
        prop={"family": sheet.fonts, "size": 8.5},
        title_fontproperties={"family": sheet.fonts, "size": 9},
    )
    legend.set_zorder(5)


def _scale_bar(axes: Axes, sheet: _Sheet) -> None:
    """A bar of a round length, true at the middle of the map."""
    west, south, east, north = sheet.bounds
    middle = (south + north) / 2
    per_unit = _metres(sheet.crs, (west + east) / 2, middle, (east - west) / 100) / ((east - west) / 100)
    wanted = (east - west) * per_unit / 5
    length_m = max([step for step in _STEPS if step <= wanted], default=_STEPS[0])
    length = length_m / per_unit
    x, y = west + 0.03 * (east - west), south + 0.03 * (north - south)
    thick = 0.006 * (north - south)
    axes.add_patch(Rectangle((x, y), length, thick, facecolor="black", edgecolor="black", linewidth=0.8, zorder=6))
    axes.add_patch(
        Rectangle(
            (x + length / 2, y), length / 2, thick, facecolor="white", edgecolor="black", linewidth=0.8, zorder=6
        )
    )
    text = f"{length_m // 1000} km" if length_m >= 1000 else f"{length_m} m"
    axes.text(x + length, y + 2 * thick, text, ha="right", va="bottom", fontsize=8.5, family=sheet.fonts, zorder=6)


def _metres(crs: str, x: float, y: float, step: float) -> float:
    """How far on the ground ``step`` to the east is."""
    lon, lat = to_wgs84(crs, np.array([x, x + step]), np.array([y, y]))
    return float(_WGS84.inv(lon[0], lat[0], lon[1], lat[1])[2])


def _write(figure: Figure, sheet: _Sheet) -> None:
    left = _MARGIN / sheet.width
    y = sheet.height - _MARGIN
    for number, line in enumerate(sheet.above):
        size = 12.5 if number == 0 else 9
        figure.text(left, y / sheet.height, line, va="top", fontsize=size, family=sheet.fonts)
        y -= _LINE + (4 if number == 0 else 0)
    y = _MARGIN + len(sheet.below) * _LINE
    for line in sheet.below:
        figure.text(left, y / sheet.height, line, va="top", fontsize=8, color="#333333", family=sheet.fonts)
        y -= _LINE
