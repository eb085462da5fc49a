"""CQL2 text is read by a library that has weak spots: texts that find them are refused before it sees them."""

from __future__ import annotations

import time

import pytest

from gridmap.cql import LONGEST, parse
from gridmap.errors import InvalidInput


def test_a_tree_is_cql2s_own_json() -> None:
    assert parse("kind = 'basic' AND NOT name IS NULL") == {
        "op": "and",
        "args": [
            {"op": "=", "args": [{"property": "kind"}, "basic"]},
            {"op": "not", "args": [{"op": "isNull", "args": [{"property": "name"}]}]},
        ],
    }
    assert parse("name = 'O''Brien (('") == {"op": "=", "args": [{"property": "name"}, "O'Brien (("]}


@pytest.mark.parametrize(
    "text", ["", " ", "kind =", "kind = 'a", "kind = 'a' kind", "'", '"', "\x00", "🙂 = 1", ")("]
)
def test_what_is_no_cql2_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="filter: must be CQL2 text"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        # each of these runs out of the library's stack, or takes it minutes, without the limits
        "(" * 4000 + "a=1" + ")" * 4000,
        "(" * 40 + "a=1",
        "NOT " * 1900 + "a=1",
        "-" * 4000 + "1=a",
        "a = " + "1^" * 2900 + "1",
        "a = " + "1+" * 60_000 + "1",
        "NOT -" * 1000 + "1=a",
        # brackets that only seem to stand in quotes
        "'\\' = a AND " + "(" * 40 + "a='b'",
        '"a\'" = 1 AND ' + "(" * 40 + '"b\'" = 1',
        "'a\"' = a AND " + "(" * 40 + "a = 'b\"'",
    ],
    ids=[
        "brackets",
        "open brackets",
        "not",
        "signs",
        "powers",
        "long",
        "mixed",
        "backslash",
        "in double",
        "in single",
    ],
)
def test_what_the_library_cannot_bear_is_refused_at_once(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidInput):
        parse(text)
    assert time.perf_counter() - began < 0.2


@pytest.mark.parametrize("depth", range(12))
@pytest.mark.parametrize("filling", ["kind='a' AND ", "id+", "1=1=", "1<", "a(1),", "NOT ", "- - ", "\\'"])
def test_the_worst_that_is_let_through_is_read_in_good_time(depth: int, filling: str) -> None:
    size = min(LONGEST, (1 << 17) >> depth)
    opening = "NOT (" * depth if size > 8 * depth else "(" * depth
    text = (opening + filling * (size // len(filling)))[:size]
    began = time.perf_counter()
    with pytest.raises(InvalidInput):
        parse(text)
    assert time.perf_counter() - began < 2, "0.1 s on an idle core"


def test_brackets_in_quotes_are_not_counted() -> None:
    assert parse("name = '" + "(" * 3000 + "'")
