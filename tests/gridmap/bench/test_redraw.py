"""The benchmark of redraws previews, checks and publishes in earnest, and leaves a discarded draft at most."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from gridmap.access import EVERYWHERE, OPERATOR
from gridmap.bench.redraw import bench_previews_asked, bench_redraw
from gridmap.cli.still import answering
from gridmap.current import Current
from gridmap.model import Actor
from gridmap.store.database import Database


def quiet(_: str) -> None:
    """No progress in tests."""


def test_a_draft_is_previewed_checked_and_published_and_taken_back(heping_copy: Database, tmp_path: Path) -> None:
    report = bench_redraw(heping_copy, OPERATOR, 12, 2, 1, quiet)
    current = Current(heping_copy, tmp_path)
    current.refresh()
    snapshot = current.state.ready
    with answering(snapshot, None, Actor("bench", "planner", (EVERYWHERE,)), heping_copy) as ask:
        bench_previews_asked(report, snapshot.grid, ask, 12, 1, quiet)
    previews = [each.times for name, each in report.timings.items() if name.startswith("preview")]
    # of those asked for through HTTP the first makes ready what a worker keeps, and does not count
    assert len(previews) == 4
    assert sum(previews) + report.refused == 2 * 12 + 2 * 11
    assert [report.timings[name].times for name in ("impact", "certificate", "publish")] == [2, 2, 2]
    with heping_copy.begin(OPERATOR) as connection:
        assert connection.execute(text("SELECT max(number) FROM revision")).scalar_one() == 1
        assert connection.execute(text("SELECT state FROM draft")).scalars().all() == ["discarded"]
