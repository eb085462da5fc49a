"""Proposals on Heping: the same for the same wish, taken as ordinary edits, for planners of the territory only."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions import proposals
from gridmap.actions.draft_edits import undo_edit
from gridmap.actions.draft_impact import draft_impact
from gridmap.actions.drafts import create_draft
from gridmap.actions.proposals import Wanted, headline, propose, take_proposal
from gridmap.actions.workbench import Workbench
from gridmap.errors import InvalidInput, NotAllowed, NotFound, RuleBroken, Stale, Unavailable
from gridmap.model import Actor
from gridmap.redraw.draft import Draft
from gridmap.store.database import Database

PLANNER = Actor("planner", "planner", ("120101",))
COMMUNITY, OTHER = "120101001001", "120101001002"


@pytest.fixture
def draft(heping_copy: Database) -> Draft:
    return create_draft(heping_copy, PLANNER, "drawn anew")


def edits_of(found: proposals.Proposed) -> list[list[dict[str, object]]]:
    return [one.edits for one in found.found.proposals]


def test_proposals_are_the_same_again_and_one_is_taken_and_taken_back(heping_copy: Database, draft: Draft) -> None:
    bench, wanted = Workbench(), Wanted(COMMUNITY)
    found = propose(heping_copy, PLANNER, bench, draft.id, wanted)
    assert edits_of(propose(heping_copy, PLANNER, Workbench(), draft.id, wanted)) == edits_of(found)
    assert 1 <= len(found.found.proposals) <= wanted.count
    with heping_copy.begin(OPERATOR) as connection:
        assert connection.execute(text("SELECT count(*) FROM draft_edit")).scalar_one() == 0
    done = take_proposal(heping_copy, PLANNER, bench, found, 1)
    assert done[-1].plan.state.cells_of(COMMUNITY) == found.plans[0].state.cells_of(COMMUNITY)
    with heping_copy.begin(PLANNER) as connection:
        _, shown = draft_impact(connection, PLANNER, bench, draft.id)
    assert shown.principles is not None
    told = headline(shown.principles.after)
    # what rests on households is coarse in both
    assert told == headline(found.plan_principles[0])
    assert (told["crossing_cells"], told["gap_m2"], told["overlap_m2"]) == (0, 0.0, 0.0)
    with pytest.raises(Stale):
        take_proposal(heping_copy, PLANNER, bench, found, 1)
    with pytest.raises(NotFound):
        take_proposal(heping_copy, PLANNER, bench, found, 9)
    undone = undo_edit(heping_copy, PLANNER, bench, draft.id)
    assert undone.plan.state.cells_of(COMMUNITY) == found.plan.state.cells_of(COMMUNITY)
    again = propose(heping_copy, PLANNER, bench, draft.id, wanted)
    assert edits_of(again) == edits_of(found)


def test_by_workload_with_a_locked_cell(heping_copy: Database, draft: Draft) -> None:
    bench = Workbench()
    locked = COMMUNITY + "001"
    wanted = Wanted(COMMUNITY, band=(300.0, 1200.0), weigh_by="workload", locked=(locked,), count=2)
    found = propose(heping_copy, PLANNER, bench, draft.id, wanted)
    assert found.found.proposals
    before = found.plan.state
    for one, after in zip(found.found.proposals, found.plans, strict=True):
        assert after.state.cell(locked).shape.equals(before.cell(locked).shape)
        assert len(after.state.cells_of(COMMUNITY)) == one.figures.cells + 1
    by_households = propose(heping_copy, PLANNER, bench, draft.id, Wanted(COMMUNITY, locked=(locked,), count=2))
    assert by_households.found.present.spread != found.found.present.spread


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Wanted("120199"), NotFound),
        (Wanted(COMMUNITY, parts=0), InvalidInput),
        (Wanted(COMMUNITY, parts=999), InvalidInput),
        (Wanted(COMMUNITY, band=(500.0, 150.0)), InvalidInput),
        (Wanted(COMMUNITY, band=(0.0, 0.0)), InvalidInput),
        (Wanted(COMMUNITY, weigh_by="cars"), InvalidInput),
        (Wanted(COMMUNITY, locked=(OTHER + "001",)), InvalidInput),
        (Wanted("120101"), InvalidInput),
    ],
    ids=[
        "unknown",
        "no parts",
        "more than blocks",
        "band",
        "no band",
        "weight",
        "another's cell",
        "too many communities",
    ],
)
def test_what_cannot_be_is_said(
    heping_copy: Database, draft: Draft, wanted: Wanted, error: type[Exception]
) -> None:
    with pytest.raises(error):
        propose(heping_copy, PLANNER, Workbench(), draft.id, wanted)


def test_only_planners_of_the_territory_and_one_at_a_time(heping_copy: Database) -> None:
    viewer, elsewhere = Actor("planner", "viewer", ("120101",)), Actor("planner", "planner", (OTHER,))
    number = create_draft(heping_copy, elsewhere, "drawn anew").id
    for actor in (elsewhere, viewer):
        with pytest.raises(NotAllowed):
            propose(heping_copy, actor, Workbench(), number, Wanted(COMMUNITY))
    with proposals._working, pytest.raises(Unavailable):
        propose(heping_copy, elsewhere, Workbench(), number, Wanted(OTHER))
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE draft SET state = 'submitted'"))
    with pytest.raises(RuleBroken):
        propose(heping_copy, elsewhere, Workbench(), number, Wanted(OTHER))
