"""CQL2 text to a tree, by the library cql2. Imports ``errors``; what the names mean is decided in the store.

The tree is CQL2's own JSON form: a literal, a list, or a mapping with ``op`` and ``args``, ``property``, a GeoJSON
geometry, ``bbox``, ``timestamp``, ``date`` or ``interval``.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import cql2

from gridmap.errors import InvalidInput

Tree: TypeAlias = dict[str, Any] | list[Any] | str | float | bool | None

# The library's parser goes back at every bracket that does not close: its time doubles with each level. A text of
# 6,000 characters in four levels of brackets, or of 500 in eight, takes some 0.1 s at worst.
_MOST_WORK = 1 << 17
# It descends once for every term, bracket or sign, and tens of thousands of them run out of its stack.
LONGEST = 6000
_SIGNS = re.compile(r"(?:(?:\bNOT\b|[-+])\s*){5,}", re.IGNORECASE)
_POWERS = re.compile(r"(?:\^[^\^]*){5,}")
# As the library reads quotes: doubled inside, and a backslash is nothing special; else brackets could hide there.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def parse(text: str, field: str = "filter") -> Tree:
    """The tree of a CQL2 text; InvalidInput when it is none, or too deeply nested to be read in good time."""
    _check_size(text, field)
    try:
        tree: Tree = cql2.parse_text(text).to_json()
    except (cql2.ParseError, cql2.ValidationError, ValueError) as error:
        raise InvalidInput(field, text, f"must be CQL2 text: {_where(error)}") from error
    return tree


def _check_size(text: str, field: str) -> None:
    if len(text) > LONGEST:
        raise InvalidInput(field, text, f"must have at most {LONGEST} characters")
    bare = _QUOTED.sub("''", text)
    depth = deepest = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
    if len(text) << min(deepest, 20) > _MOST_WORK:
        rule = f"is too long for {deepest} levels of brackets: at most {_MOST_WORK >> min(deepest, 20)} characters"
        raise InvalidInput(field, text, rule)
    if _SIGNS.search(bare) or _POWERS.search(bare):
        raise InvalidInput(field, text, "has too many signs, NOTs or powers in a row")


def _where(error: Exception) -> str:
    """The place that the parser names, without its drawing of the text."""
    found = re.search(r"(\d+):(\d+)", str(error))
    return f"cannot be read on from character {found[2]} of line {found[1]}" if found else "cannot be read"
