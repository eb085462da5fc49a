"""A difference as a picture: before, after, and the ground that has another code. Imports ``difference``."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from shapely.plotting import plot_polygon

from gridmap.coverage.grid import Grid
from gridmap.crs import Floats, from_wgs84
from gridmap.heatmap.picture import chinese_font
from gridmap.model import City
from gridmap.redraw.difference import Difference, Part, shapes_of
from gridmap.shapes import Geometries

_DPI = 100.0
# Colours of ColorBrewer's Set3, which stay apart for most who see colours otherwise.
_COLOURS = ("#8dd3c7", "#ffffb3", "#bebada", "#fb8072", "#80b1d3", "#fdb462", "#b3de69", "#fccde5")
_MOVED = "#d95f02"
_MOST_LABELS = 30
# Fonts are looked up in tables that threads share.
_lock = threading.Lock()


def draw(found: Difference, parts: Sequence[Part], city: City, width: int) -> bytes:
    """A PNG, ``width`` pixels wide, of three maps in the city's metric crs, side by side; codes where they fit."""
    font = chinese_font()
    chinese = font is not None
    old = {part.old.code: part.old for part in parts}
    new = {part.new.code: part.new for part in parts}
    moved = [part for part in parts if part.old.code != part.new.code]
    before = _metric(shapes_of(found.before, old.values()), city)
    after = _metric(shapes_of(found.after, new.values()), city)
    pieces = _metric(np.array([part.piece for part in moved], dtype=object), city)
    frame = _frame(before, after)
    titles = ("改前 Before", "改后 After", "换了网格的地面 Ground in another cell")
    titles = titles if chinese else ("Before", "After", "Ground in another cell")
    numbers = (found.before.revision.number, found.after.revision.number)
    with _lock:
        figure = Figure(figsize=(width / _DPI, width / _DPI * 0.42), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, 3)
        fonts = ["DejaVu Sans", *([font] if font is not None else [])]
        surroundings = _around(found, frame, city)
        for axes, title in zip(panels, titles, strict=True):
            _prepare(axes, frame, title, fonts)
            _fill(axes, surroundings, ["none"] * len(surroundings), edge="#cccccc")
        _fill(panels[0], before, _colours(old))
        _fill(panels[1], after, _colours(new))
        _fill(panels[2], after, ["none"] * len(after))
        _fill(panels[2], pieces, [_MOVED] * len(pieces), alpha=0.7)
        _label(panels[0], before, list(old), fonts)
        _label(panels[1], after, list(new), fonts)
        figure.suptitle(f"{city.name} {numbers[0]} → {numbers[1]}" if chinese else f"{numbers[0]} → {numbers[1]}",
                        fontfamily=fonts)  # fmt: skip
        figure.text(0.01, 0.01, city.attribution, fontsize=7, color="#555555", fontfamily=fonts)
        figure.tight_layout(rect=(0, 0.03, 1, 1))
        sink = io.BytesIO()
        figure.savefig(sink, format="png", metadata={"Title": f"revision {numbers[0]} to {numbers[1]}"})
    return sink.getvalue()


def _metric(shapes: Geometries, city: City) -> Geometries:
    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(city.metric_crs, coordinates[:, 0], coordinates[:, 1]))

    found: Geometries = shapely.transform(shapes, convert)
    return found


def _frame(before: Geometries, after: Geometries) -> tuple[float, float, float, float]:
    """A square around all that differs, with a rim of a tenth; a square kilometre where nothing does."""
    bounds = shapely.total_bounds(np.concatenate([before, after]))
    if not np.isfinite(bounds).all():
        return (0.0, 0.0, 1000.0, 1000.0)
    west, south, east, north = bounds.tolist()
    half = max(east - west, north - south) * 0.55
    x, y = (west + east) / 2, (south + north) / 2
    return (x - half, y - half, x + half, y + half)


def _around(found: Difference, frame: tuple[float, float, float, float], city: City) -> Geometries:
    """The cells after that the frame shows, for orientation; none when these would be a whole city's."""
    grid: Grid = found.after
    if not found.parts:
        return np.empty(0, object)
    bounds = shapely.total_bounds(
        np.concatenate(
            [shapes_of(found.before, (part.old for part in found.parts)),
             shapes_of(grid, (part.new for part in found.parts))]
        )
    )  # fmt: skip
    rim = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) * 0.1
    boxes = shapely.bounds(grid.index.degrees)
    near = (boxes[:, 0] < bounds[2] + rim) & (boxes[:, 2] > bounds[0] - rim)
    near &= (boxes[:, 1] < bounds[3] + rim) & (boxes[:, 3] > bounds[1] - rim)
    return _metric(grid.index.degrees[near], city) if near.sum() < 3_000 else np.empty(0, object)


def _prepare(axes: Axes, frame: tuple[float, float, float, float], title: str, fonts: list[str]) -> None:
    axes.set_xlim(frame[0], frame[2])
    axes.set_ylim(frame[1], frame[3])
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("#f4f4f2")
    axes.set_title(title, fontsize=10, fontfamily=fonts)
    length = 10.0 ** math.floor(math.log10((frame[2] - frame[0]) / 3))
    x, y = frame[0] + (frame[2] - frame[0]) * 0.05, frame[1] + (frame[3] - frame[1]) * 0.04
    axes.plot([x, x + length], [y, y], color="#222222", linewidth=2)
    named = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.text(x, y + (frame[3] - frame[1]) * 0.015, named, fontsize=7)


def _fill(
    axes: Axes, shapes: Geometries, colours: Sequence[str], edge: str = "#444444", alpha: float = 1.0
) -> None:
    for shape, colour in zip(shapes, colours, strict=True):
        if not shapely.is_empty(shape):
            plot_polygon(
                shape, ax=axes, add_points=False, facecolor=colour, edgecolor=edge, linewidth=0.6, alpha=alpha
            )


def _colours(codes: Iterable[str]) -> list[str]:
    """The same colour for the same code on both sides, as far as there are colours."""
    return [_COLOURS[sum(code.encode()) % len(_COLOURS)] for code in codes]


def _label(axes: Axes, shapes: Geometries, codes: Sequence[str], fonts: list[str]) -> None:
    if len(codes) > _MOST_LABELS:
        return
    for shape, code in zip(shapes, codes, strict=True):
        point = shapely.point_on_surface(shape)
        axes.text(point.x, point.y, code[-6:], fontsize=7, ha="center", va="center", fontfamily=fonts)
