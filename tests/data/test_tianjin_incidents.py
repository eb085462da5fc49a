from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely

from data.tianjin.ground import Ground
from data.tianjin.incidents import (
    CATEGORIES,
    ZONE,
    incidents_of,
    outside_incidents,
    with_tickets,
    year_before,
)
from data.tianjin.population import raise_buildings

AS_OF = date(2026, 3, 2)


@pytest.fixture(scope="module")
def year(ground: Ground) -> pd.DataFrame:
    buildings = raise_buildings(ground, 1, AS_OF)
    return with_tickets(incidents_of(ground, 1, 20_000, buildings, AS_OF), 1)


def local(times: pd.Series) -> pd.Series:
    return times.dt.tz_convert(ZONE)


def test_the_rhythms_have_a_digit_for_every_hour_weekday_and_month() -> None:
    for key, kind in CATEGORIES.items():
        assert (len(kind.hours), len(kind.weekdays), len(kind.months)) == (24, 7, 12), key
        assert (kind.hours + kind.weekdays + kind.months).isdigit(), key
        assert 0 <= kind.street + kind.cluster <= 1, key
    assert sum(kind.weight for kind in CATEGORIES.values()) == 1000


def test_incidents_lie_in_the_year_before(year: pd.DataFrame) -> None:
    begin, end = year_before(AS_OF)
    assert (end - begin).days == 365
    assert local(year["happened_at"]).dt.date.min() == date(2025, 3, 2)
    assert local(year["happened_at"]).dt.date.max() == date(2026, 3, 1)
    assert (year["happened_at"] <= year["reported_at"]).all()
    assert (year["reported_at"] < end).all()
    closed = year.dropna(subset="closed_at")
    assert (closed["reported_at"] < closed["closed_at"]).all()
    assert (closed["closed_at"] < end).all()


def test_the_last_weeks_are_partly_open(year: pd.DataFrame) -> None:
    still_open = year["closed_at"].isna()
    late = local(year["reported_at"]).dt.date >= date(2026, 2, 16)
    assert 0.05 < still_open[late].mean() < 0.6
    assert 0 < still_open[~late].mean() < 0.02


def test_the_rhythm_of_day_week_and_season(year: pd.DataFrame) -> None:
    happened = local(year["happened_at"])
    kind = year["category"]
    assert not happened[kind == "heating"].dt.month.isin([5, 6, 7, 8, 9, 10]).any()
    evening = happened.dt.hour.isin([20, 21, 22, 23])
    assert evening[kind == "noise"].mean() > 2 * evening[kind == "property_dispute"].mean()
    weekend = happened.dt.day_of_week >= 5
    assert weekend[kind == "noise"].mean() > weekend[kind == "parking"].mean() + 0.05
    assert happened[kind == "flood"].dt.month.mode().tolist() in ([7], [8])


def test_a_share_lies_on_streets_and_a_little_exactly_on_cells_lines(ground: Ground, year: pd.DataFrame) -> None:
    points = shapely.points(year["lon"], year["lat"])
    streets = shapely.union_all(np.asarray(ground.streets.geometry.array, dtype=object))
    on_street = shapely.distance(points, streets) < 1e-11
    assert 0.35 < on_street.mean() < 0.55
    assert on_street[year["category"] == "road_damage"].mean() > 0.9
    vertices = shapely.multipoints(np.unique(shapely.get_coordinates(ground.shapes), axis=0))
    assert 0.001 < (shapely.distance(points, vertices) == 0).mean() < 0.005


def test_some_places_are_hot(ground: Ground, year: pd.DataFrame) -> None:
    points = shapely.points(year["lon"], year["lat"])
    lines = shapely.STRtree(np.asarray(ground.streets.geometry.array, dtype=object))
    found, distance = lines.query_nearest(points, all_matches=False, return_distance=True)
    on_street = np.bincount(found[1][distance < 1e-11], minlength=len(ground.streets))
    assert on_street.max() > 4 * np.median(on_street)


def test_tickets_are_unique_and_numbered_by_day(year: pd.DataFrame) -> None:
    assert year["id"].is_unique
    assert year["reporter"].is_unique
    assert year["reporter"].str.fullmatch(r"T-[0-9a-f]{12}").all()
    days = "12345-" + local(year["reported_at"]).dt.strftime("%Y%m%d")
    assert (year["id"].str.slice(0, 14) == days).all()
    assert year["id"].is_monotonic_increasing


def test_incidents_outside_keep_their_points() -> None:
    points = np.array([[118.5, 38.0], [116.0, 40.5]])
    table = outside_incidents(points, 1, AS_OF)
    assert table[["lon", "lat"]].to_numpy().tolist() == points.tolist()
    assert set(table["category"]) <= set(CATEGORIES)


def test_hot_spots_scatter_nothing_out_of_the_district(ground: Ground, year: pd.DataFrame) -> None:
    points = shapely.points(year["lon"], year["lat"])
    assert shapely.distance(points, shapely.union_all(ground.shapes)).max() < 1e-11
