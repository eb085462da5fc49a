"""What releases say of places: in rosters, lists of areas and files, for everybody who is not staff there."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from gridmap.access import OPERATOR
from gridmap.actions.releases import make_release
from gridmap.releases.periods import Month
from tests.gridmap.actions.test_publish import a_split, grid_of, publish_next

NOW = datetime(2026, 11, 2, tzinfo=UTC)
SUBJECTS = ["incidents", "person", "place", "object", "organization"]
LEVELS = {"cells": "cell", "community": "community", "street": "street"}


@pytest.fixture(scope="module")
def released(serve: Callable[..., Any], make_copy: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a copy of Heping with two releases on revision 1 and a split cell in revision 2."""
    with make_copy("released_places") as database:
        for month in ("2026-09", "2026-10"):
            make_release(database, OPERATOR, Month.parse(month), NOW, lambda _: None)
        grid = grid_of(database)
        publish_next(database, a_split(grid, np.random.default_rng(3), "x"), grid)
        with serve(database) as running:
            yield running


def rows(client: TestClient, of: str, by: str, period: str = "2026-10") -> dict[str, int | None]:
    found = client.get(f"/v1/releases/{period}", params={"of": of, "by": by}).json()["rows"]
    return {row["code"]: row["count"] for row in found}


def test_a_roster_says_what_the_newest_release_says(
    released: TestClient, key_for: Callable[..., dict[str, str]]
) -> None:
    counts = {of: rows(released, of, "cell") for of in SUBJECTS}
    current = [cell["code"] for cell in released.get("/v1/cells").json()["cells"]]
    for code in [code for code in current if code in counts["place"]][::60]:
        roster = released.get(f"/v1/cells/{code}/roster").json()
        assert roster["released"] == {
            "period": "2026-10",
            "revision": 1,
            "counts": {of: counts[of][code] for of in SUBJECTS},
        }
        assert (roster["counts"], roster["elements"], roster["open_incidents"]) == ("released", None, None)
    street = released.get("/v1/areas/120101001/roster").json()["released"]["counts"]
    assert street == {of: rows(released, of, "street")["120101001"] for of in SUBJECTS}
    own = released.get("/v1/areas/120101001/roster", headers=key_for(released, "viewer", "120101")).json()
    assert (own["counts"], own["released"]) == ("staff", None)
    assert own["elements"]["person"] > 0
    other = released.get("/v1/areas/120101001/roster", headers=key_for(released, "viewer", "120102")).json()
    assert other["released"]["counts"] == street
    assert other["elements"] is None


def test_a_cell_that_is_newer_than_the_release_has_none(released: TestClient) -> None:
    known = rows(released, "place", "cell")
    newer = [each["code"] for each in released.get("/v1/cells").json()["cells"] if each["code"] not in known]
    assert newer, "the redraw made no cell"
    roster = released.get(f"/v1/cells/{newer[0]}/roster").json()
    assert (roster["released"], roster["counts"]) == (None, "not released")


def test_areas_have_the_counts_that_are_asked_for(released: TestClient) -> None:
    answer = released.get("/v1/areas", params={"level": "street", "counts": "incidents"}).json()
    assert (answer["revision"], answer["period"], answer["of"], answer["least"]) == (1, "2026-10", "incidents", 3)
    assert {row["code"]: row["count"] for row in answer["areas"]} == rows(released, "incidents", "street")
    query = {"level": "community", "counts": "person", "period": "2026-10", "f": "geojson"}
    shapes = released.get("/v1/areas", params=query).json()
    assert {one["id"]: one["properties"]["count"] for one in shapes["features"]} == rows(
        released, "person", "community"
    )
    assert {one["properties"]["least"] for one in shapes["features"]} == {10}
    first = released.get("/v1/areas", params={"level": "community", "counts": "place", "limit": 5}).json()
    assert "period=2026-10" in first["next"]
    assert released.get(first["next"]).json()["areas"][0]["code"] > first["areas"][-1]["code"]
    assert "count" not in released.get("/v1/areas", params={"level": "street"}).json()["areas"][0]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"counts": "incidents"}, 422, "level: goes with counts"),
        ({"level": "street", "period": "2026-10"}, 422, "period: goes with counts"),
        ({"level": "street", "counts": "incidents", "revision": 2}, 404, "revision 1 only"),
        ({"level": "street", "counts": "incidents", "period": "2026-08"}, 404, "no release of 2026-08"),
        ({"level": "street", "counts": "person", "period": "2026-09"}, 404, "no person are counted"),
    ],
)
def test_counts_that_there_are_not_are_refused(
    released: TestClient, query: dict[str, Any], status: int, words: str
) -> None:
    answer = released.get("/v1/areas", params=query)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


@pytest.mark.parametrize("layer", LEVELS)
@pytest.mark.parametrize("suffix", ["csv", "parquet", "gpkg", "fgb"])
def test_a_file_of_a_release_has_its_rows(released: TestClient, tmp_path: Path, layer: str, suffix: str) -> None:
    answer = released.get(f"/v1/releases/2026-10/{layer}.{suffix}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    wanted = {of: rows(released, of, LEVELS[layer]) for of in SUBJECTS}
    if suffix == "csv":
        listed = list(csv.DictReader(io.StringIO(answer.text)))
        found = {of: {row["code"]: None if row[of] == "" else int(row[of]) for row in listed} for of in SUBJECTS}
    else:
        path = tmp_path / f"file.{suffix}"
        path.write_bytes(answer.content)
        frame = geopandas.read_parquet(path) if suffix == "parquet" else geopandas.read_file(path)
        assert frame.crs is not None
        assert frame.geometry.is_valid.all()
        found = {
            of: {code: None if np.isnan(count) else int(count) for code, count in zip(
                frame["code"], frame[of].astype("Float64").to_numpy(float, na_value=np.nan), strict=True
            )}
            for of in SUBJECTS
        }  # fmt: skip
        assert set(frame["period"]) == {"2026-10"}
        if suffix == "parquet":
            said = pq.read_schema(path).metadata
            assert (said[b"gridmap_period"], said[b"gridmap_least_person"]) == (b"2026-10", b"10")
            assert b"gridmap_notice_en" in said
    assert found == wanted
    etag = {"If-None-Match": answer.headers["etag"]}
    assert released.get(f"/v1/releases/2026-10/{layer}.{suffix}", headers=etag).status_code == 304


def test_a_file_of_an_earlier_release_has_its_subjects_only(released: TestClient) -> None:
    header = released.get("/v1/releases/2026-09/street.csv").text.splitlines()[0]
    assert "incidents" in header
    assert "person" not in header


@pytest.mark.parametrize("path", ["2026-08/cells.csv", "2026-10/overlays.csv", "2026-10/planet.gpkg"])
def test_files_that_there_are_not(released: TestClient, path: str) -> None:
    assert released.get(f"/v1/releases/{path}").status_code == 404
