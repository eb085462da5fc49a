"""3 规模适度: moderate size. Imports ``finding`` and below."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gridmap.crs import Floats
from gridmap.model import CELL_KINDS
from gridmap.redraw.principles.finding import Compared, Finding, Offender, Value


def moderate_size(given: Compared) -> Finding:
    """3 规模适度: households or workload per cell against the band of its kind, their spread, and compactness."""
    title, now, settings = "moderate size 规模适度", given.now, given.ground.city.principles
    compactness = 4 * np.pi * now.cells.area_m2 / now.cells.perimeter_m**2
    figures: dict[str, Value] = {
        "compactness_mean": float(compactness.mean()),
        "compactness_median": float(np.median(compactness)),
        "compactness_least": float(compactness.min()),
    }
    shape = set(figures)
    if now.size is None:
        return Finding("size", title, figures, not_measured=f"there are no {settings.size_of} of buildings")
    figures["measured_by"] = "households" if settings.size_of == "households" else settings.formula
    least, most = _bands(now.cells.kinds, settings.bands)
    inside = (now.size >= least) & (now.size <= most)
    figures |= {
        "cells_in_band": int(inside.sum()),
        "share_in_band": float(inside.mean()),
        "below_band": int((now.size < least).sum()),
        "above_band": int((now.size > most).sum()),
        "mean": float(now.size.mean()),
        "coefficient_of_variation": float(now.size.std() / now.size.mean()) if now.size.any() else None,
        "gini": gini(now.size),
    }
    for kind, (low, high) in settings.bands.items():
        own = now.cells.kinds == CELL_KINDS.index(kind)
        figures[f"band_{kind}"] = f"{low}–{high}"
        figures[f"share_in_band_{kind}"] = float(inside[own].mean()) if own.any() else None
    degrees = now.grid.index.degrees
    chosen = np.flatnonzero(~inside)
    if given.redrawn is not None:
        chosen = chosen[np.isin(chosen, given.redrawn.drawn)]
    offenders = tuple(
        Offender(
            now.grid.cells[at].code,
            "below the band" if now.size[at] < least[at] else "above the band",
            float(now.size[at]),
            degrees[at],
        )
        for at in chosen
    )
    return Finding(
        "size",
        title,
        figures,
        of_people=frozenset(figures.keys() - shape),
        offenders_of_people=True,
        offenders=offenders,
    )


def gini(values: Floats) -> float | None:
    """The Gini coefficient of n values of 0 or more; None when all are 0."""
    ordered = np.sort(values)
    total = ordered.sum()
    if not total:
        return None
    ranks = np.arange(1, len(ordered) + 1)
    return float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * total))


def _bands(
    kinds: NDArray[np.int8], bands: Mapping[str, tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the most of each cell's kind."""
    rows = np.array([bands[kind] for kind in CELL_KINDS], np.int64)[kinds]
    return rows[:, 0], rows[:, 1]
