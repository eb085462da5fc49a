"""An adversary who knows all that a release shows, and the rules, finds no count below k; see ``attack``."""

from __future__ import annotations

import pytest

from .attack import (
    attack_exhaustively,
    by_the_rules,
    small_city,
    without_complement,
    without_suppression,
)

# Cities of few cells in every shape: flat, deep, with single children, uneven.
SHAPES: list[object] = [5, [2, 3], [1, 4], [1, 1, 1, 2], [[2, 1], [2]], [[1], [1, 1], [2]], [[[2], [1, 2]]], 6]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("smallest", [3, 4])
def test_no_set_of_cells_is_known_to_have_few(shape: object, smallest: int) -> None:
    tree = small_city(shape)
    for total in range(12):
        assert attack_exhaustively(tree, by_the_rules(smallest), total, smallest) == []


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_without_suppression_he_finds_some(shape: object) -> None:
    assert attack_exhaustively(small_city(shape), without_suppression, 7, 3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_without_complementary_suppression_he_finds_some(shape: object) -> None:
    assert attack_exhaustively(small_city(shape), without_complement(3), 7, 3)
