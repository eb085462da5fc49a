"""A part of the map as SVG, which lies in a page as it is: no fonts, scripts or addresses of others.

Imports its neighbours. Lengths on paper are millimetres.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.papers.bounds import CentreLines
from gridmap.papers.frame import Frame
from gridmap.papers.lettering import cell_labels, street_names
from gridmap.papers.parts import Box, MapPart

# Fills that are told apart on screens, on paper and by most who are colour-blind.
FILLS = ("#7fb3d5", "#f5b971", "#8fcf9b", "#d7a3d0", "#f2e27a", "#b0a596", "#86d2cf", "#eb9a94")
FONTS = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif"
# Millimetres of a street on paper; what has no class is a lane.
_WIDTHS = {"arterial": 2.2, "secondary": 1.6, "local": 1.1, "lane": 0.6}
_WATER, _WALL = "#9cc5e6", "#8a6d4b"


@dataclass(frozen=True)
class Drawing:
    """What a map shows: cells of ``part`` around those of ``fills`` (code -> colour), lines, and edges in red.

    ``labels``: code -> what is written in the cell. ``new`` edges are drawn in red, ``gone`` ones dashed.
    """

    part: MapPart
    lines: CentreLines
    box: Box
    fills: Mapping[str, str]
    labels: Mapping[str, str]
    new: BaseGeometry | None = None
    gone: BaseGeometry | None = None
    marked: Sequence[str] = field(default_factory=tuple)


def draw(drawing: Drawing, width_mm: float, most_height_mm: float) -> str:
    """The SVG, at most so wide and high; its own shape is that of the box."""
    frame = Frame.of(drawing.box, drawing.lines.metric_crs, width_mm, most_height_mm)
    taken: list[BaseGeometry] = [frame.corner_of_scale, frame.corner_of_north]
    # the ids of one page's maps must differ
    sheet = f"sheet{zlib.crc32(repr(drawing.box).encode() + repr(sorted(drawing.fills)).encode()):x}"
    layers = [
        f'<clipPath id="{sheet}"><rect width="{frame.width:.2f}" height="{frame.height:.2f}"/></clipPath>',
        f'<g clip-path="url(#{sheet})">',
        _ground(frame),
        *_cells(drawing, frame),
        *_lines(drawing.lines, frame),
        *_fills(drawing, frame),
        *_edges(drawing, frame),
        "</g>",
        *cell_labels(drawing.part, drawing.labels, drawing.fills, frame, taken),
        *street_names(drawing.lines, frame, taken),
        *_scale_bar(frame),
        *_north(frame),
        f'<rect x="0" y="0" width="{frame.width:.2f}" height="{frame.height:.2f}" fill="none" stroke="#333" '
        'stroke-width="0.4"/>',
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{frame.width:.2f}mm" height="{frame.height:.2f}mm" '
        f'viewBox="0 0 {frame.width:.2f} {frame.height:.2f}" font-family="{FONTS}">{"".join(layers)}</svg>'
    )


def _ground(frame: Frame) -> str:
    return f'<rect width="{frame.width:.2f}" height="{frame.height:.2f}" fill="#e9edf0"/>'


def _path(shape: BaseGeometry) -> str:
    """The d of a path: rings are closed, lines are open, points are left out."""
    pieces = []
    for part in shapely.get_parts(shape):
        if part.is_empty:  # a browser stops at a path without a place
            continue
        if part.geom_type == "Polygon":
            pieces += [f"M{_pairs(ring)}Z" for ring in shapely.get_rings(part)]
        elif part.geom_type in ("LineString", "LinearRing"):
            pieces.append(f"M{_pairs(part)}")
    return "".join(pieces)


def _pairs(line: BaseGeometry) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in shapely.get_coordinates(line).tolist())


def _stroke(shapes: Sequence[BaseGeometry], colour: str, width: float, dashes: str = "") -> str:
    d = "".join(_path(shape) for shape in shapes)
    if not d:
        return ""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round" '
        f'stroke-linecap="round"{dashed}/>'
    )


def _area(shape: BaseGeometry, colour: str, opacity: float) -> str:
    d = _path(shape)
    return f'<path d="{d}" fill="{colour}" fill-opacity="{opacity}" fill-rule="evenodd"/>' if d else ""


def _cells(drawing: Drawing, frame: Frame) -> list[str]:
    return [_area(shape, "#fbfaf6", 1) for shape in frame.on_paper(drawing.part.shapes)]


def _fills(drawing: Drawing, frame: Frame) -> list[str]:
    codes = [code for code in drawing.fills if code in drawing.part.at]
    if not codes:
        return []
    shapes = frame.on_paper(drawing.part.shapes[[drawing.part.at[code] for code in codes]])
    return [_area(shape, drawing.fills[code], 0.55) for code, shape in zip(codes, shapes, strict=True)]


def _lines(lines: CentreLines, frame: Frame) -> list[str]:
    """Walls, then streets with a rim, the wide ones on top, then waters."""
    shapes = frame.on_paper(lines.shapes) if len(lines.shapes) else np.empty(0, object)
    groups: dict[str, list[BaseGeometry]] = {}
    for kind, road_class, shape in zip(lines.kinds, lines.road_classes, shapes, strict=True):
        if not shape.is_empty:
            group = (road_class if road_class in _WIDTHS else "lane") if kind == "street" else kind
            groups.setdefault(group, []).append(shape)
    drawn = [_stroke(groups.get("wall", ()), _WALL, 0.35, "0.5 0.7")]
    for road_class in reversed(_WIDTHS):
        drawn.append(_stroke(groups.get(road_class, ()), "#b5afa2", _WIDTHS[road_class] + 0.3))
    for road_class in reversed(_WIDTHS):
        drawn.append(_stroke(groups.get(road_class, ()), "#ffffff", _WIDTHS[road_class]))
    drawn.append(_stroke(groups.get("water", ()), _WATER, 1.4))
    return drawn


def _edges(drawing: Drawing, frame: Frame) -> list[str]:
    part = drawing.part
    communities: dict[str, list[int]] = {}
    for number, cell in enumerate(part.cells):
        communities.setdefault(cell.community, []).append(number)
    outlines = [shapely.coverage_union_all(part.shapes[members]).boundary for members in communities.values()]
    drawn = [
        _stroke([*shapely.boundary(frame.on_paper(part.shapes))], "#4f5a64", 0.25),
        _stroke([*frame.on_paper(np.array(outlines, object))], "#7a3f98", 0.45, "2 0.9 0.5 0.9"),
    ]
    marked = [code for code in drawing.marked if code in part.at]
    if marked:
        rims = np.array([shapely.boundary(part.shape(code)) for code in marked], object)
        drawn.append(_stroke([*frame.on_paper(rims)], "#c0392b", 1.0))
    for edges, dashes in ((drawing.gone, "1.6 1.2"), (drawing.new, "")):
        if edges is not None and not edges.is_empty:
            drawn.append(_stroke([*frame.on_paper(edges)], "#d0021b", 0.9, dashes))
    return drawn


def _scale_bar(frame: Frame) -> list[str]:
    length_m = frame.bar_m
    length = length_m * frame.scale
    x, y = 4.0, frame.height - 4.0
    text = f"{length_m // 1000} km" if length_m >= 1000 else f"{length_m} m"
    return [
        f'<rect x="0" y="{frame.height - 10:.2f}" width="{length + 14:.2f}" height="10" fill="#fff"/>',
        f'<rect x="{x:.2f}" y="{y - 1.2:.2f}" width="{length / 2:.2f}" height="1.2" fill="#222"/>',
        f'<rect x="{x:.2f}" y="{y - 1.2:.2f}" width="{length:.2f}" height="1.2" fill="none" stroke="#222" '
        'stroke-width="0.25"/>',
        f'<text x="{x:.2f}" y="{y - 2.2:.2f}" font-size="2.6" text-anchor="middle">0</text>',
        f'<text x="{x + length:.2f}" y="{y - 2.2:.2f}" font-size="2.6" text-anchor="middle">{text}</text>',
    ]


def _north(frame: Frame) -> list[str]:
    x, y = frame.width - 7.0, 4.0
    return [
        f'<rect x="{frame.width - 13.5:.2f}" y="0" width="13.5" height="14" fill="#fff"/>',
        f'<path d="M{x:.2f},{y - 0.5:.2f} {x + 2:.2f},{y + 5:.2f} {x:.2f},{y + 3.8:.2f} {x - 2:.2f},{y + 5:.2f}Z" '
        'fill="#222"/>',
        f'<text x="{x:.2f}" y="{y + 8.2:.2f}" font-size="2.8" text-anchor="middle">N</text>',
    ]
