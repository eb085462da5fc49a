"""What the key of a level may be: it names routes, tile layers, collections, columns of tiles and of files.

Imports nothing of GridMap; that no layer is forgotten here is tested where the layers are known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

# PostgreSQL's names have 63 characters, and a key is a column's name in tiles.
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
# What is called so beside the levels: layers of tiles, and what counts are grouped by and posts stand at.
LAYERS = ("cells", "labels", "overlays", "lines", "hexes", "counts", "incidents", "elements")
GROUPINGS = ("cell", "hex", "overlay")
# Properties of features beside the levels' keys.
PROPERTIES = ("id", "code", "name", "kind", "geom", "geometry", "services", "parent", "level", "count")
PREFIXES = ("live_", "released_")


def checked_levels(levels: Sequence[str]) -> Sequence[str]:
    """The levels as they are; ValueError, with the key and the rule, for one that cannot be a level's.

    >>> checked_levels(("city", "msoa"))
    ('city', 'msoa')
    """
    for level, times in Counter(levels).items():
        if not _KEY.fullmatch(level):
            raise ValueError(f"{level!r} must be small letters, digits and _, a letter first, 63 at most")
        if level in LAYERS:
            raise ValueError(f"{level!r} is the name of a layer; another word must be the level's")
        if level in GROUPINGS:
            raise ValueError(
                f"{level!r} is no level, but counts and posts know it; another word must be the level's"
            )
        if level in PROPERTIES:
            raise ValueError(f"{level!r} is a property of cells and areas; another word must be the level's")
        if level.startswith(PREFIXES):
            raise ValueError(f"{level!r} must not begin with {' or '.join(PREFIXES)}: layers of counts do")
        if times > 1:
            raise ValueError(f"{level!r} is there {times} times")
    return levels
