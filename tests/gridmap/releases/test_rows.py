"""Rows of releases: what is stored brings the table back, and hexes are sums of cells that show."""

from __future__ import annotations

import numpy as np
import pytest

from gridmap import hexes
from gridmap.errors import InvalidInput
from gridmap.releases.rows import check_by, hex_counts, released_rows, restore_table, stored_rows
from gridmap.releases.suppression import HIDDEN, Table, suppress
from gridmap.releases.tree import Longs, Tree

from .attack import small_city

SHAPE = [[[2, 3], [1, 3]], [[4, 2], [2]]]


def a_city(seed: int) -> tuple[Tree, Longs]:
    draw = np.random.default_rng(seed)
    lon, lat = (at + draw.uniform(0, 0.02, 17) for at in (117.2, 39.1))
    counts = draw.poisson(draw.choice([0.5, 3.0, 9.0]) * draw.gamma(0.5, 2.0, 17)).astype(np.int64)
    return small_city(SHAPE, hexes.hexes_of(lon, lat, 9)), counts


@pytest.mark.parametrize("seed", range(40))
def test_a_table_comes_back_from_what_is_stored(seed: int) -> None:
    tree, counts = a_city(seed)
    table = suppress(tree, counts, 0, int(np.random.default_rng(seed).choice([1, 3, 10])))
    rows = [
        (tree.levels[level], tree.codes[level][at], int(table.counts[level][at]))
        for level, positions in stored_rows(tree, table)
        for at in positions
    ]
    again = restore_table(tree, rows, 0)
    assert [each.tolist() for each in again.counts] == [each.tolist() for each in table.counts]
    assert len(rows) <= sum(int((each != HIDDEN).sum()) for each in table.counts)


@pytest.mark.parametrize("seed", range(40))
def test_a_hex_is_the_sum_of_its_cells_and_shows_when_they_or_their_areas_do(seed: int) -> None:
    tree, counts = a_city(seed)
    table = suppress(tree, counts, 0, 3)
    shows = table.counts[-1] != HIDDEN
    for resolution in (6, 7, 8, 9):
        found, sums = hex_counts(tree, table, resolution)
        at = hexes.parents(tree.hexes, resolution)
        assert found.tolist() == sorted(set(at.tolist()))
        for hex_, count in zip(found.tolist(), sums.tolist(), strict=True):
            cells = np.flatnonzero(at == hex_)
            covered = shows[cells].copy()
            for ancestors, level in zip(tree.ancestors, table.counts, strict=True):
                for node in np.unique(ancestors[cells]):
                    below = np.flatnonzero(ancestors == node)
                    if level[node] != HIDDEN and set(below) <= set(cells):
                        covered |= np.isin(cells, below)
            assert count == (counts[cells].sum() if covered.all() else HIDDEN)


def test_with_nothing_hidden_all_agree() -> None:
    tree, counts = a_city(1)
    table = suppress(tree, counts, 0, 1)
    for by, resolution in [*((level, None) for level in tree.levels), *(("hex", each) for each in (6, 7, 8, 9))]:
        rows = released_rows([(tree, table)], by, resolution)
        assert (rows.counts.sum(), rows.total, rows.suppressed) == (counts.sum(), counts.sum(), 0)


def test_over_months_only_what_all_show_is_summed_by_code() -> None:
    tree, _ = a_city(1)
    fewer = small_city([[[2, 3], [1, 3]], [[4, 1], [2]]], tree.hexes[:16])
    one = Table(tree.sums(np.arange(17)), 5)
    two = Table((*fewer.sums(np.arange(16))[:-1], np.where(np.arange(16) == 3, HIDDEN, np.arange(16))), HIDDEN)
    rows = released_rows([(fewer, two), (tree, one)], "cell")
    known = dict(zip(rows.codes.tolist(), rows.counts.tolist(), strict=True))
    assert list(known) == tree.codes[-1].tolist()
    gone = set(tree.codes[-1].tolist()) - set(fewer.codes[-1].tolist())
    assert len(gone) == 1
    for code, count in known.items():
        at = tree.positions[-1][code]
        hidden = code in gone or fewer.positions[-1][code] == 3
        assert count == (HIDDEN if hidden else at + fewer.positions[-1][code])
    assert (rows.outside, rows.total, rows.suppressed) == (HIDDEN, HIDDEN, 2)
    assert rows.inside == sum(range(17)) + sum(range(16))


@pytest.mark.parametrize(
    ("by", "resolution", "words"),
    [
        ("planet", None, "by: must be one of city, district, cell, hex"),
        ("cell", 8, "resolution: goes with by=hex only"),
        ("hex", 5, "resolution: must be 6 to 9"),
        ("hex", 10, "resolution: must be 6 to 9"),
    ],
)
def test_what_rows_cannot_be_given_by_is_refused(by: str, resolution: int | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_by(("city", "district"), by, resolution)


def test_the_tree_knows_what_leads_its_rows() -> None:
    tree, _ = a_city(1)
    assert tree.tops(0).tolist() == ["c"]
    assert set(tree.tops(1)) == {"c0", "c1"}
    assert [code[:2] for code in tree.codes[-1]] == tree.tops(len(tree.levels) - 1).tolist()
    flat = small_city(3)
    assert (flat.levels, flat.tops(1).tolist()) == (("city", "cell"), ["c", "c", "c"])
