"""Overlays of the demo city: well-known quarters at their real places, with made-up outlines.

Imports draws and ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from data.tianjin.draws import generator
from data.tianjin.ground import METRES_PER_DEGREE


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter: its district, where it lies (degrees) and how far its made-up outline reaches (metres)."""

    district: str
    name: str
    kind: str
    lon: float
    lat: float
    reach_m: float


QUARTERS = (
    Quarter("120101", "滨江道商业区", "business_district", 117.1935, 39.1195, 420),
    Quarter("120101", "五大道", "scenic_area", 117.1960, 39.1100, 600),
    Quarter("120104", "古文化街", "scenic_area", 117.1850, 39.1415, 260),
    Quarter("120104", "水上公园", "park", 117.1640, 39.0900, 640),
    Quarter("120105", "意式风情区", "scenic_area", 117.1970, 39.1360, 300),
    Quarter("120105", "天津站枢纽区", "transport_hub", 117.2040, 39.1370, 350),
    Quarter("120103", "文化中心", "business_district", 117.2080, 39.0860, 450),
    Quarter("120111", "杨柳青古镇", "scenic_area", 117.0080, 39.1380, 700),
    Quarter("120116", "于家堡商务区", "business_district", 117.7000, 39.0000, 900),
    Quarter("120116", "天津港客运区", "transport_hub", 117.7500, 38.9850, 800),
    Quarter("120119", "盘山风景名胜区", "scenic_area", 117.2700, 40.0900, 3500),
)


def overlays_of(districts: Mapping[str, BaseGeometry], seed: int) -> gpd.GeoDataFrame:
    """The overlays of the given districts (code -> outline, EPSG:4326): code, name, kind, geometry.

    The district outlines are coarse: a quarter that would not lie in its district moves to a point in it.
    """
    rows = []
    for number, quarter in enumerate(QUARTERS, start=1):
        outline = districts.get(quarter.district)
        if outline is None:
            continue
        centre = shapely.Point(quarter.lon, quarter.lat)
        if not shapely.contains(outline, centre):
            centre = shapely.point_on_surface(outline)
        code = f"{quarter.district}-Q{number:02d}"
        rows.append((code, quarter.name, quarter.kind, _outline(centre, quarter.reach_m, code, seed)))
    columns = ["code", "name", "kind", "geometry"]
    return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs="EPSG:4326")


def _outline(centre: shapely.Point, reach_m: float, code: str, seed: int) -> shapely.Polygon:
    """A rounded, slightly uneven quadrangle of 32 vertices, turned by chance."""
    rng = generator(seed, "overlay", code)
    angle = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
    stretch, turn = rng.uniform(0.6, 0.9), rng.uniform(0.0, np.pi)
    east = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.6
    north = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.6 * stretch
    uneven = 1.0 + 0.08 * np.sin(2.0 * angle + rng.uniform(0.0, 6.0)) + 0.05 * np.sin(3.0 * angle)
    x = (east * np.cos(turn) - north * np.sin(turn)) * uneven * reach_m
    y = (east * np.sin(turn) + north * np.cos(turn)) * uneven * reach_m
    lon = centre.x + x / (METRES_PER_DEGREE * np.cos(np.radians(centre.y)))
    return shapely.Polygon(np.round(np.column_stack((lon, centre.y + y / METRES_PER_DEGREE)), 7))
