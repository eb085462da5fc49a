"""Damaged bodies of placements: refused by name, no defect, nothing of the inside, no memory that stays."""

from __future__ import annotations

import json
import random
import resource
import time

import pytest
from fastapi.testclient import TestClient

from gridmap.bulk import streams
from tests.api.test_schemathesis import INSIDE
from tests.gridmap.fuzzing import damaged, seeds

MOST_MB_MORE = 500
_JSON = json.dumps({"crs": "wgs84", "points": [[117.195, 39.118]] * 5, "accuracy_m": 5}).encode()


def _bodies() -> dict[str, bytes]:
    files = seeds()
    csv = b"lon,lat,accuracy_m,name\n" + b"117.195,39.118,5,x\n" * 5
    assert streams.read_csv(csv, 10).num_rows == 5
    return {
        "application/json": _JSON,
        "text/csv": csv,
        "application/vnd.apache.arrow.stream": files[".arrow"],
    }


@pytest.mark.parametrize(("seconds", "seed"), [(3, 1), pytest.param(600, 10**6, marks=pytest.mark.soak)])
def test_damaged_bodies_are_refused_by_name(client: TestClient, seconds: int, seed: int) -> None:
    bodies = _bodies()
    for kind, content in bodies.items():
        assert (
            client.post("/v1/coverage?crs=wgs84", content=content, headers={"content-type": kind}).status_code
            == 200
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ends, tried = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        chance = random.Random(seed + tried)
        kind = chance.choice(sorted(bodies))
        body = damaged(bodies[kind], chance)
        answer = client.post("/v1/coverage?crs=wgs84", content=body, headers={"content-type": kind})
        assert answer.status_code in (200, 413, 415, 422), (seed + tried, kind, answer.text[:500])
        if answer.status_code != 200 and not INSIDE.search(body.decode("latin-1")):
            assert INSIDE.search(answer.text) is None, (seed + tried, kind)
        tried += 1
    assert tried > seconds
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown_mb < MOST_MB_MORE
