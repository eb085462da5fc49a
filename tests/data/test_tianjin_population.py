from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely

from data.tianjin.ground import Ground, survey
from data.tianjin.population import needs_of, number_addresses, raise_buildings

AS_OF = date(2026, 3, 2)


@pytest.fixture(scope="module")
def buildings(ground: Ground) -> pd.DataFrame:
    return number_addresses(raise_buildings(ground, 1, AS_OF), ground.streets)


def test_households_and_residents_add_up_in_every_cell(ground: Ground, buildings: pd.DataFrame) -> None:
    for column in ("households", "residents"):
        held = np.bincount(buildings["cell"], weights=buildings[column], minlength=12)
        assert held.tolist() == ground.cells[column].tolist()
    assert buildings["households"].min() >= 1
    assert (buildings["expected_households"] >= buildings["households"]).all()
    assert 5 not in set(buildings["cell"])


def test_buildings_stand_strictly_in_their_cells(ground: Ground, buildings: pd.DataFrame) -> None:
    points = shapely.points(buildings["lon"], buildings["lat"])
    assert shapely.contains_properly(ground.shapes[buildings["cell"]], points).all()
    assert buildings["id"].is_unique


def test_a_number_is_once_on_its_street_and_rises_along_it(buildings: pd.DataFrame) -> None:
    assert not buildings.duplicated(["street", "number"]).any()
    value = buildings["number"].str.removesuffix("号").astype(int)
    for street, part in buildings.assign(value=value).groupby("street"):
        axis = "lat" if str(street).startswith("经") else "lon"
        middle = part[axis].to_numpy()
        for odd in (0, 1):
            one_side = part[part["value"] % 2 == odd].sort_values("value")
            assert one_side["value"].tolist() == list(range(2 - odd, 2 * len(one_side) + 1, 2))
            assert one_side[axis].is_monotonic_increasing, street
        across = "lon" if axis == "lat" else "lat"
        odd_side, even_side = part[part["value"] % 2 == 1][across], part[part["value"] % 2 == 0][across]
        if len(odd_side) and len(even_side):
            west_or_north = odd_side.max() < even_side.min() if axis == "lat" else odd_side.min() > even_side.max()
            assert west_or_north, (street, middle)


def test_estates_number_their_buildings(buildings: pd.DataFrame) -> None:
    estates = buildings[buildings["estate"].notna()]
    assert len(estates) > 10
    assert not estates.duplicated(["estate", "block"]).any()
    assert buildings["block"].notna().equals(buildings["estate"].notna())


def test_a_building_that_faces_no_street_belongs_to_the_nearest(plan: tuple) -> None:
    cells, blocks, lines = plan
    (bare,) = survey(cells, blocks, lines[lines["id"].isin(["L08", "L04"])])
    buildings = number_addresses(raise_buildings(bare, 1, AS_OF), bare.streets)
    nearest = np.where(buildings["lon"] < 117.206, "经4路", "经8路")
    assert buildings["street"].tolist() == nearest.tolist()
    assert not buildings.duplicated(["street", "number"]).any()


def test_counted_before_as_of(buildings: pd.DataFrame) -> None:
    assert max(buildings["counted_on"]) < AS_OF


def test_needs_are_drawn_from_the_residents(ground: Ground) -> None:
    residents = np.array([3, 0, 5, 2])
    needs = needs_of(ground, 1, residents, {"child": 4, "mobility_help": 3})
    assert needs["person"].is_unique
    assert needs["category"].value_counts().to_dict() == {"child": 4, "mobility_help": 3}
    home = [0, 0, 0, 2, 2, 2, 2, 2, 3, 3]
    assert needs["building"].tolist() == [home[person] for person in needs["person"]]
    assert len(needs_of(ground, 1, residents, {"child": 99})) == 10
