"""Numbers of cells and names of streets on a map, where they find room. Imports its neighbours."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from html import escape

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import Floats
from gridmap.papers.bounds import CentreLines
from gridmap.papers.frame import Frame
from gridmap.papers.parts import MapPart

# Millimetres of the letters of a street's name, the widest streets first.
_LETTERS = {"arterial": 3.1, "secondary": 2.8, "local": 2.5, "lane": 2.0}


def _width_of(text: str) -> float:
    """In widths of a Chinese character."""
    return sum(0.58 if letter.isascii() else 1.0 for letter in text)


def _text(text: str, x: float, y: float, size: float, colour: str, turn: float = 0.0, bold: bool = False) -> str:
    """Text in the middle of a place, with a white rim."""
    turned = f' transform="rotate({turn:.1f} {x:.2f} {y:.2f})"' if turn else ""
    weight = ' font-weight="bold"' if bold else ""
    shared = (
        f'x="{x:.2f}" y="{y + 0.36 * size:.2f}" font-size="{size:.2f}" text-anchor="middle"{weight}{turned}>'
        f"{escape(text)}</text>"
    )
    rim = f'<text fill="#fff" stroke="#fff" stroke-width="{0.28 * size:.2f}" stroke-linejoin="round" {shared}'
    return f'{rim}<text fill="{colour}" {shared}'


def cell_labels(
    part: MapPart, labels: Mapping[str, str], filled: Collection[str], frame: Frame, taken: list[BaseGeometry]
) -> list[str]:
    """Numbers of cells, in those that are filled larger and bold; what finds no room is left out."""
    shapes = frame.on_paper(part.shapes)
    order = sorted(range(len(part.cells)), key=lambda at: (part.cells[at].code not in filled, at))
    drawn = []
    for at in order:
        code, shape = part.cells[at].code, shapely.intersection(shapes[at], frame.sheet)
        text = labels.get(code)
        if text is None or shape.is_empty:
            continue
        main = code in filled
        size = 4.0 if main else 2.6
        x, y = _roomiest(shape)
        wide = _width_of(text) * size
        place = shapely.box(x - wide / 2, y - 0.6 * size, x + wide / 2, y + 0.6 * size)
        if not main and (not shape.contains(place) or any(place.intersects(other) for other in taken)):
            continue
        taken.append(place)
        drawn.append(_text(text, x, y, size, "#1b2a41" if main else "#5b6670", bold=main))
    return drawn


def _roomiest(shape: BaseGeometry) -> tuple[float, float]:
    """A place that is as far from all edges as any."""
    circle = shapely.maximum_inscribed_circle(np.array([shape], dtype=object), 0.2)
    x, y = shapely.get_coordinates(circle)[0].tolist()
    return x, y


def street_names(lines: CentreLines, frame: Frame, taken: list[BaseGeometry]) -> list[str]:
    """The name of each street and water once, along it, where it finds room; the wide ones first."""
    if not len(lines.shapes):
        return []
    shapes = frame.on_paper(lines.shapes)
    groups: dict[tuple[int, str], list[BaseGeometry]] = {}
    classes = [*_LETTERS]
    for kind, name, road_class, shape in zip(lines.kinds, lines.names, lines.road_classes, shapes, strict=True):
        if name and not shape.is_empty:
            street = road_class if road_class in _LETTERS else "lane"
            rank = -1 if kind == "water" else classes.index(street or "lane")
            groups.setdefault((rank, name), []).append(shape)
    drawn = []
    for (rank, name), parts in sorted(groups.items(), key=lambda item: item[0]):
        size = 2.8 if rank < 0 else _LETTERS[classes[rank]]
        placed = _along(parts, _width_of(name) * size, size, frame, taken)
        if placed is not None:
            place, x, y, turn = placed
            taken.append(place)
            drawn.append(_text(name, x, y, size, "#2e6da4" if rank < 0 else "#555", turn))
    return drawn


def _along(
    parts: Sequence[BaseGeometry], wide: float, size: float, frame: Frame, taken: Sequence[BaseGeometry]
) -> tuple[BaseGeometry, float, float, float] | None:
    """Where a text of a width lies on one of these lines: its rectangle, its middle and its turn; None nowhere."""
    merged = shapely.get_parts(shapely.line_merge(shapely.union_all(np.array(parts, object))))
    inner = shapely.box(1, 1, frame.width - 1, frame.height - 1)
    for line in sorted(merged, key=lambda each: -each.length):
        for share in (0.5, 0.35, 0.65, 0.2, 0.8):
            begins, ends = line.length * share - wide / 2, line.length * share + wide / 2
            if begins < 0 or ends > line.length:
                continue
            first, last = shapely.get_coordinates(shapely.line_interpolate_point(line, [begins, ends]))
            step = last - first
            if np.hypot(*step) < 0.9 * wide:  # it bends too much
                continue
            turn = math.degrees(math.atan2(step[1], step[0]))
            turn = turn - 180 if turn > 90 else turn + 180 if turn <= -90 else turn
            place = _rectangle((first + last) / 2, wide, 1.1 * size, turn)
            if inner.contains(place) and not any(place.intersects(other) for other in taken):
                x, y = ((first + last) / 2).tolist()
                return place, x, y, turn
    return None


def _rectangle(middle: Floats, wide: float, high: float, degrees: float) -> BaseGeometry:
    angle = math.radians(degrees)
    matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (wide / 2, high / 2)
    return shapely.Polygon(corners @ matrix + middle)
