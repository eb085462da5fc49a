"""Coordinates: the only place where they are converted. Imports ``errors`` only.

Inside GridMap everything is EPSG:4326, order lon, lat. Every input names its crs: ``wgs84``, ``cgcs2000``,
``gcj02``, ``bd09`` or ``EPSG:<code>``; there is no default.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from pyproj.transformer import TransformerGroup

from gridmap.errors import InvalidInput

Floats = NDArray[np.float64]

NAMES = ("wgs84", "cgcs2000", "gcj02", "bd09")
_NAMED_EPSG = {"wgs84": 4326, "cgcs2000": 4490}
_RULE = f"must be one of {', '.join(NAMES)} or EPSG:<code>; there is no default"
_EPSG = re.compile(r"(?:EPSG:)?([0-9]{4,6})", re.IGNORECASE)

# Krasovsky 1940, the ellipsoid that the GCJ-02 offset was computed on: semi-major axis and eccentricity squared.
_AXIS_M = 6_378_245.0
_ECCENTRICITY_2 = 0.00669342162296594323
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)
_BD_TURN = np.pi * 3000.0 / 180.0

# A transformation never waits for a grid from elsewhere.
pyproj.network.set_network_enabled(active=False)  # type: ignore[attr-defined]


def check_name(crs: object) -> str:
    """Return ``crs`` in its canonical form (``wgs84`` … or ``EPSG:27700``); InvalidInput when it is none."""
    if isinstance(crs, str):
        if crs.lower() in NAMES:
            return crs.lower()
        match = _EPSG.fullmatch(crs.strip())
        if match:
            _epsg(int(match[1]), crs)
            return f"EPSG:{int(match[1])}"
    raise InvalidInput("crs", crs, _RULE)


@lru_cache(maxsize=256)
def _epsg(code: int, given: str) -> CRS:
    try:
        crs = CRS.from_epsg(code)
    except CRSError as error:
        raise InvalidInput("crs", given, "is not a code of the EPSG registry") from error
    if not (crs.is_projected or crs.is_geographic):
        raise InvalidInput("crs", given, "must be a projected or geographic coordinate system")
    return crs


@lru_cache(maxsize=64)
def _transformer(source: int, target: int, operation: str | None) -> Transformer:
    """The best operation that needs no grid file, or exactly the one named: same figures on every machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "best transformation not available": on purpose, see above
        group = TransformerGroup(_epsg(source, str(source)), _epsg(target, str(target)), always_xy=True)
    choices = [one for one in group.transformers if not any(part.grids for part in one.operations or ())]
    if operation is not None:
        choices = [one for one in choices if operation in one.description]
        if not choices:
            known = "; ".join(one.description for one in group.transformers)
            raise InvalidInput("operation", operation, f"is not an operation from EPSG:{source}; known: {known}")
    if not choices:
        raise InvalidInput("crs", f"EPSG:{source}", f"has no grid-free operation to EPSG:{target}")
    return choices[0]


def is_degrees(crs: str) -> bool:
    """Whether a canonical name's coordinates are longitude and latitude in degrees."""
    return crs in NAMES or _epsg(_code(crs), crs).is_geographic


def is_north_first(crs: str) -> bool:
    """Whether the EPSG registry writes a crs's pairs north first: 4326, 4490 and 4548 do, 3857 does not.

    GridMap itself always has x or lon first; standards that follow the registry ask for its order.
    """
    return bool(_epsg(_code(crs), crs).axis_info[0].direction.lower() == "north")


def _code(crs: str) -> int:
    return _NAMED_EPSG.get(crs) or int(crs.removeprefix("EPSG:"))


def to_wgs84(crs: str, x: ArrayLike, y: ArrayLike, operation: str | None = None) -> tuple[Floats, Floats]:
    """Arrays of x (or lon) and y (or lat) in ``crs`` to lon, lat in WGS 84.

    ``operation`` pins the named EPSG operation. What cannot be transformed comes back as infinity, as from
    PROJ. GCJ-02 and BD-09 are inverted by iteration until rounding is all that is left.
    """
    crs = check_name(crs)
    lon, lat = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if crs == "bd09":
        lon, lat = _gcj02_from_bd09(lon, lat)
    if crs in ("gcj02", "bd09"):
        return _wgs84_from_gcj02(lon, lat)
    if crs in ("wgs84", "cgcs2000", "EPSG:4326", "EPSG:4490"):
        return lon, lat  # CGCS2000 and WGS 84 differ by centimetres at most; PROJ's own operation is a null one
    lon, lat = _transformer(_code(crs), 4326, operation).transform(lon, lat)
    return np.asarray(lon), np.asarray(lat)


def from_wgs84(crs: str, lon: ArrayLike, lat: ArrayLike, operation: str | None = None) -> tuple[Floats, Floats]:
    """Arrays of lon, lat in WGS 84 to x, y in ``crs``; the opposite of :func:`to_wgs84`."""
    crs = check_name(crs)
    lon, lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    if crs in ("gcj02", "bd09"):
        lon, lat = _gcj02_from_wgs84(lon, lat)
        return _bd09_from_gcj02(lon, lat) if crs == "bd09" else (lon, lat)
    if crs in ("wgs84", "cgcs2000", "EPSG:4326", "EPSG:4490"):
        return lon, lat
    x, y = _transformer(4326, _code(crs), operation).transform(lon, lat)
    return np.asarray(x), np.asarray(y)


def _gcj02_offset(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The published offset polynomial of GCJ-02 in degrees; zero outside China's rectangle."""
    west, south, right, top = _CHINA
    inside = (lon >= west) & (lon <= right) & (lat >= south) & (lat <= top)
    # elsewhere there is no offset, and the polynomial of absurd numbers overflows
    lon, lat = np.where(inside, lon, 105.0), np.where(inside, lat, 35.0)
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY_2 * np.sin(phi) ** 2
    north_degrees = north * 180.0 / (_AXIS_M * (1.0 - _ECCENTRICITY_2) / (magic * np.sqrt(magic)) * np.pi)
    east_degrees = east * 180.0 / (_AXIS_M / np.sqrt(magic) * np.cos(phi) * np.pi)
    return np.where(inside, east_degrees, 0.0), np.where(inside, north_degrees, 0.0)


def _gcj02_from_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    east, north = _gcj02_offset(lon, lat)
    return lon + east, lat + north


def _wgs84_from_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Fixed-point iteration: the offset changes by under 1e-3 per degree, so ten steps leave rounding only."""
    true_lon, true_lat = lon, lat
    for _ in range(10):
        east, north = _gcj02_offset(true_lon, true_lat)
        true_lon, true_lat = lon - east, lat - north
    return true_lon, true_lat


def _bd09_from_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURN)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _gcj02_from_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    true_lon, true_lat = lon - 0.0065, lat - 0.006
    for _ in range(10):
        again_lon, again_lat = _bd09_from_gcj02(true_lon, true_lat)
        true_lon, true_lat = true_lon - (again_lon - lon), true_lat - (again_lat - lat)
    return true_lon, true_lat
