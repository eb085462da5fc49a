"""Reads the dataclasses of ``edits`` from JSON and writes them. Imports ``crs``, ``model`` and ``errors``.

A reader takes what was given and the name it was given by, and returns the value or raises InvalidInput.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from gridmap.crs import check_name
from gridmap.errors import InvalidInput
from gridmap.model import CELL_KINDS

Pair = tuple[float, float]
Line = tuple[Pair, ...]
Rings = tuple[Line, ...]
Moves = tuple[tuple[str, str], ...]
Reader = Callable[[object, str], Any]
T = TypeVar("T")

SNAPS = ("vertices", "edges", "streets")
MOST_VERTICES = 10_000
MOST_CODES = 1_000
MOST_PARTS = 100
MOST_METRES = 1_000.0
MOST_LETTERS = 200
_LEAST_RING = 4


def meant(reader: Reader, default: object = dataclasses.MISSING, key: str | None = None) -> Any:  # noqa: ANN401 - of whatever type the field is
    """A field that ``reader`` reads; ``key`` is its name in JSON when it is another one."""
    return dataclasses.field(default=default, metadata={"reader": reader, "key": key})


def read(kind: type[T], given: Mapping[Any, object], where: str) -> T:
    """One of the dataclasses from its JSON object."""
    fields = {each.metadata["key"] or each.name: each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in given:
        if key not in fields:
            raise InvalidInput(f"{where}{key}", given[key], f"is no key here; known are {', '.join(fields)}")
    values = {}
    for key, each in fields.items():
        if key in given:
            values[each.name] = each.metadata["reader"](given[key], f"{where}{key}")
        elif each.default is dataclasses.MISSING:
            raise InvalidInput(f"{where}{key}", None, "is missing")
    return kind(**values)


def written(edit: object) -> dict[str, Any]:
    """The JSON object of one of the dataclasses; what is as by default is left out."""
    values = {}
    for each in dataclasses.fields(cast(Any, edit)):
        value = getattr(edit, each.name)
        if value != each.default:
            reader = each.metadata["reader"]
            values[each.metadata["key"] or each.name] = (
                _geojson(value) if reader is polygon else dict(value) if reader is moves else _plain(value)
            )
    return values


def _geojson(rings: Rings) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": _plain(rings)}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return written(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def text(given: object, where: str) -> str:
    """A text with something in it, without blanks around."""
    if not isinstance(given, str) or not given.strip() or given != given.strip():
        raise InvalidInput(where, given, "must be a text that is not empty, without blanks around it")
    if len(given) > MOST_LETTERS or not given.isprintable():
        raise InvalidInput(where, given, f"must have at most {MOST_LETTERS} letters, all printable")
    return given


code = name = text


def flag(given: object, where: str) -> bool:
    """True or false."""
    if not isinstance(given, bool):
        raise InvalidInput(where, given, "must be true or false")
    return given


def parts(given: object, where: str) -> int:
    """A number of parts."""
    if not isinstance(given, int) or isinstance(given, bool) or not 2 <= given <= MOST_PARTS:
        raise InvalidInput(where, given, f"must be a whole number from 2 to {MOST_PARTS}")
    return given


def distance(given: object, where: str) -> float:
    """Metres."""
    value = _number(given, where)
    if not 0.0 <= value <= MOST_METRES:
        raise InvalidInput(where, given, f"must be metres from 0 to {MOST_METRES:.0f}")
    return value


def kind(given: object, where: str) -> str:
    """A kind of cell."""
    if given not in CELL_KINDS:
        raise InvalidInput(where, given, f"must be one of {', '.join(CELL_KINDS)}")
    return str(given)


def crs(given: object, where: str) -> str:
    """The name of a crs, as it was given."""
    check_name(given)
    return str(given)


def _list(given: object, where: str, least: int, most: int) -> list[object]:
    if not isinstance(given, list | tuple):
        raise InvalidInput(where, given, "must be a list")
    if not least <= len(given) <= most:
        raise InvalidInput(where, len(given), f"must have {least} to {most} entries")
    return list(given)


def names(given: object, where: str, least: int = 0, most: int = MOST_CODES) -> tuple[str, ...]:
    """Texts."""
    return tuple(text(each, f"{where}[{at}]") for at, each in enumerate(_list(given, where, least, most)))


def codes(given: object, where: str, least: int = 0, most: int = MOST_CODES) -> tuple[str, ...]:
    """Codes, each once."""
    read_codes = names(given, where, least, most)
    twice = [each for at, each in enumerate(read_codes) if each in read_codes[:at]]
    if twice:
        raise InvalidInput(where, twice[0], "must be named once")
    return read_codes


def one_or_more_codes(given: object, where: str) -> tuple[str, ...]:
    """At least one code."""
    return codes(given, where, 1)


def two_or_more_codes(given: object, where: str) -> tuple[str, ...]:
    """At least two codes."""
    return codes(given, where, 2)


def two_codes(given: object, where: str) -> tuple[str, ...]:
    """Two codes."""
    return codes(given, where, 2, 2)


def moves(given: object, where: str) -> Moves:
    """An object of code -> code, as pairs."""
    if not isinstance(given, Mapping):
        raise InvalidInput(where, given, "must be an object of code: code")
    if not 1 <= len(given) <= MOST_CODES:
        raise InvalidInput(where, len(given), f"must have 1 to {MOST_CODES} entries")
    return tuple(sorted((code(key, where), code(value, f"{where}.{key}")) for key, value in given.items()))


def services(given: object, where: str) -> tuple[str, ...]:
    """Services, each once; none is an empty list."""
    return codes(given, where)


def snap_targets(given: object, where: str) -> tuple[str, ...]:
    """What points are snapped to."""
    targets = codes(given, where)
    for each in targets:
        if each not in SNAPS:
            raise InvalidInput(where, each, f"must be some of {', '.join(SNAPS)}")
    return targets


def _number(given: object, where: str) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool):
        raise InvalidInput(where, given, "must be a number")
    try:
        value = float(given)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise InvalidInput(where, given, "must be a finite number")
    return value


def _pair(given: object, where: str) -> Pair:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise InvalidInput(where, given, "must be a pair of numbers, x or lon first")
    return _number(given[0], where), _number(given[1], where)


def _pairs(given: object, where: str, least: int) -> Line:
    points = _list(given, where, least, MOST_VERTICES)
    return tuple(_pair(each, f"{where}[{at}]") for at, each in enumerate(points))


def line(given: object, where: str) -> Line:
    """A line of pairs, at least two of them different."""
    points = _pairs(given, where, 2)
    if len(set(points)) < 2:
        raise InvalidInput(where, points[0], "must have two different points")
    return points


def two_points(given: object, where: str) -> Line:
    """Two different points."""
    points = line(given, where)
    if len(points) != 2:
        raise InvalidInput(where, len(points), "must be two points")
    return points


def polygon(given: object, where: str) -> Rings:
    """A GeoJSON Polygon: rings of pairs, each closed."""
    if not isinstance(given, Mapping) or set(given) != {"type", "coordinates"} or given["type"] != "Polygon":
        raise InvalidInput(where, given, "must be a GeoJSON Polygon with type and coordinates and nothing else")
    rings = _list(given["coordinates"], f"{where}.coordinates", 1, MOST_VERTICES)
    read_rings = []
    for at, each in enumerate(rings):
        name_here = f"{where}.coordinates[{at}]"
        points = _pairs(each, name_here, _LEAST_RING)
        if points[0] != points[-1]:
            raise InvalidInput(name_here, points[-1], "must end where it begins")
        read_rings.append(points)
    if sum(map(len, read_rings)) > MOST_VERTICES:
        raise InvalidInput(where, sum(map(len, read_rings)), f"must have at most {MOST_VERTICES} vertices")
    return tuple(read_rings)


def several(kind: type[T], least: int) -> Reader:
    """A reader of a list of one of the dataclasses."""

    def reader(given: object, where: str) -> tuple[T, ...]:
        read_all = []
        for at, each in enumerate(_list(given, where, least, MOST_CODES)):
            if not isinstance(each, Mapping):
                raise InvalidInput(f"{where}[{at}]", each, "must be an object")
            read_all.append(read(kind, each, f"{where}[{at}]."))
        return tuple(read_all)

    return reader
