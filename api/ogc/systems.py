"""Reference systems by their OGC addresses, with the order of axes that the address stands for."""

from __future__ import annotations

from gridmap.crs import check_name, is_north_first
from gridmap.errors import InvalidInput
from gridmap.model import City
from gridmap.projecting import Axes

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"

# What every city offers besides its own metric system. CGCS2000, 4490, is what offices in China ask for.
_CODES = (4326, 4490, 3857)


def systems_of(city: City) -> dict[str, Axes]:
    """The systems that are offered, by address; the default first."""
    offered = {CRS84: Axes("wgs84")}
    for code in (*_CODES, int(city.metric_crs.removeprefix("EPSG:"))):
        name = check_name(f"EPSG:{code}")
        offered[f"{_EPSG}{code}"] = Axes(name, is_north_first(name))
    return offered


def system_of(city: City, field: str, given: str | None) -> tuple[str, Axes]:
    """The address and the axes of a system; InvalidInput for one that is not offered."""
    offered = systems_of(city)
    address = (given or CRS84).strip("<>")
    if address not in offered:
        raise InvalidInput(field, given, f"must be one of {', '.join(offered)}")
    return address, offered[address]
