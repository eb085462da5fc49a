"""Drafts: kept, shared, drawn by two, reviewed, certified and published, alone and over each other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import shapely
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions import draft_publish
from gridmap.actions.certifying import certify_draft, make_ready, on_base
from gridmap.actions.draft_edits import Edited, edit_draft, preview_edit, redo_edit, undo_edit
from gridmap.actions.draft_impact import draft_impact
from gridmap.actions.draft_publish import (
    Due,
    PublishedDraft,
    publish_draft,
    publish_due,
    recall_draft,
    schedule_draft,
)
from gridmap.actions.draft_review import (
    Remark,
    approve_draft,
    close_notice,
    comment_draft,
    find_notice,
    open_notice,
    resolve_remark,
    return_draft,
    submit_draft,
    waive_check,
)
from gridmap.actions.drafts import change_draft, create_draft, discard_draft, list_drafts, read_draft
from gridmap.actions.principles import measure
from gridmap.actions.verify import verify_city
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.errors import GridMapError, InvalidInput, NotAllowed, NotFound, RuleBroken, Stale
from gridmap.model import Actor
from gridmap.redraw.draft import Draft
from gridmap.redraw.principles.measured import after_change, measured
from gridmap.store.city import read_city, update_city
from gridmap.store.database import Database
from gridmap.store.drafts import read_edits
from gridmap.store.reviews import read_approvals, read_comments
from gridmap.store.snapshot import read_grid
from gridmap.store.upcoming import read_upcoming

PLANNER = Actor("planner", "planner", ("120101",))
OTHER = Actor("other", "planner", ("120101",))
APPROVER = Actor("approver", "approver", ("120101",))
PUBLISHER = Actor("publisher", "publisher", ("120000",))
STREET = "120101001"


def quiet(_: str) -> None:
    """No progress in tests."""


@pytest.fixture
def bench() -> Workbench:
    return Workbench()


@pytest.fixture
def city(heping_copy: Database) -> Grid:
    return grid_of(heping_copy)


def grid_of(database: Database) -> Grid:
    with database.begin(OPERATOR, long_work=True) as connection:
        return read_grid(connection, read_city(connection))


def pairs(grid: Grid) -> list[tuple[str, str]]:
    """Neighbours of one community, no cell twice, none next to another pair's, from all over the district."""
    found: list[tuple[str, str]] = []
    tree, used = shapely.STRtree(grid.index.degrees), set[int]()
    for at, cell in enumerate(grid.cells):
        near = tree.query(grid.index.degrees[at], predicate="intersects").tolist()
        if used & set(near):
            continue
        for other in near:
            same = other != at and grid.cells[other].community == cell.community
            if same and grid.index.degrees[at].relate_pattern(grid.index.degrees[other], "****1****"):
                around = tree.query(grid.index.degrees[other], predicate="intersects").tolist()
                if not used & set(around):
                    found.append((cell.code, grid.cells[other].code))
                    used |= {*near, *around}
                    break
    return found


def merge(pair: tuple[str, str]) -> dict[str, Any]:
    return {"op": "merge", "cells": list(pair)}


def rename(code: str, name: str) -> dict[str, Any]:
    return {"op": "change", "cell": code, "name": name}


def a_draft(database: Database, bench: Workbench, *edits: dict[str, Any], actor: Actor = PLANNER) -> int:
    number = create_draft(database, actor, "a draft").id
    for edit in edits:
        edit_draft(database, actor, bench, number, edit)
    return number


def waived(database: Database, bench: Workbench, number: int) -> None:
    """Submitted, and what a redraw of the demo's cells may lack waived."""
    submit_draft(database, PLANNER, bench, number)
    for check in ("size_band", "street_share", "staffed"):
        waive_check(database, PUBLISHER, number, check, "Li, planning office", "a test")


def published(database: Database, bench: Workbench, number: int) -> PublishedDraft:
    waived(database, bench, number)
    return publish_draft(database, PUBLISHER, bench, number)


def state_of(database: Database, number: int) -> Draft:
    with database.begin(OPERATOR) as connection:
        return read_draft(connection, OPERATOR, number)


def wkb(edited: Edited) -> dict[str, bytes]:
    return {code: cell.shape.wkb for code, cell in edited.plan.change().drawn.items()}


