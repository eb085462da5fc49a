"""The check of files before they are loaded: the same verdicts as of their points."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gridmap.crs import from_wgs84
from gridmap.errors import LoadRefused
from gridmap.ingest.crs_check import BuildingSquares, Verdict
from gridmap.ingest.crs_sample import check_crs
from gridmap.ingest.description import Incidents

from .true_files import Ground, ground_of


@pytest.fixture(scope="module")
def ground(heping_files: Path) -> Ground:
    return ground_of(heping_files)


def write(folder: Path, ground: Ground, crs: str, *, stated: bool) -> None:
    frame = ground.incidents[["id", "category", "lon", "lat", "happened_at"]].copy()
    cells = ground.index.locate_many(frame["lon"].to_numpy(), frame["lat"].to_numpy())[0]
    if stated:
        frame["cell"] = [ground.cells["code"][cell] if cell >= 0 else "" for cell in cells]
    frame["lon"], frame["lat"] = from_wgs84(crs, frame["lon"], frame["lat"])
    frame = frame.astype({"lon": str, "lat": str})
    frame.loc[::40, "lon"] = "x"
    frame[::2].to_csv(folder / "one.csv", index=False, sep=";", encoding="gb18030")
    frame[1::2].to_csv(folder / "two.csv", index=False, sep=";", encoding="gb18030")


def check(folder: Path, ground: Ground, given: str, buildings: BuildingSquares | None, **more: object) -> Verdict:
    described = {"file": "*.csv", "crs": given, "source": "s", "id": "id", "lon": "lon", "lat": "lat"}
    section = Incidents.model_validate({**described, "category": "category", "happened_at": "happened_at", **more})
    positions = {code: position for position, code in enumerate(ground.cells["code"])}
    return check_crs(folder, section, ground.index, positions, buildings)


@pytest.mark.parametrize("stated", [True, False])
def test_files_are_judged_together(tmp_path: Path, ground: Ground, stated: bool) -> None:
    write(tmp_path, ground, "gcj02", stated=stated)
    more = {"stated_cell": "cell"} if stated else {}
    buildings = None if stated else ground.squares
    assert check(tmp_path, ground, "gcj02", buildings, **more).judgement == "ok"
    verdict = check(tmp_path, ground, "wgs84", buildings, **more)
    assert (verdict.judgement, "but like gcj02;" in verdict.message) == ("stop", True)
    assert verdict.points == len(ground.incidents) - len(pd.Series(range(0, len(ground.incidents), 40)))


def test_files_that_are_not_there_or_lack_a_column_are_refused(tmp_path: Path, ground: Ground) -> None:
    with pytest.raises(LoadRefused, match="is not there"):
        check(tmp_path, ground, "wgs84", None)
    write(tmp_path, ground, "wgs84", stated=False)
    with pytest.raises(LoadRefused, match=r"one\.csv has no column 'cell'"):
        check(tmp_path, ground, "wgs84", None, stated_cell="cell")
