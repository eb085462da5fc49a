"""A collection as a file for a GIS: GeoParquet, FlatGeobuf, GeoPackage. Imports ``store`` and below.

Pairs are x, y or lon, lat in all of them, as these formats have it; what no registry has, GCJ-02 and BD-09, has no
crs in the file, and its metadata say which it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import shapely

from gridmap.crs import check_name
from gridmap.errors import InvalidInput
from gridmap.features import OVERLAYS, Collection, Kind
from gridmap.model import City, Revision
from gridmap.projecting import Axes, from_stored
from gridmap.shapes import multi
from gridmap.store.database import Connection
from gridmap.store.features import FeatureRow, Period, Wanted, read_features

FORMATS = {
    "parquet": "application/vnd.apache.parquet",
    "fgb": "application/octet-stream",
    "gpkg": "application/geopackage+sqlite3",
}
_DRIVERS = {"fgb": "FlatGeobuf", "gpkg": "GPKG"}
_CODES = {"wgs84": "EPSG:4326", "cgcs2000": "EPSG:4490", "gcj02": None, "bd09": None}
_SAME = {"EPSG:4326": "wgs84", "EPSG:4490": "cgcs2000"}
# More than any city has; a file is a whole or nothing.
_EVERYTHING = 10_000_000


@dataclass(frozen=True)
class Export:
    """A file that can be made: a collection at a revision (overlays: at a time), its format and its crs."""

    collection: Collection
    city: City
    revision: Revision
    moment: datetime
    format: str
    crs: str

    def name(self, rows: Sequence[FeatureRow] = ()) -> str:
        """A name that stands for the content; overlays, which are no part of a revision, give their rows."""
        if self.collection.id == OVERLAYS:
            content = sha256(repr([(row.id, sorted(row.properties.items()), row.wkb) for row in rows]).encode())
            stands_for = content.hexdigest()[:24]
        else:
            # a city that is loaded anew begins again with revision 1
            stands_for = f"{self.revision.number}-{self.revision.published_at:%Y%m%dT%H%M%S%f}"
        return f"{self.collection.id}-{stands_for}-{self.crs.replace(':', '')}.{self.format}"

    def metadata(self) -> dict[str, str]:
        """What the file says of itself."""
        said = {
            "city": self.city.code,
            "layer": self.collection.id,
            "revision": str(self.revision.number),
            "valid_from": self.revision.valid_from.isoformat(),
            "crs": self.crs,
            "attribution": self.city.attribution,
            **{f"notice_{language}": notice for language, notice in self.city.notice.items()},
        }
        return {f"gridmap_{name}": text for name, text in said.items()}


def check_export_crs(crs: str, city: City) -> str:
    """The canonical name of a crs that files come in; InvalidInput for any other."""
    name = check_name(crs)
    name = _SAME.get(name, name)
    offered = [*_CODES, "EPSG:3857", check_name(city.metric_crs)]
    if name not in offered:
        raise InvalidInput("crs", crs, f"must be one of {', '.join(offered)}")
    return name


def read_rows(connection: Connection, export: Export) -> list[FeatureRow]:
    """All features of the export."""
    number = export.revision.number
    period = Period(number, number, export.moment, export.moment)
    wanted = Wanted(export.collection, export.city.lowest_level, period)
    return read_features(connection, wanted, None, _EVERYTHING)


def write_export(export: Export, rows: Sequence[FeatureRow], path: Path) -> None:
    """Write the file."""
    frame = frame_of(export, rows)
    write_frame(frame, export, export.metadata(), path)


def write_frame(frame: gpd.GeoDataFrame, export: Export, metadata: Mapping[str, str], path: Path) -> None:
    """Write a frame in the export's format, with what the file says of itself."""
    if export.format == "parquet":
        _write_parquet(frame, metadata, path)
        return
    for described in export.collection.properties:
        if described.kind is Kind.TEXTS:  # features of these formats have no lists
            frame[described.name] = [",".join(values) for values in frame[described.name]]
    _write_features(frame, export, metadata, path)


def frame_of(export: Export, rows: Sequence[FeatureRow]) -> gpd.GeoDataFrame:
    """The rows with their properties and, in the export's crs, their shapes."""
    columns: dict[str, object] = {}
    if export.collection.number_ids:
        columns["id"] = np.array([row.id for row in rows], np.int32)
    for described in export.collection.properties:
        if described.name == "last_revision":  # is for intervals of time only
            continue
        values = [row.properties[described.name] for row in rows]
        columns[described.name] = pd.Series(values, dtype=_DTYPES[described.kind])
    stored = np.empty(len(rows), object)
    stored[:] = [multi(shapely.from_wkb(row.wkb)) for row in rows]
    shapes = from_stored(Axes(export.crs), stored)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=_CODES.get(export.crs, export.crs))


_DTYPES = {
    Kind.TEXT: "string",
    Kind.INTEGER: "Int32",
    Kind.MOMENT: "datetime64[us, UTC]",
    Kind.TEXTS: "object",
}


def _write_parquet(frame: gpd.GeoDataFrame, metadata: Mapping[str, str], path: Path) -> None:
    frame.to_parquet(path, index=False, compression="zstd", write_covering_bbox=True)
    table = pq.read_table(path)
    said = {name.encode(): text.encode() for name, text in metadata.items()}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **said}), path, compression="zstd")


def _write_features(frame: gpd.GeoDataFrame, export: Export, metadata: Mapping[str, str], path: Path) -> None:
    driver = _DRIVERS[export.format]
    said: dict[str, object] = {"layer_metadata": metadata}
    if export.format == "fgb":  # which keeps a title and a description and nothing else
        description = json.dumps(metadata, ensure_ascii=False)
        said = {"layer_options": {"TITLE": export.collection.title, "DESCRIPTION": description}}
    pyogrio.write_dataframe(
        frame, path, driver=driver, layer=export.collection.id, geometry_type="MultiPolygon", **said
    )
