"""The same points from every kind of file: every row accepted or rejected with its own line."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from openpyxl import Workbook

from gridmap.crs import from_wgs84
from gridmap.errors import LoadRefused
from gridmap.ingest.description import Elements
from gridmap.ingest.points import Field, PointBatch, read_points

ZONE = ZoneInfo("Asia/Shanghai")
NAMES = ["路灯", "井盖", "一\n二", "长椅", "x" * 201, "井盖"]
LON, LAT = [117.2, 117.21, 117.22, 39.1, 117.2, 117.25], [39.1, 39.11, 39.12, 117.2, 39.1, 39.15]


def read(folder: Path, file: str, **changed: object) -> list[PointBatch]:
    described = {
        "file": file,
        "crs": "wgs84",
        "source": "s",
        "id": "id",
        "class": {"value": "object"},
        "category": "what",
        **changed,
    }
    section = Elements.model_validate({name: value for name, value in described.items() if value is not None})
    batches = list(read_points(folder, section, {"category": Field(section.category, required=True)}, ZONE))
    for batch in batches:
        assert batch.rows == len(batch.accepted) + len(batch.rejected)
    return batches


def frame() -> pd.DataFrame:
    return pd.DataFrame({"id": [f"n{n}" for n in range(6)], "lon": LON, "lat": LAT, "what": NAMES})


def shapes(geometry: list[shapely.Geometry | None] | None = None) -> gpd.GeoDataFrame:
    points = shapely.points(LON, LAT) if geometry is None else geometry
    return gpd.GeoDataFrame(frame()[["id", "what"]], geometry=points, crs="EPSG:4326")


def write_sheet(path: Path) -> None:
    book = Workbook()
    book.active.title = "说明"
    sheet = book.create_sheet("点位")
    sheet.append([])
    sheet.append(["id", "lon", "lat", "what"])
    for row in frame().itertuples(index=False):
        sheet.append(list(row))
    book.save(path)


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "geoparquet", "xlsx", "gpkg", "geojson", "shp", "fgb"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    path, pair, first = tmp_path / f"points.{kind}", {}, 1
    if kind in ("csv", "tsv"):
        frame().to_csv(path, index=False, sep="\t" if kind == "tsv" else ",", encoding="gb18030")
        pair, first = {"lon": "lon", "lat": "lat"}, 2
    elif kind == "parquet":
        frame().to_parquet(path)
        pair = {"lon": "lon", "lat": "lat"}
    elif kind == "xlsx":
        write_sheet(path)
        pair, first = {"lon": "lon", "lat": "lat", "layer": "点位"}, 3
    elif kind == "geoparquet":
        path = tmp_path / "points.parquet"
        shapes().to_parquet(path)
    else:
        shapes().to_file(path, engine="pyogrio", **({"SPATIAL_INDEX": "NO"} if kind == "fgb" else {}))
    (batch,) = read(tmp_path, path.name, **pair)
    assert batch.accepted["id"].tolist() == ["n0", "n1", "n2", "n5"]
    assert batch.accepted["category"].tolist() == ["路灯", "井盖", "一\n二", "井盖"]
    np.testing.assert_allclose(batch.accepted[["lon", "lat"]], np.column_stack((LON, LAT))[[0, 1, 2, 5]])
    assert (batch.accepted["line"] - first).tolist() == [0, 1, 2, 5]
    reasons = {row.line - first: row.reason for row in batch.rejected}
    assert reasons[3].startswith("lon, lat: out of range, and look swapped")
    assert reasons[4].startswith("category: must be at most 200 long")
    assert len(batch.pairs) == 6


def test_missing_and_empty_geometry_is_rejected(tmp_path: Path) -> None:
    given = [shapely.Point(117.2, 39.1), None, shapely.Point(), *shapely.points(LON, LAT)[:3]]
    shapes(given).to_file(tmp_path / "a.gpkg", engine="pyogrio")
    (batch,) = read(tmp_path, "a.gpkg")
    reasons = {row.line: row.reason for row in batch.rejected}
    assert reasons.keys() == {2, 3, 5}
    assert reasons[2] == reasons[3] == "lon: must not be empty"


def test_lines_and_polygons_keep_their_shape_and_a_point_on_it(tmp_path: Path) -> None:
    ring = shapely.Polygon(
        [(0, 0), (4, 0), (4, 4), (3, 4), (3, 1), (1, 1), (1, 4), (0, 4)]
    )  # its middle is outside
    square = shapely.transform(ring, lambda at: at * 0.0001 + (117.2, 39.1))
    bow = shapely.Polygon([(117.2, 39.1), (117.3, 39.2), (117.3, 39.1), (117.2, 39.2)])
    line = shapely.LineString([(117.2, 39.1), (117.201, 39.1)])
    in_metres = shapes([square, line, bow, shapely.Point(117.2, 39.1), square, square]).to_crs("EPSG:4548")
    in_metres.to_file(tmp_path / "a.gpkg", engine="pyogrio")
    (batch,) = read(tmp_path, "a.gpkg", crs="EPSG:4548")
    rows = batch.accepted.set_index("id")
    assert rows.index.tolist() == ["n0", "n1", "n3", "n5"]
    assert rows["shape"].isna().tolist() == [False, False, True, False]
    assert shapely.hausdorff_distance(rows["shape"]["n0"], square) < 1e-9
    for name in ("n0", "n1"):
        row = rows.loc[name]
        assert shapely.distance(row["shape"], shapely.Point(row["lon"], row["lat"])) < 1e-9
    assert [row.reason for row in batch.rejected if row.line == 3] == ["geometry: is not valid"]


@pytest.mark.parametrize("kind", ["gpkg", "parquet"])
def test_a_file_that_states_another_crs_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    metres = shapes([*shapely.points(LON, LAT)[:3], *shapely.points(LON, LAT)[:3]]).to_crs("EPSG:4548")
    metres.to_parquet(path) if kind == "parquet" else metres.to_file(path, engine="pyogrio")
    with pytest.raises(LoadRefused, match="its own crs is EPSG:4548, the description says wgs84"):
        read(tmp_path, path.name)
    with pytest.raises(LoadRefused, match="its own crs is EPSG:4548, the description says gcj02"):
        read(tmp_path, path.name, crs="gcj02")


def test_gcj02_in_a_file_that_can_only_say_wgs84_is_read_as_described(tmp_path: Path) -> None:
    x, y = from_wgs84("gcj02", LON, LAT)
    given = list(shapely.points(x, y))
    given[3] = given[0]
    shapes(given).to_file(tmp_path / "a.shp", engine="pyogrio", encoding="utf-8")
    (batch,) = read(tmp_path, "a.shp", crs="gcj02")
    assert batch.accepted["lon"].iloc[0] == pytest.approx(117.2, abs=1e-9)


def test_rows_in_another_encoding_are_rejected_one_by_one(tmp_path: Path) -> None:
    good = [f"n{n},117.2,39.1,路灯{n % 3}" for n in range(500)]
    lines = [line.encode("gb18030" if n % 50 == 3 else "utf-8") for n, line in enumerate(good)]
    (tmp_path / "a.csv").write_bytes(b"id,lon,lat,what\n" + b"\r\n".join(lines))
    (batch,) = read(tmp_path, "a.csv", lon="lon", lat="lat")
    assert sorted(row.line for row in batch.rejected) == [n + 2 for n in range(3, 500, 50)]
    assert {row.reason for row in batch.rejected} == {
        "row: is not text in utf-8, the encoding of the rest of the file"
    }
    assert batch.accepted["line"].tolist() == [n + 2 for n in range(500) if n % 50 != 3]


def test_encoding_and_delimiter_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id|lon|lat|what\na|117.2|39.1|café, là\n".encode("cp1252"))
    (batch,) = read(tmp_path, "a.csv", lon="lon", lat="lat", encoding="cp1252", delimiter="|")
    assert batch.accepted["category"].tolist() == ["café, là"]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.pdf", b"%PDF"), ("a.gpkg", b"no"), ("a.xlsx", b"no"), ("a.geojson", b"{}")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LoadRefused, match=name):
            read(tmp_path, name)


def test_values_are_renamed_by_the_map_and_others_rejected(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "a.csv", index=False)
    renamed = {"column": "what", "map": {"路灯": "street_lamp", "井盖": "manhole"}}
    (batch,) = read(tmp_path, "a.csv", lon="lon", lat="lat", category=renamed)
    assert batch.accepted["category"].tolist() == ["street_lamp", "manhole", "manhole"]
    assert "category: is not in the description's map, got '一\\n二'" in {row.reason for row in batch.rejected}