def test_a_draft_is_its_owners_and_whom_it_is_shared_with(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    number = a_draft(heping_copy, bench, merge(pairs(city)[0]))
    with heping_copy.begin(OPERATOR) as connection:
        for stranger in (OTHER, APPROVER, PUBLISHER):
            with pytest.raises(NotFound, match=f"no draft {number}"):
                read_draft(connection, stranger, number)
            assert list_drafts(connection, stranger) == []
        with pytest.raises(NotAllowed):
            read_draft(connection, Actor("c", "caseworker", ("120000",)), number)
    with pytest.raises(NotFound):
        change_draft(heping_copy, OTHER, number, "mine", None)
    assert change_draft(heping_copy, PLANNER, number, None, ["other"]).shared_with == ("other",)
    assert change_draft(heping_copy, OTHER, number, "renamed", None).name == "renamed"
    with pytest.raises(NotAllowed, match="only the owner"):
        change_draft(heping_copy, OTHER, number, None, [])
    edit_draft(heping_copy, OTHER, bench, number, merge(pairs(city)[1]))
    with pytest.raises(NotAllowed, match="only the owner"):
        discard_draft(heping_copy, OTHER, number)
    submit_draft(heping_copy, PLANNER, bench, number)
    with heping_copy.begin(OPERATOR) as connection:
        assert read_draft(connection, APPROVER, number).state == "submitted"
        assert [each.id for each in list_drafts(connection, PUBLISHER)] == [number]
        with pytest.raises(NotFound):
            read_draft(connection, replace(APPROVER, territories=("120102",)), number)
    assert discard_draft(heping_copy, PLANNER, number).state == "discarded"
    with pytest.raises(RuleBroken, match="discarded"):
        edit_draft(heping_copy, PLANNER, bench, number, merge(pairs(city)[2]))


def test_edits_replay_undo_and_redo_to_the_same_bytes(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    first, second = pairs(city)[:2]
    edits = [merge(first), {"op": "split_into", "cell": second[0], "parts": 3}, rename(second[1], "another")]
    number = a_draft(heping_copy, bench, *edits[:2])
    done = edit_draft(heping_copy, PLANNER, bench, number, edits[2])
    assert done.draft.version == 3
    for _ in range(3):
        undone = undo_edit(heping_copy, PLANNER, bench, number)
    assert wkb(undone) == {}
    # what only loses the vertices that the first edit gave it is not changed
    assert set(undone.step.drawn) == set(first)
    with pytest.raises(RuleBroken, match="no edit to undo"):
        undo_edit(heping_copy, PLANNER, bench, number)
    for _ in range(3):
        redone = redo_edit(heping_copy, PLANNER, bench, number)
    assert wkb(redone) == wkb(done)
    with pytest.raises(RuleBroken, match="no edit to redo"):
        redo_edit(heping_copy, PLANNER, bench, number)
    # households that are counted anew later change nothing of what was drawn
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE building SET households = 1 + element_id % 7 * 40"))
        again = Workbench().plan(connection, read_draft(connection, PLANNER, number))
    assert {code: cell.shape.wkb for code, cell in again.change().drawn.items()} == wkb(done)
    undo_edit(heping_copy, PLANNER, bench, number)
    edit_draft(heping_copy, PLANNER, bench, number, merge(pairs(city)[3]))
    with heping_copy.begin(OPERATOR) as connection:
        assert [(each.seq, each.meant["op"], each.undone) for each in read_edits(connection, number)] == [
            (1, "merge", False),
            (2, "split_into", False),
            (3, "merge", False),
        ]


def test_a_preview_records_nothing(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    number = a_draft(heping_copy, bench)
    with heping_copy.begin(PLANNER) as connection:
        shown = preview_edit(connection, PLANNER, bench, number, merge(pairs(city)[0]))
        assert len(shown.step.minted) == 1
        assert read_edits(connection, number) == []
    assert state_of(heping_copy, number).version == 0
    assert wkb(edit_draft(heping_copy, PLANNER, bench, number, merge(pairs(city)[0]))) == wkb(shown)


def test_two_who_draw_one_draft_do_not_overwrite_each_other(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    number = a_draft(heping_copy, bench)
    change_draft(heping_copy, PLANNER, number, None, ["other"])
    edit_draft(heping_copy, OTHER, Workbench(), number, merge(pairs(city)[0]), expects=0)
    with pytest.raises(Stale, match=r"at version 1, not 0.* merge by other"):
        edit_draft(heping_copy, PLANNER, bench, number, merge(pairs(city)[1]), expects=0)
    with pytest.raises(Stale):
        undo_edit(heping_copy, PLANNER, bench, number, expects=0)
    done = edit_draft(heping_copy, PLANNER, bench, number, merge(pairs(city)[1]), expects=1)
    assert (done.draft.version, len(done.plan.edits)) == (2, 2)


def test_a_planner_draws_in_his_territories_only(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    of_street = replace(PLANNER, territories=(STREET,))
    number = a_draft(heping_copy, bench, actor=of_street)
    inside = next(pair for pair in pairs(city) if pair[0].startswith(STREET))
    outside = next(pair for pair in pairs(city) if not pair[0].startswith(STREET))
    edit_draft(heping_copy, of_street, bench, number, merge(inside))
    with pytest.raises(NotAllowed, match="outside your territories"):
        edit_draft(heping_copy, of_street, bench, number, merge(outside))
    area = {"op": "change_area", "area": outside[0][:12], "name": "elsewhere"}
    with pytest.raises(NotAllowed, match="outside your territories"):
        edit_draft(heping_copy, of_street, bench, number, area)


def test_review(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    """Submitted, returned with comments pinned to places, submitted again, approved by who covers it."""
    number = a_draft(heping_copy, bench)
    with pytest.raises(RuleBroken, match="changes nothing"):
        submit_draft(heping_copy, PLANNER, bench, number)
    pair = pairs(city)[0]
    code = edit_draft(heping_copy, PLANNER, bench, number, merge(pair)).step.minted[0]
    submit_draft(heping_copy, PLANNER, bench, number)
    with pytest.raises(RuleBroken, match="submitted: it can be edited only while it is open, returned"):
        edit_draft(heping_copy, PLANNER, bench, number, merge(pairs(city)[1]))
    remark = Remark("the school stays with its street", (117.19, 39.11), code)
    return_draft(heping_copy, APPROVER, number, [remark])
    other = comment_draft(heping_copy, PLANNER, number, Remark("which school?"))
    resolve_remark(heping_copy, PLANNER, number, other)
    with pytest.raises(NotFound, match="no comment"):
        resolve_remark(heping_copy, PLANNER, number, other + 1)
    with heping_copy.begin(PLANNER) as connection:
        one, two = read_comments(connection, number)
    assert (one.text, one.point, one.cell, one.resolved_by) == (remark.text, remark.point, code, None)
    assert two.resolved_by == "planner"
    submit_draft(heping_copy, PLANNER, bench, number)
    with pytest.raises(NotAllowed):
        approve_draft(heping_copy, PLANNER, bench, number)
    assert approve_draft(heping_copy, APPROVER, bench, number).state == "approved"
    with heping_copy.begin(PLANNER) as connection:
        assert [(each.level, each.area) for each in read_approvals(connection, number)] == [("district", "120101")]
    assert return_draft(heping_copy, APPROVER, number, []).state == "returned"
    with heping_copy.begin(PLANNER) as connection:
        assert read_approvals(connection, number) == []


def test_a_city_may_ask_for_approval_at_its_levels(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        update_city(connection, replace(read_city(connection), approvals=("district", "street")))
    number = a_draft(heping_copy, bench, merge(pairs(city)[0]))
    street = pairs(city)[0][0][:9]
    waived(heping_copy, bench, number)
    with pytest.raises(RuleBroken, match=f"not approved by district 120101, street {street}"):
        publish_draft(heping_copy, PUBLISHER, bench, number)
    assert approve_draft(heping_copy, replace(APPROVER, territories=(street,)), bench, number).state == "submitted"
    with pytest.raises(InvalidInput, match="must be an area that draft"):
        approve_draft(heping_copy, APPROVER, bench, number, "120101099")
    assert approve_draft(heping_copy, APPROVER, bench, number).state == "approved"
    assert publish_draft(heping_copy, PUBLISHER, bench, number).published.revision.number == 2


def test_publishing_needs_the_certificate_and_waivers_end_with_the_next_edit(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    pair = pairs(city)[0]
    number = a_draft(heping_copy, bench, {"op": "split_into", "cell": pair[0], "parts": 4})
    submit_draft(heping_copy, PLANNER, bench, number)
    with pytest.raises(RuleBroken, match=r"does not pass: staffed \(.* has no post"):
        publish_draft(heping_copy, PUBLISHER, bench, number)
    assert grid_of(heping_copy).revision.number == 1
    for check in ("coverage", "outer_line", "nonsense"):
        with pytest.raises(InvalidInput, match="must be one that can be waived"):
            waive_check(heping_copy, PUBLISHER, number, check, "Li", "because")
    with pytest.raises(InvalidInput, match="reason"):
        waive_check(heping_copy, PUBLISHER, number, "staffed", "Li", "  ")
    for check in ("staffed", "size_band", "street_share"):
        waive_check(heping_copy, APPROVER, number, check, "Li", "hired in May")
    return_draft(heping_copy, APPROVER, number, [])
    edit_draft(heping_copy, PLANNER, bench, number, rename(pair[1], "another"))
    submit_draft(heping_copy, PLANNER, bench, number)
    with pytest.raises(RuleBroken, match="does not pass: staffed"):
        publish_draft(heping_copy, PUBLISHER, bench, number)
    for check in ("staffed", "size_band", "street_share"):
        waive_check(heping_copy, APPROVER, number, check, "Li", "hired in May")
    done = publish_draft(heping_copy, PUBLISHER, bench, number)
    assert (done.draft.state, done.draft.revision) == ("published", 2)
    with pytest.raises(RuleBroken, match="published"):
        publish_draft(heping_copy, PUBLISHER, bench, number)
    with heping_copy.begin(OPERATOR) as connection:
        kept = connection.execute(text("SELECT version, over, passed, checks FROM draft_certificate")).all()
    assert [tuple(row)[:3] for row in kept] == [(2, 1, True)]
    assert {each["check"]: each["result"] for each in kept[0].checks}["person_data"] == "pass"
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def test_disjoint_drafts_are_done_again_over_each_other(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    """Also when both would give out the same new codes: the later one gets others, its later edits name those."""
    community = next(
        code
        for code in city.areas
        if sum(cell.community == code for cell in city.cells) >= 4
        and len(code) == 12
        and len(_pairs_in(city, code)) >= 2
    )
    one, two = _pairs_in(city, community)[:2]
    early = a_draft(heping_copy, bench, merge(one))
    late = a_draft(heping_copy, bench, actor=OTHER)
    made = edit_draft(heping_copy, OTHER, bench, late, merge(two)).step.minted[0]
    edit_draft(heping_copy, OTHER, bench, late, rename(made, "late"))
    first = published(heping_copy, bench, early)
    (taken,) = [code for code in grid_of(heping_copy).by_code if code not in city.by_code]
    assert taken == made
    assert first.replayed_over == ()
    submit_draft(heping_copy, OTHER, bench, late)
    waive_check(heping_copy, PUBLISHER, late, "size_band", "Li", "a test")
    second = publish_draft(heping_copy, PUBLISHER, bench, late)
    assert second.replayed_over == (2,)
    assert set(second.recoded) == {made}
    now = grid_of(heping_copy)
    assert now.revision.number == 3
    assert now.cell(second.recoded[made]).name == "late"
    assert now.cell(taken).name != "late"
    assert set(one).isdisjoint(now.by_code)
    assert set(two).isdisjoint(now.by_code)
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def _pairs_in(grid: Grid, community: str) -> list[tuple[str, str]]:
    codes = [cell.code for cell in grid.cells if cell.community == community]
    found, used = list[tuple[str, str]](), set[str]()
    for at, code in enumerate(codes):
        for other in codes[at + 1 :]:
            shapes = [grid.index.degrees[grid.by_code[each]] for each in (code, other)]
            if not used & {code, other} and shapes[0].relate_pattern(shapes[1], "****1****"):
                found.append((code, other))
                used |= {code, other}
    return found


def test_overlapping_drafts_are_refused_with_both_changes(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    pair = pairs(city)[0]
    early, late = a_draft(heping_copy, bench, merge(pair)), a_draft(heping_copy, bench, rename(pair[1], "mine"))
    published(heping_copy, bench, early)
    waived(heping_copy, bench, late)
    with pytest.raises(Stale) as refused:
        publish_draft(heping_copy, PUBLISHER, bench, late)
    said = str(refused.value)
    assert said.startswith(
        f"{pair[1]}: changed by this draft, which is based on revision 1, and by revision 2 by pub"
    )
    assert f"which changed {min(pair)}, {max(pair)}" in said
    assert state_of(heping_copy, late).state == "submitted"
    assert grid_of(heping_copy).revision.number == 2


def test_persons_are_what_they_were_or_nothing_is_published(
    heping_copy: Database, bench: Workbench, city: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = a_draft(heping_copy, bench, merge(_populated(heping_copy, city)))
    waived(heping_copy, bench, number)
    write = draft_publish.write_revision

    def meddle(connection: Any, *rest: Any) -> Any:
        connection.execute(text("UPDATE element SET category = 'child' WHERE class = 'person'"))
        return write(connection, *rest)

    monkeypatch.setattr(draft_publish, "write_revision", meddle)
    with pytest.raises(RuleBroken, match="would break person_data"):
        publish_draft(heping_copy, PUBLISHER, bench, number)
    assert grid_of(heping_copy).revision.number == 1
    monkeypatch.undo()
    assert publish_draft(heping_copy, PUBLISHER, bench, number).published.revision.number == 2


def _populated(database: Database, grid: Grid) -> tuple[str, str]:
    query = text(
        "SELECT DISTINCT cell.code FROM cell JOIN element_placement AS placed ON placed.cell_id = cell.id "
        "JOIN element ON element.id = placed.element_id WHERE element.class = 'person'"
    )
    with database.begin(OPERATOR) as connection:
        codes = set(connection.execute(query).scalars())
    return next(pair for pair in pairs(grid) if codes & set(pair))


def test_a_scheduled_draft_is_published_when_it_is_due(
    heping_copy: Database, bench: Workbench, city: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = a_draft(heping_copy, bench, merge(pairs(city)[0]))
    waived(heping_copy, bench, number)
    with pytest.raises(InvalidInput, match="yet to come"):
        schedule_draft(heping_copy, PUBLISHER, bench, number, datetime.now(UTC))
    at = datetime.now(UTC) + timedelta(hours=1)
    assert schedule_draft(heping_copy, PUBLISHER, bench, number, at).state == "scheduled"
    with heping_copy.begin(OPERATOR) as connection:
        (upcoming,) = read_upcoming(connection)
    assert (upcoming.draft, upcoming.begins, upcoming.gone) == (number, at, frozenset(pairs(city)[0]))
    assert len(upcoming.codes) == 1
    assert publish_due(heping_copy, bench) == []
    recall_draft(heping_copy, PUBLISHER, number)
    with heping_copy.begin(OPERATOR) as connection:
        assert read_upcoming(connection) == ()
    schedule_draft(heping_copy, PUBLISHER, bench, number, at)
    _let_it_be_due(heping_copy, number)
    (due,) = publish_due(heping_copy, bench)
    assert (due.draft, due.revision, due.problem) == (number, 2, None)
    assert publish_due(heping_copy, bench) == []
    with heping_copy.begin(OPERATOR) as connection:
        assert read_upcoming(connection) == ()
        assert connection.execute(text("SELECT actor FROM revision WHERE number = 2")).scalar_one() == "publisher"


def test_two_servers_to_which_it_comes_due_at_once_publish_it_once(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    number = a_draft(heping_copy, bench, merge(pairs(city)[0]))
    waived(heping_copy, bench, number)
    schedule_draft(heping_copy, PUBLISHER, bench, number, datetime.now(UTC) + timedelta(hours=1))
    _let_it_be_due(heping_copy, number)
    servers = [Database(heping_copy.url), Database(heping_copy.url)]
    both = Barrier(2)

    def look(server: Database) -> list[Due]:
        both.wait()
        return publish_due(server, Workbench())

    with ThreadPoolExecutor(2) as pool:
        done = [due for each in pool.map(look, servers) for due in each]
    for server in servers:
        server.dispose()
    assert done == [Due(number, 2, None)]
    assert (state_of(heping_copy, number).state, grid_of(heping_copy).revision.number) == ("published", 2)


def _let_it_be_due(database: Database, number: int) -> None:
    with database.begin(OPERATOR) as connection:
        now = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(text("UPDATE draft SET publish_at = :now WHERE id = :id"), {"now": now, "id": number})


def test_a_scheduled_draft_that_is_stale_when_due_goes_back(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    pair = pairs(city)[0]
    late, early = a_draft(heping_copy, bench, rename(pair[0], "mine")), a_draft(heping_copy, bench, merge(pair))
    waived(heping_copy, bench, late)
    schedule_draft(heping_copy, PUBLISHER, bench, late, datetime.now(UTC) + timedelta(hours=1))
    published(heping_copy, bench, early)
    _let_it_be_due(heping_copy, late)
    (due,) = publish_due(heping_copy, bench)
    assert due.revision is None
    draft = state_of(heping_copy, late)
    assert (draft.state, draft.publish_at, draft.problem) == ("approved", None, due.problem)
    assert "based on revision 1" in (draft.problem or "")
    with heping_copy.begin(OPERATOR) as connection:
        assert read_upcoming(connection) == ()


def test_a_notice_shows_a_draft_by_its_link_only(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    number = a_draft(heping_copy, bench, merge(pairs(city)[0]))
    with pytest.raises(NotFound):
        open_notice(heping_copy, APPROVER, number)
    submit_draft(heping_copy, PLANNER, bench, number)
    token = open_notice(heping_copy, APPROVER, number)
    with heping_copy.begin(OPERATOR) as connection:
        assert find_notice(connection, token).id == number
        with pytest.raises(NotFound):
            find_notice(connection, token[:-1])
        stored = connection.execute(text("SELECT notice_sha256 FROM draft")).scalar_one()
        assert token not in stored
    close_notice(heping_copy, APPROVER, number)
    with heping_copy.begin(OPERATOR) as connection, pytest.raises(NotFound):
        find_notice(connection, token)


def test_a_draft_on_an_earlier_base_is_still_drawn_on_it(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    early, late = a_draft(heping_copy, bench, merge(pairs(city)[0])), a_draft(heping_copy, bench)
    published(heping_copy, bench, early)
    fresh: Callable[[], Workbench] = Workbench
    done = edit_draft(heping_copy, PLANNER, fresh(), late, merge(pairs(city)[1]))
    assert done.plan.base.grid.revision.number == 1
    assert set(pairs(city)[0]) <= done.plan.base.grid.by_code.keys()
    with heping_copy.begin(OPERATOR) as connection:
        ready = make_ready(connection, fresh(), done.draft)
        certificate = certify_draft(connection, fresh(), ready).certificate
    assert ready.replayed_over == (2,)
    assert not {"coverage", "nested", "outer_line", "exactly_one", "codes"} & set(certificate.failures)


def _at_once(*works: Callable[[], object]) -> list[object]:
    """What each gave or raised, when all begin together."""

    def done(work: Callable[[], object]) -> object:
        try:
            return work()
        except GridMapError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(done, works))


def test_who_publish_at_once_come_one_after_the_other(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    """Different cells are both published, the same draft is published once, the same cells are refused."""
    one, two, three = pairs(city)[:3]
    drafts = [a_draft(heping_copy, bench, merge(pair)) for pair in (one, two)]
    rivals = [a_draft(heping_copy, bench, rename(three[0], name)) for name in ("mine", "yours")]
    for number in (*drafts, *rivals):
        waived(heping_copy, bench, number)

    def work(number: int) -> Callable[[], object]:
        return lambda: publish_draft(heping_copy, PUBLISHER, Workbench(), number).published.revision.number

    found = _at_once(*(work(number) for number in (drafts[0], drafts[0], drafts[1])))
    assert sorted(each for each in found if isinstance(each, int)) == [2, 3]
    (refused,) = [each for each in found if not isinstance(each, int)]
    assert isinstance(refused, RuleBroken)
    assert "is published" in str(refused)
    found = _at_once(*(work(number) for number in rivals))
    assert [each for each in found if isinstance(each, int)] == [4]
    (stale,) = [each for each in found if not isinstance(each, int)]
    assert isinstance(stale, Stale)
    assert stale.conflicts[0][0] == three[0]
    assert verify_city(heping_copy, OPERATOR, quiet).faults == []


def test_who_edit_at_once_do_not_overwrite_each_other(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    number = a_draft(heping_copy, bench)
    change_draft(heping_copy, PLANNER, number, None, ["other"])
    choices = list(zip((PLANNER, OTHER) * 3, pairs(city), strict=False))[:6]

    def work(actor: Actor, pair: tuple[str, str]) -> Callable[[], object]:
        return lambda: edit_draft(heping_copy, actor, bench, number, merge(pair), expects=0).draft.version

    found = _at_once(*(work(actor, pair) for actor, pair in choices))
    assert [each for each in found if isinstance(each, int)] == [1]
    assert all(isinstance(each, Stale) for each in found if not isinstance(each, int))
    with heping_copy.begin(OPERATOR) as connection:
        assert len(read_edits(connection, number)) == 1
        again = Workbench().plan(connection, read_draft(connection, PLANNER, number))
        kept = bench.plan(connection, read_draft(connection, PLANNER, number))
    assert again.change() == kept.change()


def test_posts_go_where_the_draft_says(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    """A split's posts to its smaller part; undone they go to the larger; what is no post is refused."""
    old = _populated(heping_copy, city)[0]
    number = a_draft(heping_copy, bench, {"op": "split_into", "cell": old, "parts": 2, "along_streets": False})
    with heping_copy.begin(OPERATOR) as connection:
        plan = bench.plan(connection, read_draft(connection, PLANNER, number))
        heirs = sorted(plan.state.cells.keys() - {old}, key=lambda code: plan.state.cell(code).shape.area)
        heirs = [code for code in heirs if code not in city.by_code]
        posts = list(
            connection.execute(text("SELECT code FROM post WHERE territory = :old"), {"old": old}).scalars()
        )
    smaller, larger = heirs
    for moves, says in (
        ({old: "120101999999999"}, "must be a cell or area of this draft"),
        ({old: old}, "must be a cell or area of this draft"),
        ({old: old[:12]}, "must be a cell"),
        ({next(cell.code for cell in city.cells if cell.code != old): smaller}, "goes on"),
        ({"no-such-post": smaller}, "no-such-post"),
    ):
        with pytest.raises(InvalidInput, match=says):
            edit_draft(heping_copy, PLANNER, bench, number, {"op": "posts", "moves": moves})
    said = {"op": "posts", "moves": {old: smaller, posts[0]: larger}}
    assert f"posts of {old} go to {smaller}" in edit_draft(heping_copy, PLANNER, bench, number, said).step.notes
    assert unstaffed_of(heping_copy, number) == ([] if len(posts) > 1 else [smaller])
    undo_edit(heping_copy, PLANNER, bench, number)
    assert unstaffed_of(heping_copy, number) == [smaller]
    redo_edit(heping_copy, PLANNER, bench, number)
    done = published(heping_copy, Workbench(), number)
    assert done.published.posts == {post: larger if post == posts[0] else smaller for post in posts}
    with heping_copy.begin(OPERATOR) as connection:
        now = text("SELECT territory FROM post WHERE code = :code AND upper_inf(valid) AND upper_inf(recorded)")
        assert connection.execute(now, {"code": posts[0]}).scalar_one() == larger


def unstaffed_of(database: Database, number: int) -> list[str]:
    """By the certificate, replayed from what is recorded."""
    bench = Workbench()
    with database.begin(OPERATOR) as connection:
        ready = make_ready(connection, bench, read_draft(connection, OPERATOR, number))
        results = {each.key: each for each in certify_draft(connection, bench, ready).certificate.results}
    assert results["posts"].result == "pass"
    return [each.code for each in results["staffed"].finding.offenders]


def test_a_place_that_should_take_posts_over_may_not_end(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    one = pairs(city)[0]
    number = a_draft(heping_copy, bench, {"op": "split_into", "cell": one[0], "parts": 2})
    with heping_copy.begin(OPERATOR) as connection:
        part = bench.plan(connection, read_draft(connection, PLANNER, number)).step.minted[1]
    edit_draft(heping_copy, PLANNER, bench, number, {"op": "posts", "moves": {one[0]: part}})
    edit_draft(heping_copy, PLANNER, bench, number, {"op": "split_into", "cell": part, "parts": 2})
    waived(heping_copy, bench, number)
    with pytest.raises(RuleBroken, match=rf"does not pass: posts \(.*{part}"):
        publish_draft(heping_copy, PUBLISHER, bench, number)


def test_posts_follow_codes_that_are_given_out_anew(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    """Two drafts give out the same codes; the later one's posts go to the places that it meant."""
    community = next(code for code in city.areas if len(code) == 12 and len(_pairs_in(city, code)) >= 2)
    one, two = _pairs_in(city, community)[:2]
    early = a_draft(heping_copy, bench, {"op": "split_into", "cell": one[0], "parts": 2})
    late = a_draft(heping_copy, bench)
    made = edit_draft(heping_copy, PLANNER, bench, late, {"op": "split_into", "cell": two[0], "parts": 2})
    to = made.step.minted[1]
    edit_draft(heping_copy, PLANNER, bench, late, {"op": "posts", "moves": {two[0]: to}})
    published(heping_copy, bench, early)
    done = published(heping_copy, bench, late)
    assert done.recoded[to] != to
    assert set(done.published.posts.values()) == {done.recoded[to]}


def test_a_reason_is_kept_and_becomes_the_note(heping_copy: Database, bench: Workbench, city: Grid) -> None:
    number = create_draft(heping_copy, PLANNER, "two merged", reason=" a new school ").id
    assert state_of(heping_copy, number).reason == "a new school"
    edit_draft(heping_copy, PLANNER, bench, number, merge(pairs(city)[0]))
    assert change_draft(heping_copy, PLANNER, number, None, None, "the school has opened").name == "two merged"
    with pytest.raises(InvalidInput, match="reason"):
        change_draft(heping_copy, PLANNER, number, None, None, "x" * 1001)
    assert published(heping_copy, bench, number).published.revision.note == "the school has opened"
    with pytest.raises(RuleBroken, match="its reason stays"):
        change_draft(heping_copy, PLANNER, number, None, None, "another")


def test_a_new_community_is_measured_by_the_outline_that_it_draws(
    heping_copy: Database, bench: Workbench, city: Grid
) -> None:
    """Without outlines from outside: what says that it changes communities crosses none, all else is told."""
    one, other = _across(city)
    street = one[:9]
    new = street + "099"
    number = a_draft(
        heping_copy,
        bench,
        {"op": "create_area", "code": new, "name": "新区社区", "parent": street, "members": [one, other]},
    )
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        made = bench.plan(connection, read_draft(connection, PLANNER, number)).step.minted
    edit_draft(heping_copy, PLANNER, bench, number, {"op": "merge", "cells": list(made)})
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        draft, found = draft_impact(connection, OPERATOR, bench, number)
        plan = bench.plan(connection, draft)
        base = bench.measured(connection, plan.base)
        unmeant = measured(after_change(base.numbers, on_base(plan), base.ground))
    assert found.principles is not None
    territory = found.principles.after[0]
    assert (territory.key, territory.passes, territory.figures["crossing_cells"]) == ("territory", True, 0)
    assert new in str(territory.figures["outlines"])
    # measured against what was there before, it would say that a cell crosses
    assert unmeant[0].figures["crossing_cells"] == 1
    done = published(heping_copy, bench, number)
    assert done.published.revision.number == 2
    after = measure(heping_copy, OPERATOR, 2).findings[0]
    assert (after.passes, after.figures["crossing_cells"]) == (True, 0)


def _across(grid: Grid) -> tuple[str, str]:
    """Two neighbours of different communities in one street, which both keep other cells."""
    tree = shapely.STRtree(grid.index.degrees)
    for at, cell in enumerate(grid.cells):
        for other in tree.query(grid.index.degrees[at], predicate="intersects").tolist():
            there = grid.cells[other]
            near = cell.community != there.community and cell.community[:9] == there.community[:9]
            if near and grid.index.degrees[at].relate_pattern(grid.index.degrees[other], "****1****"):
                return cell.code, there.code
    raise AssertionError("no two communities touch")
