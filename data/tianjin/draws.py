"""Seeded chance for the demo city: generators, exact apportionment, weighted picks and opaque references.

Imports numpy, pandas and the standard library only, so that every made-up table can draw from it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_REFERENCE_BITS = 46
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def generator(seed: int, *keys: str) -> np.random.Generator:
    """A generator that depends on the seed and the text keys alone, never on the order of other draws."""
    words = [int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") for key in keys]
    return np.random.default_rng([seed, *words])


def apportion_within(totals: Ints, group: Ints, weights: Floats) -> Ints:
    """Share out ``totals[g]`` among the rows of each group by ``weights``, exactly, by largest remainder.

    ``group`` and ``weights`` have one value per row; a group without weight gets nothing. Ties go to the
    earlier row.
    """
    sums = np.bincount(group, weights=weights, minlength=len(totals))
    quota = np.where(sums > 0, totals / np.where(sums > 0, sums, 1.0), 0.0)[group] * weights
    shares = np.floor(quota).astype(np.int64)
    left = totals - np.bincount(group, weights=shares, minlength=len(totals)).astype(np.int64)
    left[sums <= 0] = 0
    order = np.lexsort((-(quota - shares), group))
    rank = rank_in_group(group[order])
    shares[order] += rank < left[group[order]]
    return shares


def rank_in_group(group: Ints) -> Ints:
    """0, 1, 2 … within each run of equal values of a sorted ``group``."""
    if len(group) == 0:
        return np.zeros(0, dtype=np.int64)
    begins = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    lengths = np.diff(np.r_[begins, len(group)])
    return np.arange(len(group)) - np.repeat(begins, lengths)


def pick(rng: np.random.Generator, weights: Floats, count: int) -> Ints:
    """``count`` indices drawn with replacement in proportion to ``weights``."""
    cumulative = np.cumsum(weights)
    drawn: Ints = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    return np.minimum(drawn, len(weights) - 1)


def references(seed: int, purpose: str, numbers: Ints) -> npt.NDArray[np.uint8]:
    """Opaque references of 12 hex characters as bytes (n, 12), one to one with ``numbers`` (0 to 2**46 - 1).

    A keyed one-to-one mixing of 46 bits, so that 14 million references hold no duplicate. The sixth character
    is always a letter: no reference has a run of digits long enough to look like a phone or ID number.
    """
    mask = np.uint64(2**_REFERENCE_BITS - 1)
    rng = generator(seed, "references", purpose)
    mixed = numbers.astype(np.uint64) & mask
    for factor, offset in rng.integers(0, 2**_REFERENCE_BITS, size=(4, 2), dtype=np.uint64):
        mixed = (mixed * (factor | np.uint64(1)) + offset) & mask
        mixed ^= mixed >> np.uint64(23)
    text = np.empty((len(numbers), 12), dtype=np.uint8)
    for position in range(12):
        if position == 5:
            text[:, position] = _HEX[(mixed & np.uint64(3)) + np.uint64(10)]
            mixed >>= np.uint64(2)
        else:
            text[:, position] = _HEX[mixed & np.uint64(15)]
            mixed >>= np.uint64(4)
    return text


def as_text(prefix: str, characters: npt.NDArray[np.uint8]) -> list[str]:
    """The references as text with a prefix: ``R-`` and (n, 12) bytes give ``R-0123…``."""
    joined = characters.tobytes().decode("ascii")
    width = characters.shape[1]
    return [prefix + joined[begin : begin + width] for begin in range(0, len(joined), width)]


def numbered(names: pd.Series[str]) -> pd.Series[str]:
    """The names, the second and later ones of the same text with their number behind them: ``便利店2``."""
    count = names.groupby(names, sort=False).cumcount() + 1
    return names.where(count == 1, names + count.astype(str))
