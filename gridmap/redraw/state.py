"""What a plan stands on, and the cells and areas as they are after some edits. Imports ``coverage`` and below.

The base is never changed; a state holds only what differs from it, so that an edit costs what it touches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.coverage.grid import Grid
from gridmap.crs import Floats
from gridmap.errors import NotFound
from gridmap.model import Area, City
from gridmap.redraw.change import DrawnCell
from gridmap.redraw.minting import CodePattern, Mint
from gridmap.redraw.streets import Streets


@dataclass(frozen=True, slots=True)
class Limits:
    """What a cell must have at least: area, and width (twice its area over its perimeter)."""

    least_area_m2: float = 100.0
    least_width_m: float = 3.0


@dataclass(frozen=True, slots=True)
class Households:
    """Where households are: n points in EPSG:4326 and how many each has."""

    lon: Floats
    lat: Floats
    count: Floats


@dataclass(frozen=True, eq=False)
class Base:
    """What plans stand on; made once for a revision.

    ``used_codes`` and ``used_area_codes``: all that there ever were, of any revision; the grid's own need not be
    among them. ``successors``: code retired before this revision -> the codes that followed it.
    """

    grid: Grid
    city: City
    streets: Streets = field(default_factory=Streets)
    households: Households | None = None
    used_codes: Collection[str] = ()
    used_area_codes: Collection[str] = ()
    successors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @cached_property
    def pattern(self) -> CodePattern:
        """The city's pattern of codes."""
        return CodePattern(self.city.code_pattern)

    @cached_property
    def used(self) -> tuple[str, ...]:
        """All codes of cells that there ever were, sorted."""
        return tuple(sorted({*self.used_codes, *self.grid.by_code}))

    @cached_property
    def used_areas(self) -> frozenset[str]:
        """All codes of areas that there ever were."""
        return frozenset({*self.used_area_codes, *self.grid.areas})

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The base's cells by place."""
        return shapely.STRtree(self.grid.index.degrees)

    @cached_property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """Community -> the codes of its cells, sorted."""
        found: dict[str, list[str]] = {}
        for cell in self.grid.cells:
            found.setdefault(cell.community, []).append(cell.code)
        return {code: tuple(cells) for code, cells in found.items()}

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Area -> the codes of the areas below it, sorted."""
        found: dict[str, list[str]] = {}
        for area in sorted(self.grid.areas.values(), key=lambda each: each.code):
            if area.parent is not None:
                found.setdefault(area.parent, []).append(area.code)
        return {code: tuple(areas) for code, areas in found.items()}

    def drawn(self, position: int) -> DrawnCell:
        """A cell of the base."""
        cell = self.grid.cells[position]
        shape = self.grid.index.degrees[position]
        return DrawnCell(cell.name, cell.kind, cell.community, cell.services, shape)


@dataclass(frozen=True)
class Step:
    """What one edit did. Everything is by code; ``touched`` cells only have new vertices.

    ``minted``: the new codes, in the order in which they were given out. ``notes`` say what was moved to fit.
    ``posts``: by the code of a post, or of a territory that ends, the territory that takes over.
    """

    ended: tuple[str, ...] = ()
    drawn: Mapping[str, DrawnCell] = field(default_factory=dict)
    touched: Mapping[str, DrawnCell] = field(default_factory=dict)
    areas_ended: tuple[str, ...] = ()
    areas_drawn: Mapping[str, Area] = field(default_factory=dict)
    minted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    posts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class State:
    """The cells and areas after some edits: ``cells`` and ``areas`` hold what differs from the base.

    A code of the base that is no more has None. ``previous``: the state before the last edit; ``minted``:
    the codes that it gave out; ``spent_areas``: all codes that the plan gave to areas. ``posts``: where posts go,
    as all edits so far say.
    """

    base: Base
    cells: Mapping[str, DrawnCell | None] = field(default_factory=dict)
    areas: Mapping[str, Area | None] = field(default_factory=dict)
    previous: State | None = field(default=None, repr=False)
    minted: tuple[str, ...] = ()
    spent_areas: frozenset[str] = frozenset()
    posts: Mapping[str, str] = field(default_factory=dict)

    def find(self, code: str) -> DrawnCell | None:
        """The cell with this code, or None."""
        if code in self.cells:
            return self.cells[code]
        position = self.base.grid.by_code.get(code)
        return None if position is None else self.base.drawn(position)

    def cell(self, code: str) -> DrawnCell:
        """The cell with this code; NotFound names the successors of one that ended."""
        found = self.find(code)
        if found is not None:
            return found
        successors = self._successors(code)
        if successors:
            raise NotFound(f"cell {code} is retired; its place is now in {', '.join(successors)}")
        raise NotFound(f"no cell {code!r} in this plan on revision {self.base.grid.revision.number}")

    def _successors(self, code: str) -> Sequence[str]:
        """The cells that now have a part of one that ended."""
        state = self.previous
        while state is not None and state.find(code) is None:
            state = state.previous
        if state is None:
            return self.base.successors.get(code, ())
        last = state.cell(code).shape
        near = self.near([last])
        return [other for other, shape in near.items() if shapely.relate_pattern(shape, last, "T********")]

    def area(self, code: str) -> Area:
        """The area with this code; NotFound when there is none."""
        found = self.areas[code] if code in self.areas else self.base.grid.areas.get(code)
        if found is None:
            raise NotFound(f"no area {code!r} in this plan on revision {self.base.grid.revision.number}")
        return found

    def has_area(self, code: str) -> bool:
        """Whether there is an area with this code."""
        return (self.areas[code] if code in self.areas else self.base.grid.areas.get(code)) is not None

    def spent(self) -> set[str]:
        """All codes that the plan gave out to cells, also when it took them back."""
        spent: set[str] = set()
        state: State | None = self
        while state is not None:
            spent.update(state.minted)
            state = state.previous
        return spent

    def mint(self, more: Iterable[str] = ()) -> Mint:
        """What gives out new codes; ``more`` are given out already."""
        return Mint(self.base.pattern, self.base.used, self.spent().union(more))

    def cells_of(self, community: str) -> list[str]:
        """The codes of a community's cells, sorted."""
        stay = [code for code in self.base.members.get(community, ()) if code not in self.cells]
        other = [code for code, cell in self.cells.items() if cell is not None and cell.community == community]
        return sorted([*stay, *other])

    def areas_of(self, parent: str) -> list[str]:
        """The codes of the areas right below an area, sorted."""
        stay = [code for code in self.base.children.get(parent, ()) if code not in self.areas]
        other = [code for code, area in self.areas.items() if area is not None and area.parent == parent]
        return sorted([*stay, *other])

    @cached_property
    def _drawn(self) -> tuple[list[str], np.ndarray]:
        drawn = {code: cell for code, cell in self.cells.items() if cell is not None}
        return list(drawn), shapely.bounds([cell.shape for cell in drawn.values()]).reshape(-1, 4)

    def near(self, shapes: Iterable[BaseGeometry]) -> dict[str, BaseGeometry]:
        """The cells whose boxes meet those of shapes, by code, sorted."""
        bounds = shapely.bounds(np.array(list(shapes), object))
        found: dict[str, BaseGeometry] = {}
        for position in np.unique(self.base.tree.query(shapely.box(*bounds.T))[1]).tolist():
            code = self.base.grid.cells[position].code
            if code not in self.cells:
                found[code] = self.base.grid.index.degrees[position]
        codes, boxes = self._drawn
        for west, south, east, north in bounds.tolist():
            meet = (boxes[:, 0] <= east) & (boxes[:, 2] >= west) & (boxes[:, 1] <= north) & (boxes[:, 3] >= south)
            for at in np.flatnonzero(meet).tolist():
                cell = self.cells[codes[at]]
                if cell is not None:
                    found[codes[at]] = cell.shape
        return dict(sorted(found.items()))

    def after(self, step: Step) -> State:
        """The state after a step."""
        cells, areas = dict(self.cells), dict(self.areas)
        for code in step.ended:
            if code in self.base.grid.by_code:
                cells[code] = None
            else:
                del cells[code]
        cells.update(step.drawn)
        cells.update(step.touched)
        for code in step.areas_ended:
            if code in self.base.grid.areas:
                areas[code] = None
            else:
                del areas[code]
        areas.update(step.areas_drawn)
        posts = {**self.posts, **step.posts} if step.posts else self.posts
        made = frozenset(code for code in step.areas_drawn if code not in self.base.grid.areas)
        return State(self.base, cells, areas, self, step.minted, self.spent_areas | made, posts)
