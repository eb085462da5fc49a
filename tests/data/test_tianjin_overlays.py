from __future__ import annotations

import shapely

from data.tianjin.overlays import QUARTERS, overlays_of

HEPING = shapely.box(117.17, 39.09, 117.22, 39.14)
ELSEWHERE = shapely.box(116.0, 39.0, 116.2, 39.2)


def test_only_the_quarters_of_the_given_districts() -> None:
    overlays = overlays_of({"120101": HEPING}, 1)
    assert overlays["name"].tolist() == ["滨江道商业区", "五大道"]
    assert overlays["code"].is_unique
    assert overlays.crs == "EPSG:4326"
    assert shapely.intersects(overlays.geometry.array, HEPING).all()


def test_a_quarter_off_its_coarse_district_moves_into_it() -> None:
    overlays = overlays_of({"120104": ELSEWHERE}, 1)
    assert len(overlays) == 2
    assert shapely.contains(ELSEWHERE, shapely.centroid(overlays.geometry.array)).all()


def test_outlines_are_valid_and_as_large_as_meant() -> None:
    overlays = overlays_of({quarter.district: shapely.box(110, 30, 120, 42) for quarter in QUARTERS}, 1)
    assert len(overlays) == len(QUARTERS)
    assert overlays.geometry.is_valid.all()
    area_m2 = overlays.to_crs("EPSG:4548").area
    for area, quarter in zip(area_m2, QUARTERS, strict=True):
        assert quarter.reach_m**2 < area < 4.2 * quarter.reach_m**2


def test_the_same_seed_draws_the_same_outlines() -> None:
    first, again = overlays_of({"120101": HEPING}, 1), overlays_of({"120101": HEPING}, 1)
    assert first.geometry.to_wkb().equals(again.geometry.to_wkb())
    assert not first.geometry.to_wkb().equals(overlays_of({"120101": HEPING}, 2).geometry.to_wkb())
