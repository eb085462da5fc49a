"""What a GIS sees: the collections of a city and the properties of their features. Pure; imports ``model``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gridmap.model import CELL_KINDS, ELEMENT_CLASSES, RELEASE_SUBJECTS, City


class Kind(Enum):
    """What the values of a property are."""

    TEXT = "text"
    INTEGER = "integer"
    MOMENT = "moment"
    TEXTS = "texts"


class Timing(Enum):
    """What a collection's time is: that of the grid's revisions, its rows' own validity, when they happened, or
    the months of releases.
    """

    REVISIONS = "revisions"
    VALID = "valid"
    HAPPENED = "happened"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a collection's features; ``choices`` are all values that it can have, if they are known."""

    name: str
    kind: Kind
    title: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of features. ``level`` is set for areas; ids are numbers or codes."""

    id: str
    title: str
    description: str
    timing: Timing
    properties: tuple[Property, ...]
    level: str | None = None
    number_ids: bool = False
    points: bool = False
    staff_only: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the properties."""
        return tuple(each.name for each in self.properties)

    @property
    def released(self) -> bool:
        """Whether its rows are what releases say of cells or of areas."""
        return self.timing is Timing.RELEASED

    @property
    def tiled(self) -> bool:
        """Whether there are vector tiles of it by its own name."""
        return not self.staff_only and not self.released


CELLS, OVERLAYS, ELEMENTS, INCIDENTS = "cells", "overlays", "elements", "incidents"
RELEASED_PREFIX = "released_"

_SINCE = (
    Property("first_revision", Kind.INTEGER, "the revision that brought it as it is here"),
    Property("last_revision", Kind.INTEGER, "the last that had it so, if that is before the revision asked for"),
)

_CELL = (
    Property("code", Kind.TEXT, "code"),
    Property("name", Kind.TEXT, "name"),
    Property("kind", Kind.TEXT, "kind of cell", CELL_KINDS),
    Property("services", Kind.TEXTS, "services of a full-service cell"),
    Property("community", Kind.TEXT, "code of the area at the lowest level that it lies in"),
    *_SINCE,
)

_AREA = (
    Property("code", Kind.TEXT, "code"),
    Property("name", Kind.TEXT, "name"),
    Property("parent", Kind.TEXT, "code of the area above"),
    Property("cells", Kind.INTEGER, "number of cells"),
    *(Property(kind, Kind.INTEGER, f"number of cells of kind {kind}") for kind in CELL_KINDS),
    *_SINCE,
)

_OVERLAY = (
    Property("code", Kind.TEXT, "code"),
    Property("name", Kind.TEXT, "name"),
    Property("kind", Kind.TEXT, "kind of overlay"),
    Property("valid_from", Kind.MOMENT, "valid from then on; null: always was"),
    Property("valid_until", Kind.MOMENT, "valid until then; null: no end is set"),
)

_PLACED = (
    Property("source", Kind.TEXT, "who says so"),
    Property("external_id", Kind.TEXT, "the source's own id"),
    Property("cell", Kind.TEXT, "code of the cell that it lies in, null outside the city"),
    Property("how", Kind.TEXT, "how it lies there", ("inside", "edge", "outside")),
    Property("category", Kind.TEXT, "category"),
)

_ELEMENT = (
    *_PLACED,
    Property("class", Kind.TEXT, "class", tuple(each for each in ELEMENT_CLASSES if each != "person")),
    Property("name", Kind.TEXT, "name"),
    Property("building", Kind.TEXT, "the building that it belongs to"),
)

_INCIDENT = (
    *_PLACED,
    Property("happened_at", Kind.MOMENT, "when it happened"),
    Property("reported_at", Kind.MOMENT, "when it was reported"),
    Property("closed_at", Kind.MOMENT, "when it was closed; null: it is open"),
)

_COUNTED = (
    Property("period", Kind.TEXT, "month of the release, such as 2026-10"),
    Property("grid_revision", Kind.INTEGER, "the revision that the release was made on; the shape is of it"),
    *(
        Property(subject, Kind.INTEGER, f"number of {subject} in the release; null: hidden or not counted")
        for subject in RELEASE_SUBJECTS
    ),
)
_RELEASED_CELL = (*(each for each in _CELL if each.name in ("code", "name", "kind", "community")), *_COUNTED)
_RELEASED_AREA = (*(each for each in _AREA if each.name in ("code", "name", "parent")), *_COUNTED)


def collections_of(city: City) -> dict[str, Collection]:
    """The collections of a city by id: cells, one for each level of area, overlays, elements, incidents.

    And what releases say of the cells and of each level, under ``released_`` and the other's id.
    """
    found = [
        Collection(CELLS, "Cells 网格", "The cells of the grid.", Timing.REVISIONS, _CELL, number_ids=True),
        *(_areas(level, city) for level in city.levels),
        Collection(
            OVERLAYS,
            "Overlays",
            "Polygons with posts of their own that are no part of the grid.",
            Timing.VALID,
            _OVERLAY,
        ),
        Collection(
            ELEMENTS,
            "Elements 地物单位",
            "Places, objects and organizations, for the staff of their territories. Persons are never listed.",
            Timing.REVISIONS,
            _ELEMENT,
            number_ids=True,
            points=True,
            staff_only=True,
        ),
        Collection(
            INCIDENTS,
            "Incidents 事件",
            "What happened or was reported, for the staff of its territory.",
            Timing.HAPPENED,
            _INCIDENT,
            number_ids=True,
            points=True,
            staff_only=True,
        ),
        _released(None, CELLS, city),
        *(_released(level, level, city) for level in city.levels),
    ]
    return {each.id: each for each in found}


def _areas(level: str, city: City) -> Collection:
    described = f"Areas of the level {level}: each is the union of its cells."
    return Collection(level, f"{level} of {city.name}", described, Timing.REVISIONS, _AREA, level=level)


def _released(level: str | None, name: str, city: City) -> Collection:
    counted = "cells" if level is None else f"areas of the level {level}"
    described = (
        f"What the releases count in the {counted}, on the grid that each was made on: the newest month, or those "
        "of datetime. Counts that are hidden, or that the release does not have, are null."
    )
    return Collection(
        f"{RELEASED_PREFIX}{name}",
        f"Released counts: {name} of {city.name}",
        described,
        Timing.RELEASED,
        _RELEASED_CELL if level is None else _RELEASED_AREA,
        level=level,
    )
