from __future__ import annotations

import re

import numpy as np
import pandas as pd

from data.tianjin.draws import (
    apportion_within,
    as_text,
    generator,
    numbered,
    pick,
    rank_in_group,
    references,
)


def test_a_generator_depends_on_seed_and_keys_alone() -> None:
    first = generator(1, "buildings", "120101").random(3)
    generator(1, "other").random(100)
    assert np.array_equal(first, generator(1, "buildings", "120101").random(3))
    assert not np.array_equal(first, generator(2, "buildings", "120101").random(3))
    assert not np.array_equal(first, generator(1, "buildings", "120102").random(3))


def test_largest_remainders_by_hand() -> None:
    assert apportion_within(np.array([10]), np.zeros(3, dtype=np.int64), np.ones(3)).tolist() == [4, 3, 3]
    totals = np.array([10, 0, 5])
    group = np.array([2, 0, 0, 1, 0, 2])
    shares = apportion_within(totals, group, np.array([1.0, 2.0, 1.0, 9.0, 1.0, 3.0]))
    assert shares.tolist() == [1, 5, 3, 0, 2, 4]


def test_a_group_without_weight_gets_nothing() -> None:
    assert apportion_within(np.array([5, 5]), np.array([0, 1]), np.array([0.0, 1.0])).tolist() == [0, 5]


def test_ranks_begin_anew_in_each_group() -> None:
    assert rank_in_group(np.array([3, 3, 5, 7, 7, 7])).tolist() == [0, 1, 0, 0, 1, 2]
    assert rank_in_group(np.array([], dtype=np.int64)).tolist() == []


def test_picks_follow_the_weights() -> None:
    drawn = pick(generator(1), np.array([0.0, 3.0, 0.0, 1.0, 0.0]), 4000)
    assert set(drawn) == {1, 3}
    assert abs((drawn == 1).mean() - 0.75) < 0.03


def test_references_are_opaque_and_never_twice() -> None:
    numbers = np.r_[np.arange(200_000), int("120119") * 2**28 + np.arange(1000)]
    texts = as_text("R-", references(7, "person", numbers))
    assert len(set(texts)) == len(numbers)
    assert all(re.fullmatch(r"R-[0-9a-f]{12}", text) for text in texts)
    assert not any(re.search(r"\d{11}", text) for text in texts)
    assert texts[:3] == as_text("R-", references(7, "person", numbers[:3]))
    assert not set(texts) & set(as_text("R-", references(8, "person", numbers[:1000])))


def test_names_that_come_again_are_numbered() -> None:
    assert numbered(pd.Series(["甲", "乙", "甲", "甲"])).tolist() == ["甲", "乙", "甲2", "甲3"]
