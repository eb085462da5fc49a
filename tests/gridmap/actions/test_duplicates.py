"""Ids that came before are found, with where they stood first, whatever the batches' sizes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gridmap.actions.duplicates import SeenIds


def test_what_came_before_is_found_where_it_stood_first() -> None:
    draw = np.random.default_rng(5)
    seen, first = SeenIds(), {}
    line, found = 2, 0
    for number in range(60):
        file = f"{number // 7}.csv"
        ids = [f"id {each}" for each in draw.permutation(20_000)[: draw.integers(0, 400)]]
        lines = np.arange(line, line + len(ids))
        line += len(ids)
        repeated = seen.meet(file, pd.Series(ids, dtype=object), lines)
        assert repeated == {row: first[each] for row, each in enumerate(ids) if each in first}
        found += len(repeated)
        for each, at in zip(ids, lines, strict=True):
            first.setdefault(each, (file, int(at)))
    assert found > 1_000
    assert len(seen._runs) < 12, "runs are merged"
