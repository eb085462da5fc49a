"""What differs between two revisions, in the form asked for: JSON, GeoJSON, tables, a picture, a page."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import numpy as np
import shapely
from fastapi import Request, Response
from shapely.geometry.base import BaseGeometry

from api.secure_headers import PAPER_POLICY
from gridmap.coverage.grid import Grid
from gridmap.crs import Floats, from_wgs84
from gridmap.model import Cell, City
from gridmap.redraw.difference import Box, Difference, Part
from gridmap.redraw.picture import draw
from gridmap.redraw.table import AREA_COLUMNS, CELL_COLUMNS, Counted, Value, area_rows, row, to_csv, to_xlsx

USUAL_PARTS = 500
MEDIA: dict[str, str] = {
    "json": "application/json",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "png": "image/png",
    "html": "text/html; charset=utf-8",
}


@dataclass(frozen=True)
class Asked:
    """What of a difference is asked for; a page begins after a cell's code and has whole cells only."""

    found: Difference
    box: Box | None
    after: str
    limit: int
    paged: bool

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts of this page."""
        return self._page[0]

    @property
    def following(self) -> str | None:
        """The code after which the next page begins."""
        return self._page[1]

    @cached_property
    def _page(self) -> tuple[tuple[Part, ...], str | None]:
        every = self.found.parts if self.box is None else self.found.within(self.box)
        rest = tuple(part for part in every if part.old.code > self.after)
        if not self.paged or len(rest) <= self.limit:
            return rest, None
        last = rest[self.limit - 1].old.code
        page = tuple(part for part in rest if part.old.code <= last)
        return page, last if len(page) < len(rest) else None


def answer(
    request: Request, asked: Asked, counts: Sequence[Counted], city: City, f: str, crs: str, width: int
) -> Response:
    """The difference in one of the forms of :data:`MEDIA`."""
    found = asked.found
    numbers = (found.before.revision.number, found.after.revision.number)
    rows = [row(part, each) for part, each in zip(asked.parts, counts, strict=True)]
    following = None if asked.following is None else _following(request, asked.following)
    write: Mapping[str, Callable[[], bytes]] = {
        "json": lambda: _json(
            {"from": numbers[0], "to": numbers[1], "cells": rows, "areas": area_rows(found), "next": following}
        ),
        "geojson": lambda: _json(_geojson(asked, rows, city, crs, following)),
        "csv": lambda: to_csv(rows, CELL_COLUMNS),
        "xlsx": lambda: to_xlsx({"cells": (CELL_COLUMNS, rows), "areas": (AREA_COLUMNS, area_rows(found))}),
        "png": lambda: draw(found, asked.parts, city, width),
        "html": lambda: _page(asked, rows, city, width),
    }
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
    name = f"{city.code}-revision-{numbers[0]}-to-{numbers[1]}.{f}"
    if f in ("csv", "xlsx"):
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if f == "html":
        headers["Content-Security-Policy"] = PAPER_POLICY
    return Response(write[f](), media_type=MEDIA[f], headers=headers)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _following(request: Request, after: str) -> str:
    root = request.scope.get("root_path", "")
    query = urlencode({**request.query_params, "after": after})
    return f"{root}{request.url.path.removeprefix(root)}?{query}"


def _geojson(
    asked: Asked, rows: Sequence[Mapping[str, Value]], city: City, crs: str, following: str | None
) -> dict[str, object]:
    """The old cells (``side`` before), the new ones (after) and the ground between two different cells (moved)."""

    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(crs, coordinates[:, 0], coordinates[:, 1]))

    def feature(identity: str, shape: BaseGeometry, properties: Mapping[str, object]) -> dict[str, Any]:
        drawn = shape if crs == "wgs84" else shapely.transform(shape, convert)
        geometry = json.loads(str(shapely.to_geojson(drawn)))
        return {"type": "Feature", "id": identity, "geometry": geometry, "properties": dict(properties)}

    found = asked.found
    sides = (
        ("before", found.before, [part.old for part in asked.parts]),
        ("after", found.after, [part.new for part in asked.parts]),
    )
    features = [
        feature(f"{side}/{cell.code}", _shape(grid, cell), {"side": side, **_properties(cell)})
        for side, grid, cells in sides
        for cell in _once(cells)
    ]
    features += [
        feature(f"moved/{part.old.code}/{part.new.code}", part.piece, {"side": "moved", **each})
        for part, each in zip(asked.parts, rows, strict=True)
        if part.old.code != part.new.code
    ]
    return {
        "type": "FeatureCollection",
        "revision": found.after.revision.number,
        "crs": crs,
        "attribution": city.attribution,
        "notice": dict(city.notice),
        "features": features,
        "next": following,
    }


def _once(cells: Iterable[Cell]) -> Iterator[Cell]:
    yield from {cell.code: cell for cell in cells}.values()


def _shape(grid: Grid, cell: Cell) -> BaseGeometry:
    shape: BaseGeometry = grid.index.degrees[grid.by_code[cell.code]]
    return shape


def _properties(cell: Cell) -> dict[str, object]:
    return {"code": cell.code, "name": cell.name, "kind": cell.kind, "community": cell.community}


def _page(asked: Asked, rows: Sequence[Mapping[str, Value]], city: City, width: int) -> bytes:
    """A page to print: the picture and the tables."""
    found = asked.found
    numbers = f"{found.before.revision.number} → {found.after.revision.number}"
    picture = base64.b64encode(draw(found, asked.parts, city, width)).decode()
    shown = [name for name in CELL_COLUMNS if any(each[name] is not None for each in rows)]
    return f"""<!doctype html>
<html lang="zh"><meta charset="utf-8"><title>{html.escape(city.name)} {numbers}</title>
<style>body{{font:14px sans-serif;margin:1rem}}img{{max-width:100%}}table{{border-collapse:collapse;margin:1rem 0}}
td,th{{border:1px solid #bbb;padding:.2rem .5rem;text-align:left}}</style>
<h1>{html.escape(city.name)} {numbers}</h1>
<p>{html.escape(found.after.revision.note)}</p>
<img alt="{numbers}" src="data:image/png;base64,{picture}">
{table(shown, rows)}
{table(AREA_COLUMNS, area_rows(found))}
<p>{html.escape(city.attribution)}</p></html>
""".encode()


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """An HTML table; empty without rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_text(each[name]))}</td>" for name in columns) + "</tr>"
        for each in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.1f}"
    return str(value)
