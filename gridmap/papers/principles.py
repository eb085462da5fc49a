"""The five principles as rows of a dossier: figures before and after, side by side. Imports its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from gridmap.papers.dossier import Measure
from gridmap.papers.figures_of_principles import FIGURES, NOT_COMPARED
from gridmap.redraw.principles.finding import Finding, Value

# Gap and spill of a revision are against the outline from outside, those of a draft against its base: no pair.
_AGAINST_AN_OUTLINE = ("gap_m2", "spill_m2")


def measures_of(before: Sequence[Finding], after: Sequence[Finding], *, told: bool) -> list[Measure]:
    """The rows; ``told`` False: households of some step are hidden, and no figure that rests on them is exact."""
    known = {finding.key: finding for finding in before}
    rows = []
    for finding in after:
        was = known[finding.key]
        shown = [name for name in FIGURES[finding.key] if name in finding.figures or name in was.figures]
        for name in shown:
            hide = not told and name in finding.of_people | was.of_people
            old, new = (_coarse(each.figures.get(name), hide=hide) for each in (was, finding))
            if name in _AGAINST_AN_OUTLINE and was.figures.get("outline") != finding.figures.get("outline"):
                old = NOT_COMPARED
            rows.append(Measure(finding.key, name, old, new, finding.passes))
        if not shown:
            rows.append(Measure(finding.key, "", None, None, finding.passes))
    return rows


def _coarse(value: Value, *, hide: bool) -> Value:
    """A count that rests on hidden ones is not told, a mean or share to two digits only."""
    if not hide or isinstance(value, str):
        return value
    return round(value, 2) if isinstance(value, float) else None
