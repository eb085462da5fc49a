"""New codes: by the pattern, never one that was used, in the order of the places."""

from __future__ import annotations

import pytest
import shapely

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.redraw.minting import CodePattern, Mint, in_order

DEMO = CodePattern("{community}{sequence:03d}")


def test_a_pattern_writes_codes_and_reads_them() -> None:
    assert DEMO.code("120101001001", 7) == "120101001001007"
    assert DEMO.sequence("120101001001", "120101001001007") == 7
    for other in ("120101001001000", "1201010010010070", "120101001001x07", "120101001002007", "7", ""):
        assert DEMO.sequence("120101001001", other) is None
    dashed = CodePattern("G-{community}/{sequence:02d}x")
    assert dashed.sequence("C", dashed.code("C", 12)) == 12
    assert CodePattern("{code}").digits == 0


@pytest.mark.parametrize(
    "text", ["", "{community}", "{community}{sequence}", "{sequence:3s}", "{code}{sequence:03d}", "{x}"]
)
def test_patterns_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="code_pattern"):
        CodePattern(text)


def test_codes_follow_the_highest_that_was_ever_used() -> None:
    mint = Mint(DEMO, ("C001", "C002", "C007", "D001"), {"C008"})
    assert mint.issue("C", 2) == ["C009", "C010"]
    assert mint.issue("D", 1) == ["D002"]
    assert mint.issue("E", 1) == ["E001"]


def test_when_numbers_run_out_gaps_are_filled_and_then_nothing_is_left() -> None:
    pattern = CodePattern("{community}{sequence:01d}")
    mint = Mint(pattern, ("C1", "C3", "C8"), frozenset())
    assert mint.issue("C", 4) == ["C9", "C2", "C4", "C5"]
    with pytest.raises(RuleBroken, match="C has no code left"):
        mint.issue("C", 7)


def test_a_given_code_is_by_the_pattern_and_was_never_used() -> None:
    mint = Mint(DEMO, ("C001",), {"C002"})
    assert mint.given("C500", "C") == "C500"
    for used in ("C001", "C002"):
        with pytest.raises(RuleBroken, match="never issued again"):
            mint.given(used, "C")
    with pytest.raises(InvalidInput, match="must be by the city's pattern"):
        mint.given("D500", "C")


def test_a_city_that_gives_out_codes_itself_must_give_them() -> None:
    mint = Mint(CodePattern("{code}"), ("E01000001",), frozenset())
    assert mint.given("E01000002", "E02") == "E01000002"
    with pytest.raises(InvalidInput, match="must be given"):
        mint.issue("E02", 1)


def test_places_are_ordered_from_west_to_east_then_from_north_to_south() -> None:
    south, north, east = (
        shapely.box(117, 39, 117.1, 39.1),
        shapely.box(117, 39.1, 117.1, 39.2),
        shapely.box(117.1, 39.3, 117.2, 39.4),
    )
    assert in_order([east, south, north]) == [2, 1, 0]
