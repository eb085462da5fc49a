"""Codes in the order of their bytes, and rows in the order of codes through a redraw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.coverage.codes import Change, codes_of, numbers, refuse
from gridmap.errors import InvalidInput

code = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=4)


@given(st.sets(code), st.sets(code, max_size=4), st.data())
def test_rows_follow_the_codes_through_a_redraw(before: set[str], drawn: set[str], data: st.DataObject) -> None:
    ended = data.draw(st.sets(st.sampled_from(sorted(before)))) if before else set()
    codes = sorted(before, key=str.encode)
    change = Change.of(codes_of(codes), ended, drawn)
    after = sorted((before - ended) | drawn, key=str.encode)
    assert [each.decode() for each in change.codes] == after
    assert [after[position] for position in change.drawn] == list(change.drawn_codes)
    row = np.array([f"old {each}" for each in codes], dtype=object)
    moved = change.applied(row, np.array([f"new {each}" for each in change.drawn_codes], dtype=object))
    assert moved.tolist() == [f"{'new' if each in drawn else 'old'} {each}" for each in after]
    assert sorted(codes[position] for position in change.gone) == sorted((ended | drawn) & before)


@pytest.mark.parametrize("texts", [["2", "1"], ["1", "1"], ["é", "z"]])
def test_codes_out_of_order_are_refused(texts: list[str]) -> None:
    with pytest.raises(InvalidInput, match=f"sorted by bytes, each once, got {texts[1]!r}"):
        codes_of(texts)


def test_cells_without_codes_have_numbers_in_order() -> None:
    assert codes_of([each.decode() for each in numbers(120)])[[0, 119]].tolist() == [b"001", b"120"]


def test_the_cell_with_most_faults_is_named_first() -> None:
    positions, places = np.array([0, 2, 1, 2]), np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]])
    error = refuse("overlap", positions, places, codes_of(["a", "b", "c"]))
    assert str(error).endswith(
        "3 of them overlap: c at 3.0000000 4.0000000; a at 1.0000000 2.0000000; b at 5.0000000 6.0000000"
    )
