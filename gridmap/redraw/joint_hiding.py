"""Hiding small counts of a table of flows so that what is shown does not give them away. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping

Pair = tuple[str, str]


def hide_jointly(counts: Mapping[Pair, float], least: float) -> set[Pair]:
    """The pairs (from, to) to hide: counts of 1 to ``least`` - 1, and with each what would tell it by subtraction.

    Where a row (one from) or a column (one to) has exactly one hidden count beside others that show, the smallest
    of these is hidden too, until no row or column is left with one. 0 shows.
    """
    hidden = {pair for pair, count in counts.items() if 0 < count < least}
    lines = [
        [pair for pair in counts if pair[side] == name and counts[pair] > 0]
        for side in (0, 1)
        for name in sorted({pair[side] for pair in counts})
    ]
    while True:
        lone = [line for line in lines if len(line) > 1 and sum(pair in hidden for pair in line) == 1]
        if not lone:
            return hidden
        for line in lone:
            if sum(pair in hidden for pair in line) == 1:
                shown = [pair for pair in line if pair not in hidden]
                hidden.add(min(shown, key=lambda pair: (counts[pair], pair)))
