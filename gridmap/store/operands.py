"""What stands left and right in a filter: properties, literals, times and geometries, with their kinds.

Every literal is a bound parameter. What is unknown or is no value here is InvalidInput and names what it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import shapely
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Float, Text, cast, func, literal
from sqlalchemy.dialects.postgresql import ARRAY

from gridmap.cql import Tree
from gridmap.errors import InvalidInput
from gridmap.features import Kind

GEOMETRY = "geometry"
FIELD = "filter"

Expression = ColumnElement[Any]


@dataclass(frozen=True)
class Names:
    """What names in a filter stand for, and how its geometries become stored ones."""

    properties: Mapping[str, tuple[Expression, Kind]]
    geometry: Expression
    to_stored: Callable[[BaseGeometry], BaseGeometry]


@dataclass(frozen=True)
class Value:
    """An operand and its kind; ``given`` is the literal that it came from."""

    expression: Expression
    kind: Kind
    given: Any = None


def value_of(argument: Tree, names: Names) -> Value:
    """A property, a literal, or CASEI of one."""
    if isinstance(argument, dict):
        if "property" in argument:
            return _property(argument["property"], names)
        if "timestamp" in argument:
            moment = read_moment(argument["timestamp"], FIELD)
            return Value(literal(moment), Kind.MOMENT)
        if str(argument.get("op", "")).lower() == "casei":
            return _folded(value_of(next(iter(argument["args"]), None), names))
        if "date" in argument:
            refuse(argument["date"], "is a day; times are compared with TIMESTAMP('2026-11-01T00:00:00Z')")
        refuse(argument.get("op", argument), "is no value; there are properties, literals and CASEI")
    return _literal(argument)


def _property(name: str, names: Names) -> Value:
    if name not in names.properties:
        refuse(name, f"is no property here; there are {', '.join(names.properties)} and {GEOMETRY}")
    column, kind = names.properties[name]
    return Value(_comparable(column, kind), kind)


def _comparable(column: Expression, kind: Kind) -> Expression:
    if kind is Kind.TEXT:
        return column.collate("C")
    if kind is Kind.INTEGER:
        return cast(column, Float(53))
    return cast(column, ARRAY(Text)) if kind is Kind.TEXTS else column


def _literal(given: Tree) -> Value:
    if isinstance(given, str):
        return Value(cast(literal(given), Text).collate("C"), Kind.TEXT, given=given)
    if isinstance(given, int | float) and not isinstance(given, bool):
        if not math.isfinite(given):
            refuse(given, "must be a finite number")
        return Value(literal(float(given), Float(53)), Kind.INTEGER, given=given)
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return Value(cast(given, ARRAY(Text)), Kind.TEXTS, given=given)
    return refuse(given, "is no value that properties have here")


def _folded(value: Value) -> Value:
    if value.kind is not Kind.TEXT:
        refuse("CASEI", "takes a text")
    folded = func.lower(value.expression.collate("und-x-icu")).collate("C")
    return Value(folded, Kind.TEXT, given=value.given)


def same_kind(first: Value, second: Value, name: str) -> None:
    """Refuse to compare operands of two kinds."""
    if first.kind is not second.kind:
        refuse(name, f"cannot compare {first.kind.value} with {second.kind.value}")


def moment_of(argument: Tree, names: Names) -> Expression:
    """A property or literal that is a moment; in an interval literals are plain text."""
    value = value_of({"timestamp": argument} if isinstance(argument, str) else argument, names)
    if value.kind is not Kind.MOMENT:
        refuse(argument, "is no time")
    return value.expression


def read_moment(text: str, field: str) -> datetime:
    """The moment that a text with an offset names, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(field, text, "must hold times like 2026-11-01T00:00:00Z") from None
    if moment.tzinfo is None or not 1900 <= moment.year <= 2999:
        raise InvalidInput(field, text, "must hold times with an offset, of the years 1900 to 2999")
    return moment.astimezone(UTC)


def geometry_of(argument: Tree, names: Names) -> Expression | BaseGeometry:
    """The property ``geometry``, or a literal as it would be stored."""
    if isinstance(argument, dict):
        if "property" in argument:
            if argument["property"] != GEOMETRY:
                refuse(argument["property"], f"is no geometry; there is {GEOMETRY}")
            return names.geometry
        if "bbox" in argument:
            return names.to_stored(_box(argument["bbox"]))
        if "coordinates" in argument or "geometries" in argument:
            return names.to_stored(_checked(argument))
    return refuse(argument, "is no geometry that a predicate takes")


def _box(bounds: Sequence[float]) -> BaseGeometry:
    low, high = bounds[: len(bounds) // 2], bounds[len(bounds) // 2 :]
    if len(bounds) not in (4, 6) or not all(map(math.isfinite, bounds)) or low[0] > high[0] or low[1] > high[1]:
        refuse(list(bounds), "must be BBOX(least, least, greatest, greatest)")
    return box(low[0], low[1], high[0], high[1])


def _checked(argument: dict[str, Any]) -> BaseGeometry:
    try:
        geometry = shapely.force_2d(shape(argument))
    except (shapely.GEOSException, ValueError, TypeError, IndexError) as error:
        raise InvalidInput(FIELD, argument, "holds a geometry that is none") from error
    if geometry.is_empty or not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry)
        raise InvalidInput(FIELD, geometry.wkt, f"must hold valid geometries that are not empty: {reason}")
    return geometry


def bound(geometry: BaseGeometry) -> Expression:
    """A geometry in EPSG:4326 as a parameter."""
    return func.ST_GeomFromWKB(shapely.to_wkb(geometry), 4326)


def refuse(value: object, rule: str) -> NoReturn:
    """InvalidInput about the filter."""
    raise InvalidInput(FIELD, value, rule)
