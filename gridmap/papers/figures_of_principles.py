"""Which figures of the five principles a dossier shows, and how. Imports ``words``."""

from __future__ import annotations

from gridmap.papers.words import Words
from gridmap.redraw.principles.finding import Value

# In place of a figure that measures something else than the one beside it.
NOT_COMPARED = "not compared"

# The figures that a dossier shows of each principle, and how: as a share, a count, m², or a plain number.
FIGURES: dict[str, dict[str, str]] = {
    "territory": {"nested_cells": "count", "crossing_cells": "count", "least_nest": "share"},
    "streets": {
        "share_15_m": "share", "random_share_15_m": "share", "share_5_m": "share", "share_30_m": "share",
    },
    "size": {
        "share_in_band": "share", "below_band": "count", "above_band": "count", "mean": "tenth", "gini": "number",
        "compactness_mean": "number",
    },
    "seamless": {"gap_m2": "m2", "overlap_m2": "m2", "spill_m2": "m2", "slivers": "count"},
    "fixed": {
        "jaccard": "share", "area_share_that_changed_cell": "share", "household_share_that_changed_cell": "share",
        "changes_per_cell_12_months": "number",
    },
}  # fmt: skip


def shown_figure(principle: str, name: str, value: Value, words: Words) -> str:
    """A figure as text."""
    if value == NOT_COMPARED:
        return words["not_compared"]
    if value is None or isinstance(value, str):
        return value or words["not_measured"]
    form = FIGURES[principle].get(name, "number")
    if form == "share":
        return f"{value:.2%}"
    if form == "m2":
        return f"{value:,.1f} m²"
    if form == "tenth":
        return f"{value:,.1f}"
    return f"{value:,}" if form == "count" else f"{value:,.3f}"
