"""What a planner meant: one frozen dataclass per edit, as it is recorded and replayed, and its JSON.

Imports ``reading`` of its neighbours, and ``errors``. Coordinates stay in the ``crs`` that they came in. An edit
that has any may say how far its points are snapped (``snap_m``) and to what (``snap_to``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridmap.errors import InvalidInput
from gridmap.redraw import reading
from gridmap.redraw.reading import Pair, meant

# Points nearer than this to a vertex or an edge of the cells go there.
SNAP_M = 0.5
SNAP_TO = ("vertices", "edges")
# How far the end of a cut on the city's outer line may be from the next point that lies exactly on it.
OUTER_M = 50.0
# How far a point may be from the street that is meant.
STREET_M = 50.0


@dataclass(frozen=True, kw_only=True)
class Snapped:
    """How an edit's points are snapped: ``snap_m`` metres, to vertices, edges, streets."""

    snap_m: float = meant(reading.distance, SNAP_M)
    snap_to: tuple[str, ...] = meant(reading.snap_targets, SNAP_TO)
    outer_m: float = meant(reading.distance, OUTER_M)


@dataclass(frozen=True, kw_only=True)
class Split(Snapped):
    """Cut a cell in parts by a line that crosses it."""

    op = "split"
    crs: str = meant(reading.crs)
    cell: str = meant(reading.code)
    line: tuple[Pair, ...] = meant(reading.line)
    names: tuple[str, ...] = meant(reading.names, ())
    codes: tuple[str, ...] = meant(reading.codes, ())


@dataclass(frozen=True, kw_only=True)
class SplitAlong(Snapped):
    """Cut a cell along the streets between two points, each at most ``street_m`` from a street."""

    op = "split_along"
    crs: str = meant(reading.crs)
    cell: str = meant(reading.code)
    points: tuple[Pair, ...] = meant(reading.two_points)
    street_m: float = meant(reading.distance, STREET_M)
    names: tuple[str, ...] = meant(reading.names, ())
    codes: tuple[str, ...] = meant(reading.codes, ())


@dataclass(frozen=True, kw_only=True)
class SplitInto:
    """Cut a cell into n compact parts of about the same households, or area where no households are known.

    ``along_streets``: a street that cuts off about the right share is taken before a straight line.
    """

    op = "split_into"
    cell: str = meant(reading.code)
    parts: int = meant(reading.parts)
    along_streets: bool = meant(reading.flag, True)
    names: tuple[str, ...] = meant(reading.names, ())
    codes: tuple[str, ...] = meant(reading.codes, ())


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Make one cell of several that hang together; what is not given is that of the largest of them.

    Cells of different communities need ``community``.
    """

    op = "merge"
    cells: tuple[str, ...] = meant(reading.two_or_more_codes)
    name: str | None = meant(reading.name, None)
    kind: str | None = meant(reading.kind, None)
    services: tuple[str, ...] | None = meant(reading.services, None)
    community: str | None = meant(reading.code, None)
    code: str | None = meant(reading.code, None)


@dataclass(frozen=True, kw_only=True)
class MoveBoundary(Snapped):
    """Let the shared boundary of two cells run along a line, from where it leaves it to where it returns.

    ``across``: also when the cells are of different communities, whose outline moves then.
    """

    op = "move_boundary"
    crs: str = meant(reading.crs)
    cells: tuple[str, ...] = meant(reading.two_codes)
    line: tuple[Pair, ...] = meant(reading.line)
    across: bool = meant(reading.flag, False)


@dataclass(frozen=True, kw_only=True)
class Transfer(Snapped):
    """Give the part of a cell that lies in a polygon to another cell. ``across``: as for ``move_boundary``."""

    op = "transfer"
    crs: str = meant(reading.crs)
    source: str = meant(reading.code, key="from")
    to: str = meant(reading.code)
    piece: tuple[tuple[Pair, ...], ...] = meant(reading.polygon)
    across: bool = meant(reading.flag, False)


@dataclass(frozen=True, kw_only=True)
class CutNew(Snapped):
    """Make a new cell of what lies in a polygon, taken from ``cells``, or from all that have a part of it.

    Kind and services are those of the cell that gives most, unless given. Cells of different communities need
    ``community``. What is left of a cell gets a new code, too.
    """

    op = "cut_new"
    crs: str = meant(reading.crs)
    piece: tuple[tuple[Pair, ...], ...] = meant(reading.polygon)
    name: str = meant(reading.name)
    cells: tuple[str, ...] = meant(reading.codes, ())
    kind: str | None = meant(reading.kind, None)
    services: tuple[str, ...] | None = meant(reading.services, None)
    community: str | None = meant(reading.code, None)
    codes: tuple[str, ...] = meant(reading.codes, ())


@dataclass(frozen=True, kw_only=True)
class Change:
    """Change what is said of a cell. In another community it gets another code, if the pattern has one in it."""

    op = "change"
    cell: str = meant(reading.code)
    name: str | None = meant(reading.name, None)
    kind: str | None = meant(reading.kind, None)
    services: tuple[str, ...] | None = meant(reading.services, None)
    community: str | None = meant(reading.code, None)
    code: str | None = meant(reading.code, None)


@dataclass(frozen=True, kw_only=True)
class CreateArea:
    """A new area of members that leave theirs: cells for a community, areas of the level below for another."""

    op = "create_area"
    code: str = meant(reading.code)
    name: str = meant(reading.name)
    parent: str = meant(reading.code)
    members: tuple[str, ...] = meant(reading.one_or_more_codes)


@dataclass(frozen=True, kw_only=True)
class MergeAreas:
    """Make one area of several of the same level. ``code`` is that of one of them, which goes on, or a new one."""

    op = "merge_areas"
    areas: tuple[str, ...] = meant(reading.two_or_more_codes)
    code: str = meant(reading.code)
    name: str | None = meant(reading.name, None)
    parent: str | None = meant(reading.code, None)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the areas that an area is split into; ``code`` may be the old one, once."""

    code: str = meant(reading.code)
    name: str = meant(reading.name)
    members: tuple[str, ...] = meant(reading.one_or_more_codes)


