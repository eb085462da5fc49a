"""Classes of values for the colours of a picture. Imports its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmap.heatmap.answer import Heatmap

NO_FILL = "none"

# Seven steps from light to dark, apart by lightness alone too; and seven from blue through grey to red.
_RAMP = ("#fff3c9", "#fdd98a", "#fbb350", "#f2842b", "#d9551c", "#ac3214", "#6e1a0e")
_CHANGE = ("#2c5f9e", "#6f9fd0", "#bdd4ea", "#e4e4e4", "#f4c6b0", "#e08a68", "#b23a2e")


# Below which share of the rows the classes begin: finer towards the top, where counts are spread widest.
_SHARES = (0.0, 0.25, 0.5, 0.7, 0.85, 0.94, 0.985)


@dataclass(frozen=True)
class Classes:
    """For each row, by number, a class with its colour and its label; what cannot be measured has no fill."""

    measure: str
    numbers: NDArray[np.int64]
    colours: tuple[str, ...]
    labels: tuple[str, ...]


def classes_of(heatmap: Heatmap) -> Classes:
    """Classes by shares of the rows; of changes as many down as up, by powers of the largest."""
    changes = heatmap.changes
    if changes is not None:
        return _changes(changes.astype(np.float64))
    if heatmap.values is not None:
        return _steps(heatmap.question.measure, heatmap.values, whole=False)
    return _steps("count", heatmap.counts.astype(np.float64), whole=True)


def _steps(measure: str, values: NDArray[np.float64], *, whole: bool) -> Classes:
    measured = values[np.isfinite(values)]
    if not len(measured):
        return Classes(measure, np.zeros(len(values), np.int64), (NO_FILL,), ("",))
    quantiles = np.quantile(measured, _SHARES)
    begins = np.unique(np.floor(quantiles) if whole else quantiles)
    numbers = np.searchsorted(begins, values, side="right") - 1
    numbers[~np.isfinite(values)] = len(begins)
    ends = [*begins[1:].tolist(), float(measured.max())]
    labels = [
        _range(begin, end, whole=whole, last=i == len(begins) - 1)
        for i, (begin, end) in enumerate(zip(begins.tolist(), ends, strict=True))
    ]
    chosen = np.linspace(0, len(_RAMP) - 1, len(begins)).round().astype(int) if len(begins) > 1 else [3]
    return Classes(measure, numbers, (*(_RAMP[i] for i in chosen), NO_FILL), (*labels, ""))


def _range(begin: float, end: float, *, whole: bool, last: bool) -> str:
    if not whole:
        return f"{begin:,.4g} – {end:,.4g}"
    highest = int(end) if last else int(end) - 1
    return f"{int(begin):,}" if highest <= begin else f"{int(begin):,} – {highest:,}"


def _changes(values: NDArray[np.float64]) -> Classes:
    largest = max(1.0, float(np.abs(values).max(initial=1.0)))
    # a third and two thirds of the way to the largest on a scale of powers, since few changes are large
    inner = np.unique(np.ceil(largest ** np.array([0.0, 1 / 3, 2 / 3])))
    numbers = np.where(values > 0, np.searchsorted(inner, values, side="right"), 0)
    numbers = np.where(values < 0, -np.searchsorted(inner, -values, side="right"), numbers) + len(inner)
    middle = len(_CHANGE) // 2
    colours = _CHANGE[middle - len(inner) : middle + len(inner) + 1]
    labels = [_change_label(number, inner, largest) for number in range(-len(inner), len(inner) + 1)]
    return Classes("change", numbers.astype(np.int64), tuple(colours), tuple(labels))


def _change_label(number: int, inner: NDArray[np.float64], largest: float) -> str:
    if number == 0:
        return "0"
    step = abs(number)
    sign = "+" if number > 0 else "−"
    first = int(inner[step - 1])
    last = int(inner[step]) - 1 if step < len(inner) else int(largest)
    return f"{sign}{first:,}" if last <= first else f"{sign}{first:,} … {sign}{last:,}"
