"""The heatmap benchmark asks what it says, and gets through HTTP what it counts in memory."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from gridmap.access import EVERYWHERE
from gridmap.bench.heatmap import bench_asking, bench_counting, made_up_incidents, questions
from gridmap.cli.still import answering
from gridmap.current import Current
from gridmap.errors import Unavailable
from gridmap.heatmap.answer import count
from gridmap.heatmap.question import Question
from gridmap.model import Actor
from gridmap.store.database import Database


def test_it_measures_every_question_both_ways(heping: Database, tmp_path: Path) -> None:
    current = Current(heping, tmp_path)
    current.refresh()
    facts = made_up_incidents(current.state.countable, 20_000, seed=1)
    columns = facts.parts["incident"].base
    assert len(columns) == 20_000
    assert (np.diff(columns.times) >= 0).all()
    cells = count(facts, Question("incidents", "cell"))
    assert cells.total == 20_000
    assert 0 < cells.outside < 400
    assert len(cells.keys) > 500
    hexes = count(facts, Question("incidents", resolution=9))
    assert hexes.outside == cells.outside
    assert hexes.total == cells.total
    report = bench_counting(facts, 10, lambda _: None)
    with answering(current.state.ready, facts, Actor("bench", "viewer", (EVERYWHERE,)), heping) as ask:
        bench_asking(report, facts, ask, 10, lambda _: None)
        whole = json.loads(ask("GET", "/v1/heatmap?of=incidents&by=cell", None))
        assert (whole["total"], whole["outside"]) == (20_000, cells.outside)
        with pytest.raises(Unavailable, match="422"):
            ask("GET", "/v1/heatmap?of=dragons", None)
    assert set(report.counted) == set(report.through_http) == set(questions(facts))
    for timing in report.through_http.values():
        assert 0 < timing.p50_ms <= timing.p95_ms <= timing.slowest_ms
        assert timing.octets > 500
    json.dumps(asdict(report))
