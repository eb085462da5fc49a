"""Downloads, read back by geopandas: every row is the store's, and the file says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.shapes import multi
from gridmap.store.database import Database
from tests.api.test_registry import split_cell

FORMATS = ("parquet", "fgb", "gpkg")


def fetch(client: TestClient, folder: Path, name: str, **query: object) -> Path:
    response = client.get(f"/v1/download/{name}", params=query or None)
    assert response.status_code == 200, response.text
    path = folder / name
    path.write_bytes(response.content)
    return path


def read(path: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)


def said_by(path: Path) -> dict[str, str]:
    """The file's metadata."""
    if path.suffix == ".parquet":
        return {name.decode(): text.decode() for name, text in pq.read_schema(path).metadata.items()}
    metadata: dict[str, str] = pyogrio.read_info(path)["layer_metadata"] or {}
    return json.loads(metadata["DESCRIPTION"]) if path.suffix == ".fgb" else metadata


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_cell_is_the_stored_one(client: TestClient, grid: Grid, tmp_path: Path, suffix: str) -> None:
    path = fetch(client, tmp_path, f"cells.{suffix}")
    frame = read(path).set_index("code")
    assert set(frame.index) == set(grid.by_code)
    assert len(frame) == len(grid.cells)
    assert frame.crs.to_epsg() == 4326
    for cell, degrees in zip(grid.cells, grid.index.degrees, strict=True):
        row = frame.loc[cell.code]
        assert (row["id"], row["name"], row["kind"], row["community"]) == (
            cell.id,
            cell.name,
            cell.kind,
            cell.community,
        )
        assert [
            each
            for each in (row["services"] if suffix == "parquet" else (row["services"] or "").split(","))
            if each
        ] == list(cell.services)
        assert row.geometry.equals_exact(multi(degrees), 0), "not a digit is lost"
    said = said_by(path)
    assert (said["gridmap_revision"], said["gridmap_layer"], said["gridmap_city"]) == ("1", "cells", "120000")
    assert "虚构" in said["gridmap_notice_zh"]
    assert said["gridmap_attribution"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("level", ["city", "district", "street", "community"])
def test_areas_are_those_of_the_registry(client: TestClient, tmp_path: Path, suffix: str, level: str) -> None:
    frame = read(fetch(client, tmp_path, f"{level}.{suffix}")).set_index("code")
    listed = client.get("/v1/areas", params={"level": level, "f": "geojson", "limit": 1000}).json()["features"]
    assert len(frame) == len(listed)
    for feature in listed:
        row, expected = frame.loc[feature["id"]], feature["properties"]
        assert (row["name"], row["cells"]) == (expected["name"], expected["cells"])
        assert row["parent"] == expected["parent"] or (level == "city" and not isinstance(row["parent"], str))
        assert {kind: row[kind] for kind in expected["kinds"]} == expected["kinds"]
        assert row.geometry.equals_exact(shapely.geometry.shape(feature["geometry"]), 0)


@pytest.mark.parametrize(
    ("crs", "code"),
    [("cgcs2000", 4490), ("EPSG:4548", 4548), ("EPSG:3857", 3857), ("gcj02", None), ("bd09", None)],
)
def test_files_come_in_other_systems_east_first(
    client: TestClient, grid: Grid, tmp_path: Path, crs: str, code: int | None
) -> None:
    for suffix in FORMATS:
        path = fetch(client, tmp_path, f"cells.{suffix}", crs=crs)
        frame = read(path).set_index("code")
        assert (frame.crs.to_epsg() if frame.crs is not None else None) == code
        assert said_by(path)["gridmap_crs"] == crs
        for cell, degrees in list(zip(grid.cells, grid.index.degrees, strict=True))[::50]:
            stored = shapely.get_coordinates(degrees)
            expected = np.column_stack(from_wgs84(crs, stored[:, 0], stored[:, 1]))
            assert np.array_equal(shapely.get_coordinates(frame.loc[cell.code].geometry), expected)


@pytest.mark.parametrize("suffix", FORMATS)
def test_overlays_of_a_time(writer: TestClient, heping_copy: Database, tmp_path: Path, suffix: str) -> None:
    name = f"overlays.{suffix}"
    assert set(read(fetch(writer, tmp_path, name)).code) == {"120101-Q01", "120101-Q02"}
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(
            text("UPDATE overlay SET valid = tstzrange(NULL, '2026-01-01Z') WHERE code = '120101-Q01'")
        )
    assert set(read(fetch(writer, tmp_path, name)).code) == {"120101-Q02"}
    before = read(fetch(writer, tmp_path, name, at="2025-12-01T00:00:00Z")).set_index("code")
    assert set(before.index) == {"120101-Q01", "120101-Q02"}
    until = before.loc["120101-Q01", "valid_until"]
    assert until.tz_convert("UTC").isoformat() == "2026-01-01T00:00:00+00:00"
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("DELETE FROM overlay"))
    assert len(read(fetch(writer, tmp_path, name))) == 0


