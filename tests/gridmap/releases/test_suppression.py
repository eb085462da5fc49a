"""The rules of suppression, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.errors import InvalidInput
from gridmap.releases.suppression import HIDDEN, suppress

from .attack import small_city


def shown(shape: object, counts: list[int], smallest: int = 3, outside: int = 0) -> list[list[int | None]]:
    table = suppress(small_city(shape), np.array(counts), outside, smallest)
    return [[None if count == HIDDEN else count for count in level.tolist()] for level in table.counts]


def test_counts_of_k_and_more_and_zeros_show() -> None:
    assert shown([2, 2], [3, 4, 0, 9]) == [[16], [7, 9], [3, 4, 0, 9]]
    assert shown([2, 2], [0, 0, 0, 0]) == [[0], [0, 0], [0, 0, 0, 0]]


def test_a_small_count_takes_a_neighbour_with_it() -> None:
    assert shown([2, 2], [2, 4, 0, 9]) == [[15], [6, 9], [None, None, 0, 9]]


def test_not_all_neighbours_but_those_of_its_half() -> None:
    assert shown([8, 1], [9, 9, 9, 1, 9, 9, 9, 9, 50])[2] == [9, 9, None, None, 9, 9, 9, 9, 50]
    # of two small ones with too little slack between them the next two are hidden besides
    assert shown([8, 1], [9, 9, 1, 2, 9, 9, 9, 9, 50])[2] == [None, None, None, None, 9, 9, 9, 9, 50]


def test_children_are_listed_only_if_none_of_them_can_be_counted_out() -> None:
    # those with points must have two points more than one each
    assert shown([5, 1], [3, 1, 1, 0, 0, 9])[2] == [None, None, None, 0, 0, 9]
    assert shown([5, 1], [2, 1, 1, 1, 0, 9])[2] == [None] * 5 + [9]
    assert shown([5, 1], [3, 1, 1, 1, 1, 9])[2] == [None] * 5 + [9]
    assert shown([5, 1], [4, 0, 0, 0, 0, 9])[2] == [4, 0, 0, 0, 0, 9]


def test_six_points_in_five_cells_are_never_listed() -> None:
    """Or not being listed would say that all five have points, and none of them three."""
    assert shown([5, 1], [2, 1, 1, 1, 1, 9])[2] == [None] * 5 + [9]
    assert shown([5, 1], [6, 0, 0, 0, 0, 9])[2] == [None] * 5 + [9]
    assert shown([5, 1], [5, 0, 0, 0, 0, 9])[2] == [5, 0, 0, 0, 0, 9]
    assert shown([5, 1], [7, 0, 0, 0, 0, 9])[2] == [7, 0, 0, 0, 0, 9]


def test_what_is_hidden_hides_all_below() -> None:
    assert shown([[2, 2], [2, 2]], [2, 0, 0, 0, 50, 60, 70, 80]) == [
        [262],
        [None, None],
        [None] * 4,
        [None] * 8,
    ]
    assert shown([[2, 2], [2, 2]], [0, 0, 0, 0, 50, 60, 70, 80])[2] == [0, 0, 110, 150]


def test_a_small_total_shows_nothing_not_even_zeros() -> None:
    for counts in ([1, 0, 0, 0], [1, 1, 0, 0]):
        assert shown([2, 2], counts) == [[None], [None] * 2, [None] * 4]


def test_the_total_shows_when_inside_and_outside_do() -> None:
    tree = small_city([2, 2])
    for cells, outside, expected in (
        [9, 0, 9],
        [9, 2, HIDDEN],
        [9, 3, 12],
        [2, 5, HIDDEN],
        [0, 0, 0],
        [0, 1, HIDDEN],
    ):
        table = suppress(tree, np.array([cells, 0, 0, 0]), outside, 3)
        assert table.total == expected
        assert table.inside == (HIDDEN if cells == 2 else cells)


def test_one_hides_nothing() -> None:
    assert shown([2, 2], [1, 2, 0, 1], smallest=1) == [[4], [3, 1], [1, 2, 0, 1]]
    assert suppress(small_city([2, 2]), np.array([0, 0, 0, 1]), 1, 1).total == 2


@pytest.mark.parametrize("smallest", [2, 0, -1, 10**9])
def test_a_k_that_gives_counts_away_is_refused(smallest: int) -> None:
    with pytest.raises(InvalidInput, match="smallest"):
        suppress(small_city([2, 2]), np.array([1, 2, 3, 4]), 0, smallest)


@given(st.lists(st.integers(0, 40), min_size=9, max_size=9), st.sampled_from([3, 10]))
def test_what_shows_is_true_and_is_0_or_at_least_k(counts: list[int], smallest: int) -> None:
    tree = small_city([[2, 3], [1, 3]])
    table = suppress(tree, np.array(counts), 0, smallest)
    for truth, level in zip(tree.sums(np.array(counts)), table.counts, strict=True):
        seen = level != HIDDEN
        assert (level[seen] == truth[seen]).all()
        assert ((level[seen] == 0) | (level[seen] >= smallest)).all()
