"""An adversary who knows all that a release shows, and the rules, finds no count below k; see ``attack``."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridmap import hexes
from gridmap.releases.suppression import HIDDEN, Table
from gridmap.releases.tree import Longs, Tree

from .attack import (
    Notebook,
    Publish,
    attack_exhaustively,
    by_the_rules,
    residuals,
    small_city,
    territories,
    without_complement,
    without_suppression,
    write_down,
)

# Cities of few cells in every shape: flat, deep, with single children, uneven.
SHAPES: list[object] = [5, [2, 3], [1, 4], [1, 1, 1, 2], [[2, 1], [2]], [[1], [1, 1], [2]], [[[2], [1, 2]]], 6]

shapes = st.one_of(
    st.integers(2, 6),
    st.lists(st.integers(1, 3), min_size=2, max_size=3),
    st.lists(st.lists(st.integers(1, 2), min_size=1, max_size=2), min_size=1, max_size=2),
)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("smallest", [3, 4])
def test_no_set_of_cells_is_known_to_have_few(shape: object, smallest: int) -> None:
    tree = small_city(shape)
    for total in range(12):
        assert attack_exhaustively(tree, by_the_rules(smallest), total, smallest) == []


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("publish", [without_suppression, without_complement(3)], ids=["nothing", "no complement"])
def test_without_suppression_or_without_its_complement_he_finds_exact_counts(
    shape: object, publish: Publish
) -> None:
    finds = attack_exhaustively(small_city(shape), publish, 7, 3)
    assert any(find.least == find.most for find in finds)


def exhaust(shape: object, total: int, smallest: int) -> None:
    tree = small_city(shape)
    assert attack_exhaustively(tree, by_the_rules(smallest), total, smallest) == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(shape=shapes, total=st.integers(0, 10), smallest=st.integers(3, 5))
def test_nor_in_any_small_city(shape: object, total: int, smallest: int) -> None:
    exhaust(shape, total, smallest)


@pytest.mark.soak
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(shape=shapes, total=st.integers(0, 13), smallest=st.integers(3, 6))
def test_nor_in_any_small_city_at_length(shape: object, total: int, smallest: int) -> None:
    exhaust(shape, total, smallest)


def random_city(draw: np.random.Generator) -> Tree:
    """Some 10 to 60 cells in districts, streets and communities, with label points some kilometres apart."""
    shape = [
        [[int(draw.integers(1, 5)) for _ in range(draw.integers(1, 4))] for _ in range(draw.integers(1, 4))]
        for _ in range(draw.integers(1, 4))
    ]
    cells = len(small_city(shape).codes[-1])
    spread = draw.choice([0.01, 0.05])
    lon, lat = (at + draw.uniform(0, spread, cells) for at in (117.2, 39.1))
    return small_city(shape, hexes.hexes_of(lon, lat, 9))


def random_counts(draw: np.random.Generator, cells: int) -> Longs:
    mean = draw.choice([0.3, 1.0, 3.0, 12.0]) * draw.gamma(0.7, 1.5, cells)
    return draw.poisson(mean).astype(np.int64)


def finds_of(
    tree: Tree, table: Table, smallest: int, draw: np.random.Generator, *, all_zeros: bool, most: int = 60
) -> list[Longs]:
    """The sets that he finds to have 1 to k - 1 points: nodes, hexes, residuals, what two share or do not."""
    notebook = Notebook(len(tree.codes[-1]))
    write_down(notebook, tree, table, smallest, all_zeros=all_zeros)
    sets = [*territories(tree).values(), *residuals(tree, table)]
    pairs = draw.integers(0, len(sets), (most, 2))
    sets += [np.setdiff1d(sets[one], sets[two]) for one, two in pairs]
    sets += [np.intersect1d(sets[one], sets[two]) for one, two in pairs]
    distinct = list({each.tobytes(): each for each in sets if len(each)}.values())
    of_hidden = [bool((table.counts[-1][each] == HIDDEN).any()) for each in distinct]
    order = np.lexsort([draw.random(len(distinct)), np.logical_not(of_hidden)])  # sets with hidden cells first
    finds = []
    for each in (distinct[at] for at in order[:most]):
        least, largest = notebook.bounds(each, smallest)
        if least > 1e-6 and largest < smallest - 1e-6:
            finds.append(each)
    return finds


def attack_random_city(seed: int, publish: Publish | None = None) -> int:
    """How much he finds in the city of a seed; None for a table that shows nothing."""
    draw = np.random.default_rng(seed)
    tree, smallest = random_city(draw), int(draw.choice([3, 10]))
    counts = random_counts(draw, len(tree.codes[-1]))
    table = (publish or by_the_rules(smallest))(tree, counts, 0)
    if table.inside == HIDDEN:
        return 0
    return len(finds_of(tree, table, smallest, draw, all_zeros=publish is not None))


@pytest.mark.parametrize("seeds", [range(0, 30), range(30, 60), range(60, 90)], ids=str)
def test_equations_find_nothing_in_larger_cities(seeds: range) -> None:
    assert [seed for seed in seeds if attack_random_city(seed)] == []


@pytest.mark.parametrize("publish", [without_suppression, without_complement(3)], ids=["nothing", "no complement"])
def test_equations_find_much_without_suppression_or_its_complement(publish: Publish) -> None:
    found = [attack_random_city(seed, publish) for seed in range(20)]
    assert sum(count > 0 for count in found) >= 5, found


@pytest.mark.soak
def test_equations_find_nothing_in_larger_cities_at_length() -> None:
    assert [seed for seed in range(1000, 3000) if attack_random_city(seed)] == []
