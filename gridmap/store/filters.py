"""Conditions on features: CQL2 trees and single values as SQL expressions in which every value is bound.

Whatever a tree may ask for stands in the table of predicates; anything else is InvalidInput and names what it is.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from shapely import GeometryCollection
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Float, Text, and_, bindparam, cast, false, func, not_, or_, true
from sqlalchemy.dialects.postgresql import ARRAY

from gridmap.cql import Tree
from gridmap.errors import InvalidInput
from gridmap.features import Kind
from gridmap.store.operands import (
    FIELD,
    GEOMETRY,
    Expression,
    Names,
    bound,
    geometry_of,
    moment_of,
    read_moment,
    refuse,
    same_kind,
    value_of,
)

_DEEPEST = 60

_Condition = ColumnElement[bool]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SPATIAL = {
    f"s_{name}": f"ST_{name.capitalize()}"
    for name in ("intersects", "disjoint", "equals", "touches", "within", "overlaps", "crosses", "contains")
}
_TEMPORAL = ("t_after", "t_before", "t_during", "t_intersects", "t_disjoint")
_NUMBERS = {"not": 1, "isnull": 1, "between": 3}  # of arguments; all others take two
_ARRAYS = ("a_contains", "a_containedby", "a_equals", "a_overlaps")


def condition_of(tree: Tree, names: Names, depth: int = 0) -> _Condition:
    """The condition that a CQL2 tree stands for. InvalidInput names what is unknown or does not fit together."""
    if depth > _DEEPEST:
        refuse(FIELD, f"must not be nested more than {_DEEPEST} deep")
    if isinstance(tree, bool):
        return true() if tree else false()
    if not isinstance(tree, dict) or "op" not in tree:
        refuse(tree, "is no condition")
    name, arguments = str(tree["op"]).lower(), list(tree["args"])
    _check_number(name, len(arguments))
    if name in ("and", "or"):
        parts = [condition_of(each, names, depth + 1) for each in arguments]
        return and_(*parts) if name == "and" else or_(*parts)
    if name == "not":
        return not_(condition_of(arguments[0], names, depth + 1))
    make = _PREDICATES.get(name)
    if make is None:
        refuse(tree["op"], f"is not offered; there are and, or, not, {', '.join(sorted(_PREDICATES))}")
    return make(name, arguments, names)


def _check_number(name: str, given: int) -> None:
    wanted = _NUMBERS.get(name, 2)
    if name not in ("and", "or") and given != wanted:
        refuse(name, f"takes {wanted} arguments, not {given}")


def equals(column: Expression, kind: Kind, name: str, text: str) -> _Condition:
    """The condition that a property has the value written as ``text``; InvalidInput when it cannot."""
    if kind is Kind.INTEGER:
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise InvalidInput(name, text, "must be a whole number")
        return cast(column, Float(53)) == bindparam(None, float(text), Float(53), unique=True)
    if kind is Kind.MOMENT:
        return column == read_moment(text, name)
    if kind is Kind.TEXTS:
        return cast(column, ARRAY(Text)).op("@>")(cast([text], ARRAY(Text)))
    return column.collate("C") == text


def touches_geometry(column: Expression, geometry: BaseGeometry) -> _Condition:
    """The condition that a stored geometry and a column have a point in common."""
    return func.ST_Intersects(column, bound(geometry))


def _compare(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    first, second = (value_of(each, names) for each in arguments)
    same_kind(first, second, name)
    if Kind.TEXTS in (first.kind, second.kind):
        refuse(name, "does not compare lists; there are A_CONTAINS, A_CONTAINEDBY, A_EQUALS and A_OVERLAPS")
    result: _Condition = _COMPARISONS[name](first.expression, second.expression)
    return result


def _between(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    value, low, high = (value_of(each, names) for each in arguments)
    same_kind(value, low, name)
    same_kind(value, high, name)
    return and_(value.expression >= low.expression, value.expression <= high.expression)


def _in(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    value = value_of(arguments[0], names)
    if not isinstance(arguments[1], list):
        refuse(name, "needs a list of values")
    choices = [value_of(each, names) for each in arguments[1]]
    for each in choices:
        same_kind(value, each, name)
    return or_(false(), *(value.expression == each.expression for each in choices))


def _like(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    value, pattern = (value_of(each, names) for each in arguments)
    same_kind(value, pattern, name)
    if value.kind is not Kind.TEXT or not isinstance(pattern.given, str):
        refuse(name, "compares a text with a pattern in quotes")
    if re.fullmatch(r"(?:[^\\]|\\.)*", pattern.given, re.DOTALL) is None:
        refuse(pattern.given, "must not end with a single backslash")
    return value.expression.like(pattern.expression, escape="\\")


def _is_null(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    argument = arguments[0]
    if isinstance(argument, dict) and argument.get("property") == GEOMETRY:
        return names.geometry.is_(None)
    return value_of(argument, names).expression.is_(None)


def _spatial(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    sides = [geometry_of(each, names) for each in arguments]
    if all(isinstance(side, BaseGeometry) for side in sides):
        refuse(name, f"needs the property {GEOMETRY}")
    if name == "s_disjoint":
        return not_(_spatial("s_intersects", arguments, names))
    if name != "s_intersects" and any(isinstance(side, GeometryCollection) for side in sides):
        refuse(name, "does not take collections of geometries; S_INTERSECTS and S_DISJOINT do")
    first, second = (bound(side) if isinstance(side, BaseGeometry) else side for side in sides)
    result: _Condition = getattr(func, _SPATIAL[name])(first, second)
    return result


def _temporal(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    """Of a moment, and of another or an interval with ends of its own, which may be open."""
    moment = moment_of(arguments[0], names)
    begins, ends = _ends(arguments[1], names)
    if name == "t_after":
        return false() if ends is None else moment > ends
    if name == "t_before":
        return false() if begins is None else moment < begins
    if name == "t_during":
        return _all(None if begins is None else moment > begins, None if ends is None else moment < ends)
    inside = _all(None if begins is None else moment >= begins, None if ends is None else moment <= ends)
    return not_(inside) if name == "t_disjoint" else inside


def _all(*bounds: _Condition | None) -> _Condition:
    return and_(true(), *(bound for bound in bounds if bound is not None))


def _ends(argument: Tree, names: Names) -> tuple[Expression | None, Expression | None]:
    if isinstance(argument, dict) and "interval" in argument:
        ends_given = argument["interval"]
        if not isinstance(ends_given, list) or len(ends_given) != 2:
            refuse(ends_given, "must be INTERVAL(begin, end)")
        begins, ends = (None if each == ".." else moment_of(each, names) for each in ends_given)
        return begins, ends
    moment = moment_of(argument, names)
    return moment, moment


def _array(name: str, arguments: Sequence[Any], names: Names) -> _Condition:
    first, second = (value_of(each, names) for each in arguments)
    if first.kind is not Kind.TEXTS or second.kind is not Kind.TEXTS:
        refuse(name, "compares lists of texts")
    contains: _Condition = first.expression.op("@>", is_comparison=True)(second.expression)
    contained: _Condition = first.expression.op("<@", is_comparison=True)(second.expression)
    if name == "a_overlaps":
        overlaps: _Condition = first.expression.op("&&", is_comparison=True)(second.expression)
        return overlaps
    return {"a_contains": contains, "a_containedby": contained, "a_equals": and_(contains, contained)}[name]


_PREDICATES: dict[str, Callable[[str, Sequence[Any], Names], _Condition]] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    "between": _between,
    "in": _in,
    "like": _like,
    "isnull": _is_null,
    **dict.fromkeys(_SPATIAL, _spatial),
    **dict.fromkeys(_TEMPORAL, _temporal),
    **dict.fromkeys(_ARRAYS, _array),
}
