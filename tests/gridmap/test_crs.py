"""Coordinates: published offsets against reference figures, round trips, and one pinned datum shift."""

from __future__ import annotations

import math

import geocoordinates_ffi as geocoordinates
import numpy as np
import prcoords
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from gridmap.crs import check_name, from_wgs84, is_degrees, to_wgs84
from gridmap.errors import InvalidInput

GEOD = Geod(ellps="WGS84")

# WGS 84, GCJ-02 and BD-09 (lon, lat) as the PyPI package prcoords 1.0.2 (public domain) gives them.
REFERENCE = [
    ((117.1902, 39.1255), (117.19652052560252, 39.1265489205661), (117.20310303973264, 39.13232299821726)),
    ((117.7087, 38.9911), (117.71497077147099, 38.99198694847524), (117.72135009337892, 38.9983253579958)),
    ((121.4737, 31.2304), (121.47822305927693, 31.22845773757727), (121.484781468503, 31.234310593689997)),
    ((114.0579, 22.5431), (114.06301399856547, 22.54038281422246), (114.06956398703267, 22.546041559073544)),
    ((117.6, 40.15), (117.60623802253254, 40.15107574772119), (117.61261356556872, 40.15740637241834)),
]


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(GEOD.inv(*one, *other)[2])


def moved(crs: str, lon: float, lat: float) -> tuple[float, float]:
    x, y = from_wgs84(crs, [lon], [lat])
    return float(x[0]), float(y[0])


def back(crs: str, x: float, y: float) -> tuple[float, float]:
    lon, lat = to_wgs84(crs, [x], [y])
    return float(lon[0]), float(lat[0])


@pytest.mark.parametrize(("wgs84", "gcj02", "bd09"), REFERENCE)
def test_chinese_offsets_agree_with_the_reference(
    wgs84: tuple[float, float], gcj02: tuple[float, float], bd09: tuple[float, float]
) -> None:
    assert metres(moved("gcj02", *wgs84), gcj02) < 0.001
    assert metres(moved("bd09", *wgs84), bd09) < 0.001
    assert metres(back("gcj02", *gcj02), wgs84) < 0.01
    assert metres(back("bd09", *bd09), wgs84) < 0.01


@given(st.floats(74.0, 134.0), st.floats(18.0, 53.0), st.sampled_from(["gcj02", "bd09"]))
def test_chinese_round_trips_stay_within_a_centimetre(lon: float, lat: float, crs: str) -> None:
    assert metres(back(crs, *moved(crs, lon, lat)), (lon, lat)) < 0.01


@given(st.floats(116.7, 118.1), st.floats(38.6, 40.3))
def test_how_far_off_a_forgotten_offset_is_in_tianjin(lon: float, lat: float) -> None:
    assert 450 < metres(moved("gcj02", lon, lat), (lon, lat)) < 650
    assert 1200 < metres(moved("bd09", lon, lat), (lon, lat)) < 1500


def test_chinese_offsets_agree_with_two_packages() -> None:
    """All over China the offsets are the same figures, and our inverse undoes theirs to a micrometre."""
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(73.5, 135.0, 2_000), rng.uniform(18.0, 53.5, 2_000)
    gcj02 = [prcoords.wgs_gcj(prcoords.Coords(y, x)) for x, y in zip(lon, lat, strict=True)]
    bd09 = [prcoords.wgs_bd(prcoords.Coords(y, x)) for x, y in zip(lon, lat, strict=True)]
    places = [geocoordinates.Wgs84(lat=y, lon=x) for x, y in zip(lon, lat, strict=True)]
    for crs, packages in {
        "gcj02": (gcj02, [geocoordinates.wgs84_to_gcj02(place) for place in places]),
        "bd09": (bd09, [geocoordinates.wgs84_to_bd09(place) for place in places]),
    }.items():
        ours = from_wgs84(crs, lon, lat)
        for theirs in packages:
            x, y = np.array([each.lon for each in theirs]), np.array([each.lat for each in theirs])
            assert GEOD.inv(*ours, x, y)[2].max() < 1e-6
            assert GEOD.inv(*to_wgs84(crs, x, y), lon, lat)[2].max() < 1e-6


