"""The benchmark of tiles runs servers of its own and measures what it says."""

from __future__ import annotations

import pytest

from gridmap.cli.server import free_port
from gridmap.cluster import APPLICATION
from gridmap.store.database import Database
from tiles.bench import bench_tiles


@pytest.mark.soak
def test_cold_plain_hot_and_nginx_are_measured_in_one_run(heping: Database) -> None:
    ports = [free_port("127.0.0.1", start) for start in (18_400, 18_460, 18_520)]
    served = Database(heping.url.set(username=APPLICATION))
    report = bench_tiles(served, ports, 12, 2, 1, lambda _: None, requests=400)
    assert report.cold.keys() == report.plain.keys() == {"z 8-11", "z 12-16"}
    for group, cold in report.cold.items():
        assert cold.tiles == report.plain[group].tiles >= 4
        assert 0 < cold.p50_ms <= cold.p95_ms
        assert 0 < cold.sent_octets < cold.octets
        assert report.cold_to_plain_p95[group] == pytest.approx(cold.p95_ms / report.plain[group].p95_ms, abs=0.01)
    assert {rate.requests for rate in report.rates.values()} == {400}
    assert report.hot_to_lookup > 1
    assert ("hot tile through nginx" in report.rates) != ("nginx" in report.not_measured)
