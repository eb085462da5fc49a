"""The working plane of the generator: longitude and latitude, shifted and scaled to about metres.

The map is affine, so straight lines in lon/lat stay straight and the outer line survives the way there and
back. Lengths are off by up to 1.3 % (the scale is right at LATITUDE only), which a made-up plan can bear.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LONGITUDE, LATITUDE = 117.2, 39.13
# Metres in a degree at LATITUDE on the WGS 84 ellipsoid, to three digits.
METRES_PER_LON = 111_320.0 * math.cos(math.radians(LATITUDE))
METRES_PER_LAT = 111_030.0
DECIMALS = 9

_ORIGIN = np.array([LONGITUDE, LATITUDE])
_SCALE = np.array([METRES_PER_LON, METRES_PER_LAT])


def to_plane(lonlat: Floats) -> Floats:
    """Convert an (n, 2) array of lon, lat in degrees to plane metres."""
    return np.asarray((lonlat - _ORIGIN) * _SCALE, dtype=np.float64)


def to_lonlat(points: Floats) -> Floats:
    """Convert an (n, 2) array of plane metres to lon, lat in degrees, rounded to DECIMALS decimals.

    This is the one rounding of the generator: call it once per shared vertex.
    """
    return np.asarray(np.round(points / _SCALE + _ORIGIN, DECIMALS), dtype=np.float64)


def ring_area(points: Floats) -> float:
    """Area in square metres of a counter-clockwise ring (n, 2) in the plane."""
    after = np.roll(points, -1, axis=0)
    return 0.5 * float((points[:, 0] * after[:, 1] - points[:, 1] * after[:, 0]).sum())
