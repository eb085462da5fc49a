"""Files in another crs than they say are stopped, with the evidence; true files of every shape are not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.tianjin.build import build
from gridmap.crs import from_wgs84, to_wgs84
from gridmap.errors import LoadRefused
from gridmap.ingest.crs_check import Verdict, judge, refuse_wrong_crs

from .true_files import Ground, Pairs, ground_of, pairs, true_files, within


@pytest.fixture(scope="module")
def ground(heping_files: Path) -> Ground:
    return ground_of(heping_files)


def judged(ground: Ground, points: Pairs, true_crs: str, given_crs: str, **more: object) -> Verdict:
    x, y = from_wgs84(true_crs, points[:, 0], points[:, 1])
    return judge(given_crs, x, y, ground.index, more.pop("buildings", ground.squares), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("given_crs", ["wgs84", "gcj02", "bd09", "cgcs2000", "EPSG:4490"])
@pytest.mark.parametrize("true_crs", ["wgs84", "gcj02", "bd09"])
def test_a_chinese_offset_called_by_another_name_stops_the_load(
    ground: Ground, true_crs: str, given_crs: str
) -> None:
    for frame in (ground.incidents, ground.elements):
        verdict = judged(ground, pairs(frame), true_crs, given_crs)
        same = true_crs == {"cgcs2000": "wgs84", "EPSG:4490": "wgs84"}.get(given_crs, given_crs)
        assert verdict.judgement == ("ok" if same else "stop")
        assert verdict.evidence[0].crs == given_crs
        assert same or f"but like {true_crs};" in verdict.message


@pytest.mark.parametrize("buildings", [True, False])
def test_swapped_pairs_and_degrees_called_metres_stop_the_load(ground: Ground, buildings: bool) -> None:
    points = pairs(ground.incidents)
    known = {} if buildings else {"buildings": None}
    swapped = judged(ground, points[:, ::-1], "wgs84", "wgs84", **known)
    assert (swapped.judgement, "but like wgs84 with x and y swapped;" in swapped.message) == ("stop", True)
    metres = judged(ground, points, "EPSG:4548", "wgs84", **known)
    assert (metres.judgement, "but like EPSG:4548;" in metres.message) == ("stop", True)
    degrees = judged(ground, points, "wgs84", "EPSG:4548", **known)
    assert (degrees.judgement, "but like wgs84;" in degrees.message) == ("stop", True)
    zone = judged(ground, points, "EPSG:4549", "EPSG:4548", **known)
    assert (zone.judgement, "but like EPSG:4549;" in zone.message) == ("stop", True)


def test_fewer_than_a_thousand_points_are_a_warning(ground: Ground) -> None:
    few = pairs(ground.buildings)[:999]
    assert judged(ground, few, "gcj02", "wgs84").judgement == "warn"
    assert judged(ground, pairs(ground.buildings)[:1000], "gcj02", "wgs84").judgement == "stop"
    assert judged(ground, few, "wgs84", "wgs84").judgement == "ok"


def test_rows_with_faults_do_not_sway_the_rest(ground: Ground) -> None:
    points = pairs(ground.incidents).copy()
    points[::50] = points[::50, ::-1]
    points[1::50] = np.nan
    points[2::50] = np.inf
    points[3::50] = 0.0
    assert judged(ground, points, "wgs84", "wgs84").judgement == "ok"
    assert judged(ground, points, "wgs84", "gcj02").judgement == "stop"


def test_stated_cells_decide_before_buildings_do(ground: Ground) -> None:
    points = within(ground.cells.geometry.union_all(), 2_000, np.random.default_rng(1))
    stated = ground.index.locate_many(points[:, 0], points[:, 1])[0]
    stated[::3] = -1
    assert judged(ground, points, "gcj02", "wgs84", buildings=None).judgement == "ok"
    verdict = judged(ground, points, "gcj02", "wgs84", stated=stated, buildings=None)
    assert verdict.judgement == "stop"
    assert verdict.evidence[1].agrees == pytest.approx(1.0, abs=0.01)
    assert judged(ground, points, "wgs84", "wgs84", stated=stated).judgement == "ok"
    # cells stated at random agree with no crs: nothing is known, nothing stops
    shuffled = np.random.default_rng(2).permutation(stated)
    assert judged(ground, points, "wgs84", "wgs84", stated=shuffled).judgement == "ok"


def test_stated_addresses_decide_too(ground: Ground) -> None:
    points = pairs(ground.buildings)
    at = points + 0.0002
    places = (np.where(np.arange(len(at)) % 2 == 0, at[:, 0], np.nan), at[:, 1])
    verdict = judged(ground, points, "bd09", "wgs84", stated_places=places, buildings=None)
    assert (verdict.judgement, "but like bd09;" in verdict.message) == ("stop", True)
    assert judged(ground, points, "wgs84", "wgs84", stated_places=places, buildings=None).judgement == "ok"


def test_without_buildings_an_offset_is_not_measured(ground: Ground) -> None:
    verdict = judged(ground, pairs(ground.incidents), "gcj02", "wgs84", buildings=None)
    assert verdict.judgement == "ok"
    assert "not measured" in verdict.message


def test_a_file_without_a_point_is_not_measured(ground: Ground) -> None:
    assert judged(ground, np.full((3, 2), np.nan), "wgs84", "wgs84").judgement == "ok"
    assert judged(ground, np.empty((0, 2)), "wgs84", "wgs84").judgement == "ok"


def test_the_refusal_shows_the_evidence(ground: Ground) -> None:
    refuse_wrong_crs(judged(ground, pairs(ground.incidents), "wgs84", "wgs84"), "calls.csv")
    with pytest.raises(LoadRefused, match=r"calls\.csv: (?s:.*)--trust-crs(?s:.*)at a building \d") as refused:
        refuse_wrong_crs(judged(ground, pairs(ground.incidents), "bd09", "gcj02"), "calls.csv")
    assert "117." not in str(refused.value)  # figures, never coordinates


def test_some_true_files_of_a_district_pass(ground: Ground) -> None:
    for name, points in list(true_files(ground, 1))[::12]:
        assert judged(ground, points, "wgs84", "wgs84").judgement == "ok", name


def assert_called_by_name(ground: Ground) -> None:
    """Given in GCJ-02 or BD-09 and called so, points farther than a centimetre from an edge are in their cell."""
    points = np.concatenate([pairs(frame) for frame in (ground.incidents, ground.elements, ground.buildings)])
    wanted = ground.index.locate_many(points[:, 0], points[:, 1])[0]
    edge_m = ground.index.edge_distances_m(wanted, points[:, 0], points[:, 1])
    sure = ~(edge_m <= 0.01)
    assert sure.mean() > 0.5
    for crs in ("gcj02", "bd09"):
        lon, lat = to_wgs84(crs, *from_wgs84(crs, points[:, 0], points[:, 1]))
        assert (ground.index.locate_many(lon, lat)[0] == wanted)[sure].all()


def test_points_called_by_the_name_of_their_crs_land_in_their_cell(ground: Ground) -> None:
    assert_called_by_name(ground)


@pytest.mark.soak
def test_true_files_of_the_whole_city_pass_and_the_demos_are_stopped(tmp_path: Path) -> None:
    build(tmp_path / "city", as_of=date(2026, 11, 1))
    ground = ground_of(tmp_path / "city")
    files = list(true_files(ground, 1))
    assert len(files) >= 200
    stopped = []
    for number, (name, points) in enumerate(files):
        for crs in ("wgs84", ("gcj02", "bd09")[number % 2]):
            verdict = judged(ground, points, crs, crs)
            if verdict.judgement != "ok":
                stopped.append((name, crs, verdict.message))
    assert stopped == []
    assert_called_by_name(ground)
    for frame in (ground.incidents, ground.elements, ground.buildings):
        assert isinstance(frame, pd.DataFrame)
        for crs in ("gcj02", "bd09"):
            assert judged(ground, pairs(frame), crs, "wgs84").judgement == "stop"
