"""Denver's published precincts, which have real faults, mended and compared with what others made of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from typer.testing import CliRunner

from gridmap.cli.commands import app
from gridmap.coverage.mended_beside import AT_OUTLINE, FAULT, OUTLINE, ROUNDING
from gridmap.ingest.partition import MendedFile, Partition, mend_file, read_partition

from .conftest import ROOT, SHARED

DENVER = SHARED / "data" / "denver"
REPAIRED = DENVER / "DenverCo_precincts2020_repaired.zip"

pytestmark = pytest.mark.skipif(
    not DENVER.is_dir(), reason=f"Denver's files are not in {DENVER}: they are no part of GridMap"
)


@pytest.fixture(scope="module")
def mended() -> MendedFile:
    """The precincts as the description says."""
    return mend_file(DENVER, read_partition(ROOT / "data" / "denver.toml"))


def count_holes(polygons: object) -> int:
    return sum(len(part.interiors) for part in shapely.get_parts(shapely.coverage_union_all(polygons)))


def test_of_33_holes_the_nine_enclaves_stay(mended: MendedFile) -> None:
    given = mended.frame.geometry.to_numpy()
    assert sum(len(part.interiors) for part in shapely.get_parts(shapely.union_all(given))) == 33
    assert not shapely.coverage_is_valid(given)
    assert shapely.coverage_is_valid(mended.mended.polygons)
    assert count_holes(mended.mended.polygons) == 9
    assert len(mended.mended.of("enclave")) == 9
    assert not mended.mended.of("undecided gap")


def test_every_fault_is_listed_with_its_size(mended: MendedFile) -> None:
    gaps, overlaps = mended.mended.of("gap"), mended.mended.of("overlap")
    assert len(gaps) >= 33 - 9
    assert gaps[0].area_m2 == pytest.approx(3.1751, abs=1e-3)
    assert sum(each.area_m2 for each in overlaps) == pytest.approx(12.98, abs=0.01)
    assert all(each.given_to in mended.names for each in gaps + overlaps)
    snapped = mended.mended.of("snapped")
    assert sum(each.area_m2 for each in snapped) < 0.001


def test_what_the_mending_changed_is_what_it_lists(mended: MendedFile) -> None:
    given = mended.frame.geometry.to_numpy()
    moved = shapely.area(shapely.symmetric_difference(given, mended.mended.polygons)).sum() * mended.unit_m**2
    changes = [each for each in mended.mended.changes if each.given_to is not None]
    assert moved <= sum(each.area_m2 for each in changes) + 1e-6


def test_every_difference_to_the_copy_repaired_by_others_has_a_reason(mended: MendedFile) -> None:
    beside = mended.beside(REPAIRED, "PRECID")
    summary = beside.summary()
    assert summary.keys() == {ROUNDING, FAULT, OUTLINE, AT_OUTLINE}
    # The copy follows another outer line. What lies inside both differs by little, in eight places above rounding.
    assert summary[FAULT][0] + summary[AT_OUTLINE][0] == 8
    assert summary[FAULT][1] + summary[AT_OUTLINE][1] == pytest.approx(79.1, abs=0.5)
    assert summary[OUTLINE][1] == pytest.approx(1_615_000, rel=0.01)


def test_with_the_copys_land_as_outline_its_ten_enclaves_come_out() -> None:
    """The tenth is none of the 33 holes: a published precinct covers it."""
    partition = read_partition(ROOT / "data" / "denver.toml")
    outline = partition.model_copy(update={"outline": REPAIRED.name, "enclaves": ()})
    fitted = mend_file(DENVER, outline)
    assert count_holes(fitted.mended.polygons) == 10
    theirs = shapely.union_all(gpd.read_file(REPAIRED).geometry.to_numpy())
    land = shapely.coverage_union_all(fitted.mended.polygons)
    assert shapely.symmetric_difference(land, theirs).area * fitted.unit_m**2 < 1.0


def test_the_region_with_bad_gaps() -> None:
    region = Partition(file="CO_bad_gap_region.zip", name="PRECID", crs="EPSG:2232")
    mended = mend_file(DENVER, region).mended
    assert [round(each.area_m2) for each in mended.of("undecided gap")] == [3_185_490, 11_731, 8_212]
    assert sum(each.area_m2 for each in mended.of("overlap")) == pytest.approx(78_887.4, abs=1)
    filled = mend_file(DENVER, region.model_copy(update={"gap_width_m": 300.0})).mended
    assert count_holes(filled.polygons) == 0
    assert shapely.coverage_is_valid(filled.polygons)
    assert [round(each.area_m2) for each in filled.of("gap")] == [3_185_490, 11_731, 8_212]


def test_the_command_writes_polygons_and_report(tmp_path: Path) -> None:
    out, report = tmp_path / "denver.gpkg", tmp_path / "changes.csv"
    arguments = ["mend", str(ROOT / "data" / "denver.toml"), "--files", str(DENVER), "-o", str(out), "--json"]
    result = CliRunner().invoke(app, [*arguments, "--report", str(report), "--compare", str(REPAIRED)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["changes"]["enclave"]["count"] == 9
    assert told["differences"].keys() == {ROUNDING, FAULT, OUTLINE, AT_OUTLINE}
    written = gpd.read_file(out)
    assert written.crs.to_epsg() == 2232
    assert list(written["PRECID"]) == list(gpd.read_file(DENVER / "DenverCo_precincts2020_orig.zip")["PRECID"])
    with report.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(each["count"] for each in told["changes"].values())
    assert all(-105.2 < float(row["lon"]) < -104.5 and 39.5 < float(row["lat"]) < 40.0 for row in rows)
