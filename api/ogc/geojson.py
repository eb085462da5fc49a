"""Features as GeoJSON, in any system that is offered: pairs are written in the order that the system asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import shapely
from numpy.typing import NDArray

from api.ogc.links import Link
from gridmap.model import City
from gridmap.projecting import Axes, from_stored
from gridmap.store.features import FeatureRow


def shapes_of(rows: Sequence[FeatureRow], axes: Axes) -> NDArray[np.object_]:
    """The rows' geometries in ``axes``."""
    stored = np.asarray(shapely.from_wkb(np.array([row.wkb for row in rows], object)), object)
    return from_stored(axes, stored)


def head_of(city: City, revision: int) -> dict[str, object]:
    """What every answer says of itself."""
    return {
        "revision": revision,
        "attribution": city.attribution,
        "notice": dict(city.notice),
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def properties_of(row: FeatureRow, city: City) -> dict[str, object]:
    """The row's properties; times are city time."""
    return {
        name: value.astimezone(city.zone).isoformat() if isinstance(value, datetime) else value
        for name, value in row.properties.items()
    }


def collection_json(
    rows: Sequence[FeatureRow],
    axes: Axes,
    city: City,
    head: dict[str, object],
    matched: int | None,
    links: Sequence[Link],
) -> bytes:
    """A page of features."""
    counts = {"numberReturned": len(rows)} if matched is None else _counts(matched, len(rows))
    start = json.dumps({"type": "FeatureCollection", **head, **counts, "links": links}, ensure_ascii=False)
    features = ",".join(
        _feature(row, shape, properties_of(row, city))
        for row, shape in zip(rows, shapely.to_geojson(shapes_of(rows, axes)), strict=True)
    )
    return f'{start[:-1]}, "features": [{features}]}}'.encode()


def feature_json(row: FeatureRow, axes: Axes, city: City, head: dict[str, object], links: Sequence[Link]) -> bytes:
    """One feature."""
    shape = shapely.to_geojson(shapes_of([row], axes))[0]
    feature = _feature(row, shape, properties_of(row, city))
    more = json.dumps({**head, "links": links}, ensure_ascii=False)
    return f"{feature[:-1]}, {more[1:]}".encode()


def _counts(matched: int, returned: int) -> dict[str, int]:
    return {"numberMatched": matched, "numberReturned": returned}


def _feature(row: FeatureRow, shape: str, properties: dict[str, object]) -> str:
    # the shape is text already: built here, since parsing and writing it again takes most of the time
    identity, values = json.dumps(row.id), json.dumps(properties, ensure_ascii=False)
    return f'{{"type": "Feature", "id": {identity}, "geometry": {shape}, "properties": {values}}}'
