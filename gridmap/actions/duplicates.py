"""Which ids of a load have come before: 128 keyed bits of each id and where it stood, 24 octets a row."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_Hashes = NDArray[np.uint64]
_LINE_BITS = 40


@dataclass(frozen=True)
class _Run:
    """Ids that have come, sorted by the first half of their hash."""

    first: _Hashes
    second: _Hashes
    stood: NDArray[np.int64]


class SeenIds:
    """The ids of one source that a load has met. Ids within a batch differ.

    Runs are merged when two have about the same size, so that there are few of them, whatever the number of rows.
    """

    def __init__(self) -> None:
        self._keys = (secrets.token_hex(8), secrets.token_hex(8))
        self._files: list[str] = []
        self._runs: list[_Run] = []

    def meet(self, file: str, ids: pd.Series, lines: NDArray[np.int64]) -> dict[int, tuple[str, int]]:
        """Remember a batch; gives for each position whose id came in an earlier batch where it stood first."""
        values = ids.to_numpy(dtype=object)
        first, second = (pd.util.hash_array(values, hash_key=key, categorize=False) for key in self._keys)
        order = np.argsort(first)
        first, second = first[order], second[order]
        repeated: dict[int, tuple[str, int]] = {}
        fresh = np.ones(len(first), bool)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run.first, first), len(run.first) - 1)
            for row in np.flatnonzero((run.first[at] == first) & (run.second[at] == second)):
                number, line = divmod(int(run.stood[at[row]]), 1 << _LINE_BITS)
                repeated[int(order[row])] = (self._files[number], line)
                fresh[row] = False
        if not self._files or self._files[-1] != file:
            self._files.append(file)
        stood = ((len(self._files) - 1) << _LINE_BITS) + lines[order]
        self._add(_Run(first[fresh], second[fresh], stood[fresh]))
        return repeated

    def _add(self, run: _Run) -> None:
        if not len(run.first):
            return
        while self._runs and len(self._runs[-1].first) < 2 * len(run.first):
            before = self._runs.pop()
            first = np.concatenate([before.first, run.first])
            order = np.argsort(first, kind="stable")
            second = np.concatenate([before.second, run.second])[order]
            run = _Run(first[order], second, np.concatenate([before.stood, run.stood])[order])
        self._runs.append(run)
