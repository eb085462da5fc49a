"""Files of every format through the pipeline: all columns kept, every row out, the same placements."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from openpyxl import load_workbook

from gridmap.bulk import sources
from gridmap.bulk.pipeline import Reading, Tally, ahead, in_order, open_all, place_into, rejected_file
from gridmap.coverage.grid import Grid
from gridmap.crs import from_wgs84
from gridmap.errors import InvalidInput, LoadRefused
from gridmap.model import City

from .conftest import PLACES

SUFFIXES = (".parquet", ".csv", ".gpkg", ".shp", ".geojson", ".fgb", ".xlsx")
CELLS = [place[2] for place in PLACES.values()]
HOW = [place[3] for place in PLACES.values()]

Run = Callable[..., Tally]


@pytest.fixture
def run(grid: Grid, city: City) -> Run:
    """Places files: ``run(output, *inputs, **reading)``."""

    def place(output: Path, *inputs: Path, **reading: object) -> Tally:
        how = Reading(**{"crs": "wgs84", **reading})  # type: ignore[arg-type]
        return place_into(grid, city, open_all(inputs, how), output, how)

    return place


def read_back(path: Path) -> pd.DataFrame:
    """A written file as pandas or geopandas read it, with None where nothing stands."""
    if path.suffix == ".parquet":
        table = pq.read_table(path).to_pandas()
    elif path.suffix == ".csv":
        table = pd.read_csv(path, dtype=str)
    elif path.suffix == ".xlsx":
        table = pd.read_excel(path, dtype={"code": str})
    else:
        table = gpd.read_file(path)
    return table.astype(object).where(table.notna(), None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_written(run: Run, tmp_path: Path, csv_file: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    tally = run(output, csv_file)
    assert (tally.rows, tally.inside, tally.edge, tally.outside, tally.rejected) == (5, 2, 1, 1, 1)
    table = read_back(output)
    assert table["code"].tolist() == ["000", "001", "002", "003", "004"]
    assert table["名称"].tolist() == list(PLACES)
    assert table["cell"].tolist() == CELLS
    assert table["how"].tolist() == HOW
    assert table["district"].tolist() == ["d1", "d2", "d1", None, None]
    assert {int(value) for value in table["revision"]} == {7}
    assert table["nearest"].tolist() == [None, None, None, "a2", None]
    assert float(table["nearest_m"][3]) == pytest.approx(6_915, rel=0.01)
    edge = "edge_m" if suffix == ".shp" else "edge_distance_m"
    assert float(table[edge][0]) == pytest.approx(432, rel=0.02)
    assert float(table[edge][2]) == 0.0
    assert table["reason"].tolist()[:4] == [None] * 4
    assert "must not be missing" in table["reason"][4]
    assert table["hex"][0].startswith("8b")
    assert len(list(tmp_path.glob(".*"))) == 0
    if suffix in (".gpkg", ".shp", ".geojson", ".fgb"):
        found = gpd.read_file(output)
        assert found.crs.to_epsg() == 4326
        assert found.geometry[1].equals(shapely.Point(117.215, 39.115))
        assert found.geometry[4] is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_read(run: Run, tmp_path: Path, frame: pd.DataFrame, suffix: str) -> None:
    path, output = tmp_path / f"in{suffix}", tmp_path / "out.parquet"
    points = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]), crs="EPSG:4326")
    points.loc[4, "geometry"] = None
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".xlsx":
        frame.to_excel(path, index=False)
    elif suffix == ".parquet":
        points.to_parquet(path)
    else:
        points.to_file(path, encoding="UTF-8", **({"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}))
    crs = "wgs84" if suffix in (".csv", ".xlsx") else None
    run(output, path, crs=crs)
    table = read_back(output)
    assert table["code"].tolist() == [f"00{i}" for i in range(5)]
    assert table["名称"].tolist() == list(PLACES)
    assert table["cell"].tolist() == CELLS
    assert table["how"].tolist() == HOW
    if crs is None:
        again = gpd.read_parquet(output)
        assert again.crs.to_epsg() == 4326
        assert again.geometry[0].equals(shapely.Point(117.205, 39.105))


def test_a_projected_geometry_stays_as_it_is(run: Run, tmp_path: Path, frame: pd.DataFrame) -> None:
    points = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]), crs="EPSG:4326")
    points = points[:4].to_crs("EPSG:4547")
    points.to_file(tmp_path / "in.gpkg")
    run(tmp_path / "out.gpkg", tmp_path / "in.gpkg", crs=None)
    run(tmp_path / "out.csv", tmp_path / "in.gpkg", crs=None)
    run(tmp_path / "out.geojson", tmp_path / "in.gpkg", crs=None)
    out = gpd.read_file(tmp_path / "out.gpkg")
    assert out.crs.to_epsg() == 4547
    assert out.geometry.geom_equals(points.geometry).all()
    assert out["cell"][0] == "a1"
    wkt = pd.read_csv(tmp_path / "out.csv")["geom"]
    assert shapely.from_wkt(wkt[0]).equals(points.geometry.iloc[0])
    lonlat = gpd.read_file(tmp_path / "out.geojson")
    assert lonlat.geometry[0].distance(shapely.Point(117.205, 39.105)) < 1e-9


@pytest.mark.parametrize("crs", ["gcj02", "bd09", "EPSG:4547"])
def test_a_named_crs_is_converted(run: Run, tmp_path: Path, frame: pd.DataFrame, crs: str) -> None:
    x, y = from_wgs84(crs, frame["lon"], frame["lat"])
    given = frame[["code"]].assign(x=x, y=y)
    given.to_csv(tmp_path / "in.csv", index=False)
    run(tmp_path / "out.csv", tmp_path / "in.csv", crs=crs, x="x", y="y")
    cells = read_back(tmp_path / "out.csv")["cell"].tolist()
    assert cells[:2] + cells[3:] == CELLS[:2] + CELLS[3:]


def test_candidates_follow_the_accuracy(run: Run, tmp_path: Path) -> None:
    given = pd.DataFrame({"lon": [117.2101] * 4, "lat": [39.105] * 4, "off": ["0", "20", "-3", "many"]})
    given.to_csv(tmp_path / "in.csv", index=False)
    run(tmp_path / "out.parquet", tmp_path / "in.csv", accuracy="off")
    table = pq.read_table(tmp_path / "out.parquet").to_pandas()
    assert [list(one) for one in table["candidates"]] == [["a2"], ["a2", "a1"], [], []]
    assert table["cell"].tolist() == ["a2"] * 4
    assert table["reason"].notna().tolist() == [False, False, True, True]
    run(tmp_path / "out.csv", tmp_path / "in.csv", accuracy="off")
    assert pd.read_csv(tmp_path / "out.csv")["candidates"].tolist()[1] == "a2 a1"


def test_points_of_every_kind_get_a_reason(run: Run, tmp_path: Path) -> None:
    text = "lon,lat\n,39.1\n  ,39.1\nx,39.1\nnan,39.1\n1e999,39.1\n39.1,117.2\n１１７,39.1\n 117.205 ,39.105\n"
    (tmp_path / "in.csv").write_text(text, encoding="utf-8")
    tally = run(tmp_path / "out.csv", tmp_path / "in.csv")
    assert (tally.rows, tally.inside, tally.rejected) == (8, 1, 7)
    reasons = pd.read_csv(tmp_path / "out.csv")["reason"].tolist()
    assert [str(reason).partition("must ")[2] or reason for reason in reasons[:7]] == [
        "not be missing", "not be missing", "be finite numbers", "be finite numbers", "be finite numbers",
        "lon, lat: no place on earth", "be finite numbers",
    ]  # fmt: skip


def test_other_shapes_than_points_are_kept_without_a_place(run: Run, tmp_path: Path) -> None:
    shapes = [shapely.Point(117.205, 39.105), shapely.box(0, 0, 1, 1), shapely.Point(), None]
    gpd.GeoDataFrame({"n": range(4)}, geometry=shapes, crs="EPSG:4326").to_parquet(tmp_path / "in.parquet")
    tally = run(tmp_path / "out.parquet", tmp_path / "in.parquet", crs=None)
    assert (tally.inside, tally.rejected) == (1, 3)
    reasons = pq.read_table(tmp_path / "out.parquet")["reason"].to_pylist()
    assert reasons[1] == "geometry: must be a point"
    assert "missing" in reasons[2]
    assert "missing" in reasons[3]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_encodings_of_csv(run: Run, tmp_path: Path, frame: pd.DataFrame, encoding: str) -> None:
    frame.to_csv(tmp_path / "in.csv", index=False, encoding=encoding)
    run(tmp_path / "out.csv", tmp_path / "in.csv")
    table = pd.read_csv(tmp_path / "out.csv", dtype=str, encoding="utf-8")
    assert table.columns[:2].tolist() == ["code", "名称"]


def test_misshapen_rows_are_listed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("lon,lat\n117.205,39.105\n1,2,3\n\n117.215,39.115\n", encoding="utf-8")
    tally = run(tmp_path / "out.csv", tmp_path / "in.csv")
    assert tally.rows == tally.inside + tally.rejected + tally.misshapen == 4
    listed = pd.read_csv(rejected_file(tmp_path / "out.csv"))
    assert listed[["file", "line"]].to_numpy().tolist()[0] == ["in.csv", 3]
    (tmp_path / "in.csv").write_text("lon,lat\n117.205,39.105\n", encoding="utf-8")
    run(tmp_path / "out.csv", tmp_path / "in.csv")
    assert not rejected_file(tmp_path / "out.csv").exists()


def test_excel_keeps_what_it_holds(run: Run, tmp_path: Path, frame: pd.DataFrame) -> None:
    frame["when"] = [pd.Timestamp(2026, 11, 1, 10), None, pd.Timestamp(2026, 11, 2), None, None]
    frame["formula"] = "=1+1"
    frame["mixed"] = pd.Series([1, "x", 2.5, None, 3], dtype=object)
    frame.drop(columns="mixed").to_parquet(tmp_path / "in.parquet")
    run(tmp_path / "first.xlsx", tmp_path / "in.parquet")
    sheet = load_workbook(tmp_path / "first.xlsx").active
    assert sheet is not None
    header = [cell.value for cell in sheet[1]]
    assert sheet.cell(2, header.index("formula") + 1).data_type == "s"
    frame.drop(columns="formula").to_excel(tmp_path / "in.xlsx", index=False)
    run(tmp_path / "out.parquet", tmp_path / "in.xlsx")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.field("when").type == pa.timestamp("us")
    assert table["mixed"].to_pylist() == ["1", "x", "2.5", None, "3"]
    assert table["code"].to_pylist()[0] == "000"


def test_batches_and_threads_change_nothing(
    run: Run, tmp_path: Path, random_points: Callable[[int], pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    random_points(5_000).to_parquet(tmp_path / "in.parquet")
    run(tmp_path / "whole.parquet", tmp_path / "in.parquet", accuracy="accuracy")
    monkeypatch.setattr(sources, "BATCH_ROWS", 97)
    run(tmp_path / "parts.parquet", tmp_path / "in.parquet", accuracy="accuracy", threads=3)
    whole, parts = (pq.read_table(tmp_path / name) for name in ("whole.parquet", "parts.parquet"))
    assert whole.to_pylist() == parts.to_pylist()
    assert whole["id"].to_pylist() == list(range(5_000))


def test_several_files_become_one(run: Run, tmp_path: Path, csv_file: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(csv_file.read_bytes())
    assert run(tmp_path / "out.csv", csv_file, other).rows == 10
    other.write_text("lon,lat\n1,2\n")
    with pytest.raises(InvalidInput, match=r"other\.csv"):
        run(tmp_path / "out.csv", csv_file, other)


def test_what_cannot_be_is_refused_by_name(run: Run, tmp_path: Path, csv_file: Path, frame: pd.DataFrame) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(InvalidInput, match="crs: must be named"):
        run(out, csv_file, crs=None)
    with pytest.raises(InvalidInput, match=r"column: is not in points\.csv"):
        run(out, csv_file, x="nix", y="lat")
    frame.rename(columns={"code": "cell"}).to_csv(tmp_path / "clash.csv", index=False)
    with pytest.raises(InvalidInput, match="--prefix, got 'cell'"):
        run(out, tmp_path / "clash.csv")
    assert run(out, tmp_path / "clash.csv", prefix="gm_").rows == 5
    assert "gm_cell" in pd.read_csv(out).columns
    frame.assign(a_name_too_long=1).to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(InvalidInput, match="a_name_too_long"):
        run(tmp_path / "out.shp", tmp_path / "long.csv")
    frame.assign(text="长" * 100).to_csv(tmp_path / "wide.csv", index=False)
    with pytest.raises(InvalidInput, match="text: a Shapefile's texts"):
        run(tmp_path / "out.shp", tmp_path / "wide.csv")
    with pytest.raises(LoadRefused, match=r"nix\.csv is not there"):
        run(out, tmp_path / "nix.csv")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1nothing")
    with pytest.raises(LoadRefused, match=r"broken\.parquet cannot be read"):
        run(out, tmp_path / "broken.parquet")
    with pytest.raises(InvalidInput, match=r"its folder is not there"):
        run(tmp_path / "nix" / "out.csv", csv_file)
    assert not list(tmp_path.glob(".out*"))
    assert not list(tmp_path.glob("out.shp"))


def test_a_file_says_its_crs_and_may_be_contradicted_for_shifted_points_only(
    run: Run, tmp_path: Path, frame: pd.DataFrame
) -> None:
    points = gpd.GeoDataFrame(frame[:4], geometry=gpd.points_from_xy(frame["lon"][:4], frame["lat"][:4]), crs=4326)
    points.to_parquet(tmp_path / "in.parquet")
    with pytest.raises(InvalidInput, match=r"must be wgs84 as in\.parquet itself says"):
        run(tmp_path / "out.csv", tmp_path / "in.parquet", crs="EPSG:4547")
    run(tmp_path / "shifted.parquet", tmp_path / "in.parquet", crs="gcj02")
    run(tmp_path / "plain.parquet", tmp_path / "in.parquet", crs=None)
    shifted, plain = (pq.read_table(tmp_path / name) for name in ("shifted.parquet", "plain.parquet"))
    assert shifted["hex"].to_pylist() != plain["hex"].to_pylist()
    assert shifted["geometry"].to_pylist() == plain["geometry"].to_pylist()


def test_an_old_output_stays_when_a_run_fails(run: Run, tmp_path: Path, csv_file: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    (tmp_path / "cut.csv").write_bytes(b"lon,lat\n1,2\n" * 200_000 + b"\xff\xfe\xff,1\n")
    with pytest.raises(LoadRefused, match=r"cut\.csv cannot be read"):
        run(out, tmp_path / "cut.csv")
    assert out.read_text() == "old"


def test_errors_of_threads_reach_the_caller_and_threads_end() -> None:
    before = threading.active_count()

    def items() -> Iterator[int]:
        yield from range(5)
        raise LoadRefused("the sixth")

    with pytest.raises(LoadRefused, match="the sixth"):
        list(in_order(ahead(items(), 2), lambda item: item, 2))
    with pytest.raises(ZeroDivisionError):
        list(in_order(range(3), lambda item: 1 // item, 2))
    assert list(in_order(ahead(range(50), 3), lambda item: -item, 4)) == [-item for item in range(50)]
    assert threading.active_count() == before


def test_only_a_few_batches_wait(grid: Grid) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    consumer = in_order(ahead(items(), 2), lambda item: item, 2)
    assert next(consumer) == 0
    assert len(taken) <= 2 + 2 + 2
    consumer.close()
    assert np.all(np.diff(taken) == 1)
