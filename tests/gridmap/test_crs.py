"""Coordinates: published offsets against reference figures, round trips, and one pinned datum shift."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
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


def test_gcj02_leaves_points_outside_china_alone() -> None:
    assert moved("gcj02", -0.1276, 51.5072) == (-0.1276, 51.5072)


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
