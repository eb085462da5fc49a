"""Placing many points over HTTP: the contract, three formats, times and revisions, bad bodies, no database."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from fastapi.testclient import TestClient

from api.routes import placing
from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.errors import DatabaseGone

Points = list[tuple[str, float, float]]
ARROW = placing.ARROW


def post(client: TestClient, body: object, **params: object) -> Any:
    response = client.post("/v1/coverage", json=body, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def refused(client: TestClient, body: object, status: int = 422, **params: object) -> str:
    """The detail of a problem; ``body`` is sent as JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/coverage", content=content, headers=headers, params=params)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["detail"])


@pytest.fixture(scope="module")
def edge_point(grid: Grid) -> tuple[float, float]:
    x, y = shapely.get_coordinates(grid.index.degrees[5])[0]
    return float(x), float(y)


def test_the_contract(client: TestClient, inner_points: Points, edge_point: tuple[float, float]) -> None:
    points = [[lon, lat] for _, lon, lat in inner_points] + [list(edge_point), [116.0, 39.0]]
    answer = post(client, {"crs": "wgs84", "points": points})
    assert answer["revision"] == 1
    assert answer["degraded"] is None
    assert answer["cells"][:-2] == [code for code, _, _ in inner_points]
    assert answer["cells"][-1] is None
    assert answer["how"] == ["inside"] * len(inner_points) + ["edge", "outside"]
    assert all(len(text) == 15 and text.startswith("8b") for text in answer["hexes"])
    assert answer.keys() == {"revision", "degraded", "cells", "hexes", "how"}


def test_many_points_say_what_single_ones_say(
    client: TestClient, inner_points: Points, edge_point: tuple[float, float]
) -> None:
    points = [[lon, lat] for _, lon, lat in inner_points[:6]] + [list(edge_point), [117.3, 39.2]]
    x, y = from_wgs84("gcj02", *np.transpose(points))
    body = {"crs": "gcj02", "points": np.column_stack([x, y]).tolist(), "accuracy_m": [40.0] * 8}
    many = post(client, body, detail="full")
    for i, (lon, lat) in enumerate(body["points"]):  # type: ignore[arg-type]
        query = {"lon": lon, "lat": lat, "crs": "gcj02", "accuracy_m": 40.0}
        one = client.get("/v1/coverage", params=query).json()
        assert many["cells"][i] == (one["cell"] and one["cell"]["code"])
        assert many["how"][i] == one["how"]
        assert many["edge_distances_m"][i] == pytest.approx(one["edge_distance_m"])
        assert many["candidates"][i] == [
            {"code": each["code"], "distance_m": pytest.approx(each["distance_m"])} for each in one["candidates"]
        ]
        assert (many["nearest"][i] or {}).get("code") == (one["nearest"] or {}).get("code")
        assert [many["areas"][area["level"]][i] for area in one["areas"]] == [
            area["code"] for area in one["areas"]
        ]


def table_of(points: Points) -> pd.DataFrame:
    """Points as a table with an id that begins with 0."""
    frame = pd.DataFrame(points, columns=["code", "lon", "lat"])
    return frame.assign(id=[f"0{i}" for i in range(len(frame))], accuracy_m=5.0)


def test_csv_in_and_out(client: TestClient, inner_points: Points) -> None:
    text = table_of(inner_points).to_csv(index=False)
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    response = client.post("/v1/coverage", content=text, headers=headers, params={"crs": "wgs84"})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    answer = pd.read_csv(io.StringIO(response.text), dtype=str)
    assert answer["cell"].tolist() == [code for code, _, _ in inner_points]
    assert answer["id"][0] == "00"
    assert answer["district"].unique().tolist() == ["120101"]
    accepted = client.post(
        "/v1/coverage", content=text, headers={**headers, "Accept": "application/json"}, params={"crs": "wgs84"}
    )
    assert accepted.json()["cells"] == answer["cell"].tolist()


def arrow_bytes(table: pa.Table, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_arrow_in_and_out(client: TestClient, inner_points: Points) -> None:
    table = pa.Table.from_pandas(table_of(inner_points), preserve_index=False)
    headers = {"Content-Type": ARROW}
    response = client.post("/v1/coverage", content=arrow_bytes(table), headers=headers, params={"crs": "wgs84"})
    assert response.status_code == 200, response.text
    answer = pa.ipc.open_stream(response.content).read_all()
    assert answer["cell"].to_pylist() == [code for code, _, _ in inner_points]
    assert answer["candidates"].to_pylist()[0][0] == inner_points[0][0]
    assert answer["id"].to_pylist() == table["id"].to_pylist()
    for spoilt, said in (
        (arrow_bytes(table, "zstd"), "without compression"),
        (
            arrow_bytes(table.set_column(0, "code", table["code"].dictionary_encode()), "lz4"),
            "without compression",
        ),
        (arrow_bytes(table)[:200], "must be an Arrow IPC stream"),
        (b"nonsense", "must be an Arrow IPC stream"),
        (zlib.compress(arrow_bytes(table)), "must be an Arrow IPC stream"),
    ):
        response = client.post("/v1/coverage", content=spoilt, headers=headers, params={"crs": "wgs84"})
        assert response.status_code == 422
        assert said in response.json()["detail"]


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([[117.2, 39.1], [39.1, 117.2]], "points.1: lon, lat is no place on earth in wgs84, got [39.1, 117.2]"),
        ([[117.2, "39.1"]], "points.0.1"),
        ([[117.2, True]], "points.0.1"),
        ([[117.2, None]], "points.0.1"),
        ([[117.2]], "points.0"),
        ([[117.2, 39.1], [1, 2, 3]], "points.1"),
        ([None], "points.0"),
        ("no", "points"),
        ([[117.2, 39.1]] * 100_001, "points"),
    ],
)
def test_a_bad_point_is_named(client: TestClient, points: object, said: str) -> None:
    assert said in refused(client, {"crs": "wgs84", "points": points})


