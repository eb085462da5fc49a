"""Proposals as answers: pure shaping of what the action returns."""

from __future__ import annotations

from dataclasses import asdict

from api import drafts as shape
from api.schemas.proposals import FiguresOut, HeadlineOut, ProposalOut, ProposalsOut
from api.schemas.registry import FeatureCollection
from gridmap.actions.proposals import Proposed, headline
from gridmap.redraw.change import DrawnCell
from gridmap.redraw.plan import Plan
from gridmap.redraw.proposing.figures import Figures
from gridmap.redraw.proposing.proposals import Proposal


def proposed(result: Proposed, crs: str) -> ProposalsOut:
    """The proposals, their cells in a crs; the edits stay in WGS 84, as they would be recorded."""
    rows = zip(result.found.proposals, result.plans, result.plan_principles, strict=True)
    return ProposalsOut(
        draft=result.draft.id,
        base=result.draft.base,
        version=result.draft.version,
        area=result.found.area,
        now=_figures(result.found.present),
        principles=HeadlineOut(**headline(result.principles)),
        proposals=[
            ProposalOut(
                number=number,
                why=one.why,
                figures=_figures(one.figures),
                principles=HeadlineOut(**headline(findings)),
                cells=_cells(result.plan, after, one, crs),
                edits=one.edits,
            )
            for number, (one, after, findings) in enumerate(rows, start=1)
        ],
        notes=list(result.found.notes),
    )


def _figures(figures: Figures) -> FiguresOut:
    """What rests on households is coarse: a share of few cells tells no count."""
    values = asdict(figures)
    for name in ("share_in_band", "spread"):
        values[name] = None if values[name] is None else round(values[name], 2)
    return FiguresOut(**values)


def _cells(before: Plan, after: Plan, one: Proposal, crs: str) -> FeatureCollection:
    codes = [code for each in one.divisions for code in after.state.cells_of(each.community)]

    def told(code: str, cell: DrawnCell) -> str:
        known = before.state.find(code)
        if known is None:
            return "new"
        return "as now" if known.shape.equals(cell.shape) else "changed"

    return shape.cells(after, {code: after.state.cell(code) for code in codes}, crs, told)
