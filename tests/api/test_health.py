"""Alive, able to answer, and what the metrics say; also of a city that is not there yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from gridmap.store.database import Database


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    ready = response.json()
    assert (ready["status"], ready["revision"], ready["degraded"]) == ("ready", 1, None)
    age = datetime.now(UTC) - datetime.fromisoformat(ready["data_as_of"])
    assert timedelta(0) <= age < timedelta(hours=1, minutes=1)


def test_metrics_count_requests_by_route_and_name_no_place(client: TestClient) -> None:
    client.get("/v1/coverage", params={"lon": 117.19512, "lat": 39.11834, "crs": "wgs84"})
    client.get("/v1/cells/no-such-cell")
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    assert "gridmap_revision 1.0" in lines
    assert "gridmap_degraded 0.0" in lines
    assert any(line.startswith("gridmap_request_seconds_count") and "/v1/coverage" in line for line in lines)
    assert any('route="/v1/cells/{code}",status="404"' in line for line in lines)
    assert "117.19" not in response.text
    assert "no-such-cell" not in response.text


def test_a_database_without_a_city_is_not_ready_and_says_so(
    serve: Callable[..., Any], make_database: Callable[[str], Database]
) -> None:
    with serve(make_database("without_city")) as empty:
        assert empty.get("/healthz").status_code == 200
        ready = empty.get("/readyz")
        assert ready.status_code == 503
        assert ready.json() == {"status": "not ready", "revision": None, "data_as_of": None, "degraded": None}
        place = {"lon": 117.2, "lat": 39.1, "crs": "wgs84"}
        for path in ("/v1/coverage", "/v1/city"):
            refused = empty.get(path, params=place)
            assert refused.status_code == 503
            assert "no grid yet" in refused.json()["detail"]
        for path in ("/v1/areas", "/v1/cells", "/v1/revisions/current", "/v1/cells/1/roster"):
            refused = empty.get(path)
            assert refused.status_code == 404, path
            assert "gridmap load" in refused.json()["detail"] or "no revision" in refused.json()["detail"]
        assert empty.get("/v1/revisions").json() == {"revisions": []}
        assert "gridmap_revision 0.0" in empty.get("/metrics").text