def test_bad_bodies_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"crs": "wgs84", "points": [[117.2, 39.1]]}
    assert "must be JSON" in refused(client, b"{")
    assert "points.0" in refused(client, b'{"crs": "wgs84", "points": [[NaN, 1]]}')
    assert "points.0" in refused(client, b'{"crs": "wgs84", "points": [[1e999, 1]]}')
    assert "crs" in refused(client, {"points": [[117.2, 39.1]]})
    assert "crs" in refused(client, {**good, "crs": "wgs85"})
    assert "unknown" in refused(client, {**good, "unknown": 1})
    assert "accuracy_m" in refused(client, {**good, "accuracy_m": [1.0, 2.0]})
    assert "accuracy_m" in refused(client, {**good, "accuracy_m": -1})
    assert "accuracy_m" in refused(client, {**good, "accuracy_m": 1_001})
    assert "no revision 99" in refused(client, good, 404, revision=99)
    assert "before revision 1" in refused(client, good, 404, at="1999-01-01T00:00:00Z")
    monkeypatch.setattr(placing, "LARGEST_BODY_BYTES", 30)
    assert "at most 30 bytes" in refused(client, good, 413)
    response = client.post("/v1/coverage", content=b"x", headers={"Content-Type": "image/png"})
    assert response.status_code == 415


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lon,lat\n117.2,39.1,1\n", "Row #2: Expected 2 columns, got 3"),
        ("lon\n117.2\n", "lat is missing"),
        ("lon,lat\nx,39.1\n", "points.0: lon, lat must be finite numbers, got ['x', '39.1']"),
        ("lon,lat\n,39.1\n", "must not be missing"),
        ("lon,lat,accuracy_m\n117.2,39.1,-4\n", "accuracy_m must lie from 0"),
        ("lon,lat,cell\n117.2,39.1,1\n", "columns of the names that are added"),
        ("lon,lat,lat\n1,2,3\n", "different names"),
        ("", "must be CSV"),
    ],
)
def test_a_bad_csv_is_refused(client: TestClient, text: str, said: str) -> None:
    headers = {"Content-Type": "text/csv"}
    response = client.post("/v1/coverage", content=text, headers=headers, params={"crs": "wgs84"})
    assert response.status_code == 422
    assert said in response.json()["detail"]


def test_a_table_must_name_its_crs(client: TestClient) -> None:
    response = client.post("/v1/coverage", content="lon,lat\n1,2\n", headers={"Content-Type": "text/csv"})
    assert response.status_code == 422
    assert "crs" in response.json()["detail"]


def test_no_points_are_no_error(client: TestClient) -> None:
    assert post(client, {"crs": "wgs84", "points": []}, detail="full")["cells"] == []


def test_times_and_revisions(client: TestClient, inner_points: Points) -> None:
    code, lon, lat = inner_points[0]
    body = {"crs": "wgs84", "points": [[lon, lat]]}
    assert post(client, body, revision=1)["cells"] == [code]
    assert post(client, body, at="2030-01-01T00:00:00")["cells"] == [code]


def test_the_largest_request(client: TestClient, grid: Grid) -> None:
    west, south, east, north = grid.index.bounds
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(west, east, 100_000), rng.uniform(south, north, 100_000)])
    answer = post(client, {"crs": "wgs84", "points": points.tolist()})
    positions, _ = grid.index.locate_many(points[:, 0].copy(), points[:, 1].copy())
    expected = [grid.cells[position].code if position >= 0 else None for position in positions]
    assert answer["cells"] == expected


def test_it_answers_without_the_database(
    client: TestClient, service_of: Callable[..., Any], inner_points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise DatabaseGone("PostGIS does not answer")

    monkeypatch.setattr(service_of(client).database, "begin", gone)
    code, lon, lat = inner_points[0]
    body = {"crs": "wgs84", "points": [[lon, lat]]}
    assert post(client, body)["cells"] == [code]
    assert post(client, body, at="2030-01-01T00:00:00Z")["cells"] == [code]
    assert "does not answer" in refused(client, body, 503, revision=2)
