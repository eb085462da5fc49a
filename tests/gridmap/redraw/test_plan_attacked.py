"""Random edits, undone, redone and replayed: law 2, the outer line and codes hold after each, to the byte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gridmap.errors import RuleBroken
from gridmap.redraw.change import redrawn
from gridmap.redraw.edits import to_json
from gridmap.redraw.plan import Plan, replay
from gridmap.redraw.rebase import rebased
from gridmap.redraw.state import Base
from tests.gridmap.redraw.attack import (
    apply,
    assert_codes,
    assert_index_as_fresh,
    assert_law_2,
    bytes_of,
    cells_of,
    communities_of,
    random_edit,
)
from tests.gridmap.redraw.grids import GRIDS, REVISION

ROOT = Path(__file__).parents[3]

BASES = {name: make() for name, make in GRIDS.items()}


class Redraws(RuleBasedStateMachine):
    """A planner who edits, undoes and redoes."""

    @initialize(name=st.sampled_from(sorted(BASES)))
    def start(self, name: str) -> None:
        self.base = BASES[name]
        self.plan = Plan.on(self.base)
        self.first = shapely.coverage_union_all(self.base.grid.index.degrees)
        self.behind: list[dict[str, object]] = [bytes_of(self.plan)]
        self.ahead: list[dict[str, object]] = []

    @rule(seed=st.integers(0, 2**32 - 1))
    def edit(self, seed: int) -> None:
        given = random_edit(self.plan, np.random.default_rng(seed))
        was = bytes_of(self.plan)
        after = apply(self.plan, given)
        assert bytes_of(self.plan) == was
        if not isinstance(after, Plan):
            return
        assert_codes(after, set(self.base.used) | self.plan.state.spent())
        if not given.get("across") and "community" not in given:
            before, now = communities_of(self.plan), communities_of(after)
            assert before.keys() == now.keys()
            assert all(abs(before[code] - now[code]) <= 1e-9 * before[code] for code in before)
        self.plan = after
        self.behind.append(bytes_of(after))
        self.ahead = []

    @precondition(lambda self: len(self.behind) > 1)
    @rule()
    def undo(self) -> None:
        self.ahead.append(self.behind.pop())
        self.plan = self.plan.undo()
        assert bytes_of(self.plan) == self.behind[-1]

    @precondition(lambda self: self.ahead)
    @rule()
    def redo(self) -> None:
        self.plan = self.plan.redo()
        self.behind.append(self.ahead.pop())
        assert bytes_of(self.plan) == self.behind[-1]

    @invariant()
    def law_2(self) -> None:
        if hasattr(self, "plan"):
            assert_law_2(self.plan, self.first)

    def teardown(self) -> None:
        if hasattr(self, "plan"):
            assert bytes_of(replay(self.base, self.plan.edits)) == self.behind[-1]
            assert_index_as_fresh(self.base, self.plan, np.random.default_rng(1))


Redraws.TestCase.settings = settings(
    max_examples=10, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRedraws = Redraws.TestCase


def redraw_often(base: Base, times: int, seed: int, look_every: int = 1) -> Plan:
    """Random edits, all looked at; returns the plan."""
    rng = np.random.default_rng(seed)
    plan, ever = Plan.on(base), set(base.used)
    first = shapely.coverage_union_all(base.grid.index.degrees)
    for turn in range(times):
        after = apply(plan, random_edit(plan, rng))
        if isinstance(after, Plan):
            plan = after
            assert_codes(plan, ever)
            if turn % look_every == 0:
                assert_law_2(plan, first)
    assert_law_2(plan, first)
    assert len(plan.edits) > times / 4
    return plan


def assert_published_as_fresh(base: Base, plan: Plan) -> None:
    """``redrawn`` takes the change, and its index equals one that is made from nothing."""
    change = plan.change()
    new = sorted(code for code in change.drawn if code not in base.grid.by_code)
    ids = range(len(base.grid.cells) + 1, len(base.grid.cells) + 1 + len(new))
    result = redrawn(base.grid, change, REVISION, list(ids))
    assert [cell.code for cell in result.grid.cells] == list(cells_of(plan))
    assert_index_as_fresh(base, plan, np.random.default_rng(3))


def test_redraws_of_heping(heping_base: Base) -> None:
    plan = redraw_often(heping_base, 60, 11, look_every=10)
    assert_published_as_fresh(heping_base, plan)
    assert bytes_of(replay(heping_base, plan.edits)) == bytes_of(plan)


@pytest.mark.soak
@pytest.mark.parametrize("name", GRIDS)
def test_thousands_of_redraws_of_small_grids(name: str) -> None:
    for seed in range(3):
        plan = redraw_often(BASES[name], 1_000, seed)
        assert_published_as_fresh(BASES[name], plan)
        assert bytes_of(replay(BASES[name], plan.edits)) == bytes_of(plan)


@pytest.mark.soak
def test_thousands_of_redraws_of_heping(heping_base: Base) -> None:
    plan = redraw_often(heping_base, 3_000, 1, look_every=25)
    assert_published_as_fresh(heping_base, plan)
    assert bytes_of(replay(heping_base, plan.edits)) == bytes_of(plan)


@pytest.mark.soak
def test_hundreds_of_redraws_of_the_whole_city(tianjin_base: Base) -> None:
    plan = redraw_often(tianjin_base, 600, 7, look_every=100)
    assert_published_as_fresh(tianjin_base, plan)
    assert bytes_of(replay(tianjin_base, plan.edits)) == bytes_of(plan)


_IN_ANOTHER_PROCESS = """
import hashlib, json, sys
from gridmap.redraw.edits import parse
from gridmap.redraw.plan import replay
from tests.gridmap.redraw.attack import bytes_of
from tests.gridmap.redraw.grids import crooked
plan = replay(crooked(), [parse(edit) for edit in json.load(sys.stdin)])
print(hashlib.sha256(repr(sorted(bytes_of(plan)["cells"].items())).encode()).hexdigest())
"""


def test_a_replay_in_other_processes_gives_the_same_bytes() -> None:
    """Text hashes differently in each, so an order that depended on it would show."""
    plan = redraw_often(BASES["crooked"], 40, 4)
    edits = json.dumps([to_json(edit) for edit in plan.edits])
    digests = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", _IN_ANOTHER_PROCESS],
            input=edits,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
        )
        digests.add(run.stdout)
    assert len(digests) == 1


def test_undo_and_redo_end_where_there_is_nothing() -> None:
    plan = Plan.on(BASES["crooked"])
    with pytest.raises(RuleBroken, match="no edit to undo"):
        plan.undo()
    with pytest.raises(RuleBroken, match="no edit to redo"):
        plan.redo()


def test_an_edit_forgets_what_was_undone() -> None:
    codes = list(BASES["crooked"].grid.by_code)
    change = {"op": "change", "cell": codes[0], "name": "one"}
    one = apply(Plan.on(BASES["crooked"]), change)
    assert isinstance(one, Plan)
    other = apply(one.undo(), {**change, "name": "two"})
    assert isinstance(other, Plan)
    with pytest.raises(RuleBroken, match="no edit to redo"):
        other.redo()
    with pytest.raises(RuleBroken, match="no edit to redo"):
        other.undo().redo().redo()


def test_on_another_base_later_edits_mean_the_codes_that_earlier_ones_gave_out() -> None:
    base = BASES["rectilinear"]
    code = base.grid.cells[0].code
    plan = apply(Plan.on(base), {"op": "split_into", "cell": code, "parts": 2})
    assert isinstance(plan, Plan)
    named = apply(plan, {"op": "change", "cell": plan.step.minted[0], "name": "the western half"})
    assert isinstance(named, Plan)
    used = {*base.used, *plan.step.minted}
    other = rebased(named, Base(base.grid, base.city, used_codes=used), [None, None]).plan
    fresh = [
        code for code, cell in other.state.cells.items() if cell is not None and cell.name == "the western half"
    ]
    assert len(fresh) == 1
    assert fresh[0] not in used


def test_the_edits_of_the_readme_run_as_printed(heping_base: Base) -> None:
    part = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Redraw: the edits")[2]
    edits = json.loads(part.partition("```json")[2].partition("```")[0])
    code = part.partition("```python")[2].partition("```")[0]
    names: dict[str, object] = {"grid": heping_base.grid, "city": heping_base.city, "edits": edits}
    exec(compile(code, "README.md", "exec"), names)
    plan = names["plan"]
    assert isinstance(plan, Plan)
    assert len(plan.edits) == len(edits) - 1
