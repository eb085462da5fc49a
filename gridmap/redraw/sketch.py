"""An edit being worked out: the state before, a patch of cells to cut, and the step that comes of it.

Imports ``patch``, ``state`` and below. Points come in the edit's crs and are brought to EPSG:4326 here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.crs import to_wgs84
from gridmap.errors import InvalidInput, RuleBroken
from gridmap.model import Area
from gridmap.redraw.change import DrawnCell
from gridmap.redraw.edits import Snapped
from gridmap.redraw.metres import Metres, Point, metric
from gridmap.redraw.minting import in_order
from gridmap.redraw.noding import Snapping
from gridmap.redraw.patch import Patch
from gridmap.redraw.reading import Line
from gridmap.redraw.state import State, Step

# Points further than this from the city cannot be meant, in degrees.
_REACH_DEGREES = 1.0


class Sketch:
    """Collects what an edit does. Nothing of it is checked here: see ``rules``."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.ended: list[str] = []
        self.drawn: dict[str, DrawnCell] = {}
        self.areas_ended: list[str] = []
        self.areas_drawn: dict[str, Area] = {}
        self.minted: list[str] = []
        self.notes: list[str] = []
        self._patch: Patch | None = None
        self._given: Mapping[str, BaseGeometry] = {}

    def patch(self, codes: Iterable[str], snapping: Snapping | None = None) -> Patch:
        """The cells with these codes and all that touch them."""
        shapes = [self.state.cell(code).shape for code in codes]
        self._given = self.state.near(shapes)
        metres = Metres.at(float(shapely.centroid(shapes[0]).y))
        self._patch = Patch(self._given, metres, snapping or Snapping())
        return self._patch

    def draw(self, code: str, cell: DrawnCell) -> None:
        """A new cell, or one that changes."""
        self.drawn[code] = cell

    def end(self, codes: Iterable[str]) -> None:
        """Cells that are no more."""
        self.ended.extend(codes)

    def mint(self, community: str, shapes: Sequence[BaseGeometry], given: Sequence[str] = ()) -> list[str]:
        """A new code for each shape, those west first; ``given`` are taken in the same order."""
        order = in_order(shapes)
        mint = replace(self.state.mint(), spent=self.state.spent.union(self.minted))
        if given:
            if len(given) != len(shapes):
                raise InvalidInput("codes", list(given), f"must be one for each of {len(shapes)} new cells")
            issued = [mint.given(code, community) for code in given]
        else:
            issued = mint.issue(community, len(shapes))
        codes = [""] * len(shapes)
        for at, code in zip(order, issued, strict=True):
            codes[at] = code
        self.minted.extend(issued)
        return codes

    def recoded(self, community: str, codes: Sequence[str], cells: Sequence[DrawnCell]) -> list[str]:
        """The codes of cells that come into a community: their number in it, or a new one where that was used."""
        pattern = self.state.base.pattern
        mint = replace(self.state.mint(), spent=self.state.spent.union(self.minted))
        found: dict[int, str] = {}
        for at, (code, cell) in enumerate(zip(codes, cells, strict=True)):
            number = pattern.sequence(cell.community, code)
            wanted = None if number is None else pattern.code(community, number)
            if wanted is not None and mint.is_free(wanted) and wanted not in found.values():
                found[at] = wanted
        self.minted.extend(found.values())
        rest = [at for at in range(len(codes)) if at not in found]
        issued = self.mint(community, [cells[at].shape for at in rest]) if rest else []
        found.update(zip(rest, issued, strict=True))
        return [found[at] for at in range(len(codes))]

    def step(self) -> Step:
        """What was collected; cells around that got vertices are touched."""
        touched: dict[str, DrawnCell] = {}
        if self._patch is not None:
            for code, shape in self._patch.shapes.items():
                is_other = code not in self.drawn and code not in self.ended
                if is_other and code in self._given and shape is not self._given[code]:
                    touched[code] = replace(self.state.cell(code), shape=shape)
        return Step(
            tuple(sorted(self.ended)),
            dict(sorted(self.drawn.items())),
            dict(sorted(touched.items())),
            tuple(sorted(self.areas_ended)),
            dict(sorted(self.areas_drawn.items())),
            tuple(self.minted),
            tuple(self.notes),
        )

    def areas_m2(self, shapes: Sequence[BaseGeometry]) -> list[float]:
        """Square metres in the city's metric crs."""
        flat = metric(np.array(shapes, object), self.state.base.city.metric_crs)
        return [float(value) for value in shapely.area(flat)]

    def placed(self, points: Line, edit: Snapped, crs: str, where: str) -> list[Point]:
        """An edit's points in EPSG:4326, snapped to streets when it says so; InvalidInput for places elsewhere."""
        x, y = np.array(points).T
        lon, lat = to_wgs84(crs, x, y)
        west, south, east, north = self.state.base.grid.index.bounds
        far = np.maximum(np.maximum(west - lon, lon - east), np.maximum(south - lat, lat - north))
        wrong = np.flatnonzero(~(far <= _REACH_DEGREES))
        if len(wrong):
            at = int(wrong[0])
            turned = west <= lat[at] <= east and south <= lon[at] <= north
            rule = "must be near the city" + ("; lon comes before lat" if turned else "")
            raise InvalidInput(f"{where}[{at}]", points[at], rule)
        placed = [(float(one), float(other)) for one, other in zip(lon + 0.0, lat + 0.0, strict=True)]
        if "streets" in edit.snap_to:
            placed = self.state.base.streets.snapped(placed, Metres.at(placed[0][1]), edit.snap_m)
        return placed


def snapping_of(edit: Snapped) -> Snapping:
    """How an edit's points are snapped to cells."""
    return Snapping(edit.snap_m, edit.snap_to, edit.outer_m)


def whole(shape: BaseGeometry, what: str) -> BaseGeometry:
    """The shape, when it hangs together; RuleBroken with a place when it does not."""
    if isinstance(shape, shapely.Polygon):
        return shape
    least = min(shapely.get_parts(shape), key=lambda part: (part.area, part.wkb))
    place = shapely.point_on_surface(least)
    count = len(shapely.get_parts(shape))
    raise RuleBroken(f"{what} would fall into {count} parts, one at {place.x:.7f} {place.y:.7f}")