@dataclass(frozen=True, kw_only=True)
class SplitArea:
    """Deal all members of an area out to several."""

    op = "split_area"
    area: str = meant(reading.code)
    into: tuple[Part, ...] = meant(reading.several(Part, least=2))


@dataclass(frozen=True, kw_only=True)
class ChangeArea:
    """Rename or re-code an area, or give it another parent. A community's new code goes into its cells' codes."""

    op = "change_area"
    area: str = meant(reading.code)
    name: str | None = meant(reading.name, None)
    code: str | None = meant(reading.code, None)
    parent: str | None = meant(reading.code, None)


@dataclass(frozen=True, kw_only=True)
class Supplied:
    """A polygon that a community is redrawn from; with ``code`` it is a cell of the community that goes on."""

    geometry: tuple[tuple[Pair, ...], ...] = meant(reading.polygon)
    code: str | None = meant(reading.code, None)
    name: str | None = meant(reading.name, None)
    kind: str | None = meant(reading.kind, None)
    services: tuple[str, ...] | None = meant(reading.services, None)


@dataclass(frozen=True, kw_only=True)
class RedrawArea(Snapped):
    """Redraw a whole community from supplied polygons; its outline stays, and they are fitted to it."""

    op = "redraw_area"
    crs: str = meant(reading.crs)
    area: str = meant(reading.code)
    cells: tuple[Supplied, ...] = meant(reading.several(Supplied, least=1))


@dataclass(frozen=True, kw_only=True)
class Posts:
    """Say where posts go: by the code of a post, or of a cell or area that ends for all its posts, the new place.

    What is not said goes to the largest part of the old place. Said again, the last word counts.
    """

    op = "posts"
    moves: tuple[tuple[str, str], ...] = meant(reading.moves)


Edit = (
    Split
    | SplitAlong
    | SplitInto
    | Merge
    | MoveBoundary
    | Transfer
    | CutNew
    | Change
    | CreateArea
    | MergeAreas
    | SplitArea
    | ChangeArea
    | RedrawArea
    | Posts
)
EDITS: Mapping[str, type[Edit]] = {
    kind.op: kind
    for kind in (
        Split,
        SplitAlong,
        SplitInto,
        Merge,
        MoveBoundary,
        Transfer,
        CutNew,
        Change,
        CreateArea,
        MergeAreas,
        SplitArea,
        ChangeArea,
        RedrawArea,
        Posts,
    )
}


def parse(given: object) -> Edit:
    """The edit that a JSON object describes; InvalidInput names the key, the value and the rule."""
    if not isinstance(given, Mapping):
        raise InvalidInput("edit", given, "must be an object with op")
    op = given.get("op")
    kind = EDITS.get(op) if isinstance(op, str) else None
    if kind is None:
        raise InvalidInput("op", op, f"must be one of {', '.join(EDITS)}")
    rest = {key: value for key, value in given.items() if key != "op"}
    edit: Edit = reading.read(kind, rest, "")
    return edit


def to_json(edit: Edit) -> dict[str, Any]:
    """The JSON object that :func:`parse` reads as this edit; what is as by default is left out."""
    return {"op": edit.op, **reading.written(edit)}


def renamed(edit: Edit, codes: Mapping[str, str]) -> Edit:
    """The edit with other codes for the cells that it names, for a plan that was replayed on another base."""

    def other(value: object) -> object:
        if isinstance(value, str):
            return codes.get(value, value)
        if isinstance(value, tuple):
            return tuple(other(each) for each in value)
        if isinstance(value, Part):
            return dataclasses.replace(value, members=tuple(codes.get(each, each) for each in value.members))
        if isinstance(value, Supplied) and value.code is not None:
            return dataclasses.replace(value, code=codes.get(value.code, value.code))
        return value

    if isinstance(edit, Posts):
        return dataclasses.replace(edit, moves=tuple((key, codes.get(to, to)) for key, to in edit.moves))
    named = {"cell", "cells", "source", "to", "members", "into"}
    changes: dict[str, Any] = {
        each.name: other(getattr(edit, each.name)) for each in dataclasses.fields(edit) if each.name in named
    }
    return dataclasses.replace(edit, **changes)