def test_chinese_inverses_agree_with_two_packages() -> None:
    """prcoords stops its iteration early, at some millimetres (GCJ-02) or centimetres (BD-09)."""
    rng = np.random.default_rng(2)
    x, y = rng.uniform(73.5, 135.0, 2_000), rng.uniform(18.0, 53.5, 2_000)
    pairs = list(zip(x.tolist(), y.tolist(), strict=True))
    refined = [geocoordinates.gcj02_to_wgs84_refined(geocoordinates.Gcj02(lat=b, lon=a)) for a, b in pairs]
    for crs, theirs, apart_m in (
        ("gcj02", refined, 1e-5),
        ("gcj02", [prcoords.gcj_wgs_bored(prcoords.Coords(b, a)) for a, b in pairs], 0.01),
        ("bd09", [prcoords.bd_wgs_bored(prcoords.Coords(b, a)) for a, b in pairs], 0.03),
    ):
        there = np.array([each.lon for each in theirs]), np.array([each.lat for each in theirs])
        assert GEOD.inv(*to_wgs84(crs, x, y), *there)[2].max() < apart_m


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_round_trips_all_over_china_are_exact_to_a_micrometre(crs: str) -> None:
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(72.1, 137.7, 50_000), rng.uniform(1.0, 55.7, 50_000)
    assert GEOD.inv(*to_wgs84(crs, *from_wgs84(crs, lon, lat)), lon, lat)[2].max() < 1e-6


def test_outside_chinas_rectangle_gcj02_is_wgs84_and_bd09_keeps_its_own_shift() -> None:
    for lon, lat in (
        (-0.1276, 51.5072),
        (72.0, 40.0),
        (138.0, 40.0),
        (100.0, 0.8),
        (100.0, 55.9),
        (-117.2, -39.1),
    ):
        assert moved("gcj02", lon, lat) == back("gcj02", lon, lat) == (lon, lat)
        assert 500 < metres(moved("bd09", lon, lat), (lon, lat)) < 2_000
        assert metres(back("bd09", *moved("bd09", lon, lat)), (lon, lat)) < 1e-6


@settings(deadline=None)  # the first conversion reads PROJ's database
@given(st.floats(116.5, 118.5), st.floats(38.0, 40.5))
def test_the_metric_crs_of_tianjin_round_trips(lon: float, lat: float) -> None:
    assert metres(back("EPSG:4548", *moved("EPSG:4548", lon, lat)), (lon, lat)) < 1e-4


def test_the_metric_crs_of_tianjin_by_hand() -> None:
    # Gauss-Krueger, central meridian 117 E, false easting 500 km, scale 1: on the meridian x is exact, and a
    # degree of latitude from 39 to 40 N is 111,028 m on the GRS 80 ellipsoid.
    x, y = from_wgs84("EPSG:4548", [117.0, 117.0], [39.0, 40.0])
    assert x.tolist() == pytest.approx([500_000.0, 500_000.0], abs=1e-6)
    assert float(y[1] - y[0]) == pytest.approx(GEOD.inv(117.0, 39.0, 117.0, 40.0)[2], abs=0.01)


def geocentric(lon: float, lat: float, axis_m: float, minor_m: float) -> tuple[float, float, float]:
    phi, lam = math.radians(lat), math.radians(lon)
    squared = 1 - (minor_m / axis_m) ** 2
    normal = axis_m / math.sqrt(1 - squared * math.sin(phi) ** 2)
    return (
        normal * math.cos(phi) * math.cos(lam),
        normal * math.cos(phi) * math.sin(lam),
        normal * (1 - squared) * math.sin(phi),
    )


def geodetic(x: float, y: float, z: float, axis_m: float, minor_m: float) -> tuple[float, float]:
    squared = 1 - (minor_m / axis_m) ** 2
    lat = math.atan2(z, math.hypot(x, y) * (1 - squared))
    for _ in range(10):
        normal = axis_m / math.sqrt(1 - squared * math.sin(lat) ** 2)
        lat = math.atan2(z + squared * normal * math.sin(lat), math.hypot(x, y))
    return math.degrees(math.atan2(y, x)), math.degrees(lat)