def test_revisions_and_times(
    writer: TestClient, heping_copy: Database, service_of: Callable[..., Service], tmp_path: Path
) -> None:
    before = fetch(writer, tmp_path, "cells.fgb").read_bytes()
    code, when = split_cell(heping_copy, service_of(writer).state.ready.grid, 100)
    service_of(writer).current.refresh()
    after = set(read(fetch(writer, tmp_path, "cells.fgb")).code)
    assert code not in after
    assert {f"{code}w", f"{code}e"} <= after
    assert fetch(writer, tmp_path, "cells.fgb", revision=1).read_bytes() == before, "the file that was made before"
    assert fetch(writer, tmp_path, "cells.fgb", at="2026-01-01T00:00:00").read_bytes() == before
    later = fetch(writer, tmp_path, "street.parquet", revision=2)
    assert said_by(later)["gridmap_revision"] == "2"
    assert read(later).cells.sum() == len(after)
    assert datetime.fromisoformat(said_by(later)["gridmap_valid_from"]) == when


def test_a_file_is_made_once_and_known_by_its_etag(client: TestClient, service_of: Callable[..., Service]) -> None:
    first = client.get("/v1/download/street.gpkg")
    again = client.get("/v1/download/street.gpkg")
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    assert "attachment" in first.headers["content-disposition"]
    same = client.get("/v1/download/street.gpkg", headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    part = client.get("/v1/download/street.gpkg", headers={"Range": "bytes=0-15"})
    assert (part.status_code, part.content) == (206, b"SQLite format 3\x00")
    pinned = client.get("/v1/download/street.gpkg", params={"revision": 1})
    assert "immutable" in pinned.headers["cache-control"]
    assert pinned.content == first.content
    kept = service_of(client).downloads.find(first.headers["etag"].strip('"'))
    assert kept is not None
    assert kept.read_bytes() == first.content


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("persons.gpkg", 404, "persons"),
        ("elements.gpkg", 404, "elements"),
        ("incidents.parquet", 404, "incidents"),
        ("cells.shp", 422, "suffix"),
        ("cells.fgb?crs=EPSG:2154", 422, "must be one of"),
        ("cells.fgb?crs=nonsense", 422, "crs"),
        ("cells.fgb?revision=7", 404, "revision 7"),
        ("cells.fgb?revision=0", 422, "revision"),
        ("cells.fgb?at=1999-01-01T00:00:00Z", 404, "before revision 1"),
        ("cells.fgb?at=0001-01-01T00:00:00Z", 422, "1900"),
    ],
)
def test_what_cannot_be_downloaded(client: TestClient, path: str, status: int, said: str) -> None:
    response = client.get(f"/v1/download/{path}")
    assert response.status_code == status, response.text
    assert said in response.json()["detail"]


def test_no_room_is_said(client: TestClient, service_of: Callable[..., Service], monkeypatch: Any) -> None:
    monkeypatch.setattr(service_of(client).downloads, "_most_bytes", 10)
    response = client.get("/v1/download/district.gpkg", params={"crs": "bd09"})
    assert response.status_code == 503
    assert "no room" in response.json()["detail"]
