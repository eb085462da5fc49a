"""What the lists of areas, cells and overlays share: their parameters, pages and features."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
import shapely
from fastapi import Query, Request

from api.deps import city_time
from api.schemas.registry import Feature, FeatureCollection
from gridmap.crs import Floats, from_wgs84
from gridmap.history import revision_for
from gridmap.model import City, Revision
from gridmap.store.city import read_city
from gridmap.store.database import Connection

LARGEST_PAGE = 10_000
FEATURES_PAGE = 500

Form = Annotated[Literal["json", "geojson"], Query(description="geojson adds the shapes")]
Crs = Annotated[
    str, Query(max_length=20, description="crs of the shapes: wgs84, cgcs2000, gcj02, bd09, EPSG:<code>")
]
After = Annotated[
    str, Query(max_length=64, pattern=r"^[^\x00-\x1f\x7f/\s]*$", description="begin after this code")
]
Limit = Annotated[int | None, Query(ge=1, le=LARGEST_PAGE, description="at most so many; 10,000, or 500 shapes")]


def city_and_revision(connection: Connection, at: datetime | None, revision: int | None) -> tuple[City, Revision]:
    """The city, and the revision that a time or a number names, else the current one; NotFound for neither."""
    city = read_city(connection)
    return city, revision_for(connection, None if at is None else city_time("at", at, city), revision)


def page_of_codes(
    request: Request, rows: list[Any], size: int, revision: Revision, period: str | None = None
) -> tuple[list[Any], str | None]:
    """The rows of this page and the link to the next, which stays with this revision and release."""
    if len(rows) <= size:
        return rows, None
    given = {name: value for name, value in request.query_params.items() if name != "at"}
    following = {**given, "after": rows[size - 1].code, "revision": str(revision.number)}
    if period is not None:
        following["period"] = period
    # A proxy may leave its own path on the request or take it off; clients need it either way.
    root = request.scope.get("root_path", "")
    return rows[:size], f"{root}{request.url.path.removeprefix(root)}?{urlencode(following)}"


def collection(
    city: City,
    revision: Revision,
    crs: str,
    rows: Iterable[tuple[int | str, bytes | None, dict[str, Any]]],
    following: str | None,
) -> FeatureCollection:
    """Rows of id, WKB in EPSG:4326 and properties as features in a crs, with what must stand beside a map."""

    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(crs, coordinates[:, 0], coordinates[:, 1]))

    features = []
    for identity, wkb, properties in rows:
        geometry = shapely.from_wkb(wkb)
        if crs != "wgs84":
            geometry = shapely.transform(geometry, convert)
        shape_ = json.loads(str(shapely.to_geojson(geometry)))
        features.append(Feature(id=identity, geometry=shape_, properties=properties))
    return FeatureCollection(
        revision=revision.number,
        crs=crs,
        attribution=city.attribution,
        notice=dict(city.notice),
        features=features,
        next=following,
    )