def test_the_pinned_british_operation_by_hand() -> None:
    """Ordnance Survey's worked example (A guide to coordinate systems in Great Britain, annex C): easting
    651409.903, northing 313177.270 is 52 39 27.2531 N, 1 43 4.5177 E on Airy 1830. The shift from there is
    EPSG operation 1314: seven parameters, position vector."""
    lon, lat = 1 + 43 / 60 + 4.5177 / 3600, 52 + 39 / 60 + 27.2531 / 3600
    x, y, z = geocentric(lon, lat, 6377563.396, 6356256.909)
    second = math.radians(1 / 3600)
    rx, ry, rz, scale = 0.150 * second, 0.247 * second, 0.842 * second, 1 - 20.489e-6
    shifted = (
        446.448 + scale * (x - rz * y + ry * z),
        -125.157 + scale * (rz * x + y - rx * z),
        542.060 + scale * (-ry * x + rx * y + z),
    )
    wanted = geodetic(*shifted, 6378137.0, 6356752.314245)
    got = to_wgs84("EPSG:27700", [651409.903], [313177.270], "OSGB36 to WGS 84 (6)")
    assert metres((float(got[0][0]), float(got[1][0])), wanted) < 0.005


def test_the_pinned_operation_is_not_any_other() -> None:
    pinned = to_wgs84("EPSG:27700", [530047.0], [180422.0], "OSGB36 to WGS 84 (6)")
    other = to_wgs84("EPSG:27700", [530047.0], [180422.0], "OSGB36 to WGS 84 (1)")
    apart_m = metres((float(pinned[0][0]), float(pinned[1][0])), (float(other[0][0]), float(other[1][0])))
    assert apart_m > 0.5
    again = from_wgs84("EPSG:27700", *pinned, "OSGB36 to WGS 84 (6)")
    assert (float(again[0][0]), float(again[1][0])) == pytest.approx((530047.0, 180422.0), abs=0.001)


def test_an_operation_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"OSGB36 to WGS 84 \(6\)"):
        to_wgs84("EPSG:27700", [530047.0], [180422.0], "OSGB36 to Mars")


@pytest.mark.parametrize(
    ("given_name", "canonical"),
    [
        ("wgs84", "wgs84"),
        ("WGS84", "wgs84"),
        ("Gcj02", "gcj02"),
        ("EPSG:4548", "EPSG:4548"),
        ("epsg:27700", "EPSG:27700"),
        ("4490", "EPSG:4490"),
    ],
)
def test_names_come_out_canonical(given_name: str, canonical: str) -> None:
    assert check_name(given_name) == canonical


@pytest.mark.parametrize(
    "name",
    [
        "",
        None,
        4326,
        "wgs-84",
        "EPSG:",
        "EPSG:999999",
        "EPSG:0000",
        "EPSG:５４８９",
        "EPSG:4978",
        "EPSG:5773",
        "EPSG:4326\0",
        "EPSG:43261234567890",
        "+proj=longlat",
        "urn:ogc:def:crs:EPSG::4326",
    ],
)
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="crs"):
        check_name(name)


def test_degrees_or_metres() -> None:
    assert [is_degrees(crs) for crs in ("wgs84", "bd09", "EPSG:4490", "EPSG:4548", "EPSG:27700")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_cgcs2000_and_wgs84_are_taken_as_they_are() -> None:
    lon, lat = np.array([117.2, 118.0]), np.array([39.1, 38.7])
    for crs in ("wgs84", "cgcs2000", "EPSG:4326", "EPSG:4490"):
        assert [each.tolist() for each in to_wgs84(crs, lon, lat)] == [lon.tolist(), lat.tolist()]


def test_what_cannot_be_transformed_is_infinite_not_an_error() -> None:
    x, y = from_wgs84("EPSG:4548", [np.nan, np.inf, 117.0], [39.0, 39.0, 39.0])
    assert np.isfinite(x).tolist() == np.isfinite(y).tolist() == [False, False, True]
