"""The bench of policies: every question is asked both ways and has the same answer."""

from __future__ import annotations

from gridmap.bench.access import bench_access
from gridmap.cluster import APPLICATION, SUPERUSER
from gridmap.store.database import Database


def test_every_question_is_asked_both_ways(heping: Database) -> None:
    bound = Database(heping.url.set(username=APPLICATION))
    unbound = Database(heping.url.set(username=SUPERUSER))
    report = bench_access(bound, unbound, 3, lambda _: None)
    bound.dispose()
    unbound.dispose()
    assert (report.district, report.rounds) == ("120101", 3)
    asked = {
        "roster of a cell",
        "roster of a street",
        "roster of a district",
        "page of elements",
        "elements in a box",
    }
    assert asked <= report.costs.keys()
    assert all(cost.with_ms > 0 and cost.without_ms > 0 for cost in report.costs.values())
