"""The documents as plain pages: every link can be followed, and nothing is loaded from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
import shapely
from numpy.typing import NDArray

from api.secure_headers import styled_policy
from gridmap.model import City

# A sketch shows so many features, with no more detail than its width has points.
_SKETCHED = 1000
_WIDTH = 640

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;width:100%;font-size:14px}"
    "td,th{border-bottom:1px solid #d5dde5;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "svg{background:#f4f7fa;width:100%;height:auto;max-height:70vh}"
    "path{fill:#9ec5e8;fill-opacity:.5;stroke:#2c5f8d;stroke-width:.7;vector-effect:non-scaling-stroke}"
    "footer{margin-top:2rem;border-top:1px solid #d5dde5;font-size:14px;color:#51606f}"
)
# What a page is allowed: its one style.
POLICY = styled_policy(_STYLE)


def page(city: City, title: str, body: str) -> bytes:
    """A whole page with what the city says of its data below."""
    notice = "".join(f"<p lang={escape(lang)}>{escape(text)}</p>" for lang, text in city.notice.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}<footer><p>{escape(city.attribution)}</p>{notice}</footer></html>"
    ).encode()


def document_page(city: City, title: str, document: dict[str, object]) -> bytes:
    """A document as a page: its text, its links, and what it holds."""
    parts = [_paragraph(document.get("description"))]
    for key, value in document.items():
        if key not in ("title", "description", "links", "attribution", "notice", "collections"):
            parts.append(f"<h2>{escape(key)}</h2>{_shown(value)}")
    for each in _objects(document.get("collections")):
        parts.append(f"<h2>{escape(str(each['title']))}</h2>{_paragraph(each['description'])}")
        parts.append(_links(each["links"]))
    return page(city, title, "".join(parts) + "<h2>Links</h2>" + _links(document.get("links")))


def features_page(
    city: City,
    title: str,
    head: Mapping[str, object],
    rows: Sequence[tuple[str, object, dict[str, object]]],
    shapes: NDArray[np.object_],
    links: Iterable[object],
) -> bytes:
    """Features, each an address, an id and properties, in a table below a sketch of their shapes."""
    said = " · ".join(f"{escape(name)}: {escape(str(value))}" for name, value in head.items())
    names = list(rows[0][2]) if rows else []
    table_head = "".join(f"<th>{escape(name)}" for name in ("id", *names))
    lines = [
        f'<tr><td><a href="{escape(address)}">{escape(str(identity))}</a>'
        + "".join(f"<td>{_shown(properties[name])}" for name in names)
        for address, identity, properties in rows
    ]
    body = f"<p>{said}</p>{_links(list(links))}{_sketch(shapes)}<table><tr>{table_head}{''.join(lines)}</table>"
    return page(city, title, body)


def _sketch(shapes: NDArray[np.object_]) -> str:
    """The shapes in lon, lat, drawn north up; they are no map and have no scale."""
    shown = shapes[:_SKETCHED]
    if not len(shown):
        return "<p>no features</p>"
    west, south, east, north = shapely.total_bounds(shown)
    middle = np.cos(np.radians((south + north) / 2))
    scale = _WIDTH / max((east - west) * middle, north - south, 1e-9)
    coarse = shapely.simplify(shown, 0.5 / scale)

    def on_page(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([(pairs[:, 0] - west) * middle * scale, (north - pairs[:, 1]) * scale])

    width, height = max((east - west) * middle * scale, 1), max((north - south) * scale, 1)
    drawn = "".join(_path(each) for each in shapely.transform(coarse, on_page))
    return f'<svg viewBox="-4 -4 {width + 8:.0f} {height + 8:.0f}" role="img" aria-label="sketch">{drawn}</svg>'


def _path(shape: shapely.Geometry) -> str:
    if shapely.get_type_id(shape) == 0:
        x, y = shapely.get_coordinates(shape)[0]
        return f'<path d="M{x - 2:.1f},{y:.1f}h4v.1h-4z"/>'
    rings = shapely.get_rings(shapely.get_parts(shape))
    steps = ("L".join(f"{x:.1f},{y:.1f}" for x, y in shapely.get_coordinates(ring)) for ring in rings)
    return f'<path d="{"".join(f"M{each}z" for each in steps)}"/>'


def _links(links: object) -> str:
    lines = (
        f'<li><a href="{escape(str(each["href"]))}">{escape(str(each["title"]))}</a> ({escape(str(each["type"]))})'
        for each in _objects(links)
        if not each.get("templated")
    )
    return f"<ul>{''.join(lines)}</ul>"


def _objects(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list | tuple) else []


def _paragraph(text: object) -> str:
    return f"<p>{escape(str(text))}</p>" if text else ""


def _shown(value: object) -> str:
    if isinstance(value, str | int | float):
        return escape(str(value))
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return f"<ul>{''.join(f'<li>{escape(each)}' for each in value)}</ul>" if value else ""
    return f"<pre>{escape(json.dumps(value, ensure_ascii=False, indent=1))}</pre>"
