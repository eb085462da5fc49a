"""Edits are read from JSON strictly and written as they were meant."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from gridmap.errors import InvalidInput
from gridmap.redraw.edits import EDITS, parse, renamed, to_json

ROOT = Path(__file__).parents[3]

LINE = [[117.2, 39.1], [117.3, 39.2]]
PIECE = {"type": "Polygon", "coordinates": [[[117.2, 39.1], [117.3, 39.1], [117.3, 39.2], [117.2, 39.1]]]}
EXAMPLES: list[dict[str, Any]] = [
    {"op": "split", "crs": "wgs84", "cell": "a", "line": LINE},
    {
        "op": "split",
        "crs": "gcj02",
        "cell": "a",
        "line": LINE,
        "snap_m": 2.0,
        "snap_to": ["streets"],
        "codes": ["b", "c"],
    },
    {"op": "split_along", "crs": "bd09", "cell": "a", "points": LINE, "street_m": 5.0},
    {"op": "split_into", "cell": "a", "parts": 3, "along_streets": False},
    {"op": "merge", "cells": ["a", "b"]},
    {
        "op": "merge",
        "cells": ["a", "b"],
        "name": "n",
        "kind": "special",
        "services": [],
        "community": "m",
        "code": "c",
    },
    {"op": "move_boundary", "crs": "EPSG:4548", "cells": ["a", "b"], "line": [[5e5, 4.3e6], [5.1e5, 4.3e6]]},
    {"op": "transfer", "crs": "wgs84", "from": "a", "to": "b", "piece": PIECE, "across": True},
    {"op": "cut_new", "crs": "wgs84", "piece": PIECE, "name": "park", "cells": ["a", "b"], "community": "m"},
    {"op": "change", "cell": "a", "name": "n", "kind": "basic", "services": ["x"], "community": "m", "code": "c"},
    {"op": "create_area", "code": "m", "name": "n", "parent": "p", "members": ["a"]},
    {"op": "merge_areas", "areas": ["m", "k"], "code": "m", "name": "n", "parent": "p"},
    {
        "op": "split_area",
        "area": "m",
        "into": [{"code": "k", "name": "n", "members": ["a"]}, {"code": "l", "name": "o", "members": ["b"]}],
    },
    {"op": "change_area", "area": "m", "name": "n", "code": "k", "parent": "p"},
    {
        "op": "redraw_area",
        "crs": "wgs84",
        "area": "m",
        "cells": [{"geometry": PIECE, "code": "a"}, {"geometry": PIECE, "name": "n"}],
    },
    {"op": "posts", "moves": {"old": "a", "post-1": "c"}},
]


@pytest.mark.parametrize("given", EXAMPLES, ids=lambda given: given["op"])
def test_json_comes_back_as_it_was(given: dict[str, Any]) -> None:
    edit = parse(json.loads(json.dumps(given)))
    assert to_json(edit) == given
    assert parse(to_json(edit)) == edit
    assert hash(edit) == hash(parse(given))


def test_every_edit_has_an_example_and_a_row_in_the_readme() -> None:
    assert {given["op"] for given in EXAMPLES} == set(EDITS)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for op in EDITS:
        assert f"| `{op}`" in readme


@pytest.mark.parametrize("given", EXAMPLES, ids=lambda given: given["op"])
def test_each_key_is_needed_or_known_and_of_its_type(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="no_such_key: is no key here"):
        parse({**given, "no_such_key": 1})
    for key in given.keys() - {"op"}:
        with pytest.raises(InvalidInput, match=key):
            parse({**given, key: object()})


@pytest.mark.parametrize("op", EDITS)
def test_nothing_but_the_op_is_refused(op: str) -> None:
    with pytest.raises(InvalidInput, match="is missing"):
        parse({"op": op})


@pytest.mark.parametrize("given", [None, [], "split", {}, {"op": None}, {"op": "tear"}, {"op": ["split"]}])
def test_what_is_no_edit_is_refused(given: object) -> None:
    with pytest.raises(InvalidInput, match=r"edit: must be an object|op: must be one of"):
        parse(given)


BAD_LINES: list[tuple[object, str]] = [
    ([], "must have 2 to 10000 entries"),
    ([[1, 2]], "must have 2 to 10000 entries"),
    ([[1, 2], [1, 2]], "two different points"),
    ([[1, 2], [1, math.nan]], r"line\[1\]: must be a finite number"),
    ([[1, 2], [math.inf, 3]], r"line\[1\]: must be a finite number"),
    ([[1, 2], [10**400, 3]], r"line\[1\]: must be a finite number"),
    ([[1, 2], [1, 2, 3]], r"line\[1\]: must be a pair"),
    ([[1, 2], ["1", 2]], r"line\[1\]: must be a number"),
    ([[1, 2], [True, 2]], r"line\[1\]: must be a number"),
    ("1 2, 3 4", "must be a list"),
    ([[float(at), 0.0] for at in range(100_000)], "must have 2 to 10000 entries, got 100000"),
]


@pytest.mark.parametrize(("line", "rule"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_lines_that_are_none(line: object, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        parse({"op": "split", "crs": "wgs84", "cell": "a", "line": line})


BAD_PIECES: list[tuple[object, str]] = [
    ({"type": "Point", "coordinates": [1, 2]}, "GeoJSON Polygon"),
    ({**PIECE, "bbox": [1, 2, 3, 4]}, "nothing else"),
    ({"type": "Polygon", "coordinates": []}, "1 to 10000 entries"),
    ({"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [1, 2]]]}, "4 to 10000 entries"),
    ({"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [5, 2], [1, 3]]]}, "must end where it begins"),
    (
        {"type": "Polygon", "coordinates": [[[0, 0], *[[at, 1] for at in range(6000)], [0, 0]]] * 2},
        "at most 10000",
    ),
]


@pytest.mark.parametrize(("piece", "rule"), BAD_PIECES, ids=range(len(BAD_PIECES)))
def test_pieces_that_are_none(piece: object, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        parse({"op": "transfer", "crs": "wgs84", "from": "a", "to": "b", "piece": piece})


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"crs": "wgs72"}, "crs: must be one of"),
        ({"crs": None}, "crs: must be one of"),
        ({"snap_m": -1}, "metres from 0 to"),
        ({"snap_m": 5000}, "metres from 0 to"),
        ({"snap_to": ["rivers"]}, "must be some of vertices, edges, streets"),
        ({"cell": ""}, "must be a text"),
        ({"cell": " a"}, "without blanks"),
        ({"cell": "a\x00"}, "all printable"),
        ({"cell": "x" * 300}, "at most 200 letters"),
        ({"names": ["a"] * 2000}, "0 to 1000 entries"),
        ({"codes": ["a", "a"]}, "must be named once"),
    ],
)
def test_other_values_that_break_a_rule(more: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        parse({**EXAMPLES[0], **more})


def test_parts_are_a_whole_number() -> None:
    for parts in (1, 101, 2.0, "2", True, None):
        with pytest.raises(InvalidInput, match="parts: must be a whole number from 2 to 100"):
            parse({"op": "split_into", "cell": "a", "parts": parts})


def test_codes_are_changed_wherever_an_edit_names_a_cell() -> None:
    for given in EXAMPLES:
        text = json.dumps(to_json(renamed(parse(given), {"a": "a2", "b": "b2"})))
        own = copy.deepcopy(given)
        for key in ("codes", "code"):
            own.pop(key, None)
        had = '"a"' in json.dumps(own)
        assert ('"a2"' in text) == had
        assert '"a"' not in text
