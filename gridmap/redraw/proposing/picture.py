"""Proposals as small maps beside each other, the cells as they are first. Imports ``proposals``."""

from __future__ import annotations

import io
import threading

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from shapely.geometry.base import BaseGeometry
from shapely.plotting import plot_line, plot_polygon

from gridmap.heatmap.picture import chinese_font
from gridmap.redraw.metres import metric
from gridmap.redraw.plan import Plan
from gridmap.redraw.proposing.division import Terrain
from gridmap.redraw.proposing.figures import Figures
from gridmap.redraw.proposing.proposals import Proposal, Proposals, communities_of
from gridmap.shapes import Geometries

_DPI = 100.0
_PANEL_IN = 4.0
_MOST_BESIDE = 3
# Colours of ColorBrewer's Set3, which stay apart for most who see colours otherwise.
_COLOURS = ("#8dd3c7", "#ffffb3", "#bebada", "#fb8072", "#80b1d3", "#fdb462", "#b3de69", "#fccde5")
# Fonts are looked up in tables that threads share.
_lock = threading.Lock()


def draw(plan: Plan, found: Proposals, terrain: Terrain) -> bytes:
    """A PNG: the area's cells now and by each proposal, in the city's metric crs."""
    city, state = plan.base.city, plan.state
    now = {code: state.cells_of(code) for code in communities_of(plan, found.area)}
    shapes = {code: [state.cell(cell).shape for cell in cells] for code, cells in now.items()}
    panels = [("现状 now", found.present, [each for own in shapes.values() for each in own])]
    for number, one in enumerate(found.proposals, start=1):
        panels.append((f"{number} {one.why}", one.figures, _after(one, shapes)))
    ground = shapely.union_all([each for own in shapes.values() for each in own])
    at = terrain.lines.tree.query(ground, predicate="intersects")
    lines = metric(shapely.intersection(terrain.lines.lines[np.sort(at)], ground), city.metric_crs)
    font = chinese_font()
    fonts = ["DejaVu Sans", *([font] if font is not None else [])]
    columns = min(len(panels), _MOST_BESIDE)
    rows = -(-len(panels) // columns)
    with _lock:
        figure = Figure(figsize=(columns * _PANEL_IN, rows * (_PANEL_IN + 0.6)), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        every = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for axes in every:
            axes.set_axis_off()
        for axes, (title, figures, drawn) in zip(every, panels, strict=False):
            _panel(axes, metric(np.array(drawn, object), city.metric_crs), lines)
            text = title if font is not None else title.removeprefix("现状 ")
            axes.set_title(f"{text}\n{told(figures)}", fontsize=9, fontfamily=fonts)
        figure.text(0.01, 0.005, city.attribution, fontsize=7, color="#555555", fontfamily=fonts)
        figure.tight_layout(rect=(0, 0.02, 1, 1))
        sink = io.BytesIO()
        figure.savefig(sink, format="png")
    return sink.getvalue()


def told(figures: Figures) -> str:
    """The figures in one line: those that rest on households coarse, what is not measured as a dash."""

    def percent(share: float | None) -> str:
        return "–" if share is None else f"{share:.0%}"

    spread = "–" if figures.spread is None else f"{figures.spread:.2f}"
    return (
        f"{figures.cells} cells, {percent(figures.share_in_band)} in band, CV {spread}, "
        f"streets {percent(figures.street_share)}, shape {figures.compactness:.2f}, stays {percent(figures.stays)}"
    )


def _after(one: Proposal, shapes: dict[str, list[BaseGeometry]]) -> list[BaseGeometry]:
    divided = {each.community: list(each.shapes) for each in one.divisions}
    return [each for code, own in shapes.items() for each in divided.get(code, own)]


def _panel(axes: Axes, cells: Geometries, lines: Geometries) -> None:
    axes.set_aspect("equal")
    for number, cell in enumerate(cells):
        plot_polygon(
            cell, ax=axes, add_points=False, facecolor=_COLOURS[number % len(_COLOURS)], edgecolor="#222222",
            linewidth=1.2,
        )  # fmt: skip
    for line in lines:
        for part in shapely.get_parts(line):
            if part.geom_type == "LineString":
                plot_line(part, ax=axes, add_points=False, color="#ffffff", linewidth=0.8)
    axes.autoscale_view()
